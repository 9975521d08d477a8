"""Half-open spans of days [start, end): months, financial years, terms."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """Days from `start` up to, not including, `end`."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.start >= self.end:
            raise ValueError(f"a period ends after it starts: {self.start} .. {self.end}")

    def __contains__(self, day: date) -> bool:
        return self.start <= day < self.end

    @property
    def last_day(self) -> date:
        return self.end - timedelta(days=1)

    @property
    def days(self) -> int:
        return (self.end - self.start).days

    @property
    def label(self) -> str:
        """ "2026-10" for a month, otherwise both ends."""
        if self == month_of(self.start):
            return f"{self.start:%Y-%m}"
        return f"{self.start}..{self.last_day}"

    def next(self) -> Period:
        """The month after this month."""
        return month_of(self.end)

    def previous(self) -> Period:
        """The month before this month."""
        return month_of(self.start - timedelta(days=1))


def month_of(day: date) -> Period:
    start = day.replace(day=1)
    end = date(start.year + (start.month == 12), start.month % 12 + 1, 1)
    return Period(start, end)


def parse_month(text: str) -> Period:
    """The month written YYYY-MM; ValueError otherwise."""
    match = re.fullmatch(r"(\d{4})-(\d{2})", text.strip())
    if not match or not 1 <= int(match[2]) <= 12 or not 1 < int(match[1]) < 9999:
        raise ValueError(f"a month is written YYYY-MM, not {text!r}")
    return month_of(date(int(match[1]), int(match[2]), 1))


def months_between(first: Period, last: Period) -> list[Period]:
    """Every month from the first to the last, both included."""
    months = []
    while first <= last:
        months.append(first)
        first = first.next()
    return months


def whole_months(start: date, end: date) -> int:
    """Completed months from one day to another (an NPA's age); a month is complete on the same day of the next month."""
    months = (end.year - start.year) * 12 + end.month - start.month
    return months - (end.day < start.day)


def financial_year_of(day: date, first_month: int = 4) -> Period:
    """The financial year a day falls in; April to March unless told otherwise."""
    year = day.year if day.month >= first_month else day.year - 1
    return Period(date(year, first_month, 1), date(year + 1, first_month, 1))
