"""A card's text changed by path: what is not named stays, letter by letter."""

from __future__ import annotations

import copy
import json
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payouts.rate_cards.reading import load_text
from payouts.rate_cards.service import plain_body
from payouts.rate_cards.source_text import SourceText, value_at
from portal.kernel.errors import Refused

CARDS = sorted((Path(__file__).parents[2] / "cards").iterdir())
DEMO = Path(__file__).parents[3] / "portal" / "demo" / "retail.toml"
TEXTS = [path.read_text() for path in (*CARDS, DEMO)]
AS_JSON = [json.dumps(plain_body(load_text(text)), indent=indent) for text in TEXTS for indent in (None, 2)]
ALL = [*TEXTS, *AS_JSON, *(text.replace("\n", "\r\n") for text in TEXTS), *(text.rstrip() for text in TEXTS)]
ODD = '''
# what stands here stays
code = 'ODD' # a note
"currency"="INR"
effective_from   =   2026-04-01
name = """two
lines"""
agency.cap = "5.00"
agency.tail_days = 3

# about the first
  [[rule]] # first
  id = "a"
  cap.per = "line"   # a cap
  cap.amount = "1.00"
  slabs = [
    # the only one
    {from = 0, rate = "0.05"}, # five
    {from = 10, rate = "0.06"}  # six
  ]
  [rule.when]
  product = ["PL", # personal
    "CC"]

# a heading of its own

# about the second
[[rule]]
id = "b"
[[rule.slabs]]
from = 0
rate = '0.04'
[[rule.slabs]]
from = 10
rate = "0.05"
[rule.floor]
per = "line"
amount = "1.00"
[[case]]
name = "x"
[case.facts]
lines = []
[case.expect]
total = "0.00"
'''


def test_reading_and_writing_nothing_changes_nothing() -> None:
    for text in (*ALL, ODD):
        assert SourceText(text).text == text


def test_a_rate_is_changed_where_it_stands_and_nowhere_else() -> None:
    source = SourceText(TEXTS[1])
    source.put(("rule", 0, "slabs", 1, "rate"), "0.065")
    assert source.text == TEXTS[1].replace('rate = "0.06"', 'rate = "0.065"')


@pytest.mark.parametrize(
    ("act", "before", "after"),
    [
        (("put", ("rule", 0, "cap", "amount"), "2.00"), 'cap.amount = "1.00"', 'cap.amount = "2.00"'),
        (("drop", ("rule", 0, "slabs", 1)), '    {from = 10, rate = "0.06"}  # six\n', ""),
        (("drop", ("rule", 0, "slabs", 0)), '    {from = 0, rate = "0.05"}, # five\n', ""),
        (("put", ("agency", "direct_pay_share"), "0.50"), "agency.tail_days = 3\n",
         'agency.tail_days = 3\nagency.direct_pay_share = "0.50"\n'),
        (("put", ("rule", 1, "slabs", 1, "rate"), "0.06"), 'from = 10\nrate = "0.05"', 'from = 10\nrate = "0.06"'),
        (("put", ("rule", 1, "floor", "at_most"), "base"), 'per = "line"\namount = "1.00"\n',
         'per = "line"\namount = "1.00"\nat_most = "base"\n'),
        (("insert", ("rule", 0, "slabs"), 2, {"from": 20, "rate": "0.07"}), '"0.06"}  # six\n',
         '"0.06"},  # six\n    {from = 20, rate = "0.07"}\n'),
        (("insert", ("rule", 0, "when", "product"), 2, "HL"), '"CC"]', '"CC",\n    "HL"]'),
        (("drop", ("rule", 0, "cap")), '  cap.per = "line"   # a cap\n  cap.amount = "1.00"\n', ""),
        (("drop", ("rule", 1, "floor")), '[rule.floor]\nper = "line"\namount = "1.00"\n', ""),
        (("insert", ("bonus",), 0, {"id": "z", "rate": "0.01"}), "[[case]]", '[[bonus]]\nid = "z"\nrate = "0.01"\n\n[[case]]'),
    ],
)  # fmt: skip
def test_an_oddly_laid_out_file_keeps_its_layout(act: tuple[Any, ...], before: str, after: str) -> None:
    source = SourceText(ODD)
    getattr(source, act[0])(*act[1:])
    assert before in ODD
    assert source.text == ODD.replace(before, after, 1)


def test_a_rule_moves_with_the_comment_above_it() -> None:
    source = SourceText(ODD)
    source.move(("rule",), 0, 1)
    assert [rule["id"] for rule in source.data["rule"]] == ["b", "a"]
    assert (
        source.text.index("# about the second")
        < source.text.index("# a heading")
        < source.text.index("# about the first")
    )
    source.move(("rule",), 1, 0)
    assert source.text == ODD


def test_a_rule_is_copied_letter_by_letter_and_taken_out_again() -> None:
    source = SourceText(ODD)
    source.copy(("rule",), 0)
    assert source.data["rule"][0] == source.data["rule"][1]
    assert source.text.count("# the only one") == 2
    source.drop(("rule", 1))
    assert source.text == ODD


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] * bool(path) + [each for key, item in items for each in paths(item, (*path, key))]


VALUES = st.one_of(
    st.text(max_size=6), st.integers(-5, 10**6), st.booleans(), st.decimals(0, 1, places=4), st.just("0.07"),
    st.lists(st.sampled_from(["PL", "CC", 'q"'])), st.just({"from": 5, "rate": "0.1"}),
)  # fmt: skip


@settings(max_examples=300)
@given(st.data())
def test_any_change_changes_only_what_it_names(data: st.DataObject) -> None:
    source = SourceText(data.draw(st.sampled_from([*ALL, ODD])))
    for _ in range(data.draw(st.integers(1, 4))):
        before, expected = source.text, copy.deepcopy(source.data)
        path = data.draw(st.sampled_from(paths(source.data)))
        act = data.draw(st.sampled_from(["put", "drop", "insert", "move", "copy", "add"]))
        here, parent = value_at(expected, path), value_at(expected, path[:-1])
        if act == "put":
            value = data.draw(VALUES)
            try:
                source.put(path, value)
            except Refused:
                assert isinstance(here, dict | list)  # a part of several lines gives way to no value
                continue
            parent[path[-1]] = source.get(path)
            assert str(source.get(path)) == str(source._plain(value))
        elif act == "drop" and len(path) > 1:
            source.drop(path)
            del parent[path[-1]]
            if parent == [] and len(path) == 2 and path[0] not in source.data:
                del expected[path[0]]
        elif act == "add" and isinstance(here, dict):
            source.put((*path, "new key"), "x")
            here["new key"] = "x"
        elif act == "insert" and isinstance(here, list):
            place, value = data.draw(st.integers(0, len(here))), data.draw(st.just({"from": 5, "rate": "0.1"}))
            source.insert(path, place, value)
            here.insert(place, value)
        elif act in ("move", "copy") and isinstance(here, list) and here:
            one, other = (data.draw(st.integers(0, len(here) - 1)) for _ in range(2))
            if act == "copy":
                source.copy(path, one)
                here.insert(one + 1, copy.deepcopy(here[one]))
            elif one != other:
                source.move(path, one, other)
                here[one], here[other] = here[other], here[one]
        else:
            continue
        assert source.data == expected == load_text(source.text)
        assert comments(before) - comments(source.text) <= comments(removed(before, source.text))


def comments(text: str) -> set[str]:
    return {line.strip()[1:].strip() for line in text.splitlines() if line.strip().startswith("#")}


def removed(before: str, after: str) -> str:
    """What stood between the beginning and the end that both texts share."""
    start = next(
        (n for n, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), min(len(before), len(after))
    )
    end = next(
        (n for n, (a, b) in enumerate(zip(before[: start - 1 : -1], after[: start - 1 : -1], strict=False)) if a != b),
        0,
    )
    return before[before.rfind("\n", 0, start) + 1 : len(before) - end]


def test_a_text_that_is_neither_is_refused() -> None:
    with pytest.raises(Exception, match="Not readable"):
        SourceText("code = ")
    assert tomllib.loads("x = 0.05", parse_float=Decimal)["x"] == Decimal("0.05")
