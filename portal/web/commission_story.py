"""A month's commission as both sides' pages show it: which run is looked at, a line's steps and facts in words, days for the picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import request
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound

from allocations.placements import asset_class
from payouts.commission.event_rules import event_words
from payouts.commission.known_on import known_on
from payouts.commission.line_queries import LineDetail
from payouts.commission.line_words import Said, steps_in_words
from payouts.commission.queries import RunHead, run_in_force
from portal.kernel.periods import Period, parse_month
from portal.web.filters import amount, iso_day, words
from portal.web.spoken import mode, state

FACTS = (
    *(
        "receipt_no",
        "loan_account_no",
        "event",
        "ref",
        "count",
        "days",
        "amount",
        "collected_on",
        "confirmed_on",
        "lag_days",
    ),
    *("bank_ref", "mode", "source", "allocated_on", "product", "opening_bucket", "asset_class", "dpd_days"),
    *("principal_outstanding", "outcome", "npa_age_months", "written_off_age_months", "region", "state", "stream"),
    *("settlement_kind", "agency_grade", "rule", "of", "settlement", "returned_on", "why", "release_on", "released_on"),
)
WORDS = {
    "receipt_no": "Receipt",
    "loan_account_no": "Loan account",
    "ref": "Event",
    "event": "What happened",
    "lag_days": "Days until the bank saw it",
    "bank_ref": "Bank line",
    "dpd_days": "Days past due",
    "npa_age_months": "Months since NPA",
    "written_off_age_months": "Months since written off",
    "of": "About",
    "without": "Without",
    "settlement": "Statement",
    "for_month": "For the month",
    "outcomes": "Version of its outcomes",
    "days_after_term": "Days after recall",
}
NOT_SHOWN = frozenset({"position", "earns_on", "step", "run", "drivers"})
USUAL = {"settlement_kind": "none"}  # said only where it is anything else
MONEY = frozenset({"amount", "principal_outstanding", "balance_before", "running_total_before"})
CODED = frozenset({"source", "stream", "settlement_kind", "outcome"})
SPOKEN: dict[str, Callable[[Any], str]] = {
    "mode": mode,
    "state": state,
    "asset_class": asset_class.label,
    "event": event_words,
    "about": lambda text: words(text) if str(text).islower() else str(text),
}


@dataclass(frozen=True, slots=True)
class Looked:
    """The run a page shows, and the one in force where an earlier day was asked for (`on`); `run` None when nothing was known."""

    run: RunHead | None
    now: RunHead | None
    on: date | None

    @property
    def is_past(self) -> bool:
        return self.on is not None and self.now is not None and (self.run is None or self.run.id != self.now.id)


def day_asked(name: str = "on") -> date | None:
    """`?on=YYYY-MM-DD`; anything else is no day."""
    try:
        return date.fromisoformat(request.args.get(name, ""))
    except ValueError:
        return None


def looked_at(session: Session, period: Period, agency_id: int | None = None) -> Looked:
    """The run in force, or as it was known at the end of `?on=`."""
    now, on = run_in_force(session, period), day_asked()
    if on is None or not 2000 < on.year < 2200:
        return Looked(now, now, None)
    return Looked(known_on(session, period, on, agency_id), now, on)


def month_or_404(label: str) -> Period:
    try:
        return parse_month(label)
    except ValueError as wrong:
        raise NotFound() from wrong


def run_or_404(session: Session, label: str, agency_id: int | None = None) -> Looked:
    """What is looked at of a month that has a run then."""
    found = looked_at(session, month_or_404(label), agency_id)
    if found.run is None:
        raise NotFound()
    return found


@dataclass(frozen=True, slots=True)
class LineStory:
    """A line in words: its steps in order and its facts as (word, text)."""

    steps: list[Said]
    facts: list[tuple[str, str]]


def story_of(detail: LineDetail) -> LineStory:
    steps = steps_in_words(detail.steps, detail.facts, detail.row.currency)
    told = {
        key for key, value in detail.facts.items() if key not in NOT_SHOWN and (key not in USUAL or USUAL[key] != value)
    }
    known = [key for key in FACTS if key in told]
    rest = [key for key in detail.facts if key in told and key not in FACTS]
    return LineStory(steps, [fact_shown(key, detail.facts, detail.row.currency) for key in (*known, *rest)])


def fact_shown(key: str, facts: Mapping[str, Any], currency: str) -> tuple[str, str]:
    value, word = facts[key], WORDS.get(key, words(key))
    if key in MONEY or key.startswith("component_"):
        return word, amount(value, currency)
    if key.endswith("_on"):
        return word, iso_day(str(value))
    if key in SPOKEN:
        return word, SPOKEN[key](value)
    if isinstance(value, bool):
        return word, "Yes" if value else "No"
    if isinstance(value, list):
        return word, ", ".join(map(str, value[:20])) + (f" and {len(value) - 20} more" if len(value) > 20 else "")
    return word, words(str(value)) if key in CODED else str(value)


@dataclass(frozen=True, slots=True)
class DayBar:
    """One day of a run for the picture; days before the month are corrections and what came late."""

    day: date
    label: str
    lines: int
    value: int
    hash: str
    is_before: bool


def days_of(noted: Mapping[str, Any], period: Period) -> list[DayBar]:
    """Every day of the month, and other days that have lines; empty for a run that noted no days."""
    if not noted:
        return []
    days = {date.fromisoformat(iso): each for iso, each in noted.items()}
    whole = [period.start.replace(day=number) for number in range(1, period.days + 1)]
    nothing = {"lines": 0, "total_minor": 0, "hash": ""}
    return [_bar(day, days.get(day, nothing), period) for day in sorted({*days, *whole})]


def _bar(day: date, noted: Mapping[str, Any], period: Period) -> DayBar:
    is_marked = day.day in (1, 5, 10, 15, 20, 25) or day == period.last_day
    label = str(day.day) if day in period and is_marked else ""
    return DayBar(day, label, noted["lines"], noted["total_minor"], noted["hash"], day not in period)
