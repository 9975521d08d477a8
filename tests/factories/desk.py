"""A bench with something on it, without a run: suggestions and open items as one would have left them."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from allocations.reconciliation.models import BankLine, Break, MatchLink
from tests.factories.browser import once_in
from tests.factories.recon import ReconBook

MEERA, ARUN, AUDITOR = "meera@bank.example", "arun@bank.example", "auditor@bank.example"
BENCH = "/bank/reconciliation/bench"


def act(browser: Any, page: str, path: str, **more: Any) -> Any:
    """A form of the page, sent as our script does."""
    seen = re.search(r'name="seen" value="([^"]*)"', page)
    data = {"once": once_in(page), "seen": seen[1] if seen else "", **more}
    return browser.post(path, data, headers={"X-Bench": "1"})


class Desk(ReconBook):
    """Suggestions and open items, as a run would have left them."""

    def __init__(self, session: Session, now: datetime) -> None:
        super().__init__(session)
        self.now = now

    def suggest(
        self,
        number: str,
        amount: int,
        *,
        on: str = "2026-10-30",
        account: str = "LN0001",
        rule: str = "account_amount_window",
        line: BankLine | None = None,
        **more: Any,
    ) -> MatchLink:
        receipt = self.receipt(number, amount, on, account, mode="neft", **more)
        line = line or self.line(amount, "2026-11-01", f"TRF {account} {number}")
        link = MatchLink(
            agency_id=receipt.agency_id,
            collection_id=receipt.id,
            bank_line_id=line.id,
            amount_minor=amount,
            status="suggested",
            rule=rule,
            rule_version=2,
            score=60,
            rivals=more.get("rivals", []),
            created_at=self.now,
        )
        self.session.add(link)
        self.session.flush()
        return link

    def stands_open(self, row: Any, code: str = "R01") -> Break:
        is_receipt = code != "R02"
        found = Break(
            code=code,
            side="collection" if is_receipt else "bank",
            ref=row.receipt_no if is_receipt else row.ref,
            collection_id=row.id if is_receipt else None,
            bank_line_id=None if is_receipt else row.id,
            agency_id=row.agency_id if is_receipt else None,
            amount_minor=row.amount_minor,
            currency="INR",
            opened_on=row.collected_on if is_receipt else row.value_on,
            due_on=row.collected_on if is_receipt else row.value_on,
            owner="agency" if is_receipt else "bank_ops",
            cure="Pay it in.",
            detail={"why": "Nothing carries its reference."},
        )
        self.session.add(found)
        self.session.flush()
        return found
