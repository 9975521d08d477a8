"""Each look-alike alone: the smallest world in which a matcher could take one borrower's money for another's."""

from __future__ import annotations

import numpy as np
import pytest

from allocations.reconciliation.matching.breaks import find_breaks
from allocations.reconciliation.matching.ladder import LADDER
from allocations.reconciliation.matching.matcher import match
from tests.planted.faces import world_of
from tests.planted.judge import judge
from tests.planted.stories import STORIES, Story
from tests.planted.teller import Teller


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_nothing_false_is_confirmed_and_everything_else_is_told(story: Story) -> None:
    for seed in range(1):
        teller = Teller(np.random.default_rng(seed))
        story(teller)
        month = teller.alone()
        matches = match(world_of(month), LADDER)
        found = judge(month, matches, find_breaks(matches, LADDER))
        assert found.false.empty, str(found)
        assert found.false_bookings.empty, str(found)
        assert found.told_share == 1, str(found)
