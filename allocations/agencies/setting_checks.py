"""Checks a dated setting's value is put through: whole numbers, shares, days, mappings of them. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from allocations.collections.field.dispositions import disposition_faults
from allocations.vocabulary import CONTACT_KINDS

Check = Callable[[Any], Iterator[str]]


@dataclass(frozen=True)
class Shape:
    """A setting in words, an example of its value, and what is wrong with a value (nothing when it is fine)."""

    word: str
    example: Any
    check: Check
    hint: str = ""


def whole(least: int = 0, most: int = 10**15) -> Check:
    """A whole number within bounds; booleans are none."""

    def check(value: Any) -> Iterator[str]:
        if not isinstance(value, int) or isinstance(value, bool):
            yield f"{value!r} is not a whole number."
        elif not least <= value <= most:
            yield f"{value} lies outside {least} to {most}."

    return check


def share(value: Any) -> Iterator[str]:
    """A fraction from 0 to 1 as text, exact."""
    try:
        number = Decimal(value) if isinstance(value, str) else None
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite():
        yield f'{value!r} is not a share; write it as text, "0.95" for 95 %.'
    elif not 0 <= number <= 1:
        yield f"{value} lies outside 0 to 1."


def one_of(*words: str) -> Check:
    def check(value: Any) -> Iterator[str]:
        if value not in words:
            yield f"{value!r} is none of: {', '.join(words)}."

    return check


def truth(value: Any) -> Iterator[str]:
    if not isinstance(value, bool):
        yield f"{value!r} is neither true nor false."


def mapping(may: Mapping[str, Check] | None = None, /, **parts: Check) -> Check:
    """Exactly these keys, and those of `may` if one likes, each with a value of its own shape."""
    known = {**parts, **(may or {})}

    def check(value: Any) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{value!r} is not a mapping of {', '.join(known)}."
            return
        yield from (f"{name} is missing." for name in parts if name not in value)
        yield from (f"{name} is not known here." for name in value if name not in known)
        for name, part in known.items():
            if name in value:
                yield from (f"{name}: {said}" for said in part(value[name]))

    return check


def numbers(*names: str) -> Check:
    """Terms in days or months, by their names."""
    return mapping(**{name: whole(1, 365) for name in names})


def each(part: Check) -> Check:
    def check(value: Any) -> Iterator[str]:
        if not isinstance(value, list):
            yield f"{value!r} is not a list."
            return
        for at, item in enumerate(value, 1):
            yield from (f"Entry {at}: {said}" for said in part(item))

    return check


def words(value: Any) -> Iterator[str]:
    if not isinstance(value, str) or not value.strip():
        yield f"{value!r} is not a word."


def yes_or_no(value: Any) -> Iterator[str]:
    if not isinstance(value, bool):
        yield f"{value!r} is neither true nor false."


def by_name(part: Check) -> Check:
    """Names, each with a value of one shape."""

    def check(value: Any) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{value!r} is not a mapping of names."
            return
        for name, item in value.items():
            yield from (f"{name}: {said}" for said in part(item))

    return check


def clock_time(value: Any) -> Iterator[str]:
    try:
        zoned = time.fromisoformat(value).tzinfo is not None
    except (TypeError, ValueError):
        zoned = True
    if zoned:
        yield f"{value!r} is not a time; write it as 08:00."


def day_or_yearly(value: Any) -> Iterator[str]:
    """A day of one year (2026-11-08), or of every year (01-26)."""
    text = value if isinstance(value, str) else ""
    try:
        date.fromisoformat(f"2024-{text}" if re.fullmatch(r"\d\d-\d\d", text) else text)
    except ValueError:
        yield f"{value!r} is not a day; write it as 2026-11-08, or as 01-26 for every year."


def time_zone(value: Any) -> Iterator[str]:
    try:
        ZoneInfo(value)
    except (TypeError, ValueError, OSError, ZoneInfoNotFoundError):
        yield f"{value!r} is no time zone; write it as Asia/Kolkata."


def zones(value: Any) -> Iterator[str]:
    """State → the zone its clocks keep."""
    if not isinstance(value, dict):
        yield f"{value!r} is not a mapping of states to time zones."
        return
    yield from (f"{state}: {said}" for state, zone in value.items() for said in time_zone(zone))


def hours(value: Any) -> Iterator[str]:
    may = {"kinds": each(one_of(*CONTACT_KINDS)), "zone": time_zone, "zones": zones}
    found = list(mapping(may, **{"from": clock_time, "to": clock_time})(value))
    yield from found
    if not found and time.fromisoformat(value["from"]) >= time.fromisoformat(value["to"]):
        yield "They end before they begin."


def outcomes(value: Any) -> Iterator[str]:
    yield from disposition_faults(value)
