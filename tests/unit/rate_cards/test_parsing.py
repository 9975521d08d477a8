"""Every mistake of a card at once, each with its place, code and cure."""

from __future__ import annotations

import json
import tomllib
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from payouts.rate_cards.parsing import examine, read_card
from payouts.rate_cards.reading import exact
from portal.kernel.errors import Invalid

GOOD = """
code = "C"
currency = "INR"
effective_from = 2026-04-01
[[rule]]
id = "r"
driver = "resolution_pct_pos"
slabs = [ {from = 0, rate = "0.04"}, {from = 65, rate = 0.06} ]
"""


def problems_of(text: str) -> dict[str, str]:
    """place -> code"""
    _, problems = examine(tomllib.loads(text, parse_float=Decimal))
    assert all(problem.message for problem in problems)
    return {problem.column: problem.code for problem in problems}


def with_rule(**changes: Any) -> dict[str, str]:
    data: dict[str, Any] = {"code": "C", "currency": "INR", "effective_from": "2026-04-01"}
    rule: dict[str, Any] = {"id": "r", "slabs": [{"from": 0, "rate": "0.04"}]} | changes
    _, problems = examine(data | {"rule": [rule]})
    return {problem.column: problem.code for problem in problems}


def test_a_good_card_reads_to_exact_numbers() -> None:
    card = read_card(GOOD)
    assert [slab.rate for slab in card.rules[0].slabs] == [Fraction(4, 100), Fraction(6, 100)]
    assert card.rules[0].slabs[1].start == 65
    assert card.effective_by == "allocation"


def test_toml_and_json_read_to_the_same_card() -> None:
    data = tomllib.loads(GOOD, parse_float=Decimal)
    as_json = json.dumps(data, default=str)
    assert read_card(as_json) == read_card(GOOD)


def test_every_mistake_comes_out_at_once() -> None:
    found = problems_of(
        """
        code = "C"
        currency = "INR"
        effective_from = "2026-02-30"
        colour = "red"
        [[rule]]
        id = "r"
        earn_on = "cash"
        driver = "resolution"
        slabs = [ {from = 5, rate = "1.5"}, {from = 3, rate = "-0.1"} ]
        cap = { per = "line", amount = "-5" }
        [[rule]]
        id = "r"
        mode = "marginal"
        driver = "resolution_pct_pos"
        slabs = [ {from = 0, rate = "0.1"} ]
        """
    )
    assert found == {
        "effective_from": "bad_date",
        "colour": "unknown_key",
        "rule[r].earn_on": "unknown_key",
        "rule[r].driver": "unknown_driver",
        "rule[r].slabs[1].from": "gap",
        "rule[r].slabs[1].rate": "rate_above_one",
        "rule[r].slabs[2].from": "from_out_of_order",
        "rule[r].slabs[2].rate": "negative",
        "rule[r].cap.amount": "negative",
        "rule[r].mode": "marginal_unit",
        "rule[r]": "duplicate_id",
    }


@pytest.mark.parametrize(
    ("changes", "place", "code"),
    [
        ({"slabs": []}, "rule[r].slabs", "missing"),
        ({"slabs": [{"from": 0}]}, "rule[r].slabs[1]", "rate_or_amount"),
        ({"slabs": [{"from": 0, "rate": "0.1", "amount": "5"}]}, "rule[r].slabs[1]", "rate_or_amount"),
        ({"slabs": [{"from": 0, "rate": True}]}, "rule[r].slabs[1].rate", "bad_number"),
        ({"slabs": [{"from": 0, "rate": "4%"}]}, "rule[r].slabs[1].rate", "bad_number"),
        ({"slabs": [{"from": 0, "rate": "NaN"}]}, "rule[r].slabs[1].rate", "bad_number"),
        ({"slabs": [{"from": 0, "rate": "1e400"}]}, "rule[r].slabs[1].rate", "bad_number"),
        ({"slabs": [{"from": 0, "amount": "5.001"}]}, "rule[r].slabs[1].amount", "bad_amount"),
        ({"slabs": [{"from": 0, "amount": "USD 5"}]}, "rule[r].slabs[1].amount", "mixed_currency"),
        ({"slabs": [{"from": 0, "rate": "0.1"}, {"from": 5, "rate": "0.2"}]}, "rule[r].slabs", "no_driver"),
        ({"cap": {"per": "planet", "amount": "5"}}, "rule[r].cap.per", "unknown_value"),
        ({"cap": {"per": "line", "amount": "5", "currency": "KES"}}, "rule[r].cap.currency", "mixed_currency"),
        ({"cap": "5000"}, "rule[r].cap", "bad_table"),
        ({"when": {"outcome": ["cured"]}}, "rule[r].when.outcome", "unknown_value"),
        ({"when": {"prodct": ["PL"]}}, "rule[r].when.prodct", "unknown_key"),
        ({"when": {"product": []}}, "rule[r].when.product", "bad_list"),
        ({"when": {"dpd_days": [60, 30]}}, "rule[r].when.dpd_days", "from_out_of_order"),
        ({"when": {"dpd_days": ["x", 30]}}, "rule[r].when.dpd_days", "bad_range"),
        ({"components": ["capital"]}, "rule[r].components", "unknown_value"),
        ({"lag": [{"factor": "1"}, {"within_days": 1, "factor": "1"}]}, "rule[r].lag[1].within_days", "from_out_of_order"),
        ({"lag": [{"within_days": 3, "factor": "1"}, {"within_days": 1, "factor": "1"}]},
         "rule[r].lag[2].within_days", "from_out_of_order"),
        ({"lag": [{"within_days": 1, "factor": "90"}]}, "rule[r].lag[1].factor", "factor_too_high"),
        ({"earns_on": "account", "mode": "marginal", "driver": "confirmed_amount"}, "rule[r].mode", "marginal_unit"),
        ({"mode": "marginal"}, "rule[r].mode", "marginal_unit"),
        ({"driver": "score", "slabs": [{"from": 0, "rate": "0"}, {"from": 101, "rate": "0"}]},
         "rule[r].slabs[2].from", "out_of_range"),
        ({"slabs": [{"from": 0, "to": 5, "rate": "0.1"}]}, "rule[r].slabs[1].to", "gap"),
        ({"id": 7}, "rule[7].id", "bad_text"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_where_it_stands(changes: dict[str, Any], place: str, code: str) -> None:
    found = with_rule(**changes)
    key = place if place in found else place.replace("rule[7]", "rule[1]")
    assert found.get(key) == code, found


def test_a_stated_end_must_meet_the_next_slab() -> None:
    driver = "resolution_pct_pos"
    gap = [{"from": 0, "to": 60, "rate": "0.1"}, {"from": 65, "rate": "0.2"}]
    overlap = [{"from": 0, "to": 70, "rate": "0.1"}, {"from": 65, "rate": "0.2"}]
    closed = [{"from": 0, "to": 65, "rate": "0.1"}, {"from": 65, "to": 100, "rate": "0.2"}]
    agreed = [{"from": 0, "to": 65, "rate": "0.1"}, {"from": 65, "rate": "0.2"}]
    assert with_rule(driver=driver, slabs=gap) == {"rule[r].slabs[1].to": "gap"}
    assert with_rule(driver=driver, slabs=overlap) == {"rule[r].slabs[1].to": "overlap"}
    assert with_rule(driver=driver, slabs=closed) == {"rule[r].slabs[2].to": "gap"}
    assert with_rule(driver=driver, slabs=agreed) == {}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"", "empty"),
        (b"\xff\xfe\x00", "unreadable"),
        (b"code = ", "unreadable"),
        (b'{"code": 1, "code": 2}', "unreadable"),
        (b"[" * 5000, "unreadable"),
        (b'{"a":' * 5000, "unreadable"),
        (b"\xef\xbb\xbfnonsense", "unreadable"),
    ],
)
def test_what_cannot_be_read_is_said_so(text: bytes, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_card(text)
    assert refused.value.problems[0].code == code


def test_the_agency_table_is_checked_too() -> None:
    found = problems_of(
        GOOD
        + """
        [agency]
        qualifier = { driver = "resolution_pct_pos", at_least = 101 }
        multiplier = { driver = "score", slabs = [ {from = 10, factor = "1"} ] }
        cap = -5
        blended_cap_rate = "25"
        minimum_guarantee = { recoverable = true }
        holdback = { rate = "5" }
        clawback = { rate = "current" }
        tail_day = 30
        """
    )
    assert found == {
        "agency.qualifier.at_least": "out_of_range",
        "agency.multiplier.slabs[1].from": "gap",
        "agency.cap": "negative",
        "agency.blended_cap_rate": "rate_above_one",
        "agency.minimum_guarantee.amount": "missing",
        "agency.holdback.rate": "rate_above_one",
        "agency.clawback.rate": "unknown_value",
        "agency.tail_day": "unknown_key",
    }


def test_numbers_are_exact_or_nothing() -> None:
    assert exact("0.1") == Fraction(1, 10)
    assert exact(Decimal("0.1")) == Fraction(1, 10)
    for nothing in (True, 0.1, "1,000", "1e5", "", "٣", None, [], Decimal("inf"), "--1"):
        assert exact(nothing) is None, nothing
