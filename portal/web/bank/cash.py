"""Cash in the hands of agencies and their agents, for the bank: how much, since when, how much of it late."""

from __future__ import annotations

from flask import Blueprint, render_template

from allocations.collections.receipts import deposit_queries as queries
from allocations.collections.receipts.cash import DEPOSIT_DAYS, HAND_LIMIT
from allocations.collections.receipts.cash_queries import dated
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.web.edge import clock, db_session

bp = Blueprint("bank_cash", __name__, url_prefix="/bank/cash")


@bp.get("")
@permission(Permission.COLLECTION_READ)
def index() -> str:
    session, today = db_session(), clock().today()
    return render_template(
        "bank/cash/index.html",
        agencies=queries.cash_everywhere(session, today=today),
        limit=dated(session, HAND_LIMIT).on(today),
        within=dated(session, DEPOSIT_DAYS).on(today),
        today=today,
    )
