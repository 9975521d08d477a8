"""A layout of one's own, from a file or a page: checked whole, every fault told at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from allocations.reconciliation.sources.readers.amounts import day_of
from allocations.reconciliation.sources.readers.patterns import unusable
from allocations.reconciliation.sources.readers.profiles import (
    COLUMNS,
    DAY_FIRST,
    GENERIC,
    PLACE,
    PRESETS,
    Profile,
    plain_header,
)
from portal.kernel.errors import Invalid, Problem
from portal.kernel.money import EXPONENTS

KEYS = {
    "name", "columns", "date_formats", "date_format", "currency", "skip_rows", "sign", "credit_is_positive", "reference",
    "reference_after", "reference_digits", "account", "has_header",
}  # fmt: skip
SIGNS = {"debit+credit": {"debit", "credit"}, "signed": {"amount"}, "dr_cr": {"amount", "dr_cr"}}
DATE_FORMAT = re.compile(r"(?:%[dmYyb]|[-/. ])+")
MOST_SKIPPED = 59


def profile_from(data: Mapping[str, Any], name: str) -> Profile:
    """A profile from a plain mapping (a TOML file, a row, a form). Raises Invalid with everything that is wrong with it.

    Keys: `columns` {our word: header name, `#n` for the nth column, or a list of them}, and optionally `date_formats` (strptime's
    codes), `currency`, `skip_rows`, `has_header`, `sign` ("debit+credit", "signed", "dr_cr"), `credit_is_positive`, `account`, and one
    of `reference_after` (words), `reference_digits` (a number), `reference` (a simple pattern with one group).
    """
    problems: list[Problem] = []
    if unknown := set(data) - KEYS:
        problems.append(Problem("unknown_key", f"unknown keys {', '.join(sorted(unknown))}", "Leave them out."))
    columns = _columns(data.get("columns"), problems)
    _check_sign(data.get("sign"), columns, problems)
    formats = _date_formats(data, problems)
    currency = str(data.get("currency") or "INR").upper()
    if currency not in EXPONENTS:
        problems.append(
            Problem("bad_currency", f"{currency!r} is not a currency.", "Use INR, KES …", column="currency")
        )
    skip = _whole(data, "skip_rows", MOST_SKIPPED, problems)
    digits = _whole(data, "reference_digits", 30, problems)
    told_otherwise = data.get("reference_after") or digits
    pattern = "" if told_otherwise else str(data.get("reference", GENERIC.reference) or "")
    if pattern and (why := unusable(pattern)):
        cure = "Use reference_after or reference_digits."
        problems.append(Problem("bad_reference", f"reference cannot be used: {why}", cure, column="reference"))
    if problems:
        raise Invalid(problems)
    return Profile(
        name=str(data.get("name") or name),
        columns=columns,
        date_formats=formats,
        currency=currency,
        skip_rows=skip,
        credit_is_positive=bool(data.get("credit_is_positive", True)),
        reference=pattern,
        account=str(data.get("account") or ""),
        required=("booked_on",),
        reference_after=str(data.get("reference_after") or "").strip()[:60],
        reference_digits=digits,
        has_header=bool(data.get("has_header", True)),
    )


def _columns(told: Any, problems: list[Problem]) -> dict[str, tuple[str, ...]]:
    if not isinstance(told, Mapping) or not told:
        problems.append(Problem("no_columns", f"columns must map some of {', '.join(COLUMNS)} to header names"))
        return {}
    if strange := set(told) - set(COLUMNS):
        words = (
            f"columns must map some of {', '.join(COLUMNS)} to header names, not {', '.join(sorted(map(str, strange)))}"
        )
        problems.append(Problem("unknown_column", words))
    columns: dict[str, tuple[str, ...]] = {}
    for word, names in told.items():
        listed = [names] if isinstance(names, str) else list(names) if isinstance(names, (list, tuple)) else []
        named = tuple(name for each in listed if _header(name := str(each).strip()))
        if not named:
            problems.append(
                Problem("no_header", f"{word} names no column.", "Choose one, or leave it out.", column=str(word))
            )
        columns[str(word)] = named
    if "booked_on" not in columns and "value_on" in columns:
        columns["booked_on"] = columns.pop("value_on")
    if "booked_on" not in columns:
        problems.append(
            Problem("no_date_column", "Which of the columns is the date?", "Choose it.", column="booked_on")
        )
    return columns


def _header(name: str) -> str:
    return name if PLACE.fullmatch(name) else plain_header(name)


def _check_sign(sign: Any, columns: Mapping[str, Any], problems: list[Problem]) -> None:
    if sign is not None and (sign not in SIGNS or not SIGNS[sign] <= columns.keys()):
        words = f"sign is one of {', '.join(SIGNS)}, with the columns it names"
        problems.append(Problem("bad_sign", words, "Choose the columns of the amounts.", column="sign"))
    elif not any(needed <= columns.keys() for needed in SIGNS.values()):
        words = "columns must say where amounts stand: debit and credit, or amount, or amount and dr_cr"
        problems.append(Problem("no_amount_column", words, "Choose the columns of the amounts.", column="amount"))


def _date_formats(data: Mapping[str, Any], problems: list[Problem]) -> tuple[str, ...]:
    given = data.get("date_formats") or data.get("date_format") or DAY_FIRST
    formats = (given,) if isinstance(given, str) else tuple(str(form) for form in given)
    for form in formats:
        if not _names_a_day(form):
            words = f"{form!r} does not name a day, a month and a year."
            problems.append(Problem("bad_date_format", words, "Write it like %d/%m/%Y.", column="date_format"))
    return formats


def _names_a_day(form: str) -> bool:
    if not DATE_FORMAT.fullmatch(form) or form.count("%d") != 1 or form.count("%m") + form.count("%b") != 1:
        return False
    try:
        return day_of(_example(form), (form,)).day == 17
    except ValueError:
        return False


def _example(form: str) -> str:
    return form.replace("%d", "17").replace("%m", "11").replace("%b", "Nov").replace("%Y", "2026").replace("%y", "26")


def _whole(data: Mapping[str, Any], key: str, most: int, problems: list[Problem]) -> int:
    text = str(data.get(key) or 0)
    if text.isascii() and text.isdigit() and int(text) <= most:
        return int(text)
    problems.append(Problem("bad_number", f"{key} is a number from 0 to {most}.", "Correct it.", column=key))
    return 0


def body_of(profile: Profile) -> dict[str, Any]:
    """What `profile_from` makes the same profile of again."""
    body: dict[str, Any] = {
        "columns": {word: list(names) for word, names in profile.columns.items()},
        "date_formats": list(profile.date_formats),
        "currency": profile.currency,
        "skip_rows": profile.skip_rows,
        "credit_is_positive": profile.credit_is_positive,
        "has_header": profile.has_header,
        "reference": profile.reference,
    }
    more = {
        "reference_after": profile.reference_after,
        "reference_digits": profile.reference_digits,
        "account": profile.account,
    }
    return body | {key: value for key, value in more.items() if value}


def is_preset(name: str) -> bool:
    return name.strip().lower() in PRESETS
