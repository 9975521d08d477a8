"""Taking allocations back: the one way many at once are recalled, whoever chose them, and what that leaves to be read."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.orm import Session

from allocations.placements.models import Allocation, LoanAccount
from allocations.placements.requests import withdraw_waiting
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Invalid, Problem

NAMED = 2_000  # allocations an audit record names one by one; of more it keeps the hash alone
# Open: not recalled, and not over. One that was to begin later ends on the day it would have begun, so that it never runs on.
TAKE_BACK = text("""
    update allocations a set to_on = greatest(:on, a.from_on), recalled_at = :now, recall_reason = :reason
    from agencies g
    where g.id = a.agency_id and a.id = any(:ids) and a.recalled_at is null and (a.to_on is null or a.to_on >= :on)
    returning a.id, a.agency_id, g.code, a.opening_principal_minor
""")


@dataclass(frozen=True, slots=True)
class Taken:
    """What came back from one agency: allocations, and what their accounts owed at the opening (minor units)."""

    agency_id: int
    code: str
    ids: tuple[int, ...]
    principal_minor: int


def take_back(
    session: Session, ids: Sequence[int], *, on: date, reason: str, actor: Actor, now: datetime
) -> list[Taken]:
    """Recall these allocations as far as they are open, in one statement: `on` is the last day their agencies hold them.

    Money collected through that day stays the agency's own. What is still asked of them is withdrawn; one event an agency names
    them. Invalid without a reason.
    """
    if not reason.strip():
        raise Invalid(Problem("missing_value", "A recall needs a reason.", "Say why.", column="reason"))
    given = {"on": on, "now": now, "reason": reason.strip(), "ids": list(ids)}
    rows = sorted(session.execute(TAKE_BACK, given))
    session.expire_all()
    withdraw_waiting(session, [row.id for row in rows], actor=actor, now=now)
    found = []
    for agency_id, code in sorted({(row.agency_id, row.code) for row in rows}, key=lambda each: each[1]):
        its = [row for row in rows if row.agency_id == agency_id]
        owed = sum(row.opening_principal_minor for row in its)
        found.append(Taken(agency_id, code, tuple(row.id for row in its), owed))
    for each in found:
        _tell(session, each, on, reason.strip(), actor, now)
    return found


def digest(ids: Sequence[int]) -> str:
    return hashlib.sha256(str(list(ids)).encode()).hexdigest()


def _tell(session: Session, taken: Taken, on: date, reason: str, actor: Actor, now: datetime) -> None:
    record_event(
        session,
        AuditTag.ALLOCATIONS_RECALLED,
        actor=actor,
        subject_type="recall",
        subject_ref=f"{taken.code}/{on}",
        agency_id=taken.agency_id,
        now=now,
        data={
            "on": on,
            "reason": reason,
            "accounts": len(taken.ids),
            "principal": taken.principal_minor,
            "allocations": list(taken.ids[:NAMED]),
            "sha256": digest(taken.ids),
        },
    )


# --- an agency whose work has ended


def open_allocations(session: Session, agency_id: int, on: date) -> tuple[int, int]:
    """How many allocations of an agency are open on a day, or begin later, and what their accounts owed at the opening (minor units)."""
    query = select(func.count(), func.coalesce(func.sum(Allocation.opening_principal_minor), 0))
    count, owed = session.execute(query.where(*_open(agency_id, on))).one()
    return int(count), int(owed)


def next_open(session: Session, agency_id: int, on: date, limit: int) -> list[int]:
    """The first of them by number."""
    query = select(Allocation.id).where(*_open(agency_id, on)).order_by(Allocation.id).limit(limit)
    return list(session.scalars(query))


def _open(agency_id: int, on: date) -> tuple[ColumnElement[bool], ...]:
    return (
        Allocation.agency_id == agency_id,
        Allocation.recalled_at.is_(None),
        Allocation.to_on.is_(None) | (Allocation.to_on >= on),
    )


def taken_at(session: Session, agency_id: int, at: datetime) -> Taken:
    """What came back from an agency at one moment, as one act."""
    query = select(Allocation.id, Allocation.opening_principal_minor).where(
        Allocation.agency_id == agency_id, Allocation.recalled_at == at
    )
    rows = session.execute(query.order_by(Allocation.id)).all()
    return Taken(agency_id, "", tuple(row.id for row in rows), sum(row.opening_principal_minor for row in rows))


@dataclass(frozen=True, slots=True)
class ToTell:
    """A borrower who is to be told that the agency does not act for the bank any more."""

    allocation_id: int
    loan_account_no: str
    customer_name: str
    mobile: str
    email: str
    address: str
    city: str
    pincode: str
    last_day: date | None


def borrowers_to_tell(
    session: Session, agency_id: int, recalled_at: datetime, after: int = 0, limit: int = 51
) -> Sequence[ToTell]:
    """Whose accounts came back at one moment, by allocation: name, and where they can be reached."""
    query = (
        select(
            Allocation.id,
            Allocation.loan_account_no,
            LoanAccount.customer_name,
            LoanAccount.mobile,
            LoanAccount.email,
            LoanAccount.address,
            LoanAccount.city,
            LoanAccount.pincode,
            Allocation.to_on,
        )
        .join(LoanAccount, LoanAccount.id == Allocation.loan_account_id)
        .where(Allocation.agency_id == agency_id, Allocation.recalled_at == recalled_at, Allocation.id > after)
        .order_by(Allocation.id)
        .limit(limit)
    )
    return [
        ToTell(key, number, name, mobile or "", email or "", address or "", city or "", pincode or "", last_day)
        for key, number, name, mobile, email, address, city, pincode, last_day in session.execute(query)
    ]
