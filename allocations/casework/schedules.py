"""Instalments: what is due on which day, and what came of each once money was seen at the bank. Pure.

Money pays the oldest instalment first, whatever it was meant for. An instalment is met on the day the money of all days until then
covers it and everything before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from allocations.placements.asset_class import after_months
from portal.kernel.errors import Problem
from portal.kernel.money import half_up

MOST_INSTALMENTS = 60
KEPT, LATE, SHORT, MISSED, COMING = "kept", "late", "short", "missed", "coming"
STATES = {KEPT: "Kept", LATE: "Paid late", SHORT: "Paid in part", MISSED: "Not paid", COMING: "Not due yet"}


@dataclass(frozen=True, slots=True)
class Instalment:
    due_on: date
    amount_minor: int


Schedule = tuple[Instalment, ...]


def as_rows(schedule: Iterable[Instalment]) -> list[dict[str, Any]]:
    """As it is kept: [{due_on, amount_minor}]."""
    return [{"due_on": each.due_on.isoformat(), "amount_minor": each.amount_minor} for each in schedule]


def from_rows(rows: Iterable[Mapping[str, Any]]) -> Schedule:
    return tuple(Instalment(date.fromisoformat(each["due_on"]), int(each["amount_minor"])) for each in rows)


def even(total_minor: int, count: int, first_on: date) -> Schedule:
    """A sum in equal monthly instalments: what is due until each is rounded half up once, so that they add up to the sum.

    >>> [each.amount_minor for each in even(100_00, 3, date(2026, 1, 31))]
    [3333, 3334, 3333]
    >>> [str(each.due_on) for each in even(100_00, 3, date(2026, 1, 31))]
    ['2026-01-31', '2026-02-28', '2026-03-31']
    """
    done, rows = 0, []
    for place in range(1, count + 1):
        through = half_up(Fraction(total_minor * place, count))
        rows.append(Instalment(after_months(first_on, place - 1), through - done))
        done = through
    return tuple(rows)


def problems_of(schedule: Sequence[Instalment], total_minor: int, from_on: date) -> Iterator[Problem]:
    """What keeps instalments from being a schedule for a sum."""
    if not schedule:
        yield Problem(
            "no_instalments", "There is no instalment.", "Give a day and an amount for each.", column="schedule"
        )
        return
    if len(schedule) > MOST_INSTALMENTS:
        yield Problem(
            "too_many", f"{len(schedule)} instalments are too many.", f"{MOST_INSTALMENTS} at most.", column="schedule"
        )
    if any(each.amount_minor <= 0 for each in schedule):
        yield Problem(
            "bad_amount", "An instalment is more than nothing.", "Correct or leave it out.", column="schedule"
        )
    days = [each.due_on for each in schedule]
    if days != sorted(set(days)):
        yield Problem(
            "not_in_order", "Each instalment is due after the one before.", "Put them in order.", column="schedule"
        )
    if min(days) < from_on:
        yield Problem(
            "too_early",
            f"An instalment is due before {from_on}.",
            "Let none be due before it begins.",
            column="schedule",
        )
    if sum(each.amount_minor for each in schedule) != total_minor:
        message = "The instalments do not add up to the sum."
        yield Problem("does_not_add_up", message, "Correct an instalment, or the sum.", column="schedule")


@dataclass(frozen=True, slots=True)
class Kept:
    """What came of one instalment so far. `met_on` None while it is not paid in full; `paid_minor` is its own share of the money."""

    number: int
    due_on: date
    amount_minor: int
    paid_minor: int
    met_on: date | None
    state: str

    @property
    def missing_minor(self) -> int:
        return self.amount_minor - self.paid_minor


@dataclass(frozen=True, slots=True)
class Watch:
    """A schedule against confirmed money on a day."""

    instalments: tuple[Kept, ...]
    paid_minor: int  # all money, also what is beyond the schedule
    paid_on: date | None  # the day the last instalment was met

    @property
    def total_minor(self) -> int:
        return sum(each.amount_minor for each in self.instalments)

    @property
    def is_paid(self) -> bool:
        return all(each.met_on is not None for each in self.instalments)

    @property
    def behind(self) -> tuple[Kept, ...]:
        """Instalments whose days of grace are over and which are not paid."""
        return tuple(each for each in self.instalments if each.state in (SHORT, MISSED))

    @property
    def missing_minor(self) -> int:
        return sum(each.missing_minor for each in self.behind)

    @property
    def next_due(self) -> Kept | None:
        return next((each for each in self.instalments if each.state == COMING), None)


def watch(schedule: Sequence[Instalment], receipts: Iterable[tuple[date, int]], today: date, grace_days: int) -> Watch:
    """What came of each instalment: receipts are (day seen at the bank, minor units); days after `today` have not happened yet.

    >>> found = watch(even(300_00, 3, date(2026, 1, 5)), [(date(2026, 1, 6), 150_00)], date(2026, 2, 20), 3)
    >>> [(each.state, each.paid_minor) for each in found.instalments]
    [('kept', 10000), ('short', 5000), ('coming', 0)]
    """
    money = sorted((day, minor) for day, minor in receipts if day <= today)
    paid = sum(minor for _, minor in money)
    found, before = [], 0
    for number, each in enumerate(schedule, 1):
        own = max(0, min(each.amount_minor, paid - before))
        before += each.amount_minor
        met_on = _met(money, before)
        state = _state(each, own, met_on, today, grace_days)
        found.append(Kept(number, each.due_on, each.amount_minor, own, met_on, state))
    return Watch(tuple(found), paid, found[-1].met_on if found else None)


def _met(money: Sequence[tuple[date, int]], needed: int) -> date | None:
    so_far = 0
    for day, minor in money:
        so_far += minor
        if so_far >= needed:
            return day
    return None


def _state(each: Instalment, own: int, met_on: date | None, today: date, grace_days: int) -> str:
    last = each.due_on + timedelta(days=grace_days)
    if met_on is not None:
        return KEPT if met_on <= last else LATE
    if today <= last:
        return COMING
    return SHORT if own else MISSED


def is_broken(found: Watch, most_missed: int) -> bool:
    """Whether more instalments stay unpaid beyond their grace than a rule bears."""
    return len(found.behind) > most_missed
