"""Finance's first page: does everything tie, and what leaves the bank today."""

from __future__ import annotations

from flask import Blueprint, render_template

from payouts.rails.lifecycle import PAYOUT_SHOWN
from payouts.rails.queries import list_batches, payouts_by_status
from payouts.rails.stops import what_stands
from payouts.settlements.paying_clock import clocked
from payouts.settlements.queries import list_settlements, sums_by_status
from payouts.settlements.tax_alerts import alerts_on
from payouts.ties import ledger_ties
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.web.edge import clock, db_session

bp = Blueprint("finance_home", __name__, url_prefix="/finance")


@bp.get("")
@permission(Permission.FINANCE_HOME_READ)
def index() -> str:
    session = db_session()
    payable = [
        row
        for status in ("approved", "returned")
        for row in list_settlements(session, status=status, limit=50)
        if row.payable_minor > 0
    ]
    clocks = {row.ref: row for row in clocked(session, clock().today(), [row.ref for row in payable])}
    payable.sort(key=lambda row: (row.pay_by_on is None, row.pay_by_on, row.ref))
    return render_template(
        "finance/home/index.html",
        clocks=clocks,
        ties=ledger_ties(session),
        payable=payable,
        batches=[
            batch
            for batch in list_batches(session, limit=20)
            if batch.status in ("made", "checked", "approved", "sent")
        ],
        settlements=sums_by_status(session),
        payouts=payouts_by_status(session),
        day=clock().today(),
        near=[each for each in alerts_on(session, clock().today()) if each.about_ref not in clocks],
        stops=what_stands(session),
        payout_words=PAYOUT_SHOWN,
    )
