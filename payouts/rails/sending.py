"""Sending batches and hearing what became of them. No file leaves inside a transaction; no answer counts twice."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from payouts.ledger.journal import paid_lines, returned_lines
from payouts.ledger.service import bank_day, post
from payouts.rails.bank_answer import Expected, Verdict, answer_text, judge, read_answer
from payouts.rails.batches import load_batch, move_batch, move_payout, payouts_of
from payouts.rails.lifecycle import IN_FLIGHT, next_batch_status
from payouts.rails.models import BankAnswer, Payout, PayoutBatch
from payouts.rails.named_answer import named_columns, read_named_answer
from payouts.rails.profiles import ENET_CSV, UNION_BANK_TEXT
from payouts.rails.protocol import AnswerRecord
from payouts.settlements.lifecycle import next_status as next_settlement_status
from payouts.settlements.models import Settlement
from payouts.settlements.service import move
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Forbidden, Invalid, Refused
from portal.kernel.files import FileStore, store_file


def start_sending(session: Session, *, actor: Actor, now: datetime, only: str | None = None) -> list[PayoutBatch]:
    """First transaction: every approved batch's payouts say `sending`. A run that broke off is taken up again.

    Commit, then `deliver` each batch, then `finish_sending`.
    """
    _refuse_agency(actor)
    if only is not None and load_batch(session, only).status != "approved":
        batch = load_batch(session, only)
        raise Refused(f"{only} is {batch.status}, not approved.", code="illegal_step", cure="Approve it first.")
    query = select(PayoutBatch).where(PayoutBatch.status == "approved").order_by(PayoutBatch.id).with_for_update()
    batches = list(session.scalars(query if only is None else query.where(PayoutBatch.ref == only)))
    for batch in batches:
        for payout in payouts_of(session, batch):
            if payout.status == "queued":
                move_payout(session, payout, "start", actor=actor, now=now, attempts=payout.attempts + 1)
    return batches


def deliver(store: FileStore, outbox: Path, sha256: str, name: str) -> Path:
    """Between the transactions: lay the file, byte for byte as approved, where the bank's upload picks it up.

    Doing it again writes the same bytes under the same name. Refused when the kept file is gone.
    """
    try:
        data = store.read(sha256)
    except FileNotFoundError:
        message = f"The file of this batch ({sha256[:12]}…) is not in the store."
        raise Refused(message, code="file_missing", cure="Restore it from the backup; do not make another.") from None
    outbox.mkdir(parents=True, exist_ok=True)
    target = outbox / Path(name).name
    with tempfile.NamedTemporaryFile(dir=outbox, delete=False) as part:
        part.write(data)
        part.flush()
        os.fsync(part.fileno())
    Path(part.name).replace(target)
    return target


def finish_sending(session: Session, ref: str, *, actor: Actor, now: datetime) -> PayoutBatch:
    """Second transaction: the file is out; its payouts are with the bank."""
    batch = load_batch(session, ref)
    if batch.status == "sent":
        return batch
    for payout in payouts_of(session, batch):
        if payout.status == "sending":
            move_payout(session, payout, "sent", actor=actor, now=now)
    after = next_batch_status(batch.status, "send")
    return move_batch(session, batch, "send", after, actor=actor, now=now, sent_at=now)


@dataclass
class Answer:
    """What an answer file did: payouts that moved, those it told us again, and how many still wait in their batches."""

    moved: list[Payout] = field(default_factory=list)
    known: int = 0
    waiting: int = 0
    sha256: str = ""


def confirm(session: Session, store: FileStore, data: bytes, *, name: str, actor: Actor, now: datetime) -> Answer:
    """Take in the bank's answer: paid → ledger and settlement; returned → payable again.

    Raises Invalid with every problem of the file, and then nothing of it has any effect. The same file again changes nothing.
    """
    _refuse_agency(actor)
    records = read_any_answer(data)
    refs = [record.ref for record in records]
    payouts = {
        payout.ref: payout
        for payout in session.scalars(
            select(Payout)
            .where(Payout.ref.in_(refs))
            .order_by(Payout.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    }
    expected = {
        ref: Expected(payout.amount_minor, payout.currency, payout.status, payout.provider_ref or "")
        for ref, payout in payouts.items()
    }
    verdicts, problems = judge(records, expected)
    if problems:
        raise Invalid(problems)
    answer = Answer(sha256=_keep(session, store, data, name, len(records), actor, now))
    for verdict in verdicts:
        if verdict.action == "known":
            answer.known += 1
        else:
            answer.moved.append(_apply(session, payouts[verdict.ref], verdict, actor, now))
    answer.waiting = _close_batches(session, {payout.batch_id for payout in payouts.values()}, actor, now)
    counts = {"file": answer.sha256, "rows": len(records), "applied": len(answer.moved), "problems": 0}
    record_event(
        session, AuditTag.ANSWER_READ, actor=actor, subject_type="bank_answer", subject_ref=name, now=now, data=counts
    )
    return answer


def read_any_answer(data: bytes) -> list[AnswerRecord]:
    """The records of an answer in whichever layout its first line shows."""
    text = answer_text(data)
    first_line = text.splitlines()[0]
    if named_columns(first_line):
        return read_named_answer(text)
    return read_answer(data, UNION_BANK_TEXT if first_line.upper().startswith("FILEHDR") else ENET_CSV)


def _keep(session: Session, store: FileStore, data: bytes, name: str, rows: int, actor: Actor, now: datetime) -> str:
    stored = store_file(session, store, data, name=name, media_type="text/plain", agency_id=None, actor=actor, now=now)
    if session.scalar(select(BankAnswer.id).where(BankAnswer.file_sha256 == stored.sha256)) is None:
        session.add(BankAnswer(file_sha256=stored.sha256, file_name=name, rows=rows, read_by=actor.email, read_at=now))
        session.flush()
    return stored.sha256


def _apply(session: Session, payout: Payout, verdict: Verdict, actor: Actor, now: datetime) -> Payout:
    """One payout's fate: its own step, the ledger's entry and the settlement's step, together."""
    was_paid = payout.status == "paid"
    if verdict.action == "confirm":
        lines, kind, text = paid_lines(payout.amount_minor), "paid", f"Paid, UTR {verdict.utr}"
        values = {"provider_ref": verdict.utr, "paid_on": bank_day(now), "reason": None}
    else:
        lines, kind, text = returned_lines(payout.amount_minor, was_paid=was_paid), "returned", verdict.reason
        values = {"provider_ref": verdict.utr or payout.provider_ref, "paid_on": None, "reason": verdict.reason}
    move_payout(session, payout, verdict.action, actor=actor, now=now, **values)
    post(
        session,
        f"J-{payout.ref}-{kind}",
        lines,
        kind=kind,
        subject_ref=payout.ref,
        narration=text,
        agency_id=payout.agency_id,
        currency=payout.currency,
        actor=actor,
        now=now,
    )
    settlement = session.get_one(Settlement, payout.settlement_id, with_for_update=True)
    after = next_settlement_status(settlement.status, verdict.action)
    paid_on = bank_day(now) if verdict.action == "confirm" else None
    move(session, settlement, verdict.action, after, actor=actor, now=now, comment=text, paid_on=paid_on)
    return payout


def _close_batches(session: Session, batch_ids: set[int], actor: Actor, now: datetime) -> int:
    """Close the batches whose every payout has its answer; returns how many payouts still wait."""
    waiting = 0
    for batch in session.scalars(select(PayoutBatch).where(PayoutBatch.id.in_(batch_ids)).order_by(PayoutBatch.id)):
        open_payouts = [payout for payout in payouts_of(session, batch) if payout.status in IN_FLIGHT]
        waiting += len(open_payouts)
        if not open_payouts and batch.status == "sent":
            move_batch(session, batch, "close", next_batch_status(batch.status, "close"), actor=actor, now=now)
    return waiting


def sync(session: Session) -> list[Payout]:
    """Payouts that wait for an answer. A bank file cannot be asked: its answer comes as a file, through `confirm`."""
    return list(session.scalars(select(Payout).where(Payout.status.in_(IN_FLIGHT)).order_by(Payout.id)))


def _refuse_agency(actor: Actor) -> None:
    if actor.agency_id is not None:
        raise Forbidden("An agency does not move payouts.", code="not_the_bank")
