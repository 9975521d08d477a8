"""Why a score moved, and cards derived again from what was kept."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from allocations.scorecards.catalogue import MEASURES, Raw
from allocations.scorecards.explaining import luck, standing, sum_of, why_moved
from allocations.scorecards.mix import Stratum
from allocations.scorecards.records import card_record, derive, inputs_of
from allocations.scorecards.scheme import STARTING_TERMS, read_scheme

SCHEME = read_scheme(STARTING_TERMS)


def month(**raws: Raw) -> dict[str, Any]:
    """One agency beside another with the same accounts."""
    held = Raw(800, 1000, 50)
    strata = [Stratum(("1-30", "PL", "0", ""), 50, 1000, 25_000, 800)]
    inputs = inputs_of({"resolution_pct_pos": held, **raws}, {"resolution_pct_pos": strata})
    return card_record(derive(SCHEME, {1: inputs, 2: inputs})[1])


BOTH = {"deposited_pct": Raw(99, 100, 100)}
FIRST = {"coverage_pct": Raw(90, 100, 100), "cost_pct": Raw(6, 100, 40), "recovery_pct": Raw(5, 100, 90)}
SECOND = {"coverage_pct": Raw(70, 100, 100), "intensity": Raw(300, 100, 100), "recovery_pct": Raw(9, 100, 90)}
BEFORE = month(**BOTH, **FIRST)
NOW = month(**BOTH, **SECOND, right_party_pct=Raw(30, 100, 100))


def test_what_moved_a_score_adds_up_to_the_move() -> None:
    steps = why_moved(BEFORE["measures"], NOW["measures"])
    assert sum_of(steps) == Decimal(NOW["score"]) - Decimal(BEFORE["score"])
    words = {step.code: step.words for step in steps}
    assert words["coverage_pct"] == "Coverage fell from 90.00 % to 70.00 %."
    assert words["recovery_pct"] == "Recovery rose from 5.00 % to 9.00 %."
    assert words["cost_pct"].startswith("Cost to collect counted last month and does not this month: 0 payments")
    assert words["intensity"] == "Intensity counts this month and did not last month: 0 accounts where 30 are needed."
    assert "stayed at 99.00 %; its weight went from" in words["deposited_pct"]


def test_a_measure_that_stayed_while_its_scheme_changed_blames_no_other_measure() -> None:
    was = next(each for each in NOW["measures"] if each["code"] == "recovery_pct")
    (step,) = why_moved([was], [{**was, "points": "1.00", "target": "40"}])
    assert step.words == "Recovery stayed at 9.00 %; its floor or target is another, or it moved by less than is shown."


def test_nothing_moved_says_nothing() -> None:
    assert why_moved(NOW["measures"], NOW["measures"]) == []


def test_each_measure_says_where_it_stands() -> None:
    said = {each["code"]: standing(each) for each in NOW["measures"]}
    assert said["resolution_pct_pos"] == "80.00 % like for like (80.00 % as it was)."
    assert said["cost_pct"] == "Insufficient: 0 payments, 10 are needed."
    mixed = next(each for each in NOW["measures"] if each["mix"])
    assert luck(mixed) == (
        "Of accounts alike by opening bucket, product, band of principal and region anybody could expect 80.00 %; it reached"
        " 80.00 %. That may be luck. With everybody's mix of accounts that makes 80.00 %; luck alone carries it, 19 times of 20, no"
        " further than from 67.60 % to 92.40 %."
    )


raws = st.builds(Raw, st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 100))
agencies = st.dictionaries(st.integers(1, 5), st.dictionaries(st.sampled_from(sorted(MEASURES)), raws), min_size=1)


@given(agencies)
def test_cards_are_the_same_in_whatever_order_agencies_come(world: dict[int, dict[str, Raw]]) -> None:
    inputs = {agency: inputs_of(numbers, {}) for agency, numbers in world.items()}
    forth = {agency: card_record(card) for agency, card in derive(SCHEME, inputs).items()}
    back = derive(SCHEME, dict(reversed(inputs.items())))
    assert forth == {agency: card_record(card) for agency, card in back.items()}


def one_card(world: dict[int, dict[str, Raw]]) -> dict[str, Any]:
    cards = derive(SCHEME, {agency: inputs_of(numbers, {}) for agency, numbers in world.items()})
    return card_record(next(iter(cards.values())))


@given(agencies, agencies)
def test_the_steps_of_any_two_months_add_up(
    first: dict[int, dict[str, Raw]], second: dict[int, dict[str, Raw]]
) -> None:
    cards = [one_card(world) for world in (first, second)]
    steps = why_moved(cards[0]["measures"], cards[1]["measures"])
    points = [sum((Decimal(each["points"]) for each in card["measures"]), Decimal(0)) for card in cards]
    assert sum_of(steps) == points[1] - points[0]
    assert all(step.words.endswith(".") for step in steps)
