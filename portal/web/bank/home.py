"""The bank's first page: what stands between us and closing this month?"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, url_for

from allocations.agencies.service import lender
from allocations.reconciliation.bench import queries as recon_queries
from payouts import closing
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.web.edge import clock, db_session
from portal.web.filters import endpoint_exists
from portal.web.period import chosen_period, recent_periods

bp = Blueprint("bank_home", __name__, url_prefix="/bank")

# what waits: (one, several, endpoint, arguments)
DECISIONS: dict[str, tuple[str, str, str, dict[str, str]]] = {
    "suggestions": ("suggested match", "suggested matches", "bank_bench.index", {}),
    "refused_statements": (
        "bank statement that does not tie",
        "bank statements that do not tie",
        "bank_statements.index",
        {"status": "refused"},
    ),
    "acts": ("act by hand for a second person", "acts by hand for a second person", "bank_acts.index", {}),
    "payers": ("payer to be learned", "payers to be learned", "bank_payers.index", {"status": "proposed"}),
    "ladders": ("draft of the matching rules", "drafts of the matching rules", "bank_ladders.index", {}),
    "corrections": ("receipt told otherwise", "receipts told otherwise", "bank_corrections.index", {}),
    "evidence": ("piece of evidence to review", "pieces of evidence to review", "bank_evidence.index", {}),
    "rate_card_drafts": ("draft of a rate card", "drafts of rate cards", "bank_rate_cards.index", {}),
    "bank_details": ("change of an agency's bank details", "changes of bank details", "bank_agencies.index", {}),
    "settlement_drafts": (
        "settlement to submit",
        "settlements to submit",
        "bank_settlements.index",
        {"status": "draft"},
    ),
    "settlements_submitted": (
        "settlement to approve",
        "settlements to approve",
        "bank_settlements.index",
        {"status": "submitted"},
    ),
    "settlements_checked": (
        "settlement that wants a third person",
        "settlements that want a third person",
        "bank_settlements.index",
        {"status": "checked"},
    ),
    "settlements_to_pay": ("settlement to pay", "settlements to pay", "finance_home.index", {}),
}
DESKS = {"maker": "Operator", "checker": "Approver", "finance": "Finance"}


@bp.get("")
@permission(Permission.BANK_HOME_READ)
def index() -> str:
    session, period = db_session(), chosen_period()
    currency = lender(session).currency
    standing = closing.standing(session, period)
    return render_template(
        "bank/home/index.html",
        period=period,
        periods=recent_periods(),
        today=clock().today(),
        currency=currency,
        standing=standing,
        stages=stages(standing, period.label),
        reasons=recon_queries.breaks_by_reason(session),
        unpaid=closing.unpaid_by_reason(session, period),
        decisions=[decision(each) for each in closing.decisions_waiting(session, currency)],
        agencies=closing.agencies_in(session, period),
        open_settlements=closing.open_settlements(session),
    )


def address(endpoint: str, **arguments: Any) -> str:
    """A link to a page, or nothing while that page does not exist."""
    return url_for(endpoint, **arguments) if endpoint_exists(endpoint) else ""


def decision(waiting: closing.Waiting) -> dict[str, Any]:
    one, several, endpoint, arguments = DECISIONS[waiting.kind]
    return {
        "words": one if waiting.count == 1 else several,
        "count": waiting.count,
        "amount_minor": waiting.amount_minor,
        "currency": waiting.currency,
        "desk": DESKS[waiting.desk],
        "href": address(endpoint, **arguments),
    }


def stages(standing: closing.Standing, period: str) -> list[dict[str, Any]]:
    """The month's money line, as far as it has come."""
    collections = standing.collections
    waits = f"{collections.waiting_count} receipts wait" if collections.waiting_count else ""
    found: list[dict[str, Any]] = [
        {"stage": "reported", "label": "Reported", "minor": collections.reported_minor, "note": f"{collections.count} receipts"},
        {"stage": "confirmed", "label": "Confirmed", "minor": collections.confirmed_minor, "note": waits,
         "href": address("bank_reconciliation.index")},
    ]  # fmt: skip
    if standing.earned_minor is not None:
        link = address("bank_commission.index", period=period)
        found.append({"stage": "earned", "label": "Earned", "minor": standing.earned_minor, "href": link, "note": ""})
        settlements = address("bank_settlements.index", period=period)
        found.append(
            {"stage": "payable", "label": "Payable", "minor": standing.payable_minor, "href": settlements, "note": ""}
        )
        found.append({"stage": "paid", "label": "Paid", "minor": standing.paid_minor, "href": settlements, "note": ""})
    return found
