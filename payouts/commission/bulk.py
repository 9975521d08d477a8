"""The lines of one agency under one version: one per confirmed link, account and event. What concerns many is in `extras`. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from payouts.commission.inputs import AccountFact, Drivers, EventFact, Money
from payouts.commission.outcome import NewLine, Unpaid
from payouts.rate_cards.agency_level import LineSums, Sums
from payouts.rate_cards.facts import FactLine, Facts, read_drivers
from payouts.rate_cards.pricing import PricedLine, price_lines
from payouts.rate_cards.terms import Card
from payouts.rate_cards.versions import Version


@dataclass(slots=True)
class Group:
    """One agency's facts under one version, priced together because slabs, caps and bonuses look at all of them.

    Each line names its rule; an event without one is there for a penalty. Positions run through money, accounts and events.
    """

    agency_id: int
    version: Version
    money: list[tuple[Money, FactLine]] = field(default_factory=list)
    accounts: list[tuple[AccountFact, FactLine]] = field(default_factory=list)
    events: list[tuple[EventFact, FactLine]] = field(default_factory=list)

    @property
    def size(self) -> int:
        return len(self.money) + len(self.accounts) + len(self.events)

    @property
    def lines(self) -> list[FactLine]:
        return [line for _, line in (*self.money, *self.accounts, *self.events)]


@dataclass(frozen=True, slots=True)
class Bulk:
    """A group's priced lines in its own order, and the sums that caps, bonuses and promises are judged by."""

    money: Sequence[PricedLine]
    accounts: Sequence[PricedLine]
    events: Sequence[PricedLine]
    sums: Sums
    facts: Facts

    @property
    def fee_minor(self) -> int:
        return sum(line.amount_minor for part in (self.money, self.accounts, self.events) for line in part)


def price_group(group: Group, drivers: Drivers) -> Bulk:
    """Every line of a group priced in order. Raises Invalid when a line needs a measure nobody took: judging comes before."""
    card = group.version.card
    lines = tuple(line for _, line in (*group.money, *group.accounts))
    facts = Facts(read_drivers(drivers, card), lines, tuple(line for _, line in group.events))
    priced, chosen, measures = price_lines(card, facts)
    ends = len(group.money), len(lines)
    return Bulk(
        priced[: ends[0]], priced[ends[0] : ends[1]], priced[ends[1] :], LineSums(priced, chosen, measures), facts
    )


def group_lines(group: Group, bulk: Bulk) -> tuple[list[NewLine], list[Unpaid]]:
    """The group's lines as they are stored, and why a payment among them came to nothing."""
    lines: list[NewLine] = []
    unpaid: list[Unpaid] = []
    for (money, _), priced in zip(group.money, bulk.money, strict=True):
        if not priced.amount_minor:
            unpaid.append(unpaid_of(money, why_nothing(priced), rule=priced.rule_id))
        lines.append(commission_line(group.version, money, priced))
    for (account, _), priced in zip(group.accounts, bulk.accounts, strict=True):
        lines.append(account_line(group.version, account, priced))
    paid = [(event, line) for event, line in group.events if line.rule]
    for (event, _), priced in zip(paid, bulk.events, strict=True):
        lines.append(event_line(group.version, event, priced))
    return lines, unpaid


def why_nothing(line: PricedLine) -> str:
    return "late_deposit" if any(step.get("factor") == "0" for step in line.how) else "earned_nothing"


def unpaid_of(money: Money, code: str, **detail: Any) -> Unpaid:
    return Unpaid(
        money.agency_id, money.collection_id, money.receipt_no, code, money.amount_minor, money.currency, detail
    )


def commission_line(version: Version, money: Money, line: PricedLine) -> NewLine:
    more = {"link_id": money.link_id, "collection_id": money.collection_id}
    return _line("commission", version, money, line, credited_on=money.confirmed_on, facts=money.facts, **more)


def account_line(version: Version, account: AccountFact, line: PricedLine) -> NewLine:
    facts = facts_of_account(account, version.card, line.rule_id)
    return _line("account_fee", version, account, line, credited_on=account.credited_on, facts=facts)


def event_line(version: Version, event: EventFact, line: PricedLine) -> NewLine:
    more = {"event_id": event.event_id}
    return _line("event_fee", version, event, line, credited_on=event.occurred_on, facts=event.facts, **more)


def _line(
    kind: str,
    version: Version,
    of: Money | AccountFact | EventFact,
    line: PricedLine,
    *,
    credited_on: date,
    facts: Mapping[str, Any],
    **more: Any,
) -> NewLine:
    return NewLine(
        agency_id=of.agency_id,
        kind=kind,
        rule_id=line.rule_id or "",
        base_minor=line.base_minor,
        amount_minor=line.amount_minor,
        currency=of.currency,
        credited_on=credited_on,
        version_id=version.id,
        version_name=version.name,
        facts={**facts, "rule": line.rule_id, "position": line.position},
        steps=line.how,
        **more,
    )


def facts_of_account(account: AccountFact, card: Card, rule_id: str | None) -> dict[str, Any]:
    """The account's facts; with its opening principal as the money, where the rule's rate is a share of money."""
    rule = card.rule(rule_id or "")
    if rule is None or all(slab.rate is None for slab in rule.slabs):
        return dict(account.facts)
    return {**account.facts, "amount": account.facts["principal_outstanding"]}
