"""A card edited by fields and buttons: nothing typed changes nothing, and what is typed changes that alone."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payouts.rate_cards.checking import check_card
from payouts.rate_cards.editing import act, address, path_of, shown, write_typed
from payouts.rate_cards.editing_fields import CARD, Field
from payouts.rate_cards.reading import load_text
from payouts.rate_cards.service import plain_body
from payouts.rate_cards.source_text import SourceText
from tests.factories.card_texts import card_texts

CARDS = sorted((Path(__file__).parents[2] / "cards").iterdir())
DEMO = Path(__file__).parents[3] / "portal" / "demo" / "retail.toml"
TEXTS = [path.read_text() for path in (*CARDS, DEMO)]
AS_JSON = [json.dumps(plain_body(load_text(text)), indent=2) for text in TEXTS]
RETAIL = TEXTS[-1]


def every_field(data: Any, group: Any = CARD, path: tuple[Any, ...] = ()) -> list[str]:
    """Every field a page with this card has: those that say something and those left empty."""
    if isinstance(group, Field):
        return [address(path)]
    known = [key for key in group if key != "*"]
    keys: list[Any] = list(known)
    if "*" in group and isinstance(data, dict):
        keys += [key for key in data if key not in known and not isinstance(data[key], dict)]
    if "*" in group and not known:
        keys = list(range(len(data))) if isinstance(data, list) else list(data) if isinstance(data, dict) else []
    inner = [
        (key, data[key] if isinstance(key, int) else data.get(key) if isinstance(data, dict) else None) for key in keys
    ]
    return [each for key, value in inner for each in every_field(value, group.get(key, group.get("*")), (*path, key))]


def whole_page(source: SourceText) -> dict[str, list[str]]:
    return {name: shown(source, name) for name in every_field(source.data)}


@pytest.mark.parametrize("text", [*TEXTS, *AS_JSON, *(text.replace("\n", "\r\n") for text in TEXTS)])
def test_a_page_sent_back_untouched_changes_no_letter(text: str) -> None:
    source = SourceText(text)
    write_typed(source, whole_page(source))
    assert source.text == text


@pytest.mark.parametrize(
    ("name", "typed", "before", "after"),
    [
        ("rule/1/slabs/3/rate", "8", 'rate = "0.075"', 'rate = "0.08"'),
        ("rule/0/slabs/1/from", "2,50,000", "from = 200000", "from = 250000"),
        ("rule/2/cap/amount", "6000", '"5000.00"', '"6000"'),
        ("rule/2/cap/amount", "", 'cap = { per = "line", amount = "5000.00" }\n', ""),
        ("effective_to", "2027-03-31", "effective_from = 2026-04-01\n",
         "effective_from = 2026-04-01\neffective_to = 2027-03-31\n"),
        ("agency/cap", "500000.00", 'direct_pay_share = "0.50"\n', 'direct_pay_share = "0.50"\ncap = "500000.00"\n'),
        ("agency/direct_pay_share", "60 %", '"0.50"', '"0.6"'),
        ("rule/1/when/opening_bucket", "31-60", '["31-60", "61-90"]', '["31-60"]'),
        ("rule/1/mode", "marginal", 'mode = "whole"', 'mode = "marginal"'),
        ("rule/1/slabs/3/rate", "a lot", 'rate = "0.075"', 'rate = "a lot"'),
        ("case/0/expect/total", "4001", '"4000.00"', '"4001"'),
        ("case/0/facts/drivers/confirmed_amount", "1", '"250000"', '"1"'),
    ],
)  # fmt: skip
def test_one_field_changes_its_own_place(name: str, typed: str, before: str, after: str) -> None:
    source = SourceText(RETAIL)
    write_typed(source, whole_page(source) | {name: [typed]})
    assert RETAIL.count(before) >= 1
    assert source.text == RETAIL.replace(before, after, 1)


def test_a_floor_appears_with_its_scope_and_goes_with_its_amount() -> None:
    source = SourceText(RETAIL)
    write_typed(source, {"rule/0/floor/amount": ["20"], "rule/0/floor/per": ["line"], "rule/0/floor/at_most": ["base"]})
    assert source.get(("rule", 0, "floor")) == {"per": "line", "amount": "20", "at_most": "base"}
    write_typed(source, {"rule/0/floor/amount": [""], "rule/0/floor/per": ["rule"], "rule/0/floor/at_most": ["base"]})
    assert source.text == RETAIL


def test_a_qualifier_in_a_card_without_an_agency_part() -> None:
    source = SourceText(TEXTS[0])
    write_typed(source, {"agency/qualifier/driver": ["score"], "agency/qualifier/at_least": ["60"]})
    assert "[agency]\nqualifier" in source.text
    assert check_card(source.text).card.agency.qualifier is not None


def test_ticks_and_ranges() -> None:
    source = SourceText(RETAIL)
    write_typed(source, {"rule/0/when/source": ["-", "agency"], "rule/0/components": ["-", "principal"]})
    assert source.get(("rule", 0, "when", "source")) == ["agency"]
    assert source.get(("rule", 0, "components")) == ["principal"]
    write_typed(source, {"rule/0/when/dpd_days": ["30", ""], "rule/0/when/source": ["-"]})
    assert source.get(("rule", 0, "when")) == {"opening_bucket": ["1-30"], "dpd_days": [30]}


@pytest.mark.parametrize(
    ("do", "typed", "path", "expected"),
    [
        ("add:rule", {}, ("rule", 3, "id"), "rule-4"),
        ("add:rule/1/slabs", {}, ("rule", 1, "slabs", 4), {"from": 75, "rate": "0.075"}),
        ("add:rule/0/slabs", {}, ("rule", 0, "slabs", 3), {"from": 800000, "rate": "0.025"}),
        ("add:rule/0/lag", {}, ("rule", 0, "lag"), [{"within_days": 1, "factor": "1"}, {"factor": "0"}]),
        ("add:bonus", {}, ("bonus", 0, "id"), "bonus-1"),
        ("add:penalty", {}, ("penalty", 0, "id"), "penalty-1"),
        ("add:case", {}, ("case", 3, "name"), "case 4"),
        ("add:case/0/facts/lines", {}, ("case", 0, "facts", "lines", 1, "rule"), "early"),
        ("add:case/0/facts/events", {}, ("case", 0, "facts", "events", 0, "event"), "late_deposit"),
        ("copy:rule/0", {}, ("rule", 1, "id"), "early-2"),
        ("copy:case/0", {}, ("case", 1, "name"), "early money crosses two slabs-2"),
        ("up:rule/1", {}, ("rule", 0, "id"), "middle"),
        ("down:rule/1", {}, ("rule", 2, "id"), "middle"),
        ("drop:rule/0", {}, ("rule", 0, "id"), "middle"),
        ("drop:rule/1/slabs/0", {}, ("rule", 1, "slabs", 0, "from"), 40),
        ("when:rule/0/when", {"rule/0/when/+key": ["outcome"], "rule/0/when/+text": ["normalised"]},
         ("rule", 0, "when", "outcome"), ["normalised"]),
        ("when:rule/0/when", {"rule/0/when/+key": ["npa_age_months"], "rule/0/when/+text": ["12 to 24"]},
         ("rule", 0, "when", "npa_age_months"), [12, 24]),
        ("fact:case/2/facts/drivers", {"case/2/facts/drivers/+key": ["score"], "case/2/facts/drivers/+text": ["80"]},
         ("case", 2, "facts", "drivers", "score"), "80"),
        ("know:case/2/facts/lines/0", {"case/2/facts/lines/0/+key": ["lag_days"], "case/2/facts/lines/0/+text": ["2"]},
         ("case", 2, "facts", "lines", 0), {"rule": "npa", "base": "80000.00", "lag_days": 2}),
    ],
)  # fmt: skip
def test_a_button_does_one_thing(do: str, typed: dict[str, list[str]], path: tuple[Any, ...], expected: Any) -> None:
    for text in (RETAIL, AS_JSON[-1]):
        source = SourceText(text)
        assert act(source, do, typed) is not None
        assert source.get(path) == expected


@pytest.mark.parametrize(
    "do",
    ["", "add:", "add:nowhere", "add:rule/9/slabs", "drop:rule", "drop:rule/99", "up:code", "copy:agency/cap", "burn:rule/0",
     "when:rule/0/when", "fact:case/0/facts/drivers", "add:code", "drop:", "up:rule/0/when", "add:rule/0/slabs/0/from"],
)  # fmt: skip
def test_a_button_that_names_nothing_does_nothing(do: str) -> None:
    source = SourceText(RETAIL)
    act(source, do, {})
    assert source.text == RETAIL


def test_a_rule_at_the_edge_stays_where_it_is() -> None:
    source = SourceText(RETAIL)
    act(source, "up:rule/0", {})
    act(source, "down:rule/2", {})
    assert source.text == RETAIL


@settings(max_examples=150)
@given(st.data())
def test_whatever_is_typed_changes_only_what_it_names(data: st.DataObject) -> None:
    source = SourceText(data.draw(st.sampled_from([*TEXTS, *AS_JSON])))
    before, old = copy.deepcopy(source.data), SourceText(source.text)
    name = data.draw(st.sampled_from(every_field(source.data)))
    typed = data.draw(
        st.one_of(st.text(max_size=8), st.sampled_from(["5", "0.5", "1,00,000", "score", "", "-3", "2027-01-01"]))
    )
    write_typed(source, whole_page(source) | {name: [typed]})
    path = path_of(before, name)
    after = load_text(source.text)
    for other in every_field(before):
        there = path_of(before, other)
        if there[: len(path) - 1] != path[:-1] and there[:-1] != path[: len(there) - 1]:
            assert shown(old, other) == shown(source, other), other
    top = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    assert top <= {str(path[0])}


@settings(max_examples=150)
@given(card_texts())
def test_a_random_card_sent_back_untouched_changes_no_letter(text: str) -> None:
    source = SourceText(text)
    write_typed(source, whole_page(source))
    assert source.text == text


@settings(max_examples=150)
@given(card_texts(), st.data())
def test_a_random_card_changes_in_one_place_alone(text: str, data: st.DataObject) -> None:
    source = SourceText(text)
    rule = data.draw(st.integers(0, len(source.get(("rule",))) - 1))
    slab = data.draw(st.integers(0, len(source.get(("rule", rule, "slabs"))) - 1))
    write_typed(source, whole_page(source) | {f"rule/{rule}/slabs/{slab}/rate": ["7.77"]})
    wanted = load_text(text)
    wanted["rule"][rule]["slabs"][slab]["rate"] = "0.0777"
    assert load_text(source.text) == wanted
    start, end = same_ends(text, source.text)
    assert "\n" not in source.text[start : len(source.text) - end]
    for do in ("copy:rule/0", "down:rule/0", "add:rule/0/slabs", "add:case", "add:bonus", "add:rule/0/lag"):
        act(source, do, {})
    act(source, "drop:rule/1", {})
    load_text(source.text)


def same_ends(one: str, other: str) -> tuple[int, int]:
    """How many letters two texts share at their beginning, and at the end of the rest."""
    start = same_start(one, other)
    return start, same_start(one[start:][::-1], other[start:][::-1])


def same_start(one: str, other: str) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(one), len(other)))


@settings(max_examples=150)
@given(card_texts())
def test_moving_a_rule_there_and_back_gives_the_same_letters(text: str) -> None:
    source = SourceText(text)
    if len(source.get(("rule",))) < 2:
        return
    source.move(("rule",), 0, 1)
    assert [rule["id"] for rule in source.data["rule"]][:2] == ["r1", "r0"]
    source.move(("rule",), 0, 1)
    assert source.text == text


ODD = (("key", "score"), ("text", "5"))


@settings(max_examples=100)
@given(st.text(max_size=30), st.text(max_size=12))
def test_an_address_made_up_by_hand_is_harmless(do: str, name: str) -> None:
    source = SourceText(RETAIL)
    write_typed(source, {name: ["x"], f"rule/{name}": ["x"], f"agency/{name}": [], f"case/0/{name}": ["1"]})
    write_typed(
        source, {"rule/x/id": ["x"], "rule/0/slabs/99/rate": ["1"], f"case/0/name/{name}": ["1"], "code/x": ["1"]}
    )
    chosen = {f"{at}/+{key}": [text] for at in ("case/0/name/drivers", "rule/x/when") for key, text in ODD}
    for verb in ("", "add:", "fact:case/0/name/drivers", "when:rule/x/when", "know:case/0/name", "fact:rule/0/drivers"):
        act(source, verb + do * (verb in ("", "add:")), chosen)
    load_text(source.text)
