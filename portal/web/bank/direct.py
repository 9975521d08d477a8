"""Money paid direct, at the bank: which credit, whose account, what told it, and what became of it."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from allocations.reconciliation.bench import direct_queries as queries
from allocations.reconciliation.bench.queries import agency_codes
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.web.edge import clock, db_session, page_of, wants_sums

bp = Blueprint("bank_direct", __name__, url_prefix="/bank/direct")
FILTERS = ("agency", "status", "sign", "text")


@bp.get("")
@permission(Permission.DIRECT_READ)
def index() -> str:
    session = db_session()
    chosen = {name: request.args.get(name, "").strip()[:60] for name in FILTERS}
    page = page_of(
        lambda after, limit: queries.all_direct(session, after=after, limit=limit, **chosen),
        lambda row: (row.payment.value_on, row.payment.id),
    )
    return render_template(
        "bank/direct/index.html",
        page=page,
        sums=queries.direct_sums(session) if wants_sums() else None,
        agencies=agency_codes(session),
        statuses=queries.STATUSES,
        signs=queries.SIGNS,
        today=clock().today(),
    )
