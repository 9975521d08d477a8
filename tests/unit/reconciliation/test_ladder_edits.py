"""A ladder as text people edit, and one rule of it changed by fields."""

from __future__ import annotations

import pytest

from allocations.reconciliation.bench.ladder_edits import body_of_text, ladder_text, with_rule, without_rule
from allocations.reconciliation.matching.ladder import default_ladder, ladder_body, parse_ladder
from portal.kernel.errors import Invalid, NotFound

LADDER = default_ladder()
FIRST = LADDER.rungs[0]


def test_the_text_reads_back_as_the_same_ladder():
    assert parse_ladder(body_of_text(ladder_text(LADDER))) == LADDER


def test_json_is_read_as_well():
    assert body_of_text('{"format": 1}') == {"format": 1}


@pytest.mark.parametrize("text", ["= =", "1", "{", "[" * 100_000, '{"a": ' * 5_000])
def test_what_is_neither_is_refused(text):
    with pytest.raises(Invalid):
        body_of_text(text)


def test_a_rule_that_ties_otherwise_gets_the_next_version():
    changed = parse_ladder(with_rule(LADDER, FIRST.name, {"window": [-1, 4]}, 1)).rungs[0]
    assert (changed.window, changed.version) == ((-1, 4), FIRST.version + 1)
    same = parse_ladder(with_rule(LADDER, FIRST.name, {"score": 99}, 1)).rungs[0]
    assert (same.score, same.version) == (99, FIRST.version)


def test_a_rule_is_put_in_its_place():
    names = [rule["name"] for rule in with_rule(LADDER, FIRST.name, {}, 3)["rules"]]
    assert names[2] == FIRST.name and sorted(names) == sorted(rung.name for rung in LADDER.rungs)
    assert with_rule(LADDER, FIRST.name, {}, 1)["rules"] == ladder_body(LADDER)["rules"]


def test_a_faulty_change_is_kept_for_lint_to_tell():
    body = with_rule(LADDER, FIRST.name, {"window": [9, 1]}, 1)
    with pytest.raises(Invalid):
        parse_ladder(body)


def test_a_rule_may_be_dropped_and_must_be_there():
    assert FIRST.name not in [rule["name"] for rule in without_rule(LADDER, FIRST.name)["rules"]]
    with pytest.raises(NotFound):
        with_rule(LADDER, "nothing", {}, 1)
