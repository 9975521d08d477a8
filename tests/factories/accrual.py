"""A world of confirmed money: cards, allocations, collections and their bank lines, accrued and settled on request."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.collections.models import Collection
from allocations.placements.models import Allocation
from allocations.reconciliation.models import MatchLink
from payouts.commission.models import AccrualLine, AccrualRun, UnpaidCollection
from payouts.commission.service import AccrualResult, accrue
from payouts.rate_cards.service import approve, import_card
from payouts.settlements.drafting import draft
from payouts.settlements.service import submit
from portal.kernel.db import bank_scope, scope_of, set_scope
from portal.kernel.periods import parse_month
from tests.factories.month import CHECKER, FINANCE, MAKER, SYSTEM, a_bank_line, a_link
from tests.factories.world import MADE_AT, an_account, an_allocation

OCTOBER, NOVEMBER = parse_month("2026-10"), parse_month("2026-11")
CARD = """
code = "{code}"
currency = "INR"
effective_from = {start}
effective_by = "{by}"
[[rule]]
id = "cash"
when = {{ source = ["agency"], opening_bucket = ["31-60"] }}
slabs = [ {{from = 0, rate = "{rate}"}} ]
{more}
"""


@dataclass
class World:
    session: Session
    now: datetime
    made: int = 0
    allocations: dict[str, Allocation] = field(default_factory=dict)

    def card(
        self, rate: str = "0.05", code: str = "T", start: str = "2026-04-01", by: str = "allocation", more: str = ""
    ) -> None:
        text = CARD.format(code=code, rate=rate, start=start, by=by, more=more)
        version = import_card(self.session, text, actor=MAKER, now=self.now)
        approve(self.session, code, version.version, actor=CHECKER, now=self.now, comment="As agreed.")

    def allocation(self, agency: Agency, no: str | None = None, **changes: Any) -> Allocation:
        self.made += 1
        owed = {key: changes.pop(key) for key in ("dpd_days", "bucket", "product") if key in changes}
        account = an_account(self.session, no or f"LN{self.made:05d}", **owed)
        return an_allocation(self.session, account, agency, **changes)

    def collection(
        self,
        agency: Agency,
        major: int = 1000,
        day: date = date(2026, 10, 10),
        allocation: Allocation | None = None,
        **changes: Any,
    ) -> Collection:
        self.made += 1
        allocation = allocation or self.allocation(agency)
        values: dict[str, Any] = {
            "agency_id": agency.id,
            "allocation_id": allocation.id,
            "loan_account_id": allocation.loan_account_id,
            "loan_account_no": allocation.loan_account_no,
            "receipt_no": f"R{self.made:05d}",
            "receipt_key": f"R{self.made:05d}",
            "amount_minor": major * 100,
            "currency": "INR",
            "collected_on": day,
            "mode": "upi",
            "reported_at": MADE_AT,
        }
        collection = Collection(**values | changes)
        self.session.add(collection)
        self.session.flush()
        return collection

    def confirm(self, collection: Collection, day: date | None = None, minor: int | None = None) -> MatchLink:
        self.made += 1
        amount = minor or collection.amount_minor
        line = a_bank_line(self.session, f"K{self.made:05d}", amount, day or collection.collected_on)
        link = a_link(self.session, collection, amount, bank_line_id=line.id)
        self.session.refresh(collection)
        return link

    def earn(self, agency: Agency, major: int = 1000, day: date = date(2026, 10, 10), **changes: Any) -> MatchLink:
        return self.confirm(self.collection(agency, major, day, **changes))

    def undo(self, link: MatchLink, when: datetime) -> None:
        link.status, link.undone_at, link.undone_by, link.undo_reason = "undone", when, "system", "returned"
        self.session.flush()

    def accrue(self, period: Any = OCTOBER) -> AccrualResult:
        return accrue(self.session, period, actor=SYSTEM, now=self.now)

    def lines(self, run: AccrualRun) -> list[AccrualLine]:
        return list(
            self.session.scalars(select(AccrualLine).where(AccrualLine.run_id == run.id).order_by(AccrualLine.id))
        )

    def unpaid(self, run: AccrualRun) -> dict[int, str]:
        rows = self.session.scalars(select(UnpaidCollection).where(UnpaidCollection.run_id == run.id))
        return {row.collection_id: row.code for row in rows}

    def settle(self, period: Any = OCTOBER) -> None:
        """Draft and submit the month: today, or on the first day it is over."""
        today = scope_of(self.session)
        set_scope(self.session, bank_scope(max(today.today, period.end)))
        for settlement in draft(self.session, period, actor=SYSTEM, now=self.now).settlements:
            submit(self.session, settlement.ref, actor=FINANCE, now=self.now)
        set_scope(self.session, today)
