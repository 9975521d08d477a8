"""What is measured of an agency's pools, and what of it a card needs to price a group. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from payouts.commission.inputs import Drivers
from payouts.commission.measuring import Month, account_pools, rule_pools
from payouts.rate_cards.facts import FactLine
from payouts.rate_cards.measures import pool_of
from payouts.rate_cards.terms import DRIVER_UNITS, PERCENT, SCORE, Card, Rule

MEASURED_UNITS = (PERCENT, SCORE)  # the others are counted from the lines themselves
NAMED_BY_THE_CARD = ("account", "rule")
COUNTS = {"account_count": "account", "event_count": "event"}


class Pools:
    """One agency's measures: of the agency, its products and buckets beforehand; of an account or a rule when asked."""

    def __init__(self, drivers: Drivers, month: Month | None = None, events: int = 0) -> None:
        self.drivers, self.month, self.events = drivers, month or Month(), events
        self._of_rules: dict[Rule, Mapping[str, str]] = {}
        self._of_accounts: dict[str, Mapping[str, str]] = {}

    def value(self, rule: Rule, line: FactLine) -> str | None:
        """The measured value that picks the rule's slab for the line; None when nobody measured it."""
        assert rule.driver is not None
        if DRIVER_UNITS[rule.driver] == SCORE:
            return self.drivers.get(rule.driver, {}).get("")
        if rule.driver_scope == "account":
            return self._account(line.account).get(rule.driver)
        if rule.driver_scope == "rule":
            return self._rule(rule).get(rule.driver)
        return self.drivers.get(rule.driver, {}).get(pool_of(rule.driver_scope, rule, line))

    def knows(self, rule: Rule, line: FactLine) -> bool:
        """Whether the rule's driver is known for the line's pool; what is counted from the lines always is."""
        if rule.driver == "balance_before":
            return line.balance_before_minor is not None
        if rule.driver is None or DRIVER_UNITS[rule.driver] not in MEASURED_UNITS:
            return True
        return self.value(rule, line) is not None

    def knows_agency(self, card: Card) -> bool:
        """Whether what decides over the whole month is known: an unknown qualifier or score must not count as met."""
        level = card.agency
        asked = {each.driver for each in (level.qualifier, level.multiplier) if each}
        return all("" in self.drivers.get(driver, {}) for driver in asked if DRIVER_UNITS[driver] in MEASURED_UNITS)

    def of_agency(self, driver: str) -> str | None:
        return self.drivers.get(driver, {}).get("")

    def needed(self, card: Card, lines: Sequence[FactLine]) -> dict[str, dict[str, str]]:
        """Of all that is measured, what the card asks for these lines (each names its rule): driver → pool → value."""
        found = {driver: dict(self.drivers[driver]) for driver in sorted(asked_of(card)) if driver in self.drivers}
        for rule, members in _by_rule(card, lines):
            if rule.driver is not None and DRIVER_UNITS[rule.driver] in MEASURED_UNITS:
                pools = found.setdefault(rule.driver, {})
                for line in members:
                    value = self.value(rule, line)
                    if value is not None:
                        pools[pool_of(rule.driver_scope, rule, line)] = value
        found |= self._counts(card, lines)
        return {driver: dict(sorted(pools.items())) for driver, pools in sorted(found.items())}

    def _counts(self, card: Card, lines: Sequence[FactLine]) -> dict[str, dict[str, str]]:
        """Counts a card asks for and prices nothing by: accounts the bank saw money of, and accepted events."""
        earning = {rule.earns_on for rule in card.rules}
        asked = {driver for driver in asked_of(card) if driver in COUNTS and COUNTS[driver] not in earning}
        found: dict[str, dict[str, str]] = {}
        if "event_count" in asked:
            found["event_count"] = {pool: str(self.events) for pool in {"", *_pool_names(card, "event_count", lines)}}
        if "account_count" in asked:
            accounts: dict[str, set[str]] = defaultdict(set)
            for line in lines:
                rule = card.rule(line.rule or "")
                if line.earns_on == "cash" and rule is not None:
                    accounts[""].add(line.account)
                    accounts[pool_of(rule.driver_scope, rule, line)].add(line.account)
            found["account_count"] = {pool: str(len(members)) for pool, members in accounts.items()} or {"": "0"}
        return found

    def _rule(self, rule: Rule) -> Mapping[str, str]:
        if rule not in self._of_rules:
            self._of_rules[rule] = rule_pools(self.month, rule)
        return self._of_rules[rule]

    def _account(self, account: str) -> Mapping[str, str]:
        if account not in self._of_accounts:
            self._of_accounts[account] = account_pools(self._months.get(account, Month()), account)
        return self._of_accounts[account]

    @cached_property
    def _months(self) -> dict[str, Month]:
        """The month once for each account, so that a pool of one is not looked for among all."""
        now, before = defaultdict(list), defaultdict(list)
        for each in self.month.held:
            now[each[1].account].append(each)
        for each in self.month.earlier:
            before[each[1].account].append(each)
        return {
            account: Month(now.get(account, ()), before.get(account, ()), self.month.became, self.month.cash)
            for account in {*now, *before}
        }


def asked_of(card: Card) -> set[str]:
    """Every driver the card looks at."""
    conditions = [bonus.condition for bonus in card.bonuses] + [card.agency.qualifier]
    asked = {rule.driver for rule in card.rules} | {each.driver for each in conditions if each}
    asked |= {card.agency.multiplier.driver} if card.agency.multiplier else set()
    return {driver for driver in asked if driver}


def _by_rule(card: Card, lines: Iterable[FactLine]) -> list[tuple[Rule, list[FactLine]]]:
    members: dict[str, list[FactLine]] = defaultdict(list)
    for line in lines:
        if line.rule:
            members[line.rule].append(line)
    return [(rule, members[rule.id]) for rule in card.rules if rule.id in members]


def _pool_names(card: Card, driver: str, lines: Iterable[FactLine]) -> set[str]:
    return {
        pool_of(rule.driver_scope, rule, line)
        for rule, members in _by_rule(card, lines)
        if rule.driver == driver
        for line in members
    }
