"""Paying stops: while one stands nothing is made, approved or sent. One person pulls it; two other acts of two people lift it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payouts.rails.choosing import ONLINE_RAIL
from payouts.rails.lifecycle import IN_FLIGHT
from payouts.rails.models import Payout, PayoutBatch
from payouts.rails.provider_models import PayingStop
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Forbidden, Invalid, NotFound, Problem, Refused
from portal.kernel.persons import same_person

SHORTEST_REASON, LONGEST_REASON = 3, 500
AFTER_RESTORE = "restored from a backup"


def standing_stops(session: Session) -> list[PayingStop]:
    """Every stop in force, oldest first."""
    return list(session.scalars(select(PayingStop).where(PayingStop.lifted_at.is_(None)).order_by(PayingStop.id)))


def past_stops(session: Session, limit: int = 20) -> list[PayingStop]:
    """Those that were lifted, the latest first."""
    query = select(PayingStop).where(PayingStop.lifted_at.is_not(None)).order_by(PayingStop.id.desc()).limit(limit)
    return list(session.scalars(query))


def load_stop(session: Session, stop_id: int) -> PayingStop:
    found = session.get(PayingStop, stop_id)
    if found is None:
        raise NotFound("There is no such stop.")
    return found


def refuse_while_stopped(session: Session) -> None:
    """Refused while any stop stands; says who pulled it and why. Call it in the transaction that makes, approves or sends."""
    session.flush()
    if stops := standing_stops(session):
        first = stops[0]
        message = f"Paying is stopped by {first.stopped_by} since {first.stopped_at:%d %b %Y %H:%M} UTC: {first.reason}"
        raise Refused(message, code="paying_stopped", cure="Two people lift the stop under Payouts, Paying stop.")


def stop_paying(session: Session, reason: str, *, actor: Actor, now: datetime) -> PayingStop:
    """Stop every payment at once. The built-in user may too: after a restore nothing is sent."""
    if actor.agency_id is not None:
        raise Forbidden("An agency does not stop payments.", code="not_the_bank")
    made = PayingStop(reason=_reason(reason), stopped_by=actor.email, stopped_at=now)
    session.add(made)
    session.flush()
    _tell(session, made, "stop", made.reason, actor, now)
    return made


def ask_to_lift(session: Session, stop_id: int, reason: str, *, actor: Actor, now: datetime) -> PayingStop:
    """A first person says why paying may go on; another one lifts it."""
    found = _load(session, stop_id, actor)
    found.lift_reason, found.asked_by, found.asked_at = _reason(reason), actor.email, now
    session.flush()
    _tell(session, found, "ask", found.lift_reason, actor, now)
    return found


def lift(session: Session, stop_id: int, *, actor: Actor, now: datetime) -> PayingStop:
    """A second person lets paying go on: neither who asked nor who stopped it, under any account.

    Refused while a payout that a provider may have got before a restore has not been looked up since.
    """
    found = _load(session, stop_id, actor)
    if found.asked_by is None:
        cure = "Say why paying may go on; another person lifts it then."
        raise Refused("Nobody has asked to lift this stop.", code="not_asked", cure=cure)
    if any(same_person(session, actor.email, each) for each in (found.asked_by, found.stopped_by)):
        message = f"{actor.email} stopped paying or asked to lift the stop: another person lifts it."
        raise Forbidden(message, code="maker_is_checker", cure="Ask another approver.")
    if waiting := _not_looked_up(session, found):
        message = f"{waiting} payouts under way have not been looked up since paying was stopped."
        raise Refused(message, code="open_intents", cure="Look them up first: portal payouts sync")
    found.lifted_by, found.lifted_at = actor.email, now
    session.flush()
    _tell(session, found, "lift", found.lift_reason or "", actor, now)
    return found


def _not_looked_up(session: Session, stop: PayingStop) -> int:
    """Payouts that a provider may already have, not asked about since the stop."""
    stale = Payout.looked_up_at.is_(None) | (Payout.looked_up_at < stop.stopped_at)
    query = (
        select(func.count())
        .select_from(Payout)
        .join(PayoutBatch, PayoutBatch.id == Payout.batch_id)
        .where(PayoutBatch.rail == ONLINE_RAIL, Payout.status.in_([*IN_FLIGHT, "queued"]), stale)
    )
    return session.scalar(query) or 0


def _load(session: Session, stop_id: int, actor: Actor) -> PayingStop:
    if actor.role == "system" or actor.agency_id is not None:
        raise Forbidden("Two people lift a stop.", code="not_a_person", cure="Name the person with --as.")
    found = session.get(PayingStop, stop_id, with_for_update=True, populate_existing=True)
    if found is None:
        raise NotFound("There is no such stop.")
    if found.lifted_at is not None:
        raise Refused(f"{found.lifted_by} has lifted this stop.", code="not_open")
    return found


def _reason(text: str) -> str:
    if not SHORTEST_REASON <= len(text.strip()) <= LONGEST_REASON:
        raise Invalid(Problem("missing_reason", "Say why.", "In a sentence.", column="reason"))
    return text.strip()


def _tell(session: Session, stop: PayingStop, action: str, reason: str, actor: Actor, now: datetime) -> None:
    record_event(
        session,
        AuditTag.PAYING_STOPPED,
        actor=actor,
        subject_type="paying_stop",
        subject_ref=f"stop {stop.id}",
        now=now,
        data={"action": action, "reason": reason},
    )
