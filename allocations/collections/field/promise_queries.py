"""What pages and scorecards read about promises, each with the verdict of the confirmed money."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Select, select, tuple_
from sqlalchemy.orm import Session

from allocations.agencies.queries import OFFICE, Sight
from allocations.collections.field.promises import ALIVE, BROKEN, KEPT, PARTLY, REPLACED, Judged
from allocations.collections.field.promises_service import judged
from allocations.collections.field_models import Promise
from allocations.collections.models import Collection
from allocations.placements.models import Allocation
from allocations.placements.queries import begins_with, round_of
from portal.kernel.periods import Period

STORY = 60
RECENT = timedelta(days=60)  # how long a promise that was not kept is called overdue
MOST_OVERDUE = 1000


@dataclass(frozen=True, slots=True)
class Standing:
    """A promise beside what became of it.

    `reported_minor`: what the agency says it collected on the account from the day of the promise through its last day and the bank
    has not seen yet; it keeps no promise.
    """

    promise: Promise
    verdict: Judged
    borrower: str = ""
    reported_minor: int = 0

    @property
    def state(self) -> str:
        return self.verdict.state


def with_verdicts(session: Session, promises: Sequence[Promise], today: date) -> list[Standing]:
    verdicts = judged(session, promises, today)
    names, reported = _borrowers(session, promises), _reported(session, promises)
    return [
        Standing(
            each, verdicts[each.id], names.get(each.allocation_id, ""), _waiting(each, verdicts[each.id], reported)
        )
        for each in promises
    ]


def _borrowers(session: Session, promises: Sequence[Promise]) -> dict[int, str]:
    """Allocation → the borrower's name."""
    ids = {promise.allocation_id for promise in promises}
    query = select(Allocation.id, Allocation.customer_name).where(Allocation.id.in_(ids))
    return {row.id: row.customer_name for row in session.execute(query)}


Reported = dict[tuple[int, int], list[tuple[date, int]]]


def _reported(session: Session, promises: Sequence[Promise]) -> Reported:
    """(agency, account) → [(day, minor units)] that the agency reports and the bank has not seen."""
    if not promises:
        return {}
    query = select(
        Collection.agency_id,
        Collection.loan_account_id,
        Collection.collected_on,
        Collection.amount_minor,
        Collection.linked_minor,
    ).where(
        Collection.loan_account_id.in_({promise.loan_account_id for promise in promises}),
        Collection.agency_id.in_({promise.agency_id for promise in promises}),
        Collection.collected_on >= min(promise.made_on for promise in promises),
        Collection.linked_minor < Collection.amount_minor,
    )
    found: Reported = defaultdict(list)
    for row in session.execute(query):
        found[row.agency_id, row.loan_account_id].append((row.collected_on, row.amount_minor - row.linked_minor))
    return found


def _waiting(promise: Promise, verdict: Judged, reported: Reported) -> int:
    rows = reported.get((promise.agency_id, promise.loan_account_id), [])
    return sum(minor for day, minor in rows if verdict.promise.takes(day))


def _own(agency_id: int | None, today: date, sight: Sight = OFFICE, text: str = "") -> Select[Promise]:
    query = select(Promise)
    if agency_id is not None:
        query = query.where(Promise.agency_id == agency_id)
        if not sight.everyone:
            query = query.where(Promise.loan_account_id.in_(round_of(agency_id, sight, today)))
    if text:
        query = query.where(begins_with(Promise.loan_account_no, text.upper()))
    return query


def promises_today(
    session: Session, agency_id: int, today: date, *, sight: Sight = OFFICE, text: str = "", limit: int = 500
) -> list[Standing]:
    """Due today: those not kept yet before the others, the largest first."""
    query = _own(agency_id, today, sight, text).where(Promise.due_on == today, Promise.replaced_on.is_(None))
    rows = session.scalars(query.order_by(Promise.amount_minor.desc(), Promise.id).limit(limit)).all()
    return sorted(with_verdicts(session, rows, today), key=lambda each: each.state not in ALIVE)


def promises_overdue(
    session: Session, agency_id: int, today: date, *, sight: Sight = OFFICE, text: str = ""
) -> list[Standing]:
    """Due before today and not kept, in grace or broken, of the last sixty days; the newest first."""
    query = _own(agency_id, today, sight, text).where(
        Promise.due_on < today, Promise.due_on >= today - RECENT, Promise.replaced_on.is_(None)
    )
    rows = session.scalars(query.order_by(Promise.due_on.desc(), Promise.id.desc()).limit(MOST_OVERDUE)).all()
    return [each for each in with_verdicts(session, rows, today) if each.state != KEPT]


def promises_coming(
    session: Session,
    agency_id: int,
    today: date,
    *,
    sight: Sight = OFFICE,
    text: str = "",
    after: tuple[Any, ...] | None = None,
    limit: int = 51,
) -> list[Standing]:
    """Due after today, the next first."""
    query = _own(agency_id, today, sight, text).where(Promise.due_on > today, Promise.replaced_on.is_(None))
    if after:
        query = query.where(tuple_(Promise.due_on, Promise.id) > after)
    rows = session.scalars(query.order_by(Promise.due_on, Promise.id).limit(limit)).all()
    return with_verdicts(session, rows, today)


def promises_due(
    session: Session,
    agency_id: int | None,
    period: Period,
    today: date,
    *,
    sight: Sight = OFFICE,
    text: str = "",
    after: tuple[Any, ...] | None = None,
    limit: int = 51,
) -> list[Standing]:
    """Every promise due in a period, with what became of it; the newest first."""
    query = _own(agency_id, today, sight, text).where(Promise.due_on >= period.start, Promise.due_on < period.end)
    if after:
        query = query.where(tuple_(Promise.due_on, Promise.id) < after)
    rows = session.scalars(query.order_by(Promise.due_on.desc(), Promise.id.desc()).limit(limit)).all()
    return with_verdicts(session, rows, today)


def account_promises(
    session: Session, loan_account_id: int, today: date, agency_id: int | None = None
) -> list[Standing]:
    """An account's promises, the one due last first; of one agency or of all in scope."""
    query = _own(agency_id, today).where(Promise.loan_account_id == loan_account_id)
    rows = session.scalars(query.order_by(Promise.due_on.desc(), Promise.id.desc()).limit(STORY)).all()
    return with_verdicts(session, rows, today)


@dataclass(frozen=True, slots=True)
class TodaysPromises:
    """What an agency's day begins with: promises due today that are not kept yet, and what is missing of them."""

    count: int
    missing_minor: int


def todays_promises(session: Session, agency_id: int, today: date, *, sight: Sight = OFFICE) -> TodaysPromises:
    alive = [each for each in promises_today(session, agency_id, today, sight=sight) if each.state in ALIVE]
    return TodaysPromises(len(alive), sum(each.verdict.missing_minor for each in alive))


@dataclass(frozen=True, slots=True)
class KeptCounts:
    """How an agency's promises of a period ended, for its scorecard; replaced ones and those still running are left out."""

    due: int
    kept: int
    partly: int
    broken: int
    promised_minor: int
    confirmed_minor: int


def kept_counts(session: Session, agency_id: int, period: Period, today: date) -> KeptCounts:
    """Promises due in a period whose time is over on `today`."""
    query = _own(agency_id, today).where(Promise.due_on >= period.start, Promise.due_on < period.end)
    verdicts = judged(session, session.scalars(query).all(), today).values()
    over = [each for each in verdicts if each.state not in ALIVE | {REPLACED}]
    states = [each.state for each in over]
    return KeptCounts(
        due=len(over),
        kept=states.count(KEPT),
        partly=states.count(PARTLY),
        broken=states.count(BROKEN),
        promised_minor=sum(each.promise.amount_minor for each in over),
        confirmed_minor=sum(each.confirmed_minor for each in over),
    )
