"""A strategy and the accounts it places: two agencies, a challenger, and one of everything that stays behind."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from allocations.placements.strategies.models import Strategy
from allocations.placements.strategies.service import PROPOSALS, decide_strategy, propose_strategy
from portal.kernel.audit import Actor
from tests.factories.empanelled import FIT, an_agent
from tests.factories.world import an_account, an_agency

FIRST, LAST = date(2026, 11, 1), date(2026, 12, 31)
TERMS: dict[str, Any] = {
    "measure": "accounts",
    "mode": "sticky",
    "days_since_recall": 30,
    "term_days": 61,
    "rule": [
        {
            "name": "Personal loans",
            "product": ["PL"],
            "challenger": 25,
            "agency": [
                {"code": "SHAKTI", "share": 60},
                {"code": "NILGIRI", "share": 40},
                {"code": "VEGA", "arm": "challenger"},
            ],
        },
        {"name": "Cards", "product": ["CC"], "agency": [{"code": "SHAKTI", "states": ["27"]}]},
    ],
}
MAKER = Actor(301, "priya@bank.example", "territory_manager")
CHECKER = Actor(302, "checker@bank.example", "bank_approver")


def agencies_and_accounts(session: Session, loans: int = 20) -> None:
    """LN01… are personal loans; CC1 and CC2 are cards in two states, TW1 is of no rule."""
    for code in ("SHAKTI", "NILGIRI", "VEGA"):
        firm = an_agency(session, code)
        an_agent(session, firm, **FIT)
    for at in range(1, loans + 1):
        an_account(session, f"LN{at:02d}", principal_minor=1_000_000 + at)
    an_account(session, "CC1", product="CC", state="27")
    an_account(session, "CC2", product="CC", state="29")
    an_account(session, "TW1", product="TW")


def an_approved_strategy(session: Session, now: datetime, code: str = "RETAIL", **changes: Any) -> Strategy:
    given: dict[str, Any] = {"effective_from": FIRST, "reason": "As agreed for the season.", "actor": MAKER, "now": now}
    made = propose_strategy(session, code, {**TERMS, **changes}, **given)
    decide_strategy(session, PROPOSALS.load(session, id=made.id), approve=True, actor=CHECKER, now=now)
    return made
