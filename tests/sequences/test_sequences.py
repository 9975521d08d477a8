"""Random sequences of real operations: the invariants hold after every step, and planted faults are found."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest import MonkeyPatch

from tests.sequences.acts import ACTS, Step
from tests.sequences.cast import set_up
from tests.sequences.invariants import INVARIANTS, fingerprint, wrong
from tests.sequences.mutants import MUTANTS
from tests.sequences.stage import Stage, open_stage
from tests.sequences.story import places
from tests.sequences.walking import Broken, Tally, Walk, replay, shrunk

SEED = 20261122
JOINTS = 3  # of each place's trunk
LEAST = 150


@pytest.fixture
def stage(database: Any, tmp_path: Path) -> Iterator[Stage]:
    with open_stage(database.owner_url, tmp_path) as stage:
        yield set_up(stage)


@pytest.mark.timeout(600)
def test_whatever_is_done_in_whatever_order_the_books_hold(stage: Stage) -> None:
    total = Tally()
    for place, path in places(stage, SEED):
        walk = Walk(stage, random.Random(f"{SEED} {place}"), path)
        try:
            walk.grow(JOINTS)
        except Broken as broken:
            pytest.fail(str(broken))
        total.add(walk.tally)
    print(f"\n{total}")
    assert total.sequences >= LEAST, total
    assert total.forbidden > total.sequences // 5, total
    assert len(INVARIANTS) >= 20


@pytest.mark.timeout(600)
def test_every_planted_fault_is_found(stage: Stage) -> None:
    missed = {each.name: each.within for each in MUTANTS}
    for place, _ in places(stage, SEED):
        for each in MUTANTS:
            if each.place == place:
                broken, sequences = each.hunted(stage, SEED)
                if broken:
                    print(f"\n{each.name}: after {sequences} sequences, {broken.found[0]}")
                    del missed[each.name]
    assert missed == {}
    assert wrong(stage) == []


def test_a_path_that_breaks_is_shrunk_to_what_it_needs_and_can_be_played_again(stage: Stage) -> None:
    path = [
        Step(name, 7) for name in ("report", "days_pass", "adjust", "report", "bank_line", "posting", "move_account")
    ]
    before = fingerprint(stage)
    with MonkeyPatch.context() as patch:
        patch.setattr("portal.kernel.proposals.record_event", lambda *_, **__: None)  # nobody tells of the adjustment
        steps = [*path, Step("decide_on_adjustment", 7)]
        assert any("adjustments" in each for each in replay(stage, steps))
        small = shrunk(stage, steps)
    assert [step.name for step in small.path] == ["adjust", "decide_on_adjustment"]
    assert 'replay(stage, [\n    ("adjust", 7),\n    ("decide_on_adjustment", 7),\n])' in str(small)
    assert replay(stage, small.path) == []
    assert fingerprint(stage) == before


def test_every_act_says_what_it_can_be_done_to(stage: Stage) -> None:
    assert sum(act.is_forbidden for act in ACTS.values()) >= 20
    assert sum(not act.is_forbidden for act in ACTS.values()) >= 40
