"""Exact arithmetic in 64 bits: every fraction as a whole number of one small enough unit, with room checked beforehand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import lcm

import numpy as np

from payouts.rate_cards.pricing_columns.lines import Ints, Unfit
from payouts.rate_cards.terms import DRIVER_UNITS, MONEY, Card, Exact, Rule

ROOM = 2**62
STATED_ONLY = {"resolution_pct_pos", "resolution_pct_count", "rollback_pct_pos", "collection_efficiency_pct", "score"}


@dataclass(frozen=True, slots=True)
class Scales:
    """`base`: parts of a minor unit a base is counted in; `rate`: parts of one a rate is; `factor`: parts of one a lag factor is.

    A fee is then counted in 1 / (base x rate x factor) of a minor unit, of which `decimals` places hold every one.
    """

    base: int
    rate: int
    factor: int
    decimals: int

    @property
    def fee(self) -> int:
        return self.base * self.rate * self.factor


def scales_of(card: Card, shares: Iterable[Exact]) -> Scales:
    """Units fine enough for everything the card multiplies. Unfit when a number has no end as a decimal."""
    starts = [slab.start for rule in card.rules if rule.driver not in STATED_ONLY for slab in rule.slabs]
    base = lcm(*(number.denominator for number in (*starts, *shares)))
    rate = lcm(*(slab.rate.denominator for rule in card.rules for slab in rule.slabs if slab.rate is not None))
    factor = lcm(*(tier.factor.denominator for rule in card.rules for tier in rule.lag))
    return Scales(base, rate, factor, decimals(base * rate * factor))


def decimals(unit: int) -> int:
    """How many decimal places write 1/unit exactly."""
    for places in range(19):
        if 10**places % unit == 0:
            return places
    raise Unfit(f"1/{unit} has no end as a decimal, or one too far off")


def scaled(value: Exact, scale: int) -> int:
    """A number in units of 1/scale, which must hold it exactly."""
    whole = value * scale
    if whole.denominator != 1:
        raise Unfit(f"{value} in units of 1/{scale}")
    return int(whole)


def largest(values: Ints) -> int:
    """The largest size among whole numbers, as a number that cannot overflow."""
    return max(abs(int(values.max())), abs(int(values.min()))) if len(values) else 0


def roomy(*factors: int) -> None:
    """Unfit when a product of these sizes might not fit into 64 bits."""
    product = 1
    for each in factors:
        product *= max(each, 1)
    if product >= ROOM:
        raise Unfit(f"numbers up to {product} need more than 64 bits")


def times(values: Ints, factor: int) -> Ints:
    if factor == 1:
        return values
    roomy(largest(values), factor)
    return values * np.int64(factor)


def half_up(values: Ints, unit: int) -> Ints:
    """Whole numbers out of values in units of 1/unit, halves away from zero, as `money.half_up` does."""
    roomy(2, max(largest(values), unit))
    sizes = (2 * np.abs(values) + unit) // (2 * unit)
    return np.where(values < 0, -sizes, sizes)


def driver_is_money(rule: Rule) -> bool:
    return rule.driver is not None and DRIVER_UNITS[rule.driver] == MONEY
