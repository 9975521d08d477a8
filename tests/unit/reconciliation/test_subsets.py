"""Sums out of a pool agree with trying every set; chance is judged by how many sets there are for how many sums."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocations.reconciliation.matching.subsets import by_chance, exact_subsets, left_out, sets_of

pools = st.lists(st.integers(1, 12), min_size=1, max_size=9)


def every_set(amounts, target, least, most):
    return {
        places
        for size in range(least, most + 1)
        for places in combinations(range(len(amounts)), size)
        if sum(amounts[place] for place in places) == target
    }


@given(pools, st.integers(1, 60), st.integers(1, 3))
def test_sums_are_found_as_by_trying_every_set(amounts, target, least):
    found = exact_subsets(amounts, target, at_least=least, enough=10_000)
    assert len(found) == len(set(found))
    assert set(found) == every_set(amounts, target, least, len(amounts))


@given(pools, st.integers(1, 60))
def test_two_answers_are_enough_to_know_that_it_is_not_clear(amounts, target):
    found = exact_subsets(amounts, target, at_least=1)
    assert len(found) == min(2, len(every_set(amounts, target, 1, len(amounts))))


def test_twenty_receipts_are_tried_in_no_time():
    amounts = [2**place for place in range(20)]
    assert exact_subsets(amounts, sum(amounts[3:17])) == [tuple(range(3, 17))]


@given(pools, st.integers(1, 40), st.integers(1, 3))
def test_what_was_left_out_is_found_as_by_trying_every_set(amounts, gap, most):
    found = left_out(amounts, gap, most)
    real = every_set(amounts, gap, 1, min(most, len(amounts) - 1))
    assert set(found) <= real and len(found) == min(2, len(real))


def test_more_receipts_than_a_slip_holds_are_not_tried():
    assert left_out([*range(1, 62)], 5, 3) == []


@pytest.mark.parametrize(("one_in", "chance"), [(100, False), (3_000, True)])
def test_a_sum_is_chance_when_its_kind_has_too_many_sets(one_in, chance):
    """Three receipts of whole rupees, 7 sets, sums up to 12,345 rupees: one set in 1,763 would meet a given sum."""
    assert by_chance([1_234_00, 4_321_00, 6_790_00], sets_of(3), one_in) is chance


def test_round_sums_meet_sooner():
    assert by_chance([1_000_00, 4_000_00, 7_000_00], sets_of(3), 100)
    assert sets_of(5) == 31 and sets_of(5, 2) == 15
