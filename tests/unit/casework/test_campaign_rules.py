"""Campaigns: the draw is the same for everybody, and what a campaign did is told from luck."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from allocations.casework.campaigns.drawing import is_control
from allocations.casework.campaigns.lift import FEWEST, Arm, cost_per_rupee, extra_minor, lift


def arm(accounts: int, paid: int, each_minor: int = 10_000) -> Arm:
    """Accounts with the same sum overdue; who paid, paid all of it."""
    overdue, came = accounts * each_minor, paid * each_minor
    return Arm(accounts, paid, overdue, came, came, accounts * each_minor**2)


def test_the_draw_depends_on_seed_and_number_alone():
    numbers = [f"LN{no:05}" for no in range(5_000)]
    drawn = [is_control("autumn", no, 20) for no in numbers]
    assert drawn == [is_control("autumn", no, 20) for no in numbers] != [is_control("spring", no, 20) for no in numbers]
    assert 900 < sum(drawn) < 1_100
    assert not any(is_control("autumn", no, 0) for no in numbers[:200])
    assert all(is_control("autumn", no, 50) for no in numbers if is_control("autumn", no, 20))


def test_a_large_difference_is_beyond_chance_and_a_small_one_is_not():
    found = lift(arm(400, 120).by_count, arm(100, 15).by_count)
    assert found and found.points == 15 and found.is_beyond_chance and found.low > 0
    small = lift(arm(400, 66).by_count, arm(100, 15).by_count)
    assert small and small.points == Fraction(3, 2) and not small.is_beyond_chance and small.low < 0 < small.high


def test_too_few_accounts_say_nothing_and_nobody_paid_is_no_difference():
    assert lift(arm(FEWEST - 1, 9).by_count, arm(100, 10).by_count) is None
    assert lift(arm(FEWEST, 9).by_count, arm(FEWEST, 9).by_count) is not None
    nothing = lift(arm(50, 0).by_count, arm(50, 0).by_count)
    assert nothing and (nothing.points, nothing.chance) == (0, 1) and not nothing.is_beyond_chance
    assert lift(arm(50, 0, 0).by_money, arm(50, 0, 0).by_money) is None
    assert cost_per_rupee(500, arm(50, 0)) is None and cost_per_rupee(500, arm(50, 1)) == Fraction(1, 20)


@settings(max_examples=30)
@given(st.integers(30, 400), st.integers(30, 400), st.data())
def test_the_interval_holds_the_difference_and_turns_round_with_the_groups(first, second, data):
    one = arm(first, data.draw(st.integers(0, first)))
    other = arm(second, data.draw(st.integers(0, second)))
    found, turned = lift(one.by_money, other.by_money), lift(other.by_money, one.by_money)
    assert found and turned
    assert found.low <= found.points <= found.high and found.points == -turned.points and found.low == -turned.high
    assert found.chance == turned.chance
    extra = extra_minor(one, found)
    assert extra is not None and abs(extra - found.points * one.overdue_minor / 100) <= Fraction(1, 2)
