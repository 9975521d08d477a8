"""The facts a card is asked to price: drivers, lines of money, accounts and events. Read from a case, a file or an accrual."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from payouts.rate_cards.reading import Table, exact, load_text
from payouts.rate_cards.terms import (
    BASE_UNITS,
    CHOICES,
    COMPONENTS,
    COUNT,
    DRIVER_UNITS,
    LISTED,
    MONEY,
    RANGED,
    Card,
    Exact,
    slim,
)
from portal.kernel.errors import Invalid, Problem
from portal.kernel.money import exponent
from portal.kernel.periods import whole_months

DriverValue = Exact | Mapping[str, Exact]
MONEY_FACTS = ("principal_outstanding",)
FREE_KEYS = ("currency", "name", "note", "period", "agency", "as_of")
# What a line may say of itself that prices nothing: names, days, people, as files of collections and lists of ours write them.
SAID_KEYS = (
    *FREE_KEYS,
    *("ref", "receipt_no", "bank_ref", "instrument_ref", "deposit_slip_no", "posting_no", "position", "remarks"),
    *("allocated_on", "collected_on", "collected_time", "confirmed_on", "deposited_on", "value_on", "posted_on"),
    *("occurred_on", "credited_on", "npa_on", "written_off_on", "balance_as_of", "days_after_term", "from_on", "to_on"),
    *("agency_code", "agent_code", "customer_name", "branch_code", "latitude", "longitude"),
    *("emi_amount", "total_outstanding", "overdue_amount", "target_amount"),
    *("loan_account_no", "account", "components", *(f"component_{name}" for name in COMPONENTS)),
)


@dataclass(frozen=True, slots=True)
class FactLine:
    """One line to price. It names its rule (or bonus, or penalty), or carries the facts and the card picks the rule.

    `base_minor` is money already counted, `amount_minor` a whole payment before components. Amounts in minor units.
    """

    position: int
    rule: str | None = None
    bonus: str | None = None
    penalty: str | None = None
    base_minor: int | None = None
    amount_minor: int | None = None
    count: int | None = None
    days: int = 1
    account: str = ""
    words: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, Exact] = field(default_factory=dict)
    components: Mapping[str, int] | None = None
    lag_days: int | None = None
    balance_before_minor: int | None = None
    share: Exact = 1
    earns_on: str | None = None

    @property
    def money_minor(self) -> int | None:
        return self.base_minor if self.base_minor is not None else self.amount_minor


@dataclass(frozen=True, slots=True)
class Facts:
    drivers: Mapping[str, DriverValue]
    lines: tuple[FactLine, ...]
    events: tuple[FactLine, ...] = ()
    advance_minor: int = 0  # paid earlier under a recoverable guarantee and not yet recovered


def load_facts(text: str | bytes, card: Card, file: str = "", *, strict: bool = False) -> Facts:
    """Facts from a JSON or TOML text; raises Invalid with every problem."""
    return read_facts(load_text(text, file), card, file, strict=strict)


def read_facts(data: Mapping[str, Any], card: Card, file: str = "", *, strict: bool = False) -> Facts:
    """Facts as they are written in a case or a facts file. Raises Invalid with every problem.

    `strict`: a line's names that nobody knows are problems too: what somebody types must not quietly mean nothing.
    """
    problems: list[Problem] = []
    top = Table(dict(data), "", problems, file=file, currency=card.currency)
    top.same_currency()
    lines, events = top.tables("lines"), top.tables("events")
    facts = Facts(
        drivers=_drivers(top),
        lines=tuple(_line(table, place, card) for place, table in enumerate(lines, 1)),
        events=tuple(_event(table, place) for place, table in enumerate(events, 1)),
        advance_minor=top.amount("advance") or 0,
    )
    top.known.update(FREE_KEYS)
    top.done()
    for table in (*lines, *events) if strict else ():
        _only_known(table)
    if problems:
        raise Invalid(problems)
    return facts


def _only_known(table: Table) -> None:
    nested = table.data.get("components")
    table.known.update(SAID_KEYS)
    table.done()
    if isinstance(nested, dict):
        inner = table.child(nested, table.at("components"))
        inner.known.update(COMPONENTS)
        inner.done()


def read_line(data: Mapping[str, Any], card: Card) -> FactLine:
    """One line of facts by itself. Raises Invalid with every problem."""
    problems: list[Problem] = []
    line = _line(Table(dict(data), "line", problems, file="", currency=card.currency), 1, card)
    if problems:
        raise Invalid(problems)
    return line


def read_drivers(data: Mapping[str, Any], card: Card) -> dict[str, DriverValue]:
    """Drivers by themselves. Raises Invalid with every problem."""
    return dict(read_facts({"drivers": data}, card).drivers)


def _drivers(top: Table) -> dict[str, DriverValue]:
    table = top.table("drivers")
    drivers: dict[str, DriverValue] = {}
    for name in table.data if table else ():
        assert table is not None
        if name not in DRIVER_UNITS:
            near = difflib.get_close_matches(name, list(DRIVER_UNITS), 1)
            cure = (f"Did you mean {near[0]!r}? " if near else "") + f"One of: {', '.join(DRIVER_UNITS)}."
            table.wrong("unknown_driver", name, f"{name!r} is no driver we know.", cure)
            continue
        pools = table.data[name]
        if isinstance(pools, dict):
            inner = table.child(pools, table.at(name))
            drivers[name] = {pool: _driver_value(inner, pool, name) for pool in pools}
        else:
            drivers[name] = _driver_value(table, name, name)
    return drivers


def _driver_value(table: Table, key: str, driver: str) -> Exact:
    unit = DRIVER_UNITS[driver]
    if unit == MONEY:
        return table.amount(key, signed=True) or 0
    most = None if unit == COUNT else 100
    value = table.number(key, most=most)
    if value is not None and unit == COUNT and value.denominator != 1:
        table.wrong("not_whole", key, f"{driver} is a count: whole numbers only.", "", table.data[key])
    return slim(value) if value is not None else 0


def _line(table: Table, place: int, card: Card) -> FactLine:
    words = _words(table)
    line = FactLine(
        position=place,
        rule=_known(table, "rule", [rule.id for rule in card.rules]),
        bonus=_known(table, "bonus", [bonus.id for bonus in card.bonuses]),
        penalty=_known(table, "penalty", [penalty.id for penalty in card.penalties]),
        base_minor=table.amount("base", signed=True),
        amount_minor=table.amount("amount", signed=True),
        count=table.whole("count"),
        days=_days(table),
        account=str(table.raw("loan_account_no") or table.raw("account") or ""),
        words=words,
        numbers=_numbers(table),
        components=_components(table),
        lag_days=_lag_days(table),
        balance_before_minor=table.amount("balance_before", signed=True),
        share=_share(table),
        earns_on=table.text("earns_on", choices=tuple(BASE_UNITS)) or None,
    )
    table.same_currency()
    rule = card.rule(line.rule or "")
    needs_money = line.bonus is None and line.penalty is None and (rule is None or rule.earns_on == "cash")
    if needs_money and line.money_minor is None and not (rule is None and (line.account or "event" in words)):
        table.wrong("missing", "base", "The line has no money.", 'Add base = "…" or amount = "…".')
    return line


def _event(table: Table, place: int) -> FactLine:
    table.text("event", required=True)
    line = FactLine(
        position=place,
        base_minor=table.amount("base"),
        amount_minor=table.amount("amount"),
        count=table.whole("count"),
        days=_days(table),
        account=str(table.raw("loan_account_no") or table.raw("account") or ""),
        words=_words(table),
        numbers=_numbers(table),
        earns_on="event",
    )
    table.same_currency()
    return line


def _known(table: Table, key: str, ids: list[str]) -> str | None:
    value = table.raw(key)
    if value is not None and value not in ids:
        cure = f"The card has: {', '.join(ids) or 'none'}."
        table.wrong(f"unknown_{key}", key, f"The card has no {key} {value!r}.", cure, value)
        return None
    return value


def _days(table: Table) -> int:
    days = table.whole("days")
    return 1 if days is None else days


def _share(table: Table) -> Exact:
    share = table.rate("share")
    return 1 if share is None else slim(share)


def _words(table: Table) -> dict[str, str]:
    """The facts rules ask for by word. Money is the agency's own and no settlement's unless the line says otherwise."""
    words = {}
    for key in LISTED:
        value = table.raw(key)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, str | int):
            table.wrong("bad_text", key, f"`{key}` must be a text.", "", value)
        elif key in CHOICES and str(value) not in CHOICES[key]:
            table.unknown_choice(key, value, CHOICES[key])
        else:
            words[key] = str(value)
    words.setdefault("source", "auto_debit" if words.get("mode") == "auto_debit" else "agency")
    words.setdefault("settlement_kind", "none")
    return words


def _numbers(table: Table) -> dict[str, Exact]:
    numbers: dict[str, Exact] = {}
    for key in RANGED:
        value = table.raw(key)
        if value is None:
            continue
        number = exact(value)
        if number is None:
            table.wrong("bad_number", key, f"`{key}` is not a number.", "", value)
        else:
            numbers[key] = slim(number * 10 ** exponent(table.currency) if key in MONEY_FACTS else number)
    lag = _lag_days(table)
    if lag is not None:
        numbers["lag_days"] = lag
    for key, since in (("npa_age_months", "npa_on"), ("written_off_age_months", "written_off_on")):
        start, end = table.data.get(since), table.data.get("collected_on") or table.data.get("confirmed_on")
        if key not in numbers and start is not None and end is not None:
            born, day = table.day(since), _known_day(table, "collected_on", "confirmed_on")
            if born and day:
                numbers[key] = whole_months(born, day)
    return numbers


def _known_day(table: Table, *keys: str) -> date | None:
    return next((day for key in keys if table.data.get(key) is not None and (day := table.day(key))), None)


def _lag_days(table: Table) -> int | None:
    """Days between taking the money and the bank having it: given, or counted from the dates. An early credit is no lag."""
    if table.raw("lag_days") is not None:
        return table.whole("lag_days", least=-3650)
    taken = _known_day(table, "collected_on")
    banked = _known_day(table, "confirmed_on", "deposited_on")
    return max((banked - taken).days, 0) if taken and banked else None


def _components(table: Table) -> dict[str, int] | None:
    nested = table.table("components") if isinstance(table.data.get("components"), dict) else None
    found = {}
    for name in COMPONENTS:
        value = nested.amount(name) if nested else table.amount(f"component_{name}")
        if value is not None:
            found[name] = value
    return found or None
