"""Receipts, bank lines and postings in the database, written as a person would tell them."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.collections.models import Collection
from allocations.keys import normalise_reference
from allocations.placements.models import Allocation, LoanAccount
from allocations.reconciliation.models import BankAccount, BankLine, BankStatement, Posting
from allocations.reconciliation.sources.readers.references import reference_keys
from tests.factories.world import an_account, an_agency, an_allocation

AT = datetime(2026, 10, 1, tzinfo=UTC)


def parts(split: tuple[int | None, ...] | None) -> dict[str, int | None]:
    """Principal, interest and charges as columns."""
    names = ("principal", "interest", "charges")
    return {f"component_{name}_minor": value for name, value in zip(names, split or (), strict=False)}


class ReconBook:
    """Adds rows to one session; agencies, accounts and allocations come into being when first named."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.agencies: dict[str, Agency] = {}
        self.accounts: dict[str, LoanAccount] = {}
        self.allocations: dict[tuple[str, str], Allocation] = {}
        self.numbers: dict[str, int] = {}
        self.account = BankAccount(account_no="50100000001", currency="INR", added_by="system", added_at=AT)
        session.add(self.account)
        session.flush()
        self.statement = self.new_statement()

    def new_statement(self, status: str = "proved") -> BankStatement:
        number = len(self.session.query(BankStatement).all()) + 1
        statement = BankStatement(
            ref=f"ST{number}",
            bank_account_id=self.account.id,
            currency="INR",
            format="csv",
            file_sha256=hashlib.sha256(b"").hexdigest(),
            file_name="s.csv",
            status=status,
            lines=0,
            imported_by="system",
            imported_at=AT,
        )
        self.session.add(statement)
        self.session.flush()
        return statement

    def agency(self, code: str) -> Agency:
        if code not in self.agencies:
            self.agencies[code] = an_agency(self.session, code)
        return self.agencies[code]

    def allocate(self, agency: str, account: str, **more: Any) -> Allocation:
        if account not in self.accounts:
            self.accounts[account] = an_account(self.session, account)
        key = (agency, account)
        if key not in self.allocations:
            self.allocations[key] = an_allocation(
                self.session, self.accounts[account], self.agency(agency), from_on=date(2026, 1, 1), **more
            )
        return self.allocations[key]

    def receipt(self, number: str, amount: int, on: str, account: str, **more: Any) -> Collection:
        allocation = self.allocate(more.get("agency", "SHAKTI"), account)
        row = Collection(
            agency_id=allocation.agency_id,
            allocation_id=allocation.id,
            loan_account_id=allocation.loan_account_id,
            loan_account_no=account,
            receipt_no=number,
            receipt_key=normalise_reference(number),
            amount_minor=amount,
            currency="INR",
            collected_on=date.fromisoformat(on),
            mode=more.get("mode", "upi"),
            instrument_ref=more.get("utr"),
            instrument_key=normalise_reference(more.get("utr")) or None,
            deposit_slip_no=more.get("slip"),
            slip_key=normalise_reference(more.get("slip")) or None,
            reported_at=more.get("reported_at", AT),
            collected_time=more.get("at"),
            source=more.get("source", "file"),
            **parts(more.get("split")),
        )
        self.session.add(row)
        self.session.flush()
        return row

    def line(self, amount: int, on: str, text: str, **more: Any) -> BankLine:
        statement = more.get("statement", self.statement)
        self.numbers[statement.ref] = number = self.numbers.get(statement.ref, 0) + 1
        ref = f"{statement.ref}/{number}"
        row = BankLine(
            ref=ref,
            statement_id=statement.id,
            bank_account_id=self.account.id,
            line_no=number,
            value_on=date.fromisoformat(on),
            amount_minor=amount,
            currency="INR",
            side=more.get("side", "credit"),
            is_reversal=more.get("is_reversal", False),
            description=text,
            ref_keys=list(reference_keys("", "", text)),
            fingerprint=hashlib.sha256(ref.encode()).hexdigest(),
        )
        self.session.add(row)
        self.session.flush()
        return row

    def posting(self, number: str, amount: int, on: str, account: str, **more: Any) -> Posting:
        row = Posting(
            posting_no=number,
            loan_account_id=self.accounts[account].id,
            loan_account_no=account,
            amount_minor=amount,
            currency="INR",
            posted_on=date.fromisoformat(on),
            mode=more.get("mode"),
            instrument_ref=more.get("utr"),
            instrument_key=normalise_reference(more.get("utr")) or None,
            receipt_no=more.get("no"),
            receipt_key=normalise_reference(more.get("no")) or None,
            reverses_posting_no=more.get("reverses"),
            file_sha256="",
            imported_at=AT,
            **parts(more.get("split")),
        )
        self.session.add(row)
        self.session.flush()
        return row

    def golden(self) -> None:
        """The golden set of domain notes 5.3; R7 is void and never becomes a collection."""
        self.receipt("R1", 12000_00, "2026-10-05", "LN0001", slip="SLIP-501", mode="cash")
        self.receipt("R2", 8000_00, "2026-10-05", "LN0002", slip="SLIP-501", mode="cash")
        self.allocate("VEGA", "LN0002", stream="tele")
        self.receipt("R2", 8000_00, "2026-10-05", "LN0002", mode="cash", agency="VEGA")
        self.receipt("R4", 25000_00, "2026-10-06", "LN0004", utr="445566", mode="cheque")
        self.receipt("R5", 4999_60, "2026-10-07", "LN0005", utr="AXISN52026100", mode="neft")
        self.receipt("R6", 60000_00, "2026-10-30", "LN0006", mode="neft")
        self.receipt("R8", 15000_00, "2026-10-09", "LN0008", utr="628312345678")
        self.line(20000_00, "2026-10-06", "CASH DEPOSIT SLIP-501")
        self.line(5000_00, "2026-10-07", "NEFT AXISN52026100")
        self.line(60000_00, "2026-11-03", "TRF LN0006")
        self.line(15000_00, "2026-10-09", "UPI/628312345678/ravi@okbank")
        self.line(7500_00, "2026-10-11", "BY TRANSFER")
