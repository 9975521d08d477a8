"""What placed balances brought in, month by month on the book: vintage and liquidation curves, and flow rates. Pure.

Recovery = confirmed money ÷ balance placed (domain notes §2.3). Month on book 1 is the calendar month of the placement.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal


def months_from(first: date, later: date) -> int:
    """Calendar months from one first of a month to another: 0 within the same month."""
    return (later.year - first.year) * 12 + later.month - first.month


def percent(part: int, whole: int) -> Decimal:
    """Part of a whole in percent, two decimals, half away from zero; 0 of nothing."""
    if not whole:
        return Decimal("0.00")
    hundredths, rest = divmod(abs(part) * 10_000, whole)
    hundredths += 1 if 2 * rest >= whole else 0
    return Decimal(hundredths if part >= 0 else -hundredths).scaleb(-2)


@dataclass(frozen=True)
class Vintage:
    """Everything placed in one month. `cash_minor[k]` came in month k + 1 on the book, for as many months as have begun."""

    month: date
    accounts: int
    placed_minor: int
    cash_minor: tuple[int, ...]

    @property
    def total_minor(self) -> int:
        return sum(self.cash_minor)

    @property
    def cumulative_minor(self) -> tuple[int, ...]:
        sums, running = [], 0
        for minor in self.cash_minor:
            running += minor
            sums.append(running)
        return tuple(sums)

    @property
    def monthly(self) -> tuple[Decimal, ...]:
        """Percent of the placed balance that came in each month."""
        return tuple(percent(minor, self.placed_minor) for minor in self.cash_minor)

    @property
    def cumulative(self) -> tuple[Decimal, ...]:
        """Percent of the placed balance that had come in by the end of each month."""
        return tuple(percent(minor, self.placed_minor) for minor in self.cumulative_minor)


def vintages(
    placed: Iterable[tuple[date, int, int]], cash: Iterable[tuple[date, date, int]], *, through: date, most: int
) -> list[Vintage]:
    """Placements by month (month, accounts, minor) with their money (placement month, month it came, minor), the newest first.

    Months are firsts of months. Nothing after `through` counts, at most `most` months on the book are told apart. Money dated before
    its placement's month (value dates may be) counts in the first.
    """
    came: dict[date, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for month, paid, minor in cash:
        if months_from(paid, through) >= 0:
            came[month][max(0, months_from(month, paid))] += minor
    found = []
    for month, accounts, minor in sorted(placed, reverse=True):
        begun = months_from(month, through) + 1
        if begun > 0:
            found.append(Vintage(month, accounts, minor, _row(came[month], min(begun, most))))
    return found


def _row(came: Mapping[int, int], months: int) -> tuple[int, ...]:
    return tuple(came.get(at, 0) for at in range(months))


@dataclass(frozen=True, slots=True)
class Liquidated:
    """All placements old enough together in one month on the book."""

    month_on_book: int
    placements: int
    placed_minor: int
    cash_minor: int
    percent: Decimal
    cumulative: Decimal


def liquidation(found: Sequence[Vintage]) -> list[Liquidated]:
    """The curve of all placements: each month's money over the balance of those that have reached it; cumulative is their sum.

    Younger placements leave the denominator where they have no month yet, so that they do not pull the curve down.
    """
    rows, running = [], Decimal("0.00")
    for at in range(max((len(each.cash_minor) for each in found), default=0)):
        reached = [each for each in found if len(each.cash_minor) > at]
        placed, cash = sum(each.placed_minor for each in reached), sum(each.cash_minor[at] for each in reached)
        share = percent(cash, placed)
        running += share
        rows.append(Liquidated(at + 1, len(reached), placed, cash, share, running))
    return rows


@dataclass(frozen=True, slots=True)
class Flow:
    """Of one opening bucket in one month: how much principal there was, and how much of it ended in a worse bucket."""

    bucket: str
    month: date
    accounts: int
    principal_minor: int
    forward_minor: int

    @property
    def percent(self) -> Decimal:
        return percent(self.forward_minor, self.principal_minor)

    @property
    def shade(self) -> int:
        """0 (nothing flowed on) to 5."""
        return 0 if not self.forward_minor else min(5, 1 + int(self.percent) // 20)
