"""Payouts after a restore: whatever was approved may have gone since the backup, so nobody knows what became of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from payouts.rails import stops
from payouts.rails.choosing import ONLINE_RAIL
from payouts.rails.lifecycle import next_batch_status
from payouts.rails.models import PayoutBatch
from payouts.rails.moves import move_batch, move_payout, payouts_of
from payouts.rails.provider_models import PayingStop
from portal.kernel.audit import Actor
from portal.kernel.clock import BANK_ZONE

WHY_UNKNOWN = "Restored from a backup: it may have gone to the bank since."


def hold_everything(
    session: Session, *, taken_at: datetime, actor: Actor, now: datetime
) -> tuple[PayingStop, list[str]]:
    """Stop paying, and call unknown what may be with the bank: nothing leaves until people have found out. The payouts concerned.

    Providers are asked about theirs; only the bank, or a person, knows of a file.
    """
    reason = f"{stops.AFTER_RESTORE.capitalize()} of {taken_at.astimezone(BANK_ZONE):%-d %b %Y, %H:%M}"
    stop = stops.stop_paying(session, reason, actor=actor, now=now, lost_since=taken_at)
    query = select(PayoutBatch).where(PayoutBatch.status == "approved", PayoutBatch.rail != ONLINE_RAIL)
    doubted: list[str] = []
    for batch in session.scalars(query.order_by(PayoutBatch.id)):
        doubted += _doubt(session, batch, actor, now)
    return stop, doubted


def _doubt(session: Session, batch: PayoutBatch, actor: Actor, now: datetime) -> list[str]:
    """An approved file, taken as sent: the bank's answer, its debits or two people say what became of each payout in it."""
    given: dict[str, Any] = {"actor": actor, "now": now}
    doubted = []
    for payout in payouts_of(session, batch):
        if payout.status == "queued":
            move_payout(session, payout, "start", **given)
        if payout.status == "sending":
            move_payout(session, payout, "lose", reason=WHY_UNKNOWN, **given)
            doubted.append(payout.ref)
    move_batch(session, batch, "send", next_batch_status(batch.status, "send"), sent_at=now, **given)
    return doubted
