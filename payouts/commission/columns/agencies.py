"""Many agencies' months at once: payments by the column, everything else as `engine` does it. Pure.

What `engine.Agency` says of each payment one by one stands here as columns, in the same order and to the last byte; the few lines
that are no payments (accounts, events, caps, bonuses, promises, corrections) are the engine's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from payouts.commission.bulk import Bulk, Group, group_lines
from payouts.commission.columns.judged import JudgedColumns, judge_all
from payouts.commission.columns.lines import lines_of_money
from payouts.commission.columns.money import MoneyColumns, whole
from payouts.commission.columns.tables import payment_table
from payouts.commission.columns.taken_away import taken_away, unpaid_rows
from payouts.commission.engine import Agency, AgencyFacts
from payouts.commission.extras import group_extras
from payouts.commission.inputs import Inputs
from payouts.commission.outcome import Earned
from payouts.commission.pools import COUNTS, MEASURED_UNITS, asked_of
from payouts.rate_cards.facts import FactLine, read_drivers
from payouts.rate_cards.pricing_columns.lines import Codes, Ints
from payouts.rate_cards.pricing_columns.profiles import distinct_rows
from payouts.rate_cards.pricing_columns.quoting import ColumnLines, GroupFacts, price_lines
from payouts.rate_cards.terms import DRIVER_UNITS, Card
from payouts.rate_cards.versions import Version


@dataclass(slots=True)
class ColumnGroup(Group):
    """A group whose payments are `rows` of the money columns. `shown` are lines that between them name every pool."""

    rows: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    shown: list[FactLine] = field(default_factory=list)

    @property
    def size(self) -> int:
        return len(self.rows) + len(self.accounts) + len(self.events)

    @property
    def lines(self) -> list[FactLine]:
        return [*self.shown, *(line for _, line in (*self.accounts, *self.events))]


@dataclass(frozen=True, slots=True)
class ColumnBulk(Bulk):
    """A group's lines priced by the column: its payments are the rows from `start`, and `table` as they are to be stored."""

    priced: ColumnLines
    start: int
    table: pa.Table
    earned_minor: int

    @property
    def fee_minor(self) -> int:
        return self.earned_minor

    @property
    def rows(self) -> slice:
        return slice(self.start, self.start + self.table.num_rows)


@dataclass(frozen=True, slots=True)
class EarnedColumns:
    """One agency's month: payments to be stored (by version, in order), then what `earned` holds beside them."""

    earned: Earned
    paid: Sequence[pa.Table] = ()


class ColumnAgency(Agency):
    """An agency whose money is judged already."""

    def __init__(
        self, inputs: Inputs, agency_id: int, facts: AgencyFacts, money: MoneyColumns, judged: JudgedColumns, rows: Ints
    ) -> None:
        super().__init__(inputs, agency_id, facts)
        self.money, self.judged, self.rows = money, judged, rows
        self.paid: list[pa.Table] = []

    def _group(self, version: Version) -> ColumnGroup:
        group = self.groups.setdefault(version.name, ColumnGroup(self.agency_id, version))
        assert isinstance(group, ColumnGroup)
        return group

    def _group_money(self) -> None:
        place = self.judged.version[self.rows]
        for each in np.unique(place[place >= 0]).tolist():
            group = self._group(self.judged.versions[each])
            group.rows = self.rows[place == each]
            group.shown = _shown(group.version.card, self.money, self.judged.rule, group.rows)
        left = self.rows[place < 0]
        self.unpaid += unpaid_rows(self.money, left, self.judged)

    def _price(self, group: Group, bulk: Bulk) -> tuple[Version, int, bool]:
        assert isinstance(group, ColumnGroup) and isinstance(bulk, ColumnBulk)
        lines, _ = group_lines(group, bulk)  # accounts and events: of money the group holds rows alone
        extras = group_extras(group, bulk, self.inputs.period.last_day)
        self.lines += [*lines, *extras.lines]
        self.unpaid += taken_away(self.money.taken(group.rows), bulk.priced, bulk.rows, extras)
        self.paid.append(bulk.table)
        return group.version, extras.fee_minor, extras.qualified


def earn_all(
    inputs: Inputs, facts: Mapping[int, AgencyFacts], agencies: Sequence[int], money: MoneyColumns
) -> Iterator[EarnedColumns]:
    """These agencies' months, in the order given. `money` is theirs and ordered (`MoneyColumns.ordered`); `inputs` and `facts`
    hold everything else."""
    ids = money.ints("agency_id")
    earning = [(each, facts.get(each, AgencyFacts())) for each in agencies]
    judged = judge_all(inputs, money, {each: Agency(inputs, each, own).pools for each, own in earning})
    found = [ColumnAgency(inputs, each, own, money, judged, np.flatnonzero(ids == each)) for each, own in earning]
    for agency in found:
        agency.take()
    drivers = [agency.needed() for agency in found]
    bulks = _priced(inputs, money, judged, found, drivers)
    for agency, needed, bulk in zip(found, drivers, bulks, strict=True):
        yield EarnedColumns(agency.settle(needed, bulk), agency.paid)


def _priced(
    inputs: Inputs,
    money: MoneyColumns,
    judged: JudgedColumns,
    agencies: Sequence[ColumnAgency],
    drivers: Sequence[Mapping[str, dict[str, dict[str, str]]]],
) -> list[dict[str, Bulk]]:
    """Every group's lines, all groups of a version at once."""
    bulks: list[dict[str, Bulk]] = [{} for _ in agencies]
    for name in sorted({name for each in agencies for name in each.groups}):
        places = [place for place, each in enumerate(agencies) if name in each.groups]
        groups = [agencies[place].groups[name] for place in places]
        found = _price_version(inputs, money, judged, groups, [drivers[place][name] for place in places])
        for place, bulk in zip(places, found, strict=True):
            bulks[place][name] = bulk
    return bulks


def _price_version(
    inputs: Inputs,
    money: MoneyColumns,
    judged: JudgedColumns,
    groups: Sequence[Group],
    drivers: Sequence[Mapping[str, dict[str, str]]],
) -> Iterator[ColumnBulk]:
    own = [group for group in groups if isinstance(group, ColumnGroup)]
    version = own[0].version
    facts = [_group_facts(group, version.card, needed) for group, needed in zip(own, drivers, strict=True)]
    counts = [len(group.rows) for group in own]
    rows = np.concatenate([group.rows for group in own])
    begins = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    positions = np.arange(1, len(rows) + 1) - np.repeat(begins[:-1], counts)
    payments = money.taken(rows)
    lines = lines_of_money(payments, (judged.rule[rows], [rule.id for rule in version.card.rules]), positions)
    priced = price_lines(version.card, lines, begins, facts)
    places = np.arange(len(rows)) + np.repeat(priced.starts[:-1] - begins[:-1], counts)
    table = payment_table(version, inputs.agencies, payments, priced, places)
    for place, (group, each) in enumerate(zip(own, facts, strict=True)):
        start, end = int(priced.starts[place]), int(priced.starts[place + 1])
        after = start + counts[place]
        until = after + len(group.accounts)
        yield ColumnBulk(
            money=(),
            accounts=[priced.line(row) for row in range(after, until)],
            events=[priced.line(row) for row in range(until, end)],
            sums=priced.sums[place],
            facts=each.facts(),
            priced=priced,
            start=start,
            table=table.slice(begins[place], counts[place]),
            earned_minor=priced.earned[place],
        )


def _group_facts(group: ColumnGroup, card: Card, drivers: Mapping[str, dict[str, str]]) -> GroupFacts:
    events = tuple(line for _, line in group.events)
    return GroupFacts(read_drivers(drivers, card), events=events, more=tuple(line for _, line in group.accounts))


def _shown(card: Card, money: MoneyColumns, rule: Ints, rows: Ints) -> list[FactLine]:
    """Lines that between them name every rule, pool and, where the card asks for accounts, every account of these rows."""
    names = [name for name in ("product", "opening_bucket") if money.has(name)]
    names += ["loan_account_no"] if _asks_for_accounts(card) else []
    own = money.table.select(names).take(pa.array(rows))
    _, first = distinct_rows([rule[rows].astype(np.int32), *(_codes(own[name]) for name in names)])
    chosen = rows[first]
    return lines_of_money(money.taken(chosen), (rule[chosen], [each.id for each in card.rules])).fact_lines()


def _codes(column: Any) -> Codes:
    """A column's words as numbers; 0 where there is none."""
    words = whole(column)
    coded = words if pa.types.is_dictionary(words.type) else words.dictionary_encode()
    return np.asarray(coded.indices.fill_null(-1).to_numpy(zero_copy_only=False), np.int32) + 1


def _asks_for_accounts(card: Card) -> bool:
    measured = [rule for rule in card.rules if rule.driver and DRIVER_UNITS[rule.driver] in MEASURED_UNITS]
    return any(rule.driver_scope == "account" for rule in measured) or bool(asked_of(card) & set(COUNTS))
