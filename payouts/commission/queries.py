"""Reads for pages: a month by agency, rule and reason; lines; one line; what an agency earned and how far the next slab is.

They work in the bank's scope and in an agency's: an agency sees its own rows, and of runs only which one is in force.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.collections.models import Collection
from allocations.placements.models import Allocation
from payouts.commission.models import AccrualLine, AccrualRun, UnpaidCollection
from payouts.commission.next_slab import NextSlab, distance
from payouts.commission.reasons import REASONS
from payouts.rate_cards.models import RateCard, RateCardVersion
from payouts.rate_cards.parsing import read_card
from payouts.rate_cards.terms import DRIVER_UNITS, MONEY, PERCENT
from payouts.settlements.models import Settlement
from portal.kernel.errors import NotFound
from portal.kernel.money import exponent
from portal.kernel.periods import Period, month_of

OPEN_STATUSES = ("draft", "void")


@dataclass(frozen=True, slots=True)
class RunHead:
    """The run in force of a month, as everyone may know it."""

    id: int
    period: Period
    version: int
    currency: str
    run_at: datetime


@dataclass(frozen=True, slots=True)
class Sum:
    """A row of a board: code and words, how many lines or receipts, how much."""

    code: str
    label: str
    count: int
    minor: int
    base_minor: int = 0
    owner: str = ""
    cure: str = ""
    is_settled: bool = False


@dataclass(frozen=True, slots=True)
class Board:
    """A month: what was earned by agency and by rule, what was not by reason."""

    run: RunHead
    by_agency: list[Sum]
    by_rule: list[Sum]
    unpaid: list[Sum]

    @property
    def total_minor(self) -> int:
        return sum(each.minor for each in self.by_agency)

    @property
    def lines(self) -> int:
        return sum(each.count for each in self.by_agency)

    @property
    def unpaid_minor(self) -> int:
        return sum(each.minor for each in self.unpaid)


def run_in_force(session: Session, period: Period) -> RunHead | None:
    row = session.execute(
        select(AccrualRun.id, AccrualRun.version, AccrualRun.currency, AccrualRun.run_at).where(
            AccrualRun.period_start == period.start, AccrualRun.is_current
        )
    ).one_or_none()
    return RunHead(row.id, period, row.version, row.currency, row.run_at) if row else None


def accrued_periods(session: Session, limit: int = 24) -> list[Period]:
    """Months that have been accrued, newest first."""
    starts = select(AccrualRun.period_start).where(AccrualRun.is_current).order_by(AccrualRun.period_start.desc())
    return [month_of(start) for start in session.scalars(starts.limit(limit))]


def _in_force(session: Session, table: type[AccrualLine] | type[UnpaidCollection], run: RunHead) -> Any:
    """Rows of the run in force, or of the run an agency's month was settled from."""
    settled = session.execute(
        select(Settlement.agency_id, Settlement.accrual_run_id).where(
            Settlement.period_start == run.period.start,
            Settlement.status.not_in(OPEN_STATUSES),
            Settlement.accrual_run_id.is_not(None),
        )
    ).all()
    frozen = [and_(table.agency_id == agency, table.run_id == of_run) for agency, of_run in settled]
    current = and_(table.run_id == run.id, table.agency_id.not_in([agency for agency, _ in settled]))
    return or_(current, *frozen)


def _of_agency(
    session: Session, table: type[AccrualLine] | type[UnpaidCollection], run: RunHead, agency_id: int
) -> Any:
    """One agency's rows of a month. It may not see that its month is settled, so: of the newest run that has rows of it."""
    newest = [
        session.scalar(
            select(func.max(each.run_id))
            .join(AccrualRun, AccrualRun.id == each.run_id)
            .where(each.agency_id == agency_id, AccrualRun.period_start == run.period.start)
        )
        for each in (AccrualLine, UnpaidCollection)
    ]
    run_id = max((each for each in newest if each is not None), default=run.id)
    return and_(table.agency_id == agency_id, table.run_id == run_id)


def _rows(
    session: Session, table: type[AccrualLine] | type[UnpaidCollection], run: RunHead, agency_id: int | None
) -> Any:
    return _in_force(session, table, run) if agency_id is None else _of_agency(session, table, run, agency_id)


def board(session: Session, run: RunHead) -> Board:
    settled = set(
        session.scalars(
            select(Settlement.agency_id).where(
                Settlement.period_start == run.period.start, Settlement.status.not_in(OPEN_STATUSES)
            )
        )
    )
    return Board(run, _by_agency(session, run, settled), _by_rule(session, run), unpaid_sums(session, run))


def _by_agency(session: Session, run: RunHead, settled: set[int]) -> list[Sum]:
    rows = session.execute(
        select(Agency.id, Agency.code, Agency.legal_name, func.count(), func.sum(AccrualLine.amount_minor))
        .join(AccrualLine, AccrualLine.agency_id == Agency.id)
        .where(_in_force(session, AccrualLine, run))
        .group_by(Agency.id, Agency.code, Agency.legal_name)
        .order_by(func.sum(AccrualLine.amount_minor).desc(), Agency.code)
    )
    return [Sum(code, name, count, int(minor), is_settled=key in settled) for key, code, name, count, minor in rows]


def _by_rule(session: Session, run: RunHead, agency_id: int | None = None) -> list[Sum]:
    kind, rule = AccrualLine.kind, AccrualLine.rule_id
    query = (
        select(kind, rule, func.count(), func.sum(AccrualLine.amount_minor), func.sum(AccrualLine.base_minor))
        .where(_rows(session, AccrualLine, run, agency_id))
        .group_by(kind, rule)
        .order_by(func.sum(AccrualLine.amount_minor).desc(), kind, rule)
    )
    return [Sum(kind, rule, count, int(minor), int(base)) for kind, rule, count, minor, base in session.execute(query)]


def unpaid_sums(session: Session, run: RunHead, agency_id: int | None = None) -> list[Sum]:
    """What earned nothing, by reason, the most money first."""
    query = (
        select(UnpaidCollection.code, func.count(), func.sum(UnpaidCollection.amount_minor))
        .where(_rows(session, UnpaidCollection, run, agency_id))
        .group_by(UnpaidCollection.code)
        .order_by(func.sum(UnpaidCollection.amount_minor).desc(), UnpaidCollection.code)
    )
    return [_reason_sum(code, count, int(minor)) for code, count, minor in session.execute(query)]


def _reason_sum(code: str, count: int, minor: int) -> Sum:
    reason = REASONS[code]
    return Sum(code, reason.meaning, count, minor, owner=reason.owner, cure=reason.cure)


@dataclass(frozen=True, slots=True)
class LineRow:
    id: int
    ref: str
    agency_code: str
    kind: str
    rule_id: str
    card: str
    receipt_no: str | None
    loan_account_no: str | None
    base_minor: int
    amount_minor: int
    currency: str
    credited_on: date


def list_lines(
    session: Session,
    run: RunHead,
    *,
    agency: str = "",
    rule: str = "",
    kind: str = "",
    after: tuple[Any, ...] | None = None,
    limit: int = 51,
) -> list[LineRow]:
    """Lines of a month in their order; `after` is (id,)."""
    query = _line_query().where(_in_force(session, AccrualLine, run)).order_by(AccrualLine.id).limit(limit)
    if agency:
        query = query.where(AccrualLine.agency_id == select(Agency.id).where(Agency.code == agency).scalar_subquery())
    if rule:
        query = query.where(AccrualLine.rule_id == rule)
    if kind:
        query = query.where(AccrualLine.kind == kind)
    if after:
        query = query.where(AccrualLine.id > after[0])
    return [_line_row(row) for row in session.execute(query)]


def _line_query() -> Select[*tuple[Any, ...]]:
    return (
        select(
            AccrualLine,
            Agency.code,
            RateCard.code,
            RateCardVersion.version,
            Collection.receipt_no,
            Collection.loan_account_no,
        )
        .join(Agency, Agency.id == AccrualLine.agency_id)
        .outerjoin(RateCardVersion, RateCardVersion.id == AccrualLine.rate_card_version_id)
        .outerjoin(RateCard, RateCard.id == RateCardVersion.rate_card_id)
        .outerjoin(Collection, Collection.id == AccrualLine.collection_id)
    )


def _line_row(row: Any) -> LineRow:
    line, agency, card, version, receipt, account = row
    return LineRow(
        id=line.id,
        ref=line.ref,
        agency_code=agency,
        kind=line.kind,
        rule_id=line.rule_id,
        card=f"{card} v{version}" if card else "",
        receipt_no=receipt,
        loan_account_no=account or line.facts.get("loan_account_no"),
        base_minor=line.base_minor,
        amount_minor=line.amount_minor,
        currency=line.currency,
        credited_on=line.credited_on,
    )


@dataclass(frozen=True, slots=True)
class LineDetail:
    """One line with its facts and steps, the version that priced it, the line it takes back and the settlement it stands in."""

    row: LineRow
    facts: Mapping[str, Any]
    steps: Sequence[Mapping[str, Any]]
    card_code: str
    card_version: int | None
    period: Period
    run_version: int
    takes_back: str | None


def line_detail(session: Session, ref: str) -> LineDetail:
    """The line in the session's sight; NotFound otherwise."""
    row = session.execute(_line_query().where(AccrualLine.ref == ref)).one_or_none()
    if row is None:
        raise NotFound("There is nothing here.")
    line, _, card, version, *_ = row
    run = session.execute(select(AccrualRun.period_start, AccrualRun.version).where(AccrualRun.id == line.run_id)).one()
    first = select(AccrualLine.ref).where(AccrualLine.id == line.clawback_of_id)
    return LineDetail(
        row=_line_row(row),
        facts=line.facts,
        steps=line.steps,
        card_code=card or "",
        card_version=version,
        period=month_of(run.period_start),
        run_version=run.version,
        takes_back=session.scalar(first) if line.clawback_of_id else None,
    )


@dataclass(frozen=True, slots=True)
class UnpaidRow:
    id: int
    agency_code: str
    receipt_no: str
    loan_account_no: str
    collected_on: date
    code: str
    meaning: str
    amount_minor: int
    currency: str
    cure: str
    owner: str


def list_unpaid(
    session: Session,
    run: RunHead,
    *,
    code: str = "",
    agency: str = "",
    agency_id: int | None = None,
    after: tuple[Any, ...] | None = None,
    limit: int = 51,
) -> list[UnpaidRow]:
    """Collections of a month that earned nothing, in their order; `after` is (id,)."""
    query = (
        select(
            UnpaidCollection, Agency.code, Collection.receipt_no, Collection.loan_account_no, Collection.collected_on
        )
        .join(Agency, Agency.id == UnpaidCollection.agency_id)
        .join(Collection, Collection.id == UnpaidCollection.collection_id)
        .where(_rows(session, UnpaidCollection, run, agency_id))
        .order_by(UnpaidCollection.id)
        .limit(limit)
    )
    if code:
        query = query.where(UnpaidCollection.code == code)
    if agency:
        mine = select(Agency.id).where(Agency.code == agency).scalar_subquery()
        query = query.where(UnpaidCollection.agency_id == mine)
    if after:
        query = query.where(UnpaidCollection.id > after[0])
    return [_unpaid_row(row) for row in session.execute(query)]


def _unpaid_row(row: Any) -> UnpaidRow:
    unpaid, agency, receipt, account, day = row
    return UnpaidRow(
        id=unpaid.id,
        agency_code=agency,
        receipt_no=receipt,
        loan_account_no=account,
        collected_on=day,
        code=unpaid.code,
        meaning=REASONS[unpaid.code].meaning,
        amount_minor=unpaid.amount_minor,
        currency=unpaid.currency,
        cure=unpaid.cure,
        owner=unpaid.owner,
    )


# --- one agency's own view


@dataclass(frozen=True, slots=True)
class Earned:
    """What an agency earned in a month so far, by rule, and what earned nothing, by reason."""

    run: RunHead
    by_rule: list[Sum]
    unpaid: list[Sum]

    @property
    def total_minor(self) -> int:
        return sum(each.minor for each in self.by_rule)

    @property
    def base_minor(self) -> int:
        return sum(each.base_minor for each in self.by_rule if each.code == "commission")

    @property
    def unpaid_minor(self) -> int:
        return sum(each.minor for each in self.unpaid)


def earned(session: Session, agency_id: int, period: Period) -> Earned | None:
    """None when the month has not been accrued."""
    run = run_in_force(session, period)
    if run is None:
        return None
    return Earned(run, _by_rule(session, run, agency_id), unpaid_sums(session, run, agency_id))


def next_slab(session: Session, agency_id: int, period: Period) -> list[NextSlab]:
    """For every rule and pool an agency earned under, its next slab: the most valuable first. Empty when none is ahead."""
    run = run_in_force(session, period)
    if run is None:
        return []
    query = (
        select(AccrualLine.rate_card_version_id, AccrualLine.rule_id, AccrualLine.base_minor, AccrualLine.steps)
        .where(_of_agency(session, AccrualLine, run, agency_id))
        .where(AccrualLine.kind == "commission", AccrualLine.rate_card_version_id.is_not(None))
    )
    standings: dict[tuple[int, str, str], tuple[Fraction, int]] = {}
    for version_id, rule_id, base, steps in session.execute(query):
        if (found := _standing(steps, run.currency)) is not None:
            pool, value = found
            before = standings.get((version_id, rule_id, pool), (value, 0))
            standings[version_id, rule_id, pool] = (max(before[0], value), before[1] + base)
    principal = _principal(session, agency_id, period)
    return _ahead(session, standings, principal)


def _standing(steps: Sequence[Mapping[str, Any]], currency: str) -> tuple[str, Fraction] | None:
    """(pool, driver's value) of a priced line, from its last slab; None when nothing picked it."""
    slabs = [step for step in steps if step["step"] == "slab" and "value" in step]
    if not slabs:
        return None
    scale = 10 ** exponent(currency) if DRIVER_UNITS[slabs[-1]["driver"]] == MONEY else 1
    return slabs[-1].get("pool", ""), Fraction(Decimal(slabs[-1]["value"])) * scale


def _principal(session: Session, agency_id: int, period: Period) -> dict[str, int]:
    """Opening principal of the agency's allocations in force during the month: in all (""), by product and by bucket."""
    query = (
        select(Allocation.product, Allocation.opening_bucket, func.sum(Allocation.opening_principal_minor))
        .where(Allocation.agency_id == agency_id, Allocation.from_on < period.end)
        .where(or_(Allocation.to_on.is_(None), Allocation.to_on >= period.start))
        .group_by(Allocation.product, Allocation.opening_bucket)
    )
    pools: dict[str, int] = defaultdict(int)
    for product, bucket, minor in session.execute(query):
        for pool in {"", product, bucket}:
            pools[pool] += int(minor)
    return pools


def _ahead(
    session: Session, standings: Mapping[tuple[int, str, str], tuple[Fraction, int]], principal: Mapping[str, int]
) -> list[NextSlab]:
    names = select(RateCardVersion, RateCard.code).join(RateCard, RateCard.id == RateCardVersion.rate_card_id)
    ids = {version_id for version_id, _, _ in standings}
    cards = {
        row.id: (f"{code} v{row.version}", read_card(row.source_text))
        for row, code in session.execute(names.where(RateCardVersion.id.in_(ids)))
    }
    found = []
    for (version_id, rule_id, pool), (value, base) in standings.items():
        name, card = cards[version_id]
        rule = card.rule(rule_id)
        if rule is None or rule.driver is None:
            continue
        weighed = principal.get(pool) if DRIVER_UNITS[rule.driver] == PERCENT and rule.driver.endswith("_pos") else None
        step = distance(card, rule, name=name, pool=pool, value=value, base_minor=base, pool_minor=weighed)
        found += [step] if step else []
    return sorted(found, key=lambda step: (-step.gain_minor, step.rule_id, step.pool))
