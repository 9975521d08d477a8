"""Is this receipt genuine? Anybody who holds one may ask, by its code; the answer names nobody."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from werkzeug.exceptions import TooManyRequests
from werkzeug.wrappers import Response as BaseResponse

from allocations.collections.receipts.check_queries import PublicReceipt, code_in, receipt_by_code
from portal.access.guard import permission
from portal.access.lookups import misses_too_often, note_miss
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.web.edge import address, bank_session, clock

bp = Blueprint("public_check", __name__, url_prefix="/check")
LONGEST_TYPED = 40


@bp.get("")
@permission(Permission.PUBLIC)
def index() -> BaseResponse:
    """The form; what was typed into it goes on to the code's own address, which is what a QR code holds."""
    if typed := request.args.get("code", "").strip()[:LONGEST_TYPED]:
        return redirect(url_for("public_check.show", code=code_in(typed) or typed))
    return _page(None, "", 200)


@bp.get("/<code>")
@permission(Permission.PUBLIC)
def show(code: str) -> BaseResponse:
    """Genuine, or not known: a code that cannot be one gets the same answer as one nobody gave out."""
    found = _look_up(code_in(code))
    return _page(found, code[:LONGEST_TYPED], 200 if found else 404)


def _look_up(code: str | None) -> PublicReceipt | None:
    """Raises TooManyRequests when this address has asked for too many codes that do not exist."""
    now = clock().now()
    with bank_session() as session, unit_of_work(session):
        if misses_too_often(session, address(), now=now):
            raise TooManyRequests()
        found = receipt_by_code(session, code) if code else None
        if code and found is None:
            note_miss(session, address(), now=now)
    return found


def _page(found: PublicReceipt | None, asked: str, status: int) -> Response:
    response = make_response(render_template("public/check/show.html", receipt=found, asked=asked), status)
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response
