"""Reading payouts and batches for pages and commands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency, AgencyBankDetail
from payouts.rails.models import BankAnswer, Payout, PayoutBatch
from payouts.rails.moves import load_payout
from payouts.settlements.destination import Move, moves_of
from payouts.settlements.lifecycle import PAYABLE
from payouts.settlements.models import Settlement
from payouts.settlements.queries import StatusSum
from payouts.settlements.statement import masked
from portal.kernel.periods import Period


@dataclass(frozen=True, slots=True)
class PayoutRow:
    """A payout with the names beside it."""

    id: int
    ref: str
    settlement_ref: str
    period_start: date
    agency_code: str
    agency_name: str
    amount_minor: int
    currency: str
    status: str
    attempts: int
    provider_ref: str | None
    reason: str | None
    paid_on: date | None


def list_payouts(
    session: Session,
    *,
    batch: PayoutBatch | None = None,
    period: Period | None = None,
    status: str = "",
    refs: list[str] | None = None,
    newest_first: bool = False,
    after: tuple[Any, ...] | None = None,
    limit: int | None = None,
) -> list[PayoutRow]:
    """Oldest first unless told otherwise; `after` is the (id,) of the last row seen."""
    query = (
        select(Payout, Settlement.ref, Settlement.period_start, Agency.code, Agency.legal_name)
        .join(Settlement, Settlement.id == Payout.settlement_id)
        .join(Agency, Agency.id == Payout.agency_id)
        .order_by(Payout.id.desc() if newest_first else Payout.id)
    )
    if batch is not None:
        query = query.where(Payout.batch_id == batch.id)
    if period is not None:
        query = query.where(Settlement.period_start == period.start)
    if status:
        query = query.where(Payout.status == status)
    if refs is not None:
        query = query.where(Payout.ref.in_(refs))
    if after:
        query = query.where(Payout.id < after[0] if newest_first else Payout.id > after[0])
    return [
        PayoutRow(
            payout.id,
            payout.ref,
            settlement_ref,
            period_start,
            code,
            name,
            payout.amount_minor,
            payout.currency,
            payout.status,
            payout.attempts,
            payout.provider_ref,
            payout.reason,
            payout.paid_on,
        )
        for payout, settlement_ref, period_start, code, name in session.execute(query.limit(limit) if limit else query)
    ]


@dataclass(frozen=True)
class PayoutDetail:
    """A payout with what it stands on. The account is masked."""

    payout: Payout
    batch: PayoutBatch
    settlement: Settlement
    agency: Agency
    holder: str
    account: str
    ifsc: str
    bank_version: int
    moves: list[Move]  # the re-pointing it goes by, if any
    attempts_before: list[Payout]


def payout_detail(session: Session, ref: str) -> PayoutDetail:
    """NotFound when the reference is not in the session's sight."""
    payout = load_payout(session, ref)
    detail = session.get_one(AgencyBankDetail, payout.bank_detail_id)
    return PayoutDetail(
        payout=payout,
        batch=session.get_one(PayoutBatch, payout.batch_id),
        settlement=session.get_one(Settlement, payout.settlement_id),
        agency=session.get_one(Agency, payout.agency_id),
        holder=detail.account_holder,
        account=masked(detail.account_no),
        ifsc=detail.ifsc,
        bank_version=detail.version,
        moves=[each for each in moves_of(session, payout.settlement_id) if each.id == payout.repointing_id],
        attempts_before=[each for each in payouts_of_settlement(session, payout.settlement_id) if each.id != payout.id],
    )


def payouts_of_settlement(session: Session, settlement_id: int) -> list[Payout]:
    """Every attempt to pay a settlement, oldest first."""
    return list(session.scalars(select(Payout).where(Payout.settlement_id == settlement_id).order_by(Payout.id)))


def list_batches(
    session: Session, *, status: str = "", after: tuple[Any, ...] | None = None, limit: int | None = None
) -> list[PayoutBatch]:
    """Newest first; `after` is the (id,) of the last row seen."""
    query = select(PayoutBatch).order_by(PayoutBatch.id.desc())
    if status:
        query = query.where(PayoutBatch.status == status)
    if after:
        query = query.where(PayoutBatch.id < after[0])
    return list(session.scalars(query.limit(limit) if limit else query))


def recent_answers(session: Session, limit: int = 10) -> list[BankAnswer]:
    return list(session.scalars(select(BankAnswer).order_by(BankAnswer.id.desc()).limit(limit)))


@dataclass(frozen=True, slots=True)
class PayoutSum:
    status: str
    count: int
    amount_minor: int
    currency: str


def payable_sums(session: Session) -> list[StatusSum]:
    """How much of approved and of sent-back settlements may be paid: their net less what is kept for disputes."""
    payable = Settlement.net_minor - Settlement.disputed_minor
    query = (
        select(Settlement.status, func.count(), func.sum(payable), Settlement.currency)
        .where(Settlement.status.in_(PAYABLE), payable > 0)
        .group_by(Settlement.status, Settlement.currency)
        .order_by(Settlement.currency, Settlement.status)
    )
    return [StatusSum(status, count, int(net), currency) for status, count, net, currency in session.execute(query)]


def payouts_by_status(session: Session) -> list[PayoutSum]:
    query = (
        select(Payout.status, func.count(), func.sum(Payout.amount_minor), Payout.currency)
        .group_by(Payout.status, Payout.currency)
        .order_by(Payout.currency, Payout.status)
    )
    return [
        PayoutSum(status, count, int(amount), currency) for status, count, amount, currency in session.execute(query)
    ]
