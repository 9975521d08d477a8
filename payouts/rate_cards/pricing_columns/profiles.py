"""Lines that look alike to a card: every distinct combination of what its conditions ask for is judged once, by `choosing`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import numpy as np
import pandas as pd
import pyarrow as pa

from payouts.rate_cards.choosing import earning_rule
from payouts.rate_cards.facts import FactLine
from payouts.rate_cards.measures import SCOPE_WORDS
from payouts.rate_cards.pricing_columns.exact import ROOM
from payouts.rate_cards.pricing_columns.lines import Codes, Ints, Lines, share_of
from payouts.rate_cards.terms import LISTED, RANGED, Card, Exact, Span

ALWAYS = ("rule", "earns_on", "share", "event", "source")


@dataclass(frozen=True, slots=True)
class Profiles:
    """`of`: each line's profile. Of each profile: a line that shows its facts, and the number of its rule (-1: none)."""

    of: Codes
    lines: list[FactLine]
    rules: Codes

    @property
    def rule(self) -> Codes:
        """Each line's rule, as its place in the card."""
        return self.rules[self.of]

    def per_line(self, values: Iterable[int | bool]) -> Ints:
        """A number of each profile, given to its lines."""
        return np.fromiter(values, np.int64, len(self.lines))[self.of]


def profiles_of(card: Card, lines: Lines) -> Profiles:
    """Sort lines by what the card can tell apart, and choose each sort's rule."""
    whens = [rule.when for rule in card.rules] + [bonus.applies_to for bonus in card.bonuses]
    words = {*ALWAYS, *(key for when in whens for key, _ in when.listed), *_pool_words(card)}
    ranges = sorted({key for when in whens for key, _ in when.ranged})
    keys: list[Codes | Ints] = [lines.words(name).codes + 1 for name in sorted(words) if lines.has(name)]
    for name in ranges:
        if lines.has(name):
            keys.append(bands_of(lines, name, [span for when in whens for key, span in when.ranged if key == name]))
    keys.append((lines.numbers("base_minor").known | lines.numbers("amount_minor").known).astype(np.int32))
    of, first = distinct_rows(keys)
    shown = list(_shown(lines, first, sorted(words), ranges))
    places = {rule.id: place for place, rule in enumerate(card.rules)}
    found = [earning_rule(card, line) for line in shown]
    rules = np.array([places[rule.id] if rule else -1 for rule in found], np.int32)
    return Profiles(of, shown, rules)


def _pool_words(card: Card) -> set[str]:
    return {SCOPE_WORDS[rule.driver_scope] for rule in card.rules if rule.driver_scope in SCOPE_WORDS}


def bands_of(lines: Lines, name: str, spans: Iterable[Span]) -> Codes:
    """Between which of the spans' boundaries a number lies; 0 where it is not known."""
    ends: set[Exact] = {end for span in spans for end in (span.start, span.end) if end is not None}
    numbers = lines.numbers(name)
    edges = np.array(sorted({ceil(Fraction(end)) for end in ends if -ROOM < end < ROOM}), np.int64)
    return np.where(numbers.known, np.searchsorted(edges, numbers.values, side="right") + 1, 0).astype(np.int32)


def distinct_rows(keys: Sequence[Codes | Ints]) -> tuple[Codes, Ints]:
    """Each row's number among the distinct rows of these columns of small numbers, and the first row of each."""
    total: Ints = np.zeros(len(keys[0]), np.int64)
    width = 1
    for key in keys:
        size = int(key.max(initial=0)) + 1
        if width * size >= ROOM:
            total, found = pd.factorize(total)
            width = len(found)
        total, width = total * size + key, width * size
    codes, found = pd.factorize(total)
    first = np.empty(len(found), np.int64)
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    return codes.astype(np.int32), first


def _shown(lines: Lines, first: Ints, words: list[str], ranges: list[str]) -> Iterator[FactLine]:
    """A line of each profile, with the facts that made it."""
    table = lines.table
    asked = [name for name in (*words, *ranges, "base_minor", "amount_minor") if name in table.column_names]
    for row in table.select(asked).take(pa.array(first)).to_pylist():
        has_money = row.get("base_minor") is not None or row.get("amount_minor") is not None
        yield FactLine(
            position=0,
            rule=row.get("rule"),
            amount_minor=0 if has_money else None,
            words={key: row[key] for key in LISTED if row.get(key) is not None},
            numbers={key: row[key] for key in RANGED if row.get(key) is not None},
            share=share_of(row.get("share")),
            earns_on=row.get("earns_on"),
        )
