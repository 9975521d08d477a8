"""What a rate card's fields are on a page: how each value is shown as typed text, and what typed text is written back as.

What cannot be understood is written as it was typed: reading the card then names it where it stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from payouts.rate_cards.reading import exact
from payouts.rate_cards.source_nodes import Path
from payouts.rate_cards.terms import (
    BASE_UNITS,
    CHOICES,
    COMPONENTS,
    DRIVER_SCOPES,
    DRIVER_UNITS,
    LIMIT_SCOPES,
    LISTED,
    RANGED,
    number_text,
)


def plain_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return format(value, "f")
    return value.isoformat() if isinstance(value, date) else str(value)


def percent_text(value: Any) -> str:
    """A fraction as people write it: "0.085" is 8.5."""
    number = exact(value)
    return plain_text(value) if number is None else number_text(number * 100)


def as_text(text: str, old: Any) -> Any:
    return text


def as_day(text: str, old: Any) -> Any:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return text
    return text if isinstance(old, str) else day


def as_number(text: str, old: Any) -> Any:
    """A number in the way the old one was written: bare or in quotes; whole ones are bare where nothing stood."""
    bare = _ungrouped(text)
    number = exact(bare)
    if number is None:
        return text
    if isinstance(old, str):
        return bare
    if number.denominator == 1 and not isinstance(old, Decimal):
        return int(number)
    return Decimal(bare) if isinstance(old, Decimal | int) else bare


def as_amount(text: str, old: Any) -> Any:
    """Money, in quotes unless it stood without."""
    bare = _ungrouped(text)
    if exact(bare) is None:
        return text
    if isinstance(old, int | Decimal) and not isinstance(old, bool):
        return as_number(bare, old)
    return bare


def as_percent(text: str, old: Any) -> Any:
    """8.5 is written as "0.085"."""
    number = exact(_ungrouped(text.removesuffix("%")))
    if number is None:
        return text
    written = number_text(number / 100)
    if isinstance(old, int | Decimal) and not isinstance(old, bool):
        return Decimal(written)
    return written


def as_words(text: str, old: Any) -> Any:
    words = [word.strip() for word in text.split(",") if word.strip()]
    return words[0] if isinstance(old, str) and len(words) == 1 else words


def words_text(value: Any) -> str:
    return ", ".join(map(plain_text, value)) if isinstance(value, list) else plain_text(value)


def _ungrouped(text: str) -> str:
    """1,84,000.00 without its commas, when commas only group."""
    bare = text.strip().removeprefix("₹").strip()
    return bare.replace(",", "") if re.fullmatch(r"[+-]?\d{1,3}(,\d{2,3})+(\.\d*)?", bare) else bare


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its kind for the page, how it is shown and read; `first` keys stand before it in a file."""

    kind: str
    show: Callable[[Any], str] = plain_text
    read: Callable[[str, Any], Any] = as_text
    choices: tuple[str, ...] = ()


TEXT, DAY = Field("text"), Field("day", read=as_day)
NUMBER, MONEY = Field("number", read=as_number), Field("money", read=as_amount)
PERCENT, WORDS = Field("percent", percent_text, as_percent), Field("words", words_text, as_words)
FLAG = Field("flag")


def choice(*choices: str) -> Field:
    return Field("choice", choices=choices)


DRIVER = choice("", *DRIVER_UNITS)
WHEN = {key: Field("ticks", words_text, as_words, CHOICES[key]) if key in CHOICES else WORDS for key in LISTED}
SPANS = {key: Field("span") for key in RANGED}
_RULE: dict[str, Any] = {
    "id": TEXT,
    "name": TEXT,
    "earns_on": choice(*BASE_UNITS),
    "when": {**WHEN, **SPANS},
    "components": Field("ticks", words_text, as_words, COMPONENTS),
    "driver": choice("none", *DRIVER_UNITS),
    "driver_scope": choice(*DRIVER_SCOPES),
    "mode": choice("whole", "marginal"),
    "slabs": {"*": {"from": NUMBER, "rate": PERCENT, "amount": MONEY}},
    "lag": {"*": {"within_days": NUMBER, "factor": PERCENT}},
    "cap": {"amount": MONEY, "per": choice(*LIMIT_SCOPES)},
    "floor": {"amount": MONEY, "per": choice(*LIMIT_SCOPES), "at_most": choice("", "base")},
}
_CONDITION = {"driver": DRIVER, "at_least": NUMBER, "below": NUMBER}
_BONUS = {
    "id": TEXT,
    "name": TEXT,
    "condition": _CONDITION,
    "applies_to": {**WHEN, **SPANS},
    "rate": PERCENT,
    "amount": MONEY,
}
_PENALTY = {
    "id": TEXT,
    "name": TEXT,
    "event": TEXT,
    "amount": MONEY,
    "rate": PERCENT,
    "per_day": FLAG,
    "treatment": choice("fee_reduction", "separate_recovery"),
}
_AGENCY = {
    "qualifier": _CONDITION,
    "multiplier": {"driver": DRIVER, "slabs": {"*": {"from": NUMBER, "factor": NUMBER}}},
    "cap": MONEY,
    "blended_cap_rate": PERCENT,
    "minimum_guarantee": {"amount": MONEY, "recoverable": FLAG},
    "holdback": {"rate": PERCENT, "release_after_days": NUMBER},
    "tail_days": NUMBER,
    "direct_pay_share": PERCENT,
    "clawback": {"window_days": NUMBER, "reprice_slab": FLAG},
}
KNOWN = Field("text", read=lambda text, old: as_number(text, old) if isinstance(old, int | Decimal) else text)
_LINE = {"*": KNOWN, "rule": TEXT, "bonus": TEXT, "penalty": TEXT, "base": MONEY, "amount": MONEY, "count": NUMBER}
_CASE = {
    "name": TEXT,
    "facts": {
        "drivers": {"*": NUMBER},
        "lines": {"*": _LINE},
        "events": {"*": {"*": KNOWN, "event": TEXT, "count": NUMBER, "days": NUMBER, "amount": MONEY}},
        "advance": MONEY,
    },
    "expect": {"total": MONEY, "lines": WORDS, "error": TEXT},
}
CARD: dict[str, Any] = {
    "code": TEXT,
    "name": TEXT,
    "currency": TEXT,
    "effective_from": DAY,
    "effective_to": DAY,
    "effective_by": choice("allocation", "collection", "confirmation"),
    "rule": {"*": _RULE},
    "bonus": {"*": _BONUS},
    "penalty": {"*": _PENALTY},
    "agency": _AGENCY,
    "case": {"*": _CASE},
}
# A table that is there only while this field of it says something.
DECIDING = {
    "cap": "amount",
    "floor": "amount",
    "condition": "driver",
    "qualifier": "driver",
    "multiplier": "driver",
    "minimum_guarantee": "amount",
    "holdback": "rate",
}
# What a field stands for while nobody wrote it.
DEFAULTS = {
    "earns_on": "cash",
    "driver": "none",
    "driver_scope": "agency",
    "mode": "whole",
    "effective_by": "allocation",
    "per": "line",
    "treatment": "fee_reduction",
    "components": ", ".join(COMPONENTS),
}


def field_at(path: Sequence[str | int]) -> Field | dict[str, Any] | None:
    """The field a path names, the group of fields it names, or None when the page knows neither."""
    here: Any = CARD
    if len(path) == 6 and path[0] == "case" and path[3] == "drivers":
        path = path[:5]  # a driver stated pool by pool
    for step in path:
        if not isinstance(here, dict):
            return None
        here = here.get(step, here.get("*")) if isinstance(step, str) else here.get("*")
    return here


def default_of(path: Path) -> str:
    key = str(path[-1])
    if key == "driver" and path[0] != "rule":
        return ""
    return DEFAULTS.get(key, "")


def range_text(value: Any) -> tuple[str, str]:
    """Both ends of a range as typed; an open end is empty."""
    if isinstance(value, dict):
        return plain_text(value.get("from")), plain_text(value.get("to"))
    if isinstance(value, list) and value:
        return plain_text(value[0]), plain_text(value[1]) if len(value) > 1 else ""
    return plain_text(value), ""


def as_range(start: str, end: str) -> list[Any]:
    ends = [as_number(start or "0", None)]
    return [*ends, as_number(end, None)] if end else ends
