"""Reads about money paid direct, for both sides: an agency's scope shows its own rows, and never the credit behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.agencies.queries import OFFICE, Sight
from allocations.collections.models import Collection
from allocations.placements.queries import begins_with, round_of
from allocations.reconciliation.bench_models import DirectPayment
from allocations.reconciliation.models import BankLine

# How the account was told, in words that name no bank line.
SIGNS = {
    "virtual_account": "It came in on the account's own virtual account",
    "loan_number": "The payer named the loan account",
    "payer": "It came from a payer known for this account",
    "posting": "The bank booked it on this account",
    "by_hand": "The bank found out whose it is",
}
STATUSES = {
    "found": "Found",
    "claimed": "Reported by a receipt",
    "counted": "Counted as paid direct",
    "dropped": "Dropped",
}


@dataclass(frozen=True, slots=True)
class DirectRow:
    """A payment for a list. `line_ref` and `agency` are filled on the bank's side alone."""

    payment: DirectPayment
    receipt_no: str | None
    line_ref: str = ""
    line_text: str = ""
    agency: str = ""

    @property
    def sign(self) -> str:
        return SIGNS.get(self.payment.sign, "")

    @property
    def status_word(self) -> str:
        return STATUSES[self.payment.status]


def own_direct(
    session: Session,
    agency_id: int,
    *,
    today: date,
    sight: Sight = OFFICE,
    status: str = "",
    text: str = "",
    after: tuple[Any, ...] | None = None,
    limit: int = 51,
) -> Sequence[DirectRow]:
    """An agency's direct payments, the newest first; what turned out to be something else is left out unless asked for.

    A field agent sees those on the accounts of their round today.
    """
    query = (
        select(DirectPayment, Collection.receipt_no)
        .outerjoin(Collection, Collection.id == DirectPayment.collection_id)
        .where(DirectPayment.agency_id == agency_id)
    )
    if not sight.everyone:
        query = query.where(DirectPayment.loan_account_id.in_(round_of(agency_id, sight, today)))
    query = _narrowed(query, status, text, after)
    return [DirectRow(row[0], row[1]) for row in session.execute(query.limit(limit))]


def all_direct(
    session: Session,
    *,
    agency: str = "",
    status: str = "",
    text: str = "",
    sign: str = "",
    after: tuple[Any, ...] | None = None,
    limit: int = 51,
) -> Sequence[DirectRow]:
    """Every agency's direct payments with the credits they are, the newest first."""
    query = (
        select(DirectPayment, Collection.receipt_no, BankLine.ref, BankLine.description, Agency.code)
        .join(Agency, Agency.id == DirectPayment.agency_id)
        .join(BankLine, BankLine.id == DirectPayment.bank_line_id)
        .outerjoin(Collection, Collection.id == DirectPayment.collection_id)
    )
    if agency:
        query = query.where(Agency.code == agency)
    if sign:
        query = query.where(DirectPayment.sign == sign)
    query = _narrowed(query, status, text, after)
    return [DirectRow(*row) for row in session.execute(query.limit(limit))]


def _narrowed(query: Any, status: str, text: str, after: tuple[Any, ...] | None) -> Any:
    query = query.where(DirectPayment.status == status) if status else query.where(DirectPayment.status != "dropped")
    if text:
        query = query.where(begins_with(DirectPayment.loan_account_no, text.upper()))
    if after:
        query = query.where(tuple_(DirectPayment.value_on, DirectPayment.id) < after)
    return query.order_by(DirectPayment.value_on.desc(), DirectPayment.id.desc())


@dataclass(frozen=True, slots=True)
class DirectSum:
    status: str
    currency: str
    count: int
    amount_minor: int


def direct_sums(session: Session, agency_id: int | None = None) -> list[DirectSum]:
    """Counts and amounts by status and currency, of one agency or of all in scope."""
    query = (
        select(DirectPayment.status, DirectPayment.currency, func.count(), func.sum(DirectPayment.amount_minor))
        .group_by(DirectPayment.status, DirectPayment.currency)
        .order_by(DirectPayment.currency, DirectPayment.status)
    )
    if agency_id is not None:
        query = query.where(DirectPayment.agency_id == agency_id)
    return [DirectSum(row[0], row[1], row[2], int(row[3])) for row in session.execute(query)]


@dataclass(frozen=True, slots=True)
class ToAnswer:
    """Direct payments an agency may still report a receipt for: how many, how much, and the last day of the first of them."""

    count: int
    amount_minor: int
    currency: str
    first_until: date | None


def direct_to_answer(session: Session, agency_id: int, today: date) -> list[ToAnswer]:
    query = (
        select(
            func.count(),
            func.sum(DirectPayment.amount_minor),
            DirectPayment.currency,
            func.min(DirectPayment.claim_until),
        )
        .where(
            DirectPayment.agency_id == agency_id,
            DirectPayment.status == "found",
            DirectPayment.claim_until >= today,
        )
        .group_by(DirectPayment.currency)
        .order_by(DirectPayment.currency)
    )
    return [ToAnswer(row[0], int(row[1]), row[2], row[3]) for row in session.execute(query)]


def direct_of_account(session: Session, loan_account_id: int, agency_id: int | None = None) -> Sequence[DirectPayment]:
    """What was paid direct on an account and stands, the newest first."""
    query = select(DirectPayment).where(
        DirectPayment.loan_account_id == loan_account_id, DirectPayment.status != "dropped"
    )
    if agency_id is not None:
        query = query.where(DirectPayment.agency_id == agency_id)
    return session.scalars(query.order_by(DirectPayment.value_on.desc(), DirectPayment.id.desc()).limit(100)).all()
