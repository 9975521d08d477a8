"""The guard: every view says which permission it needs; a view that says nothing is denied to everybody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import structlog
from flask import Flask, Response, current_app, g, request
from flask_login import current_user
from werkzeug.exceptions import Unauthorized

from portal.access.identity import Identity
from portal.access.permissions import Permission
from portal.access.policy import allows, is_about_object, is_of_another_agency
from portal.kernel.errors import Forbidden, NotFound

View = TypeVar("View", bound=Callable[..., Any])
MARK = "portal_permission"
log = structlog.get_logger("portal.access")


def permission(needed: Permission) -> Callable[[View], View]:
    """Mark a view with the one permission it needs. Put it beneath `@bp.route`."""

    def mark_view(view: View) -> View:
        setattr(view, MARK, needed)
        return view

    return mark_view


def mark(app: Flask, endpoint: str, needed: Permission) -> None:
    """Mark a view that is not ours to decorate (a library's static files)."""
    app.extensions.setdefault("portal.marks", {})[endpoint] = needed


def permission_of(app: Flask, endpoint: str) -> Permission | None:
    """The permission a route is marked with; None means denied to all."""
    marks: dict[str, Permission] = app.extensions.get("portal.marks", {})
    return marks.get(endpoint) or getattr(app.view_functions.get(endpoint), MARK, None)


def current_identity() -> Identity | None:
    """Who is signed in on this request, or None."""
    return getattr(current_user, "identity", None)


def known_identity() -> Identity | None:
    """Who is signed in, as far as this request has looked it up already; never asks the database (logs, error pages)."""
    return getattr(g.get("_login_user"), "identity", None)


def check(identity: Identity | None, needed: Permission, obj: object | None = None) -> None:
    """Let pass, or raise: Unauthorized (nobody signed in), NotFound (another agency's object), Forbidden.

    Call it in the view with the loaded object when the policy speaks about one (maker and checker, status, own agency).
    """
    if needed is Permission.PUBLIC:
        return
    if identity is None:
        raise Unauthorized()
    if obj is not None:
        _remember(needed)
    if is_of_another_agency(identity, obj):
        raise NotFound("There is nothing here.")
    refused_by = allows(identity, needed, obj)
    if refused_by is not None:
        log.warning(
            "denied", permission=needed.value, role=identity.role.value, user_id=identity.user_id, why=refused_by
        )
        raise Forbidden(REASONS.get(refused_by, "Your role may not do this."), code=refused_by)


REASONS = {
    "is_not_the_maker": "You made this yourself; a different person must approve it.",
}


def guard_request() -> None:
    """Before every request: no mark, no entry."""
    if request.endpoint is None:  # no such route: the router answers 404 or 405 itself
        return
    needed = permission_of(current_app, request.endpoint)
    if needed is None:
        log.error("unmarked_route", endpoint=request.endpoint)
        if current_identity() is None:
            raise Unauthorized()
        raise Forbidden("This page is closed to everybody.", code="unmarked")
    check(None if needed is Permission.PUBLIC else current_identity(), needed)


def forgot_object_check() -> str | None:
    """The permission of this request that speaks about an object no view has shown to `check`; None when all is well.

    Asked after acting requests in development and tests, where forgetting it is a failure.
    """
    if request.endpoint is None:
        return None
    needed = permission_of(current_app, request.endpoint)
    if needed is None or not is_about_object(needed) or needed in g.get("checked_permissions", set()):
        return None
    return needed.value


def _remember(needed: Permission) -> None:
    if not hasattr(g, "checked_permissions"):
        g.checked_permissions = set()
    g.checked_permissions.add(needed)


def insist_on_object_check(response: Response) -> Response:
    """In development and tests: an act whose policy speaks about an object must have shown it to `check`."""
    if (
        response.status_code < 400
        and request.method not in {"GET", "HEAD", "OPTIONS"}
        and (forgot := forgot_object_check())
    ):
        raise AssertionError(f"{request.endpoint} acts under {forgot} without check(identity, permission, the object)")
    return response


def install(app: Flask, *, production: bool) -> None:
    app.before_request(guard_request)
    if not production:
        app.after_request(insist_on_object_check)
