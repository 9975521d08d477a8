"""Ageing of suspense: credits at the bank that nobody claims, by how long they have been there."""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy.orm import Session

from allocations.reconciliation.bench.suspense_queries import unclaimed_by_day, unclaimed_page
from payouts.reports.asking import Asked, Report
from payouts.reports.shape import Row, Section, count, day_column, money, rate, text_column
from portal.kernel.money import Money

BANDS = ((7, "Up to 7 days"), (30, "8 to 30 days"), (90, "31 to 90 days"))
OLDER = "Over 90 days"
OLDEST_SHOWN = 100
COLUMNS = (
    text_column("band", "Age", "days from the value date to the day asked about"),
    count("credits", "Credits", "bank lines with money on them that nobody claims"),
    money("open", "Unclaimed", "what is left on them: amount less what is tied, assigned, paid back or returned"),
    rate("share", "Of all", "unclaimed of this age ÷ all that is unclaimed in the currency", "open", "all"),
)
OLDEST = (
    text_column("ref", "Bank line", "our reference of the line"),
    day_column("on", "Value date", "the day the bank counts it from"),
    count("age", "Days", "from the value date to the day asked about", summed=False),
    text_column("stage", "Stage", "how far it has been passed on, by the setting suspense.days"),
    money("open", "Unclaimed", "what is left on it"),
)
NOTE = "As the books stand when the report is asked; the ages are of the day asked about. A credit that came after that day is left out."


def band_of(age_days: int) -> str:
    return next((word for most, word in BANDS if age_days <= most), OLDER)


def gather(session: Session, asked: Asked) -> list[Section]:
    sums: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    whole: dict[str, int] = defaultdict(int)
    for currency, day, credits, minor in unclaimed_by_day(session):
        if day <= asked.day:
            found = sums[currency, band_of((asked.day - day).days)]
            found[0] += credits
            found[1] += minor
            whole[currency] += minor
    order = [*(word for _, word in BANDS), OLDER]
    rows: list[Row] = [
        {
            "band": band,
            "credits": sums[currency, band][0],
            "open": Money(sums[currency, band][1], currency),
            "all": Money(whole[currency], currency),
        }
        for currency in sorted(whole)
        for band in order
        if (currency, band) in sums
    ]
    lines = [
        row for row in unclaimed_page(session, today=asked.day, limit=OLDEST_SHOWN) if row.line.value_on <= asked.day
    ]
    oldest: list[Row] = [
        {
            "ref": row.line.ref,
            "on": row.line.value_on,
            "age": row.age_days,
            "stage": row.stage.word,
            "open": Money(row.open_minor, row.line.currency),
        }
        for row in lines
    ]
    empty = "Every credit is claimed."
    return [
        Section("By age", COLUMNS, rows, note=NOTE, picture="open", empty=empty),
        Section(
            "The oldest",
            OLDEST,
            oldest,
            note=f"At most {OLDEST_SHOWN}; the others stand in the sums above.",
            empty=empty,
        ),
    ]


REPORT = Report(
    "suspense",
    "Suspense by age",
    "Credits at the bank that nobody claims, by how long they have been there.",
    "day",
    gather,
    by_agency=False,
)
