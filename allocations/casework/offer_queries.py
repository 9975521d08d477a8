"""Reading settlements with borrowers: lists, one with its whole story, what waits to be closed, and the quarter's report by level."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.dated_settings import setting_on
from allocations.agencies.models import Agency
from allocations.casework.offer_models import (
    CompromiseAssessment,
    CompromiseBreach,
    CompromiseOffer,
    CreditAcknowledgement,
)
from allocations.casework.offer_rules import level_name
from allocations.casework.schedules import Watch
from allocations.casework.watching import watch_offers
from allocations.placements.asset_class import after_months
from allocations.placements.models import Allocation, LoanAccount
from portal.kernel.clock import BANK_ZONE
from portal.kernel.errors import NotFound

MOST_WATCHED = 10_000
DECIDED_FOR = ("approved", "fulfilled", "broken")


@dataclass(frozen=True, slots=True)
class OfferRow:
    """An offer as a list shows it."""

    offer: CompromiseOffer
    loan_account_no: str
    customer_name: str
    agency_code: str | None
    needed_level: int | None


def _rows() -> Any:
    return (
        select(
            CompromiseOffer,
            LoanAccount.loan_account_no,
            LoanAccount.customer_name,
            Agency.code,
            CompromiseAssessment.needed_level,
        )
        .join(LoanAccount, LoanAccount.id == CompromiseOffer.loan_account_id)
        .outerjoin(Agency, Agency.id == CompromiseOffer.agency_id)
        .outerjoin(CompromiseAssessment, CompromiseAssessment.offer_id == CompromiseOffer.id)
    )


def list_offers(
    session: Session,
    *,
    status: str = "",
    account: str = "",
    agency: str = "",
    after: tuple[Any, ...] | None = None,
    limit: int = 51,
) -> list[OfferRow]:
    """Offers, the newest first; for the bank."""
    query = _rows()
    if status:
        query = query.where(CompromiseOffer.status == status)
    if account:
        query = query.where(LoanAccount.loan_account_no == account)
    if agency:
        query = query.where(Agency.code == agency)
    if after:
        query = query.where(CompromiseOffer.id < after[0])
    return [OfferRow(*row) for row in session.execute(query.order_by(CompromiseOffer.id.desc()).limit(limit))]


def own_offers(
    session: Session, agency_id: int, after: tuple[Any, ...] | None = None, limit: int = 51
) -> Sequence[Any]:
    """(offer, loan account number) of an agency, the newest first; its allocation knows the number of one that left."""
    number = (
        select(Allocation.loan_account_no)
        .where(Allocation.loan_account_id == CompromiseOffer.loan_account_id, Allocation.agency_id == agency_id)
        .limit(1)
        .scalar_subquery()
    )
    query = select(CompromiseOffer, number.label("loan_account_no")).where(CompromiseOffer.agency_id == agency_id)
    if after:
        query = query.where(CompromiseOffer.id < after[0])
    return session.execute(query.order_by(CompromiseOffer.id.desc()).limit(limit)).all()


def own_offer(session: Session, agency_id: int, offer_id: int) -> Any:
    """(offer, loan account number) of an agency's own. NotFound for any other."""
    found = [row for row in own_offers(session, agency_id, (offer_id + 1,), 1) if row[0].id == offer_id]
    if not found:
        raise NotFound("There is no such settlement.")
    return found[0]


@dataclass(frozen=True)
class OfferStory:
    """One offer with everything known about it; an agency reads only the offer, what the borrower was told, and the instalments."""

    row: OfferRow
    assessment: CompromiseAssessment | None
    told: Sequence[CreditAcknowledgement]
    breaches: Sequence[CompromiseBreach]
    watch: Watch

    @property
    def offer(self) -> CompromiseOffer:
        return self.row.offer

    @property
    def waiting_breach(self) -> CompromiseBreach | None:
        return next((each for each in self.breaches if each.status == "proposed"), None)


def offer_story(session: Session, offer_id: int, today: date) -> OfferStory:
    """NotFound when there is none."""
    row = session.execute(_rows().where(CompromiseOffer.id == offer_id)).first()
    if row is None:
        raise NotFound("There is no such settlement.")
    offer = row[0]
    assessment = session.scalars(select(CompromiseAssessment).where(CompromiseAssessment.offer_id == offer_id)).first()
    breaches = session.scalars(
        select(CompromiseBreach).where(CompromiseBreach.offer_id == offer_id).order_by(CompromiseBreach.id.desc())
    ).all()
    return OfferStory(
        OfferRow(*row),
        assessment,
        told_of(session, offer_id),
        breaches,
        watch_offers(session, [offer], today)[offer_id],
    )


def told_of(session: Session, offer_id: int) -> Sequence[CreditAcknowledgement]:
    query = select(CreditAcknowledgement).where(CreditAcknowledgement.offer_id == offer_id)
    return session.scalars(query.order_by(CreditAcknowledgement.id)).all()


def offers_of_account(session: Session, loan_account_id: int) -> Sequence[CompromiseOffer]:
    query = select(CompromiseOffer).where(CompromiseOffer.loan_account_id == loan_account_id)
    return session.scalars(query.order_by(CompromiseOffer.id.desc()).limit(20)).all()


def waiting_breaches(session: Session) -> Sequence[Any]:
    """(breach, offer, loan account number) that wait for a decision, the oldest first."""
    query = (
        select(CompromiseBreach, CompromiseOffer, LoanAccount.loan_account_no)
        .join(CompromiseOffer, CompromiseOffer.id == CompromiseBreach.offer_id)
        .join(LoanAccount, LoanAccount.id == CompromiseOffer.loan_account_id)
    )
    return session.execute(query.where(CompromiseBreach.status == "proposed").order_by(CompromiseBreach.id)).all()


def watched(session: Session, today: date) -> list[tuple[OfferRow, Watch]]:
    """Every approved offer that runs, with what came of it."""
    rows = list_offers(session, status="approved", limit=MOST_WATCHED)
    seen = watch_offers(session, [row.offer for row in rows], today)
    return [(row, seen[row.offer.id]) for row in rows]


@dataclass(frozen=True, slots=True)
class Closing:
    """What a closing letter says of a settlement that was kept."""

    offer: CompromiseOffer
    loan_account_no: str
    customer_name: str
    address: str
    given_up_minor: int
    paid_on: date
    cooling_until: date


def closings(session: Session, since: date, until: date) -> list[Closing]:
    """Settlements kept in [since, until), for the closing letters. Cooling ends by the rule of the day each was paid."""
    query = (
        select(CompromiseOffer, LoanAccount)
        .join(LoanAccount, LoanAccount.id == CompromiseOffer.loan_account_id)
        .where(
            CompromiseOffer.status == "fulfilled", CompromiseOffer.closed_on >= since, CompromiseOffer.closed_on < until
        )
        .order_by(CompromiseOffer.closed_on, CompromiseOffer.id)
        .limit(MOST_WATCHED)
    )
    return [closing_of(session, offer, account) for offer, account in session.execute(query)]


def closing_of(session: Session, offer: CompromiseOffer, account: LoanAccount) -> Closing:
    assert offer.closed_on is not None  # a fulfilled one has it
    months = int(setting_on(session, "compromise.policy", offer.closed_on)["cooling_months"])
    where = ", ".join(part for part in (account.address, account.city, account.pincode) if part)
    return Closing(
        offer,
        account.loan_account_no,
        account.customer_name,
        where,
        offer.sacrifice_minor,
        offer.closed_on,
        after_months(offer.closed_on, months),
    )


# --- the quarter


@dataclass(frozen=True, slots=True)
class LevelLine:
    """What one level of delegation approved in a quarter, in minor units; recovered: confirmed money until the report's day."""

    level: int
    name: str
    count: int
    dues_minor: int
    offered_minor: int
    sacrifice_minor: int
    recovered_minor: int
    kept: int
    broken: int
    deviating: int


@dataclass(frozen=True)
class Report:
    """Settlements approved in [start, end), by the level that approved them."""

    start: date
    end: date
    lines: list[LevelLine]

    def total(self, name: str) -> int:
        return sum(int(getattr(line, name)) for line in self.lines)


def report(session: Session, start: date, end: date, today: date) -> Report:
    """For the next higher authority and the Board, every quarter (RBI/2023-24/40). Money counts until the smaller of today and now."""
    began = datetime.combine(start, time(), BANK_ZONE)
    ended = datetime.combine(end, time(), BANK_ZONE)
    query = (
        select(CompromiseOffer, CompromiseAssessment)
        .join(CompromiseAssessment, CompromiseAssessment.offer_id == CompromiseOffer.id)
        .where(CompromiseOffer.status.in_(DECIDED_FOR))
        .where(CompromiseOffer.decided_at >= began, CompromiseOffer.decided_at < ended)
        .order_by(CompromiseOffer.id)
    )
    found = session.execute(query).all()
    seen = watch_offers(session, [offer for offer, _ in found], today)
    by_level: dict[int, list[tuple[CompromiseOffer, CompromiseAssessment]]] = defaultdict(list)
    for offer, assessment in found:
        by_level[offer.decided_level or 0].append((offer, assessment))
    levels = setting_on(session, "compromise.levels", min(end - timedelta(days=1), today))
    lines = [_line(level, level_name(levels, level), by_level[level], seen) for level in sorted(by_level)]
    return Report(start, end, lines)


def _line(
    level: int, name: str, rows: Iterable[tuple[CompromiseOffer, CompromiseAssessment]], seen: dict[int, Watch]
) -> LevelLine:
    pairs = list(rows)
    offers = [offer for offer, _ in pairs]
    return LevelLine(
        level=level,
        name=name,
        count=len(offers),
        dues_minor=sum(each.total_minor for each in offers),
        offered_minor=sum(each.offer_minor for each in offers),
        sacrifice_minor=sum(each.sacrifice_minor for each in offers),
        recovered_minor=sum(seen[each.id].paid_minor for each in offers),
        kept=sum(each.status == "fulfilled" for each in offers),
        broken=sum(each.status == "broken" for each in offers),
        deviating=sum(bool(assessment.findings["deviations"]) for _, assessment in pairs),
    )
