"""Reads of what is asked about allocations: the bank's list and one request, an agency's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from allocations.agencies.models import Agency
from allocations.placements.models import Allocation, Placement
from allocations.placements.request_models import AllocationRequest
from portal.kernel.errors import NotFound, Refused

Receiver = aliased(Agency)


@dataclass(frozen=True, slots=True)
class Row:
    """A request with what it is about, and who would receive the account."""

    request: AllocationRequest
    allocation: Allocation
    agency: Agency
    placement: str
    receiver: Agency | None


def _rows() -> Any:
    return (
        select(AllocationRequest, Allocation, Agency, Placement.code, Receiver)
        .join(Allocation, Allocation.id == AllocationRequest.allocation_id)
        .join(Agency, Agency.id == AllocationRequest.agency_id)
        .join(Placement, Placement.id == Allocation.placement_id)
        .outerjoin(Receiver, Receiver.id == AllocationRequest.to_agency_id)
    )


def list_requests(
    session: Session,
    after: tuple[Any, ...] | None,
    limit: int,
    *,
    status: str = "",
    what: str = "",
    agency: str = "",
    side: str = "",
) -> list[Row]:
    """One page, the newest first; `what` is a kind of request."""
    query = _rows()
    for column, value in ((AllocationRequest.status, status), (AllocationRequest.kind, what), (Agency.code, agency)):
        if value:
            query = query.where(column == value)
    if side:
        query = query.where(AllocationRequest.side == side)
    if after:
        query = query.where(AllocationRequest.id < after[0])
    return [Row(*row) for row in session.execute(query.order_by(AllocationRequest.id.desc()).limit(limit))]


def find_request(session: Session, request_id: int) -> Row:
    """One request. NotFound when there is none."""
    row = session.execute(_rows().where(AllocationRequest.id == request_id)).first()
    if row is None:
        raise NotFound("There is no such request.")
    return Row(*row)


def waiting_by_kind(session: Session) -> dict[str, int]:
    """Kind → how many wait for a word."""
    query = select(AllocationRequest.kind, func.count()).where(AllocationRequest.status == "proposed")
    return {row[0]: row[1] for row in session.execute(query.group_by(AllocationRequest.kind))}


def find_allocation(session: Session, allocation_id: int) -> tuple[Allocation, Agency, str]:
    """An allocation with its agency and its placement's code. NotFound when there is none."""
    query = (
        select(Allocation, Agency, Placement.code)
        .join(Agency, Agency.id == Allocation.agency_id)
        .join(Placement, Placement.id == Allocation.placement_id)
        .where(Allocation.id == allocation_id)
    )
    row = session.execute(query).first()
    if row is None:
        raise NotFound("There is no such allocation.")
    return row[0], row[1], row[2]


def held_allocation(session: Session, loan_account_no: str, agency: str, today: date) -> Allocation:
    """The allocation of an account that is not over, of one agency or of the only one that holds it.

    NotFound where nobody holds it; Refused where two do and none is named.
    """
    query = (
        select(Allocation)
        .join(Agency, Agency.id == Allocation.agency_id)
        .where(Allocation.loan_account_no == loan_account_no.strip(), Allocation.recalled_at.is_(None))
        .where(Allocation.to_on.is_(None) | (Allocation.to_on >= today))
        .order_by(Allocation.from_on, Allocation.id)
    )
    found = session.scalars(query.where(Agency.code == agency) if agency else query).all()
    if not found:
        raise NotFound(f"{f'{agency} does not hold' if agency else 'Nobody holds'} {loan_account_no[:60]}.")
    if len({each.agency_id for each in found}) > 1:
        raise Refused("Two agencies hold this account.", code="two_agencies", cure="Name one of them.")
    return found[0]


# --- an agency's own


def own_requests(
    session: Session, agency_id: int, after: tuple[Any, ...] | None, limit: int
) -> Sequence[AllocationRequest]:
    """One page of what an agency asked, the newest first."""
    query = select(AllocationRequest).where(
        AllocationRequest.agency_id == agency_id, AllocationRequest.side == "agency"
    )
    if after:
        query = query.where(AllocationRequest.id < after[0])
    return session.scalars(query.order_by(AllocationRequest.id.desc()).limit(limit)).all()


def own_waiting(session: Session, agency_id: int, allocation_id: int) -> Sequence[AllocationRequest]:
    """What an agency asked about one allocation and nobody has answered."""
    query = select(AllocationRequest).where(
        AllocationRequest.agency_id == agency_id,
        AllocationRequest.allocation_id == allocation_id,
        AllocationRequest.side == "agency",
        AllocationRequest.status == "proposed",
    )
    return session.scalars(query.order_by(AllocationRequest.id)).all()
