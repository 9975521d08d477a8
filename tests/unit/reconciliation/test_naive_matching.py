"""The fast matcher and the slow and obvious one come to the same links, rule by rule."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings

from allocations.reconciliation.matching.matcher import match
from tests.unit.reconciliation.naive_matching import naive_match
from tests.unit.reconciliation.random_worlds import Story, stories, world_of


def links(frame):
    names = ["collection_id", "line_id", "posting_id", "amount", "rule"]
    return set(frame[names].itertuples(index=False, name=None))


@settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow])
@given(stories())
def test_it_agrees_with_the_slow_and_obvious_matcher(story: Story):
    facts = world_of(story)
    matches = match(facts)
    confirmed, suggested = naive_match(facts)
    assert links(matches.confirmed) == confirmed
    assert links(matches.suggested) == suggested
