"""A quote's steps in words, for every worked example."""

from __future__ import annotations

from pathlib import Path

import pytest

from payouts.rate_cards.agency_level import price
from payouts.rate_cards.facts import read_facts
from payouts.rate_cards.parsing import read_card
from payouts.rate_cards.step_words import line_words, total_words
from portal.kernel.errors import Invalid

CARDS = sorted((Path(__file__).parents[2] / "cards").iterdir())


def test_the_house_card_is_told_from_the_money_to_the_total() -> None:
    card = read_card((Path(__file__).parents[2] / "cards" / "house.toml").read_text())
    quote = price(card, read_facts(card.cases[0].facts, card))
    assert line_words(quote.lines[0].how, "INR") == [
        "It counts ₹18,40,000.00.",
        "The share of principal resolved is 73.5 %: the slab from 70 % to under 75 % pays 8 %.",
        "That is ₹1,47,200.00, rounded once.",
    ]
    said = total_words(quote)
    assert "Penalty late-deposit for 2 late deposit: −₹1,000.00." in said
    assert any(sentence.startswith("The qualifier is met") for sentence in said)
    assert any("held back for 60 days" in sentence for sentence in said)


@pytest.mark.parametrize("path", CARDS, ids=lambda path: path.stem)
def test_every_step_of_every_case_is_a_sentence(path: Path) -> None:
    card = read_card(path.read_text())
    for case in card.cases:
        try:
            quote = price(card, read_facts(case.facts, card))
        except Invalid:
            continue
        said = [sentence for line in quote.lines for sentence in line_words(line.how, card.currency)] + total_words(
            quote
        )
        assert said and all(
            sentence.endswith(".") and "_" not in sentence.replace(card.code, "") for sentence in said
        ), said
