"""A month whose truth is known: nothing that is not the same money is confirmed, nearly all that carries a key is, and the rest is told."""

from __future__ import annotations

import pytest

from allocations.reconciliation.matching.breaks import find_breaks
from allocations.reconciliation.matching.ladder import LADDER
from allocations.reconciliation.matching.matcher import match
from tests.planted.faces import world_of
from tests.planted.judge import Judgement, judge
from tests.planted.month import Month
from tests.planted.planting import plant
from tests.planted.rates import STORM

ROWS = 10_000
SEEDS = (1, 2, 3)


def judged(month: Month) -> Judgement:
    ladder = LADDER
    matches = match(world_of(month), ladder)
    return judge(month, matches, find_breaks(matches, ladder))


@pytest.mark.parametrize("seed", SEEDS)
def test_ten_thousand_receipts_with_every_noise(seed: int) -> None:
    found = judged(plant(ROWS, seed))
    assert found.false.empty, str(found)
    assert found.false_bookings.empty, str(found)
    assert found.keyed_share >= 0.98, str(found)
    assert found.told_share >= 0.99, str(found)


def test_in_a_storm_of_noise_less_is_confirmed_but_nothing_false() -> None:
    found = judged(plant(5_000, 7, STORM))
    assert found.false.empty, str(found)
    assert found.told_share >= 0.99, str(found)


def test_the_same_seed_plants_the_same_month_and_its_truth_adds_up() -> None:
    month, again = plant(2_000, 5), plant(2_000, 5)
    assert month.collections.equals(again.collections)
    assert month.lines.equals(again.lines)
    truth = month.truth
    reached = truth.groupby("collection_id")["amount"].sum()
    once = month.collections[month.collections["reason"] != "repeated"].set_index("id")["money"]
    assert (reached == once[once > 0].reindex(reached.index)).all()
    assert set(reached.index) == set(once[once > 0].index)
    spent = truth.groupby("line_id")["amount"].sum()
    assert (spent <= month.lines.set_index("id")["amount"].reindex(spent.index)).all()
