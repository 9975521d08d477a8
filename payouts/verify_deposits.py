"""Verification of slips: each is as much as the receipts on it were when it was recorded."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from allocations.collections.models import Deposit, DepositItem
from payouts.difference import Findings


def check_deposits(session: Session, findings: Findings) -> None:
    """A slip's amount is the sum of its items; an item taken off or put on by hand shows."""
    findings.count("deposits", session.scalar(select(func.count()).select_from(Deposit)) or 0)
    items = func.coalesce(func.sum(DepositItem.amount_minor), 0)
    query = (
        select(Deposit.id, Deposit.slip_no, Deposit.amount_minor, items)
        .outerjoin(DepositItem, (DepositItem.deposit_id == Deposit.id) & (DepositItem.agency_id == Deposit.agency_id))
        .group_by(Deposit.id)
        .having(Deposit.amount_minor != items)
        .order_by(Deposit.id)
    )
    for id_, slip, amount, again in session.execute(query):
        findings.differs("deposits", "deposits", id_, slip, "amount_minor", amount, int(again))
