"""October issued to two agencies, and the people who argue about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency, Lender
from allocations.agencies.taking_in import KeptFile
from payouts.ledger.journal import settlement_lines
from payouts.ledger.service import post
from payouts.settlements.dispute_models import Dispute
from payouts.settlements.disputes import (
    Claim,
    decide_dispute,
    load_dispute,
    open_dispute,
    propose_decision,
)
from payouts.settlements.models import Settlement, SettlementLine
from payouts.settlements.service import load
from portal.kernel.audit import Actor
from portal.kernel.db import unit_of_work
from portal.kernel.files import StoredFile
from tests.factories.month import (
    CHECKER,
    MAKER,
    OCTOBER,
    Month,
    a_bank_detail,
    a_confirmed_collection,
    a_rate_card,
    a_run,
    an_unpaid,
)
from tests.factories.paid_month import an_approved_month
from tests.factories.world import an_agency

TODAY = date(2026, 11, 10)
SHAKTI, VEGA = "S2610-SHAKTI", "S2610-VEGA"  # over 78,400.00 of lines 1 and 2 (50,000.00 and 30,000.00), and 5,000.00


@dataclass
class Issued:
    """`bank` and `agency` are sessions in their scopes; `owner` works for Shakti."""

    bank: Session
    agency: Session
    owner: Actor
    now: datetime
    month: Month
    ref: str = SHAKTI

    def claim(self, position: int | None = 1, claimed: int | None = 60_000_00, **told: Any) -> Claim:
        values: dict[str, Any] = {"reason": "wrong_rate", "comment": "Six per cent was agreed.", "position": position}
        return Claim(claimed_minor=claimed, **values | told)

    def dispute(self, claim: Claim | None = None, ref: str = "", today: date = TODAY, **given: Any) -> str:
        """Opened by the agency; its reference."""
        with unit_of_work(self.agency):
            told = claim or self.claim()
            made = open_dispute(
                self.agency, ref or self.ref, told, actor=self.owner, now=self.now, today=today, **given
            )
            return made.ref

    def propose(self, ref: str, granted: int, by: Actor = MAKER, reason: str = "As the slab says.") -> None:
        with unit_of_work(self.bank):
            propose_decision(self.bank, load_dispute(self.bank, ref), granted, reason, actor=by, now=self.now)

    def decide(self, ref: str, granted: int, by: Actor = CHECKER) -> Dispute:
        with unit_of_work(self.bank):
            found = load_dispute(self.bank, ref)
            decide_dispute(self.bank, found, expected_minor=granted, actor=by, now=self.now)
            return found

    def settlement(self, ref: str = "") -> Settlement:
        self.bank.expire_all()
        return load(self.bank, ref or self.ref)

    def shakti(self) -> Agency:
        return self.bank.scalars(select(Agency).where(Agency.code == "SHAKTI")).one()


def an_issued_month(bank: Session, agency_session: Any, now: datetime) -> Issued:
    """As it was lived: accrued, drafted, approved."""
    return _issued(bank, agency_session, now, an_approved_month(bank, now))


def an_issued_statement(bank: Session, agency_session: Any, now: datetime) -> Issued:
    """The same statements, written down."""
    with unit_of_work(bank):
        bank.scalars(select(Lender)).one().gstin = LENDER_GSTIN
        month = Month(a_run(bank), a_rate_card(bank), {})
        for code, lines in LINES.items():
            agency = an_agency(bank, code, gstin=GSTIN if code == "SHAKTI" else "")
            a_bank_detail(bank, agency)
            a_statement(bank, agency, month, lines, now)
    return _issued(bank, agency_session, now, month)


def _issued(bank: Session, agency_session: Any, now: datetime, month: Month) -> Issued:
    agency = bank.scalars(select(Agency).where(Agency.code == "SHAKTI")).one()
    owner = Actor(201, "owner@shakti.example", "agency_owner", agency.id)
    return Issued(bank, agency_session(agency.id), owner, now, month)


def a_further_statement(issued: Issued, agency_session: Any) -> Issued:
    """Another agency's, of the same lines as Shakti's."""
    with unit_of_work(issued.bank):
        made = issued.bank.scalar(select(func.count()).select_from(Agency))
        agency = an_agency(issued.bank, f"A{made:04d}")
        ref = a_statement(issued.bank, agency, issued.month, LINES["SHAKTI"], issued.now).ref
    owner = Actor(300, "owner@further.example", "agency_owner", agency.id)
    return Issued(issued.bank, agency_session(agency.id), owner, issued.now, issued.month, ref)


LINES = {
    "SHAKTI": [("commission", 50_000_00), ("commission", 30_000_00), ("withholding", -1_600_00)],
    "VEGA": [("commission", 5_000_00)],
}
GSTIN, LENDER_GSTIN = "27AAPFU0939F1ZV", "29AAACB1234C1ZK"


WITHHELD = {
    "reason": "normal",
    "section": "393(1)",
    "code": "1006",
    "rate": "0.02",
    "covers": [],
    "threshold_minor": 20_000_00,
}


def a_stored_file(session: Session, file: KeptFile, owner: Actor, now: datetime) -> None:
    """That the agency of a session handed this file in; nothing names a file that nobody did."""
    facts = {"size": 1, "name": file.name or "x", "media_type": "application/pdf", "agency_id": owner.agency_id}
    row = pg_insert(StoredFile).values(sha256=file.sha256 or "", stored_by=owner.email, stored_at=now, **facts)
    session.execute(row.on_conflict_do_nothing())


def a_statement(
    session: Session, agency: Agency, month: Month, lines: list[tuple[str, int]], now: datetime, **changes: Any
) -> Settlement:
    """An approved settlement of these (kind, amount) lines, with its journal entry."""
    gross = sum(amount for kind, amount in lines if kind == "commission")
    withheld = -sum(amount for kind, amount in lines if kind == "withholding")
    net = sum(amount for _, amount in lines)
    fees = {"amount_minor": withheld, "base_minor": gross, "taxed_minor": gross, "aggregate_minor": gross}
    mode = {"mode": "reverse_charge", "split": "igst", "base_minor": gross, "total_minor": gross * 18 // 100}
    mode["integrated_minor"] = mode["total_minor"]
    values: dict[str, Any] = {
        "ref": f"S{month.run.period_start:%y%m}-{agency.code}",
        "agency_id": agency.id,
        "period_start": month.run.period_start,
        "status": "approved",
        "gross_minor": gross,
        "withholding_minor": withheld,
        "adjustments_minor": net - gross + withheld,
        "net_minor": net,
        "currency": "INR",
        "tax": {"sales_tax": mode, "withholding": WITHHELD | fees},
        "accrual_run_id": month.run.id,
        "hash": "0" * 64,
        "drafted_by": "system",
        "drafted_at": now,
        "submitted_by": MAKER.email,
        "submitted_at": now,
        "approved_by": CHECKER.email,
        "approved_at": now,
        "answer_by_on": date(2026, 11, 25),
    }
    made = Settlement(**values | changes)
    session.add(made)
    session.flush()
    rows = [
        {"settlement_id": made.id, "agency_id": agency.id, "position": place, "kind": kind, "description": kind}
        | {"amount_minor": amount, "currency": "INR"}
        for place, (kind, amount) in enumerate(lines, 1)
    ]
    session.execute(insert(SettlementLine), rows)
    facts: dict[str, Any] = {"kind": "settlement", "subject_ref": made.ref, "narration": "", "currency": "INR"}
    post(session, f"J-{made.ref}", settlement_lines(lines), agency_id=agency.id, actor=CHECKER, now=now, **facts)
    return made


def an_unpaid_receipt(issued: Issued) -> int:
    """A receipt that earned nothing on October's statement; its id."""
    with unit_of_work(issued.bank):
        receipt = a_confirmed_collection(issued.bank, issued.shakti(), OCTOBER, 7, 12_000_00)
        an_unpaid(issued.bank, issued.month, receipt, 12_000_00)
        return receipt.id
