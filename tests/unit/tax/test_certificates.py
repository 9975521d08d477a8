"""A lower-deduction certificate: its first and last day, its limit to the rupee, its section, and what it leaves alone."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payouts.tax.withholding import Certificate, Credit, withhold

LAKH = 1_00_000_00
OCTOBER = date(2026, 10, 31)


def certificate(**changes):
    facts = {
        "ref": "T-1",
        "number": "AB123",
        "section": "393(1)",
        "rate": Decimal("0.005"),
        "valid_from": date(2026, 4, 1),
        "valid_to": date(2027, 3, 31),
        "left_minor": 10 * LAKH,
    }
    return Certificate(**facts | changes)


def taxed(base, day=OCTOBER, *certificates, **facts):
    result = withhold(base, day, has_tax_id=True, certificates=certificates, **facts)
    return result.amount_minor, [(part.base_minor, str(part.rate), part.reason) for part in result.parts]


# Beside the one that is asked about stand others: of days before and after, and of another section.
NEIGHBOURS = (
    certificate(ref="T-before", rate=Decimal("0.011"), valid_to=date(2026, 9, 30)),
    certificate(ref="T-after", rate=Decimal("0.013"), valid_from=date(2026, 11, 1)),
    certificate(ref="T-other", rate=Decimal("0.017"), section="194H"),
)


@pytest.mark.parametrize(
    ("day", "amount", "rate"),
    [
        (date(2026, 9, 30), 1_100_00, "0.011"),
        (date(2026, 10, 1), 500_00, "0.005"),
        (date(2026, 10, 31), 500_00, "0.005"),
        (date(2026, 11, 1), 1_300_00, "0.013"),
    ],
)
def test_it_holds_from_its_first_to_its_last_day(day, amount, rate):
    october = certificate(valid_from=date(2026, 10, 1), valid_to=date(2026, 10, 31))
    assert taxed(LAKH, day, *NEIGHBOURS, october) == (amount, [(LAKH, rate, "certificate")])


@pytest.mark.parametrize("day", [date(2026, 9, 30), date(2026, 11, 1)])
def test_outside_its_days_the_plain_rate_holds(day):
    october = certificate(valid_from=date(2026, 10, 1), valid_to=date(2026, 10, 31))
    assert taxed(LAKH, day, october) == (2_000_00, [(LAKH, "0.02", "normal")])


@pytest.mark.parametrize(
    ("left", "amount", "parts"),
    [
        (LAKH + 1_00, 500_00, [(LAKH, "0.005", "certificate")]),
        (LAKH, 500_00, [(LAKH, "0.005", "certificate")]),
        (LAKH - 100_00, 502_00, [(LAKH - 100_00, "0.005", "certificate"), (100_00, "0.02", "normal")]),
        (1_00, 2_000_00, [(1_00, "0.005", "certificate"), (LAKH - 1_00, "0.02", "normal")]),
        (0, 2_000_00, [(LAKH, "0.02", "normal")]),
    ],
)
def test_a_fee_is_split_where_the_limit_ends(left, amount, parts):
    assert taxed(LAKH, OCTOBER, certificate(left_minor=left)) == (amount, parts)


def test_the_next_certificate_takes_up_where_one_ends():
    first = certificate(left_minor=30_000_00)
    second = certificate(ref="T-2", rate=Decimal("0.01"), left_minor=20_000_00)
    assert taxed(LAKH, OCTOBER, first, second) == (
        150_00 + 200_00 + 1_000_00,
        [(30_000_00, "0.005", "certificate"), (20_000_00, "0.01", "certificate"), (50_000_00, "0.02", "normal")],
    )


def test_a_nil_certificate_deducts_nothing_and_is_used_up_all_the_same():
    result = withhold(LAKH, OCTOBER, has_tax_id=True, certificates=[certificate(rate=Decimal(0))])
    assert (result.amount_minor, result.reason, result.is_taxed) == (0, "certificate", True)
    assert result.parts[0].base_minor == LAKH


def test_of_earlier_fees_it_covers_those_of_its_own_days_alone():
    earlier = [Credit(date(2026, 8, 31), 8_000_00, 8_000_00), Credit(date(2026, 9, 30), 6_000_00, 6_000_00)]
    september = certificate(valid_from=date(2026, 9, 1))
    assert taxed(10_000_00, OCTOBER, september, earlier=earlier) == (
        240_00,
        [(8_000_00, "0.02", "normal"), (16_000_00, "0.005", "certificate")],
    )


def test_it_is_for_a_pan_and_for_its_section():
    assert withhold(LAKH, OCTOBER, has_tax_id=False, certificates=[certificate()]).amount_minor == 20_000_00
    assert taxed(LAKH, OCTOBER, certificate(section="194J"))[0] == 2_000_00
    assert taxed(LAKH, OCTOBER, certificate(section="1006"))[0] == 500_00


def test_it_never_raises_the_rate():
    assert taxed(LAKH, OCTOBER, certificate(rate=Decimal("0.09")))[0] == 2_000_00


def test_below_the_threshold_nothing_of_it_is_used():
    assert taxed(20_000_00, OCTOBER, certificate()) == (0, [])


def test_a_certificate_of_the_old_act_ends_with_it():
    old = certificate(section="194H", valid_from=date(2025, 4, 1), valid_to=date(2026, 4, 30))
    assert taxed(LAKH, date(2026, 3, 31), old)[0] == 500_00
    assert taxed(LAKH, date(2026, 4, 1), old)[0] == 2_000_00


@given(
    st.lists(st.integers(-(10**7), 10**8), max_size=5),
    st.integers(1, 10**8),
    st.lists(st.integers(0, 10**7), max_size=3),
)
def test_parts_sum_to_the_document_and_stay_within_the_limits(before, base, limits):
    earlier = [Credit(OCTOBER - timedelta(days=31 * (n + 1)), fee, fee) for n, fee in enumerate(before)]
    given_ = [certificate(ref=f"T-{n}", rate=Decimal(n) / 1000, left_minor=left) for n, left in enumerate(limits)]
    result = withhold(base, OCTOBER, has_tax_id=True, earlier=earlier, certificates=given_)
    if not result.is_taxed:
        assert (result.amount_minor, result.parts) == (0, ())
        return
    assert sum(part.base_minor for part in result.parts) == result.taxed_minor
    assert sum(part.amount_minor for part in result.parts) == result.amount_minor
    assert all(part.base_minor > 0 and part.amount_minor >= 0 for part in result.parts)
    assert result.amount_minor % 100 == 0
    for each in given_:
        assert sum(p.base_minor for p in result.parts if p.certificate_ref == each.ref) <= each.left_minor
