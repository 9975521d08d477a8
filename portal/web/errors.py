"""How a refusal looks: a page or problem details (RFC 9457), a status, words and a cure, and a reference into the log.

Nothing of a missing page says whether it is somebody else's: the bytes are the same, so 404 carries no reference.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import structlog
from flask import Flask, Response, current_app, jsonify, redirect, render_template, request, url_for
from flask_wtf.csrf import CSRFError
from markupsafe import escape
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from portal.access.guard import current_identity, permission_of
from portal.kernel.audit import AuditTag, record_event
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Forbidden, Invalid, NotFound, Problem, Refused, Unavailable
from portal.web.edge import bank_session, clock, current_actor
from portal.web.headers import SAFE_METHODS, request_id

log = structlog.get_logger("portal.web")


@dataclass(frozen=True)
class Trouble:
    """What to say: a status, a title, a sentence, a cure, and the problems found."""

    status: int
    title: str
    message: str
    cure: str = ""
    problems: list[Problem] = field(default_factory=list)

    @property
    def reference(self) -> str:
        return "" if self.status == 404 else request_id()


MISSING = Trouble(
    404, "There is nothing here", "The address is wrong, or what it shows is not yours to see.", "Go back, or search."
)
WORDS = {
    400: ("This could not be read", "The request was not what this page expects.", "Open the page again and retry."),
    401: ("Please sign in", "Nobody is signed in, or the session has ended.", "Sign in and try again."),
    403: ("Not for your role", "Your role may not do this.", "Ask your admin if you think it should."),
    405: ("Not that way", "This address does not answer that kind of request.", "Open the page and use its buttons."),
    413: ("Too large", "The file is larger than this portal accepts.", "Split it and upload the parts."),
    429: ("Too many tries", "That was tried too often.", "Wait a quarter of an hour."),
    500: (
        "Something broke here",
        "The fault is ours and has been noted. Nothing was half done.",
        "Try again in a minute.",
    ),
    503: ("Not available just now", "A part this page depends on does not answer.", "Try again in a minute."),
}


def show(trouble: Trouble) -> Response:
    """The response for whoever asked: a page for a browser, JSON for a program."""
    if _wants_json():
        return _as_json(trouble)
    try:
        body = render_template("errors/error.html", trouble=trouble, reference=trouble.reference)
    except Exception:  # whatever it is, the refusal itself must reach the person
        log.exception("error_page_failed")
        body = _bare(trouble)
    return Response(body, trouble.status, mimetype="text/html")


def _wants_json() -> bool:
    if request.path.startswith("/api/"):
        return True
    accepted = request.accept_mimetypes
    return accepted.best == "application/json" and accepted["application/json"] > accepted["text/html"]


def _as_json(trouble: Trouble) -> Response:
    body: dict[str, Any] = {"type": "about:blank", "title": trouble.title, "status": trouble.status}
    body |= {"detail": trouble.message, "cure": trouble.cure}
    if trouble.problems:
        body["errors"] = [problem.as_dict() for problem in trouble.problems]
    if trouble.reference:
        body["reference"] = trouble.reference
    response = jsonify(body)
    response.status_code, response.mimetype = trouble.status, "application/problem+json"
    return response


def _bare(trouble: Trouble) -> str:
    return (
        f"<!doctype html><html lang=en><title>{escape(trouble.title)}</title><h1>{escape(trouble.title)}</h1>"
        f"<p>{escape(trouble.message)} {escape(trouble.cure)}</p><p>{escape(trouble.reference)}</p></html>"
    )


def trouble_of(status: int, message: str = "", cure: str = "") -> Trouble:
    if status == 404:
        return MISSING
    title, words, way_out = WORDS.get(status, WORDS[500 if status >= 500 else 400])
    return Trouble(status, title, message or words, cure or way_out)


# --- one handler a kind of refusal


def on_invalid(error: Invalid) -> Response:
    count = len(error.problems)
    message = "One thing is wrong." if count == 1 else f"{count} things are wrong."
    return show(Trouble(422, "Please correct this", message, problems=error.problems))


def on_refused(error: Refused) -> Response:
    cure = error.cure or "Go back and look at it as it stands now."
    return show(Trouble(409, "This cannot be done", error.message, cure))


def on_forbidden(error: Forbidden) -> Response:
    note_denial(error.code)
    return show(trouble_of(403, error.message))


def note_denial(reason: str) -> None:
    """One audit event a denial of somebody signed in. A failure to note it never opens the door."""
    if current_identity() is None:
        return
    needed = permission_of(current_app, request.endpoint or "")
    try:
        with bank_session() as session, unit_of_work(session):
            record_event(
                session,
                AuditTag.ACCESS_DENIED,
                actor=current_actor(),
                subject_type="route",
                subject_ref=request.endpoint or "",
                now=clock().now(),
                data={"permission": needed.value if needed else "", "reason": reason},
            )
    except DBAPIError:
        log.exception("denial_not_recorded")


def on_not_found(error: NotFound) -> Response:
    return show(MISSING)


def on_unavailable(error: Exception) -> Response:
    log.error("unavailable", kind=type(error).__name__, exc_info=error)
    return show(trouble_of(503))


def on_unauthorized(error: HTTPException) -> Response:
    """Reading pages lead to sign-in and back; an act whose session ended is not repeated by itself."""
    if _wants_json() or request.method not in SAFE_METHODS:
        return show(trouble_of(401))
    path = request.full_path.rstrip("?") if request.path != "/" else None
    return redirect(url_for("auth.sign_in", next=path))  # type: ignore[return-value]


def on_csrf(error: CSRFError) -> Response:
    log.warning("csrf", reason=error.description)
    return show(trouble_of(400, "This form is no longer valid: it is old, or did not come from our page."))


def on_data_error(error: DataError) -> Response:
    """A value the database cannot hold (out of range, malformed): the asker's input, not our fault."""
    log.warning("data_error", sqlstate=getattr(error.orig, "sqlstate", None))
    return show(trouble_of(400, "A value in this request cannot be stored or looked up."))


def on_conflict(error: IntegrityError) -> Response:
    constraint = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
    log.warning("integrity_error", constraint=constraint)
    message = "Somebody else has just changed this, or it exists already."
    return show(Trouble(409, "This cannot be done", message, "Go back and look at it as it stands now."))


def on_database_error(error: DBAPIError) -> Response:
    """Connection lost, server shutting down, deadlock: 503. Anything else of the database is a defect of ours."""
    state = getattr(error.orig, "sqlstate", None) or ""
    if error.connection_invalidated or state[:2] in {"08", "53", "57", "40", "55"} or not state:
        return on_unavailable(error)
    return on_crash(error)


def on_http(error: HTTPException) -> Response:
    if error.response is not None:
        return error.response  # type: ignore[return-value]
    response = show(trouble_of(error.code or 500))
    for name, value in error.get_headers():
        if name in {"Allow", "Retry-After"}:
            response.headers[name] = value
    return response


def on_crash(error: Exception) -> Response:
    log.error("crash", route=request.endpoint, exc_info=error)
    return show(trouble_of(500))


def way_back() -> str | None:
    """The page the person came from, when it is one of ours."""
    came_from = urlsplit(request.referrer or "")
    return came_from.path if came_from.netloc == request.host else None


def install(app: Flask) -> None:
    app.register_error_handler(Invalid, on_invalid)
    app.register_error_handler(Refused, on_refused)
    app.register_error_handler(Forbidden, on_forbidden)
    app.register_error_handler(NotFound, on_not_found)
    app.register_error_handler(CSRFError, on_csrf)
    app.register_error_handler(401, on_unauthorized)
    app.register_error_handler(HTTPException, on_http)
    for kind in (Unavailable, OperationalError, InterfaceError, PoolTimeout):
        app.register_error_handler(kind, on_unavailable)
    app.register_error_handler(DataError, on_data_error)
    app.register_error_handler(IntegrityError, on_conflict)
    app.register_error_handler(DBAPIError, on_database_error)
    app.register_error_handler(Exception, on_crash)
    app.jinja_env.globals["way_back"] = way_back
