"""What the bank could not tie of what an agency reported, with the reason and the cure; never a word of anybody else."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from allocations.reconciliation.bench import queries as queries
from allocations.reconciliation.matching.reasons import KINDS
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.web.edge import clock, db_session, page_of, wants_sums

bp = Blueprint("agency_breaks", __name__, url_prefix="/agency/breaks")


@bp.get("")
@permission(Permission.OWN_BREAK_READ)
def index() -> str:
    code = request.args.get("code", "")[:10]
    page = page_of(
        lambda after, limit: queries.breaks_page(
            db_session(), today=clock().today(), after=after, limit=limit, status="open", code=code
        ),
        lambda row: (row.code, row.id),
    )
    return render_template(
        "agency/breaks/index.html",
        page=page,
        reasons=queries.breaks_by_reason(db_session()) if wants_sums() else None,
        kinds=KINDS,
    )
