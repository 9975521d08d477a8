"""What a dispute does to money: kept of what is still to be paid, given back, and what a decision adds or takes.

Kept money never leaves the books: payable → disputed when it is kept; back when the dispute is withdrawn before its statement is paid;
else a `dispute_release` line of the next settlement (`dispute_releases`) moves it from disputed to payable again.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from payouts.commission.adjustments import enter_decided
from payouts.commission.closed import closed_months, first_open
from payouts.ledger.service import bank_day
from payouts.settlements.dispute_models import Dispute
from payouts.settlements.dispute_rules import held_minor
from payouts.settlements.lifecycle import PAYABLE
from payouts.settlements.models import Settlement
from payouts.settlements.queries import payable_minor
from portal.kernel.audit import Actor
from portal.kernel.money import shown
from portal.kernel.periods import Period, month_of

# An agency's session posts nothing itself (portal/dispute_triggers.py).
KEEP = text("select portal_keep_disputed(:ref, :by, :at)")
FREE = text("select portal_free_disputed(:ref, :by, :at)")


def to_hold(settlement: Settlement, line_minor: int, claimed_minor: int) -> int:
    """What a dispute keeps of a settlement; nothing once its payment is under way."""
    return held_minor(line_minor, claimed_minor, payable_minor(settlement)) if settlement.status in PAYABLE else 0


def hold(session: Session, settlement: Settlement, dispute: Dispute, *, actor: Actor, now: datetime) -> None:
    """Keep the dispute's money of its locked settlement; the database counts for itself and posts it."""
    if dispute.held_minor:
        session.flush()
        session.execute(KEEP, {"ref": dispute.ref, "by": actor.email, "at": now})
        session.refresh(settlement, ["disputed_minor", "lock_version"])


def free(session: Session, settlement: Settlement, dispute: Dispute, *, actor: Actor, now: datetime) -> None:
    """Give what was kept back to its locked settlement: it was withdrawn before that is paid."""
    session.flush()
    session.execute(FREE, {"ref": dispute.ref, "by": actor.email, "at": now})
    session.refresh(settlement, ["disputed_minor", "lock_version"])
    session.refresh(dispute, ["freed_at"])


def adjust(
    session: Session, dispute: Dispute, granted_minor: int, reason: str, *, actor: Actor, now: datetime
) -> str | None:
    """Enter what the line should have been more or less, so that it is accrued and taxed in an open month; its reference, or None.

    It is proposed by who proposed the decision and accepted by who makes it.
    """
    difference = granted_minor - dispute.line_minor
    if difference == 0:
        return None
    assert dispute.proposed_by is not None and dispute.proposed_at is not None
    was, now_is = (shown(minor, dispute.currency) for minor in (dispute.line_minor, granted_minor))
    made = enter_decided(
        session,
        agency_id=dispute.agency_id,
        period=month_of_money(session, dispute, now),
        amount_minor=difference,
        currency=dispute.currency,
        reason=f"Dispute {dispute.ref}: {now_is} instead of {was}. {reason}",
        about_ref=dispute.ref,
        proposed_by=dispute.proposed_by,
        proposed_at=dispute.proposed_at,
        actor=actor,
        now=now,
    )
    return made.ref


def month_of_money(session: Session, dispute: Dispute, now: datetime) -> Period:
    """The month a decision's difference is accrued in: the last one, if it is still open for the agency, or the first that is."""
    disputed = month_of(session.get_one(Settlement, dispute.settlement_id).period_start)
    lately = month_of(bank_day(now)).previous()
    return first_open(closed_months(session)[dispute.agency_id], max(disputed.next(), lately))
