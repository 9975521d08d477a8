"""A settlement's statement as files, for the bank and for finance: signed once it is issued, a draft before."""

from __future__ import annotations

from flask import Blueprint
from werkzeug.wrappers import Response

from payouts.settlements.documents import WAYS, document_of
from payouts.settlements.service import load
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.web.downloads import attachment
from portal.web.edge import db_session, settings

bp = Blueprint("bank_statement_files", __name__, url_prefix="/bank/settlements")


@bp.get("/<ref>/statement.<any(pdf, xlsx, json):way>")
@permission(Permission.SETTLEMENT_READ)
def download(ref: str, way: str) -> Response:
    session = db_session()
    document = document_of(session, load(session, ref), settings().public_url)
    make, media_type = WAYS[way]
    return attachment(make(document), f"{ref}.{way}", media_type)
