"""Does a statement add up? Lines to groups, groups to totals, totals to the net: each number that does not is named. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from payouts.settlements.kind_words import ADJUSTMENTS, EARNED, SALES_TAX, WITHHELD, section_of

# How each section's lines count into its total.
TOTALS = {
    EARNED: ("gross", 1),
    ADJUSTMENTS: ("adjustments", 1),
    SALES_TAX: ("sales_tax", 1),
    WITHHELD: ("withholding", -1),
}


def misfits(content: Mapping[str, Any]) -> list[str]:
    """One sentence for each sum that is not what it says it is; empty when all of it ties."""
    try:
        found = [*_lines_to_groups(content), *_lines_to_totals(content), *_year(content)]
        return [*found, *_count("lines", (line["position"] for line in content["lines"]))]
    except (KeyError, TypeError, ValueError, InvalidOperation, AttributeError):
        return ["It is not put together like a statement: parts of it are missing or of another kind."]


def amount(value: Any) -> Decimal:
    """An amount as it is written; ValueError for anything but plain digits."""
    if not isinstance(value, str) or not value.lstrip("-").replace(".", "", 1).isdecimal():
        raise ValueError(f"not an amount: {value!r}")
    return Decimal(value)


def _lines_to_groups(content: Mapping[str, Any]) -> Iterable[str]:
    """Nothing to compare in the first format, which had no groups."""
    if "groups" not in content:
        return
    sums: dict[int, Decimal] = defaultdict(Decimal)
    counts: dict[int, int] = defaultdict(int)
    for line in content["lines"]:
        sums[line["group"]] += amount(line["amount"])
        counts[line["group"]] += 1
    for group in content["groups"]:
        name = f"group {group['group']} ({group['title']})"
        yield from _differs(f"The subtotal of {name}", group["amount"], sums.pop(group["group"], Decimal()))
        if group["lines"] != counts[group["group"]]:
            yield f"The number of lines of {name} says {group['lines']}; there are {counts[group['group']]}."
    yield from (
        f"Lines of group {number} come to {total}, but there is no such group." for number, total in sums.items()
    )


def _lines_to_totals(content: Mapping[str, Any]) -> Iterable[str]:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for line in content["lines"]:
        sums[section_of(line["kind"])] += amount(line["amount"])
    totals = content["totals"]
    for section, (name, sign) in TOTALS.items():
        yield from _differs(f"The total {name}", totals.get(name, "0"), sign * sums[section])
    yield from _differs("The total net", totals["net"], sum(sums.values(), Decimal()))


def _year(content: Mapping[str, Any]) -> Iterable[str]:
    year = content.get("year_to_date")
    if year:
        names = ("gross", "adjustments", "sales_tax")
        net = sum((amount(year[name]) for name in names), Decimal()) - amount(year["withholding"])
        yield from _differs("The net of the year to date", year["net"], net)


def _differs(what: str, said: Any, again: Decimal) -> Iterable[str]:
    if amount(said) != again:
        yield f"{what} says {said}; its lines come to {again}."


def _count(what: str, positions: Iterable[int]) -> Iterable[str]:
    seen = list(positions)
    if seen != list(range(1, len(seen) + 1)):
        yield f"The {what} are not numbered one after the other: some are missing, moved or there twice."
