"""What lint names, code by code, and what it leaves in peace."""

from __future__ import annotations

from typing import Any

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
    assert "one rupee more of resolution is worth ₹92,000.00" in found[0].message
    assert "At resolution_pct_pos 75" in found[0].message


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
