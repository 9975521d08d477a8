"""Strategies read with every fault, and every contradiction named where it stands."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from allocations.placements.strategies.lint import Known, covers, lint
from allocations.placements.strategies.source import as_toml, read_source, starting_text
from allocations.placements.strategies.terms import Rule, Terms, read_terms
from allocations.placements.strategies.wording import bound_words, filter_words, mode_words, taker_words
from portal.kernel.errors import Invalid

FINE: dict[str, Any] = {"rule": [{"name": "All", "agency": [{"code": "A1", "share": 60}, {"code": "B2", "share": 40}]}]}


def terms(**changes: Any) -> Terms:
    return read_terms({**FINE, **changes}, "INR")


def rule(**changes: Any) -> dict[str, Any]:
    return {"rule": [{**FINE["rule"][0], **changes}]}


def codes(known: Known | None = None, **changes: Any) -> list[tuple[str, bool]]:
    return [(each.code, each.is_error) for each in lint(terms(**changes), known)]


def test_every_fault_of_a_text_is_told_at_once() -> None:
    wrong = {
        "kind": "vendors", "measure": "weight", "colour": "red", "term_days": 0, "bands": ["x"],
        "rule": [
            {"name": "", "product": "PL", "outstanding_from": 1.5, "challenger": 100, "bucket": [True, None]},
            {"name": "R", "staff": [{"code": "CE1"}], "agency": [{"code": "", "share": "half", "minimum_score": "101"}]},
        ],
    }  # fmt: skip
    with pytest.raises(Invalid) as error:
        read_terms(wrong, "INR")
    where = {problem.column for problem in error.value.problems}
    assert where >= {
        "kind", "measure", "colour", "term_days", "bands", "rule 1: name", "rule 1: product", "rule 1: outstanding_from",
        "rule 1: challenger", "rule 2: staff", "rule 2, agency ?: share", "rule 2, agency ?: minimum_score",
    }  # fmt: skip
    with pytest.raises(Invalid, match=r".*"):
        read_terms({"rule": "all"}, "INR")
    with pytest.raises(Invalid):
        read_terms({"rule": [1]}, "INR")


CONTRADICTIONS: dict[str, dict[str, Any]] = {
    "never_reached": {"rule": [FINE["rule"][0], {**FINE["rule"][0], "name": "Again", "product": ["PL"]}]},
    "name_twice": {"rule": [{**FINE["rule"][0], "product": ["PL"]}, FINE["rule"][0]]},
    "empty_range": rule(dpd_from=31, dpd_to=30),
    "nobody": rule(agency=[]),
    "taker_twice": rule(agency=[{"code": "A1"}, {"code": "A1", "arm": "challenger"}], challenger=5),
    "no_room": rule(agency=[{"code": "A1", "capacity": 0}]),
    "no_share": rule(agency=[{"code": "A1", "share": 0}, {"code": "B2"}]),
    "never_theirs": rule(state=["27"], agency=[{"code": "A1", "states": ["29"]}]),
    "no_challenger": rule(challenger=10),
    "no_draw": rule(agency=[{"code": "A1"}, {"code": "B2", "arm": "challenger"}]),
    "no_champion": rule(agency=[{"code": "B2", "arm": "challenger"}], challenger=10),
}
WARNINGS: dict[str, dict[str, Any]] = {
    "shares": rule(agency=[{"code": "A1", "share": 60}, {"code": "B2", "share": 60}]),
    "nobody_to_rotate_to": {**rule(agency=[{"code": "A1"}]), "mode": "rotating"},
}


def test_every_contradiction_is_named() -> None:
    assert codes() == []
    for code, given in CONTRADICTIONS.items():
        assert (code, True) in codes(**given), code
    for code, given in WARNINGS.items():
        assert codes(**given) == [(code, False)]
    known = Known(takers={"A1"}, products={"PL"}, buckets={"1-30"})
    assert codes(known, **rule(product=["XX"], bucket=["9"])) == [
        ("unknown_product", False), ("unknown_bucket", False), ("unknown_taker", True),
    ]  # fmt: skip
    staff = {"kind": "staff", "stream": "tele", "days_since_recall": 3, "rule": [{"name": "All"}]}
    assert [code for code, _ in codes(**staff)] == ["staff_have_no_stream", "staff_not_recalled"]
    pins = rule(pincode=["40"], agency=[{"code": "A1", "pincodes": ["4001"]}, {"code": "B2", "pincodes": ["5"]}])
    assert codes(**pins) == [("never_theirs", True)]


def test_what_one_rule_leaves_to_another() -> None:
    whole = Rule("All", ())
    west = Rule("West", (), {"region": frozenset({"W"})}, dpd_from=31, minor_below=100)
    assert covers(whole, west) and not covers(west, whole)
    assert covers(Rule("W", (), {"region": frozenset({"W", "N"})}, dpd_from=1, minor_below=100), west)
    assert not covers(Rule("W", (), dpd_from=32), west) and not covers(Rule("W", (), minor_below=99), west)
    assert covers(Rule("P", (), pincodes=("40",)), Rule("Q", (), pincodes=("401", "402")))
    assert not covers(Rule("P", (), pincodes=("401",)), Rule("Q", (), pincodes=("40",)))


def test_a_strategy_in_sentences() -> None:
    given = rule(product=["PL"], pincode=["400"], dpd_from=31, dpd_to=60, outstanding_from="1000", risk_grade=["HIGH"])
    found = terms(**given, mode="rotating", term_days=92, days_since_recall=30).rules[0]
    assert filter_words(found, "INR") == (
        "product PL; risk grade HIGH; pincode beginning 400; 31 to 60 days past due; principal from ₹1,000.00"
    )
    assert filter_words(terms().rules[0], "INR") == "every account that is left"
    assert "Nobody gets an account they have just held." in mode_words(terms(mode="rotating"))
    limited = rule(
        agency=[{"code": "A1", "capacity": 1200, "exposure_cap": "5", "states": ["27"], "minimum_score": "70"}]
    )
    said = taker_words(terms(**limited).rules[0].takers[0], "INR")
    assert said == "at most 1,200 accounts; at most ₹5.00; states 27; a score of 70 or more"
    assert bound_words(["capacity_full", "area"]) == (
        "the agency has as many accounts as it can work; too few accounts where it may work"
    )


def test_the_text_to_begin_with_is_in_order() -> None:
    for agencies in ([], ["A1"], ["A1", "B2"], ["A1", "B2", "C3", "D4"]):
        source = read_source(starting_text(agencies, date(2026, 12, 1)))
        assert source.effective_from == date(2026, 12, 1)
        assert not [each.code for each in lint(read_terms(source.terms, "INR")) if each.is_error]
        again = read_source(as_toml(source.code, source.effective_from, source.terms))
        assert again == source
