"""Which debits are expected and unseen, and which are seen and unexpected; and what might be what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.reconciliation.models import BankLine, BankStatement
from payouts.ledger.service import bank_day
from payouts.rails.debits import EXPECTED, LOOK_AHEAD, LOOK_BACK
from payouts.rails.fate_models import PayoutDebit
from payouts.rails.models import Payout, PayoutBatch

OVERDUE_DAYS = 3  # a debit not seen this long after its payout was sent is asked about
MOST_CANDIDATES = 5
FEW = 100


@dataclass(frozen=True, slots=True)
class SeenDebit:
    """A tie as pages show it."""

    id: int
    payout_ref: str
    line_ref: str
    side: str
    value_on: date
    amount_minor: int
    line_minor: int
    currency: str
    bank_ref: str
    description: str
    rule: str
    tied_by: str
    statement_ref: str


@dataclass(frozen=True, slots=True)
class Awaited:
    """A payout whose debit was not seen. `days` since it was sent; `candidates` are lines that look alike."""

    ref: str
    batch_ref: str
    agency_name: str
    amount_minor: int
    currency: str
    status: str
    provider_ref: str | None
    sent_on: date | None
    days: int
    candidates: tuple[BankLine, ...]

    @property
    def is_late(self) -> bool:
        return self.days >= OVERDUE_DAYS


def debits_of(session: Session, payout_ids: list[int]) -> list[SeenDebit]:
    """The standing ties of payouts, in the order of the bank's days."""
    query = (
        select(PayoutDebit, Payout.ref, BankLine, BankStatement.ref)
        .join(Payout, Payout.id == PayoutDebit.payout_id)
        .join(BankLine, BankLine.id == PayoutDebit.bank_line_id)
        .join(BankStatement, BankStatement.id == BankLine.statement_id)
        .where(PayoutDebit.payout_id.in_(payout_ids), PayoutDebit.undone_at.is_(None))
        .order_by(BankLine.value_on, PayoutDebit.id)
    )
    return [
        SeenDebit(
            tie.id,
            payout_ref,
            line.ref,
            tie.side,
            line.value_on,
            tie.amount_minor,
            line.amount_minor,
            line.currency,
            line.bank_ref,
            line.description,
            tie.rule,
            tie.tied_by,
            statement_ref,
        )
        for tie, payout_ref, line, statement_ref in session.execute(query)
    ]


def awaited(
    session: Session, *, today: date, after: tuple[Any, ...] | None = None, limit: int | None = None
) -> list[Awaited]:
    """Payouts that were sent and whose debit no bank line shows yet, oldest first; `after` is the (ref,) of the last one seen."""
    query = (
        select(Payout, PayoutBatch, Agency.legal_name)
        .join(PayoutBatch, PayoutBatch.id == Payout.batch_id)
        .join(Agency, Agency.id == Payout.agency_id)
        .where(Payout.status.in_(EXPECTED), ~_is_seen())
        .order_by(Payout.ref)
    )
    if after:
        query = query.where(Payout.ref > after[0])
    rows = session.execute(query.limit(limit) if limit else query).all()
    alike = _candidates(session, [payout for payout, _, _ in rows])
    return [
        Awaited(
            payout.ref,
            batch.ref,
            name,
            payout.amount_minor,
            payout.currency,
            payout.status,
            payout.provider_ref,
            bank_day(batch.sent_at) if batch.sent_at else None,
            (today - bank_day(batch.sent_at)).days if batch.sent_at else 0,
            tuple(alike.get(payout.id, ())),
        )
        for payout, batch, name in rows
    ]


def awaited_sums(session: Session) -> list[tuple[str, int, int]]:
    """(currency, how many, their sum) of payouts whose debit is not seen."""
    query = (
        select(Payout.currency, func.count(), func.sum(Payout.amount_minor))
        .where(Payout.status.in_(EXPECTED), ~_is_seen())
        .group_by(Payout.currency)
        .order_by(Payout.currency)
    )
    return [(currency, count, int(amount)) for currency, count, amount in session.execute(query)]


def _is_seen() -> Any:
    return (
        select(PayoutDebit.id)
        .where(PayoutDebit.payout_id == Payout.id, PayoutDebit.side == "debit", PayoutDebit.undone_at.is_(None))
        .exists()
    )


def _candidates(session: Session, payouts: list[Payout]) -> dict[int, list[BankLine]]:
    """Debits of the same amount about the same days that nobody has spoken for: a person decides."""
    if not payouts:
        return {}
    lines = list(
        session.scalars(
            _unspoken()
            .where(BankLine.amount_minor.in_({payout.amount_minor for payout in payouts}))
            .order_by(BankLine.value_on, BankLine.id)
            .limit(FEW * MOST_CANDIDATES)
        )
    )
    found: dict[int, list[BankLine]] = {}
    for payout in payouts:
        made = bank_day(payout.created_at)
        found[payout.id] = [
            line
            for line in lines
            if (line.amount_minor, line.currency) == (payout.amount_minor, payout.currency)
            and made - LOOK_BACK <= line.value_on <= made + LOOK_AHEAD
        ][:MOST_CANDIDATES]
    return found


def unexpected(
    session: Session, *, since: date, after: tuple[Any, ...] | None = None, limit: int | None = None
) -> list[BankLine]:
    """Debits that name one of our batches' or payouts' references but none of our payouts is behind them, or that no payout, return or
    reversal explains. Newest first; `after` is the (value_on, id) of the last one seen."""
    query = _unspoken().where(BankLine.value_on >= since).order_by(BankLine.value_on.desc(), BankLine.id.desc())
    if after:
        day, id_ = after
        query = query.where((BankLine.value_on < day) | ((BankLine.value_on == day) & (BankLine.id < id_)))
    return list(session.scalars(query.limit(limit) if limit else query))


def _unspoken() -> Any:
    """Debits of our accounts without a payout, that take no borrower's credit back."""
    tied = select(PayoutDebit.id).where(PayoutDebit.bank_line_id == BankLine.id, PayoutDebit.undone_at.is_(None))
    credit = BankLine.__table__.alias("credit")
    undoes = select(credit.c.id).where(
        credit.c.side == "credit",
        credit.c.returned_minor > 0,
        credit.c.ref_keys.overlap(BankLine.ref_keys),
    )
    return (
        select(BankLine)
        .join(BankStatement, BankStatement.id == BankLine.statement_id)
        .where(BankLine.side == "debit", BankStatement.status != "refused", ~BankLine.is_reversal)
        .where(~tied.exists(), ~undoes.exists())
    )


def recent_days(today: date) -> date:
    """How far back unexpected debits are listed when nobody says otherwise."""
    return today - timedelta(days=90)
