"""When tax is paid over, returned and certified, and which month's return a reverse charge belongs to. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

from portal.kernel.periods import Period, financial_year_of, month_of

YEAR_STARTS = {"IN": 4, "KE": 1}
# Income-tax Act 2025, forms of the Rules of 2026: the day of the credit decides the Act, and so the form.
NEW_ACT = date(2026, 4, 1)
RETURN_DUE = {1: (7, 31), 2: (10, 31), 3: (1, 31), 4: (5, 31)}  # month and day, by quarter of the Indian tax year
CERTIFICATE_DAYS = 15
WORKING_DAYS_KENYA = 5
SUPPLY_DAYS = 61  # the day after sixty days from the supplier's invoice: CGST Act s.13(3)


@dataclass(frozen=True, slots=True)
class Part:
    """A quarter or half of a tax year. `code` is how it is written in addresses: 2026-Q3, 2026-H1."""

    code: str
    period: Period
    label: str

    @property
    def first(self) -> date:
        return self.period.start

    @property
    def last_day(self) -> date:
        return self.period.last_day


@dataclass(frozen=True, slots=True)
class Filing:
    """What follows from a deduction: paid over, returned on a form, certified on another. None: nothing of the kind."""

    quarter: str
    deposit_by: date
    form: str
    return_by: date | None
    certificate_form: str
    certificate_by: date | None


def part_of_year(day: date, months: int, country: str = "IN") -> Part:
    """The quarter (3 months) or half (6) of the tax year in which a day lies."""
    year = financial_year_of(day, YEAR_STARTS.get(country, 1))
    elapsed = (day.year - year.start.year) * 12 + day.month - year.start.month
    return _part(year, elapsed // months, months)


def _part(year: Period, place: int, months: int) -> Part:
    first = month_of(year.start)
    for _ in range(place * months):
        first = first.next()
    last = first
    for _ in range(months - 1):
        last = last.next()
    letter = {3: "Q", 6: "H"}[months]
    named = f"{year.start.year}" if year.start.month == 1 else f"{year.start.year}-{year.last_day:%y}"
    return Part(f"{year.start.year}-{letter}{place + 1}", Period(first.start, last.end), f"{named} {letter}{place + 1}")


def parse_part(text: str, months: int, country: str = "IN") -> Part:
    """2026-Q3 or 2026-H1 again; ValueError when it is none."""
    letter = {3: "Q", 6: "H"}[months]
    found = re.fullmatch(rf"(\d{{4}})-{letter}([1-{12 // months}])", text.strip().upper())
    if not found or not 2000 <= int(found[1]) <= 2100:
        raise ValueError(f"written like 2026-{letter}1, not {text!r}")
    year = financial_year_of(date(int(found[1]), YEAR_STARTS.get(country, 1), 1), YEAR_STARTS.get(country, 1))
    return _part(year, int(found[2]) - 1, months)


def filing_of(country: str, credited_on: date) -> Filing:
    """Due dates of tax deducted from an amount credited on this day."""
    quarter = part_of_year(credited_on, 3, country)
    if country == "IN":
        return _indian(quarter, credited_on)
    return Filing(
        quarter.label, working_days_after(credited_on, WORKING_DAYS_KENYA), "", None, "iTax certificate", None
    )


def _indian(quarter: Part, credited_on: date) -> Filing:
    """By the 7th of the next month, of March by 30 April; 26Q and 16A under the Act of 1961, 140 and 131 under that of 2025."""
    after = month_of(credited_on).next()
    deposit_by = after.last_day if credited_on.month == 3 else after.start.replace(day=7)
    month, day = RETURN_DUE[int(quarter.code[-1])]
    return_by = date(quarter.last_day.year + (quarter.last_day.month == 12), month, day)
    form, certificate = ("140", "131") if credited_on >= NEW_ACT else ("26Q", "16A")
    by = return_by + timedelta(days=CERTIFICATE_DAYS)
    return Filing(quarter.label, deposit_by, f"Form {form}", return_by, f"Form {certificate}", by)


def working_days_after(day: date, number: int) -> date:
    """Mondays to Fridays; public holidays are not known here."""
    while number:
        day += timedelta(days=1)
        number -= day.weekday() < 5
    return day


def sales_tax_return_by(period: Period) -> date:
    """GSTR-3B, and Kenya's VAT return: the 20th of the next month."""
    return period.end.replace(day=20)


def small_firms_return_by(half: Part) -> date:
    """MSME-1: 31 October for April to September, 30 April for October to March."""
    return half.period.next().last_day


def supplied_on(paid_on: date | None, invoiced_on: date | None, *, self_invoiced: bool) -> date | None:
    """When a service under reverse charge is supplied for the return: paid, or the 61st day after the supplier's invoice.

    An invoice of the lender's own counts from its very day. None while neither has come.
    """
    invoiced = invoiced_on
    if invoiced is not None and not self_invoiced:
        invoiced += timedelta(days=SUPPLY_DAYS)
    days = [day for day in (paid_on, invoiced) if day is not None]
    return min(days) if days else None
