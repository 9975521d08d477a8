"""What a tax invoice must say, held against the statement it belongs to. Pure; amounts in minor units.

Source: CGST Rules 2017, rule 46 (a consecutive number of at most sixteen characters, unique in the year; date; taxable value; tax;
GSTIN; whether tax is payable on reverse charge) and 13/2017-CT(R) Sl. 8 (reverse charge: no tax in the invoice).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from portal.kernel.errors import Problem
from portal.kernel.money import shown
from portal.kernel.periods import Period, financial_year_of

TOLERANCE_MINOR = 100  # one rupee: GST is rounded to the rupee on the document (CGST Act s. 170)
LONGEST_NO = {"IN": 16}
LONGEST_ELSEWHERE = 30
NUMBER = re.compile(r"[A-Z0-9/-]+", re.ASCII)
YEARS_BEGIN = {"IN": 4}


@dataclass(frozen=True, slots=True)
class Told:
    """An invoice as it is handed in."""

    invoice_no: str
    invoiced_on: date | None
    taxable_minor: int | None
    tax_minor: int | None
    tax_id: str
    is_reverse_charge: bool


@dataclass(frozen=True, slots=True)
class Expected:
    """What the statement says of it. `tax_minor`: what the agency charges, nothing under reverse charge."""

    country: str
    currency: str
    period_end: date  # the last day of what is billed
    is_reverse_charge: bool
    taxable_minor: int
    tax_minor: int
    tax_id: str  # the agency's, on record


def tidy_no(text: str) -> str:
    """A number in its one spelling: no blanks, capitals."""
    return re.sub(r"\s+", "", text).upper()


def tax_year(day: date, country: str) -> Period:
    """The year within which a number is used once: from April in India, from January elsewhere."""
    return financial_year_of(day, YEARS_BEGIN.get(country, 1))


def invoice_problems(told: Told, expected: Expected, today: date) -> Iterator[Problem]:
    """Everything that keeps an invoice from being the statement's."""
    yield from _number_problems(told.invoice_no, expected.country)
    yield from _date_problems(told.invoiced_on, expected.period_end, today)
    yield from _amount_problems("taxable", "taxable amount", told.taxable_minor, expected.taxable_minor, expected)
    yield from _amount_problems("tax", "tax", told.tax_minor, expected.tax_minor, expected)
    if told.is_reverse_charge != expected.is_reverse_charge:
        says, cure = (
            ("The bank owes the tax on this statement: it is under reverse charge.", "Say so on the invoice.")
            if expected.is_reverse_charge
            else ("You charge the tax on this statement yourself.", "Take “reverse charge” off the invoice.")
        )
        yield Problem("wrong_reverse_charge", says, cure, column="is_reverse_charge")
    if not expected.tax_id:
        message = "You have no tax number on record with the bank."
        yield Problem("no_tax_id", message, "Ask the bank to add it.", column="tax_id")
    elif told.tax_id != expected.tax_id:
        message = f"{told.tax_id or 'Nothing'} is not the number on record, {expected.tax_id}."
        cure = "Correct the invoice, or tell the bank of the new registration."
        yield Problem("other_tax_id", message, cure, column="tax_id", value=told.tax_id)


def _number_problems(number: str, country: str) -> Iterator[Problem]:
    most = LONGEST_NO.get(country, LONGEST_ELSEWHERE)
    if not number:
        yield Problem("no_number", "The number is missing.", "Copy it from the invoice.", column="invoice_no")
        return
    if len(number) > most:
        message = f"“{number}” has {len(number)} characters; {most} are the most."
        yield Problem("long_number", message, "Number the invoice anew.", column="invoice_no", value=number)
    if not NUMBER.fullmatch(number):
        cure = "Use letters, digits, - and / alone."
        yield Problem("bad_number", f"“{number}” has other signs.", cure, column="invoice_no", value=number)


def _date_problems(day: date | None, period_end: date, today: date) -> Iterator[Problem]:
    if day is None:
        yield Problem("no_date", "The date is missing.", "Copy it from the invoice.", column="invoiced_on")
    elif day > today:
        cure = "Hand it in on its day, or correct the date."
        yield Problem("future_date", f"{day:%-d %B %Y} is still to come.", cure, column="invoiced_on")
    elif day < period_end:
        message = f"The month it bills ended on {period_end:%-d %B %Y}, after {day:%-d %B %Y}."
        yield Problem("early_date", message, "Date it at the month's end or later.", column="invoiced_on")


def _amount_problems(
    column: str, word: str, told_minor: int | None, expected_minor: int, expected: Expected
) -> Iterator[Problem]:
    if told_minor is None:
        yield Problem(f"no_{column}", f"The {word} is missing.", "Copy it from the invoice.", column=column)
    elif abs(told_minor - expected_minor) > TOLERANCE_MINOR:
        says = shown(expected_minor, expected.currency)
        message = f"The {word} is {says} by the statement, not {shown(told_minor, expected.currency)}."
        cure = "Bill what the statement says; what is disputed is corrected by a note later."
        if column == "tax" and expected.is_reverse_charge:
            cure = "Charge no tax: the bank owes it under reverse charge."
        yield Problem(f"wrong_{column}", message, cure, column=column)


def within_tolerance(told: Told, expected: Expected) -> list[dict[str, str]]:
    """What differs by no more than rounding, for whoever decides: [{code, message}]."""
    pairs = (("taxable", told.taxable_minor, expected.taxable_minor), ("tax", told.tax_minor, expected.tax_minor))
    return [
        {"code": f"rounded_{name}", "message": f"{shown(has - says, expected.currency)} from the statement"}
        for name, has, says in pairs
        if has is not None and has != says
    ]
