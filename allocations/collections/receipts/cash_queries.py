"""What is read to judge cash: the dated figures, what agents carry, what a borrower paid that day."""

from __future__ import annotations

from datetime import date

from sqlalchemy import ColumnElement, exists, func, literal_column, select, text
from sqlalchemy.orm import Session

from allocations.agencies.models import DatedSetting
from allocations.collections.models import Collection, DepositItem
from allocations.collections.receipts.cash import DEPOSIT_DAYS, HAND_LIMIT, Dated, Held, InHand, in_hand

PAID_IN_BY_SLIP = ("cash", "cheque", "dd")
ADDING_UP = 0x434F4C4C  # the lock under which an agency's collections come in, so that sums over them hold


def lock_collections(session: Session, agency_id: int) -> None:
    """Until the transaction ends nobody else adds collections or deposits of this agency."""
    session.scalar(select(func.pg_advisory_xact_lock(ADDING_UP, agency_id)))


def dated(session: Session, code: str) -> Dated:
    """Every row of a dated setting."""
    rows = session.execute(
        select(DatedSetting.effective_from, DatedSetting.effective_to, DatedSetting.value).where(
            DatedSetting.code == code
        )
    )
    return Dated(tuple((row[0], row[1], row[2]) for row in rows))


def has_no_slip() -> ColumnElement[bool]:
    """A receipt that names no slip itself and is on none that was recorded afterwards."""
    on_slip = exists().where(DepositItem.collection_id == Collection.id)
    return Collection.slip_key.is_(None) & ~on_slip


def is_carried() -> ColumnElement[bool]:
    """Cash somebody still has: on no slip, and the bank has not seen all of it."""
    is_cash = Collection.mode == literal_column("'cash'")  # written out, so that the index on such rows is used
    return is_cash & has_no_slip() & (Collection.linked_minor < Collection.amount_minor)


def held_by(session: Session, agency_id: int, agent_code: str) -> int:
    """Cash in one agent's hands, minor units."""
    query = select(func.coalesce(func.sum(Collection.amount_minor - Collection.linked_minor), 0)).where(
        Collection.agency_id == agency_id, Collection.agent_code == agent_code, is_carried()
    )
    return int(session.scalar(query) or 0)


def borrower_cash(session: Session, agency_id: int, loan_account_no: str, day: date) -> int:
    """Cash one borrower paid this agency on a day, minor units."""
    query = select(func.coalesce(func.sum(Collection.amount_minor), 0)).where(
        Collection.agency_id == agency_id,
        Collection.loan_account_no == loan_account_no,
        Collection.collected_on == day,
        Collection.mode == "cash",
    )
    return int(session.scalar(query) or 0)


def cash_in_hand(session: Session, agency_id: int, *, today: date) -> list[InHand]:
    """What each agent of an agency carries, the most first; `agent_code` "" where the receipt names nobody."""
    agent = func.coalesce(Collection.agent_code, "").label("agent")
    query = (
        select(
            agent, Collection.collected_on, func.sum(Collection.amount_minor - Collection.linked_minor), func.count()
        )
        .where(Collection.agency_id == agency_id, is_carried())
        .group_by(text("agent"), Collection.collected_on)
    )
    rows = [Held(code, day, int(minor), count) for code, day, minor, count in session.execute(query)]
    return in_hand(rows, today=today, within=dated(session, DEPOSIT_DAYS), limit=dated(session, HAND_LIMIT))
