"""The fast engine: many agencies' lines priced by one card at once.

It says what `agency_level.price` says of each, to the last byte of the steps; that engine is the specification, and prices a group
itself where columns do not reach: numbers that need more than 64 bits, fractions without end or finer than eighteen decimals,
ranged facts that are no whole numbers, percents that a marginal rule would take for money, a missing driver (whose line the scalar
engine names), and card texts with a private-use character.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from payouts.rate_cards import pricing
from payouts.rate_cards.agency_level import LineSums, Quote, Sums, Tally, finish
from payouts.rate_cards.facts import DriverValue, FactLine, Facts
from payouts.rate_cards.measures import Measures
from payouts.rate_cards.pricing import PricedLine, choose, has_penalty
from payouts.rate_cards.pricing_columns.chosen import CODES, chosen_of
from payouts.rate_cards.pricing_columns.lines import Ints, Lines, Unfit, joined, lines_of
from payouts.rate_cards.pricing_columns.pools import Pools
from payouts.rate_cards.pricing_columns.priced import price_all
from payouts.rate_cards.pricing_columns.sums import AllSums, GroupSums
from payouts.rate_cards.spelling import canonical
from payouts.rate_cards.steps import Step
from payouts.rate_cards.terms import Card


@dataclass(frozen=True, slots=True)
class GroupFacts:
    """What is known of an agency beside its lines as columns: drivers, further lines, events, and what is for the whole of it.

    `more` are lines priced after those in columns; `extras` bonuses and penalties written as lines.
    """

    drivers: Mapping[str, DriverValue] = field(default_factory=dict)
    extras: tuple[FactLine, ...] = ()
    events: tuple[FactLine, ...] = ()
    advance_minor: int = 0
    more: tuple[FactLine, ...] = ()

    def facts(self, lines: Sequence[FactLine] = ()) -> Facts:
        return Facts(self.drivers, (*lines, *self.more, *self.extras), self.events, self.advance_minor)


@dataclass(frozen=True, slots=True)
class ColumnLines:
    """Priced lines of all groups, in the order given; a group's further lines and the events that earn follow its own.

    `rule` is a place in the card's rules (-1: none), `unpaid` one in chosen.CODES (0: paid), `steps_text` the canonical JSON of a
    line's steps. Group g holds the rows from starts[g] to starts[g + 1], the last events[g] of which are events. `sums` are what
    `agency_level.finish` asks for, `earned` what the group's lines come to.
    """

    card: Card
    starts: Ints
    events: list[int]
    position: Ints
    rule: Ints
    base_minor: Ints
    amount_minor: Ints
    unpaid: Ints
    steps_text: pa.StringArray
    rates: pa.StringArray
    accounts: pa.StringArray
    sums: list[Sums]
    earned: list[int]

    def line(self, row: int) -> PricedLine:
        """One line as the scalar engine gives it."""
        place = int(self.rule[row])
        return PricedLine(
            position=int(self.position[row]),
            kind="commission",
            rule_id=self.card.rules[place].id if place >= 0 else None,
            amount_minor=int(self.amount_minor[row]),
            base_minor=int(self.base_minor[row]),
            account=self.accounts[row].as_py(),
            rate=self.rates[row].as_py(),
            unpaid=CODES[int(self.unpaid[row])],
            how=json.loads(self.steps_text[row].as_py()),
        )


@dataclass(frozen=True, slots=True)
class GroupQuote:
    """What an agency's lines earn together. `steps` are those after the lines; `extras` the bonuses and penalties written as lines."""

    steps: list[Step]
    extras: list[PricedLine]
    total_minor: int
    fee_minor: int
    held_minor: int


@dataclass(frozen=True, slots=True)
class ColumnQuote:
    lines: ColumnLines
    groups: list[GroupQuote]

    def quote(self, group: int = 0) -> Quote:
        """One group's quote as the scalar engine gives it."""
        card, found = self.lines.card, self.groups[group]
        start, stop = int(self.lines.starts[group]), int(self.lines.starts[group + 1])
        rows = [self.lines.line(row) for row in range(start, stop)]
        count = len(rows) - self.lines.events[group]
        lines = sorted([*rows[:count], *found.extras], key=lambda line: line.position) + rows[count:]
        tally = Tally(card)
        for line in rows:
            tally.add_line(line)
        steps = tally.steps + found.steps
        return Quote(card.currency, lines, steps, found.total_minor, found.fee_minor, found.held_minor)


def price_columns(
    card: Card,
    lines: Lines,
    drivers: Mapping[str, DriverValue],
    events: Sequence[FactLine] = (),
    advance_minor: int = 0,
    extras: Sequence[FactLine] = (),
) -> ColumnQuote:
    """Price one agency's lines. Raises Invalid when the facts lack something a rule needs."""
    facts = GroupFacts(drivers, tuple(extras), tuple(events), advance_minor)
    return price_groups(card, lines, np.array([0, len(lines)], np.int64), [facts])


def price_groups(card: Card, lines: Lines, starts: Ints, groups: Sequence[GroupFacts]) -> ColumnQuote:
    """Price many agencies' lines at once; group g holds the rows from starts[g] to starts[g + 1]. Raises Invalid as `price` does."""
    priced = price_lines(card, lines, starts, groups)
    return ColumnQuote(priced, [_finished(priced, place, each) for place, each in enumerate(groups)])


def _finished(priced: ColumnLines, place: int, facts: GroupFacts) -> GroupQuote:
    tally = Tally(priced.card, fee=priced.earned[place])
    extras, held = finish(
        tally, priced.sums[place], Facts(facts.drivers, facts.extras, facts.events, facts.advance_minor)
    )
    return GroupQuote(tally.steps, extras, tally.fee + tally.recoveries, tally.fee, held)


def price_lines(card: Card, lines: Lines, starts: Ints, groups: Sequence[GroupFacts]) -> ColumnLines:
    """The lines alone, as `pricing.price_lines`, and the sums for what comes after them."""
    try:
        return _price(card, *_whole(card, lines, starts, groups), groups)
    except Unfit:
        if len(groups) == 1:
            return _scalar(card, lines, groups[0])
    parts = [
        price_lines(card, lines.slice(start, stop), np.array([0, stop - start], np.int64), [each])
        for (start, stop), each in zip(pairwise(starts.tolist()), groups, strict=True)
    ]
    return _joined(card, parts)


def _whole(card: Card, lines: Lines, starts: Ints, groups: Sequence[GroupFacts]) -> tuple[Lines, Ints, list[int]]:
    """Lines with the further lines and the events that rules price after each group's own, where groups begin, and their events."""
    earning = [[line for line in each.events if _earns(card, line)] for each in groups]
    events = [len(each) for each in earning]
    if not any(events) and not any(each.more for each in groups):
        return lines, starts, events
    parts: list[Lines] = []
    for (start, stop), late, each in zip(pairwise(starts.tolist()), earning, groups, strict=True):
        own = lines.slice(start, stop)
        parts += [own, lines_of([*each.more, *late])] if each.more or late else [own]
    counts = [more + len(each.more) for more, each in zip(events, groups, strict=True)]
    return joined(parts), np.concatenate(([0], np.cumsum(np.diff(starts) + counts))), events


def _earns(card: Card, line: FactLine) -> bool:
    return choose(card, line).rule is not None or not has_penalty(card, line)


def _price(card: Card, lines: Lines, starts: Ints, events: list[int], groups: Sequence[GroupFacts]) -> ColumnLines:
    group = np.repeat(np.arange(len(groups), dtype=np.int64), np.diff(starts))
    chosen = chosen_of(card, lines)
    measures = [Measures(each.drivers) for each in groups]
    pools = Pools(chosen, group, measures)
    priced = price_all(chosen, pools)
    sums = AllSums(chosen, pools, priced, starts)
    sums.fill(measures)
    return ColumnLines(
        card=card,
        starts=starts,
        events=events,
        position=lines.numbers("position").values,
        rule=chosen.rule,
        base_minor=chosen.counted_minor,
        amount_minor=priced.amount_minor,
        unpaid=priced.unpaid,
        steps_text=priced.steps,
        rates=priced.rates,
        accounts=lines.accounts(),
        sums=[GroupSums(sums, place, measures[place], cash) for place, cash in enumerate(sums.cash())],
        earned=sums.earned(),
    )


# --- where columns do not reach


def _scalar(card: Card, lines: Lines, facts: GroupFacts) -> ColumnLines:
    """One group by the scalar engine, as columns."""
    whole = facts.facts(lines.fact_lines())
    priced, chosen, measures = pricing.price_lines(card, whole)
    places = {rule.id: place for place, rule in enumerate(card.rules)}

    def ints(values: Iterable[int]) -> Ints:
        return np.fromiter(values, np.int64, len(priced))

    return ColumnLines(
        card=card,
        starts=np.array([0, len(priced)], np.int64),
        events=[len(priced) - len(lines) - len(facts.more)],
        position=ints(line.position for line in priced),
        rule=ints(places.get(line.rule_id or "", -1) for line in priced),
        base_minor=ints(line.base_minor for line in priced),
        amount_minor=ints(line.amount_minor for line in priced),
        unpaid=ints(CODES.index(line.unpaid) for line in priced),
        steps_text=pa.array([canonical(line.how) for line in priced], pa.string()),
        rates=pa.array([line.rate for line in priced], pa.string()),
        accounts=pa.array([line.account for line in priced], pa.string()),
        sums=[LineSums(priced, chosen, measures)],
        earned=[sum(line.amount_minor for line in priced)],
    )


def _joined(card: Card, parts: Sequence[ColumnLines]) -> ColumnLines:
    def ints(name: str) -> Ints:
        return np.concatenate([getattr(part, name) for part in parts])

    def texts(name: str) -> pa.StringArray:
        return pa.concat_arrays([getattr(part, name) for part in parts])

    def lists(name: str) -> list[Any]:
        return [each for part in parts for each in getattr(part, name)]

    return ColumnLines(
        card=card,
        starts=np.concatenate(([0], np.cumsum([len(part.amount_minor) for part in parts]))),
        events=lists("events"),
        position=ints("position"),
        rule=ints("rule"),
        base_minor=ints("base_minor"),
        amount_minor=ints("amount_minor"),
        unpaid=ints("unpaid"),
        steps_text=texts("steps_text"),
        rates=texts("rates"),
        accounts=texts("accounts"),
        sums=lists("sums"),
        earned=lists("earned"),
    )
