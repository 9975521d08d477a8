"""The few lines of a group that concern many of its own: caps, floors, bonuses, penalties, qualifier, multiplier. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from payouts.commission.bulk import Bulk, Group, unpaid_of
from payouts.commission.inputs import EventFact, Money
from payouts.commission.outcome import NewLine, Unpaid
from payouts.rate_cards.agency_level import Tally, finish
from payouts.rate_cards.pricing import PricedLine
from payouts.rate_cards.terms import Card, Penalty
from payouts.rate_cards.versions import Version
from portal.kernel.money import Money as Amount
from portal.kernel.money import plain

Step = Mapping[str, Any]
# The step that is more than a line, and the kind of accrual line it becomes.
KINDS = {
    "cap": "cap",
    "blended_cap": "cap",
    "floor": "adjustment",
    "bonus": "bonus",
    "qualifier": "adjustment",
    "multiplier": "adjustment",
}


@dataclass(frozen=True, slots=True)
class Extras:
    """What was done to a group as a whole. `fee_minor` is the group's total without separate recoveries."""

    lines: Sequence[NewLine]
    steps: Sequence[Step]
    fee_minor: int
    qualified: bool


def group_extras(group: Group, bulk: Bulk, last_day: date) -> Extras:
    """Lines over the whole group, on the month's last day; penalties are lines of their events, on their days."""
    tally = Tally(without_promises(group.version.card), fee=bulk.fee_minor)
    finish(tally, bulk.sums, replace(bulk.facts, lines=()))
    lines = list(_penalties(group, tally.steps))
    for step in tally.steps:
        if step["step"] in KINDS and Decimal(step["amount"]):
            lines.append(extra_line(group.agency_id, group.version, step, last_day))
    qualified = all(step["met"] for step in tally.steps if step["step"] == "qualifier")
    return Extras(lines, tally.steps, tally.fee, qualified)


def without_promises(card: Card) -> Card:
    """The card without what reaches beyond one version's month: guarantee and holdback look at all versions of a card."""
    return replace(card, agency=replace(card.agency, guarantee=None, holdback=None))


def _penalties(group: Group, steps: Sequence[Step]) -> Iterator[NewLine]:
    """Penalty steps come event by event, and for each event in the card's order."""
    due = [
        (event, line.position, penalty)
        for event, line in group.events
        for penalty in group.version.card.penalties
        if penalty.event == line.words.get("event")
    ]
    taken = [step for step in steps if step["step"] == "penalty"]
    for (event, position, penalty), step in zip(due, taken, strict=True):
        yield penalty_line(group.version, event, position, penalty, step)


def penalty_line(version: Version, event: EventFact, position: int, penalty: Penalty, step: Step) -> NewLine:
    kind = "separate_recovery" if penalty.treatment == "separate_recovery" else "penalty"
    return NewLine(
        agency_id=event.agency_id,
        kind=kind,
        rule_id=penalty.id,
        base_minor=minor_of(step, "base", event.currency),
        amount_minor=minor_of(step, "amount", event.currency),
        currency=event.currency,
        credited_on=event.occurred_on,
        version_id=version.id,
        version_name=version.name,
        facts={**event.facts, "position": position},
        steps=[dict(step)],
        event_id=event.event_id,
    )


def extra_line(agency_id: int, version: Version, step: Step, last_day: date) -> NewLine:
    """A cap, bonus or adjustment over many lines."""
    currency = version.card.currency
    about = str(step.get("rule") or step.get("bonus") or step["step"])
    facts = {"step": step["step"], "card": version.name, "about": about}
    if "loan_account_no" in step:
        facts["loan_account_no"] = step["loan_account_no"]
    return NewLine(
        agency_id=agency_id,
        kind=KINDS[step["step"]],
        rule_id=about,
        base_minor=minor_of(step, "base", currency),
        amount_minor=minor_of(step, "amount", currency),
        currency=currency,
        credited_on=last_day,
        version_id=version.id,
        version_name=version.name,
        facts=facts,
        steps=[{key: value for key, value in step.items() if key != "on_lines"}],
    )


def minor_of(step: Step, key: str, currency: str) -> int:
    return Amount.from_major(step[key], currency).minor if key in step else 0


# --- money whose line was taken away again by what concerns many


def taken_away(group: Group, bulk: Bulk, extras: Extras) -> list[Unpaid]:
    """Collections whose commission a cap or the qualifier took whole. A cap takes from the last line backwards."""
    paid = [(money, line) for (money, _), line in zip(group.money, bulk.money, strict=True) if line.amount_minor > 0]
    if not extras.qualified:
        return [unpaid_of(money, "below_qualifier", rule=line.rule_id) for money, line in paid]
    left = {line.position: line.amount_minor for _, line in paid}
    for members, excess in _excesses(paid, extras.steps, group.version.card.currency):
        for line in reversed(members):
            taken = min(left[line.position], excess)
            left[line.position] -= taken
            excess -= taken
    return [
        unpaid_of(money, "capped_out", rule=line.rule_id, earned=plain(line.amount_minor, money.currency))
        for money, line in paid
        if not left[line.position]
    ]


def _excesses(
    paid: Sequence[tuple[Money, PricedLine]], steps: Sequence[Step], currency: str
) -> Iterator[tuple[Sequence[PricedLine], int]]:
    """The lines each cap is over, and how much it takes of them; what bonuses had added goes first."""
    caps = [step for step in steps if step["step"] in ("cap", "blended_cap")]
    if not caps:
        return
    everything = [line for _, line in paid]
    by_rule: dict[tuple[str, str], list[PricedLine]] = defaultdict(list)
    for line in everything:
        by_rule[line.rule_id or "", ""].append(line)
        by_rule[line.rule_id or "", line.account].append(line)
    added = sum(minor_of(step, "amount", currency) for step in steps if step["step"] in ("bonus", "multiplier"))
    for step in caps:
        excess = -minor_of(step, "amount", currency)
        if "rule" in step:
            yield by_rule[step["rule"], step.get("loan_account_no", "")], excess
        else:
            yield everything, max(excess - max(added, 0), 0)
