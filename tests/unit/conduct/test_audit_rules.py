"""Drawing visits: the same seed draws the same, in proportion, whatever the order; and the rate with its interval."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from allocations.casework.conduct.audit_rules import draw, draw_problems, how_many, rate_of

STRATA = st.dictionaries(
    st.sampled_from("ABCDE"), st.lists(st.integers(0, 999).map(str), min_size=1, max_size=20, unique=True), min_size=1
)


@settings(max_examples=40)
@given(strata=STRATA, wanted=st.integers(0, 60), seed=st.text("abc0", max_size=4))
def test_a_draw_is_of_the_visits_in_proportion_and_knows_no_order(strata, wanted, seed):
    visits = {name: [f"{name}{ref}" for ref in refs] for name, refs in strata.items()}
    drawn = draw(visits, wanted, seed)
    total = sum(len(refs) for refs in visits.values())
    assert sum(len(refs) for refs in drawn.values()) == min(wanted, total)
    assert drawn == draw({name: list(reversed(visits[name])) for name in reversed(list(visits))}, wanted, seed)
    for name, refs in drawn.items():
        assert set(refs) <= set(visits[name]) and len(set(refs)) == len(refs)
        assert abs(len(refs) - Fraction(min(wanted, total) * len(visits[name]), total)) < 1


def test_how_many_is_a_number_or_a_share_rounded_up_and_never_more_than_there_are():
    assert [how_many(7, 3, None), how_many(2, 3, None), how_many(7, None, Fraction(1, 10))] == [3, 2, 1]
    assert [each.column for each in draw_problems(None, None)] == ["count"]
    assert [each.column for each in draw_problems(5, Fraction(1, 2))] == ["count"]
    assert [each.column for each in draw_problems(None, Fraction(3, 2))] == ["share"]


def test_the_rate_is_of_those_reached_with_wilsons_interval():
    rate = rate_of(18, 2, 5, 0)
    assert (rate.percent, rate.low, rate.high, rate.reached) == (Decimal("90.0"), Decimal("69.9"), Decimal("97.2"), 20)
    assert rate_of(0, 0, 5, 0).percent is None
    assert (rate_of(3, 0, 0, 0).high, rate_of(0, 3, 0, 0).low) == (Decimal("100.0"), Decimal("0.0"))
