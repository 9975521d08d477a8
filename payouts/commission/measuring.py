"""Drivers measured from allocations: what became of each account by the month's end, weighed over its pools. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from allocations.placements.buckets import Scheme
from allocations.placements.outcomes import Outcome, outcome, resolved_share
from payouts.rate_cards.terms import number_text

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
        result = found[each.allocation_id] or Outcome.ROLLED_FORWARD
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
