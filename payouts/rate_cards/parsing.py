"""A rate card file read into terms: every mistake at once, each with its rule, field, code and cure."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from payouts.rate_cards.parsing_agency import check_order, read_agency, read_condition, read_factor, read_start
from payouts.rate_cards.reading import Table, exact, load_text
from payouts.rate_cards.terms import (
    BASE_UNITS,
    CHOICES,
    COMPONENTS,
    DRIVER_SCOPES,
    DRIVER_UNITS,
    LIMIT_SCOPES,
    LISTED,
    RANGED,
    Bonus,
    Card,
    Case,
    LagTier,
    Limit,
    Penalty,
    Rule,
    Slab,
    Span,
    When,
    slim,
)
from portal.kernel.errors import Invalid, Problem
from portal.kernel.money import exponent

EPOCH = date(1970, 1, 1)  # stands in for a date that could not be read; such a card has problems and is never used


def read_card(text: str | bytes, file: str = "") -> Card:
    """The card in a TOML or JSON text. Raises Invalid with every problem."""
    card, problems = examine(load_text(text, file), file)
    if problems:
        raise Invalid(problems)
    return card


def examine(data: dict[str, Any], file: str = "") -> tuple[Card, list[Problem]]:
    """The card as far as it can be understood, and everything wrong with it. A card with problems must not be priced by."""
    problems: list[Problem] = []
    currency = data.get("currency")
    good = isinstance(currency, str) and re.fullmatch(r"[A-Z]{3}", currency) is not None
    top = Table(data, "", problems, file=file, currency=str(currency) if good else "INR")
    if top.raw("currency", required=True) is not None and not good:
        top.wrong("bad_currency", "currency", "`currency` is no currency.", 'Three capitals: "INR".', currency)
    card = Card(
        code=_code(top),
        name=top.text("name", default=str(data.get("code", ""))),
        currency=top.currency,
        effective_from=top.day("effective_from", required=True) or EPOCH,
        effective_to=top.day("effective_to"),
        effective_by=top.text(
            "effective_by", default="allocation", choices=("allocation", "collection", "confirmation")
        ),
        rules=tuple(_rule(table) for table in top.tables("rule", name="id")),
        bonuses=tuple(_bonus(table) for table in top.tables("bonus", name="id")),
        penalties=tuple(_penalty(table) for table in top.tables("penalty", name="id")),
        agency=read_agency(top.table("agency")),
        cases=tuple(_case(table, place) for place, table in enumerate(top.tables("case", name="name"), 1)),
    )
    top.text("rounding", default="half_up", choices=("half_up",))
    top.done()
    _whole_card(top, card)
    return card, problems


def _code(top: Table) -> str:
    code = top.text("code", required=True)
    if code and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", code):
        top.wrong("bad_code", "code", "`code` holds signs a code may not.", "Letters, digits, - . _", code)
    return code


def _whole_card(top: Table, card: Card) -> None:
    if card.effective_to is not None and card.effective_to < card.effective_from:
        top.wrong("dates_out_of_order", "effective_to", "The card ends before it begins.", "Mend one of the dates.")
    if not card.rules and "rule" not in {problem.column for problem in top.problems}:
        top.wrong("no_rules", "rule", "The card has no rule: it could pay nothing.", "Add a [[rule]].")
    for kind, items in (("rule", card.rules), ("bonus", card.bonuses), ("penalty", card.penalties)):
        ids = [item.id for item in items if item.id]
        for twice in sorted({each for each in ids if ids.count(each) > 1}):
            top.wrong("duplicate_id", f"{kind}[{twice}]", f"Two of [[{kind}]] are called {twice!r}.", "Rename one.")


def _id(table: Table) -> str:
    return table.text("id", required=True)


def _rule(table: Table) -> Rule:
    earns_on = table.text("earns_on", default="cash", choices=tuple(BASE_UNITS))
    driver = _driver(table)
    mode = table.text("mode", default="whole", choices=("whole", "marginal"))
    rule = Rule(
        id=_id(table),
        earns_on=earns_on,
        when=read_when(table, "when"),
        components=_components(table),
        driver=driver,
        driver_scope=table.text("driver_scope", default="agency", choices=DRIVER_SCOPES),
        mode=mode,
        slabs=_slabs(table, driver),
        lag=_lag(table),
        cap=_limit(table, "cap"),
        floor=_limit(table, "floor"),
        name=table.text("name"),
    )
    table.same_currency()
    table.done()
    _rule_makes_sense(table, rule)
    return rule


def _driver(table: Table) -> str | None:
    driver = table.text("driver", choices=(*DRIVER_UNITS, "none"))
    return None if driver in ("", "none") else driver


def _rule_makes_sense(table: Table, rule: Rule) -> None:
    if rule.mode == "marginal" and rule.driver is None:
        table.wrong(
            "marginal_unit", "mode", "mode marginal needs a driver.", 'Name the driver, or write mode = "whole".'
        )
    elif rule.mode == "marginal" and rule.driver and DRIVER_UNITS[rule.driver] != BASE_UNITS[rule.earns_on]:
        unit, base = DRIVER_UNITS[rule.driver], BASE_UNITS[rule.earns_on]
        message = (
            f"{rule.driver} is measured in {unit}, what the rule prices in {base}: slabs cannot price their own part."
        )
        table.wrong("marginal_unit", "mode", message, 'Use mode = "whole" or a driver in the base\'s own unit.')
    if rule.driver is None and "driver" not in table.data and len(rule.slabs) > 1:
        table.wrong(
            "no_driver", "slabs", "Several slabs and nothing to pick one.", "Name the driver, or keep one slab."
        )
    if (
        rule.mode == "marginal"
        and rule.earns_on == "cash"
        and any(slab.amount_minor is not None for slab in rule.slabs)
    ):
        table.wrong(
            "marginal_amount", "slabs", "A fixed amount cannot price a part of the money.", "Give each slab a rate."
        )
    if rule.earns_on != "cash" and rule.components != frozenset(COMPONENTS):
        table.wrong("components_without_cash", "components", "Only money has components.", "Remove components.")


def read_when(table: Table, key: str) -> When:
    when = table.table(key)
    if when is None:
        return When()
    listed = tuple((name, words) for name in LISTED if (words := _words(when, name)))
    ranged = tuple((name, span) for name in RANGED if (span := _span(when, name)) is not None)
    when.done()
    return When(listed, ranged)


def _words(when: Table, key: str) -> frozenset[str]:
    value = when.raw(key)
    if value is None:
        return frozenset()
    items = value if isinstance(value, list) else [value]
    if not items or not all(isinstance(item, str | int) and not isinstance(item, bool) and str(item) for item in items):
        when.wrong("bad_list", key, f"`{key}` must be a list of words.", f'Write {key} = ["…"].', value)
        return frozenset()
    for item in items:
        if key in CHOICES and item not in CHOICES[key]:
            when.unknown_choice(key, item, CHOICES[key])
    return frozenset(str(item) for item in items)


def _span(when: Table, key: str) -> Span | None:
    value = when.raw(key)
    if value is None:
        return None
    ends = [value.get("from", 0), value.get("to")] if isinstance(value, dict) else value
    if not isinstance(ends, list) or len(ends) not in (1, 2):
        when.wrong("bad_range", key, f"`{key}` must be a range [from, to).", f"Write {key} = [0, 12].", value)
        return None
    start, end = exact(ends[0]), _open_end(ends[1]) if len(ends) == 2 else None
    if start is None or end == "bad":
        when.wrong("bad_range", key, f"`{key}` must be two numbers.", f"Write {key} = [0, 12].", value)
        return None
    assert not isinstance(end, str)
    if end is not None and end <= start:
        code = "from_out_of_order"
        when.wrong(code, key, f"`{key}` holds nothing: it ends where it starts or before.", "from < to.", value)
        return None
    scale = 10 ** exponent(when.currency) if key == "principal_outstanding" else 1
    return Span(slim(start * scale), None if end is None else slim(end * scale))


def _open_end(value: Any) -> Fraction | str | None:
    if value is None or (isinstance(value, Decimal) and value.is_infinite()) or value in ("inf", ""):
        return None
    return exact(value) if exact(value) is not None else "bad"


def _components(table: Table) -> frozenset[str]:
    value = table.raw("components")
    if value is None:
        return frozenset(COMPONENTS)
    if not isinstance(value, list) or not value or not all(isinstance(item, str) for item in value):
        table.wrong("bad_list", "components", "`components` must be a list.", 'Write ["principal", "interest"].', value)
        return frozenset(COMPONENTS)
    for item in value:
        if item not in COMPONENTS:
            table.unknown_choice("components", item, COMPONENTS)
    return frozenset(value) & frozenset(COMPONENTS)


def _slabs(table: Table, driver: str | None) -> tuple[Slab, ...]:
    tables = table.tables("slabs")
    if not tables and not any(problem.column == table.at("slabs") for problem in table.problems):
        table.wrong(
            "missing", "slabs", "The rule has no slab: it could pay nothing.", 'slabs = [ {from = 0, rate = "0.05"} ]'
        )
    slabs = [_slab(each, driver, alone=len(tables) == 1) for each in tables]
    check_order(tables, [slab.start for slab in slabs])
    for each in tables:
        each.done()
    return tuple(slabs)


def _slab(table: Table, driver: str | None, *, alone: bool) -> Slab:
    rate, amount = table.rate("rate"), table.amount("amount")
    if ("rate" in table.data) == ("amount" in table.data):
        table.wrong(
            "rate_or_amount", "", "A slab has either a rate or an amount.", 'rate = "0.05" or amount = "150.00"'
        )
    table.same_currency()
    return Slab(read_start(table, driver, alone=alone), rate, amount)


def _lag(table: Table) -> tuple[LagTier, ...]:
    tiers: list[LagTier] = []
    tables = table.tables("lag")
    for place, each in enumerate(tables):
        tier = LagTier(each.whole("within_days"), read_factor(each))
        if tier.within_days is None and "within_days" not in each.data and place + 1 < len(tables):
            each.wrong("from_out_of_order", "within_days", "Only the last lag tier may be open.", "Add within_days.")
        earlier = [one.within_days for one in tiers if one.within_days is not None]
        if tier.within_days is not None and earlier and tier.within_days <= earlier[-1]:
            each.wrong("from_out_of_order", "within_days", "Lag tiers must run from few days to many.", "Reorder them.")
        each.done()
        tiers.append(tier)
    return tuple(tiers)


def _limit(table: Table, key: str) -> Limit | None:
    limit = table.table(key)
    if limit is None:
        return None
    per = limit.text("per", required=True, choices=LIMIT_SCOPES, default="line")
    amount = limit.amount("amount", required=True)
    at_most = limit.text("at_most", choices=("base",)) if key == "floor" else ""
    limit.same_currency()
    limit.done()
    return None if amount is None else Limit(per, amount, at_most == "base")


def _bonus(table: Table) -> Bonus:
    bonus = Bonus(
        id=_id(table),
        condition=read_condition(table.table("condition")),
        applies_to=read_when(table, "applies_to"),
        rate=table.rate("rate"),
        amount_minor=table.amount("amount"),
        name=table.text("name"),
    )
    if ("rate" in table.data) == ("amount" in table.data):
        table.wrong("rate_or_amount", "", "A bonus has either a rate or an amount.", 'rate = "0.01"')
    table.same_currency()
    table.done()
    return bonus


def _penalty(table: Table) -> Penalty:
    penalty = Penalty(
        id=_id(table),
        event=table.text("event", required=True),
        rate=table.rate("rate"),
        amount_minor=table.amount("amount"),
        per_day=table.flag("per_day"),
        treatment=table.text("treatment", default="fee_reduction", choices=("fee_reduction", "separate_recovery")),
        name=table.text("name"),
    )
    if ("rate" in table.data) == ("amount" in table.data):
        table.wrong("rate_or_amount", "", "A penalty has either an amount or a rate.", 'amount = "500.00"')
    table.same_currency()
    table.done()
    return penalty


def _case(table: Table, place: int) -> Case:
    facts, expect = table.table("facts", required=True), table.table("expect", required=True)
    name = table.text("name", default=f"case {place}")
    table.done()
    total, lines, error = None, None, ""
    if expect is not None:
        value = expect.raw("total")
        total = _decimal(expect, "total", value) if value is not None else None
        lines = _expected_lines(expect)
        error = expect.text("error")
        if total is None and lines is None and not error and not expect.data.keys() & {"total", "lines", "error"}:
            expect.wrong("missing", "total", "The case expects nothing.", 'Add total = "…".')
        expect.done()
    return Case(name, facts.data if facts else {}, total, lines, error or None)


def _decimal(table: Table, key: str, value: Any) -> Decimal | None:
    minor = table.minor(key, value, signed=True)
    return None if minor is None else Decimal(minor).scaleb(-exponent(table.currency))


def _expected_lines(expect: Table) -> tuple[str, ...] | None:
    value = expect.raw("lines")
    if value is None:
        return None
    if not isinstance(value, list):
        expect.wrong("bad_list", "lines", "`lines` must be a list of amounts.", '["750.00", …]', value)
        return None
    return tuple(str(item) for item in value)
