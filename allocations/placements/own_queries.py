"""What an agency reads about the accounts it holds. Every list starts from its own allocations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, func, select, tuple_
from sqlalchemy.orm import Session

from allocations.agencies.queries import OFFICE, Sight
from allocations.collections.field.contact_queries import account_contacts
from allocations.collections.field.promise_queries import Standing, account_promises
from allocations.collections.field_models import Contact
from allocations.collections.models import Collection
from allocations.placements.borrower_notice_models import BorrowerNotice
from allocations.placements.hold_rules import told_words
from allocations.placements.models import AccountSnapshot, Allocation, Hold, LoanAccount
from allocations.placements.queries import begins_with, held_on, in_sight, round_of
from allocations.reconciliation.bench.direct_queries import direct_of_account
from allocations.reconciliation.bench_models import DirectPayment
from portal.kernel.db import scope_of
from portal.kernel.errors import NotFound


def worklist(
    session: Session,
    agency_id: int,
    *,
    today: date,
    text: str = "",
    bucket: str = "",
    product: str = "",
    sight: Sight = OFFICE,
    after: tuple[Any, ...] | None = None,
    limit: int = 51,
) -> Sequence[Allocation]:
    """The accounts an agency holds today, by loan account number; `text` begins the number, or stands in the name."""
    query = select(Allocation).where(Allocation.agency_id == agency_id, held_on(today), in_sight(sight))
    query = narrowed(query, text, bucket, product)
    if after:
        query = query.where(tuple_(Allocation.loan_account_no, Allocation.id) > after)
    return session.scalars(query.order_by(Allocation.loan_account_no, Allocation.id).limit(limit)).all()


def narrowed(query: Select[Any], text: str, bucket: str, product: str) -> Select[Any]:
    if text and is_number(text):
        query = query.where(begins_with(Allocation.loan_account_no, text.upper()))
    elif text:
        query = query.where(Allocation.customer_name.icontains(text, autoescape=True))
    if bucket:
        query = query.where(Allocation.opening_bucket == bucket)
    if product:
        query = query.where(Allocation.product == product)
    return query


def is_number(text: str) -> bool:
    """Whether somebody typed (the beginning of) a loan account number rather than a name: one word with a digit in it.

    Asked for at once, number or name, no index can answer.
    """
    return " " not in text.strip() and any(char.isdigit() for char in text)


@dataclass(frozen=True)
class Held:
    """What an agency holds today: how many accounts, what they owed at the opening, by bucket."""

    accounts: int
    total_minor: int
    overdue_minor: int
    by_bucket: list[tuple[str, int, int]]


def held_today(session: Session, agency_id: int, today: date, sight: Sight = OFFICE) -> Held:
    rows = session.execute(
        select(
            Allocation.opening_bucket,
            func.count(),
            func.coalesce(func.sum(Allocation.opening_total_minor), 0),
            func.coalesce(func.sum(Allocation.opening_overdue_minor), 0),
            func.min(Allocation.opening_dpd_days),
        )
        .where(Allocation.agency_id == agency_id, held_on(today), in_sight(sight))
        .group_by(Allocation.opening_bucket)
    ).all()
    ordered = sorted(rows, key=lambda row: row[4])
    return Held(
        sum(row[1] for row in rows),
        int(sum(row[2] for row in rows)),
        int(sum(row[3] for row in rows)),
        [(row[0], row[1], int(row[2])) for row in ordered],
    )


def own_notices(session: Session, agency_id: int, allocation_id: int) -> Sequence[BorrowerNotice]:
    """What the borrower of an allocation was told of this agency, or is to be told, the newest first."""
    query = select(BorrowerNotice).where(
        BorrowerNotice.agency_id == agency_id, BorrowerNotice.allocation_id == allocation_id
    )
    return session.scalars(query.order_by(BorrowerNotice.id.desc())).all()


@dataclass(frozen=True, slots=True)
class OwnHold:
    """What an agency knows of a hold: since when, what it stops, and a cause that points at nobody."""

    from_on: date
    to_on: date | None
    effect: str
    told_cause: str

    def runs_on(self, day: date) -> bool:
        return self.from_on <= day and (self.to_on is None or self.to_on >= day)

    @property
    def words(self) -> str:
        return told_words(self.told_cause)


def own_holds(session: Session, loan_account_id: int) -> list[OwnHold]:
    """Holds of an account the agency holds today, the newest first."""
    query = select(Hold.from_on, Hold.to_on, Hold.effect, Hold.told_cause).where(
        Hold.loan_account_id == loan_account_id
    )
    return [OwnHold(*row) for row in session.execute(query.order_by(Hold.from_on.desc(), Hold.id.desc()))]


@dataclass(frozen=True)
class OwnAccount:
    """One held account: the allocation, the loan account while the term lasts, and what happened, each list the newest first."""

    allocation: Allocation
    account: LoanAccount | None
    collections: Sequence[Collection]
    snapshots: Sequence[AccountSnapshot]
    holds: Sequence[OwnHold]
    contacts: Sequence[Contact]
    promises: Sequence[Standing]
    direct: Sequence[DirectPayment]
    notices: Sequence[BorrowerNotice] = ()


def own_allocation(session: Session, agency_id: int, allocation_id: int, sight: Sight = OFFICE) -> Allocation:
    """One allocation of this agency; a field agent's account must be in their round today. NotFound for anybody else's, and for none."""
    query = select(Allocation).where(Allocation.agency_id == agency_id, Allocation.id == allocation_id)
    if not sight.everyone:
        query = query.where(Allocation.loan_account_id.in_(round_of(agency_id, sight, scope_of(session).today)))
    allocation = session.scalars(query).first()
    if allocation is None:
        raise NotFound("There is no such account.")
    return allocation


def own_account(
    session: Session, agency_id: int, allocation_id: int, *, today: date, sight: Sight = OFFICE
) -> OwnAccount:
    """One allocation of this agency with its story. NotFound for anybody else's, and for none."""
    allocation = own_allocation(session, agency_id, allocation_id, sight)
    account_id = allocation.loan_account_id
    collections = session.scalars(
        select(Collection)
        .where(Collection.agency_id == agency_id, Collection.loan_account_id == account_id)
        .order_by(Collection.collected_on.desc(), Collection.id.desc())
        .limit(100)
    ).all()
    about = AccountSnapshot.loan_account_id == account_id
    return OwnAccount(
        allocation,
        session.get(LoanAccount, account_id),
        collections,
        session.scalars(select(AccountSnapshot).where(about).order_by(AccountSnapshot.as_of.desc()).limit(24)).all(),
        own_holds(session, account_id),
        account_contacts(session, account_id, agency_id),
        account_promises(session, account_id, today, agency_id),
        direct_of_account(session, account_id, agency_id),
        own_notices(session, agency_id, allocation.id),
    )
