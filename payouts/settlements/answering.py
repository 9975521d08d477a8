"""What an agency says to an issued statement as a whole: accepted, disputed in part, or nothing until silence is consent."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from payouts.settlements.dispute_models import Dispute
from payouts.settlements.lifecycle import IN_THE_LEDGER
from payouts.settlements.models import Settlement
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.clock import BANK_ZONE
from portal.kernel.errors import NotFound, Refused, Stale

OPEN_STATUSES = ("open", "proposed")


def accept_statement(
    session: Session, ref: str, *, expected_hash: str | None = None, actor: Actor, now: datetime
) -> Settlement:
    """The agency agrees to all of it. Stale when another text was shown, Refused when a line is disputed or it has answered before."""
    settlement = locked_statement(session, ref)
    if expected_hash is not None and expected_hash != settlement.hash:
        raise Stale()
    if open_disputes(session, settlement.id):
        message = f"A line of {ref} is still disputed."
        raise Refused(message, code="disputed", cure="Take the dispute back first, or wait for the decision.")
    if settlement.answer:
        raise Refused(f"{ref} was answered before: {settlement.answer}.", code="answered")
    answer(session, settlement, "accepted", "accept", actor=actor, now=now)
    return settlement


def locked_statement(session: Session, ref: str) -> Settlement:
    """An issued statement in the session's sight, locked and read anew. NotFound otherwise."""
    query = select(Settlement).where(Settlement.ref == ref, Settlement.status.in_(IN_THE_LEDGER))
    found = session.scalars(query.with_for_update().execution_options(populate_existing=True)).first()
    if found is None:
        raise NotFound(f"There is no issued statement {ref}.")
    return found


def answer(session: Session, settlement: Settlement, word: str, action: str, *, actor: Actor, now: datetime) -> None:
    """Keep the agency's word on a locked statement ("": none any more), and say so. Who looked at it before has to look again."""
    before, settlement.answer = settlement.answer, word
    settlement.answered_by, settlement.answered_at = (actor.email, now) if word else (None, None)
    settlement.lock_version += 1
    session.flush()
    record_event(
        session,
        AuditTag.STATEMENT_ANSWERED,
        actor=actor,
        subject_type="settlement",
        subject_ref=settlement.ref,
        agency_id=settlement.agency_id,
        now=now,
        data={"action": action, "before": before, "after": word, "hash": settlement.hash},
    )


def open_disputes(session: Session, settlement_id: int) -> int:
    """How many of the agency's disputes of a statement still wait for a decision."""
    query = select(Dispute.id).where(Dispute.settlement_id == settlement_id, Dispute.status.in_(OPEN_STATUSES))
    query = query.where(Dispute.complaint_ref == "")
    return len(session.scalars(query).all())


def why_not_disputable(settlement: Settlement, today: date) -> Refused | None:
    """Why no line of a statement can be disputed any more; None while one can."""
    if settlement.answer == "accepted" and settlement.answered_at:
        on = f"{settlement.answered_at.astimezone(BANK_ZONE).date():%-d %B %Y}"
        message = f"You accepted {settlement.ref} on {on}; what was accepted is not disputed any more."
        return Refused(message, code="accepted", cure="Ask the bank for an adjustment.")
    if settlement.answer == "deemed" or (settlement.answer_by_on and settlement.answer_by_on < today):
        until = f"{settlement.answer_by_on:%-d %B %Y}" if settlement.answer_by_on else "its last day"
        message = f"{settlement.ref} could be disputed until {until}; it counts as accepted since."
        return Refused(message, code="too_late", cure="Ask the bank for an adjustment.")
    return None


def deem_accepted(session: Session, today: date, *, actor: Actor, now: datetime) -> list[str]:
    """Statements nobody answered in time count as accepted; their references. In the bank's scope, once a night."""
    query = (
        select(Settlement)
        .where(Settlement.status.in_(IN_THE_LEDGER), Settlement.answer == "", Settlement.answer_by_on < today)
        .order_by(Settlement.id)
        .with_for_update(skip_locked=True)
    )
    found = list(session.scalars(query))
    for settlement in found:
        answer(session, settlement, "deemed", "deem", actor=actor, now=now)
    return [settlement.ref for settlement in found]
