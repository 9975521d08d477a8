"""The fee of an account first measured after its month was settled: what that month would have paid for it. Pure but for the shape of rows.

The fee is priced by the month's own terms and measures, as one more account behind those that were settled: what a slab counts goes on
where the month left off. Settled lines keep their amounts. What the caps, bonuses, qualifier and multiplier of the month make of the new
fees is one line more: the month summed with them, less the month without.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from payouts.commission.bulk import Bulk, Group, account_line, facts_of_account, price_group
from payouts.commission.extras import without_promises
from payouts.commission.fact_lines import line_of
from payouts.commission.inputs import AccountFact, Drivers
from payouts.commission.models import AccrualLine
from payouts.commission.outcome import NewLine
from payouts.commission.pools import MEASURED_UNITS
from payouts.commission.rebuilding import MEASURED_LATE, PRICED, group_of
from payouts.commission.taking_back import Settled
from payouts.rate_cards.agency_level import LineSums, Tally, finish
from payouts.rate_cards.facts import FactLine
from payouts.rate_cards.measures import pool_of
from payouts.rate_cards.terms import DRIVER_UNITS, Card, Rule
from portal.kernel.money import plain

NOT_THE_ACCOUNT = ("rule", "position", "amount", "for_month", "settlement", "outcomes", "drivers")


@dataclass(frozen=True, slots=True)
class LateMonth:
    """A settled month of one agency under one version, and the accounts of it measured since, each with the rule that is for it.

    `earlier`: late fees of the month that settlements before this one hold; `drivers`: as the outcomes in force measure the month.
    """

    settled: Settled
    earlier: Sequence[AccrualLine]
    agency_id: int
    settlement_ref: str
    month: str
    outcomes: int
    accounts: Sequence[tuple[AccountFact, Rule]]
    drivers: Drivers


def stands_alone(card: Card, rules: Sequence[Rule]) -> bool:
    """Whether an account's fee under these rules is the same whatever else the month holds."""
    level = card.agency
    over_all = (level.qualifier, level.multiplier, level.cap_minor, level.blended_cap_rate)
    if card.bonuses or any(each is not None for each in over_all):
        return False
    limits = [limit for rule in rules for limit in (rule.cap, rule.floor) if limit is not None]
    drivers = [rule.driver for rule in rules if rule.driver]
    return all(limit.per == "line" for limit in limits) and all(
        DRIVER_UNITS[each] in MEASURED_UNITS for each in drivers
    )


def late_lines(late: LateMonth) -> list[NewLine]:
    """A line for each account, in their order, and one for what the whole month makes of them where it makes anything."""
    version, stored = late.settled.version, [*late.settled.lines, *late.earlier]
    drivers = _over(late.settled.drivers, *(line.facts.get("drivers", {}) for line in late.earlier), late.drivers)
    group = group_of(version, stored) if stored else Group(late.agency_id, version)
    place = max((int(line.facts.get("position", 0)) for line in stored), default=0)
    new = [_member(each, rule, version.card, place + n) for n, (each, rule) in enumerate(late.accounts, start=1)]
    bulk = price_group(replace(group, accounts=[*group.accounts, *new]), drivers)
    found = []
    for (account, line), priced in zip(new, bulk.accounts[len(group.accounts) :], strict=True):
        made = account_line(version, account, priced)
        told = {"for_month": late.month, "settlement": late.settlement_ref, "outcomes": late.outcomes}
        asked = _asked(version.card, line, drivers)
        step = {"step": MEASURED_LATE, "month": late.month, "of": late.settlement_ref, "outcomes": late.outcomes}
        found.append(replace(made, facts={**made.facts, **told, "drivers": asked}, steps=[step, *made.steps]))
    amounts = {int(line.facts["position"]): line.amount_minor for line in stored if line.kind in PRICED}
    without = _fee(price_group(group, drivers), version.card, amounts) if group.size else 0
    return [*found, *_made_of_them(late, found, _fee(bulk, version.card, amounts) - without)]


def _member(account: AccountFact, rule: Rule, card: Card, position: int) -> tuple[AccountFact, FactLine]:
    facts = facts_of_account(account, card, rule.id)
    return account, line_of(facts, account.currency, rule=rule.id, position=position)


def _fee(bulk: Bulk, card: Card, settled: Mapping[int, int]) -> int:
    """What the group comes to; a settled line with what it was settled at. Minor units."""
    sums = bulk.sums
    assert isinstance(sums, LineSums)
    priced = [replace(line, amount_minor=settled.get(line.position, line.amount_minor)) for line in sums.priced]
    tally = Tally(without_promises(card), fee=sum(line.amount_minor for line in priced))
    finish(tally, LineSums(priced, sums.chosen, sums.measures), replace(bulk.facts, lines=()))
    return tally.fee


def _made_of_them(late: LateMonth, lines: Sequence[NewLine], brought: int) -> list[NewLine]:
    fees = sum(line.amount_minor for line in lines)
    if brought == fees:
        return []
    currency = late.settled.version.card.currency
    step = {
        "step": "with_the_month",
        "month": late.month,
        "fees": plain(fees, currency),
        "brought": plain(brought, currency),
        "amount": plain(brought - fees, currency),
    }
    facts = {"of": late.settlement_ref, "for_month": late.month, "card": late.settled.version.name}
    return [
        NewLine(
            agency_id=late.agency_id,
            kind="adjustment",
            rule_id=MEASURED_LATE,
            base_minor=0,
            amount_minor=brought - fees,
            currency=currency,
            credited_on=lines[0].credited_on,
            version_id=late.settled.version.id,
            version_name=late.settled.version.name,
            facts=facts,
            steps=[step],
        )
    ]


def _over(*measured: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """Measures by driver and pool; the later ones win."""
    found: dict[str, dict[str, str]] = {}
    for drivers in measured:
        for driver, pools in drivers.items():
            found[driver] = {**found.get(driver, {}), **pools}
    return found


def _asked(card: Card, line: FactLine, drivers: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """The measures the line's fee stands on: of its rule, and of what decides over the whole month."""
    rule = card.rule(line.rule or "")
    assert rule is not None
    conditions = [card.agency.qualifier, *(bonus.condition for bonus in card.bonuses)]
    asked = [(each.driver, "") for each in (*conditions, card.agency.multiplier) if each]
    asked += [(rule.driver, pool_of(rule.driver_scope, rule, line))] if rule.driver else []
    found: dict[str, dict[str, str]] = {}
    for driver, pool in sorted(set(asked)):
        if DRIVER_UNITS[driver] in MEASURED_UNITS and pool in drivers.get(driver, {}):
            found.setdefault(driver, {})[pool] = drivers[driver][pool]
    return found


def account_of(line: AccrualLine, card: Card) -> tuple[AccountFact, Rule]:
    """The account a stored late line is for, and its rule. LookupError when the card has no such rule."""
    rule = card.rule(line.rule_id)
    if rule is None:
        raise LookupError(f"no rule {line.rule_id}")
    facts: dict[str, Any] = {key: value for key, value in line.facts.items() if key not in NOT_THE_ACCOUNT}
    number, day = str(facts["loan_account_no"]), line.credited_on
    return AccountFact(0, line.agency_id, number, line.currency, day, day, True, facts), rule


def drivers_of(lines: Sequence[AccrualLine]) -> dict[str, dict[str, str]]:
    """The measures that stored late lines stand on."""
    return _over(*(line.facts.get("drivers", {}) for line in lines))
