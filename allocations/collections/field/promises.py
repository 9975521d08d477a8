"""Whether a promise to pay was kept, judged from confirmed money alone and never stored.

A promise takes money that the bank dates from the day it was made through its due day plus the days of grace; money goes to the
promise that is due first, and no rupee counts for two. A promise that a newer one replaced stops taking money that day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

KEPT, PARTLY, BROKEN, REPLACED, COMING, DUE_TODAY, GRACE = (
    "kept",
    "partly_kept",
    "broken",
    "replaced",
    "coming",
    "due_today",
    "in_grace",
)
STATES = {
    KEPT: "Kept",
    PARTLY: "Partly kept",
    BROKEN: "Broken",
    REPLACED: "Replaced by a newer one",
    COMING: "Coming",
    DUE_TODAY: "Due today",
    GRACE: "In grace",
}
ALIVE = frozenset({COMING, DUE_TODAY, GRACE})


@dataclass(frozen=True, slots=True)
class Terms:
    """What counts as kept: the share of the amount that must be confirmed, and days of grace after the due day."""

    kept_share: Fraction = Fraction(1)
    grace_days: int = 0


def terms_from(settings: Mapping[str, Any]) -> Terms:
    """From `promise.kept_share` ("0.95") and `promise.grace_days` (1)."""
    share = Fraction(Decimal(str(settings.get("promise.kept_share", "1"))))
    return Terms(share, int(settings.get("promise.grace_days", 0)))


@dataclass(frozen=True, slots=True)
class Given:
    """A promise as it was made; `terms` are those of the day it was made."""

    id: int
    amount_minor: int
    made_on: date
    due_on: date
    replaced_on: date | None = None
    terms: Terms = Terms()

    @property
    def last_on(self) -> date:
        """The last day whose money counts."""
        last = self.due_on + timedelta(days=self.terms.grace_days)
        return min(last, self.replaced_on) if self.replaced_on else last

    @property
    def needed_minor(self) -> int:
        """The least that keeps it, in whole minor units, never nothing."""
        share = self.amount_minor * self.terms.kept_share
        return max(1, -(-share.numerator // share.denominator))

    def takes(self, day: date) -> bool:
        return self.made_on <= day <= self.last_on


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of a promise: the confirmed money that counts for it, and its state (a key of STATES)."""

    promise: Given
    confirmed_minor: int
    state: str

    @property
    def missing_minor(self) -> int:
        return max(0, self.promise.amount_minor - self.confirmed_minor)


def judge(promises: Iterable[Given], money: Iterable[tuple[date, int]], today: date) -> list[Judged]:
    """The promises of one account and the confirmed money of it, (bank value date, minor units) → one verdict each.

    The order of the input changes nothing; verdicts come in order of the due day.
    """
    ordered = sorted(promises, key=lambda p: (p.due_on, p.made_on, p.id))
    taken = dict.fromkeys((promise.id for promise in ordered), 0)
    for day, amount in sorted(money):
        for promise in ordered:
            if amount <= 0:
                break
            if promise.takes(day):
                part = min(amount, promise.amount_minor - taken[promise.id])
                taken[promise.id] += part
                amount -= part
    return [Judged(promise, taken[promise.id], _state(promise, taken[promise.id], today)) for promise in ordered]


def _state(promise: Given, confirmed_minor: int, today: date) -> str:
    if confirmed_minor >= promise.needed_minor:
        return KEPT
    if promise.replaced_on is not None:
        return REPLACED
    if today > promise.last_on:
        return PARTLY if confirmed_minor else BROKEN
    if today < promise.due_on:
        return COMING
    return DUE_TODAY if today == promise.due_on else GRACE


def replaced_by(older: Iterable[Given], made_on: date) -> list[int]:
    """Ids of the promises that a new one, made on this day, replaces: those not replaced yet whose time is not over."""
    return [p.id for p in older if p.replaced_on is None and p.made_on <= made_on <= p.last_on]


def instalments(
    amount_minor: int, first_on: date, count: int, every: str, total_minor: int | None = None
) -> Sequence[tuple[int, date]]:
    """A plan of equal instalments: (minor units, due day), every `week`, `fortnight` or `month`.

    The day of the month is kept where the month has it. With a total, the last instalment is what remains of it.
    """
    days = [_later(first_on, step, every) for step in range(count)]
    amounts = [amount_minor] * count
    if total_minor is not None and count:
        amounts[-1] = total_minor - amount_minor * (count - 1)
    return list(zip(amounts, days, strict=True))


def _later(first: date, step: int, every: str) -> date:
    if every != "month":
        return first + timedelta(days=step * {"week": 7, "fortnight": 14}[every])
    months = first.month - 1 + step
    year, month = first.year + months // 12, months % 12 + 1
    following = date(year + month // 12, month % 12 + 1, 1)
    return date(year, month, min(first.day, (following - timedelta(days=1)).day))
