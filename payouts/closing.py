"""Where a month stands: reported, confirmed, earned, payable, paid, and what keeps the rest. Reads for first pages.

The same reads serve both sides: an agency's scope shows its own rows, the bank's all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import false, func, select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency, AgencyBankDetail
from allocations.collections.field_models import Evidence
from allocations.collections.models import Collection, CollectionCorrection
from allocations.collections.queries import REPORTED, Totals, in_period, totals
from allocations.reconciliation.bench.queries import suggestions_waiting
from allocations.reconciliation.bench_models import HandAct, MatchLadder, PayerRule
from allocations.reconciliation.sources.bank_queries import refused_count
from payouts.commission.models import AccrualLine, UnpaidCollection
from payouts.commission.queries import rows_of, run_in_force
from payouts.rate_cards.models import RateCardVersion
from payouts.settlements.models import Settlement
from portal.kernel.periods import Period, month_of

OWED = ("submitted", "checked", "approved", "paying", "paid", "returned")
UNPAID_YET = ("draft", "submitted", "checked", "approved", "paying", "returned")


@dataclass(frozen=True)
class Standing:
    """A month's money in minor units. `earned_minor` is None before the first accrual."""

    period: Period
    collections: Totals
    earned_minor: int | None
    payable_minor: int
    paid_minor: int


def standing(session: Session, period: Period, agency_id: int | None = None) -> Standing:
    """What was reported, seen at the bank, earned, settled and paid for a month, of one agency or of all in scope."""
    run = run_in_force(session, period)
    earned = select(func.sum(AccrualLine.amount_minor))
    owed = select(func.coalesce(func.sum(Settlement.net_minor), 0)).where(Settlement.period_start == period.start)
    if agency_id is not None:
        owed = owed.where(Settlement.agency_id == agency_id)
    found = session.scalar(earned.where(rows_of(session, AccrualLine, run, agency_id))) if run else None
    return Standing(
        period,
        totals(session, period, agency_id),
        int(found) if found is not None else None,
        int(session.scalar(owed.where(Settlement.status.in_(OWED))) or 0),
        int(session.scalar(owed.where(Settlement.status == "paid")) or 0),
    )


@dataclass(frozen=True)
class Unpaid:
    """Collections that earned nothing, for one reason."""

    code: str
    owner: str
    cure: str
    count: int
    amount_minor: int
    currency: str


def unpaid_by_reason(session: Session, period: Period, agency_id: int | None = None) -> list[Unpaid]:
    """Why collections of a month's current accrual earn nothing, the most money first."""
    run = run_in_force(session, period)
    if run is None:
        return []
    total = func.sum(UnpaidCollection.amount_minor)
    query = (
        select(
            UnpaidCollection.code,
            UnpaidCollection.owner,
            func.min(UnpaidCollection.cure),
            func.count(),
            total,
            UnpaidCollection.currency,
        )
        .where(rows_of(session, UnpaidCollection, run, agency_id))
        .group_by(UnpaidCollection.code, UnpaidCollection.owner, UnpaidCollection.currency)
        .order_by(total.desc(), UnpaidCollection.code)
    )
    return [Unpaid(row[0], row[1], row[2], row[3], int(row[4]), row[5]) for row in session.execute(query)]


@dataclass(frozen=True)
class AgencyMonth:
    """One agency's month in one line."""

    code: str
    name: str
    currency: str
    reported_minor: int
    confirmed_minor: int
    earned_minor: int
    settlement_ref: str | None
    settlement_status: str | None
    net_minor: int | None


def agencies_in(session: Session, period: Period) -> list[AgencyMonth]:
    """Every agency with something in the month, by code."""
    reported = (
        select(
            Collection.agency_id,
            func.sum(REPORTED).label("reported"),
            func.sum(Collection.linked_minor).label("confirmed"),
        )
        .where(in_period(period))
        .group_by(Collection.agency_id)
        .subquery()
    )
    run = run_in_force(session, period)
    earned = (
        select(AccrualLine.agency_id, func.sum(AccrualLine.amount_minor).label("earned"))
        .where(rows_of(session, AccrualLine, run) if run else false())
        .group_by(AccrualLine.agency_id)
        .subquery()
    )
    query = (
        select(Agency, reported.c.reported, reported.c.confirmed, earned.c.earned, Settlement)
        .outerjoin(reported, reported.c.agency_id == Agency.id)
        .outerjoin(earned, earned.c.agency_id == Agency.id)
        .outerjoin(
            Settlement,
            (Settlement.agency_id == Agency.id)
            & (Settlement.period_start == period.start)
            & (Settlement.status != "void"),
        )
        .order_by(Agency.code)
    )
    return [_agency_month(*row) for row in session.execute(query) if any(value is not None for value in row[1:])]


def _agency_month(
    agency: Agency, reported: Any, confirmed: Any, earned: Any, settlement: Settlement | None
) -> AgencyMonth:
    return AgencyMonth(
        agency.code,
        agency.legal_name,
        agency.currency,
        int(reported or 0),
        int(confirmed or 0),
        int(earned or 0),
        settlement.ref if settlement else None,
        settlement.status if settlement else None,
        settlement.net_minor if settlement else None,
    )


@dataclass(frozen=True)
class Open:
    """A settlement that is not paid yet, with the day it must be paid by."""

    ref: str
    agency_name: str
    period: Period
    status: str
    net_minor: int
    currency: str
    pay_by_on: date | None


def open_settlements(session: Session, limit: int = 20) -> list[Open]:
    """What is drafted, submitted or approved and not paid, the most urgent first."""
    query = (
        select(Settlement, Agency.legal_name)
        .join(Agency, Agency.id == Settlement.agency_id)
        .where(Settlement.status.in_(UNPAID_YET))
        .order_by(Settlement.pay_by_on, Settlement.ref)
        .limit(limit)
    )
    return [
        Open(row.ref, name, month_of(row.period_start), row.status, row.net_minor, row.currency, row.pay_by_on)
        for row, name in session.execute(query)
    ]


def last_settlements(session: Session, agency_id: int, limit: int = 6) -> Sequence[Settlement]:
    """An agency's newest settlements in its sight."""
    query = select(Settlement).where(Settlement.agency_id == agency_id, Settlement.status != "void")
    return session.scalars(query.order_by(Settlement.period_start.desc()).limit(limit)).all()


@dataclass(frozen=True)
class Waiting:
    """Decisions that wait for a person: what, how many, how much where there is an amount, and whose desk."""

    kind: str
    count: int
    amount_minor: int | None
    currency: str
    desk: str


def decisions_waiting(session: Session, currency: str) -> list[Waiting]:
    """Everything in the house that waits for somebody's yes or no, leaving out what there is none of."""
    rows = [row for row in suggestions_waiting(session) if row[0] == currency]
    found = [Waiting("suggestions", sum(row[1] for row in rows), sum(row[2] for row in rows), currency, "maker")]
    found.append(Waiting("refused_statements", refused_count(session), None, currency, "checker"))
    found += _acts_waiting(session, currency)
    told_otherwise = select(func.count()).where(CollectionCorrection.status == "proposed")
    found.append(Waiting("corrections", session.scalar(told_otherwise) or 0, None, currency, "maker"))
    to_review = select(func.count()).where(Evidence.review == "waiting", Evidence.status == "ready")
    found.append(Waiting("evidence", session.scalar(to_review) or 0, None, currency, "maker"))
    drafts = select(func.count()).where(RateCardVersion.status == "draft")
    found.append(Waiting("rate_card_drafts", session.scalar(drafts) or 0, None, currency, "checker"))
    details = select(func.count()).where(AgencyBankDetail.status == "proposed")
    found.append(Waiting("bank_details", session.scalar(details) or 0, None, currency, "checker"))
    for status, kind, desk in (
        ("draft", "settlement_drafts", "maker"),
        ("submitted", "settlements_submitted", "checker"),
        ("checked", "settlements_checked", "checker"),
        ("approved", "settlements_to_pay", "finance"),
    ):
        query = select(func.count(), func.coalesce(func.sum(Settlement.net_minor), 0))
        count, minor = session.execute(query.where(Settlement.status == status, Settlement.currency == currency)).one()
        found.append(Waiting(kind, count, int(minor), currency, desk))
    return [each for each in found if each.count]


def _acts_waiting(session: Session, currency: str) -> list[Waiting]:
    """What a maker at the bench asks a second person for."""
    acts = select(func.count(), func.coalesce(func.sum(HandAct.amount_minor), 0))
    count, minor = session.execute(acts.where(HandAct.status == "proposed", HandAct.currency == currency)).one()
    payers = select(func.count()).where(PayerRule.status == "proposed")
    ladders = select(func.count()).where(MatchLadder.status == "draft")
    return [
        Waiting("acts", count, int(minor), currency, "checker"),
        Waiting("payers", session.scalar(payers) or 0, None, currency, "checker"),
        Waiting("ladders", session.scalar(ladders) or 0, None, currency, "checker"),
    ]
