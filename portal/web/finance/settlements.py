"""Settlements as finance sees them: what may be paid, by its pay-by day."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from payouts.settlements import queries
from payouts.settlements.paying_clock import clocked
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.web.edge import clock, db_session, page_of

bp = Blueprint("finance_settlements", __name__, url_prefix="/finance/settlements")
TABS = {"": "All", "approved": "To be paid", "paying": "Under way", "returned": "Sent back", "paid": "Paid"}


@bp.get("")
@permission(Permission.SETTLEMENT_READ)
def index() -> str:
    session = db_session()
    status = request.args.get("status", "")
    status = status if status in TABS else ""
    page = page_of(
        lambda after, limit: queries.list_settlements(session, status=status, after=after, limit=limit),
        lambda row: (row.period_start, row.ref),
    )
    clocks = {row.ref: row for row in clocked(session, clock().today(), [row.ref for row in page.rows])}
    return render_template(
        "finance/settlements/index.html",
        page=page,
        clocks=clocks,
        status=status,
        tabs=TABS,
        sums=queries.sums_by_status(session),
    )
