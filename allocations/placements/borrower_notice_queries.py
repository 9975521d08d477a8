"""Reads of borrowers' notices: which are due, what became of them, and what a contact has to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.placements.borrower_notice_models import BorrowerNotice
from allocations.placements.borrower_notice_rules import STATUSES
from allocations.placements.models import Allocation
from allocations.placements.queries import begins_with

OPEN = ("due", "failed")


def notices_due_for_agency(session: Session, agency_id: int) -> Sequence[BorrowerNotice]:
    """The notices of an agency's accounts that have not reached their borrower, in the order they became due."""
    query = select(BorrowerNotice).where(BorrowerNotice.agency_id == agency_id, BorrowerNotice.status.in_(OPEN))
    return session.scalars(query.order_by(BorrowerNotice.id)).all()


def notice_for(session: Session, allocation_id: int, day: date) -> BorrowerNotice | None:
    """What the borrower of an allocation had to be told by a day: the newest notice due by then. None where none was owed."""
    query = select(BorrowerNotice).where(
        BorrowerNotice.allocation_id == allocation_id,
        BorrowerNotice.due_on <= day,
        BorrowerNotice.cause != "agency_ended",
    )
    return session.scalars(query.order_by(BorrowerNotice.due_on.desc(), BorrowerNotice.id.desc()).limit(1)).first()


def untold(session: Session, allocation_ids: Sequence[int], day: date) -> set[int]:
    """Of these allocations, those whose newest notice due by a day has not gone out."""
    newest = (
        select(BorrowerNotice.allocation_id, BorrowerNotice.sent_at, BorrowerNotice.status)
        .ext(distinct_on(BorrowerNotice.allocation_id))
        .where(
            BorrowerNotice.allocation_id.in_(allocation_ids),
            BorrowerNotice.due_on <= day,
            BorrowerNotice.cause != "agency_ended",
        )
        .order_by(BorrowerNotice.allocation_id, BorrowerNotice.due_on.desc(), BorrowerNotice.id.desc())
    )
    return {row.allocation_id for row in session.execute(newest) if row.sent_at is None or row.status in OPEN}


def notices_of_account(session: Session, loan_account_id: int, limit: int = 60) -> Sequence[BorrowerNotice]:
    """Everything the borrower of an account was told or is to be told, the newest first."""
    query = select(BorrowerNotice).where(BorrowerNotice.loan_account_id == loan_account_id)
    return session.scalars(query.order_by(BorrowerNotice.id.desc()).limit(limit)).all()


def list_notices(
    session: Session,
    after: tuple[Any, ...] | None,
    limit: int,
    *,
    status: str = "",
    agency: str = "",
    batch: str = "",
    q: str = "",
) -> Sequence[Any]:
    """One page of (BorrowerNotice, agency's code), the newest first."""
    query = select(BorrowerNotice, Agency.code).join(Agency, Agency.id == BorrowerNotice.agency_id)
    if after:
        query = query.where(BorrowerNotice.id < after[0])
    if status:
        query = query.where(BorrowerNotice.status == status)
    if agency:
        query = query.where(Agency.code == agency)
    if batch:
        query = query.where(BorrowerNotice.batch_ref == batch, BorrowerNotice.batch_ref != "")
    if q:
        query = query.where(begins_with(BorrowerNotice.loan_account_no, q))
    return session.execute(query.order_by(BorrowerNotice.id.desc()).limit(limit)).all()


@dataclass(frozen=True, slots=True)
class Standing:
    """How notices stand: how many of each status, and how many are waiting to be taken into a batch."""

    by_status: dict[str, int]
    to_export: int

    @property
    def total(self) -> int:
        return sum(self.by_status.values())


def standing(session: Session, today: date) -> Standing:
    """Counts over all notices; those of accounts that went back before their notice went out wait for nothing."""
    counted = select(BorrowerNotice.status, func.count()).group_by(BorrowerNotice.status)
    found = {row[0]: row[1] for row in session.execute(counted)}
    still = (BorrowerNotice.cause == "agency_ended") | Allocation.to_on.is_(None) | (Allocation.to_on >= today)
    waiting = (
        select(func.count())
        .select_from(BorrowerNotice)
        .join(Allocation, Allocation.id == BorrowerNotice.allocation_id)
        .where(BorrowerNotice.status.in_(OPEN), BorrowerNotice.batch_ref == "", still)
    )
    return Standing({status: found.get(status, 0) for status in STATUSES}, session.scalar(waiting) or 0)
