"""A tax invoice against its statement: every problem at once, on both sides of each boundary."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from payouts.settlements.invoice_rules import (
    Expected,
    Told,
    invoice_problems,
    tax_year,
    tidy_no,
    within_tolerance,
)

TODAY = date(2026, 11, 10)
GSTIN = "27AAPFU0939F1ZV"
REVERSE = Expected("IN", "INR", date(2026, 10, 31), True, 80_000_00, 0, GSTIN)
FORWARD = replace(REVERSE, is_reverse_charge=False, tax_minor=14_400_00)
RIGHT = Told("SH/26-27/0042", date(2026, 11, 2), 80_000_00, 0, GSTIN, True)


def codes(told: Told, expected: Expected = REVERSE) -> list[str]:
    return [each.code for each in invoice_problems(told, expected, TODAY)]


def test_an_invoice_that_says_what_the_statement_says_is_fine():
    assert codes(RIGHT) == []
    assert codes(replace(RIGHT, tax_minor=14_400_00, is_reverse_charge=False), FORWARD) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"invoice_no": "A" * 16}, None),
        ({"invoice_no": "A" * 17}, "long_number"),
        ({"invoice_no": ""}, "no_number"),
        ({"invoice_no": "INV#7"}, "bad_number"),
        ({"invoice_no": "Ａ１"}, "bad_number"),
        ({"invoiced_on": date(2026, 10, 31)}, None),
        ({"invoiced_on": date(2026, 10, 30)}, "early_date"),
        ({"invoiced_on": TODAY}, None),
        ({"invoiced_on": date(2026, 11, 11)}, "future_date"),
        ({"invoiced_on": None}, "no_date"),
        ({"taxable_minor": 80_001_00}, None),
        ({"taxable_minor": 79_999_00}, None),
        ({"taxable_minor": 80_001_01}, "wrong_taxable"),
        ({"taxable_minor": 79_998_99}, "wrong_taxable"),
        ({"tax_minor": 14_400_00}, "wrong_tax"),
        ({"tax_minor": None}, "no_tax"),
        ({"tax_id": "27AAPFU0939F2ZU"}, "other_tax_id"),
        ({"is_reverse_charge": False}, "wrong_reverse_charge"),
    ],
)
def test_each_rule_stands_on_both_sides_of_its_boundary(change, code):
    assert codes(replace(RIGHT, **change)) == ([code] if code else [])


def test_every_problem_is_told_at_once():
    wrong = Told("", None, None, 1_000_00, "", False)
    found = ["no_number", "no_date", "no_taxable", "wrong_tax", "wrong_reverse_charge", "other_tax_id"]
    assert codes(wrong) == found


def test_under_forward_charge_the_tax_is_billed():
    said = list(invoice_problems(RIGHT, FORWARD, TODAY))
    assert [each.code for each in said] == ["wrong_tax", "wrong_reverse_charge"]
    assert "₹14,400.00" in said[0].message


def test_a_rounding_difference_is_told_to_who_decides():
    assert within_tolerance(replace(RIGHT, taxable_minor=79_999_60), REVERSE) == [
        {"code": "rounded_taxable", "message": "−₹0.40 from the statement"}
    ]


def test_a_number_has_one_spelling_and_a_year():
    assert tidy_no(" sh / 26-27 / 0042 ") == "SH/26-27/0042"
    assert tax_year(date(2027, 3, 31), "IN").start == date(2026, 4, 1)
    assert tax_year(date(2027, 4, 1), "IN").start == date(2027, 4, 1)
    assert tax_year(date(2027, 3, 31), "KE").start == date(2027, 1, 1)
