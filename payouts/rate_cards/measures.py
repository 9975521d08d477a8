"""Drivers: what facts state, and what can be counted from the lines themselves (confirmed money, accounts, events, running totals)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from payouts.rate_cards.facts import DriverValue, FactLine
from payouts.rate_cards.terms import Exact, Rule
from portal.kernel.errors import Invalid, Problem

SCOPE_WORDS = {"agency+product": "product", "agency+opening_bucket": "opening_bucket"}
COUNTED = {"confirmed_amount": "cash", "account_count": "account", "event_count": "event"}
TOLD = ("counted", "stated")  # from the lines, or by the facts


def pool_of(scope: str, rule: Rule | None, line: FactLine) -> str:
    """The name of the pool a line belongs to. A line that only names its rule is in the pool its rule names, if it names one."""
    if scope == "agency":
        return ""
    if scope == "account":
        return line.account
    if scope == "rule":
        return rule.id if rule else ""
    key = SCOPE_WORDS[scope]
    if key in line.words:
        return line.words[key]
    words = rule.when.words(key) if rule else None
    return next(iter(words)) if words and len(words) == 1 else ""


class Measures:
    """The pools of one quote: totals known beforehand, and how far the lines priced so far have filled each."""

    def __init__(self, drivers: Mapping[str, DriverValue], scopes: Iterable[str] = ()) -> None:
        self.drivers = drivers
        self.scopes = ("agency", *sorted(set(scopes) - {"agency"}))
        self.totals: dict[tuple[str, str, str], Exact] = defaultdict(int)
        self.filled: dict[tuple[str, str, str], Exact] = defaultdict(int)
        self.has_cash = False

    def add(self, line: FactLine, rule: Rule | None, kind: str, counted_minor: int, quantity: int) -> None:
        size = counted_minor if kind == "cash" else quantity
        self.has_cash = self.has_cash or kind == "cash"
        for scope in self.scopes:
            self.totals[kind, scope, pool_of(scope, rule, line)] += size

    def advance(self, line: FactLine, rule: Rule | None, kind: str, base: Exact, quantity: int) -> None:
        size = base if kind == "cash" else quantity
        for scope in self.scopes:
            self.filled[kind, scope, pool_of(scope, rule, line)] += size

    def standing(self, rule: Rule, line: FactLine) -> Exact:
        """Where a pool stands before the line: what went before in the period, and the lines already priced."""
        pool = pool_of(rule.driver_scope, rule, line)
        kind = COUNTED.get(rule.driver or "", "cash")
        start = self.given("running_total", pool, 0) if rule.driver == "running_total" else 0
        return start + self.filled[kind, rule.driver_scope, pool]

    def given(self, driver: str, pool: str, default: Exact | None = None) -> Exact:
        """The value the facts state for a driver and a pool; Invalid (missing_driver) when they do not and nothing stands in."""
        stated = self.drivers.get(driver)
        value: Exact | None = stated.get(pool) if isinstance(stated, Mapping) else stated
        if value is None:
            value = default
        if value is None:
            where = f" of pool {pool!r}" if pool else ""
            cure = f'State it: drivers = {{ "{driver}" = "…" }}.'
            raise Invalid(Problem("missing_driver", f"The facts do not hold {driver}{where}.", cure))
        return value

    def value(self, driver: str, scope: str = "agency", pool: str = "") -> Exact:
        """A driver as stated, or counted from the lines."""
        counted = COUNTED.get(driver)
        default = self.totals.get((counted, scope, pool), 0) if counted else None
        if driver == "running_total":
            return self.given(driver, pool, 0) + self.filled["cash", scope, pool]
        return self.given(driver, pool, default)

    def known(self, driver: str) -> Exact | None:
        """A driver of the whole agency, or None where nobody measured it."""
        try:
            return self.value(driver)
        except Invalid:
            return None

    def told(self, driver: str, pool: str) -> dict[str, Any]:
        return {"measured": TOLD[driver in self.drivers]}
