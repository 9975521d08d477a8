"""Links that may go in while the ladder is still climbed: nobody is refused beside them later, whatever the world is like."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings

from allocations.reconciliation.matching.book import Book
from allocations.reconciliation.matching.ladder import LADDER
from allocations.reconciliation.matching.matcher import Matches, match
from allocations.reconciliation.matching.settled import without_rivals
from tests.planted.faces import world_of as month_of
from tests.planted.planting import plant
from tests.planted.rates import STORM, Rates
from tests.unit.reconciliation.random_worlds import Story, stories
from tests.unit.reconciliation.random_worlds import world_of as story_of

PAIR = ["collection_id", "line_id"]


def handed(facts) -> tuple[Matches, pd.DataFrame]:
    """What came of it, and the links as they were handed over, + done."""
    seen: list[pd.DataFrame] = []

    def hand(book: Book, links: pd.DataFrame) -> None:
        seen.append(links.assign(done=without_rivals(book, links)))

    matches = match(facts, LADDER, hand)
    return matches, pd.concat(seen, ignore_index=True) if seen else matches.confirmed.assign(done=False)


def check(matches: Matches, links: pd.DataFrame) -> None:
    if not matches.undone.empty:
        return  # then nothing is handed over
    pd.testing.assert_frame_equal(links[PAIR], matches.confirmed[PAIR])
    early = set(links.loc[links["done"].to_numpy(dtype=bool), PAIR].itertuples(index=False, name=None))
    assert early.isdisjoint(matches.rivals[PAIR].itertuples(index=False, name=None))


@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(stories())
def test_nobody_is_refused_beside_a_link_that_was_done_with(story: Story) -> None:
    check(*handed(story_of(story)))


@pytest.mark.parametrize(("seed", "rates"), [(4, None), (5, STORM)])
def test_nor_in_a_month_with_every_noise(seed: int, rates: Rates | None) -> None:
    matches, links = handed(month_of(plant(2_000, seed, rates)))
    check(matches, links)
    assert len(matches.rivals) and links["done"].mean() > 0.5
