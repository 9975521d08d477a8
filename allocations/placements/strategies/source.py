"""A strategy as a text people edit: TOML with its code and first day on top, as it is handed in and as it is shown. Pure."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from portal.kernel.errors import Invalid, Problem

LIMIT_BYTES = 500_000


@dataclass(frozen=True)
class Source:
    """What a text says: code, first day (None: not said) and the terms as plain data."""

    code: str
    effective_from: date | None
    terms: dict[str, Any]


def read_source(text: str | bytes) -> Source:
    """Read a text. Raises Invalid when it is no TOML of a strategy; the terms themselves are read by terms.py."""
    try:
        decoded = text.decode() if isinstance(text, bytes) else text
        if len(decoded) > LIMIT_BYTES:
            raise ValueError(f"longer than {LIMIT_BYTES:,} letters")
        given = tomllib.loads(decoded)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, ValueError, RecursionError) as wrong:
        raise Invalid(Problem("not_toml", f"This is no TOML: {wrong}.", "Correct it there.")) from None
    code, first = given.pop("code", ""), given.pop("effective_from", None)
    first, is_day = _day(first)
    if not is_day:
        raise Invalid(Problem("not_a_day", "effective_from is no day.", "Write 2026-11-01.", column="effective_from"))
    if not isinstance(code, str):
        raise Invalid(Problem("bad_code", "code is no text.", 'code = "RETAIL"', column="code"))
    try:
        terms = json.loads(json.dumps(given, allow_nan=False))
    except (TypeError, ValueError):
        message = "There is a number or a day where none belongs."
        raise Invalid(Problem("not_plain", message, "Put amounts and scores in quotation marks.")) from None
    return Source(code.strip(), first, terms)


def _day(given: Any) -> tuple[date | None, bool]:
    """(the day, whether it is one or was left out)."""
    if isinstance(given, str):
        try:
            given = date.fromisoformat(given)
        except ValueError:
            return None, False
    is_day = given is None or (isinstance(given, date) and not isinstance(given, datetime))
    return (given if is_day else None), is_day


def as_toml(code: str, effective_from: date | None, terms: Mapping[str, Any]) -> str:
    """The text of a strategy; `read_source` gives the same back."""
    lines = [f"code = {_value(code)}"]
    if effective_from:
        lines.append(f"effective_from = {effective_from}")
    lines += _lines(terms)
    for rule in terms.get("rule", []):
        lines += ["", "[[rule]]", *_lines(rule)]
        for kind in ("agency", "staff"):
            for taker in rule.get(kind, []):
                lines += ["", f"[[rule.{kind}]]", *_lines(taker)]
    return "\n".join(lines) + "\n"


def _lines(table: Mapping[str, Any]) -> list[str]:
    return [f"{key} = {_value(value)}" for key, value in table.items() if key not in ("rule", "agency", "staff")]


def _value(value: Any) -> str:
    """Plain words, numbers, and lists of them: what JSON writes is TOML too, but for letters it leaves as they are."""
    return json.dumps(value, ensure_ascii=True).replace("\\/", "/")


STARTING = """\
code = "RETAIL"
effective_from = {day}
measure = "accounts"         # shares are counted in accounts, or in "rupees" of principal
mode = "sticky"              # who held it keeps it; "rotating": may not have it again; "any"
term_days = 92
days_since_recall = 30
bands = ["50000", "200000"]  # challengers are drawn from each band of principal alike

[[rule]]
name = "Early"
dpd_from = 1
dpd_to = 90
{challenger}
{takers}"""


def starting_text(codes: list[str], day: date) -> str:
    """Something to begin with: the first agencies there are, the last of them as challenger."""
    named = codes[:3] or ["SHAKTI"]
    share = 100 // max(len(named) - 1, 1)
    takers = [f'[[rule.agency]]\ncode = "{code}"\nshare = {share}\n' for code in named[:-1] or named]
    if len(named) > 1:
        takers.append(f'[[rule.agency]]\ncode = "{named[-1]}"\nshare = 100\narm = "challenger"\n')
    drawn = (
        "challenger = 20              # percent of these accounts, drawn by the run's seed\n" if len(named) > 1 else ""
    )
    return STARTING.format(day=day, challenger=drawn, takers="\n".join(takers))
