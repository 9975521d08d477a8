"""Paying stops: while one stands nothing is made, approved or sent. One person pulls it; two other acts of two people lift it.

A restored database begins with one. What was done after its backup is lost here and yet has happened at the bank, so that stop is not
lifted before somebody has found out about every payout that was open (`open_intents`), and what is found to have been paid in the lost
time is recorded as paid by hand, which sends nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from payouts.rails.open_intents import OpenIntent, UnknownDebit, open_intents, statements_reach, unknown_debits
from payouts.rails.provider_models import PayingStop
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Forbidden, Invalid, NotFound, Problem, Refused
from portal.kernel.persons import same_person

SHORTEST_REASON, LONGEST_REASON = 3, 500
AFTER_RESTORE = "restored from a backup"
BY_HAND = "manual"  # records what people paid elsewhere; nothing leaves the portal
MARKS_SINCE = datetime(2026, 1, 1, tzinfo=UTC)
FIGURES = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"  # six of them hold sixty-nine years of seconds
MOST_NAMED = 5  # in a refusal; the page and the command list all


def standing_stops(session: Session) -> list[PayingStop]:
    """Every stop of all payments in force, oldest first."""
    query = select(PayingStop).where(PayingStop.lifted_at.is_(None), PayingStop.agency_id.is_(None))
    return list(session.scalars(query.order_by(PayingStop.id)))


def agency_stops(session: Session) -> list[tuple[PayingStop, str]]:
    """Every stop in force of one agency's money, with the agency's name, oldest first."""
    query = select(PayingStop, Agency.legal_name).join(Agency, Agency.id == PayingStop.agency_id)
    rows = session.execute(query.where(PayingStop.lifted_at.is_(None)).order_by(PayingStop.id))
    return [(stop, name) for stop, name in rows]


def stop_of_agency(session: Session, agency_id: int) -> PayingStop | None:
    """The stop in force of one agency's money."""
    query = select(PayingStop).where(PayingStop.lifted_at.is_(None), PayingStop.agency_id == agency_id)
    return session.scalars(query).first()


@dataclass(frozen=True)
class Standing:
    """A stop in force with all that has to be found out before it is lifted; `statements_to`: how far our account's statements reach."""

    stop: PayingStop
    open: list[OpenIntent]
    unknown: list[UnknownDebit]
    statements_to: date | None


def what_stands(session: Session) -> list[Standing]:
    """Every stop in force, oldest first, with what is open under it."""
    return [
        Standing(
            stop,
            open_intents(session, stop),
            unknown_debits(session, stop),
            statements_reach(session) if stop.lost_since else None,
        )
        for stop in standing_stops(session)
    ]


def past_stops(session: Session, limit: int = 20) -> list[PayingStop]:
    """Those that were lifted, the latest first."""
    query = select(PayingStop).where(PayingStop.lifted_at.is_not(None)).order_by(PayingStop.id.desc()).limit(limit)
    return list(session.scalars(query))


def load_stop(session: Session, stop_id: int) -> PayingStop:
    found = session.get(PayingStop, stop_id)
    if found is None:
        raise NotFound("There is no such stop.")
    return found


def restore_mark(session: Session) -> str:
    """What references begin with after a restore, so that none is ever given twice: its second, in six letters and figures.

    "" in a database that was never restored. What was given in a time that is lost has another mark or none, however much it was
    and however soon one restore follows another.
    """
    last = session.scalar(select(func.max(PayingStop.stopped_at)).where(PayingStop.lost_since.is_not(None)))
    if last is None:
        return ""
    seconds, mark = (last - MARKS_SINCE) // timedelta(seconds=1), ""
    for _ in range(6):
        seconds, figure = divmod(seconds, len(FIGURES))
        mark = FIGURES[figure] + mark
    return mark


def refuse_while_stopped(session: Session, rail: str = "") -> None:
    """Refused while any stop stands; says who pulled it and why. Call it in the transaction that makes, approves or sends.

    After a restore what was paid in the lost time may be recorded by hand.
    """
    session.flush()
    stops = standing_stops(session)
    if rail.strip() == BY_HAND and all(stop.lost_since for stop in stops):
        return
    if stops:
        first = stops[0]
        message = f"Paying is stopped by {first.stopped_by} since {first.stopped_at:%d %b %Y %H:%M} UTC: {first.reason}"
        raise Refused(message, code="paying_stopped", cure="Two people lift the stop under Payouts, Paying stop.")


def stop_paying(
    session: Session,
    reason: str,
    *,
    actor: Actor,
    now: datetime,
    lost_since: datetime | None = None,
    agency_id: int | None = None,
) -> PayingStop:
    """Stop every payment at once, or those of one agency. The built-in user may too: after a restore, of a backup taken at
    `lost_since`, nothing is sent."""
    if actor.agency_id is not None:
        raise Forbidden("An agency does not stop payments.", code="not_the_bank")
    made = PayingStop(
        reason=_reason(reason), stopped_by=actor.email, stopped_at=now, lost_since=lost_since, agency_id=agency_id
    )
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

    Refused while a payout is open that a provider or a bank may have got before a restore, and while our account shows a payment that
    is not known here.
    """
    found = _load(session, stop_id, actor)
    if found.asked_by is None:
        cure = "Say why paying may go on; another person lifts it then."
        raise Refused("Nobody has asked to lift this stop.", code="not_asked", cure=cure)
    if any(same_person(session, actor.email, each) for each in (found.asked_by, found.stopped_by)):
        message = f"{actor.email} stopped paying or asked to lift the stop: another person lifts it."
        raise Forbidden(message, code="maker_is_checker", cure="Ask another approver.")
    _refuse_open(session, found)
    found.lifted_by, found.lifted_at = actor.email, now
    session.flush()
    _tell(session, found, "lift", found.lift_reason or "", actor, now)
    return found


def _refuse_open(session: Session, stop: PayingStop) -> None:
    if stop.agency_id is not None:  # nothing is lost here; what was under way went on
        return
    if waiting := open_intents(session, stop):
        named = ", ".join(each.ref for each in waiting[:MOST_NAMED]) + (" …" if len(waiting) > MOST_NAMED else "")
        count = f"{len(waiting)} {'payout' if len(waiting) == 1 else 'payouts'}"
        message = f"{count} under way not looked up since paying was stopped: {named}."
        raise Refused(message, code="open_intents", cure=f"{waiting[0].ref}: {waiting[0].next_act}")
    if lost := unknown_debits(session, stop):
        named = ", ".join(f"{each.line_ref} names {each.names}" for each in lost[:MOST_NAMED])
        message = f"Our account shows payments that are not known here: {named}."
        cure = "Record each as paid by hand (portal payouts batch --rail manual), and tie its debit to it."
        raise Refused(message, code="unknown_payments", cure=cure)


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
        agency_id=stop.agency_id,
        now=now,
        data={"action": action, "reason": reason},
    )
