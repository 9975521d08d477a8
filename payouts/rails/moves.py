"""One step of a payout or a batch: compare and set, with its audit event; and what a final answer does to books and settlement."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from payouts.ledger.journal import paid_lines, returned_lines
from payouts.ledger.service import bank_day, post
from payouts.rails.lifecycle import IN_FLIGHT, next_batch_status, next_payout_status
from payouts.rails.models import Payout, PayoutBatch
from payouts.settlements.lifecycle import next_status as next_settlement_status
from payouts.settlements.models import Settlement
from payouts.settlements.service import move
from payouts.settlements.tax_papers import issue_voucher
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.db import compare_and_set
from portal.kernel.errors import NotFound, Stale

# What a payout's final step is to its settlement: one that failed is as if its payout had been taken back.
SETTLEMENT_STEP = {"confirm": "confirm", "return": "return", "fail": "cancel"}


def load_batch(session: Session, ref: str) -> PayoutBatch:
    batch = session.scalars(select(PayoutBatch).where(PayoutBatch.ref == ref)).one_or_none()
    if batch is None:
        raise NotFound(f"There is no payout batch {ref}.")
    return batch


def load_payout(session: Session, ref: str, *, locked: bool = False) -> Payout:
    """The payout in the session's sight, if asked locked and read anew; NotFound otherwise."""
    query = select(Payout).where(Payout.ref == ref)
    if locked:
        query = query.with_for_update().execution_options(populate_existing=True)
    payout = session.scalars(query).one_or_none()
    if payout is None:
        raise NotFound(f"There is no payout {ref}.")
    return payout


def payouts_of(session: Session, batch: PayoutBatch) -> list[Payout]:
    return list(session.scalars(select(Payout).where(Payout.batch_id == batch.id).order_by(Payout.id)))


def move_batch(
    session: Session, batch: PayoutBatch, action: str, after: str, *, actor: Actor, now: datetime, **values: Any
) -> PayoutBatch:
    """Compare and set, with its audit event; Stale when someone was faster."""
    before = batch.status
    values |= {"status": after, "lock_version": batch.lock_version + 1}
    if not compare_and_set(session, batch, ("status", "lock_version"), **values):
        raise Stale(f"{batch.ref} changed while you were looking at it. Open it again and decide anew.")
    data = {
        "action": action,
        "before": before,
        "after": after,
        "file": batch.file_sha256,
        "count": batch.count,
        "total": batch.total_minor,
    }
    tell_batch(session, AuditTag.BATCH_MOVED, batch, data, actor, now)
    return batch


def tell_batch(
    session: Session, tag: AuditTag, batch: PayoutBatch, data: dict[str, Any], actor: Actor, now: datetime
) -> None:
    record_event(session, tag, actor=actor, subject_type="payout_batch", subject_ref=batch.ref, now=now, data=data)


def move_payout(session: Session, payout: Payout, action: str, *, actor: Actor, now: datetime, **values: Any) -> Payout:
    """One step of a payout, compare and set, with its audit event."""
    before = payout.status
    after = next_payout_status(before, action)
    if not compare_and_set(session, payout, ("status",), status=after, updated_at=now, **values):
        raise Stale(f"{payout.ref} moved on while it was being handled. Look at it again.")
    record_event(
        session,
        AuditTag.PAYOUT_MOVED,
        actor=actor,
        subject_type="payout",
        subject_ref=payout.ref,
        now=now,
        agency_id=payout.agency_id,
        data={
            "action": action,
            "before": before,
            "after": after,
            "amount": payout.amount_minor,
            "provider_ref": payout.provider_ref,
            "reason": payout.reason,
        },
    )
    return payout


def conclude(
    session: Session,
    payout: Payout,
    action: str,
    *,
    utr: str = "",
    reason: str = "",
    paid_on: date | None = None,
    actor: Actor,
    now: datetime,
) -> Payout:
    """A payout's fate, confirm | return | fail: its own step, the ledger's entry and the settlement's step, together.

    Paid stands in the bank's books; what came back or never left is payable again, by a new payout.
    """
    was_paid = payout.status == "paid"
    if action == "confirm":
        lines, kind, text = paid_lines(payout.amount_minor), "paid", f"Paid, UTR {utr}" if utr else "Paid"
        day = paid_on or bank_day(now)
        values: dict[str, Any] = {"provider_ref": utr or payout.provider_ref, "paid_on": day, "reason": None}
    else:
        kind = "returned" if action == "return" else "failed"
        lines, text = returned_lines(payout.amount_minor, was_paid=was_paid), reason or kind.capitalize()
        values = {"provider_ref": utr or payout.provider_ref, "paid_on": None, "reason": text}
    move_payout(session, payout, action, actor=actor, now=now, **values)
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
    step = SETTLEMENT_STEP[action]
    after = next_settlement_status(settlement.status, step)
    move(session, settlement, step, after, actor=actor, now=now, comment=text, paid_on=values["paid_on"])
    if action == "confirm":
        told: dict[str, Any] = {"payout_ref": payout.ref, "amount_minor": payout.amount_minor, "paid_on": day}
        issue_voucher(session, settlement, utr=payout.provider_ref or "", actor=actor, now=now, **told)
    return payout


def close_batches(session: Session, batch_ids: set[int], *, actor: Actor, now: datetime) -> int:
    """Close the batches whose every payout has its answer; returns how many payouts still wait in them."""
    waiting = 0
    for batch in session.scalars(select(PayoutBatch).where(PayoutBatch.id.in_(batch_ids)).order_by(PayoutBatch.id)):
        open_payouts = [payout for payout in payouts_of(session, batch) if payout.status in IN_FLIGHT]
        waiting += len(open_payouts)
        if not open_payouts and batch.status == "sent":
            move_batch(session, batch, "close", next_batch_status(batch.status, "close"), actor=actor, now=now)
    return waiting
