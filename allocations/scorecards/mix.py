"""Like for like: what an agency's result would be with the portfolio's mix of accounts, and how much of it may be chance. Pure.

Accounts of a kind (opening bucket × product × band of principal × region × held before, or fewer of these) form a stratum. What the
portfolio reached in each stratum is what anybody could expect of it; an agency is measured by how far it came above or below that, added
to the whole portfolio's result (indirect standardisation). The interval takes each account for one throw with its stratum's chance,
weighted by its principal: large accounts make it wide, and it says how far luck alone carries, 19 times of 20.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from math import erfc, sqrt
from typing import Any

NINETEEN_OF_TWENTY = Decimal("1.959964")
Key = tuple[str, ...]
# What tells kinds of account apart, the finest first: with fewer of them more agencies have something alike.
# The last one only where the scheme asks for it: keys of a month without it have one part less.
KINDS = ("opening bucket", "product", "band of principal", "region", "held by another before")
ENOUGH_ALIKE = Fraction(1, 2)  # of all principal, before kinds are told apart more coarsely


@dataclass(frozen=True, slots=True)
class Stratum:
    """One agency's accounts of one kind: how many, their principal (minor units), the sum of its squares, and what was reached of it."""

    key: Key
    accounts: int
    weight: int
    squares: int
    reached: int

    @property
    def rate(self) -> Fraction:
        return Fraction(self.reached, self.weight) if self.weight else Fraction(0)


@dataclass(frozen=True, slots=True)
class LikeForLike:
    """`raw` as it was, `expected` what the portfolio reached on such accounts, `adjusted` like for like with `low` and `high`; percent.

    `margin`: how far luck carries either way; `low` and `high` end at 0 and 100, it does not.
    `comparable`: the share of its principal in strata where another agency works as well; the rest says nothing about the agency.
    `parts`: how many of KINDS told them apart.
    """

    raw: Fraction
    expected: Fraction
    adjusted: Fraction
    low: Fraction
    high: Fraction
    margin: Fraction
    comparable: Fraction
    parts: int = len(KINDS)

    @property
    def is_beyond_chance(self) -> bool:
        """Whether what it is above or below expectation by is more than luck."""
        return abs(self.raw - self.expected) > self.margin


def merged(strata: Iterable[Stratum], parts: int) -> list[Stratum]:
    """Strata of the first `parts` of KINDS: those that differ in the rest become one."""
    return list(
        _added(
            Stratum(each.key[:parts], each.accounts, each.weight, each.squares, each.reached) for each in strata
        ).values()
    )


def parts_alike(agencies: Mapping[Any, Sequence[Stratum]]) -> int:
    """How finely kinds can be told apart so that at least half of all principal has its like with another agency; 0: not at all.

    One answer for everybody, so that all are judged alike.
    """
    finest = max((len(each.key) for strata in agencies.values() for each in strata), default=0)
    for parts in range(finest, 0, -1):
        found = {agency: merged(strata, parts) for agency, strata in agencies.items()}
        whole = portfolio(found)
        total = sum(each.weight for each in whole.values())
        shared = sum(
            each.weight for strata in found.values() for each in strata if whole[each.key].weight > each.weight
        )
        if total and Fraction(shared, total) >= ENOUGH_ALIKE:
            return parts
    return 0


def portfolio(agencies: Mapping[Any, Iterable[Stratum]]) -> dict[Key, Stratum]:
    """All agencies' strata added up."""
    return _added(each for strata in agencies.values() for each in strata)


def _added(strata: Iterable[Stratum]) -> dict[Key, Stratum]:
    whole: dict[Key, Stratum] = {}
    for each in strata:
        had = whole.get(each.key, Stratum(each.key, 0, 0, 0, 0))
        whole[each.key] = Stratum(
            each.key,
            had.accounts + each.accounts,
            had.weight + each.weight,
            had.squares + each.squares,
            had.reached + each.reached,
        )
    return whole


def like_for_like(own: Iterable[Stratum], whole: Mapping[Key, Stratum]) -> LikeForLike | None:
    """An agency against the portfolio; None where it held no principal."""
    strata = list(own)
    weight = sum(each.weight for each in strata)
    if not weight:
        return None
    mean = Fraction(sum(each.reached for each in whole.values()), sum(each.weight for each in whole.values()))
    raw = Fraction(sum(each.reached for each in strata), weight)
    expected = sum((whole[each.key].rate * each.weight for each in strata), Fraction(0)) / weight
    adjusted = _within(mean + raw - expected)
    margin = Fraction(NINETEEN_OF_TWENTY) * Fraction(_deviation(strata, whole)) / weight
    shared = sum(each.weight for each in strata if whole[each.key].weight > each.weight)
    low, high = _within(adjusted - margin), _within(adjusted + margin)
    return LikeForLike(
        raw=100 * raw,
        expected=100 * expected,
        adjusted=100 * adjusted,
        low=100 * low,
        high=100 * high,
        margin=100 * margin,
        comparable=Fraction(100 * shared, weight),
        parts=len(strata[0].key),
    )


def _deviation(strata: Iterable[Stratum], whole: Mapping[Key, Stratum]) -> Decimal:
    """The standard deviation of what is reached, in minor units: the same digits everywhere, as Decimal takes the root."""
    variance = sum((each.squares * whole[each.key].rate * (1 - whole[each.key].rate) for each in strata), Fraction(0))
    with localcontext(prec=50):
        return (Decimal(variance.numerator) / Decimal(variance.denominator)).sqrt()


def _within(share: Fraction) -> Fraction:
    return min(max(share, Fraction(0)), Fraction(1))


@dataclass(frozen=True, slots=True)
class Contest:
    """Two agencies on the kinds of account that both had: `difference` in percent points, first less second, and the chance that
    luck alone makes one as large (`chance`, of 1). `share`: how much of the first one's principal was comparable."""

    difference: Fraction
    chance: float
    share: Fraction
    strata: int

    @property
    def is_decided(self) -> bool:
        return self.chance < 0.05


def contest(first: Iterable[Stratum], second: Iterable[Stratum]) -> Contest | None:
    """Champion against challenger, like for like (Mantel–Haenszel weights); None where they had nothing of the same kind."""
    ours, theirs = {each.key: each for each in first}, {each.key: each for each in second}
    both = [key for key in sorted(ours.keys() & theirs.keys()) if ours[key].weight and theirs[key].weight]
    if not both:
        return None
    weights = {
        key: Fraction(ours[key].weight * theirs[key].weight, ours[key].weight + theirs[key].weight) for key in both
    }
    total = sum(weights.values(), Fraction(0))
    difference = sum((weights[key] * (ours[key].rate - theirs[key].rate) for key in both), Fraction(0)) / total
    variance = sum((weights[key] ** 2 * _spread(ours[key], theirs[key]) for key in both), Fraction(0))
    deviation = sqrt(variance / total**2)
    chance = erfc(abs(float(difference)) / deviation / sqrt(2)) if deviation else float(difference == 0)
    share = Fraction(sum(ours[key].weight for key in both), sum(each.weight for each in ours.values()))
    return Contest(100 * difference, round(chance, 4), 100 * share, len(both))


def _spread(first: Stratum, second: Stratum) -> Fraction:
    """The variance of the difference of two rates if both agencies were equally good: each rate's own would call one account a proof."""
    both = Fraction(first.reached + second.reached, first.weight + second.weight)
    return both * (1 - both) * sum(Fraction(each.squares, each.weight**2) for each in (first, second))
