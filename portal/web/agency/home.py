"""An agency's first page: how much have I earned, what is in the way, when will it be paid?"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, url_for

from allocations.collections.field.promise_queries import todays_promises
from allocations.placements import own_queries
from allocations.reconciliation.bench.direct_queries import direct_to_answer, own_direct
from payouts import closing
from payouts.commission.own_queries import next_slab
from payouts.commission.reasons import REASONS
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.access.policy import may
from portal.web.agency.accounts import own_agency, own_sight
from portal.web.edge import clock, db_session, identity_here
from portal.web.period import chosen_period, recent_periods

bp = Blueprint("agency_home", __name__, url_prefix="/agency")


@bp.get("")
@permission(Permission.OWN_HOME_READ)
def index() -> str:
    session, period, agency, sight = db_session(), chosen_period(), own_agency(), own_sight()
    standing = closing.standing(session, period, agency.id)
    unpaid = closing.unpaid_by_reason(session, period, agency.id)
    sees_money = may(identity_here(), Permission.OWN_STATEMENT_READ)
    return render_template(
        "agency/home/index.html",
        agency=agency,
        currency=agency.currency,
        period=period,
        periods=recent_periods(),
        today=clock().today(),
        standing=standing,
        stages=stages(standing, period.label, sees_money),
        unpaid=[reason(each, period.label) for each in unpaid],
        held=own_queries.held_today(session, agency.id, clock().today(), sight),
        direct=direct_to_answer(session, agency.id, clock().today()) if sight.everyone else [],
        direct_rows=own_direct(session, agency.id, today=clock().today(), sight=sight, status="found", limit=3),
        promised=todays_promises(session, agency.id, clock().today(), sight=sight),
        settlements=closing.last_settlements(session, agency.id) if sees_money else [],
        sees_money=sees_money,
        ahead=next_slab(session, agency.id, period)[:5] if sees_money and clock().today() in period else [],
    )


def reason(each: closing.Unpaid, period: str) -> dict[str, Any]:
    """Why, what cures it, and where that is done if there is one place for it."""
    known = REASONS.get(each.code)
    cured_at = url_for("agency_evidence.index", period=period) if each.code == "evidence_missing" else ""
    return {
        "meaning": known.meaning if known else each.code.replace("_", " "),
        "cure": each.cure,
        "href": cured_at,
        "owner": each.owner,
        "count": each.count,
        "amount_minor": each.amount_minor,
        "currency": each.currency,
    }


def stages(standing: closing.Standing, period: str, sees_money: bool) -> list[dict[str, Any]]:
    """reported → confirmed → earned → payable → paid, each opening the rows it sums."""
    totals = standing.collections
    rows = url_for("agency_collections.index", period=period)
    confirmed = url_for("agency_collections.index", period=period, state="confirmed")
    receipts = "1 receipt" if totals.count == 1 else f"{totals.count} receipts"
    one = totals.waiting_count == 1
    waits = f"{totals.waiting_count} {'receipt waits' if one else 'receipts wait'} for a bank line"
    waits = waits if totals.waiting_count else ""
    found: list[dict[str, Any]] = [
        {"stage": "reported", "label": "Reported", "minor": totals.reported_minor, "href": rows, "note": receipts},
        {"stage": "confirmed", "label": "Confirmed", "minor": totals.confirmed_minor, "href": confirmed, "note": waits},
    ]  # fmt: skip
    if sees_money and standing.earned_minor is not None:
        statements = url_for("agency_statements.index")
        lines = url_for("agency_commission.index", period=period)
        found += [
            {"stage": "earned", "label": "Earned", "minor": standing.earned_minor, "href": lines, "note": ""},
            {"stage": "payable", "label": "Payable", "minor": standing.payable_minor, "href": statements, "note": ""},
            {"stage": "paid", "label": "Paid", "minor": standing.paid_minor, "href": statements, "note": ""},
        ]
    return found
