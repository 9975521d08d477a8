"""The clock of micro and small firms: paid within 45 days, or with compound interest at three times the bank rate. Pure.

MSMED Act 2006: s.2(b) a service nobody objects to within fifteen days is accepted the day it was rendered; s.15 by the day agreed,
45 days from acceptance at most, and 15 where nothing was agreed in writing; s.16 compound interest with monthly rests at three
times the bank rate, whatever the contract says; s.23 none of it lowers the tax.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from portal.kernel.money import half_up
from portal.kernel.periods import month_of

MOST_DAYS = 45
PROTECTED = frozenset({"micro", "small"})
RESTS = ("thirty_days", "calendar_month")
BROKEN = ("actual_365", "thirtieths")
ACCEPTED = ("rendered", "approval")


@dataclass(frozen=True, slots=True)
class Terms:
    """What law and house say of the clock. `accepted`, `rest` and `broken`: words of ACCEPTED, RESTS and BROKEN.

    `rest`: what a month of interest is; `broken`: how the days after the last whole one count.
    """

    agreed_days: int = MOST_DAYS
    unwritten_days: int = 15
    accepted: str = "rendered"
    deemed_days: int = 15
    soon_days: int = 10
    urgent_days: int = 3
    times: int = 3
    rest: str = "thirty_days"
    broken: str = "actual_365"


@dataclass(frozen=True, slots=True)
class Rest:
    """Interest of one month, or of the days left: on what, at which rate a year."""

    from_on: date
    to_on: date
    days: int
    opening_minor: int
    rate: Decimal
    interest_minor: int


def is_protected(country: str, msme_class: str | None) -> bool:
    """Whether the Act protects the firm: micro and small do it, medium ones not."""
    return country == "IN" and (msme_class or "").lower() in PROTECTED


def days_to_pay(terms: Terms, *, protected: bool, is_agreed: bool, agreed_days: int | None = None) -> int:
    """Days from acceptance. `is_agreed`: a written agreement is in force; `agreed_days`: what it says, if not what all say."""
    agreed = terms.agreed_days if agreed_days is None else agreed_days
    if not protected:
        return agreed
    return min(agreed, MOST_DAYS) if is_agreed else terms.unwritten_days


def accepted_on(terms: Terms, last_day: date, approved_on: date | None) -> date:
    """The day the month's service counts as accepted; `approval`: once approved, or after the days of silence at the latest."""
    if terms.accepted == "rendered":
        return last_day
    deemed = last_day + timedelta(days=terms.deemed_days)
    return deemed if approved_on is None else min(max(approved_on, last_day), deemed)


def alert(terms: Terms, pay_by_on: date, today: date) -> str:
    """late | urgent | soon, or nothing while there is time. On the day itself it is urgent."""
    left = (pay_by_on - today).days
    if left < 0:
        return "late"
    return "urgent" if left <= terms.urgent_days else "soon" if left <= terms.soon_days else ""


def stage(soon_days: int, urgent_days: int, due_on: date, today: date) -> str:
    """What people are told of a day, each once: soon | urgent | due (today) | late, or nothing while there is time."""
    left = (due_on - today).days
    if left <= 0:
        return "late" if left else "due"
    return "urgent" if left <= urgent_days else "soon" if left <= soon_days else ""


def interest(
    amount_minor: int, pay_by_on: date, until_on: date, bank_rate: Callable[[date], Decimal], terms: Terms = Terms()
) -> list[Rest]:
    """What is owed for paying on `until_on`, rest by rest, each rounded half up to the minor unit and added to the debt.

    `bank_rate`: the rate in force on a day; a rest bears the one of its first day. Nothing when paid in time.
    """
    rests: list[Rest] = []
    balance, start, number = amount_minor, pay_by_on, 1
    while amount_minor > 0 and start < until_on:
        rate = bank_rate(start + timedelta(days=1)) * terms.times
        end = _rest_end(pay_by_on, number, terms.rest)
        whole = end <= until_on
        end = min(end, until_on)
        share = Fraction(1, 12) if whole else _broken((end - start).days, terms.broken)
        earned = half_up(balance * Fraction(rate) * share)
        rests.append(Rest(start + timedelta(days=1), end, (end - start).days, balance, rate, earned))
        balance, start, number = balance + earned, end, number + 1
    return rests


def owed(rests: list[Rest]) -> int:
    return sum(each.interest_minor for each in rests)


def _rest_end(first: date, number: int, rest: str) -> date:
    if rest == "thirty_days":
        return first + timedelta(days=30 * number)
    month = month_of(first)
    for _ in range(number):
        month = month.next()
    return month.start.replace(day=min(first.day, month.last_day.day))


def _broken(days: int, how: str) -> Fraction:
    """The part of a year."""
    return Fraction(days, 365) if how == "actual_365" else Fraction(days, 30 * 12)


def standing(accepted: date, paid_on: date | None, half_ends: date) -> str:
    """Where a due stands in the half-yearly list: paid_in_time, paid_late, open or overdue, by the 45 days from acceptance."""
    most = accepted + timedelta(days=MOST_DAYS)
    if paid_on is not None and paid_on <= half_ends:
        return "paid_in_time" if paid_on <= most else "paid_late"
    return "open" if half_ends <= most else "overdue"
