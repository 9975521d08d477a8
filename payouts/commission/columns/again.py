"""A stored group's payments priced again by the column, for groups of many: what `rebuilding.priced_again` does line by line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from payouts.commission.bulk import Bulk, Group, group_lines, price_group
from payouts.commission.columns.agencies import ColumnBulk
from payouts.commission.columns.lines import lines_of_money
from payouts.commission.columns.money import columns_of
from payouts.commission.columns.tables import payment_table
from payouts.commission.fact_lines import minor_of
from payouts.commission.inputs import Drivers, Money
from payouts.commission.outcome import NewLine
from payouts.rate_cards.facts import read_drivers
from payouts.rate_cards.pricing_columns.lines import Unfit
from payouts.rate_cards.pricing_columns.quoting import GroupFacts, price_lines
from portal.kernel.money import exponent

MANY = 500  # payments from which on columns are quicker than lines


def columns_bulk(group: Group, drivers: Drivers) -> ColumnBulk:
    """The group's lines; its payments as a table beside accounts and events. Unfit where its facts fit no columns."""
    version, card = group.version, group.version.card
    payments = columns_of([_as_stated(money) for money, _ in group.money])
    rules = {rule.id: place for place, rule in enumerate(card.rules)}
    if any(line.rule not in rules for _, line in group.money):
        raise Unfit("a rule the card does not have")
    codes = np.array([rules[line.rule or ""] for _, line in group.money], np.int64)
    positions = np.array([line.position for _, line in group.money], np.int64)
    events = tuple(line for _, line in group.events)
    facts = GroupFacts(read_drivers(drivers, card), events=events, more=tuple(line for _, line in group.accounts))
    count = len(group.money)
    lines = lines_of_money(payments, (codes, list(rules)), positions)
    priced = price_lines(card, lines, np.array([0, count], np.int64), [facts])
    until = count + len(group.accounts)
    return ColumnBulk(
        money=(),
        accounts=[priced.line(row) for row in range(count, until)],
        events=[priced.line(row) for row in range(until, len(priced.rule))],
        sums=priced.sums[0],
        facts=facts.facts(),
        priced=priced,
        start=0,
        table=payment_table(version, {group.agency_id: ""}, payments, priced, np.arange(count)),
        earned_minor=priced.earned[0],
    )


def _as_stated(money: Money) -> Money:
    """Money whose own fields are what its facts say."""
    return replace(money, amount_minor=minor_of(money.facts["amount"], exponent(money.currency)))


@dataclass(frozen=True)
class WrittenLine(NewLine):
    """A line whose texts are written already; of its facts it holds its place alone."""

    written: tuple[str, str] = ("", "")

    @property
    def facts_text(self) -> str:
        return self.written[0]

    @property
    def steps_text(self) -> str:
        return self.written[1]


def payments_of(group: Group, bulk: ColumnBulk) -> Iterator[NewLine]:
    """The payments' lines, one by one."""
    links = [(money.link_id, money.collection_id) for money, _ in group.money]
    names = ["rule_id", "base_minor", "amount_minor", "credited_on", "facts", "steps"]
    rows = bulk.table.select(names).to_pylist()
    for (link_id, collection_id), (_, line), row in zip(links, group.money, rows, strict=True):
        yield WrittenLine(
            agency_id=group.agency_id,
            kind="commission",
            rule_id=row["rule_id"],
            base_minor=row["base_minor"],
            amount_minor=row["amount_minor"],
            currency=group.version.card.currency,
            credited_on=row["credited_on"],
            version_id=group.version.id,
            version_name=group.version.name,
            facts={"position": line.position},
            steps=(),
            link_id=link_id,
            collection_id=collection_id,
            written=(row["facts"], row["steps"]),
        )


def lines_again(group: Group, drivers: Drivers) -> tuple[Bulk, list[NewLine]]:
    """The group priced, and its lines: by the column where that is quicker and possible."""
    if len(group.money) >= MANY:
        try:
            bulk = columns_bulk(group, drivers)
            others, _ = group_lines(replace(group, money=[]), bulk)
            return bulk, [*payments_of(group, bulk), *others]
        except Unfit:
            pass  # the engine prices what columns do not hold
    scalar = price_group(group, drivers)
    return scalar, group_lines(group, scalar)[0]
