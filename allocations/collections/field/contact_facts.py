"""Gathering what the rules look at: the allocation a contact falls under, holds, other contacts, places, the rules of the day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from allocations.agencies.dated_settings import settings_on
from allocations.agencies.models import Agent
from allocations.agencies.queries import Sight
from allocations.collections.field.contact_rules import (
    COUNTED_KINDS,
    AgentFacts,
    ContactFacts,
    NoticeFacts,
    Rules,
    rules_from,
)
from allocations.collections.field.dispositions import Disposition, dispositions_under
from allocations.collections.field.places import Place, place_of
from allocations.collections.field_models import Contact
from allocations.placements.borrower_notice_queries import notice_for
from allocations.placements.hold_rules import NO_WORK
from allocations.placements.models import Allocation, Hold, LoanAccount
from allocations.placements.queries import in_sight

WEEK = timedelta(days=6)  # before the day itself


def rules_on(session: Session, day: date) -> Rules:
    return rules_from(settings_on(session, "contact.", day))


def dispositions_on(session: Session, day: date) -> dict[str, Disposition]:
    """What a contact may end in on a day, hidden codes included."""
    return dispositions_under(settings_on(session, "contact.dispositions", day).get("contact.dispositions"))


def allocation_for(
    session: Session, agency_id: int, loan_account_no: str, day: date, sight: Sight
) -> Allocation | None:
    """The allocation a contact of that day belongs to: the one in force, else the nearest one; None when there never was any.

    Where the agency holds the account in both streams, the one in the person's sight, the field's first.
    """
    query = select(Allocation).where(
        Allocation.agency_id == agency_id, Allocation.loan_account_no == loan_account_no, in_sight(sight)
    )
    rows = session.scalars(query).all()
    return min(rows, key=lambda row: (_days_off(row, day), row.stream != "field", -row.id), default=None)


def _days_off(row: Allocation, day: date) -> int:
    """How far a day lies outside a term; 0 within it."""
    if day < row.from_on:
        return (row.from_on - day).days
    return (day - row.to_on).days if row.to_on and day > row.to_on else 0


def day_span(first: date, last: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The instants at which the first day begins and the last one is over, by the clock of a zone."""
    return datetime.combine(first, time(), zone), datetime.combine(last + timedelta(days=1), time(), zone)


def holds_on(session: Session, loan_account_id: int, day: date) -> Sequence[str]:
    """Why an account may not be worked on a day, as far as an agency may know; it sees that while it holds the account."""
    query = select(Hold.told_cause).where(
        Hold.loan_account_id == loan_account_id,
        Hold.effect.in_(NO_WORK),
        Hold.from_on <= day,
        or_(Hold.to_on.is_(None), Hold.to_on >= day),
    )
    return session.scalars(query.order_by(Hold.id)).all()


def attempts(session: Session, agency_id: int, loan_account_id: int, day: date, zone: ZoneInfo) -> tuple[int, int]:
    """The agency's own contacts with an account: on the day, and on the seven days that end with it. Others' are not told."""
    start, _ = day_span(day, day, zone)
    begin, end = day_span(day - WEEK, day, zone)
    query = select(func.count().filter(Contact.at >= start), func.count()).where(
        Contact.agency_id == agency_id,
        Contact.loan_account_id == loan_account_id,
        Contact.kind.in_(COUNTED_KINDS),
        Contact.at >= begin,
        Contact.at < end,
    )
    today, week = session.execute(query).one()
    return today, week


def neighbours(session: Session, agency_id: int, agent_code: str, at: datetime) -> tuple[tuple[datetime, Place], ...]:
    """The agent's nearest visits with a place, before and after an instant."""
    placed = select(Contact).where(
        Contact.agency_id == agency_id,
        Contact.agent_code == agent_code,
        Contact.kind == "visit",
        Contact.latitude.is_not(None),
        Contact.at > at - timedelta(days=1),
        Contact.at < at + timedelta(days=1),
    )
    before = session.scalars(placed.where(Contact.at <= at).order_by(Contact.at.desc(), Contact.id.desc()).limit(1))
    after = session.scalars(placed.where(Contact.at > at).order_by(Contact.at, Contact.id).limit(1))
    found = [(row.at, place_of(row.latitude, row.longitude, row.accuracy_m)) for row in (*before, *after)]
    return tuple((when, place) for when, place in found if place is not None)


def contact_facts(
    session: Session,
    entry: Any,
    allocation: Allocation,
    disposition: Disposition,
    agent: Agent | None,
    rules: Rules,
    received_at: datetime,
) -> ContactFacts:
    """Everything the rules look at for one contact about to be recorded. `entry` is a ContactEntry."""
    zone = rules.zone_of(allocation.state)
    day = entry.at.astimezone(zone).date()
    place = place_of(entry.latitude, entry.longitude, entry.accuracy_m)
    account = session.get(LoanAccount, allocation.loan_account_id)
    notice = notice_for(session, allocation.id, day) if rules.before_notice != "ignore" else None
    others = attempts(session, allocation.agency_id, allocation.loan_account_id, day, zone)
    moves = agent is not None and place is not None and entry.kind == "visit"
    return ContactFacts(
        kind=entry.kind,
        at=entry.at,
        received_at=received_at,
        person=entry.person,
        disposition=disposition,
        held_from=allocation.from_on,
        held_to=allocation.to_on,
        state=allocation.state,
        hold_causes=tuple(holds_on(session, allocation.loan_account_id, day)),
        notice=NoticeFacts(notice.status, notice.due_on, notice.sent_at) if notice else None,
        others_that_day=others[0],
        others_that_week=others[1],
        place=place,
        account_place=place_of(account.latitude, account.longitude) if account else None,
        neighbours=neighbours(session, allocation.agency_id, agent.code, entry.at) if moves and agent else (),
        agent=AgentFacts(agent.code, agent.is_active, agent.certificate_until, agent.verified_until) if agent else None,
    )
