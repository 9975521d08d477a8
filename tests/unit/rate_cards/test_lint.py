"""What lint names, code by code, and what it leaves in peace."""

from __future__ import annotations

from typing import Any

import pytest

from payouts.rate_cards.lint import Finding, lint
from payouts.rate_cards.parsing import examine


def findings(*rules: dict[str, Any], **more: Any) -> list[Finding]:
    head = {"code": "C", "currency": "INR", "effective_from": "2026-04-01"}
    full = [{"slabs": [{"from": 0, "rate": "0.05"}]} | rule for rule in rules]
    card, problems = examine(head | {"rule": full} | more)
    assert problems == []
    return [finding for finding in lint(card) if finding.code != "no_case"]


def codes(*rules: dict[str, Any], **more: Any) -> list[tuple[str, str, str]]:
    return [(each.code, each.severity, each.rule) for each in findings(*rules, **more)]


def test_rules_side_by_side_are_in_order() -> None:
    assert codes({"id": "a", "when": {"product": ["PL"]}}, {"id": "b", "when": {"product": ["CC"]}}) == []


def test_a_rule_behind_a_wider_one_is_never_reached() -> None:
    assert codes({"id": "a"}, {"id": "b", "when": {"product": ["CC"]}}) == [("unreachable", "error", "b")]


def test_a_rule_behind_two_that_share_its_facts_is_never_reached() -> None:
    young, old = {"dpd_days": [0, 60]}, {"dpd_days": [60]}
    assert codes({"id": "a", "when": young}, {"id": "b", "when": old}, {"id": "c", "when": {"dpd_days": [30, 90]}}) == [
        ("unreachable", "error", "c")
    ]


def test_rules_that_share_some_facts_overlap() -> None:
    one, two = {"product": ["PL", "CC"]}, {"product": ["CC", "HL"]}
    assert codes({"id": "a", "when": one}, {"id": "b", "when": two}) == [("overlap", "warning", "b")]


def test_the_same_conditions_on_money_and_on_accounts_do_not_meet() -> None:
    account = {"id": "b", "earns_on": "account", "slabs": [{"from": 0, "amount": "30"}]}
    assert codes({"id": "a"}, account) == []


def test_a_hole_between_ranges_is_a_gap_unless_a_general_rule_takes_it() -> None:
    young, old = {"npa_age_months": [0, 12]}, {"npa_age_months": [24]}
    assert codes({"id": "a", "when": young}, {"id": "b", "when": old}) == [("gap", "warning", "b")]
    general = codes({"id": "a", "when": young}, {"id": "b", "when": old}, {"id": "c"})
    assert ("gap", "warning", "b") not in general


def test_lag_that_ends_before_the_last_day_is_a_gap_and_an_error() -> None:
    lag = [{"within_days": 1, "factor": "1"}, {"within_days": 3, "factor": "0.5"}]
    assert ("gap", "error", "a") in codes({"id": "a", "lag": lag})


def test_a_cap_below_its_floor_is_an_error() -> None:
    limits = {"cap": {"per": "line", "amount": "10"}, "floor": {"per": "line", "amount": "20"}}
    assert codes({"id": "a"} | limits) == [("cap_below_floor", "error", "a")]


def test_the_worst_cliff_is_told_in_money() -> None:
    slabs = [{"from": 0, "rate": "0.04"}, {"from": 65, "rate": "0.05"}, {"from": 75, "rate": "0.10"}]
    case = {"facts": {"drivers": {"resolution_pct_pos": 70}, "lines": [{"rule": "a", "base": 1840000}]}}
    case |= {"expect": {"total": "92000.00"}}
    found = findings({"id": "a", "driver": "resolution_pct_pos", "slabs": slabs}, case=[case])
    assert [each.code for each in found] == ["cliff"]
    assert "one rupee more of resolution costs the bank ₹92,000.00 (as in its case)" in found[0].message
    assert "Where the share of principal resolved reaches 75 %" in found[0].message


def test_a_drop_is_told_beside_the_jump_up() -> None:
    slabs = [{"from": 0, "rate": "0.04"}, {"from": 65, "rate": "0.06"}, {"from": 75, "rate": "0.04"}]
    case = {"facts": {"drivers": {"resolution_pct_pos": 70}, "lines": [{"rule": "a", "base": 1840000}]}}
    found = findings(
        {"id": "a", "driver": "resolution_pct_pos", "slabs": slabs}, case=[case | {"expect": {"total": "110400.00"}}]
    )
    up, down = [each.message for each in found if each.code == "cliff"]
    assert "one rupee more of resolution costs the bank ₹36,800.00" in up
    assert "one rupee more of resolution costs the agency ₹36,800.00" in down


def test_the_step_is_told_in_the_drivers_own_unit() -> None:
    slabs = [{"from": 0, "amount": "30"}, {"from": 100, "amount": "40"}]
    (found,) = findings({"id": "a", "earns_on": "account", "driver": "account_count", "slabs": slabs})
    assert "one account more costs the bank ₹1,000.00" in found.message


def test_cliffs_of_the_whole_month_are_told_too() -> None:
    agency = {
        "qualifier": {"driver": "resolution_pct_pos", "at_least": 60},
        "multiplier": {"driver": "score", "slabs": [{"from": 0, "factor": "0.85"}, {"from": 80, "factor": "1"}]},
    }
    case = {"facts": {"lines": [{"rule": "a", "base": 1000}]}, "expect": {"total": "50.00"}}
    found = findings({"id": "a"}, case=[case], agency=agency)
    assert [(each.code, each.rule) for each in found] == [("cliff", "agency.qualifier"), ("cliff", "agency.multiplier")]
    assert "₹50.00" in found[0].message and "one point more is worth about ₹7.50" in found[1].message


@pytest.mark.parametrize(
    ("rule", "more", "expected"),
    [
        # limits that contradict each other
        ({"cap": {"per": "account", "amount": "10"}, "floor": {"per": "line", "amount": "20"}}, {},
         ("cap_below_floor", "error", "a")),
        ({"floor": {"per": "rule", "amount": "200"}}, {"agency": {"cap": "100"}}, ("cap_below_floor", "error", "a")),
        ({}, {"agency": {"cap": "100", "minimum_guarantee": {"amount": "200"}}}, ("cap_below_floor", "error", "agency.cap")),
        # conditions nobody or everybody meets
        ({}, {"agency": {"qualifier": {"driver": "score", "at_least": 60, "below": 60}}},
         ("never_met", "error", "agency.qualifier")),
        ({}, {"agency": {"qualifier": {"driver": "score", "below": 0}}}, ("never_met", "error", "agency.qualifier")),
        ({}, {"agency": {"qualifier": {"driver": "score", "at_least": 0}}}, ("always_met", "warning", "agency.qualifier")),
        ({}, {"bonus": [{"id": "z", "rate": "0.01", "condition": {"driver": "score", "at_least": 9, "below": 3}}]},
         ("never_met", "error", "z")),
        # what pays nothing
        ({"slabs": [{"from": 0, "rate": "0"}]}, {}, ("pays_nothing", "warning", "a")),
        ({"cap": {"per": "line", "amount": "0"}}, {}, ("pays_nothing", "warning", "a")),
        ({"lag": [{"factor": "0"}]}, {}, ("pays_nothing", "warning", "a")),
        ({}, {"bonus": [{"id": "z", "rate": "0"}]}, ("pays_nothing", "warning", "z")),
        ({}, {"penalty": [{"id": "z", "event": "e", "amount": "0"}]}, ("pays_nothing", "warning", "z")),
        ({}, {"agency": {"cap": "0"}}, ("pays_nothing", "error", "agency.cap")),
        ({}, {"agency": {"blended_cap_rate": "0"}}, ("pays_nothing", "error", "agency.blended_cap_rate")),
        ({}, {"agency": {"multiplier": {"driver": "score", "slabs": [{"from": 0, "factor": "0"}]}}},
         ("pays_nothing", "error", "agency.multiplier")),
        ({}, {"agency": {"multiplier": {"driver": "score", "slabs": [{"from": 0, "factor": "0"}, {"from": 9, "factor": "1"}]}}},
         ("pays_nothing", "warning", "agency.multiplier")),
        # what runs the wrong way
        ({"lag": [{"within_days": 1, "factor": "0.5"}, {"factor": "1"}]}, {}, ("lag_rises", "warning", "a")),
        ({}, {"agency": {"multiplier": {"driver": "score", "slabs": [{"from": 0, "factor": "1"}, {"from": 9, "factor": "0.5"}]}}},
         ("rate_falls", "warning", "agency.multiplier")),
        ({}, {"agency": {"holdback": {"rate": "1", "release_after_days": 9}}}, ("holds_everything", "warning", "agency.holdback")),
        ({}, {"agency": {"holdback": {"rate": "0.05"}}}, ("holds_nothing", "warning", "agency.holdback")),
        ({}, {"agency": {"clawback": {"window_days": 0}}}, ("no_clawback", "warning", "agency.clawback")),
        ({}, {"effective_from": "0202-04-01"}, ("out_of_range", "error", "effective_from")),
        ({}, {"penalty": [{"id": "y", "event": "e", "amount": "1"}, {"id": "z", "event": "e", "amount": "2"}]},
         ("overlap", "warning", "z")),
        # what pays more than there is, or for longer than there are days
        ({"slabs": [{"from": 0, "rate": "0.9"}]}, {"bonus": [{"id": "z", "rate": "0.2"}]}, ("pays_more", "warning", "a")),
        ({"slabs": [{"from": 0, "rate": "0.6"}]},
         {"agency": {"multiplier": {"driver": "score", "slabs": [{"from": 0, "factor": "2"}]}}}, ("pays_more", "warning", "a")),
        ({}, {"agency": {"holdback": {"rate": "0.1", "release_after_days": 9_999_999}}},
         ("out_of_range", "error", "agency.holdback.release_after_days")),
        ({}, {"agency": {"tail_days": 3_661}}, ("out_of_range", "error", "agency.tail_days")),
    ],
)  # fmt: skip
def test_terms_that_make_no_sense_are_named(
    rule: dict[str, Any], more: dict[str, Any], expected: tuple[str, str, str]
) -> None:
    assert expected in codes({"id": "a"} | rule, **more)


def test_a_ladder_of_ranges_that_begins_late_or_ends_early_is_a_gap() -> None:
    ages = [{"written_off_age_months": [12, 24]}, {"written_off_age_months": [24, 36]}]
    found = findings(*({"id": f"r{n}", "when": when} for n, when in enumerate(ages)))
    assert [(each.code, each.rule) for each in found] == [("gap", "r0"), ("gap", "r1")]
    assert "below 12" in found[0].message and "from 36 on" in found[1].message


def test_several_mistakes_come_out_together_each_with_rule_field_and_cure() -> None:
    head = {"code": "C", "currency": "INR", "effective_from": "2026-04-01"}
    slabs = [{"from": 0, "rate": "0.05"}]
    limits = {"cap": {"per": "line", "amount": "10"}, "floor": {"per": "line", "amount": "20"}}
    rules = [
        {"id": "a", "slabs": slabs, "lag": [{"within_days": 3, "factor": "1"}]} | limits,
        {"id": "b", "slabs": slabs, "when": {"product": ["PL"]}},
    ]
    card, _ = examine(head | {"rule": rules, "agency": {"qualifier": {"driver": "score", "at_least": 9, "below": 9}}})
    errors = {(each.code, each.rule, each.field): each.cure for each in lint(card) if each.severity == "error"}
    assert set(errors) == {
        ("cap_below_floor", "a", "rule[a].cap"),
        ("gap", "a", "rule[a].lag"),
        ("unreachable", "b", "rule[b].when"),
        ("never_met", "agency.qualifier", "agency.qualifier"),
    }
    assert all(errors.values())


def test_the_same_case_name_twice_is_named() -> None:
    case = {"name": "x", "facts": {"lines": [{"rule": "a", "base": 100}]}, "expect": {"total": "5.00"}}
    assert ("duplicate_case", "warning", "x") in codes({"id": "a"}, case=[case, case])


def test_marginal_slabs_have_no_cliff() -> None:
    slabs = [{"from": 0, "rate": "0.04"}, {"from": 1000, "rate": "0.05"}]
    assert codes({"id": "a", "driver": "confirmed_amount", "mode": "marginal", "slabs": slabs}) == []
    assert codes({"id": "a", "driver": "confirmed_amount", "slabs": slabs}) == [("cliff", "warning", "a")]


def test_a_rate_that_falls_as_the_agency_does_better_is_named() -> None:
    slabs = [{"from": 0, "rate": "0.05"}, {"from": 50, "rate": "0.04"}]
    found = codes({"id": "a", "driver": "resolution_pct_pos", "slabs": slabs})
    assert ("rate_falls", "warning", "a") in found


def test_a_rate_finer_than_the_minor_unit_leaks_by_rounding() -> None:
    assert codes({"id": "a", "slabs": [{"from": 0, "rate": "0.0725"}]}) == [("rounding_leak", "warning", "a")]
    lag = [{"within_days": 1, "factor": "1"}, {"factor": "0.5"}]
    assert codes({"id": "a", "lag": lag}) == [("rounding_leak", "warning", "a")]


def test_everything_without_a_case_is_named() -> None:
    head = {"code": "C", "currency": "INR", "effective_from": "2026-04-01"}
    rule = {"id": "a", "slabs": [{"rate": "0.05"}]}
    bonus, penalty = {"id": "b", "amount": "5"}, {"id": "p", "event": "complaint", "amount": "5"}
    card, _ = examine(head | {"rule": [rule], "bonus": [bonus], "penalty": [penalty]})
    assert [(each.code, each.rule) for each in lint(card)] == [("no_case", "a"), ("no_case", "b"), ("no_case", "p")]
