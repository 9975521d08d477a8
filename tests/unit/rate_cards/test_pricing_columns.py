"""The fast engine says what the scalar one says: lines, amounts, steps to the last byte, codes, and all that follows the lines."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from payouts.rate_cards.agency_level import Quote, price
from payouts.rate_cards.facts import Facts, read_facts
from payouts.rate_cards.parsing import examine, read_card
from payouts.rate_cards.pricing_columns import quoting
from payouts.rate_cards.pricing_columns.lines import Lines, Unfit, joined, lines_of
from payouts.rate_cards.pricing_columns.quoting import ColumnQuote, GroupFacts, price_groups
from payouts.rate_cards.spelling import canonical
from payouts.rate_cards.terms import Card
from portal.kernel.errors import Invalid
from portal.kernel.money import plain
from tests.unit.rate_cards.random_cards import cards, worlds

CARDS = sorted((Path(__file__).parents[2] / "cards").iterdir())


def split_facts(facts: Facts) -> tuple[Lines, GroupFacts]:
    lines = [line for line in facts.lines if not (line.bonus or line.penalty)]
    extras = tuple(line for line in facts.lines if line.bonus or line.penalty)
    return lines_of(lines), GroupFacts(facts.drivers, extras, facts.events, facts.advance_minor)


def by_columns(card: Card, worlds: list[Facts], *, strictly: bool = True) -> ColumnQuote:
    parts = [split_facts(facts) for facts in worlds]
    starts = np.concatenate(([0], np.cumsum([len(lines) for lines, _ in parts])))
    with pytest.MonkeyPatch.context() as patch:
        if strictly:
            patch.setattr(quoting, "_scalar", _no_scalar)
        return price_groups(card, joined([lines for lines, _ in parts]), starts, [group for _, group in parts])


class GaveUp(AssertionError):
    """The columns left a group to the scalar engine."""


def _no_scalar(*_: Any) -> ColumnQuote:
    raise GaveUp


def same(one: Quote, other: Quote) -> None:
    assert [canonical(line.how) for line in one.lines] == [canonical(line.how) for line in other.lines]
    assert one == other


@st.composite
def card_and_worlds(draw: Any) -> tuple[Card, list[Facts]]:
    data = draw(cards())
    card, problems = examine(data)
    assert problems == []
    return card, [read_facts(draw(worlds(data)), card) for _ in range(draw(st.integers(1, 3)))]


@settings(max_examples=300, deadline=None)
@given(card_and_worlds())
def test_both_engines_agree_on_random_cards_and_worlds(drawn: tuple[Card, list[Facts]]) -> None:
    card, groups = drawn
    try:
        expected = [price(card, facts) for facts in groups]
    except Invalid as error:
        with pytest.raises(Invalid) as refused:
            by_columns(card, groups, strictly=False)
        assert refused.value.problems[0].code == error.problems[0].code
        return
    found = by_columns(card, groups, strictly=False)
    for place, quote in enumerate(expected):
        same(found.quote(place), quote)
    try:
        by_columns(card, groups)
    except GaveUp:  # beyond 64 bits: the scalar engine priced it; too many of these and Hypothesis says so
        reject()


@pytest.mark.parametrize("path", CARDS, ids=lambda path: path.stem)
def test_both_engines_agree_on_every_case_of_the_worked_examples(path: Path) -> None:
    card = read_card(path.read_bytes(), path.name)
    priced = 0
    for case in card.cases:
        try:
            facts = read_facts(case.facts, card)
            expected = price(card, facts)
        except Invalid:
            continue
        same(by_columns(card, [facts]).quote(), expected)
        priced += 1
    assert priced


RUNNING = {
    "id": "r",
    "driver": "running_total",
    "mode": "marginal",
    "slabs": [{"from": 0, "rate": "0.05"}, {"from": 1000, "rate": "0.10"}, {"from": 5000, "rate": "0.20"}],
}


def card_of(*rules: dict[str, Any], currency: str = "INR", **more: Any) -> Card:
    head = {"code": "C", "currency": currency, "effective_from": "2026-04-01", "rule": list(rules)}
    card, problems = examine(head | more)
    assert problems == []
    return card


def facts_of(card: Card, *lines: dict[str, Any], **more: Any) -> Facts:
    return read_facts({"lines": list(lines)} | more, card)


@settings(deadline=None)
@given(st.lists(st.integers(1, 500_000), min_size=1, max_size=12))
def test_any_split_of_an_amount_earns_the_same_on_a_running_total(rupees: list[int]) -> None:
    card = card_of(RUNNING)
    parts = facts_of(card, *({"rule": "r", "base": each} for each in rupees))
    whole = facts_of(card, {"rule": "r", "base": sum(rupees)})
    quote = by_columns(card, [parts, whole])
    assert quote.groups[0].total_minor == quote.groups[1].total_minor


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.lists(st.integers(1, 900_000), max_size=6), min_size=2, max_size=5), st.randoms(use_true_random=False)
)
def test_an_agency_earns_the_same_whoever_is_priced_beside_it(groups: list[list[int]], by: random.Random) -> None:
    card = card_of(RUNNING)
    worlds = [facts_of(card, *({"amount": plain(minor, "INR")} for minor in group)) for group in groups]
    order = list(range(len(worlds)))
    by.shuffle(order)
    straight, shuffled = by_columns(card, worlds), by_columns(card, [worlds[place] for place in order])
    for place, group in enumerate(order):
        same(shuffled.quote(place), straight.quote(group))


def test_numbers_beyond_64_bits_are_priced_by_the_scalar_engine() -> None:
    card = card_of({"id": "r", "slabs": [{"rate": "0.123456789"}], "lag": [{"factor": "0.987654321"}]})
    facts = facts_of(card, {"base": "9999999999999.99", "lag_days": 1}, {"base": "-0.01", "lag_days": 3})
    small = facts_of(card, {"base": "10.00", "lag_days": 1})
    found = by_columns(card, [facts, small], strictly=False)
    same(found.quote(0), price(card, facts))
    same(found.quote(1), price(card, small))
    with pytest.raises(AssertionError):
        by_columns(card, [facts])


def test_a_fact_that_is_no_whole_number_fits_no_column() -> None:
    card = card_of({"id": "r", "when": {"dpd_days": [1, 30]}, "slabs": [{"rate": "0.1"}]})
    with pytest.raises(Unfit):
        lines_of(facts_of(card, {"base": 1, "dpd_days": "2.5"}).lines)


@pytest.mark.parametrize("currency", ["JPY", "KWD", "INR"])
def test_currencies_without_or_with_three_decimals_are_written_alike(currency: str) -> None:
    card = card_of(RUNNING | {"lag": [{"factor": "0.333"}]}, currency=currency, agency={"direct_pay_share": "0.37"})
    lines = [{"amount": each, "source": "direct", "lag_days": 1} for each in (7, 1001, -9, 1, -1, 6000)]
    facts = facts_of(card, *lines)
    same(by_columns(card, [facts]).quote(), price(card, facts))


def test_an_agency_without_lines_and_one_with_events_alone_are_quoted() -> None:
    card = card_of({"id": "v", "earns_on": "event", "when": {"event": ["visit"]}, "slabs": [{"amount": "30"}]})
    events = facts_of(card, events=[{"event": "visit", "count": 3}, {"event": "repossession"}])
    found = by_columns(card, [facts_of(card), events, facts_of(card)])
    for place, facts in enumerate([facts_of(card), events, facts_of(card)]):
        same(found.quote(place), price(card, facts))
    assert [group.total_minor for group in found.groups] == [0, 9000, 0]
