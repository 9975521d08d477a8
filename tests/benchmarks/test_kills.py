"""A thousand kills, and twenty approvers in the same moment again and again."""

from __future__ import annotations

from typing import Any

import pytest

from tests.benchmarks.measures import tell
from tests.chaos.ordering import SEED, chosen_seed, ordered, table_of

KILLS = 1_000
MOMENTS = 20


@pytest.mark.timeout(3_600)
def test_a_thousand_kills(postgres: Any) -> None:
    came = ordered("storm", kills=KILLS, seed=chosen_seed(), settlements=24)
    print(table_of(came))
    what = "kills of web and worker, a quarter of the provider's answers lost while it storms"
    tell(what, came["kills"], f"{len(came['found'])} findings in {came['seconds']} s", "0 findings", not came["found"])
    assert came["found"] == [], f"{SEED}={came['seed']}; the last acts: {came['last_acts']}"


@pytest.mark.timeout(1_200)
def test_twenty_approvers_in_the_same_moment(postgres: Any) -> None:
    came = ordered("approvers", seed=chosen_seed(), settlements=MOMENTS)
    one = {"answers": {"3": 1, "4": 19}, "approvals": 1}
    won = sum(each == one for each in came["trials"])
    tell("20 approvers in the same moment", len(came["trials"]), f"{won} with one approval", "all", won == MOMENTS)
    assert (won, came["found"]) == (MOMENTS, []), came
