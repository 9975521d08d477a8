"""What must hold in every world: nothing linked beyond its amount, order of no matter, all money explained, twice is once."""

import random
from datetime import timedelta

import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from allocations.reconciliation.matching.breaks import find_breaks
from allocations.reconciliation.matching.hashes import input_hash, result_hash
from allocations.reconciliation.matching.ladder import LADDER
from allocations.reconciliation.matching.matcher import Matches, match, totals
from tests.unit.reconciliation.random_worlds import FIRST, Story, as_facts, beside, stories, together, world_of

quick = settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow])


def all_links(matches: Matches) -> pd.DataFrame:
    columns = ["collection_id", "line_id", "posting_id", "amount"]
    return pd.concat([matches.standing[columns], matches.confirmed[columns]]).astype("int64")


def linked(links: pd.DataFrame) -> set[tuple[int, ...]]:
    return set(
        links[["collection_id", "line_id", "posting_id", "amount"]].astype("int64").itertuples(index=False, name=None)
    )


def hashed(facts) -> str:
    matches = match(facts)
    return result_hash(facts, matches, find_breaks(matches))


@quick
@given(stories())
def test_nothing_is_linked_beyond_its_amount_and_all_money_is_explained(story: Story):
    facts = world_of(story)
    matches = match(facts)
    links = all_links(matches)
    assert (links["amount"] > 0).all()
    bank, core = links[links["line_id"] > 0], links[links["posting_id"] > 0]
    for side, table, column in (
        (bank, facts.collections, "collection_id"),
        (bank, facts.lines, "line_id"),
        (core, facts.collections, "collection_id"),
        (core, facts.postings, "posting_id"),
    ):
        amounts = table.set_index("id")["amount"]
        sums = side.groupby(column)["amount"].sum()
        assert (sums <= amounts.reindex(sums.index)).all()
    for sums in totals(matches).values():
        assert sums.matched + sums.suspense + sums.returned == sums.credits
        assert min(sums.matched, sums.suspense, sums.returned) >= 0


@quick
@given(stories())
def test_every_receipt_and_every_credit_is_linked_waits_or_has_a_reason(story: Story):
    matches = match(world_of(story))
    breaks = find_breaks(matches)
    book, waiting = matches.book, matches.suggested
    open_receipts = set(book.coll.loc[book.coll["open"] > 0, "id"])
    told = set(breaks.loc[breaks["side"] == "collection", "subject_id"]) | set(waiting["collection_id"])
    assert open_receipts <= told


@quick
@given(stories(), st.randoms(use_true_random=False))
def test_order_and_ids_mean_nothing(story: Story, chance: random.Random):
    facts = world_of(story)
    numbers = {name: chance.sample(range(1000, 2000), 10) for name in ("receipt", "line", "posting")}
    receipts, lines, postings, terms = (list(each) for each in story)
    receipts = [{**each, "id": numbers["receipt"][each["id"]]} for each in receipts]
    lines = [{**each, "id": numbers["line"][each["id"]]} for each in lines]
    postings = [{**each, "id": numbers["posting"][each["id"]]} for each in postings]
    for each in (receipts, lines, postings, terms):
        chance.shuffle(each)
    shuffled = world_of((receipts, lines, postings, terms))
    assert input_hash(shuffled, LADDER) == input_hash(facts, LADDER)
    assert hashed(shuffled) == hashed(facts)


@quick
@given(stories())
def test_a_second_run_finds_the_same_and_adds_nothing(story: Story):
    facts = world_of(story)
    first = match(facts)
    again = world_of(story, as_facts(first))
    second = match(again)
    assert len(second.confirmed) == len(second.undone) == 0
    assert result_hash(again, second, find_breaks(second)) == result_hash(facts, first, find_breaks(first))
    assert input_hash(again, LADDER) == input_hash(facts, LADDER)


@quick
@given(stories(), st.integers(0, 20))
def test_tomorrows_lines_change_nothing_confirmed(story: Story, cut: int):
    """The first days of lines, then all: what was confirmed stays, unless its money went back or its booking was reversed."""
    first = match(world_of(story, through=FIRST + timedelta(days=cut)))
    second = match(world_of(story, as_facts(first)))
    gone = set(second.book.returns.credits) | set(second.book.returns.postings)
    undone = second.undone
    assert set(undone["line_id"].where(undone["line_id"] > 0, undone["posting_id"])) <= gone
    assert linked(second.standing) | linked(undone) == linked(first.confirmed)


@quick
@given(stories(most=4), stories(most=4))
def test_worlds_that_share_nothing_are_matched_as_if_alone(one: Story, other: Story):
    apart = beside(other, 5000)
    whole = match(world_of(together(one, apart)))
    parts = [match(world_of(one)), match(world_of(apart))]
    assert linked(whole.confirmed) == linked(parts[0].confirmed) | linked(parts[1].confirmed)
    assert linked(whole.suggested) == linked(parts[0].suggested) | linked(parts[1].suggested)


@quick
@given(stories(), st.sampled_from(["UTRAAAA00001", "445566", "S77", "R001"]), st.integers(0, 25))
def test_a_credit_and_its_reversal_leave_everything_as_if_neither_had_come(story: Story, key: str, on: int):
    """But for what is told of it: links and suggestions are the same."""
    receipts, lines, postings, terms = story
    came = {
        "id": 98, "ref": "S9/98", "side": "credit", "is_reversal": False, "day": FIRST.toordinal() + on, "amount": 7777_00,
        "currency": "INR", "keys": [key], "mode": "",
    }  # fmt: skip
    went = {**came, "id": 99, "ref": "S9/99", "side": "debit", "day": came["day"] + 2}
    without, with_both = match(world_of(story)), match(world_of((receipts, [*lines, came, went], postings, terms)))
    assert linked(with_both.confirmed) == linked(without.confirmed)
    assert linked(with_both.suggested) == linked(without.suggested)


@quick
@given(stories())
def test_money_that_goes_back_takes_its_links_along_and_nothing_else(story: Story):
    facts = world_of(story)
    first = match(facts)
    bank = first.confirmed[first.confirmed["line_id"] > 0]
    if bank.empty:
        return
    credit = next(each for each in story[1] if each["id"] == bank["line_id"].iloc[0])
    twins = [
        each for each in story[1] if each["amount"] == credit["amount"] and set(each["keys"]) & set(credit["keys"])
    ]
    if len(twins) > 1:
        return  # which of equal credits went back is settled elsewhere
    back = {**credit, "id": 99, "ref": "S9/99", "side": "debit", "day": FIRST.toordinal() + 40}
    receipts, lines, postings, terms = story
    second = match(world_of((receipts, [*lines, back], postings, terms), as_facts(first)))
    touched = bank.loc[bank["line_id"] == credit["id"], "collection_id"]
    undone = second.undone[second.undone["line_id"] > 0]
    assert set(undone["collection_id"]) == set(touched)
    assert len(second.standing) == len(first.confirmed) - len(undone)
    found = find_breaks(second)
    still = set(second.confirmed.loc[second.confirmed["line_id"] > 0, "collection_id"])
    still |= set(second.suggested.loc[second.suggested["line_id"] > 0, "collection_id"])
    assert set(touched) - still <= set(found.loc[found["code"] == "R09", "subject_id"])
