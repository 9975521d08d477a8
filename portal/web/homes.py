"""Where each person starts: the home of their audience, or the first page of their menu while that is not built yet."""

from __future__ import annotations

from flask import Flask, current_app, url_for

from portal.access.guard import permission_of
from portal.access.identity import Identity
from portal.access.policy import may
from portal.web import menu

AUDIENCE_HOMES = {
    "agency": ("agency_home.index", "agency.home"),
    "field_agent": ("agency_field.index", "agency_home.index"),  # straight to today's list
    "territory_manager": ("bank_strategies.index", "bank_placements.index"),
    "bank": ("bank_home.index", "bank.home"),
    "finance": ("finance_home.index", "finance.home"),
    "audit": ("audit_home.index", "audit.home"),
}


def home_of(identity: Identity | None) -> str:
    """The address of a person's first page."""
    if identity is None:
        return url_for("auth.sign_in")
    allowed = allowed_endpoints(current_app._get_current_object(), identity)  # type: ignore[attr-defined]
    in_menu = [entry.endpoint for group in menu.for_role(identity.role, allowed) for entry in group.entries]
    candidates = [
        name for name in AUDIENCE_HOMES.get(identity.role, AUDIENCE_HOMES[identity.audience]) if name in allowed
    ]
    return url_for((candidates + in_menu + ["account.index"])[0])


def allowed_endpoints(app: Flask, identity: Identity) -> frozenset[str]:
    """The pages the guard would let this person see; the same for everybody of a role, so worked out once a role."""
    known: dict[object, frozenset[str]] = app.extensions.setdefault("portal.allowed", {})
    if identity.role not in known:
        known[identity.role] = frozenset(
            endpoint
            for endpoint in app.view_functions
            if (needed := permission_of(app, endpoint)) is not None and may(identity, needed)
        )
    return known[identity.role]


def menu_of(app: Flask, identity: Identity | None) -> list[menu.Group]:
    """What the layout shows as the menu: registered pages this person may see."""
    return menu.for_role(identity.role, allowed_endpoints(app, identity)) if identity else []
