"""What a phone sends, read: JSON that anybody may have written, as values of the right kind, with every fault it shows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from allocations.collections.receipts.entries import CLIENT_ID, clean
from portal.kernel.errors import Invalid, Problem
from portal.kernel.money import MAX_MINOR

LONGEST_TEXT = 2_000
KINDS = ("collection", "contact", "promise", "deposit")


def read_json(data: bytes) -> Any:
    """Exact JSON: numbers with a point as Decimal. Invalid for anything else, for words that are no numbers, for bottomless nesting."""
    try:
        return json.loads(data, parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, RecursionError, InvalidOperation):
        raise Invalid(Problem("bad_json", "This is not what the app sends.", "Update the app.")) from None


def _no_number(word: str) -> Any:
    raise ValueError(word)


class Fields:
    """Reads the fields of one entry and collects what is wrong with them; a faulty field reads as None."""

    def __init__(self, given: object, column: str = "") -> None:
        self.problems: list[Problem] = []
        self.given: Mapping[str, Any] = given if isinstance(given, dict) else {}
        if not isinstance(given, dict):
            self.fault(column, "bad_entry", "This is no entry.")

    def fault(self, name: str, code: str, message: str, cure: str = "Correct it and send it again.") -> None:
        self.problems.append(Problem(code, message, cure, column=name))

    def text(self, name: str, *, needed: bool = False) -> str | None:
        value = self.given.get(name)
        if value is not None and not isinstance(value, str):
            self.fault(name, "not_a_text", f"{_words(name)} is no text.")
        elif value is not None and len(value) > LONGEST_TEXT:
            self.fault(name, "too_long", f"{_words(name)} is too long.", "Shorten it.")
        elif tidy := clean(value):
            return tidy
        elif needed:
            self.fault(name, "missing", f"{_words(name)} is missing.")
        return None

    def id(self, name: str = "client_id") -> str | None:
        """An id made on the phone."""
        value = self.text(name, needed=True)
        if value is not None and not CLIENT_ID.fullmatch(value):
            self.fault(name, "bad_client_id", "The id is 8 to 64 letters, digits and dashes.")
            return None
        return value

    def whole(self, name: str, *, needed: bool = False, most: int = MAX_MINOR) -> int | None:
        value = self.given.get(name)
        if value is None and not needed:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
            self.fault(name, "not_a_number", f"{_words(name)} is no whole number that can be.")
            return None
        return value

    def degrees(self, name: str) -> Decimal | None:
        """Latitude or longitude, sent as text or number, to six places."""
        value = self.given.get(name)
        if value is None:
            return None
        try:
            exact = Decimal(str(value)[:40])
            if exact.is_finite() and abs(exact) <= 180:
                return exact.quantize(Decimal("0.000001"))
        except InvalidOperation:
            pass
        self.fault(name, "bad_place", f"{_words(name)} is no place on earth.")
        return None

    def moment(self, name: str) -> datetime | None:
        """A time with its zone, as the phone's clock has it."""
        value = self.given.get(name)
        try:
            found = datetime.fromisoformat(value) if isinstance(value, str) and len(value) <= 40 else None
        except ValueError:
            found = None
        if found is None or found.tzinfo is None or not 2000 <= found.year <= 2200:
            self.fault(name, "bad_time", f"{_words(name)} is no time with its zone.")
            return None
        return found

    def day(self, name: str, *, needed: bool = False) -> date | None:
        value = self.given.get(name)
        if value is None and not needed:
            return None
        try:
            found = date.fromisoformat(value) if isinstance(value, str) and len(value) == 10 else None
        except ValueError:
            found = None
        if found is None or not 2000 <= found.year <= 2200:
            self.fault(name, "bad_date", f"{_words(name)} is no date.")
            return None
        return found

    def list(self, name: str, most: int) -> list[Any]:
        value = self.given.get(name) or []
        if isinstance(value, list) and len(value) <= most:
            return value
        self.fault(name, "bad_list", f"{_words(name)} is no list of at most {most}.")
        return []

    def part(self, name: str) -> Fields | None:
        """A part of the entry with fields of its own; its faults count among these."""
        if self.given.get(name) is None:
            return None
        part = Fields(self.given[name], name)
        part.problems, mine = self.problems, part.problems
        self.problems += mine
        return part

    def insist(self) -> None:
        """Raises Invalid with every fault found."""
        if self.problems:
            raise Invalid(self.problems)


def _words(name: str) -> str:
    return name.replace("_minor", "").replace("_", " ").capitalize()
