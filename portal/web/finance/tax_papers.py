"""The lender's own numbered documents under reverse charge: listed, and each as PDF and JSON."""

from __future__ import annotations

from flask import Blueprint, abort, render_template, request
from werkzeug.wrappers import Response

from payouts.settlements.tax_paper_pdf import paper_pdf
from payouts.settlements.tax_paper_text import TITLES
from payouts.settlements.tax_papers import list_papers, load_paper
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.web.downloads import attachment
from portal.web.edge import db_session, page_of

bp = Blueprint("finance_papers", __name__, url_prefix="/finance/tax/papers")
KINDS = {"pdf": "application/pdf", "json": "application/json"}


@bp.get("")
@permission(Permission.TAX_READ)
def index() -> str:
    session, kind = db_session(), request.args.get("kind", "").strip()
    kind = kind if kind in TITLES else ""
    page = page_of(
        lambda after, limit: list_papers(session, kind=kind, after=after, limit=limit), lambda row: (row.paper.id,)
    )
    return render_template("finance/tax_papers/index.html", page=page, titles=TITLES, kind=kind)


@bp.get("/<int:paper_id>.<kind>")
@permission(Permission.TAX_READ)
def document(paper_id: int, kind: str) -> Response:
    paper = load_paper(db_session(), paper_id)
    if kind not in KINDS:
        abort(404)
    data = paper_pdf(paper.text) if kind == "pdf" else paper.text.encode()
    return attachment(data, f"{paper.number}.{kind}", KINDS[kind])
