"""Interest on tax that was withheld and paid to the government late. Pure.

India: one and a half per cent for every month or part of one from the day it was deducted to the day it was paid (Income-tax Act 1961
s.201(1A)(ii), carried into the Act of 2025). A month is one of the calendar, the first and the last counted as whole ones, as the
tax office reckons it. No other country has a rule here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from portal.kernel.money import half_up


@dataclass(frozen=True, slots=True)
class LateDepositRule:
    """`monthly_rate` of the tax for each calendar month touched, in multiples of `round_to_minor`."""

    country: str
    monthly_rate: Decimal
    round_to_minor: int
    effective_from: date
    effective_to: date | None
    source: str


LATE_DEPOSIT_RULES = (
    LateDepositRule("IN", Decimal("0.015"), 100, date(2010, 7, 1), None, "Income-tax Act 1961 s.201(1A)(ii)"),
)


def months_touched(first: date, last: date) -> int:
    """How many calendar months the days [first, last] lie in; none when they end before they begin."""
    return max(0, (last.year - first.year) * 12 + last.month - first.month + 1)


def late_interest(country: str, amount_minor: int, deducted_on: date, due_on: date, paid_on: date) -> int:
    """What paying on `paid_on` costs beside the tax itself, in minor units; nothing in time, or where no rule is known."""
    rule = next((each for each in LATE_DEPOSIT_RULES if _holds(each, country, deducted_on)), None)
    if rule is None or paid_on <= due_on:
        return 0
    exact = amount_minor * Fraction(rule.monthly_rate) * months_touched(deducted_on, paid_on)
    return half_up(exact / rule.round_to_minor) * rule.round_to_minor


def _holds(rule: LateDepositRule, country: str, day: date) -> bool:
    return (
        rule.country == country and rule.effective_from <= day and (not rule.effective_to or day <= rule.effective_to)
    )
