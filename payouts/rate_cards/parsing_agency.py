"""The [agency] table of a rate card: what happens to a period's total after its lines are priced."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from payouts.rate_cards.reading import Table, exact
from payouts.rate_cards.terms import (
    COUNT,
    DRIVER_UNITS,
    MONEY,
    AgencyLevel,
    ClawbackPolicy,
    Condition,
    Exact,
    FactorSlab,
    Guarantee,
    Holdback,
    Multiplier,
    slim,
)
from portal.kernel.money import exponent

MAX_FACTOR = 2  # a factor of 90 is a percent typed where a fraction belongs
BOUNDED_UNITS = {"percent": 100, "score": 100}


def read_agency(table: Table | None) -> AgencyLevel:
    if table is None:
        return AgencyLevel()
    level = AgencyLevel(
        qualifier=read_condition(table.table("qualifier")),
        multiplier=_multiplier(table.table("multiplier")),
        cap_minor=table.amount("cap"),
        blended_cap_rate=table.rate("blended_cap_rate"),
        guarantee=_guarantee(table.table("minimum_guarantee")),
        holdback=_holdback(table.table("holdback")),
        tail_days=table.whole("tail_days") or 0,
        direct_pay_share=_share(table),
        clawback=_clawback(table.table("clawback")),
    )
    table.same_currency()
    table.done()
    return level


def _share(table: Table) -> Exact:
    share = table.rate("direct_pay_share")
    return 1 if share is None else slim(share)


def read_condition(table: Table | None) -> Condition | None:
    """{driver, at_least} (or below): thresholds in the driver's unit, money in minor units."""
    if table is None:
        return None
    driver = table.text("driver", required=True, choices=tuple(DRIVER_UNITS))
    at_least, below = _threshold(table, "at_least", driver), _threshold(table, "below", driver)
    if not table.data.keys() & {"at_least", "below"}:
        table.wrong("missing", "at_least", "The condition has no threshold.", "Add at_least = …")
    table.done()
    return Condition(driver, at_least, below) if driver else None


def _threshold(table: Table, key: str, driver: str) -> Fraction | None:
    unit = DRIVER_UNITS.get(driver)
    value = table.number(key, most=BOUNDED_UNITS.get(unit or ""))
    return value * 10 ** exponent(table.currency) if value is not None and unit == MONEY else value


def read_start(table: Table, driver: str | None, *, alone: bool) -> Exact:
    """A slab's `from` in the driver's unit, money in minor units."""
    unit = DRIVER_UNITS.get(driver or "")
    start = table.number("from", required=not alone)
    if start is None:
        return 0
    if unit in BOUNDED_UNITS and start > BOUNDED_UNITS[unit]:
        table.wrong("out_of_range", "from", f"{driver} never goes above {BOUNDED_UNITS[unit]}.", "", table.data["from"])
    if unit == COUNT and start.denominator != 1:
        table.wrong("not_whole", "from", f"{driver} is a count: whole numbers only.", "", table.data["from"])
    return slim(start * 10 ** exponent(table.currency) if unit == MONEY else start)


def read_factor(table: Table) -> Fraction:
    factor = table.number("factor", required=True)
    if factor is not None and factor > MAX_FACTOR:
        cure = 'A factor is a fraction of 1: "0.90" for nine tenths.'
        table.wrong("factor_too_high", "factor", f"A factor above {MAX_FACTOR}.", cure, table.data["factor"])
    return Fraction(0) if factor is None else factor


def check_order(tables: list[Table], starts: Sequence[Exact]) -> None:
    """The first slab starts at 0, each next one higher, and a stated `to` is the next one's `from`."""
    if starts and starts[0] != 0:
        written = tables[0].data.get("from")
        message = f"The first `from` is {written}, not 0: what lies below would be a gap and pay nothing."
        tables[0].wrong("gap", "from", message, "Begin with from = 0.", written)
    for place in range(1, len(starts)):
        written, before = tables[place].data.get("from"), tables[place - 1].data.get("from", 0)
        if starts[place] <= starts[place - 1] and exact(written) is not None:
            message = f"`from` {written} does not come after {before}."
            tables[place].wrong("from_out_of_order", "from", message, "List slabs from low to high.", written)
    for place, table in enumerate(tables):
        _stated_end(table, tables[place + 1] if place + 1 < len(tables) else None)


def _stated_end(table: Table, following: Table | None) -> None:
    """`to` may be written, but says nothing of its own: a slab runs to the next one's `from`."""
    stated = table.raw("to")
    if stated is None or str(stated).lower() in ("inf", "infinity", ""):
        return
    end = exact(stated)
    start = exact(following.data.get("from")) if following else None
    if end is None:
        table.wrong("bad_number", "to", "`to` is not a number.", "Leave it out: a slab runs to the next one's from.")
    elif following is None or (start is not None and end < start):
        table.wrong("gap", "to", f"Nothing covers what lies from {stated} on.", "Leave `to` out, or add the slab.")
    elif start is not None and end > start:
        table.wrong("overlap", "to", f"The slab runs to {stated}, past the next one's from.", "Leave `to` out.")


def _multiplier(table: Table | None) -> Multiplier | None:
    if table is None:
        return None
    driver = table.text("driver", required=True, choices=tuple(DRIVER_UNITS))
    tables = table.tables("slabs")
    if not tables:
        table.wrong("missing", "slabs", "The multiplier has no slab.", 'slabs = [ {from = 0, factor = "1"} ]')
    slabs = [FactorSlab(read_start(each, driver, alone=len(tables) == 1), read_factor(each)) for each in tables]
    check_order(tables, [slab.start for slab in slabs])
    for each in tables:
        each.done()
    table.done()
    return Multiplier(driver, tuple(slabs)) if driver and slabs else None


def _guarantee(table: Table | None) -> Guarantee | None:
    if table is None:
        return None
    amount, recoverable = table.amount("amount", required=True), table.flag("recoverable")
    table.same_currency()
    table.done()
    return None if amount is None else Guarantee(amount, recoverable)


def _holdback(table: Table | None) -> Holdback | None:
    if table is None:
        return None
    rate, days = table.rate("rate", required=True), table.whole("release_after_days") or 0
    table.done()
    return None if rate is None else Holdback(rate, days)


def _clawback(table: Table | None) -> ClawbackPolicy:
    if table is None:
        return ClawbackPolicy()
    policy = ClawbackPolicy(
        rate=table.text("rate", default="as_paid", choices=("as_paid",)),
        window_days=table.whole("window_days"),
        reprice_slab=table.flag("reprice_slab"),
    )
    table.done()
    return policy
