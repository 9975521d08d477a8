"""One agency's month: what it earned by rule and bucket, what earned nothing, and how far the next slabs are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from sqlalchemy import func, or_, select, text
from sqlalchemy.orm import Session

from allocations.collections.models import Collection
from allocations.placements.models import Allocation
from payouts.commission.models import AccrualLine, UnpaidCollection
from payouts.commission.next_slab import NextSlab, distance
from payouts.commission.queries import RunHead, Sum, rows_of, run_in_force, run_of_agency, unpaid_sums
from payouts.rate_cards.models import RateCard, RateCardVersion
from payouts.rate_cards.parsing import read_card
from payouts.rate_cards.terms import DRIVER_UNITS, MONEY, PERCENT, Card
from portal.kernel.money import exponent
from portal.kernel.periods import Period


@dataclass(frozen=True, slots=True)
class RuleSum:
    """What an agency earned under one rule in one opening bucket ("" where a line is about no account)."""

    kind: str
    rule_id: str
    bucket: str
    count: int
    base_minor: int
    minor: int


@dataclass(frozen=True, slots=True)
class Earned:
    """What an agency earned in a month so far, by rule and bucket, and what earned nothing, by reason.

    `earlier_minor`, `earlier_unpaid_minor`: money seen in the month, and money that earns nothing, on receipts taken before it; they
    are not in what the month reports.
    """

    run: RunHead
    by_rule: list[RuleSum]
    unpaid: list[Sum]
    earlier_minor: int = 0
    earlier_unpaid_minor: int = 0

    @property
    def total_minor(self) -> int:
        return sum(each.minor for each in self.by_rule)

    @property
    def lines(self) -> int:
        return sum(each.count for each in self.by_rule)

    @property
    def base_minor(self) -> int:
        return sum(each.base_minor for each in self.by_rule if each.kind == "commission")

    @property
    def unpaid_minor(self) -> int:
        return sum(each.minor for each in self.unpaid)


def earned(session: Session, agency_id: int, run: RunHead) -> Earned:
    """An agency's month as a run left it."""
    line, bucket = AccrualLine, func.coalesce(AccrualLine.facts["opening_bucket"].astext, "").label("bucket")
    before = line.facts["collected_on"].astext < run.period.start.isoformat()
    sums = (func.sum(line.base_minor), func.sum(line.amount_minor), func.sum(line.base_minor).filter(before))
    query = (
        select(line.kind, line.rule_id, bucket, func.count(), *sums)
        .where(rows_of(session, line, run, agency_id))
        .group_by(line.kind, line.rule_id, "bucket")
    )
    rows = session.execute(query).all()
    found = [
        RuleSum(kind, rule, pool, count, int(base), int(minor)) for kind, rule, pool, count, base, minor, _ in rows
    ]
    earlier = sum(int(row[-1] or 0) for row in rows if row[0] == "commission")
    found.sort(key=lambda each: (-each.minor, each.kind, each.rule_id, each.bucket))
    unpaid = unpaid_sums(session, run, agency_id)
    return Earned(run, found, unpaid, earlier, earlier_unpaid_minor(session, agency_id, run) if unpaid else 0)


def earlier_unpaid_minor(session: Session, agency_id: int, run: RunHead) -> int:
    """Money of receipts taken before the month that earns nothing in it; minor units."""
    query = (
        select(func.coalesce(func.sum(UnpaidCollection.amount_minor), 0))
        .join(Collection, Collection.id == UnpaidCollection.collection_id)
        .where(rows_of(session, UnpaidCollection, run, agency_id), Collection.collected_on < run.period.start)
    )
    return int(session.scalar(query) or 0)


def total_minor(session: Session, agency_id: int, run: RunHead) -> int:
    query = select(func.coalesce(func.sum(AccrualLine.amount_minor), 0))
    return int(session.scalar(query.where(rows_of(session, AccrualLine, run, agency_id))) or 0)


# --- the next slab

# Where each rule's pools stand: the last slab's driver and the highest value it was told at, and the money counted there.
STANDINGS = text("""
select rate_card_version_id as version_id, rule_id, coalesce(slab ->> 'pool', '') as pool, slab ->> 'driver' as driver,
       max(split_part(slab ->> 'value', '/', 1)::numeric
           / coalesce(nullif(split_part(slab ->> 'value', '/', 2), '')::numeric, 1))::text as value,
       sum(base_minor) as base
  from (select x.rate_card_version_id, x.rule_id, x.base_minor,
               jsonb_path_query_array(x.steps, '$[*] ? (@.step == "slab")') -> -1 as slab
          from accrual_lines x
         where x.run_id = :run and x.agency_id = :agency and x.kind = 'commission' and x.rate_card_version_id is not null
        offset 0) y
 where slab ->> 'value' ~ '^-?[0-9]+([.][0-9]+)?(/[0-9]+)?$'
 group by 1, 2, 3, 4
""")


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a pool stands under a rule: the driver's value in its own unit (money in minor units), and the money counted."""

    version_id: int
    rule_id: str
    pool: str
    value: Fraction
    base_minor: int


def next_slab(session: Session, agency_id: int, period: Period) -> list[NextSlab]:
    """For every rule and pool an agency earned under, its next slab: the most valuable first. Empty when none is ahead."""
    run = run_in_force(session, period)
    if run is None:
        return []
    bounds = {"run": run_of_agency(session, run, agency_id), "agency": agency_id}
    standings = [_standing(row, run.currency) for row in session.execute(STANDINGS, bounds)]
    if not standings:
        return []
    cards = cards_by_id(session, {each.version_id for each in standings})
    return _ahead(standings, cards, _principal(session, agency_id, period))


def _standing(row: object, currency: str) -> Standing:
    scale = 10 ** exponent(currency) if DRIVER_UNITS.get(row.driver) == MONEY else 1  # type: ignore[attr-defined]
    value = Fraction(Decimal(row.value)) * scale  # type: ignore[attr-defined]
    return Standing(row.version_id, row.rule_id, row.pool, value, int(row.base))  # type: ignore[attr-defined]


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


def cards_by_id(session: Session, ids: Iterable[int]) -> dict[int, tuple[str, Card]]:
    """Version id → ("CODE v2", the card), of versions in sight."""
    names = select(RateCardVersion, RateCard.code).join(RateCard, RateCard.id == RateCardVersion.rate_card_id)
    return {
        row.id: (f"{code} v{row.version}", read_card(row.source_text))
        for row, code in session.execute(names.where(RateCardVersion.id.in_(list(ids))))
    }


def _ahead(
    standings: Iterable[Standing], cards: Mapping[int, tuple[str, Card]], principal: Mapping[str, int]
) -> list[NextSlab]:
    found = []
    for each in standings:
        name, card = cards.get(each.version_id, ("", None))
        rule = card.rule(each.rule_id) if card else None
        if card is None or rule is None or rule.driver is None:
            continue
        is_share = DRIVER_UNITS[rule.driver] == PERCENT and rule.driver.endswith("_pos")
        step = distance(
            card,
            rule,
            name=name,
            pool=each.pool,
            value=each.value,
            base_minor=each.base_minor,
            pool_minor=principal.get(each.pool) if is_share else None,
        )
        found += [step] if step else []
    return sorted(found, key=lambda step: (-step.gain_minor, step.rule_id, step.pool))
