"""Vintage and liquidation curves: computed by hand, and what holds whatever the numbers."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from allocations.placements.curves import Flow, Vintage, liquidation, months_from, percent, vintages

AUG, SEP, OCT, NOV = (date(2026, month, 1) for month in (8, 9, 10, 11))
# Placed: August 10,00,000.00; September 5,00,000.00; October 2,00,000.00.
PLACED = [(AUG, 100, 100_000_000), (SEP, 40, 50_000_000), (OCT, 10, 20_000_000)]
CASH = [
    (AUG, AUG, 2_000_000),  # 2 % in month 1
    (AUG, SEP, 1_500_000),  # 1.5 % in month 2
    (AUG, OCT, 1_000_000),  # 1 % in month 3
    (SEP, SEP, 1_500_000),  # 3 %
    (SEP, OCT, 500_000),  # 1 %
    (OCT, SEP, 100_000),  # valued the day before the placement: month 1
    (OCT, OCT, 300_000),  # 2 % with it
    (AUG, NOV, 9_000_000),  # after the month looked at
]


def test_curves_computed_by_hand():
    october, september, august = vintages(PLACED, CASH, through=OCT, most=12)
    assert august.monthly == (Decimal("2.00"), Decimal("1.50"), Decimal("1.00"))
    assert august.cumulative == (Decimal("2.00"), Decimal("3.50"), Decimal("4.50"))
    assert september.cumulative == (Decimal("3.00"), Decimal("4.00"))
    assert october.cumulative == (Decimal("2.00"),)
    rows = liquidation([october, september, august])
    # month 1: (20,000 + 15,000 + 4,000) ÷ 17,00,000 = 2.29 %; month 2: (15,000 + 5,000) ÷ 15,00,000 = 1.33 %; month 3: 1 % of August
    assert [(row.month_on_book, row.placements, row.percent, row.cumulative) for row in rows] == [
        (1, 3, Decimal("2.29"), Decimal("2.29")),
        (2, 2, Decimal("1.33"), Decimal("3.62")),
        (3, 1, Decimal("1.00"), Decimal("4.62")),
    ]


def test_edges():
    assert percent(1, 0) == 0 and percent(-1, 3) == Decimal("-33.33") and percent(1, 20_000) == Decimal("0.01")
    assert months_from(date(2025, 12, 1), date(2026, 1, 1)) == 1
    assert vintages([(NOV, 1, 1)], [], through=OCT, most=12) == []
    assert liquidation([]) == []
    assert [Flow("1-30", OCT, 1, 100, minor).shade for minor in (0, 1, 20, 100)] == [0, 1, 2, 5]


MONTH = st.sampled_from([AUG, SEP, OCT, NOV])
MONEY = st.integers(0, 10**9)


@settings(max_examples=40)
@given(
    st.dictionaries(MONTH, st.tuples(st.integers(1, 999), st.integers(1, 10**10))),
    st.lists(st.tuples(MONTH, MONTH, MONEY), max_size=20),
)
def test_without_reversals_curves_only_rise_and_all_money_is_in_them(placed, cash):
    rows = [(month, *each) for month, each in placed.items()]
    found = vintages(rows, cash, through=NOV, most=12)
    for each in found:
        assert list(each.cumulative) == sorted(each.cumulative)
    curve = [row.cumulative for row in liquidation(found)]
    assert curve == sorted(curve)
    assert sum(each.total_minor for each in found) == sum(minor for month, _, minor in cash if month in placed)
    assert vintages(rows, reversed(cash), through=NOV, most=12) == found  # order decides nothing


@given(st.lists(MONEY, min_size=2, max_size=6), st.integers(1, 5))
def test_a_reversal_lowers_its_own_month_and_none_before(cash, at):
    at = min(at, len(cash) - 1)
    plain = Vintage(AUG, 1, 10**9, tuple(cash))
    reversed_ = Vintage(AUG, 1, 10**9, tuple(minor - (i == at) * 10**9 for i, minor in enumerate(cash)))
    assert reversed_.cumulative[:at] == plain.cumulative[:at] and reversed_.cumulative[at] < plain.cumulative[at]
