"""What an offer gives up, is worth, departs from and needs: examples and what always holds."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from allocations.casework.offer_rules import (
    assess,
    expected_value,
    flag_problems,
    level_of,
    matrix_level,
    percent,
    present_value,
    share_text,
    split_sacrifice,
)
from allocations.casework.schedules import Instalment, as_rows, even
from portal.starting_rows import SETTINGS

HOUSE = {code: value for code, value, _, _ in SETTINGS}
LEVELS = HOUSE["compromise.levels"]
DAY = date(2026, 11, 2)
AMOUNT = st.integers(0, 10**11)


def facts(**changes: Any) -> dict[str, Any]:
    """Ninety thousand offered on a lakh, in three instalments; nothing about it is unusual."""
    found: dict[str, Any] = {
        "currency": "INR",
        "total_minor": 100_000_00,
        "principal_minor": 80_000_00,
        "interest_minor": 15_000_00,
        "charges_minor": 5_000_00,
        "offer_minor": 90_000_00,
        "from_on": "2026-11-02",
        "valued_on": "2026-11-02",
        "schedule": as_rows(even(90_000_00, 3, date(2026, 11, 20))),
        "security_minor": 60_000_00,
        "dpd_days": 200,
        "asset_class": "substandard",
        "borrower": "ordinary",
        "is_restructuring": False,
        "without_prejudice": False,
        "previous_ended_on": None,
        "sanctioned_level": 1,
        "levels": LEVELS,
        "policy": HOUSE["compromise.policy"],
        "value": HOUSE["compromise.value"],
    }
    return found | changes


def codes(**changes: Any) -> list[str]:
    return [each["code"] for each in assess(facts(**changes))["deviations"]]


@given(AMOUNT, AMOUNT, AMOUNT, st.data())
@settings(max_examples=60)
def test_a_split_ties_and_gives_up_the_principal_last(principal: int, interest: int, charges: int, data: Any) -> None:
    total = principal + interest + charges
    offer = data.draw(st.integers(0, total))
    split = split_sacrifice(principal, interest, charges, offer)
    assert split.total_minor == total - offer
    assert 0 <= split.principal_minor <= principal and 0 <= split.interest_minor <= interest
    assert 0 <= split.charges_minor <= charges
    assert split.principal_minor == 0 or (split.interest_minor, split.charges_minor) == (interest, charges)
    assert split.interest_minor == 0 or split.charges_minor == charges


@given(st.lists(st.tuples(st.integers(0, 900), st.integers(1, 10**9)), min_size=1, max_size=6), st.integers(0, 40))
@settings(max_examples=40)
def test_the_present_value_lies_below_the_sum_and_falls_with_the_rate(rows: list[Any], rate: int) -> None:
    schedule = tuple(Instalment(DAY + timedelta(days=days), minor) for days, minor in sorted(rows))
    total = sum(each.amount_minor for each in schedule)
    worth = present_value(schedule, Decimal(rate) / 100, DAY)
    assert 0 <= worth <= total and worth >= present_value(schedule, Decimal(rate + 1) / 100, DAY)
    assert present_value(schedule, Decimal(0), DAY) == total
    assert present_value(schedule, Decimal(rate) / 100, DAY + timedelta(days=1_000)) == total


def test_values_by_hand() -> None:
    year_on = (Instalment(date(2027, 11, 2), 112_000_00),)
    assert present_value(year_on, Decimal("0.12"), DAY) == 100_000_00
    # 73 days are a fifth of a year: 100000 / 1.12^0.2 = 97758.92…
    assert present_value((Instalment(DAY + timedelta(days=73), 100_000_00),), Decimal("0.12"), DAY) == 97_758_92
    assert expected_value(100_000_00, Decimal("0.70"), 24, Decimal("0.12"), DAY) == 55_786_25
    assert (percent(Fraction(5, 16)), percent("0.60"), share_text(Fraction(1, 3))) == ("31.25 %", "60 %", "0.333333")


def test_an_ordinary_offer_departs_from_nothing_and_goes_one_level_above() -> None:
    found = assess(facts())
    assert found["deviations"] == [] and (found["matrix_level"], found["needed_level"]) == (1, 2)
    assert found["waived"] == {"principal_minor": 0, "interest_minor": 5_000_00, "charges_minor": 5_000_00}
    assert (found["sacrifice_minor"], found["sacrifice_share"]) == (10_000_00, "0.100000")
    assert found["present_minor"] < 90_000_00 and found["last_due_on"] == "2027-01-20"


def test_each_departure_from_the_policy_is_named_on_its_own_side_of_the_line() -> None:
    assert codes(dpd_days=90) == ["young"] and codes(dpd_days=91) == []
    assert codes(asset_class="standard", total_minor=100_000_01, interest_minor=15_000_01) == ["too_much"]
    assert codes(asset_class="standard") == []  # a tenth exactly
    assert codes(security_minor=150_000_00) == [] and codes(security_minor=150_000_02) == ["below_security"]
    assert codes(security_minor=None) == []
    on_the_day = [{"due_on": "2027-02-02", "amount_minor": 90_000_00}]
    day_after = [{"due_on": "2027-02-03", "amount_minor": 90_000_00}]
    assert codes(schedule=on_the_day) == [] and codes(schedule=day_after) == ["restructuring"]
    assert codes(previous_ended_on="2025-11-02") == [] and codes(previous_ended_on="2025-11-03") == ["cooling"]
    assert codes(borrower="fraud") == codes(borrower="wilful") == ["wilful_or_fraud"]


def test_what_must_be_said_expressly() -> None:
    late = facts(schedule=[{"due_on": "2027-12-02", "amount_minor": 90_000_00}], borrower="fraud")
    found = assess(late)["deviations"]
    assert [each.code for each in flag_problems(late, found)] == ["restructuring", "without_prejudice"]
    assert list(flag_problems(late | {"is_restructuring": True, "without_prejudice": True}, found)) == []


def test_the_level_is_the_matrix_s_the_sanctioner_s_or_the_departure_s() -> None:
    assert matrix_level(LEVELS, Fraction("0.10"), 5_000_000) == 1
    assert matrix_level(LEVELS, Fraction("0.10"), 5_000_001) == matrix_level(LEVELS, Fraction("0.101"), 1) == 2
    assert matrix_level(LEVELS[:2], Fraction("0.9"), 1) == 2  # nobody stands above
    needs = lambda **changes: assess(facts(**changes))["needed_level"]  # noqa: E731
    assert [needs(sanctioned_level=level) for level in (1, 2, 4, 5)] == [2, 3, 5, 5]
    assert needs(dpd_days=10) == 3  # what departs from the policy: the zone at least
    assert needs(offer_minor=30_000_00, schedule=as_rows(even(30_000_00, 1, DAY))) == 5  # 70 %: level 4, and one more
    approvers = {"others": 2, "people": {"Head@bank.example": 4}}
    assert (level_of("head@Bank.example", approvers), level_of("x@y", approvers)) == (4, 2)


@given(st.integers(1, 99_999_99), st.integers(1, 5), st.integers(0, 400))
@settings(max_examples=40)
def test_more_given_up_or_sanctioned_higher_never_asks_for_a_lower_level(offer: int, level: int, dpd: int) -> None:
    def needed(offer: int, level: int) -> int:
        given = facts(offer_minor=offer, schedule=as_rows(even(offer, 1, DAY)), sanctioned_level=level, dpd_days=dpd)
        return int(assess(given)["needed_level"])

    assert needed(offer, level) >= needed(offer + 1, level) if offer + 1 < 100_000_00 else True
    assert needed(offer, level) <= needed(offer, min(level + 1, 5)) <= 5
