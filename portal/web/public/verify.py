"""Is this statement genuine? Anybody who holds one may ask: with the file, its text, or the hash that its QR code leads to."""

from __future__ import annotations

import base64
import re

from flask import Blueprint, Response, jsonify, make_response, render_template
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from werkzeug.exceptions import TooManyRequests
from werkzeug.wrappers import Response as BaseResponse
from wtforms import TextAreaField

from payouts.settlements.documents import keys_published
from payouts.settlements.envelope import Verdict
from payouts.settlements.papers import Paper, paper_of
from payouts.settlements.published import PublicStatement, statement_by_hash
from payouts.settlements.verify_statement import verify_file
from portal.access.guard import permission
from portal.access.lookups import misses_too_often, note_miss
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.web.edge import address, bank_session, clock
from portal.web.headers import at_most

bp = Blueprint("public_verify", __name__)
MOST_BYTES = 12 * 2**20  # three thousand printed lines with their evidence; a longer file is for the command
SHA256 = re.compile(r"[0-9a-f]{64}")


class VerifyForm(FlaskForm):
    """A file, or its text; changes nothing."""

    file = FileField("Statement file")
    text = TextAreaField("Or paste the text of the JSON file")


@bp.get("/verify")
@permission(Permission.PUBLIC)
def index() -> Response:
    return _page(200, form=VerifyForm())


@bp.post("/verify")
@permission(Permission.PUBLIC)
@at_most(MOST_BYTES)
def verify() -> Response:
    """Valid, altered and where, or signed by nobody we know. The file is looked into and not kept."""
    form = VerifyForm()
    upload = form.file.data
    data = upload.read() if upload and upload.filename else (form.text.data or "").strip().encode()
    if not form.validate_on_submit() or not data.strip():
        form.file.errors = ["Choose the PDF or JSON file of a statement."]
        return _page(422, form=form)
    now = clock().now()
    with bank_session() as session, unit_of_work(session):
        if misses_too_often(session, address(), now=now):
            raise TooManyRequests()
        trusted = {row["key_id"]: base64.b64decode(row["public_key"]) for row in keys_published(session)["keys"]}
    verdict = verify_file(data, "statement", trusted)
    with bank_session() as session, unit_of_work(session):
        known = statement_by_hash(session, verdict.sha256) if verdict.content else None
        if not verdict.is_valid or data.startswith(b"%PDF"):  # looking into one costs us; who tries many waits
            note_miss(session, address(), now=now)
    return _page(200 if verdict.is_valid else 422, form=VerifyForm(formdata=None), verdict=verdict, known=known)


@bp.get("/verify/<sha256>")
@permission(Permission.PUBLIC)
def show(sha256: str) -> BaseResponse:
    """Whether a statement with this hash was issued; what cannot be a hash gets the same answer as one we never issued."""
    asked, now = sha256.strip().lower(), clock().now()
    with bank_session() as session, unit_of_work(session):
        if misses_too_often(session, address(), now=now):
            raise TooManyRequests()
        known = statement_by_hash(session, asked) if SHA256.fullmatch(asked) else None
        if known is None:
            note_miss(session, address(), now=now)
    return _page(200 if known else 404, form=VerifyForm(), known=known, asked=sha256[:64])


@bp.get("/.well-known/statement-keys.json")
@permission(Permission.PUBLIC)
def keys() -> Response:
    """Every public key statements were ever signed with: for `portal statement verify --keys`."""
    with bank_session() as session:
        return jsonify(keys_published(session))


def _page(
    status: int,
    *,
    form: VerifyForm,
    verdict: Verdict | None = None,
    known: PublicStatement | None = None,
    asked: str = "",
) -> Response:
    paper: Paper | None = paper_of(verdict.content) if verdict and verdict.is_valid else None
    html = render_template(
        "public/verify/show.html",
        form=form,
        verdict=verdict,
        known=known,
        asked=asked,
        paper=paper,
        mb=MOST_BYTES >> 20,
    )
    response = make_response(html, status)
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response
