"""Reads about single receipts and the slips they went in on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency, Agent
from allocations.agencies.queries import OFFICE, Sight
from allocations.collections.models import Collection, Deposit, DepositItem
from allocations.collections.queries import reported_in
from allocations.collections.receipts.cash import DEPOSIT_DAYS, InHand, is_late, lag_days
from allocations.collections.receipts.cash_queries import PAID_IN_BY_SLIP, cash_in_hand, dated, has_no_slip
from portal.kernel.errors import NotFound

MOST_OPEN = 300
MOST_ITEMS = 1_000


@dataclass(frozen=True)
class OneReceipt:
    """A receipt with who took it and the slip it went in on, if any."""

    row: Collection
    agent: Agent | None
    slip_no: str | None
    deposited_on: date | None
    deposit_id: int | None


def one_receipt(session: Session, agency_id: int, collection_id: int, sight: Sight = OFFICE) -> OneReceipt:
    """NotFound for another agency's, for what a colleague took, and for none."""
    mine = (Collection.agency_id == agency_id) & (Collection.id == collection_id) & reported_in(sight)
    row = session.scalars(select(Collection).where(mine)).first()
    if row is None:
        raise NotFound("There is no such collection.")
    agent = select(Agent).where(Agent.agency_id == agency_id, Agent.code == row.agent_code)
    slip = deposit_of(session, row)
    return OneReceipt(
        row,
        session.scalars(agent).first(),
        row.deposit_slip_no or (slip.slip_no if slip else None),
        row.deposited_on or (slip.deposited_on if slip else None),
        slip.id if slip else None,
    )


def deposit_of(session: Session, row: Collection) -> Deposit | None:
    query = (
        select(Deposit)
        .join(DepositItem, DepositItem.deposit_id == Deposit.id)
        .where(DepositItem.collection_id == row.id, DepositItem.agency_id == row.agency_id)
    )
    return session.scalars(query).first()


def open_receipts(
    session: Session, agency_id: int, agent_code: str | None, sight: Sight = OFFICE
) -> Sequence[Collection]:
    """Cash, cheques and drafts on no slip that the bank has not seen in full, the oldest first; `agent_code` None: everybody's."""
    query = select(Collection).where(
        Collection.agency_id == agency_id,
        Collection.mode.in_(PAID_IN_BY_SLIP),
        has_no_slip(),
        Collection.linked_minor < Collection.amount_minor,
        reported_in(sight),
    )
    if agent_code is not None:
        query = query.where(func.coalesce(Collection.agent_code, "") == agent_code)
    return session.scalars(query.order_by(Collection.collected_on, Collection.id).limit(MOST_OPEN)).all()


@dataclass(frozen=True)
class DepositRow:
    """A slip for a list: how many receipts, the first of their days, whether that was late."""

    deposit: Deposit
    receipts: int
    first_on: date
    lag_days: int
    is_late: bool


def list_deposits(
    session: Session,
    *,
    agency_id: int | None = None,
    agent_code: str | None = None,
    after: tuple[Any, ...] | None = None,
    limit: int = 51,
) -> Sequence[DepositRow]:
    """Slips, the newest first."""
    query = select(Deposit)
    if agency_id is not None:
        query = query.where(Deposit.agency_id == agency_id)
    if agent_code is not None:
        query = query.where(Deposit.agent_code == agent_code)
    if after:
        query = query.where(Deposit.id < after[0])
    rows = session.scalars(query.order_by(Deposit.id.desc()).limit(limit)).all()
    return with_lags(session, rows)


def with_lags(session: Session, rows: Sequence[Deposit]) -> list[DepositRow]:
    """Each slip with what its receipts say of its day."""
    query = (
        select(DepositItem.deposit_id, func.count(), func.min(Collection.collected_on))
        .join(Collection, Collection.id == DepositItem.collection_id)
        .where(DepositItem.deposit_id.in_([row.id for row in rows]))
        .group_by(DepositItem.deposit_id)
    )
    facts = {deposit_id: (count, first) for deposit_id, count, first in session.execute(query)}
    within = dated(session, DEPOSIT_DAYS)
    found = []
    for row in rows:
        count, first = facts.get(row.id, (0, row.deposited_on))
        late = is_late(first, row.deposited_on, today=row.deposited_on, within_days=within.on(first))
        found.append(DepositRow(row, count, first, lag_days(first, row.deposited_on), late))
    return found


def deposit_by_id(session: Session, agency_id: int, deposit_id: int, agent_code: str | None = None) -> Deposit:
    """NotFound for another agency's, for a colleague's when `agent_code` says whose it must be, and for none."""
    query = select(Deposit).where(Deposit.agency_id == agency_id, Deposit.id == deposit_id)
    if agent_code is not None:
        query = query.where(Deposit.agent_code == agent_code)
    row = session.scalars(query).first()
    if row is None:
        raise NotFound("There is no such deposit.")
    return row


def receipts_on(session: Session, deposit: Deposit) -> Sequence[Collection]:
    query = (
        select(Collection)
        .join(DepositItem, DepositItem.collection_id == Collection.id)
        .where(DepositItem.deposit_id == deposit.id, DepositItem.agency_id == deposit.agency_id)
    )
    return session.scalars(query.order_by(Collection.collected_on, Collection.id).limit(MOST_ITEMS)).all()


@dataclass(frozen=True)
class AgencyCash:
    """What one agency carries, by agent."""

    agency: Agency
    agents: list[InHand]

    @property
    def amount_minor(self) -> int:
        return sum(each.amount_minor for each in self.agents)

    @property
    def late_minor(self) -> int:
        return sum(each.late_minor for each in self.agents)


def cash_everywhere(session: Session, *, today: date) -> list[AgencyCash]:
    """What each agency carries, the most late money first. For the bank's eyes."""
    agencies = session.scalars(select(Agency).order_by(Agency.code)).all()
    found = [AgencyCash(agency, cash_in_hand(session, agency.id, today=today)) for agency in agencies]
    return sorted((each for each in found if each.agents), key=lambda each: (-each.late_minor, -each.amount_minor))
