"""Reads of holds: those in force, how long they have lasted, and which end soon."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import func, or_, select, tuple_
from sqlalchemy.orm import Session

from allocations.placements.models import Hold, LoanAccount
from allocations.placements.queries import begins_with

SOON = timedelta(days=7)
STATES = ("in_force", "ends_soon", "coming", "ended")


def list_holds(
    session: Session,
    after: tuple[Any, ...] | None,
    limit: int,
    *,
    today: date,
    state: str = "in_force",
    cause: str = "",
    effect: str = "",
    q: str = "",
) -> Sequence[Any]:
    """One page of (Hold, account's number, borrower's name), the longest on hold first. `state`: one of STATES, "" for all."""
    query = select(Hold, LoanAccount.loan_account_no, LoanAccount.customer_name).join(
        LoanAccount, LoanAccount.id == Hold.loan_account_id
    )
    if state:
        query = query.where(_in(state, today))
    if cause:
        query = query.where(Hold.cause == cause)
    if effect:
        query = query.where(Hold.effect == effect)
    if q:
        query = query.where(begins_with(LoanAccount.loan_account_no, q))
    if after:
        query = query.where(tuple_(Hold.from_on, Hold.id) > after)
    return session.execute(query.order_by(Hold.from_on, Hold.id).limit(limit)).all()


def _in(state: str, today: date) -> Any:
    lasts = or_(Hold.to_on.is_(None), Hold.to_on >= today)
    return {
        "in_force": (Hold.from_on <= today) & lasts,
        "ends_soon": (Hold.from_on <= today) & (Hold.to_on >= today) & (Hold.to_on <= today + SOON),
        "coming": Hold.from_on > today,
        "ended": Hold.to_on < today,
    }.get(state, lasts)


def count_holds(session: Session, today: date) -> dict[str, int]:
    """State → how many holds."""
    counted = (func.count().filter(_in(state, today)) for state in STATES)
    row = session.execute(select(*counted)).one()
    return dict(zip(STATES, row, strict=True))
