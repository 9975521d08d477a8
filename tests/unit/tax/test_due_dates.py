"""Quarters, halves and the days things are due by: both sides of every one."""

from __future__ import annotations

from datetime import date

import pytest

from payouts.tax.due_dates import (
    filing_of,
    parse_part,
    part_of_year,
    sales_tax_return_by,
    small_firms_return_by,
    supplied_on,
    working_days_after,
)
from portal.kernel.periods import month_of


@pytest.mark.parametrize(
    ("credited", "quarter", "deposit", "form", "due", "certificate", "by"),
    [
        (date(2026, 3, 31), "2025-26 Q4", date(2026, 4, 30), "26Q", date(2026, 5, 31), "16A", date(2026, 6, 15)),
        (date(2026, 4, 1), "2026-27 Q1", date(2026, 5, 7), "140", date(2026, 7, 31), "131", date(2026, 8, 15)),
        (date(2026, 6, 30), "2026-27 Q1", date(2026, 7, 7), "140", date(2026, 7, 31), "131", date(2026, 8, 15)),
        (date(2026, 7, 1), "2026-27 Q2", date(2026, 8, 7), "140", date(2026, 10, 31), "131", date(2026, 11, 15)),
        (date(2026, 9, 30), "2026-27 Q2", date(2026, 10, 7), "140", date(2026, 10, 31), "131", date(2026, 11, 15)),
        (date(2026, 12, 31), "2026-27 Q3", date(2027, 1, 7), "140", date(2027, 1, 31), "131", date(2027, 2, 15)),
        (date(2027, 1, 31), "2026-27 Q4", date(2027, 2, 7), "140", date(2027, 5, 31), "131", date(2027, 6, 15)),
        (date(2027, 3, 1), "2026-27 Q4", date(2027, 4, 30), "140", date(2027, 5, 31), "131", date(2027, 6, 15)),
    ],
)
def test_the_day_of_credit_decides_form_and_dates(credited, quarter, deposit, form, due, certificate, by):
    filing = filing_of("IN", credited)
    assert (filing.quarter, filing.deposit_by, filing.form) == (quarter, deposit, f"Form {form}")
    assert (filing.return_by, filing.certificate_form, filing.certificate_by) == (due, f"Form {certificate}", by)


def test_kenya_pays_over_in_five_working_days():
    filing = filing_of("KE", date(2026, 10, 31))  # a Saturday
    assert (filing.deposit_by, filing.return_by, filing.quarter) == (date(2026, 11, 6), None, "2026 Q4")
    assert working_days_after(date(2026, 11, 6), 1) == date(2026, 11, 9)


@pytest.mark.parametrize(
    ("day", "code", "label"),
    [
        (date(2026, 3, 31), "2025-H2", "2025-26 H2"),
        (date(2026, 4, 1), "2026-H1", "2026-27 H1"),
        (date(2026, 9, 30), "2026-H1", "2026-27 H1"),
        (date(2026, 10, 1), "2026-H2", "2026-27 H2"),
    ],
)
def test_halves_of_the_tax_year(day, code, label):
    half = part_of_year(day, 6)
    assert (half.code, half.label) == (code, label) and day in half.period
    assert parse_part(code, 6) == half
    assert small_firms_return_by(half) == (
        date(2026, 10, 31) if code == "2026-H1" else half.last_day.replace(month=4, day=30)
    )


@pytest.mark.parametrize("text", ["", "2026", "2026-Q5", "2026-Q0", "0026-Q1", "9999-Q1", "2026-H1", "2026-Q1x"])
def test_nonsense_is_no_quarter(text):
    with pytest.raises(ValueError):
        parse_part(text, 3)


def test_a_quarter_is_read_as_it_is_written():
    assert parse_part(" 2026-q3 ", 3).period.start == date(2026, 10, 1)
    assert parse_part("2026-Q1", 3, "KE").period.start == date(2026, 1, 1)


@pytest.mark.parametrize(
    ("paid", "invoiced", "self_made", "counts"),
    [
        (None, None, False, None),
        (date(2026, 12, 1), None, False, date(2026, 12, 1)),
        (None, date(2026, 11, 5), False, date(2027, 1, 5)),
        (date(2027, 1, 4), date(2026, 11, 5), False, date(2027, 1, 4)),
        (date(2027, 1, 6), date(2026, 11, 5), False, date(2027, 1, 5)),
        (date(2026, 12, 1), date(2026, 11, 5), True, date(2026, 11, 5)),
    ],
)
def test_a_reverse_charge_counts_when_paid_or_on_the_61st_day_after_the_invoice(paid, invoiced, self_made, counts):
    assert supplied_on(paid, invoiced, self_invoiced=self_made) == counts


def test_the_return_of_sales_tax_is_due_on_the_twentieth():
    assert sales_tax_return_by(month_of(date(2026, 12, 31))) == date(2027, 1, 20)
