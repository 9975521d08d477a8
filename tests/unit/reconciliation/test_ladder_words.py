"""A ladder in words, and how one version differs from another."""

from __future__ import annotations

from dataclasses import replace

from allocations.reconciliation.bench.ladder_words import FIELDS, MEASURE_WORDS, changes, rules_in_words, unraised
from allocations.reconciliation.matching.ladder import default_ladder
from allocations.reconciliation.matching.rungs import KEY_SAYS, KEYS, MEASURES, RULE_FIELDS

LADDER = default_ladder()
FIRST = LADDER.rungs[0]


def with_first(**fields):
    return replace(LADDER, rungs=(replace(FIRST, **fields), *LADDER.rungs[1:]))


def test_every_field_and_measure_has_its_words():
    assert set(FIELDS) == set(RULE_FIELDS) - {"name", "version"}
    assert set(MEASURE_WORDS) == set(MEASURES)
    assert set(KEY_SAYS) == set(KEYS)


def test_every_rule_says_what_it_shares_how_far_and_what_it_may_do():
    rules = {each.name: each for each in rules_in_words(LADDER)}
    assert rules["reference_amount"].does == "Confirms" and rules["account_amount_window"].does == "Suggests"
    assert rules["slip_total"].direction == "many receipts, one credit"
    assert "cash" in rules["batch_without_slip"].besides and rules["batch_without_slip"].tolerance == "exact"


def test_the_same_ladder_changes_nothing():
    assert changes(LADDER, LADDER) == []


def test_a_change_is_a_sentence():
    assert changes(LADDER, with_first(window=(-1, 4))) == [
        "Reference amount: usual days: −3 to +10 days → −1 to +4 days."
    ]
    assert changes(LADDER, with_first(confirms=False)) == ["Reference amount: what it may do: confirms → suggests."]
    assert changes(LADDER, replace(LADDER, cut_off_days=5)) == [
        "Days of the next month that still count as on time: 3 → 5."
    ]


def test_dropped_new_and_moved_rules_are_told():
    shorter = replace(LADDER, rungs=LADDER.rungs[1:])
    assert changes(LADDER, shorter)[0].startswith("Reference amount is dropped")
    assert changes(shorter, LADDER)[0].startswith("Reference amount is new, number 1: confirms")
    turned = replace(LADDER, rungs=(LADDER.rungs[1], FIRST, *LADDER.rungs[2:]))
    second = LADDER.rungs[1].name.replace("_", " ").capitalize()
    assert changes(LADDER, turned) == [f"{second} is tried earlier than before."]


def test_a_rule_that_means_something_else_needs_a_higher_version():
    known = {each.name: each for each in LADDER.rungs}
    assert [each.column for each in unraised(known, with_first(window=(-1, 4)))] == ["version"]
    assert unraised(known, with_first(window=(-1, 4), version=FIRST.version + 1)) == []
    assert unraised(known, with_first(score=99, says="Other words.")) == []
