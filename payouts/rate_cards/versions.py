"""Which version of a card an event falls under. An open-ended version lasts until the next one begins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from payouts.rate_cards.terms import Card


@dataclass(frozen=True, slots=True)
class Version:
    """An approved version of a card, ready to price by."""

    id: int
    code: str
    version: int
    card: Card
    sha256: str

    @property
    def name(self) -> str:
        return f"{self.code} v{self.version}"


@dataclass(frozen=True, slots=True)
class Term:
    """The days a version says it is for: `start` to `end`, both included; an end of None is open."""

    version: int
    start: date
    end: date | None


def clash(new: Term, others: Iterable[Term]) -> Term | None:
    """The version whose days the new one would share. One open end gives way to a version that begins later."""
    for other in others:
        first, second = sorted((new, other), key=lambda term: term.start)
        if first.start == second.start or (first.end is not None and first.end >= second.start):
            return other
    return None


def version_for(versions: Sequence[Version], days: Mapping[str, date]) -> Version | None:
    """The version in force for an event; `days` holds its allocation, collection and confirmation dates.

    Each version says itself whose date picks it (`effective_by`). The one that began last wins.
    """
    fitting = [each for each in versions if _holds(each.card, days[each.card.effective_by])]
    return max(fitting, key=lambda each: (each.card.effective_from, each.version), default=None)


def _holds(card: Card, day: date) -> bool:
    return card.effective_from <= day and (card.effective_to is None or day <= card.effective_to)
