"""What became of an allocated account by a closing day, judged from its frozen opening bucket. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from allocations.placements.buckets import Scheme


class Outcome(StrEnum):
    STABILISED = "stabilised"
    ROLLED_BACK = "rolled_back"
    NORMALISED = "normalised"
    ROLLED_FORWARD = "rolled_forward"

    @property
    def is_resolved(self) -> bool:
        return self is not Outcome.ROLLED_FORWARD


def outcome(opening_bucket: str, closing_dpd_days: int, scheme: Scheme) -> Outcome:
    """One of the four outcomes: same bucket, back to current, a better bucket, a worse one. KeyError on an unknown bucket."""
    opening, closing = scheme.rank(opening_bucket), scheme.rank(scheme.bucket_of(closing_dpd_days).code)
    if closing == opening:
        return Outcome.STABILISED
    if closing > opening:
        return Outcome.ROLLED_FORWARD
    return Outcome.NORMALISED if closing == 0 else Outcome.ROLLED_BACK


def shares(weights: Mapping[Outcome, int], places: int = 2) -> dict[Outcome, Decimal]:
    """Each outcome's percentage of the whole (counts or minor units), rounded so that the four add up to exactly 100.

    Largest remainders get the last units. All zero when there is nothing to share.
    """
    total = sum(weights.values())
    unit = 10**places
    if not total:
        return dict.fromkeys(Outcome, Decimal(0).scaleb(-places))
    exact = {each: Fraction(weights.get(each, 0) * 100 * unit, total) for each in Outcome}
    units = {each: int(share) for each, share in exact.items()}
    left = 100 * unit - sum(units.values())
    for each in sorted(exact, key=lambda each: (units[each] - exact[each], list(Outcome).index(each)))[:left]:
        units[each] += 1
    return {each: Decimal(number).scaleb(-places) for each, number in units.items()}


def resolved_share(weights: Mapping[Outcome, int]) -> Fraction:
    """Resolved over allocated, exact, 0 to 100; 0 when nothing was allocated."""
    total = sum(weights.values())
    resolved = sum(weight for each, weight in weights.items() if each.is_resolved)
    return Fraction(resolved * 100, total) if total else Fraction(0)
