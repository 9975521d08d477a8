"""Whatever stands in a file: it is read or refused with reasons, never an accident."""

from __future__ import annotations

import copy
import json
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from payouts.rate_cards.checking import check_card
from payouts.rate_cards.facts import read_facts
from payouts.rate_cards.parsing import examine
from payouts.rate_cards.service import plain_body
from payouts.rate_cards.wording import extras, rule_words
from portal.kernel.errors import Invalid

CARDS = Path(__file__).parents[2] / "cards"
BODIES = [plain_body(tomllib.loads(path.read_text(), parse_float=Decimal)) for path in sorted(CARDS.glob("*.toml"))]
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.decimals(allow_nan=True, allow_infinity=True),
    st.text(max_size=8),
    st.sampled_from(["0", "-1", "1.5", "1e9", "0.0000000000000000000000001", "NaN", "inf", "₹5", "USD 5", "", " ", "\x00"]),
    st.just([]),
    st.just({}),
    st.just([[]]),
    st.just([{}]),
)  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] * bool(path) + [each for key, item in items for each in places(item, (*path, key))]


def put(body: Any, path: tuple[Any, ...], value: Any) -> None:
    for key in path[:-1]:
        body = body[key]
    body[path[-1]] = copy.deepcopy(value)


@settings(max_examples=400)
@given(st.data())
def test_a_card_with_anything_anywhere_is_read_or_refused(data: st.DataObject) -> None:
    body = copy.deepcopy(data.draw(st.sampled_from(BODIES)))
    for _ in range(data.draw(st.integers(1, 3))):
        put(body, data.draw(st.sampled_from(places(body))), data.draw(LEAVES))
    _, problems = examine(body)
    assert all(problem.code and problem.message for problem in problems)
    try:
        found = check_card(json.dumps(body, default=str))
    except Invalid:
        return
    if not found.problems:
        assert all(rule_words(found.card, rule).slabs for rule in found.card.rules)
        assert all(extras(found.card))


@settings(max_examples=300)
@given(st.data())
def test_facts_with_anything_anywhere_are_priced_or_refused(data: st.DataObject) -> None:
    body = data.draw(st.sampled_from(BODIES))
    card, _ = examine(body)
    facts = copy.deepcopy(data.draw(st.sampled_from([case["facts"] for case in body["case"]])))
    put(facts, data.draw(st.sampled_from(places(facts))), data.draw(LEAVES))
    try:
        read_facts(facts, card)
    except Invalid as refused:
        assert all(problem.code for problem in refused.problems)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(text: bytes) -> None:
    try:
        check_card(text)
    except Invalid as refused:
        assert refused.problems
