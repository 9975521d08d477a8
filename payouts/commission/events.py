"""Events that rules pay or take for: proposed by an agency, the bank or what was found; they count once another person accepts them."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.agencies.queries import OFFICE
from allocations.collections.field.contact_facts import allocation_for
from allocations.placements.models import Allocation
from payouts.commission.adjustments import CURES
from payouts.commission.event_models import EarningEvent
from payouts.commission.event_rules import Told, problems_of
from portal.kernel.audit import Actor, AuditTag
from portal.kernel.errors import Invalid, Problem, Refused
from portal.kernel.money import plain
from portal.kernel.proposals import LONGEST_REASON, Proposals

LOCK = 0x4556_4E54  # events of one agency are added one after the other


def _facts(event: EarningEvent) -> dict[str, Any]:
    amount = None if event.amount_minor is None else plain(event.amount_minor, event.currency)
    return {"event": event.event, "on": event.occurred_on, "count": event.count, "amount": amount}


PROPOSALS = Proposals(
    *(EarningEvent, "an event", AuditTag.EVENT_MOVED, "earning_event"),
    ref=lambda event: event.ref,
    named=lambda event: event.ref,
    facts=_facts,
    cures=CURES,
    reason_cure="The agency reads it.",
)


def propose_event(
    session: Session, told: Told, *, agency: Agency, source: str, actor: Actor, now: datetime, today: date
) -> EarningEvent:
    """Propose an event by hand. `source` is "agency" or "bank". It earns and costs nothing until somebody else accepts it.

    Raises Invalid with every problem; Refused when the same was told before and stands.
    """
    session.scalar(select(func.pg_advisory_xact_lock(LOCK, agency.id)))
    allocation = held_by(session, agency, told)
    if problems := [*problems_of(told, today), *problems_of_account(told, allocation)]:
        raise Invalid(problems)
    if (same := same_event(session, agency.id, told)) is not None:
        cure = "If there were several, give them as one event with their count."
        raise Refused(f"{same.ref} says the same.", code="event_there", cure=cure)
    made = new_event(told, agency, allocation, source=source, source_key=f"hand:{secrets.token_hex(8)}")
    made.ref = event_ref(agency, now)
    return PROPOSALS.propose(session, made, actor=actor, now=now)


def new_event(
    told: Told, agency: Agency, allocation: Allocation | None, *, source: str, source_key: str
) -> EarningEvent:
    return EarningEvent(
        agency_id=agency.id,
        event=told.event,
        allocation_id=allocation.id if allocation else None,
        loan_account_no=allocation.loan_account_no if allocation else None,
        occurred_on=told.occurred_on,
        count=told.count,
        days=told.days,
        amount_minor=told.amount_minor,
        currency=agency.currency,
        source=source,
        source_key=source_key,
        note=told.note.strip(),
        detail={},
    )


def event_ref(agency: Agency, now: datetime) -> str:
    """A name of our own, with the agency's code inside, so that no two agencies can meet on one."""
    return f"E-{agency.code}-{now:%y%m%d}-{secrets.token_hex(4).upper()}"


def held_by(session: Session, agency: Agency, told: Told) -> Allocation | None:
    """The allocation an event is about: the one in force on its day, else the nearest; None without an account."""
    if not told.loan_account_no.strip():
        return None
    return allocation_for(session, agency.id, told.loan_account_no.strip(), told.occurred_on, OFFICE)


def problems_of_account(told: Told, allocation: Allocation | None) -> Iterator[Problem]:
    no = told.loan_account_no.strip()
    if not no:
        return
    if allocation is None:
        cure = "Check the number, or leave it out where the event is about no account."
        yield Problem(
            "unknown_account",
            "This account was never allocated to the agency.",
            cure,
            column="loan_account_no",
            value=no,
        )
    elif not (
        allocation.from_on <= told.occurred_on and (allocation.to_on is None or told.occurred_on <= allocation.to_on)
    ):
        until = f" to {allocation.to_on}" if allocation.to_on else ""
        message = f"The agency held this account from {allocation.from_on}{until}, not on {told.occurred_on}."
        yield Problem("not_allocated", message, "Check the day.", column="occurred_on", value=str(told.occurred_on))


def same_event(session: Session, agency_id: int, told: Told) -> EarningEvent | None:
    """An event that stands and says the same of the same account and day; without an account nobody can know."""
    return session.scalars(_same(agency_id, told.event, told.loan_account_no.strip(), told.occurred_on)).first()


def _same(agency_id: int, event: str, loan_account_no: str | None, day: date, *statuses: str) -> Any:
    query = select(EarningEvent).where(
        EarningEvent.agency_id == agency_id,
        EarningEvent.event == event,
        EarningEvent.loan_account_no == (loan_account_no or None),
        EarningEvent.occurred_on == day,
        EarningEvent.status.in_(statuses or ("proposed", "accepted")),
    )
    return query.order_by(EarningEvent.id).limit(1)


def _refuse_same(session: Session, event: EarningEvent, *statuses: str) -> None:
    """What one person claims and another finds, or tells anew after a rejection, counts once; visits found are told apart by theirs."""
    query = _same(event.agency_id, event.event, event.loan_account_no, event.occurred_on, *statuses)
    query = query.where(EarningEvent.id != event.id)
    if event.source == "visit":
        query = query.where(EarningEvent.source != "visit")
    if (same := session.scalars(query).first()) is not None:
        cure = "Reject this one; if there were several, tell them as one event with their count."
        raise Refused(f"{same.ref} is {same.status} and says the same.", code="event_there", cure=cure)


# --- deciding


def load_event(session: Session, ref: str, *, agency_id: int | None = None) -> EarningEvent:
    """The event, locked. NotFound for another agency's as for none."""
    return PROPOSALS.load(session, ref=ref, agency_id=agency_id)


def decide_event(
    session: Session, event: EarningEvent, *, accept: bool, reason: str = "", actor: Actor, now: datetime
) -> None:
    """Accept or reject a proposed event; `event` comes from load_event. A rejection needs its reason: the agency reads it.

    Raises Refused when it was decided before, or by who proposed it; and when another that says the same is accepted.
    """
    action = "accept" if accept else "reject"
    PROPOSALS.may_decide(event, action, reason=reason, actor=actor)
    if accept:
        session.scalar(select(func.pg_advisory_xact_lock(LOCK, event.agency_id)))
        _refuse_same(session, event, "accepted")
    PROPOSALS.decide(session, event, action, reason=reason, actor=actor, now=now)


def withdraw_event(session: Session, event: EarningEvent, *, actor: Actor, now: datetime) -> None:
    """Whoever proposed an event takes it back: an agency its own claims, the bank what a person of its own entered."""
    if event.source != ("agency" if actor.agency_id is not None else "bank"):
        raise Refused(f"{event.ref} is not yours to take back.", code="not_your_proposal")
    PROPOSALS.move(session, event, "withdraw", actor=actor, now=now)


def resubmit_event(session: Session, event: EarningEvent, *, note: str, actor: Actor, now: datetime) -> EarningEvent:
    """An agency hands a rejected event in once more, saying what is different now. Refused the second time."""
    if len(note.strip()) < 3:
        raise Invalid(Problem("note_needed", "Say what is different now.", "The bank reads it.", column="note"))
    if len(note.strip()) > LONGEST_REASON:
        raise Invalid(Problem("too_long", f"At most {LONGEST_REASON} letters.", "Shorten it.", column="note"))
    if (refused := why_not_again(session, event)) is not None:
        raise refused
    session.scalar(select(func.pg_advisory_xact_lock(LOCK, event.agency_id)))
    _refuse_same(session, event)
    copied = ("agency_id", "event", "allocation_id", "loan_account_no", "occurred_on", "count", "days", "amount_minor")
    values: dict[str, Any] = {name: getattr(event, name) for name in (*copied, "currency", "source_key")}
    agency = session.get_one(Agency, event.agency_id)
    made = EarningEvent(
        **values,
        ref=event_ref(agency, now),
        source="agency",
        detail=dict(event.detail) | {"resubmits": event.ref},
        note=note.strip(),
        resubmits_id=event.id,
    )
    return PROPOSALS.propose(session, made, actor=actor, now=now, action="resubmit")


def why_not_again(session: Session, event: EarningEvent) -> Refused | None:
    """What keeps an event from being handed in once more; None when nothing does."""
    if event.status != "rejected":
        return Refused(f"{event.ref} is {event.status}; only a rejected event is handed in again.", code="not_rejected")
    if event.resubmits_id is not None:
        return Refused("It was handed in again already; once is all there is.", code="second_time")
    query = select(EarningEvent.ref).where(
        EarningEvent.agency_id == event.agency_id, EarningEvent.resubmits_id == event.id
    )
    if again := session.scalar(query):
        return Refused(f"It was handed in again as {again}.", code="second_time")
    return None
