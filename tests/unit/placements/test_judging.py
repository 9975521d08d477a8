"""What became of an account at a month's end: all four outcomes, both sides of every boundary, and always the whole of 100 %."""

from __future__ import annotations

import random
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocations.placements.buckets import Bucket, Scheme
from allocations.placements.judging import Judged, judge, scheme_text, verdicts
from allocations.placements.outcome_sums import Cell, Sums, by_product, change_words, roll_rates, sums_by, sums_of
from allocations.placements.outcomes import Outcome, outcome

BUCKETS = [("current", 0, 0), ("1-30", 1, 30), ("31-60", 31, 60), ("61-90", 61, 90), ("NPA", 91, None)]
SCHEME = Scheme(1, date(2000, 1, 1), tuple(Bucket(code, low, high, code) for code, low, high in BUCKETS))
CODES = [bucket.code for bucket in SCHEME.buckets]

ST, RB, NM, FWD = Outcome.STABILISED, Outcome.ROLLED_BACK, Outcome.NORMALISED, Outcome.ROLLED_FORWARD


@pytest.mark.parametrize(
    ("opening", "closing_dpd", "expected"),
    [
        ("current", 0, ST), ("current", 1, FWD), ("current", 91, FWD),
        ("1-30", 0, NM), ("1-30", 1, ST), ("1-30", 30, ST), ("1-30", 31, FWD),
        ("31-60", 0, NM), ("31-60", 1, RB), ("31-60", 30, RB), ("31-60", 31, ST), ("31-60", 60, ST), ("31-60", 61, FWD),
        ("61-90", 0, NM), ("61-90", 60, RB), ("61-90", 61, ST), ("61-90", 90, ST), ("61-90", 91, FWD),
        ("NPA", 0, NM), ("NPA", 1, RB), ("NPA", 90, RB), ("NPA", 91, ST), ("NPA", 36_500, ST),
    ],
)  # fmt: skip
def test_all_four_outcomes_on_both_sides_of_every_boundary(opening: str, closing_dpd: int, expected: Outcome) -> None:
    assert judge(opening, closing_dpd, SCHEME) == Judged(expected, True, SCHEME.bucket_of(closing_dpd).code)


def test_without_a_snapshot_it_counts_as_rolled_forward_and_is_not_measured() -> None:
    assert judge("1-30", None, SCHEME) == Judged(FWD, False, None)


def test_an_opening_bucket_unknown_to_the_scheme_is_not_measured() -> None:
    assert judge("X", 0, SCHEME) == Judged(FWD, False, "current")


@given(st.sampled_from(CODES), st.integers(0, 1000))
def test_the_verdicts_a_database_joins_say_what_the_rule_says(opening: str, dpd: int) -> None:
    said = {(each["opening"], each["closing"]): each["outcome"] for each in verdicts(SCHEME)}
    assert said[opening, SCHEME.bucket_of(dpd).code] == outcome(opening, dpd, SCHEME)


def test_a_scheme_reads_differently_when_a_bucket_begins_elsewhere() -> None:
    moved = Scheme(1, SCHEME.effective_from, (Bucket("current", 0, 5, ""), Bucket("1-30", 6, None, "")))
    assert scheme_text(moved) != scheme_text(SCHEME)
    assert scheme_text(moved) == "1:current=0,1-30=6"


cells = st.lists(
    st.builds(
        lambda agency, opening, closing, accounts, principal: cell(agency, opening, closing, accounts, principal),
        st.sampled_from(["A", "B", "C"]), st.sampled_from([*CODES, "X"]), st.sampled_from([None, 0, 15, 45, 75, 200]),
        st.integers(1, 10**6), st.integers(0, 10**15),
    )
)  # fmt: skip


def cell(agency: str, opening: str, dpd: int | None, accounts: int = 1, principal: int = 100) -> Cell:
    judged = judge(opening, dpd, SCHEME)
    return Cell(agency, opening, judged.closing_bucket, judged.outcome, judged.is_measured, accounts, principal)


@given(cells)
def test_the_four_sum_to_exactly_a_hundred_percent_by_count_and_by_principal(made: list[Cell]) -> None:
    for sums in [sums_of(made), *sums_by(made, lambda each: each.agency).values()]:
        assert sums.total == sum(sums.accounts.values())
        assert sum(sums.count_shares.values()) == (100 if sums.total else 0)
        assert sum(sums.principal_shares.values()) == (100 if sums.total_minor else 0)
        assert 0 <= sums.resolved_percent <= 100
    assert (
        sum(sums.total_minor for sums in sums_by(made, lambda each: each.agency).values()) == sums_of(made).total_minor
    )


@given(cells, st.randoms(use_true_random=False))
def test_the_order_of_the_cells_does_not_show(made: list[Cell], shuffle: random.Random) -> None:
    mixed = list(made)
    shuffle.shuffle(mixed)
    assert roll_rates(mixed, CODES) == roll_rates(made, CODES)
    assert sums_by(mixed, lambda each: each.agency) == sums_by(made, lambda each: each.agency)


@given(cells)
def test_each_row_of_the_matrix_is_the_whole_of_its_opening_bucket(made: list[Cell]) -> None:
    rates = roll_rates(made, CODES)
    for _, fields, sums in rates.rows:
        assert sum(each.accounts for each in fields) == sums.total
        assert sum(each.principal_minor for each in fields) == sums.total_minor
        assert sum(each.percent for each in fields) == (100 if sums.total_minor else 0)
        assert sum(each.count_percent for each in fields) == (100 if sums.total else 0)
        assert all(0 <= each.shade <= 5 and (each.shade > 0) == (each.accounts > 0) for each in fields)


def test_the_matrix_keeps_the_schemes_order_and_shows_what_it_does_not_know_last() -> None:
    rates = roll_rates([cell("A", "X", 0), cell("A", "31-60", None), cell("A", "1-30", 45)], CODES)
    assert [opening for opening, _, _ in rates.rows] == ["1-30", "31-60", "X"]
    assert rates.closings == [*CODES, None]
    assert [each.accounts for each in rates.rows[0][1]] == [0, 0, 1, 0, 0, 0]


def test_products_have_their_own_sums() -> None:
    rows = [
        ("PL", "stabilised", True, 3, 500),
        ("PL", "rolled_forward", False, 1, 500),
        ("TW", "normalised", True, 2, 10),
    ]
    sums = by_product(rows)
    assert (sums["PL"].total, sums["PL"].unmeasured, sums["PL"].resolved_percent) == (4, 1, Decimal("50.00"))
    assert sums["TW"].count_shares[NM] == 100


def test_nothing_allocated_is_nothing_resolved() -> None:
    assert (Sums().total, Sums().resolved_percent, sum(Sums().count_shares.values())) == (0, 0, 0)


def test_a_difference_is_told_in_words() -> None:
    difference = {
        "changed": [
            {"was": "rolled_forward", "was_measured": True, "now": "stabilised", "now_measured": True, "accounts": 1_200},
            {"was": "rolled_forward", "was_measured": False, "now": "rolled_forward", "now_measured": True, "accounts": 1},
        ],
        "came": {"accounts": 2}, "left": {"accounts": 0}, "refreshed": 0, "scheme": {"was": 1, "now": 2},
    }  # fmt: skip
    assert change_words(difference) == [
        "1,200 accounts went from rolled forward to stabilised.",
        "1 account went from not measured to rolled forward.",
        "2 accounts came: allocated since.",
        "Judged by bucket scheme 2 instead of 1.",
    ]
    assert change_words({}) == []


def test_a_later_snapshot_that_changes_nothing_says_so() -> None:
    nothing = {"accounts": 0}
    difference = {"changed": [], "came": nothing, "left": nothing, "refreshed": 7, "scheme": {"was": 1, "now": 1}}
    assert change_words(difference) == ["No outcome changed; 7 accounts stand on a later snapshot."]
