"""An agent's day: the accounts to see today, those that promised first, with all a phone needs to work on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import case, func, or_, select, text
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from allocations.agencies.queries import OFFICE, Sight
from allocations.collections.field.contact_facts import NO_WORK, WEEK, day_span, rules_on
from allocations.collections.field.contact_rules import COUNTED_KINDS, Rules, attempts_left
from allocations.collections.field.dispositions import PARTIES
from allocations.collections.field.promises import ALIVE, Judged
from allocations.collections.field.promises_service import judged
from allocations.collections.field_models import Contact, Promise
from allocations.placements.hold_rules import told_words
from allocations.placements.models import Allocation, Hold, LoanAccount
from allocations.placements.queries import held_on, in_sight, round_of

LONGEST_AGO = timedelta(days=30)  # a promise broken longer ago leads no list


@dataclass(frozen=True, slots=True)
class DayRow:
    """One account of the day. Amounts in minor units; `promised_…` the next promise that is not kept yet, or one just broken.

    The place is the account's own, else the last one where money was confirmed or somebody who owes was met.
    """

    loan_account_id: int
    allocation_id: int
    loan_account_no: str
    customer_name: str
    mobile: str | None
    address: str | None
    city: str | None
    pincode: str | None
    product: str
    bucket: str
    dpd_days: int
    overdue_minor: int
    total_minor: int
    emi_minor: int
    currency: str
    promised_minor: int | None
    promised_on: date | None
    last_contact_at: datetime | None
    last_disposition: str | None
    visited_today: bool
    on_hold: str | None
    latitude: Decimal | None
    longitude: Decimal | None
    attempts_left_today: int | None


def day_list(
    session: Session,
    *,
    agency_id: int,
    agent_id: int | None,
    today: date,
    limit: int = 300,
    everyone: bool = False,
) -> list[DayRow]:
    """The accounts held today: an agent's own and nobody's; without an agent nobody's alone, with `everyone` all of the agency's.

    Promised today or overdue first, then not yet visited by what is overdue, visited ones last.
    """
    rules = rules_on(session, today)
    sight = Sight(everyone, agent_id)
    promised = promised_now(session, agency_id, today, sight)
    visited = visited_on(session, agency_id, today, rules)
    order = [
        case((Allocation.loan_account_id.in_(_due(promised, today)), 0), else_=1),
        case((Allocation.loan_account_id.in_(visited), 1), else_=0),
        Allocation.opening_overdue_minor.desc(),
        Allocation.id,
    ]
    held = (
        select(Allocation, LoanAccount)
        .join(LoanAccount, LoanAccount.id == Allocation.loan_account_id)
        .where(Allocation.agency_id == agency_id, held_on(today), in_sight(sight))
    )
    found: dict[int, tuple[Allocation, LoanAccount]] = {}
    for allocation, account in session.execute(held.order_by(*order).limit(limit)):
        found.setdefault(account.id, (allocation, account))  # one row, though it be held in both streams
    about = About(session, agency_id, list(found), today, rules)
    return [_row(allocation, account, about, promised, visited) for allocation, account in found.values()]


def _due(promised: Mapping[int, Judged], today: date) -> list[int]:
    return [account for account, verdict in promised.items() if verdict.promise.due_on <= today]


def promised_now(session: Session, agency_id: int, today: date, sight: Sight = OFFICE) -> dict[int, Judged]:
    """Loan account → its promise that wants looking after: the first one still alive, else the last one broken of late."""
    query = select(Promise).where(
        Promise.agency_id == agency_id, Promise.replaced_on.is_(None), Promise.due_on >= today - LONGEST_AGO
    )
    if not sight.everyone:
        query = query.where(Promise.loan_account_id.in_(round_of(agency_id, sight, today)))
    promises = session.scalars(query.order_by(Promise.due_on, Promise.id)).all()
    verdicts = judged(session, promises, today)
    chosen: dict[int, Judged] = {}
    for promise in promises:
        verdict = verdicts[promise.id]
        if verdict.state == "kept":
            continue
        known = chosen.get(promise.loan_account_id)
        if known is None or known.state not in ALIVE:
            chosen[promise.loan_account_id] = verdict
    return chosen


def visited_on(session: Session, agency_id: int, day: date, rules: Rules) -> set[int]:
    """Loan accounts this agency visited on a day."""
    start, end = day_span(day, day, rules.zone_of(None))
    query = select(Contact.loan_account_id).where(
        Contact.agency_id == agency_id, Contact.kind == "visit", Contact.at >= start, Contact.at < end
    )
    return set(session.scalars(query))


class About:
    """What is known beside the accounts themselves, read for all of them at once: contacts, holds, places."""

    def __init__(self, session: Session, agency_id: int, accounts: Sequence[int], today: date, rules: Rules) -> None:
        self.rules = rules
        self.holds = holds_of(session, accounts, today)
        self.last = {row.loan_account_id: row for row in _last_contacts(session, agency_id, accounts)}
        self.attempts = _attempts(session, agency_id, accounts, today, rules)
        self.places = _places(session, agency_id, accounts)

    def place(self, account: LoanAccount) -> tuple[Decimal | None, Decimal | None]:
        if account.latitude is not None and account.longitude is not None:
            return account.latitude, account.longitude
        return self.places.get(account.id, (None, None))


def holds_of(session: Session, accounts: Sequence[int], day: date) -> dict[int, str]:
    """Loan account → why it may not be worked on a day, in the words its agency may read."""
    query = select(Hold.loan_account_id, Hold.told_cause).where(
        Hold.loan_account_id.in_(accounts),
        Hold.effect.in_(NO_WORK),
        Hold.from_on <= day,
        or_(Hold.to_on.is_(None), Hold.to_on >= day),
    )
    return {row.loan_account_id: told_words(row.told_cause) for row in session.execute(query.order_by(Hold.id.desc()))}


def _last_contacts(session: Session, agency_id: int, accounts: Sequence[int]) -> Iterable[Contact]:
    query = select(Contact).ext(distinct_on(Contact.loan_account_id))
    own = query.where(Contact.agency_id == agency_id, Contact.loan_account_id.in_(accounts))
    return session.scalars(own.order_by(Contact.loan_account_id, Contact.at.desc(), Contact.id.desc()))


def _attempts(
    session: Session, agency_id: int, accounts: Sequence[int], today: date, rules: Rules
) -> dict[int, tuple[int, int]]:
    """Loan account → contacts today, and on the seven days that end today."""
    zone = rules.zone_of(None)
    start, _ = day_span(today, today, zone)
    begin, end = day_span(today - WEEK, today, zone)
    query = (
        select(Contact.loan_account_id, func.count().filter(Contact.at >= start), func.count())
        .where(
            Contact.agency_id == agency_id,
            Contact.loan_account_id.in_(accounts),
            Contact.kind.in_(COUNTED_KINDS),
            Contact.at >= begin,
            Contact.at < end,
        )
        .group_by(Contact.loan_account_id)
    )
    return {account: (day, week) for account, day, week in session.execute(query)}


PLACES = text("""
    select distinct on (loan_account_id) loan_account_id, latitude, longitude from (
      select c.loan_account_id, c.latitude, c.longitude, c.collected_on::timestamptz as at, 0 as rank
        from collections c
       where c.agency_id = :agency and c.loan_account_id = any(:accounts) and c.latitude is not null
         and c.longitude is not null and c.linked_minor > 0
      union all
      select v.loan_account_id, v.latitude, v.longitude, v.at, 1
        from contacts v
       where v.agency_id = :agency and v.loan_account_id = any(:accounts) and v.kind = 'visit' and v.latitude is not null
         and v.person = any(:parties)
    ) seen order by loan_account_id, rank, at desc
""")


def _places(
    session: Session, agency_id: int, accounts: Sequence[int]
) -> dict[int, tuple[Decimal | None, Decimal | None]]:
    """Loan account → where money was taken that the bank has seen, else where somebody who owes was met last."""
    asked: dict[str, Any] = {"agency": agency_id, "accounts": list(accounts), "parties": sorted(PARTIES)}
    return {account: (latitude, longitude) for account, latitude, longitude in session.execute(PLACES, asked)}


def _row(
    allocation: Allocation, account: LoanAccount, about: About, promised: Mapping[int, Judged], visited: set[int]
) -> DayRow:
    promise, last = promised.get(account.id), about.last.get(account.id)
    latitude, longitude = about.place(account)
    dpd = account.latest_dpd_days
    return DayRow(
        loan_account_id=account.id,
        allocation_id=allocation.id,
        loan_account_no=account.loan_account_no,
        customer_name=account.customer_name,
        mobile=account.mobile,
        address=account.address,
        city=account.city,
        pincode=account.pincode,
        product=account.product,
        bucket=account.latest_bucket or allocation.opening_bucket,
        dpd_days=allocation.opening_dpd_days if dpd is None else dpd,
        overdue_minor=_newest(account.latest_overdue_minor, allocation.opening_overdue_minor),
        total_minor=_newest(account.latest_total_minor, allocation.opening_total_minor),
        emi_minor=_newest(account.latest_emi_minor, allocation.opening_emi_minor),
        currency=account.currency,
        promised_minor=promise.missing_minor if promise else None,
        promised_on=promise.promise.due_on if promise else None,
        last_contact_at=last.at if last else None,
        last_disposition=last.disposition if last else None,
        visited_today=account.id in visited,
        on_hold=about.holds.get(account.id),
        latitude=latitude,
        longitude=longitude,
        attempts_left_today=attempts_left(about.rules, *about.attempts.get(account.id, (0, 0))),
    )


def _newest(latest: int | None, opening: int) -> int:
    return opening if latest is None else latest
