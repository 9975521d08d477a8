"""A strategy's fields: what nobody touched stays, what was typed is data, rules move, and remarks find their field."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from allocations.placements.strategies.editing import act, address_of, refuse_unshown, text_of, write_typed
from portal.kernel.errors import Refused

TERMS: dict[str, Any] = {
    "bands": ["50000", 200000],
    "odd": 1,
    "rule": [
        {"name": "West", "state": [], "agency": [{"code": "SHAKTI", "share": 100, "states": []}, {"code": "VEGA"}]},
        {"name": "Rest", "outstanding_from": 50000, "agency": [{"code": "VEGA"}]},
    ],
}
SHOWN = (
    "bands",
    "rule/0/name",
    "rule/0/state",
    "rule/0/agency/0/states",
    "rule/0/agency/1/share",
    "rule/1/outstanding_from",
)


def test_what_was_shown_and_sent_back_changes_nothing() -> None:
    before = copy.deepcopy(TERMS)
    assert write_typed(TERMS, {name: text_of(TERMS, name) for name in SHOWN}) == before
    assert text_of(TERMS, "bands") == "50000, 200000" and text_of(TERMS, "rule/7/name") == ""
    foreign = {"odd": "2", "kind": "staff", "rule/0/share": "5", "rule/0/agency/9/code": "X", "../name": "x"}
    assert write_typed(TERMS, foreign) == before == TERMS


def test_a_typed_text_becomes_data_of_its_kind() -> None:
    typed = {
        "bands": "1,00,000",
        "term_days": "92",
        "rule/0/state": "Tamil Nadu, 27 ,",
        "rule/0/dpd_to": "1,000",
        "rule/0/challenger": "many",
        "rule/0/agency/0/exposure_cap": "2,50,000.50",
        "rule/1/outstanding_from": "",
    }
    made = write_typed(TERMS, typed)
    first = made["rule"][0]
    assert (made["term_days"], first["state"], first["dpd_to"]) == (92, ["Tamil Nadu", "27"], 1000)
    assert (first["challenger"], first["agency"][0]["exposure_cap"]) == ("many", "250000.50")
    assert "outstanding_from" not in made["rule"][1] and made["bands"] == ["1", "00", "000"]


def test_rules_and_takers_are_added_moved_copied_and_taken_out() -> None:
    def names(terms: dict[str, Any]) -> list[str]:
        return [rule["name"] for rule in terms["rule"]]

    assert names(act(TERMS, "down:rule/0")) == ["Rest", "West"] == names(act(TERMS, "up:rule/1"))
    for nothing in ("up:rule/0", "down:rule/1", "drop:rule/2", "drop:odd", "add:rule/5/agency", "rubbish", "look"):
        assert act(TERMS, nothing) == TERMS
    assert names(act(TERMS, "copy:rule/0")) == ["West", "West, copied", "Rest"]
    assert names(act(TERMS, "drop:rule/0")) == ["Rest"]
    grown = act(act(TERMS, "add:rule"), "add:rule/2/agency")
    assert grown["rule"][2] == {"name": "Rule 3", "agency": [{"code": "", "share": 100}, {"code": "", "share": 0}]}
    assert "agency" not in act(TERMS, "drop:rule/1/agency/0")["rule"][1]
    assert act({"kind": "staff", "rule": []}, "add:rule")["rule"] == [{"name": "Rule 1"}]


@pytest.mark.parametrize(
    ("where", "address"),
    [
        ("rule 1: name", "rule/0/name"),
        ("rule 1, West", "rule/0"),
        ("rule 1, agency VEGA: share", "rule/0/agency/1/share"),
        ("rule 2, agency NOBODY: share", "rule/1"),
        ("rule 2, agency VEGA", "rule/1/agency/0"),
        ("rule 9: name", "rule/8/name"),
        ("term_days", "term_days"),
        ("West", ""),
    ],
)
def test_a_remark_finds_its_field(where: str, address: str) -> None:
    assert address_of(TERMS, where) == address


def test_what_is_no_list_of_rules_is_not_shown_as_fields() -> None:
    refuse_unshown(TERMS)
    odds: list[dict[str, Any]] = [{"rule": 5}, {"rule": [1]}, {"rule": [{"agency": "X"}]}, {"rule": [{}] * 61}]
    for odd in (*odds, {"bands": ["1" * 100_000]}):
        with pytest.raises(Refused):
            refuse_unshown(odd)
