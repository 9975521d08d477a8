"""What a campaign did: the treated accounts against those left alone, with how far luck carries. Pure.

Accounts count one each for the share that paid; for rupees each counts by what was overdue when it started, and what came in counts up
to that. The interval holds the true difference 19 times of 20; the chance is that of a difference as large by luck alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction

from allocations.scorecards.mix import NINETEEN_OF_TWENTY, Stratum, contest
from portal.kernel.money import half_up

FEWEST = 30  # accounts in each group, below which nothing is said


@dataclass(frozen=True, slots=True)
class Arm:
    """One group: accounts, how many paid, what was overdue and came in (minor units); `base_squares`: of what was overdue;
    `counted_minor`: what came in, of each account no more than was overdue."""

    accounts: int
    paid: int
    overdue_minor: int
    confirmed_minor: int
    counted_minor: int
    base_squares: int

    @property
    def paid_percent(self) -> Fraction | None:
        return Fraction(100 * self.paid, self.accounts) if self.accounts else None

    @property
    def by_count(self) -> Stratum:
        return Stratum((), self.accounts, self.accounts, self.accounts, self.paid)

    @property
    def by_money(self) -> Stratum:
        return Stratum((), self.accounts, self.overdue_minor, self.base_squares, self.counted_minor)


@dataclass(frozen=True, slots=True)
class Lift:
    """A difference in percent points with its interval, and the chance (of 1) that luck alone makes one as large."""

    points: Fraction
    low: Fraction
    high: Fraction
    chance: float

    @property
    def is_beyond_chance(self) -> bool:
        return self.chance < 0.05


def lift(treated: Stratum, control: Stratum) -> Lift | None:
    """None where either group is too small to say anything, or had nothing overdue."""
    if min(treated.accounts, control.accounts) < FEWEST:
        return None
    found = contest([treated], [control])
    if found is None:
        return None
    margin = 100 * Fraction(NINETEEN_OF_TWENTY) * Fraction(_deviation(treated, control))
    return Lift(found.difference, found.difference - margin, found.difference + margin, found.chance)


def _deviation(*groups: Stratum) -> Decimal:
    """Of the difference of two rates: Decimal takes the root, for the same digits everywhere."""
    variance = sum(
        (each.rate * (1 - each.rate) * Fraction(each.squares, each.weight**2) for each in groups), Fraction(0)
    )
    with localcontext(prec=50):
        return (Decimal(variance.numerator) / Decimal(variance.denominator)).sqrt()


def extra_minor(treated: Arm, found: Lift | None) -> int | None:
    """What came in beyond what would have come anyhow, by the rupees' difference; None where nothing can be said."""
    return None if found is None else half_up(found.points * treated.overdue_minor / 100)


def cost_per_rupee(spent_minor: int, treated: Arm) -> Fraction | None:
    """What each rupee that came in cost; None while none did."""
    return Fraction(spent_minor, treated.confirmed_minor) if treated.confirmed_minor else None
