"""Every mistake finds the field it speaks of."""

from __future__ import annotations

from payouts.rate_cards.checking import check_card
from payouts.rate_cards.editing_notes import notes_of
from payouts.rate_cards.reading import load_text
from tests.unit.rate_cards.test_mistakes import EVERY_KIND, EXPECTED

SMALL = """
code = "C"
currency = "INR"
effective_from = 2026-04-01
[[rule]]
id = "r.1"
colour = "red"
slabs = [ {from = 0, rate = "8"} ]
lag = [ {within_days = 1, factor = "1"} ]
[[case]]
name = "73.5 % resolved"
facts = {}
expect = {}
"""


def test_mistakes_stand_at_their_fields() -> None:
    notes = notes_of(load_text(SMALL), check_card(SMALL))
    assert {name: [note.code for note in said] for name, said in notes.items()} == {
        "rule/0/slabs/0/rate": ["rate_above_one"],
        "rule/0": ["unknown_key"],
        "case/0/expect/total": ["missing"],
    }
    assert notes["rule/0"][0].stray == "rule/0/colour"
    assert notes["rule/0/slabs/0/rate"][0].cure == "A share is at most 100 %."


def test_findings_of_a_readable_card_stand_at_theirs() -> None:
    text = (
        SMALL.replace('"8"', '"0.0825"')
        .replace('colour = "red"\n', "")
        .replace("expect = {}", 'expect = { total = "0" }')
    )
    notes = notes_of(load_text(text), check_card(text))
    assert {name: [(note.code, note.severity) for note in said] for name, said in notes.items()} == {
        "rule/0/lag": [("gap", "error")],
        "rule/0/slabs": [("rounding_leak", "warning")],
        "rule/0": [("no_case", "warning")],
    }


def test_none_of_many_mistakes_is_lost() -> None:
    notes = notes_of(load_text(EVERY_KIND), check_card(EVERY_KIND))
    said = {(note.code, note.column) for several in notes.values() for note in several}
    assert said == EXPECTED
