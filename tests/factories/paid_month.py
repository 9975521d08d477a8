"""October, all the way to an answered batch: one settlement paid, one returned."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from allocations.keys import reference_keys
from allocations.reconciliation.models import BankLine
from payouts.rails.bank_answer import compose_answer
from payouts.rails.batches import approve_batch, make_batch
from payouts.rails.models import PayoutBatch
from payouts.rails.profiles import ENET_CSV
from payouts.rails.sending import confirm, deliver, finish_sending, start_sending
from payouts.settlements.drafting import draft
from payouts.settlements.service import approve, submit
from portal.kernel.db import unit_of_work
from portal.kernel.files import FileStore
from portal.kernel.periods import Period
from tests.factories.month import CHECKER, FINANCE, MAKER, OCTOBER, SYSTEM, Month, a_bank_line, a_month

AMOUNTS = {"SHAKTI": [10_00_000_00, 6_00_000_00], "VEGA": [1_00_000_00]}
FATES = {"P2610-0001": ("paid", "UTR77", ""), "P2610-0002": ("returned", "", "Account closed")}


def an_approved_month(session: Session, now: datetime) -> Month:
    """Two approved settlements: S2610-SHAKTI over 78,400.00 and S2610-VEGA over 5,000.00."""
    with unit_of_work(session):
        month = a_month(session, amounts=AMOUNTS)
        draft(session, OCTOBER, actor=SYSTEM, now=now)
    for ref in ("S2610-SHAKTI", "S2610-VEGA"):
        with unit_of_work(session):
            submit(session, ref, actor=MAKER, now=now)
            approve(session, ref, actor=CHECKER, now=now)
    return month


def a_sent_batch(
    session: Session,
    store: FileStore,
    now: datetime,
    outbox: Path,
    rail: str = "bank_file",
    period: Period = OCTOBER,
) -> PayoutBatch:
    with unit_of_work(session):
        batch = make_batch(session, store, period, rail, actor=FINANCE, now=now).batch
        ref, sha256, name = batch.ref, batch.file_sha256 or "", batch.file_name or ""
    with unit_of_work(session):
        approve_batch(session, store, ref, actor=CHECKER, now=now, expected_file=sha256)
    with unit_of_work(session):
        start_sending(session, actor=SYSTEM, now=now)
    deliver(store, outbox, sha256, name)
    with unit_of_work(session):
        return finish_sending(session, ref, actor=SYSTEM, now=now)


def an_own_line(
    session: Session,
    key: str,
    amount: int,
    day: date,
    text: str = "",
    *,
    side: str = "debit",
    bank_ref: str = "",
    status: str = "proved",
) -> BankLine:
    """A line of the lender's own account, in a statement of its own."""
    bank_ref = bank_ref or f"BR{key}"
    told: dict[str, Any] = {"side": side, "description": text, "bank_ref": bank_ref, "customer_ref": ""}
    return a_bank_line(session, key, amount, day, status, **told, ref_keys=reference_keys(bank_ref, text))


def a_paid_month(session: Session, store: FileStore, now: datetime, outbox: Path) -> Month:
    month = an_approved_month(session, now)
    batch = a_sent_batch(session, store, now, outbox)
    data = compose_answer(store.read(batch.file_sha256 or ""), ENET_CSV, FATES)
    with unit_of_work(session):
        confirm(session, store, data, name="answer.csv", actor=FINANCE, now=now)
    return month
