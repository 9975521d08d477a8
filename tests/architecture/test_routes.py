"""Every route says which permission it needs, and the policy knows it."""

from __future__ import annotations

from flask import Flask

from portal.access.guard import permission_of
from portal.access.permissions import Permission
from portal.access.policy import POLICY

SAFE = {"GET", "HEAD", "OPTIONS"}


def test_every_route_is_marked_and_every_mark_is_in_the_table(app: Flask) -> None:
    unmarked = [rule.endpoint for rule in app.url_map.iter_rules() if permission_of(app, rule.endpoint) is None]
    assert unmarked == []
    assert {permission_of(app, rule.endpoint) for rule in app.url_map.iter_rules()} <= set(POLICY)


PUBLIC = {"static", "bootstrap.static", "health.alive", "health.ready", "auth.sign_in", "auth.forgot"}
PUBLIC |= {"auth.follow_link", "auth.set_password", "public_check.index", "public_check.show"}
PUBLIC |= {"public_verify.index", "public_verify.verify", "public_verify.show", "public_verify.keys"}
PUBLIC |= {"public_complain.index", "public_complain.send"}  # a borrower has no account here
PUBLIC |= {f"public_agents.{name}" for name in ("index", "agency", "as_csv", "as_json", "ask", "show", "photo")}
PUBLIC |= {"public_webhooks.stripe"}  # a provider signs what it sends
PUBLIC |= {
    "agency_field.worker",
    "agency_field.manifest",
}  # the app itself, without data: browsers ask for it without a name

PUBLIC |= {"files.open_file"}  # the link itself says who may open it, and it is asked who that is now


def test_the_public_sees_these_routes_and_no_others(app: Flask) -> None:
    public = {
        rule.endpoint for rule in app.url_map.iter_rules() if permission_of(app, rule.endpoint) is Permission.PUBLIC
    }
    assert public == PUBLIC


def test_no_acting_route_is_marked_with_a_reading_permission(app: Flask) -> None:
    """Whoever may only read, an auditor say, must have nothing to press."""
    wrong = [
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if (needed := permission_of(app, rule.endpoint)) is not None
        and needed.reads_only
        and needed is not Permission.PUBLIC
        and (rule.methods or set()) - SAFE
    ]
    assert wrong == []
