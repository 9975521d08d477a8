"""Sending batches and hearing what became of them. No file leaves inside a transaction; no answer counts twice."""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from payouts.rails.bank_answer import Expected, answer_text, judge, read_answer
from payouts.rails.choosing import rail_of
from payouts.rails.lifecycle import IN_FLIGHT, next_batch_status
from payouts.rails.models import BankAnswer, Payout, PayoutBatch
from payouts.rails.moves import close_batches, conclude, load_batch, move_batch, move_payout, payouts_of
from payouts.rails.named_answer import named_columns, read_named_answer
from payouts.rails.pain002 import looks_like_pain002, original_message, read_pain002
from payouts.rails.profiles import ENET_CSV, UNION_BANK_TEXT
from payouts.rails.protocol import AnswerRecord
from payouts.rails.rechecks import refuse_changed
from payouts.rails.stops import refuse_while_stopped
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Forbidden, Invalid, Problem, Refused
from portal.kernel.files import FileStore, store_file

OUR_REFS = re.compile(rb"\bP\d{4}-(?:\d{4,}|[0-9A-Z]{6}\d{3,})\b")  # the second: after a restore
LOOKED_AT = 200_000
PART = ".part"


def start_sending(session: Session, *, actor: Actor, now: datetime, only: str | None = None) -> list[PayoutBatch]:
    """First transaction: every approved batch's payouts say `sending`. A run that broke off is taken up again.

    Commit, then `deliver` each batch, then `finish_sending`. A batch whose basis changed since it was approved stays; Refused when
    nothing else is left. Providers' batches are carried on by `online`.
    """
    _refuse_agency(actor)
    refuse_while_stopped(session, load_batch(session, only).rail if only else "")
    if only is not None and load_batch(session, only).status != "approved":
        batch = load_batch(session, only)
        raise Refused(f"{only} is {batch.status}, not approved.", code="illegal_step", cure="Approve it first.")
    query = select(PayoutBatch).where(PayoutBatch.status == "approved").order_by(PayoutBatch.id).with_for_update()
    started: list[PayoutBatch] = []
    kept: list[Refused] = []
    for batch in session.scalars(query if only is None else query.where(PayoutBatch.ref == only)):
        try:
            refuse_changed(session, batch, now=now)
        except Refused as changed:
            kept.append(changed)
            continue
        for payout in payouts_of(session, batch):
            if payout.status == "queued":
                first = payout.first_sent_at or now
                move_payout(
                    session, payout, "start", actor=actor, now=now, attempts=payout.attempts + 1, first_sent_at=first
                )
        started.append(batch)
    if kept and not started:
        raise kept[0]
    return started


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
    with tempfile.NamedTemporaryFile(dir=outbox, prefix=f".{target.name}.", suffix=PART, delete=False) as part:
        part.write(data)
        part.flush()
        os.fsync(part.fileno())
    try:
        Path(part.name).replace(target)
    except FileNotFoundError:
        if not target.exists():  # else another delivery of these bytes was faster, and tidied up
            raise
    for left in outbox.glob(f".{target.name}.*{PART}"):  # by who died over it; no upload takes a hidden file
        left.unlink(missing_ok=True)
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
    records = records_of(session, data)
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
            fate: dict[str, Any] = {"utr": verdict.utr, "reason": verdict.reason}
            answer.moved.append(conclude(session, payouts[verdict.ref], verdict.action, **fate, actor=actor, now=now))
    batch_ids = {payout.batch_id for payout in payouts.values()}
    answer.waiting = close_batches(session, batch_ids, actor=actor, now=now)
    counts = {"file": answer.sha256, "rows": len(records), "applied": len(answer.moved), "problems": 0}
    record_event(
        session, AuditTag.ANSWER_READ, actor=actor, subject_type="bank_answer", subject_ref=name, now=now, data=counts
    )
    return answer


def records_of(session: Session, data: bytes) -> list[AnswerRecord]:
    """The records of an answer, in the layout of the batch that its own references name.

    A status report that speaks of a whole file has one record for each of that file's payouts.
    """
    if looks_like_pain002(data):
        found = _batch_named(session, original_message(data), data)
        return _for_each(session, found, read_pain002(data, found.currency if found else "INR"))
    text = answer_text(data)
    found = _batch_named(session, "", data)
    currency = found.currency if found else "INR"
    if named_columns(text.splitlines()[0]):
        return read_named_answer(text, currency)
    if found is not None and found.rail == "bank_file":
        return rail_of(session, found.rail, found.profile, found.profile_version).read_answer(data, currency)
    return read_any_answer(data)


def read_any_answer(data: bytes) -> list[AnswerRecord]:
    """The records of an answer in whichever built-in layout its first line shows."""
    text = answer_text(data)
    first_line = text.splitlines()[0]
    if named_columns(first_line):
        return read_named_answer(text)
    return read_answer(data, UNION_BANK_TEXT if first_line.upper().startswith("FILEHDR") else ENET_CSV)


def _batch_named(session: Session, ref: str, data: bytes) -> PayoutBatch | None:
    """The batch an answer is about: by its reference, or by the first payout of ours that stands in it."""
    if ref and (batch := session.scalar(select(PayoutBatch).where(PayoutBatch.ref == ref))):
        return batch
    refs = {match.decode() for match in OUR_REFS.findall(data[:LOOKED_AT])}
    query = select(PayoutBatch).join(Payout, Payout.batch_id == PayoutBatch.id).where(Payout.ref.in_(refs))
    return session.scalars(query.order_by(PayoutBatch.id).limit(1)).first()


def _for_each(session: Session, batch: PayoutBatch | None, records: list[AnswerRecord]) -> list[AnswerRecord]:
    """A record about a batch, as one about each of its payouts that still waits."""
    if batch is None or [record.ref for record in records] != [batch.ref]:
        return records
    whole = records[0]
    if whole.status == "paid":
        cure = "Ask for the report with every payment in it."
        raise Invalid(Problem("no_references", "It calls the whole file paid and names no payment.", cure))
    return [replace(whole, ref=payout.ref) for payout in payouts_of(session, batch) if payout.status != "void"]


def _keep(session: Session, store: FileStore, data: bytes, name: str, rows: int, actor: Actor, now: datetime) -> str:
    stored = store_file(session, store, data, name=name, media_type="text/plain", agency_id=None, actor=actor, now=now)
    if session.scalar(select(BankAnswer.id).where(BankAnswer.file_sha256 == stored.sha256)) is None:
        session.add(BankAnswer(file_sha256=stored.sha256, file_name=name, rows=rows, read_by=actor.email, read_at=now))
        session.flush()
    return stored.sha256


def sync(session: Session) -> list[Payout]:
    """Payouts that wait for an answer. A bank file cannot be asked: its answer comes as a file, through `confirm`, or as the debit
    in the bank's statement."""
    return list(session.scalars(select(Payout).where(Payout.status.in_(IN_FLIGHT)).order_by(Payout.id)))


def _refuse_agency(actor: Actor) -> None:
    if actor.agency_id is not None:
        raise Forbidden("An agency does not move payouts.", code="not_the_bank")
