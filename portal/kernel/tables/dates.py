"""Days as people write them. A file's day and month order is proved by the file or told; it is never guessed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Literal

from portal.kernel.errors import Problem

DateOrder = Literal["dmy", "mdy"]
EARLIEST, LATEST = date(1950, 1, 1), date(2099, 12, 31)
SERIAL_ZERO = date(1899, 12, 30)
MONTHS = {
    name: number
    for number, names in enumerate(
        ("jan january", "feb february", "mar march", "apr april", "may", "jun june", "jul july", "aug august",
         "sep sept september", "oct october", "nov november", "dec december"), start=1)
    for name in names.split()
}  # fmt: skip

ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)(.*))?", re.ASCII)
COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII)
NUMBERS = re.compile(r"(\d{1,2})([-/. ])(\d{1,2})\2(\d{4})(?: \d{1,2}:\d{2}(?::\d{2})?)?", re.ASCII)
NAMED = re.compile(r"(\d{1,2})[-/. ]?([A-Za-z]{3,9})[-/. ,]*(\d{4})", re.ASCII)
SERIAL = re.compile(r"(\d{5})(?:\.\d+)?", re.ASCII)
SHORT_YEAR = re.compile(r"\d{1,2}[-/. ](\d{1,2}|[A-Za-z]{3,9})[-/. ]\d{2}", re.ASCII)
CURE = "Write it as 2026-11-22 (ISO) or 22/11/2026."


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a cell's text is no value."""

    code: str
    message: str
    cure: str = ""


@dataclass
class OrderProof:
    """What the dates seen so far prove about the order of day and month. Fed block by block, it forgets the dates themselves."""

    proofs: dict[DateOrder, str] = field(default_factory=dict)
    open_question: str = ""

    def see(self, texts: Iterable[str]) -> None:
        for text in texts:
            match = NUMBERS.fullmatch(text)
            if not match:
                continue
            first, second = int(match[1]), int(match[3])
            if first > 12 >= second:
                self.proofs.setdefault("dmy", text)
            elif second > 12 >= first:
                self.proofs.setdefault("mdy", text)
            elif first != second and first <= 12:
                self.open_question = self.open_question or text

    def settled(self) -> DateOrder | Problem:
        """The order, or the problem that the file can be read two ways."""
        if not self.open_question or len(self.proofs) == 1:
            return "mdy" if list(self.proofs) == ["mdy"] else "dmy"
        return _ambiguous(self.open_question, self.proofs)


def settle_order(texts: Iterable[str]) -> DateOrder | Problem:
    """The order the day/month numbers of a file stand in, or the problem that the file can be read two ways."""
    proof = OrderProof()
    proof.see(texts)
    return proof.settled()


def _ambiguous(text: str, proofs: dict[DateOrder, str]) -> Problem:
    readings = [parse_date(text, order) for order in ("dmy", "mdy")]
    shown = " or ".join(f"{day.day} {day:%B %Y}" for day in readings if isinstance(day, date))
    why = f", and the file holds both {proofs['dmy']} and {proofs['mdy']}" if len(proofs) == 2 else ""
    return Problem(
        "ambiguous_dates",
        f"The dates of this file can be read two ways: {text} is {shown}{why}.",
        "Say which comes first, day or month, when you upload it; or write dates as 2026-11-22.",
        value=text,
    )


def parse_date(text: str, order: DateOrder) -> date | Fault:
    """The day a cell names: ISO, dd/mm/yyyy (or mm/dd by `order`), dd-MMM-yyyy, an Excel serial. Years 1950 to 2099."""
    parts = _parts(text, order)
    if isinstance(parts, Fault | date):
        return parts
    try:
        day = date(*parts)
    except ValueError:
        return Fault("impossible_date", f"“{text}” is not a day of the calendar.", CURE)
    if not EARLIEST <= day <= LATEST:
        message = f"“{text}” lies outside {EARLIEST.year} to {LATEST.year}."
        return Fault("date_out_of_range", message, "Leave an open end empty; otherwise correct the year.")
    return day


def _parts(text: str, order: DateOrder) -> tuple[int, int, int] | Fault | date:
    if match := ISO.fullmatch(text):
        if match[5]:
            message = f"“{text}” carries a time zone, so its day at the bank is not certain."
            return Fault("date_with_zone", message, CURE)
        return int(match[1]), int(match[2]), int(match[3])
    if match := NUMBERS.fullmatch(text):
        first, second, year = int(match[1]), int(match[3]), int(match[4])
        return (year, second, first) if order == "dmy" else (year, first, second)
    if (match := NAMED.fullmatch(text)) and match[2].lower() in MONTHS:
        return int(match[3]), MONTHS[match[2].lower()], int(match[1])
    if match := SERIAL.fullmatch(text):
        return _serial(int(match[1]), text)
    if match := COMPACT.fullmatch(text):
        return int(match[1]), int(match[2]), int(match[3])
    if SHORT_YEAR.fullmatch(text):
        return Fault("two_digit_year", f"“{text}” has a year of two digits.", CURE)
    return Fault("bad_date", f"“{text}” is not a date.", CURE)


def _serial(number: int, text: str) -> date | Fault:
    day = SERIAL_ZERO + timedelta(days=number)
    if EARLIEST <= day <= LATEST:
        return day
    return Fault("date_out_of_range", f"“{text}” is not an Excel date of {EARLIEST.year} to {LATEST.year}.", CURE)
