"""Tax deducted at source: both sides of every date and threshold."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payouts.tax.withholding import Credit, rule_on, withhold

LAKH = 1_00_000_00


@pytest.mark.parametrize(
    ("day", "section", "code", "rate", "threshold"),
    [
        (date(2024, 9, 30), "194H", "94H", "0.05", 15_000_00),
        (date(2024, 10, 1), "194H", "94H", "0.02", 15_000_00),
        (date(2025, 3, 31), "194H", "94H", "0.02", 15_000_00),
        (date(2025, 4, 1), "194H", "94H", "0.02", 20_000_00),
        (date(2026, 3, 31), "194H", "94H", "0.02", 20_000_00),
        (date(2026, 4, 1), "393(1)", "1006", "0.02", 20_000_00),
    ],
)
def test_the_rule_changes_on_its_day_and_not_before(day, section, code, rate, threshold):
    rule = rule_on("IN", day)
    assert rule is not None
    assert (rule.section, rule.code, str(rule.rate), rule.threshold_minor) == (section, code, rate, threshold)


@pytest.mark.parametrize(
    ("day", "base", "expected"),
    [
        (date(2024, 9, 30), 15_000_00, 0),
        (date(2024, 9, 30), 15_001_00, 750_00),  # 750.05
        (date(2024, 10, 31), 15_001_00, 300_00),
        (date(2025, 4, 30), 20_000_00, 0),
        (date(2025, 4, 30), 20_000_01, 400_00),
        (date(2026, 4, 30), 20_000_00, 0),
        (date(2026, 4, 30), 20_001_00, 400_00),
    ],
)
def test_nothing_up_to_the_threshold_and_the_whole_above_it(day, base, expected):
    assert withhold(base, day, has_tax_id=True).amount_minor == expected


def test_crossing_the_threshold_taxes_the_earlier_amounts_too():
    earlier = [Credit(date(2026, 4, 30), 12_000_00, 12_000_00)]
    result = withhold(9_000_00, date(2026, 5, 31), has_tax_id=True, earlier=earlier)
    assert (result.amount_minor, result.taxed_minor, result.aggregate_minor) == (420_00, 21_000_00, 21_000_00)


def test_what_was_taxed_once_is_not_taxed_again():
    earlier = [Credit(date(2026, 4, 30), 50_000_00, 0)]
    assert withhold(9_000_00, date(2026, 5, 31), has_tax_id=True, earlier=earlier).amount_minor == 180_00


def test_the_aggregate_starts_anew_with_the_tax_year():
    earlier = [Credit(date(2026, 3, 31), 19_000_00, 19_000_00)]
    assert withhold(9_000_00, date(2026, 4, 30), has_tax_id=True, earlier=earlier).reason == "below_threshold"


def test_earlier_amounts_keep_the_rate_of_their_own_day():
    earlier = [Credit(date(2024, 9, 30), 10_000_00, 10_000_00)]
    result = withhold(10_000_00, date(2024, 10, 31), has_tax_id=True, earlier=earlier)
    assert result.amount_minor == 500_00 + 200_00


def test_without_a_pan_a_fifth_is_deducted_but_only_above_the_threshold():
    assert withhold(LAKH, date(2026, 4, 30), has_tax_id=False).amount_minor == 20_000_00
    assert withhold(20_000_00, date(2026, 4, 30), has_tax_id=False).amount_minor == 0


@pytest.mark.parametrize(("base", "expected"), [(25_024_99, 500_00), (25_025_00, 501_00), (25_025_01, 501_00)])
def test_the_deduction_is_rounded_half_up_to_the_rupee(base, expected):
    assert withhold(base, date(2026, 4, 30), has_tax_id=True).amount_minor == expected


def test_a_month_of_clawbacks_deducts_nothing_and_lowers_the_next():
    may = withhold(-5_000_00, date(2026, 5, 31), has_tax_id=True, earlier=[Credit(date(2026, 4, 30), LAKH, 0)])
    assert (may.amount_minor, may.reason) == (0, "nothing_to_tax")
    earlier = [Credit(date(2026, 4, 30), LAKH, 0), Credit(date(2026, 5, 31), -5_000_00, -5_000_00)]
    assert withhold(20_000_00, date(2026, 6, 30), has_tax_id=True, earlier=earlier).amount_minor == 300_00


@pytest.mark.parametrize(("base", "expected"), [(24_000_00, 0), (24_000_01, 1_200_00), (100_000_00, 5_000_00)])
def test_kenya_deducts_five_percent_above_its_monthly_threshold(base, expected):
    assert withhold(base, date(2026, 4, 30), has_tax_id=True, country="KE").amount_minor == expected


def test_kenya_counts_the_month_alone():
    earlier = [Credit(date(2026, 3, 31), 23_000_00, 23_000_00)]
    assert withhold(23_000_00, date(2026, 4, 30), has_tax_id=True, country="KE", earlier=earlier).amount_minor == 0


@pytest.mark.parametrize(("base", "expected"), [(24_000_00, 0), (24_000_01, 720_00), (100_000_00, 3_000_00)])
def test_kenya_deducts_three_percent_from_contractual_fees(base, expected):
    day = date(2026, 4, 30)
    assert withhold(base, day, has_tax_id=True, country="KE", nature="contractual").amount_minor == expected


@pytest.mark.parametrize(
    ("nature", "day", "base", "section", "code", "amount"),
    [
        ("professional", date(2025, 3, 31), 30_000_00, "194J", "94J", 0),
        ("professional", date(2025, 3, 31), 30_001_00, "194J", "94J", 3_000_00),
        ("professional", date(2025, 4, 1), 50_000_00, "194J", "94J", 0),
        ("professional", date(2026, 3, 31), 50_001_00, "194J", "94J", 5_000_00),
        ("professional", date(2026, 4, 1), 50_001_00, "393(1)", "1027", 5_000_00),
        ("technical", date(2026, 3, 31), 50_050_00, "194J", "94J", 1_001_00),
        ("technical", date(2026, 4, 1), 50_050_00, "393(1)", "1026", 1_001_00),
    ],
)
def test_a_fee_of_another_nature_has_its_own_section_rate_and_threshold(nature, day, base, section, code, amount):
    result = withhold(base, day, has_tax_id=True, nature=nature)
    assert (result.section, result.code, result.amount_minor) == (section, code, amount)


def test_a_nature_the_country_does_not_know_is_its_plain_one():
    assert withhold(LAKH, date(2026, 4, 30), has_tax_id=True, nature="contractual").code == "1006"


def test_what_a_later_document_covered_is_not_taxed_again():
    result = withhold(30_000_00, date(2026, 4, 30), has_tax_id=True, covered_minor=25_000_00)
    assert (result.amount_minor, result.taxed_minor, result.base_minor) == (100_00, 5_000_00, 30_000_00)
    whole = withhold(30_000_00, date(2026, 4, 30), has_tax_id=True, covered_minor=30_000_00)
    assert (whole.amount_minor, whole.reason) == (0, "nothing_to_tax")


def test_money_taken_back_lowers_the_youngest_fees_first():
    earlier = [Credit(date(2024, 9, 30), 20_000_00, 20_000_00), Credit(date(2024, 10, 31), -5_000_00, -5_000_00)]
    result = withhold(10_000_00, date(2024, 11, 30), has_tax_id=True, earlier=earlier)
    assert [(part.base_minor, str(part.rate)) for part in result.parts] == [(20_000_00, "0.05"), (5_000_00, "0.02")]
    assert result.amount_minor == 1_100_00


def test_what_rounds_to_nothing_waits_for_the_next_document():
    earlier = [Credit(date(2026, 4, 30), LAKH, 0)]
    tiny = withhold(20_00, date(2026, 5, 31), has_tax_id=True, earlier=earlier)
    assert (tiny.amount_minor, tiny.reason, tiny.is_taxed) == (0, "nothing_to_tax", False)


def test_a_country_without_a_rule_says_so():
    assert withhold(LAKH, date(2026, 4, 30), has_tax_id=True, country="US").reason == "no_rule"


@given(st.lists(st.integers(min_value=0, max_value=10**9), min_size=1, max_size=12))
def test_over_a_year_the_deductions_are_the_rate_on_the_whole(bases):
    credits: list[Credit] = []
    deducted = 0
    for month, base in enumerate(bases):
        day = date(2026 + (month + 3) // 12, (month + 3) % 12 + 1, 28)
        result = withhold(base, day, has_tax_id=True, earlier=credits)
        if result.is_taxed:
            credits = [Credit(credit.credited_on, credit.base_minor, 0) for credit in credits]
        credits.append(Credit(day, base, 0 if result.is_taxed else base))
        deducted += result.amount_minor
    total = sum(bases)
    untaxed = sum(credit.open_minor for credit in credits)
    assert abs(deducted - (total - untaxed) * 2 // 100) <= 51 * len(bases)
    if total <= 20_000_00:
        assert deducted == 0


@pytest.mark.parametrize(
    ("nature", "day", "base", "section", "code", "expected"),
    [
        ("contractor", date(2026, 3, 31), 30_000_00, "194C", "94C", 0),
        ("contractor", date(2026, 3, 31), 30_001_00, "194C", "94C", 600_00),
        ("contractor", date(2026, 4, 30), 30_000_00, "393(1)", "1024", 0),
        ("contractor", date(2026, 4, 30), 30_001_00, "393(1)", "1024", 600_00),
        ("contractor_individual", date(2026, 3, 31), 40_000_00, "194C", "94C", 400_00),
        ("contractor_individual", date(2026, 4, 30), 40_000_00, "393(1)", "1023", 400_00),
    ],
)
def test_a_contractors_single_payment_is_taxed_above_thirty_thousand(nature, day, base, section, code, expected):
    result = withhold(base, day, has_tax_id=True, nature=nature)
    assert (result.section, result.code, result.amount_minor) == (section, code, expected)


def test_a_contractors_small_payments_wait_for_a_lakh_in_the_year_and_a_large_one_does_not():
    small = [Credit(date(2026, month, 28), 25_000_00, 25_000_00) for month in (4, 5, 6)]
    last = date(2026, 7, 31)
    given = {"has_tax_id": True, "nature": "contractor"}
    assert withhold(25_000_00, last, earlier=small, **given).amount_minor == 0, "a lakh, and not above it"
    crossed = withhold(25_001_00, last, earlier=small, **given)
    assert (crossed.taxed_minor, crossed.amount_minor) == (1_00_001_00, 2_000_00)
    single = withhold(40_000_00, last, earlier=small[:2], **given)
    assert (single.taxed_minor, single.amount_minor) == (40_000_00, 800_00), (
        "the earlier ones wait for the year's threshold"
    )
    later = [*small[:2], Credit(last, 40_000_00, 0)]
    assert withhold(20_000_00, date(2026, 8, 31), earlier=later, **given).taxed_minor == 70_000_00
    assert withhold(40_000_00, last, has_tax_id=False, nature="contractor").amount_minor == 8_000_00
