"""An agency's issued statement as files: PDF, workbook, signed JSON."""

from __future__ import annotations

from flask import Blueprint
from werkzeug.wrappers import Response

from payouts.settlements.documents import WAYS, document_of
from payouts.settlements.service import load
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.errors import NotFound
from portal.web.downloads import attachment
from portal.web.edge import db_session, settings

bp = Blueprint("agency_statement_files", __name__, url_prefix="/agency/statements")


@bp.get("/<ref>/statement.<any(pdf, xlsx, json):way>")
@permission(Permission.OWN_STATEMENT_READ)
def download(ref: str, way: str) -> Response:
    session = db_session()
    settlement = load(session, ref)
    if settlement.statement_text is None:
        raise NotFound("This statement has not been issued yet.")
    make, media_type = WAYS[way]
    return attachment(make(document_of(session, settlement, settings().public_url)), f"{ref}.{way}", media_type)
