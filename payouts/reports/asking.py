"""What a report is asked: its month, quarter or day, and one agency or all; read from what somebody typed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from allocations.agencies.queries import find_agency
from payouts.reports.shape import Section
from portal.kernel.clock import BANK_ZONE
from portal.kernel.errors import Invalid, NotFound, Problem
from portal.kernel.periods import Period, month_of, parse_month

OLDEST = date(2000, 1, 1)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question read: the days it covers, the day it looks from (the span's last), and whose agency, if only one's."""

    parameters: Mapping[str, str]
    span: Period
    day: date
    agency_id: int | None = None

    @property
    def keys(self) -> dict[str, Any]:
        """For statements: days of the span, the moments it begins and ends, the month before it, the agency or null."""
        return {
            "since": self.span.start,
            "until": self.span.end,
            "began": datetime.combine(self.span.start, time(), BANK_ZONE),
            "ended": datetime.combine(self.span.end, time(), BANK_ZONE),
            "before": month_of(self.span.start - timedelta(days=1)).start,
            "day": self.day,
            "agency": self.agency_id,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """A report of the catalogue. `asks`: month, quarter or day; `by_agency`: whether it may be asked of one agency alone."""

    code: str
    title: str
    sentence: str
    asks: str
    gather: Callable[[Session, Asked], Sequence[Section]]
    by_agency: bool = True
    version: int = 1  # raised when the same books would be read in another way


def rows_of(session: Session, statement: str, asked: Asked, **more: Any) -> list[Any]:
    """The rows of a statement, given what of the question it names."""
    compiled = text(statement)
    given = {name: value for name, value in {**asked.keys, **more}.items() if name in compiled.compile().params}
    return list(session.execute(compiled, given).all())


def read_question(session: Session, report: Report, given: Mapping[str, str], today: date) -> Asked:
    """What was asked. Invalid with every problem: a span that cannot be read, a day to come, an agency nobody knows."""
    problems: list[Problem] = []
    span, label = _span(report.asks, (given.get(report.asks) or "").strip(), today, problems)
    parameters, agency_id = {report.asks: label}, None
    code = (given.get("agency") or "").strip()
    if code and report.by_agency:
        try:
            agency_id = find_agency(session, code).id
        except NotFound:
            cure = "Choose one of the list, or leave it empty for all."
            problems.append(Problem("unknown_agency", f"There is no agency {code[:40]}.", cure, column="agency"))
        parameters["agency"] = code
    if problems:
        raise Invalid(problems)
    day = span.start if report.asks == "day" else span.last_day
    return Asked(parameters, span, day, agency_id)


def _span(asks: str, typed: str, today: date, problems: list[Problem]) -> tuple[Period, str]:
    """The days asked about and how they are written; the last whole month or quarter, or today, where nothing was typed."""
    nothing = Period(today, today + timedelta(days=1))
    try:
        span = READERS[asks](typed) if typed else DEFAULTS[asks](today)
    except ValueError:
        problems.append(Problem(f"bad_{asks}", f"This is no {asks}.", CURES[asks], column=asks))
        return nothing, typed
    if not OLDEST <= span.start <= today:
        problems.append(
            Problem(f"bad_{asks}", f"That {asks} has not come yet, or is too long ago.", CURES[asks], column=asks)
        )
    return span, label_of(asks, span)


def label_of(asks: str, span: Period) -> str:
    if asks == "quarter":
        return f"{span.start.year}-Q{(span.start.month + 2) // 3}"
    return span.label if asks == "month" else span.start.isoformat()


def read_quarter(typed: str) -> Period:
    """A quarter written 2026-Q3: July to September. ValueError otherwise."""
    found = re.fullmatch(r"(\d{4})-Q([1-4])", typed)
    if not found or not 1 < int(found[1]) < 9998:
        raise ValueError(typed)
    first = month_of(date(int(found[1]), 3 * int(found[2]) - 2, 1))
    return Period(first.start, first.next().next().end)


def quarter_of(day: date) -> Period:
    return read_quarter(f"{day.year}-Q{(day.month + 2) // 3}")


def _read_day(typed: str) -> Period:
    day = date.fromisoformat(typed)
    return Period(day, day + timedelta(days=1))


READERS: Mapping[str, Callable[[str], Period]] = {"month": parse_month, "quarter": read_quarter, "day": _read_day}
DEFAULTS: Mapping[str, Callable[[date], Period]] = {
    "month": lambda today: month_of(today).previous(),
    "quarter": lambda today: quarter_of(quarter_of(today).start - timedelta(days=1)),
    "day": lambda today: Period(today, today + timedelta(days=1)),
}
CURES = {
    "month": "Write it as 2026-10.",
    "quarter": "Write it as 2026-Q3: July to September.",
    "day": "Write it as 2026-10-31, not after today.",
}
