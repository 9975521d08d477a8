"""Drivers measured from allocations: what became of each account by the month's end, weighed over its pools. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from allocations.placements.buckets import Scheme
from allocations.placements.outcomes import Outcome, outcome, resolved_share
from payouts.commission.hashing import canonical
from payouts.rate_cards.choosing import fits
from payouts.rate_cards.facts import FactLine
from payouts.rate_cards.terms import Rule, When, number_text

PLACES = 6  # cut off, never rounded up: a pool must not reach a slab it has not reached
Pools = dict[str, dict[str, str]]


@dataclass(frozen=True, slots=True)
class Held:
    """An allocation in force during the month, its frozen opening, and its account's DPD at the last snapshot of the month."""

    allocation_id: int
    product: str
    opening_bucket: str
    principal_minor: int
    overdue_minor: int
    closing_dpd_days: int | None


@dataclass(frozen=True, slots=True)
class Month:
    """The accounts behind an agency's pools, each as a line of facts, and what the bank saw of each.

    `earlier` are accounts of months before whose late money is here, with their outcome then; `cash` is by account number.
    """

    held: Sequence[tuple[Held, FactLine]] = ()
    earlier: Sequence[tuple[Held, FactLine]] = ()
    became: Mapping[int, Outcome | None] = field(default_factory=dict)
    cash: Mapping[str, int] = field(default_factory=dict)

    def texts(self, agency: str) -> Iterator[str]:
        """What the month says, for a hash: ids left out."""
        for place, members in (("held", self.held), ("earlier", self.earlier)):
            for each, line in members:
                opening = [each.product, each.opening_bucket, each.principal_minor, each.overdue_minor]
                became = self.became.get(each.allocation_id)
                words = sorted(line.words.items())
                yield canonical([agency, place, line.account, opening, each.closing_dpd_days, became, words])
        yield canonical([agency, "cash", sorted(self.cash.items())])


# What a rule asks of an account itself; the rest of its conditions speaks of a payment, or is what the driver measures.
OF_THE_ACCOUNT = frozenset(
    {"product", "opening_bucket", "asset_class", "region", "state", "stream", "agency_grade", "placement_order"}
)
OF_ITS_NUMBERS = frozenset({"npa_age_months", "written_off_age_months", "dpd_days", "principal_outstanding"})


def account_pools(month: Month, account: str) -> dict[str, str]:
    """Each percent driver of one account; empty when nobody measured it."""
    return _pools_over(month, lambda line: line.account == account)


def rule_pools(month: Month, rule: Rule) -> dict[str, str]:
    """Each percent driver over the accounts a rule is for; empty when nobody measured one of them."""
    when = When(
        tuple(each for each in rule.when.listed if each[0] in OF_THE_ACCOUNT),
        tuple(each for each in rule.when.ranged if each[0] in OF_ITS_NUMBERS),
    )
    return _pools_over(month, lambda line: fits(when, line))


def _pools_over(month: Month, belongs: Callable[[FactLine], bool]) -> dict[str, str]:
    """The month's own accounts, or those of earlier months where the month itself holds none of the pool."""
    now = [(each, line) for each, line in month.held if belongs(line)]
    members = now or [(each, line) for each, line in month.earlier if belongs(line)]
    drivers: Pools = defaultdict(dict)
    held = [each for each, _ in members]
    if any(month.became.get(each.allocation_id) for each in held):
        _of_pool(drivers, "", held, month.became)
    due = sum(each.overdue_minor for each in held)
    if now and due > 0:
        cash = sum(month.cash.get(account, 0) for account in {line.account for _, line in members})
        drivers["collection_efficiency_pct"][""] = percent_text(Fraction(max(cash, 0) * 100, due))
    return {driver: pools[""] for driver, pools in drivers.items()}


def outcomes(held: Iterable[Held], scheme: Scheme) -> dict[int, Outcome | None]:
    """Outcome by allocation; None where the month has no snapshot or the opening bucket is not in today's scheme."""
    known: dict[tuple[str, int], Outcome | None] = {}
    found: dict[int, Outcome | None] = {}
    for each in held:
        if each.closing_dpd_days is None:
            found[each.allocation_id] = None
            continue
        key = (each.opening_bucket, each.closing_dpd_days)
        if key not in known:
            known[key] = _outcome(*key, scheme)
        found[each.allocation_id] = known[key]
    return found


def _outcome(bucket: str, dpd_days: int, scheme: Scheme) -> Outcome | None:
    try:
        return outcome(bucket, dpd_days, scheme)
    except KeyError:
        return None


def measure(
    held: Iterable[Held], found: Mapping[int, Outcome | None], confirmed: Mapping[tuple[str, str], int]
) -> Pools:
    """Each percent driver over the agency ("") and over each product and opening bucket.

    An account without a snapshot in the month counts as rolled forward, so that the four outcomes always sum to the whole pool;
    a pool in which no account has one is not measured. `confirmed` is money seen at the bank, by (product, opening bucket).
    """
    pools: dict[str, list[Held]] = defaultdict(list)
    for each in held:
        for pool in {"", each.product, each.opening_bucket}:
            pools[pool].append(each)
    drivers: Pools = defaultdict(dict)
    for pool, members in sorted(pools.items()):
        if any(found[each.allocation_id] for each in members):
            _of_pool(drivers, pool, members, found)
        due = sum(each.overdue_minor for each in members)
        cash = sum(amount for names, amount in confirmed.items() if pool == "" or pool in names)
        if due > 0:
            drivers["collection_efficiency_pct"][pool] = percent_text(Fraction(max(cash, 0) * 100, due))
    return dict(drivers)


def _of_pool(drivers: Pools, pool: str, members: list[Held], found: Mapping[int, Outcome | None]) -> None:
    by_pos: dict[Outcome, int] = defaultdict(int)
    by_count: dict[Outcome, int] = defaultdict(int)
    for each in members:
        result = found.get(each.allocation_id) or Outcome.ROLLED_FORWARD
        by_pos[result] += each.principal_minor
        by_count[result] += 1
    drivers["resolution_pct_pos"][pool] = percent_text(resolved_share(by_pos))
    drivers["resolution_pct_count"][pool] = percent_text(resolved_share(by_count))
    better, whole = by_pos[Outcome.ROLLED_BACK] + by_pos[Outcome.NORMALISED], sum(by_pos.values())
    drivers["rollback_pct_pos"][pool] = percent_text(Fraction(better * 100, whole) if whole else Fraction(0))


def percent_text(share: Fraction) -> str:
    """At most 100, cut off after six decimals: compares with any threshold of a card exactly as the true share does."""
    cut = Fraction(int(min(share, Fraction(100)) * 10**PLACES), 10**PLACES)
    return number_text(cut)
