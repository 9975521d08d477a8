"""Reading a table of a file with every mistake noted where it stands, none thrown."""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

from payouts.rate_cards.terms import number_text
from portal.kernel.errors import Invalid, Problem
from portal.kernel.money import MAX_MINOR, exponent

MAX_BYTES = 2_000_000
MAX_DIGITS = 30


def load_text(text: str | bytes, file: str = "") -> dict[str, Any]:
    """TOML or JSON (told apart by the first sign) as plain values; decimals stay decimals. Invalid when neither can be read."""
    text = _decoded(text, file)
    looks_json = text.lstrip()[:1] == "{"
    try:
        data = _json(text) if looks_json else tomllib.loads(text, parse_float=Decimal)
    except RecursionError as error:
        raise Invalid(Problem("unreadable", "The file is nested too deeply.", "Flatten it.", file)) from error
    except ValueError as error:
        what = "JSON" if looks_json else "TOML"
        cure = "A table is written [[rule]], text in quotes, a date 2026-04-01."
        line = re.search(r"line (\d+)", str(error))
        row = int(line[1]) if line else None
        raise Invalid(Problem("unreadable", f"Not readable as {what}: {error}.", cure, file, row)) from error
    if not isinstance(data, dict):
        raise Invalid(Problem("unreadable", "The file holds no table.", "Begin with code, name and currency.", file))
    return data


def _decoded(text: str | bytes, file: str) -> str:
    if len(text) > MAX_BYTES:
        raise Invalid(Problem("too_large", "The file is larger than 2 MB.", "Hand in the terms alone.", file))
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise Invalid(Problem("unreadable", f"Not UTF-8: {error.reason}.", "Save it as UTF-8.", file)) from error
    text = text.removeprefix("\ufeff")
    if not text.strip():
        raise Invalid(Problem("empty", "The file is empty.", "Hand in the file with the terms.", file))
    return text


def _json(text: str) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        if len(keys) != len(set(keys)):
            raise ValueError(f"{next(key for key in keys if keys.count(key) > 1)!r} stands twice")
        return dict(pairs)

    return json.loads(text, parse_float=Decimal, parse_constant=Decimal, object_pairs_hook=once)


def exact(value: Any) -> Fraction | None:
    """A number however written ("0.08", 65, Decimal), exactly; None when it is none."""
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        return None
    if isinstance(value, str) and not re.fullmatch(r"[+-]?([0-9]{1,30}(\.[0-9]{0,30})?|\.[0-9]{1,30})", value.strip()):
        return None
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    exponent_of = number.as_tuple().exponent
    if not isinstance(exponent_of, int) or abs(exponent_of) > MAX_DIGITS or number.adjusted() > MAX_DIGITS:
        return None
    return Fraction(number)


class Table:
    """One table of a file. Each reader notes what is wrong and gives a harmless value, so that all mistakes come out at once."""

    def __init__(self, data: dict[str, Any], where: str, problems: list[Problem], *, file: str, currency: str) -> None:
        self.data, self.where, self.problems, self.file, self.currency = data, where, problems, file, currency
        self.known: set[str] = set()

    def at(self, key: str) -> str:
        return f"{self.where}.{key}" if self.where else key

    def wrong(self, code: str, key: str, message: str, cure: str = "", value: Any = "") -> None:
        place = self.at(key) if key else self.where
        self.problems.append(Problem(code, message, cure, self.file, None, place, str(value)[:80]))

    def raw(self, key: str, *, required: bool = False) -> Any:
        self.known.add(key)
        value = self.data.get(key)
        if value is None and required:
            self.wrong("missing", key, f"`{key}` is missing.", f"Add {key} = …")
        return value

    def done(self) -> None:
        """Every key nobody asked for is a mistake: a misspelt key must not quietly mean nothing."""
        for key in [each for each in self.data if each not in self.known]:
            near = difflib.get_close_matches(key, sorted(self.known), 1)
            cure = f"Did you mean `{near[0]}`?" if near else f"Known here: {', '.join(sorted(self.known))}."
            self.wrong("unknown_key", key, f"`{key}` is not a key of this table.", cure, self.data[key])

    def text(self, key: str, *, required: bool = False, default: str = "", choices: Sequence[str] = ()) -> str:
        value = self.raw(key, required=required)
        if value is None:
            return default
        if not isinstance(value, str) or not value.strip() or len(value) > 500:
            self.wrong("bad_text", key, f"`{key}` must be a text.", f'Write {key} = "…".', value)
            return default
        value = value.strip()
        if choices and value not in choices:
            self.unknown_choice(key, value, choices)
            return default
        return value

    def unknown_choice(self, key: str, value: Any, choices: Iterable[str]) -> None:
        near = difflib.get_close_matches(str(value), list(choices), 1)
        cure = (f"Did you mean {near[0]!r}? " if near else "") + f"One of: {', '.join(choices)}."
        code = f"unknown_{key}" if key in ("driver", "mode", "event") else "unknown_value"
        self.wrong(code, key, f"{value!r} is no {key} we know.", cure, value)

    def flag(self, key: str) -> bool:
        value = self.raw(key)
        if value is not None and not isinstance(value, bool):
            self.wrong("bad_flag", key, f"`{key}` must be true or false.", f"Write {key} = true.", value)
        return value is True

    def day(self, key: str, *, required: bool = False) -> date | None:
        value = self.raw(key, required=required)
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value.strip()):
            try:
                return date.fromisoformat(value.strip())
            except ValueError:
                pass
        if value is not None:
            self.wrong("bad_date", key, f"`{key}` is not a date.", "Write a date as 2026-04-01.", value)
        return None

    def number(
        self, key: str, *, required: bool = False, least: int | None = 0, most: int | None = None
    ) -> Fraction | None:
        """An exact number inside [least, most]."""
        value = self.raw(key, required=required)
        if value is None:
            return None
        number = exact(value)
        if number is None:
            self.wrong("bad_number", key, f"`{key}` is not a number.", 'Write digits with a point: "0.08".', value)
            return None
        if least is not None and number < least:
            code = "negative" if least == 0 else "out_of_range"
            self.wrong(code, key, f"`{key}` may not be below {least}.", "Write it without the minus sign.", value)
            return None
        if most is not None and number > most:
            self.wrong("out_of_range", key, f"`{key}` may not be above {most}.", "", value)
            return None
        return number

    def rate(self, key: str, *, required: bool = False) -> Fraction | None:
        """A share of money, 0 to 1."""
        number = self.number(key, required=required)
        if number is not None and number > 1:
            cure = f'A rate is a fraction: {key} = "{number_text(number / 100)}" for {number_text(number)} %.'
            self.wrong("rate_above_one", key, f"`{key}` is above 1: more than the money itself.", cure, self.data[key])
            return None
        return number

    def whole(self, key: str, *, required: bool = False, least: int = 0) -> int | None:
        number = self.number(key, required=required, least=least)
        if number is not None and number.denominator != 1:
            self.wrong("not_whole", key, f"`{key}` must be a whole number.", "", self.data[key])
            return None
        return None if number is None else int(number)

    def amount(self, key: str, *, required: bool = False, signed: bool = False) -> int | None:
        """Money in major units as minor units of the file's currency."""
        value = self.raw(key, required=required)
        return None if value is None else self.minor(key, value, signed=signed)

    def minor(self, key: str, value: Any, *, signed: bool = False) -> int | None:
        named = re.fullmatch(r"([A-Z]{3})\s*([+-]?[\d.]+)", value.strip()) if isinstance(value, str) else None
        if named and named[1] != self.currency:
            cure = f"A card speaks one currency: write it in {self.currency}."
            self.wrong("mixed_currency", key, f"`{key}` is in {named[1]}, the card in {self.currency}.", cure, value)
            return None
        number = exact(named[2] if named else value)
        if number is None:
            self.wrong("bad_amount", key, f"`{key}` is not an amount.", 'Write major units: "5000.00".', value)
            return None
        scaled = number * 10 ** exponent(self.currency)
        if scaled.denominator != 1 or abs(scaled) > MAX_MINOR:
            why = "has more decimals than its currency" if scaled.denominator != 1 else "is larger than we believe"
            self.wrong("bad_amount", key, f"`{key}` {why}.", f"{self.currency} in major units.", value)
            return None
        if scaled < 0 and not signed:
            self.wrong("negative", key, f"`{key}` may not be negative.", "Write it without the minus sign.", value)
            return None
        return int(scaled)

    def same_currency(self) -> None:
        """A `currency` beside an amount must be the card's own."""
        value = self.raw("currency")
        if value is not None and value != self.currency:
            cure = f"A card speaks one currency: {self.currency}."
            self.wrong("mixed_currency", "currency", f"{value!r} beside a card in {self.currency}.", cure, value)

    def table(self, key: str, *, required: bool = False) -> Table | None:
        value = self.raw(key, required=required)
        if value is None:
            return None
        if not isinstance(value, dict):
            self.wrong("bad_table", key, f"`{key}` must be a table.", f"Write {key} = {{ … }}.", value)
            return None
        return self.child(value, self.at(key))

    def tables(self, key: str, *, name: str = "") -> list[Table]:
        """A list of tables; each is named by its `name` key (rule[b2-cash]) or its place."""
        value = self.raw(key)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            self.wrong("bad_table", key, f"`{key}` must be a list of tables.", f"Write [[{key}]] or [ {{…}} ].", value)
            return []
        return [
            self.child(item, f"{self.at(key)}[{item.get(name) if isinstance(item.get(name), str) else place}]")
            for place, item in enumerate(value, 1)
        ]

    def child(self, data: dict[str, Any], where: str) -> Table:
        return Table(data, where, self.problems, file=self.file, currency=self.currency)
