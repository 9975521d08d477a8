"""What every response says to the browser, and what is refused at the door: cross-site posts, NUL bytes, numbers too big."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, Response, current_app, g, request
from werkzeug.exceptions import BadRequest, Forbidden
from werkzeug.routing import IntegerConverter

from portal.config import Settings

View = TypeVar("View", bound=Callable[..., Any])
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
STATIC_ENDPOINTS = {"static", "bootstrap.static"}
PERMISSIONS = "camera=(self), geolocation=(self), microphone=(), payment=(), usb=(), interest-cohort=()"


class BoundedInteger(IntegerConverter):
    """`<int:id>` that fits the database's bigint; a longer number is no address of ours."""

    regex = r"\d{1,18}"


def csp_nonce() -> str:
    """This response's nonce for scripts and styles of our own."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    return str(g.csp_nonce)


def request_id() -> str:
    """The reference of this request: in the log, in the response's header, on the page of an error."""
    if "request_id" not in g:
        g.request_id = uuid.uuid4().hex[:12]
    return str(g.request_id)


def content_security_policy(nonce: str, *, https: bool, files_host: str = "") -> str:
    files = f" {'https' if https else 'http'}://{files_host}" if files_host else ""
    sources = [
        "default-src 'none'",
        f"script-src 'self' 'nonce-{nonce}'",
        f"style-src 'self' 'nonce-{nonce}'",
        f"img-src 'self' data:{files}",  # Bootstrap draws its ticks and arrows as data: images
        f"media-src 'self'{files}",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "worker-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
    return "; ".join(sources + (["upgrade-insecure-requests"] if https else []))


def at_most(size: int) -> Callable[[View], View]:
    """Mark a view that takes no larger a body than this many bytes; put it beneath `@bp.route`."""

    def mark_view(view: View) -> View:
        view.portal_at_most = size  # type: ignore[attr-defined]
        return view

    return mark_view


def refuse_hostile_input() -> None:
    """NUL bytes reach no query; a post another site caused is refused before anything else looks at it."""
    view = current_app.view_functions.get(request.endpoint or "")
    request.max_content_length = getattr(view, "portal_at_most", request.max_content_length)
    if request.method not in SAFE_METHODS and request.headers.get("Sec-Fetch-Site") == "cross-site":
        raise Forbidden()
    texts = [request.path, *request.args.keys(), *(value for _, value in request.args.items(multi=True))]
    if any("\0" in text for text in texts):
        raise BadRequest()


def refuse_nul_in_form() -> None:
    """Asked after the guard, so that nobody's body is read before it is known who sends it."""
    if request.method in SAFE_METHODS or not request.form:
        return
    if any("\0" in key or "\0" in value for key, value in request.form.items(multi=True)):
        raise BadRequest()


def set_headers(response: Response, *, https: bool, files_host: str = "") -> Response:
    headers = response.headers
    headers.setdefault(
        "Content-Security-Policy", content_security_policy(csp_nonce(), https=https, files_host=files_host)
    )
    headers["X-Content-Type-Options"] = "nosniff"
    headers["X-Frame-Options"] = "DENY"
    headers["Referrer-Policy"] = "same-origin"
    headers["Permissions-Policy"] = PERMISSIONS
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    headers["X-Request-Id"] = request_id()
    if https:
        headers["Strict-Transport-Security"] = "max-age=63072000; includeSubDomains"
    if request.endpoint not in STATIC_ENDPOINTS or response.status_code >= 400:
        headers["Cache-Control"] = "no-store"
    return response


def install_early(app: Flask) -> None:
    """Before any route is made."""
    app.url_map.converters["int"] = BoundedInteger


def install(app: Flask, settings: Settings) -> None:
    app.before_request(refuse_nul_in_form)
    app.after_request(lambda response: set_headers(response, https=settings.https, files_host=settings.files_host))
    app.jinja_env.globals["csp_nonce"] = csp_nonce
