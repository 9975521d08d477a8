"""Stored lines read back as the facts they were priced from, and priced again. Pure but for the shape of the rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from payouts.commission.bulk import Group
from payouts.commission.columns.again import lines_again
from payouts.commission.extras import Extras, group_extras
from payouts.commission.fact_lines import line_of
from payouts.commission.inputs import AccountFact, Drivers, EventFact, Money
from payouts.commission.models import AccrualLine
from payouts.commission.outcome import NewLine
from payouts.rate_cards.facts import FactLine
from payouts.rate_cards.versions import Version

PRICED = frozenset({"commission", "account_fee", "event_fee"})  # a line of facts each
OF_EVENTS = frozenset({"event_fee", "penalty", "separate_recovery"})
MEASURED_LATE = "measured_late"  # the rule of what a settled month makes of fees for accounts measured after it
OF_ANOTHER_MONTH = frozenset({"reprice", MEASURED_LATE})


def is_of_a_group(line: AccrualLine) -> bool:
    """Whether the line came of pricing its version's facts: not by hand, and not in correction of another month."""
    if line.rate_card_version_id is None or line.kind in ("clawback", "holdback_release") or is_late_fee(line):
        return False
    return line.rule_id not in OF_ANOTHER_MONTH or line.kind != "adjustment"


def is_late_fee(line: AccrualLine) -> bool:
    """Whether the line is the fee of an account measured after its month was settled."""
    return line.kind == "account_fee" and "for_month" in line.facts


def is_measured_late(line: AccrualLine) -> bool:
    """Such a fee, or what the settled month makes of them."""
    return is_late_fee(line) or (line.kind == "adjustment" and line.rule_id == MEASURED_LATE)


def group_of(version: Version, lines: Sequence[AccrualLine]) -> Group:
    """The group the stored lines of one agency and version were priced as."""
    group = Group(lines[0].agency_id, version)
    currency = version.card.currency
    for line in sorted(lines, key=lambda each: int(each.facts.get("position", 0))):
        if line.kind not in PRICED | OF_EVENTS or line.adjustment_id is not None:
            continue
        rule, position = line.facts.get("rule"), int(line.facts["position"])
        facts = {key: value for key, value in line.facts.items() if key not in ("rule", "position")}
        fact_line = line_of(facts, currency, rule=rule, position=position)
        if line.kind == "commission":
            group.money.append((_money(line, facts), fact_line))
        elif line.kind == "account_fee":
            group.accounts.append((_account(line, facts), fact_line))
        else:
            _add_event(group, (_event(line, facts), fact_line))
    return group


def _add_event(group: Group, member: tuple[EventFact, FactLine]) -> None:
    """A fee and penalties of one event stand at one position, next to each other: they are one event."""
    event, line = member
    if not group.events or group.events[-1][0].event_id != event.event_id:
        group.events.append(member)
    elif line.rule is not None:
        group.events[-1] = member


def _money(line: AccrualLine, facts: Mapping[str, Any]) -> Money:
    day = line.credited_on
    return Money(
        link_id=line.link_id or 0,
        collection_id=line.collection_id or 0,
        agency_id=line.agency_id,
        amount_minor=line.base_minor,
        currency=line.currency,
        allocated_on=_day(facts, "allocated_on", day),
        collected_on=_day(facts, "collected_on", day),
        confirmed_on=day,
        receipt_no=str(facts.get("receipt_no", "")),
        bank_ref=str(facts.get("bank_ref", "")),
        mode=str(facts.get("mode", "")),
        in_term=True,
        on_hold=False,
        facts=facts,
    )


def _account(line: AccrualLine, facts: Mapping[str, Any]) -> AccountFact:
    number = str(facts.get("loan_account_no", ""))
    return AccountFact(0, line.agency_id, number, line.currency, line.credited_on, line.credited_on, True, facts)


def _event(line: AccrualLine, facts: Mapping[str, Any]) -> EventFact:
    day = line.credited_on
    return EventFact(line.event_id or 0, line.agency_id, str(facts.get("ref", "")), line.currency, day, day, facts)


def _day(facts: Mapping[str, Any], key: str, otherwise: date) -> date:
    return date.fromisoformat(facts[key]) if key in facts else otherwise


def priced_again(group: Group, drivers: Drivers, last_day: date) -> tuple[list[NewLine], Extras]:
    """The group's lines and its extras. Raises Invalid and the errors of bad values when the facts no longer can be priced."""
    bulk, lines = lines_again(group, drivers)
    extras = group_extras(group, bulk, last_day)
    return [*lines, *extras.lines], extras


def by_key(lines: Sequence[Any]) -> dict[tuple[Any, ...], list[Any]]:
    """Lines (stored or computed) under what names them within a run."""
    found: dict[tuple[Any, ...], list[Any]] = defaultdict(list)
    for line in lines:
        found[key_of(line)].append(line)
    return found


def key_of(line: Any) -> tuple[Any, ...]:
    facts = line.facts
    version = line.rate_card_version_id if isinstance(line, AccrualLine) else line.version_id
    if line.kind in PRICED | OF_EVENTS and "position" in facts:
        of_event = line.rule_id if line.kind in ("penalty", "separate_recovery") else ""
        return (line.agency_id, line.kind, version, int(facts["position"]), of_event)
    step = line.steps[0].get("step", "") if line.steps else ""
    return (line.agency_id, line.kind, version, -1, line.rule_id, step, str(facts.get("loan_account_no", "")))


def pairs(
    stored: Sequence[AccrualLine], computed: Sequence[NewLine]
) -> Iterator[tuple[AccrualLine | None, NewLine | None]]:
    """Stored and computed lines of the same name side by side; None where the other has no counterpart."""
    were, are = by_key(stored), by_key(computed)
    for key in {**were, **are}:
        old, new = were.get(key, []), are.get(key, [])
        for place in range(max(len(old), len(new))):
            yield old[place] if place < len(old) else None, new[place] if place < len(new) else None
