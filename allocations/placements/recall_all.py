"""Taking back every account an agency holds, in one statement, however many there are."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from allocations.placements.models import Allocation, LoanAccount
from allocations.placements.requests import withdraw_waiting
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Invalid, Problem

# Open: not recalled, and not over. One that was to begin later ends on the day it would have begun, so that it never runs on.
RECALL = text("""
    update allocations set to_on = greatest(:on, from_on), recalled_at = :now, recall_reason = :reason
    where agency_id = :agency and recalled_at is null and (to_on is null or to_on >= :on)
    returning id, opening_principal_minor
""")


@dataclass(frozen=True, slots=True)
class Recalled:
    """How many allocations came back, what their accounts owed at the opening (minor units), and a hash of which they are."""

    accounts: int
    principal_minor: int
    sha256: str


def recall_all(
    session: Session, agency_id: int, agency_code: str, *, on: date, reason: str, actor: Actor, now: datetime
) -> Recalled:
    """Recall every open allocation of an agency: `on` is the last day it holds them. Money collected through that day stays its own.

    Invalid without a reason. One event in the audit log names their number and the hash of their ids.
    """
    if not reason.strip():
        raise Invalid(Problem("missing_value", "A recall needs a reason.", "Say why.", column="reason"))
    given = {"on": on, "now": now, "reason": reason.strip(), "agency": agency_id}
    rows = sorted(session.execute(RECALL, given))
    session.expire_all()
    withdraw_waiting(session, [row.id for row in rows], actor=actor, now=now)
    ids = ",".join(str(row.id) for row in rows)
    found = Recalled(
        len(rows), sum(row.opening_principal_minor for row in rows), hashlib.sha256(ids.encode()).hexdigest()
    )
    if rows:
        record_event(
            session,
            AuditTag.ALLOCATIONS_RECALLED,
            actor=actor,
            subject_type="agency",
            subject_ref=agency_code,
            agency_id=agency_id,
            now=now,
            data={
                "on": on,
                "reason": reason.strip(),
                "accounts": found.accounts,
                "principal": found.principal_minor,
                "sha256": found.sha256,
            },
        )
    return found


def open_allocations(session: Session, agency_id: int, on: date) -> tuple[int, int]:
    """How many allocations of an agency are open on a day, or begin later, and what their accounts owed at the opening (minor units)."""
    query = select(func.count(), func.coalesce(func.sum(Allocation.opening_principal_minor), 0)).where(
        Allocation.agency_id == agency_id,
        Allocation.recalled_at.is_(None),
        Allocation.to_on.is_(None) | (Allocation.to_on >= on),
    )
    count, owed = session.execute(query).one()
    return int(count), int(owed)


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
