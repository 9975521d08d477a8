"""The fast engine: many agencies' lines priced by one card at once.

It says what `agency_level.price` says of each, to the last byte of the steps; that engine is the specification, and prices a group
itself where columns do not reach: numbers that need more than 64 bits, fractions without end or finer than eighteen decimals,
ranged facts that are no whole numbers, percents that a marginal rule would take for money, a missing driver (whose line the scalar
engine names), and card texts with a private-use character.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from payouts.rate_cards.agency_level import Quote, Tally, finish, price
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
    """What is known of an agency beside its lines: drivers, bonuses and penalties written as lines, events, an advance."""

    drivers: Mapping[str, DriverValue] = field(default_factory=dict)
    extras: tuple[FactLine, ...] = ()
    events: tuple[FactLine, ...] = ()
    advance_minor: int = 0

    def facts(self, lines: Sequence[FactLine] = ()) -> Facts:
        return Facts(self.drivers, (*lines, *self.extras), self.events, self.advance_minor)


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
    """Lines of all groups, in the order given; a group's events that earn follow its lines.

    `rule` is a place in the card's rules (-1: none), `unpaid` one in chosen.CODES (0: paid), `steps_text` the canonical JSON of a
    line's steps. Group g holds the rows from starts[g] to starts[g + 1], the first lines[g] of which are lines.
    """

    card: Card
    starts: Ints
    lines: list[int]
    position: Ints
    rule: Ints
    base_minor: Ints
    amount_minor: Ints
    unpaid: Ints
    steps_text: pa.StringArray
    rates: pa.StringArray
    accounts: pa.StringArray
    groups: list[GroupQuote]

    def quote(self, group: int = 0) -> Quote:
        """One group's quote as the scalar engine gives it."""
        rows = [self._line(row) for row in range(int(self.starts[group]), int(self.starts[group + 1]))]
        found, count = self.groups[group], self.lines[group]
        lines = sorted([*rows[:count], *found.extras], key=lambda line: line.position) + rows[count:]
        told: list[Step] = [_line_step(line, self.card) for line in rows]
        return Quote(
            self.card.currency, lines, told + found.steps, found.total_minor, found.fee_minor, found.held_minor
        )

    def _line(self, row: int) -> PricedLine:
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


def _line_step(line: PricedLine, card: Card) -> Step:
    tally = Tally(card)
    tally.add_line(line)
    return tally.steps[0]


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
    try:
        return _price(card, *_with_events(card, lines, starts, groups), groups)
    except Unfit:
        if len(groups) == 1:
            return _scalar(card, lines, groups[0])
    parts = [
        price_groups(card, lines.slice(start, stop), np.array([0, stop - start], np.int64), [each])
        for (start, stop), each in zip(pairwise(starts.tolist()), groups, strict=True)
    ]
    return _joined(card, parts)


def _with_events(card: Card, lines: Lines, starts: Ints, groups: Sequence[GroupFacts]) -> tuple[Lines, Ints, list[int]]:
    """Lines with the events that rules price after each group's own, where they begin, and how many of each are no events."""
    counts = np.diff(starts)
    earning = [[line for line in each.events if _earns(card, line)] for each in groups]
    if not any(earning):
        return lines, starts, counts.tolist()
    parts: list[Lines] = []
    for (start, stop), events in zip(pairwise(starts.tolist()), earning, strict=True):
        parts += [lines.slice(start, stop), lines_of(events)] if events else [lines.slice(start, stop)]
    grown = np.concatenate(([0], np.cumsum(counts + [len(events) for events in earning])))
    return joined(parts), grown, counts.tolist()


def _earns(card: Card, line: FactLine) -> bool:
    return choose(card, line).rule is not None or not has_penalty(card, line)


def _price(card: Card, lines: Lines, starts: Ints, counts: list[int], groups: Sequence[GroupFacts]) -> ColumnQuote:
    group = np.repeat(np.arange(len(groups), dtype=np.int64), np.diff(starts))
    chosen = chosen_of(card, lines)
    measures = [Measures(each.drivers) for each in groups]
    pools = Pools(chosen, group, measures)
    priced = price_all(chosen, pools)
    sums = AllSums(chosen, pools, priced, starts)
    sums.fill(measures)
    found = [
        _finished(card, GroupSums(sums, place, measures[place], cash), earned, groups[place])
        for place, (earned, cash) in enumerate(zip(sums.earned(), sums.cash(), strict=True))
    ]
    return ColumnQuote(
        card=card,
        starts=starts,
        lines=counts,
        position=lines.numbers("position").values,
        rule=chosen.rule,
        base_minor=chosen.counted_minor,
        amount_minor=priced.amount_minor,
        unpaid=priced.unpaid,
        steps_text=priced.steps,
        rates=priced.rates,
        accounts=lines.accounts(),
        groups=found,
    )


def _finished(card: Card, sums: GroupSums, earned: int, facts: GroupFacts) -> GroupQuote:
    tally = Tally(card, fee=earned)
    extras, held = finish(tally, sums, facts.facts())
    return GroupQuote(tally.steps, extras, tally.fee + tally.recoveries, tally.fee, held)


# --- where columns do not reach


def _scalar(card: Card, lines: Lines, facts: GroupFacts) -> ColumnQuote:
    return quoted(card, price(card, facts.facts(lines.fact_lines())), len(lines), facts)


def quoted(card: Card, quote: Quote, count: int, facts: GroupFacts) -> ColumnQuote:
    """The scalar engine's quote as columns: `count` lines, then the events that earn."""
    places = {rule.id: place for place, rule in enumerate(card.rules)}
    taken = {line.position for line in facts.extras}
    rows = [line for line in quote.lines if line.kind == "commission"]
    steps = [step for step in quote.steps if step["step"] != "line"]
    extras = [line for line in quote.lines if line.kind != "commission" and line.position in taken]
    group = GroupQuote(steps, extras, quote.total_minor, quote.fee_minor, quote.held_minor)

    def whole(values: Any) -> Ints:
        return np.fromiter(values, np.int64, len(rows))

    return ColumnQuote(
        card=card,
        starts=np.array([0, len(rows)], np.int64),
        lines=[count],
        position=whole(line.position for line in rows),
        rule=whole(places.get(line.rule_id or "", -1) for line in rows),
        base_minor=whole(line.base_minor for line in rows),
        amount_minor=whole(line.amount_minor for line in rows),
        unpaid=whole(CODES.index(line.unpaid) for line in rows),
        steps_text=pa.array([canonical(line.how) for line in rows], pa.string()),
        rates=pa.array([line.rate for line in rows], pa.string()),
        accounts=pa.array([line.account for line in rows], pa.string()),
        groups=[group],
    )


def _joined(card: Card, parts: Sequence[ColumnQuote]) -> ColumnQuote:
    def ints(name: str) -> Ints:
        return np.concatenate([getattr(part, name) for part in parts])

    def texts(name: str) -> pa.StringArray:
        return pa.concat_arrays([getattr(part, name) for part in parts])

    return ColumnQuote(
        card=card,
        starts=np.concatenate(([0], np.cumsum([len(part.amount_minor) for part in parts]))),
        lines=[count for part in parts for count in part.lines],
        **{name: ints(name) for name in ("position", "rule", "base_minor", "amount_minor", "unpaid")},
        **{name: texts(name) for name in ("steps_text", "rates", "accounts")},
        groups=[group for part in parts for group in part.groups],
    )
