"""Scorecards from raw numbers: points, redistribution, gates, places."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocations.scorecards.catalogue import MEASURES, Raw, rounded
from allocations.scorecards.scheme import STARTING_TERMS, Scheme, read_scheme
from allocations.scorecards.scoring import INSUFFICIENT, Card, card_of, effective_weights, league, median
from portal.kernel.errors import Invalid


def scheme(measures: list[dict[str, object]], **more: object) -> Scheme:
    bands = [{"from": "0", "grade": "D", "consequence": "suspend"}, {"from": "70", "grade": "B", "consequence": "none"}]
    return read_scheme({"measures": measures, "gates": [], "bands": bands, "tickets": [], "least_weight": 0} | more)


def weighed(code: str, weight: int, floor: str, target: str, **more: object) -> dict[str, object]:
    return {"code": code, "weight": weight, "floor": floor, "target": target} | more


FOUR = [
    weighed("resolution_pct_pos", 30, "60", "80"),
    weighed("rollback_pct_pos", 10, "4", "12"),
    weighed("deposited_pct", 15, "90", "100"),
    weighed("evidence_pct", 15, "80", "100"),
]
RAWS = {
    "resolution_pct_pos": Raw(71, 100, 50),
    "rollback_pct_pos": Raw(8, 100, 50),
    "deposited_pct": Raw(96, 100, 50),
    "evidence_pct": Raw(91, 100, 50),
}


def scored(made: Scheme, raws: dict[str, Raw]) -> Card:
    return card_of(made, raws, {}, {})


def test_the_example_of_the_trade_comes_out() -> None:
    # domain notes §6: 16.5 + 5.0 + 9.0 + 8.25 = 38.75 of 70
    rest = weighed("audit_score", 30, "0", "100")
    card = scored(scheme([*FOUR, rest]), {**RAWS, "audit_score": Raw(0, 100, 1)})
    assert [str(each.points) for each in card.measures] == ["16.50", "5.00", "9.00", "8.25", "0.00"]
    assert card.score == Decimal("38.75")


def test_what_has_too_few_cases_gives_its_weight_to_the_others() -> None:
    few = weighed("audit_score", 30, "0", "100", least=2)
    card = scored(scheme([*FOUR, few]), {**RAWS, "audit_score": Raw(90, 1, 1)})
    assert card.measures[-1].state == INSUFFICIENT
    assert card.measures[-1].points == 0
    assert sum(each.weight for each in card.measures) == 100
    assert card.score == Decimal("55.36")  # 38.75 of 70


def test_no_score_where_too_little_was_measured() -> None:
    made = scheme([*FOUR, weighed("audit_score", 30, "0", "100")], least_weight=60)
    assert scored(made, RAWS).score is not None
    assert scored(made, {code: RAWS[code] for code in ("deposited_pct", "evidence_pct")}).score is None


@pytest.mark.parametrize(
    ("value", "points"), [(59, "0.00"), (60, "0.00"), (70, "50.00"), (80, "100.00"), (99, "100.00")]
)
def test_points_run_from_the_floor_to_the_target(value: int, points: str) -> None:
    card = scored(scheme([weighed("coverage_pct", 5, "60", "80")]), {"coverage_pct": Raw(value, 100, 9)})
    assert str(card.score) == points


@pytest.mark.parametrize(("value", "points"), [(15, "0.00"), (12, "50.00"), (9, "100.00"), (3, "100.00")])
def test_a_measure_of_which_less_is_better_runs_downwards(value: int, points: str) -> None:
    card = scored(scheme([weighed("cost_pct", 5, "15", "9")]), {"cost_pct": Raw(value, 100, 9)})
    assert str(card.score) == points


GATE = {"code": "uncertified", "measure": "certified_pct", "below": "100", "says": "An agent has no certificate."}
CERTIFIED = weighed("certified_pct", 0, "90", "100")


@pytest.mark.parametrize(
    ("valid", "of", "gates", "consequence"),
    [(9, 9, [], "none"), (8, 9, ["uncertified"], "watch_list"), (0, 0, [], "none")],
)
def test_a_gate_overrides_a_good_score(valid: int, of: int, gates: list[str], consequence: str) -> None:
    made = scheme([weighed("coverage_pct", 5, "0", "50"), CERTIFIED], gates=[GATE])
    card = scored(made, {"coverage_pct": Raw(9, 10, 9), "certified_pct": Raw(valid, of, of)})
    assert (card.score, card.grade) == (Decimal(100), "B")
    assert [gate.code for gate in card.gates] == gates
    assert card.consequence == consequence


def test_a_gate_never_makes_a_bad_score_milder() -> None:
    made = scheme([weighed("coverage_pct", 5, "50", "90"), CERTIFIED], gates=[GATE])
    card = scored(made, {"coverage_pct": Raw(1, 10, 9), "certified_pct": Raw(1, 2, 2)})
    assert (card.grade, card.consequence) == ("D", "suspend")


def test_equal_scores_share_a_place_and_few_peers_have_no_median() -> None:
    made = scheme([weighed("coverage_pct", 5, "0", "100"), weighed("intensity", 0, "0", "4")])
    cards = {
        no: scored(made, {"coverage_pct": Raw(value, 100, 9), **({"intensity": Raw(1, 1, 1)} if no < 2 else {})})
        for no, value in enumerate((50, 70, 70, 0))
    } | {9: scored(made, {})}
    ranked = league(cards)
    assert {no: card.place for no, card in ranked.items()} == {0: 3, 1: 1, 2: 1, 3: 4, 9: None}
    assert {card.places for card in ranked.values()} == {4}
    medians = {each.code: each.median for each in ranked[0].measures}
    assert medians == {"coverage_pct": Fraction(60), "intensity": None}


def test_the_median_of_an_even_number_lies_between() -> None:
    assert median([Fraction(3), Fraction(1), Fraction(2), Fraction(10)]) == Fraction(5, 2)
    assert median([Fraction(3), Fraction(1), Fraction(2)]) == 2


weights = st.dictionaries(st.sampled_from(sorted(MEASURES)), st.integers(1, 100), min_size=1)


@given(weights, st.data())
def test_weights_of_what_counts_always_add_up_to_a_hundred(given_: dict[str, int], data: st.DataObject) -> None:
    counted = set(data.draw(st.lists(st.sampled_from(sorted(given_)), min_size=1)))
    spread = effective_weights(given_, counted)
    assert sum(spread.values()) == 100
    assert set(spread) == counted
    total = sum(given_[code] for code in counted)
    assert all(abs(spread[code] - Decimal(100 * given_[code]) / total) < Decimal("0.01") for code in counted)


raws = st.builds(Raw, st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 100))
STARTING = read_scheme({**STARTING_TERMS})


@given(st.dictionaries(st.sampled_from(sorted(MEASURES)), raws))
def test_a_score_is_the_sum_of_the_points_shown_and_stays_within_its_bounds(given_: dict[str, Raw]) -> None:
    card = scored(STARTING, given_)
    assert all(Decimal(0) <= each.points <= each.weight for each in card.measures)
    if card.score is not None:
        assert card.score == sum(each.points for each in card.measures)
        assert 0 <= card.score <= 100
    assert scored(STARTING, dict(reversed(given_.items()))) == card


@given(st.dictionaries(st.sampled_from(sorted(MEASURES)), raws), st.sampled_from(sorted(MEASURES)))
def test_doing_better_never_costs_points(given_: dict[str, Raw], code: str) -> None:
    plain = [{**each, "like_for_like": False, "least": 1} for each in STARTING_TERMS["measures"]]
    made = read_scheme({**STARTING_TERMS, "measures": plain})
    raw = Raw(*(given_.get(code, Raw(1, 2, 5)).numerator, 10**6, 5))
    better = Raw(raw.numerator + 10_000 if MEASURES[code].better == "higher" else raw.numerator // 2, 10**6, 5)
    worse, best = scored(made, {**given_, code: raw}), scored(made, {**given_, code: better})
    points = lambda card: next(each.points for each in card.measures if each.code == code)  # noqa: E731
    assert points(best) >= points(worse)


ROUNDED = [(1, 3, "0.33"), (5, 1000, "0.01"), (-5, 1000, "-0.01"), (-1, 1000, "0.00"), (7, 1, "7.00")]


@pytest.mark.parametrize(("over", "under", "text"), ROUNDED)
def test_values_are_rounded_half_up(over: int, under: int, text: str) -> None:
    assert rounded(Fraction(over, under)) == text


def test_every_fault_of_a_scheme_is_told_at_once() -> None:
    terms = {
        "measures": [
            weighed("nonsense", 5, "1", "2"),
            weighed("coverage_pct", 5, "90", "50"),
            weighed("cost_pct", 5, "6", "6"),
            weighed("intensity", 5, "x", "2", like_for_like=True),
            weighed("intensity", 101, "1", "2"),
        ],
        "gates": [{"code": "g", "measure": "cost_pct", "says": "x", "above": "1", "below": "2"}],
        "bands": [{"from": "10", "grade": "", "consequence": "shoot"}],
        "tickets": [5, 3],
        "least_weight": 999,
        "held_before": "no",
    }
    with pytest.raises(Invalid) as refused:
        read_scheme(terms)
    codes = {problem.code for problem in refused.value.problems}
    assert codes == {
        *("unknown_measure", "wrong_way", "no_span", "not_a_number", "not_mixed", "not_whole", "gate_limit"),
        *("band_grade", "unknown_consequence", "tickets_order", "least_weight", "bands_gap", "no_weight"),
        "not_yes_no",
    }


def test_a_gate_on_what_is_not_measured_is_a_fault() -> None:
    """It would never be missed, and nobody would know."""
    left = [each for each in STARTING_TERMS["measures"] if each["code"] != "certified_pct"]
    with pytest.raises(Invalid, match="does not measure"):
        read_scheme({**STARTING_TERMS, "measures": left})


@pytest.mark.parametrize(
    "typed", ["NaN", "sNaN", "1e10", "-1e10", "0e999999999", "1e-5", "0.00001", "Infinity", "1,5", None, 1.5]
)
def test_a_number_no_scale_has_is_a_fault_and_no_long_wait(typed: object) -> None:
    with pytest.raises(Invalid) as refused:
        read_scheme({**STARTING_TERMS, "measures": [weighed("coverage_pct", 100, typed, "90")]})  # type: ignore[arg-type]
    assert "not_a_number" in {problem.code for problem in refused.value.problems}


def test_what_we_start_with_names_all_seventeen() -> None:
    assert len(MEASURES) == 17
    assert [each.code for each in STARTING.measures] == list(MEASURES)
    assert sum(each.weight for each in STARTING.measures) == 100
