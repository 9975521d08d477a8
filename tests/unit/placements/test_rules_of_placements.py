"""Buckets, asset classes and outcomes, on both sides of every boundary."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocations.placements.asset_class import AssetClass, after_months, asset_class, label
from allocations.placements.buckets import Bucket, Scheme, scheme_from, scheme_on
from allocations.placements.outcomes import Outcome, outcome, resolved_share, shares
from portal.kernel.errors import Invalid

ROWS = [
    {"code": "current", "dpd_from": 0, "dpd_to": 0, "label": "Current"},
    {"code": "1-30", "dpd_from": 1, "dpd_to": 30, "label": "1–30"},
    {"code": "31-60", "dpd_from": 31, "dpd_to": 60, "label": "31–60"},
    {"code": "61-90", "dpd_from": 61, "dpd_to": 90, "label": "61–90"},
    {"code": "91-180", "dpd_from": 91, "dpd_to": 180, "label": "91–180"},
    {"code": "181+", "dpd_from": 181, "dpd_to": None, "label": "Over 180"},
]
SCHEME = scheme_from(1, date(2000, 1, 1), ROWS)
AS_OF = date(2026, 10, 31)


@pytest.mark.parametrize(
    ("dpd", "code"),
    [(0, "current"), (1, "1-30"), (30, "1-30"), (31, "31-60"), (60, "31-60"), (61, "61-90"), (90, "61-90"), (91, "91-180"),
     (180, "91-180"), (181, "181+"), (5000, "181+")],
)  # fmt: skip
def test_buckets_change_on_their_first_day(dpd: int, code: str) -> None:
    assert SCHEME.bucket_of(dpd).code == code
    assert SCHEME.codes_of(np.array([dpd])).tolist() == [code]


@given(st.lists(st.integers(0, 20_000), max_size=20))
def test_many_at_once_are_as_one_by_one(dpd: list[int]) -> None:
    assert SCHEME.codes_of(np.array(dpd, dtype=np.int64)).tolist() == [SCHEME.bucket_of(days).code for days in dpd]


@pytest.mark.parametrize(
    ("spans", "code"),
    [
        ([(0, 0), (2, None)], "bucket_gap"),
        ([(0, 5), (5, None)], "bucket_overlap"),
        ([(0, 0), (1, 30)], "bucket_open_end"),
        ([(0, None), (31, None)], "bucket_after_the_last"),
        ([(1, None)], "bucket_gap"),
    ],
)
def test_a_scheme_with_a_gap_or_overlap_cannot_be(spans: list[tuple[int, int | None]], code: str) -> None:
    with pytest.raises(Invalid) as refused:
        Scheme(1, AS_OF, tuple(Bucket(str(at), low, high, "") for at, (low, high) in enumerate(spans)))
    assert code in [problem.code for problem in refused.value.problems]


def test_the_scheme_of_a_day_is_the_newest_begun() -> None:
    new = scheme_from(2, date(2026, 4, 1), ROWS)
    assert scheme_on([new, SCHEME], date(2026, 3, 31)) is SCHEME
    assert scheme_on([SCHEME, new], date(2026, 4, 1)) is new
    with pytest.raises(LookupError):
        scheme_on([new], date(2026, 3, 31))


def test_rbis_worked_dates_due_on_31_march() -> None:
    due = date(2021, 3, 31)
    expected = {
        date(2021, 3, 30): "standard",
        date(2021, 3, 31): "sma_0",
        date(2021, 4, 29): "sma_0",
        date(2021, 4, 30): "sma_1",
        date(2021, 5, 29): "sma_1",
        date(2021, 5, 30): "sma_2",
        date(2021, 6, 28): "sma_2",
        date(2021, 6, 29): "substandard",
    }
    assert {day: str(asset_class(day, max((day - due).days + 1, 0))) for day in expected} == expected


@pytest.mark.parametrize(
    ("npa_on", "expected"),
    [
        (date(2025, 10, 31), "substandard"),
        (date(2025, 10, 30), "doubtful_1"),
        (date(2024, 10, 31), "doubtful_1"),
        (date(2024, 10, 30), "doubtful_2"),
        (date(2022, 10, 31), "doubtful_2"),
        (date(2022, 10, 30), "doubtful_3"),
        (date(2026, 11, 1), "standard"),
    ],
)
def test_an_npa_ages_the_day_after_its_months_are_full(npa_on: date, expected: str) -> None:
    assert asset_class(AS_OF, 0, npa_on) == expected


def test_loss_and_written_off_stand_above_age() -> None:
    assert asset_class(AS_OF, 500, date(2020, 1, 1), is_loss=True) is AssetClass.LOSS
    assert asset_class(AS_OF, 500, date(2020, 1, 1), AS_OF) is AssetClass.WRITTEN_OFF
    assert asset_class(AS_OF, 500, date(2020, 1, 1), AS_OF + timedelta(days=1)) is AssetClass.DOUBTFUL_3


@given(st.integers(91, 3000))
def test_without_the_banks_date_an_npa_is_as_old_as_its_dpd_says(dpd: int) -> None:
    since = AS_OF - timedelta(days=dpd - 91)
    assert asset_class(AS_OF, dpd) == asset_class(AS_OF, 0, since)


@given(st.dates(date(1990, 1, 1), date(2090, 1, 1)), st.integers(0, 60))
def test_months_on_never_leave_the_month(day: date, months: int) -> None:
    later = after_months(day, months)
    assert (later.year - day.year) * 12 + later.month - day.month == months
    assert later.day <= day.day


@pytest.mark.parametrize(
    ("opening", "dpd", "expected"),
    [
        ("31-60", 31, "stabilised"),
        ("31-60", 60, "stabilised"),
        ("31-60", 61, "rolled_forward"),
        ("31-60", 30, "rolled_back"),
        ("31-60", 1, "rolled_back"),
        ("31-60", 0, "normalised"),
        ("1-30", 0, "normalised"),
        ("current", 0, "stabilised"),
        ("current", 1, "rolled_forward"),
        ("181+", 9999, "stabilised"),
    ],
)
def test_outcomes(opening: str, dpd: int, expected: str) -> None:
    assert outcome(opening, dpd, SCHEME) == expected


def test_an_unknown_opening_bucket_raises() -> None:
    with pytest.raises(KeyError):
        outcome("X", 0, SCHEME)


@given(st.dictionaries(st.sampled_from(list(Outcome)), st.integers(0, 10**12)))
def test_the_four_shares_add_up_to_exactly_a_hundred(weights: dict[Outcome, int]) -> None:
    parts = shares(weights)
    assert set(parts) == set(Outcome)
    assert sum(parts.values()) == (100 if sum(weights.values()) else 0)
    assert all(part >= 0 for part in parts.values())


def test_resolved_is_the_first_three() -> None:
    weights = {Outcome.STABILISED: 1, Outcome.ROLLED_BACK: 1, Outcome.NORMALISED: 1, Outcome.ROLLED_FORWARD: 1}
    assert resolved_share(weights) == 75
    assert shares(weights)[Outcome.STABILISED] == Decimal("25.00")


@pytest.mark.parametrize(
    ("code", "words"), [("sma_1", "SMA-1"), ("doubtful_2", "Doubtful 2"), ("written_off", "Written off"), (None, "")]
)
def test_classes_are_shown_as_people_write_them(code: str | None, words: str) -> None:
    assert label(code) == words
