"""Like for like: hard accounts punish nobody, and luck is told from skill."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocations.scorecards.mix import LikeForLike, Stratum, contest, like_for_like, merged, parts_alike, portfolio


def accounts(kind: str, held: int, reached: int, principal: int = 100) -> Stratum:
    """So many accounts of one principal each."""
    return Stratum((kind,), held, held * principal, held * principal**2, reached * principal)


def judged(agencies: dict[int, list[Stratum]], agency: int) -> LikeForLike:
    found = like_for_like(agencies[agency], portfolio(agencies))
    assert found is not None
    return found


EASY_AND_HARD = {
    1: [accounts("easy", 900, 810), accounts("hard", 100, 20)],  # 83 % raw, as good as anybody in each kind
    2: [accounts("easy", 100, 90), accounts("hard", 900, 180)],  # 27 % raw, likewise
}


def test_two_agencies_as_good_as_each_other_come_out_equal_whatever_they_were_given() -> None:
    first, second = judged(EASY_AND_HARD, 1), judged(EASY_AND_HARD, 2)
    assert (first.raw, second.raw) == (83, 27)
    assert first.adjusted == second.adjusted == 55
    assert not first.is_beyond_chance
    assert not second.is_beyond_chance


def test_who_does_better_on_hard_accounts_comes_out_better() -> None:
    agencies = {**EASY_AND_HARD, 2: [accounts("easy", 100, 90), accounts("hard", 900, 300)]}
    first, second = judged(agencies, 1), judged(agencies, 2)
    assert first.raw > second.raw
    assert first.adjusted < second.adjusted


def test_few_accounts_say_little() -> None:
    many = {1: [accounts("easy", 1000, 600)], 2: [accounts("easy", 1000, 500)]}
    few = {1: [accounts("easy", 10, 6)], 2: [accounts("easy", 10, 5)]}
    assert judged(many, 1).is_beyond_chance
    assert not judged(few, 1).is_beyond_chance
    assert judged(few, 1).high - judged(few, 1).low > judged(many, 1).high - judged(many, 1).low


def test_one_large_account_makes_the_interval_wide() -> None:
    one = Stratum(("easy",), 11, 2000, 1000**2 + 10 * 100**2, 1200)
    even = Stratum(("easy",), 20, 2000, 20 * 100**2, 1200)
    wide = judged({1: [one], 2: [accounts("easy", 1000, 500)]}, 1)
    narrow = judged({1: [even], 2: [accounts("easy", 1000, 500)]}, 1)
    assert wide.high - wide.low > narrow.high - narrow.low


def test_kinds_that_nobody_else_has_say_nothing() -> None:
    alone = {1: [accounts("gold", 50, 45)], 2: [accounts("easy", 50, 5)]}
    found = judged(alone, 1)
    assert found.comparable == 0
    assert found.raw == found.expected
    assert found.adjusted == 50  # the portfolio's own


def fine(bucket: str, product: str, region: str, weight: int = 100) -> Stratum:
    return Stratum((bucket, product, "0", region), 1, weight, weight**2, 0)


def test_kinds_are_told_apart_as_finely_as_half_of_the_principal_allows() -> None:
    same = [fine("1-30", "PL", "West")]
    assert parts_alike({1: same, 2: same}) == 4
    assert parts_alike({1: same, 2: [fine("1-30", "PL", "East")]}) == 3
    assert parts_alike({1: same, 2: [fine("1-30", "HL", "West")]}) == 1
    assert parts_alike({1: same, 2: [fine("31-60", "PL", "West")]}) == 0
    assert parts_alike({1: [*same, fine("1-30", "HL", "West", 99)], 2: same}) == 4
    assert parts_alike({1: [*same, fine("31-60", "HL", "West", 201)], 2: same}) == 0
    again = [Stratum((*same[0].key, "again"), 1, 100, 100**2, 0)]
    assert parts_alike({1: again, 2: again}) == 5 and parts_alike({1: again, 2: same}) == 4


def test_kinds_that_differ_only_in_what_is_left_out_become_one() -> None:
    found = merged([fine("1-30", "PL", "West"), fine("1-30", "PL", "East"), fine("31-60", "PL", "East")], 2)
    assert [(each.key, each.accounts, each.weight, each.squares) for each in found] == [
        (("1-30", "PL"), 2, 200, 20_000),
        (("31-60", "PL"), 1, 100, 10_000),
    ]


def test_without_accounts_there_is_nothing_to_compare() -> None:
    assert like_for_like([], portfolio(EASY_AND_HARD)) is None


def test_champion_and_challenger_are_told_apart_only_beyond_chance() -> None:
    clear = contest([accounts("a", 400, 280)], [accounts("a", 400, 200)])
    assert clear is not None
    assert clear.difference == 20
    assert clear.is_decided
    luck = contest([accounts("a", 20, 11)], [accounts("a", 20, 10)])
    assert luck is not None
    assert not luck.is_decided
    assert contest([accounts("a", 20, 11)], [accounts("b", 20, 10)]) is None


def test_one_account_against_another_proves_nothing() -> None:
    found = contest([accounts("a", 1, 1)], [accounts("a", 1, 0)])
    assert found is not None
    assert found.difference == 100
    assert not found.is_decided
    many = contest([accounts("a", 30, 30)], [accounts("a", 30, 0)])
    assert many is not None
    assert many.is_decided


def test_luck_reaches_as_far_where_its_interval_ends_at_a_hundred() -> None:
    """Twenty accounts of twenty where nineteen are expected: the interval is cut off at 100, what may be luck is not."""
    found = judged({1: [accounts("easy", 20, 20)], 2: [accounts("easy", 980, 930)]}, 1)
    assert found.high == 100
    assert found.high - found.low < 2 * found.margin
    assert found.raw - found.expected > (found.high - found.low) / 2
    assert not found.is_beyond_chance


def test_a_contest_looks_only_at_what_both_had() -> None:
    found = contest([accounts("a", 100, 50), accounts("b", 300, 290)], [accounts("a", 100, 50)])
    assert found is not None
    assert (found.difference, found.share, found.strata) == (0, 25, 1)
    assert found.chance == pytest.approx(1)


strata = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(1, 50), st.integers(0, 50)).map(
        lambda drawn: accounts(drawn[0], drawn[1], min(drawn[1], drawn[2]))
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda each: each.key,
)
worlds = st.dictionaries(st.integers(1, 4), strata, min_size=1)


@given(worlds)
def test_the_adjusted_results_weigh_up_to_the_portfolios(world: dict[int, list[Stratum]]) -> None:
    """What one is above expectation, others are below: nothing is given away by adjusting."""
    whole = portfolio(world)
    above = sum(
        (found.raw - found.expected) * sum(each.weight for each in own)
        for own in world.values()
        if (found := like_for_like(own, whole))
    )
    assert above == 0


@given(worlds)
def test_an_interval_holds_its_result_and_stays_a_share(world: dict[int, list[Stratum]]) -> None:
    for own in world.values():
        found = like_for_like(own, portfolio(world))
        assert found is not None
        assert 0 <= found.low <= found.adjusted <= found.high <= 100
        assert isinstance(found.adjusted, Fraction)


@given(strata, strata)
def test_a_contest_turned_round_says_the_same(first: list[Stratum], second: list[Stratum]) -> None:
    forth, back = contest(first, second), contest(second, first)
    assert (forth is None) == (back is None)
    if forth and back:
        assert forth.difference == -back.difference
        assert forth.chance == back.chance
