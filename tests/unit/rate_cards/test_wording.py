"""Cards in words: what a rule says, and how a version differs from the one before."""

from __future__ import annotations

from pathlib import Path

import pytest

from payouts.rate_cards.parsing import read_card
from payouts.rate_cards.wording import case_differences, differences, extras, rule_words

CARDS = Path(__file__).parents[2] / "cards"
HOUSE = (CARDS / "house.toml").read_text()


def changes(before: str, after: str) -> list[str]:
    return differences(read_card(HOUSE), read_card(HOUSE.replace(before, after)))


def test_a_rule_says_what_it_asks_and_pays() -> None:
    card = read_card(HOUSE)
    words = rule_words(card, card.rules[0])
    assert words.conditions == ["product PL", "opening bucket 31-60", "source agency"]
    assert [(slab.start, slab.end, slab.pays) for slab in words.slabs][1:3] == [
        ("65 %", "70 %", "6 %"),
        ("70 %", "75 %", "8 %"),
    ]
    assert words.notes == [
        "Deposit lag: within 1 day 100 %; within 3 days 90 %; later 0 %.",
        "At most ₹5,000.00 per account.",
    ]
    assert words.curve[2] == {"from": "70", "rate": "0.08", "word": "70 %"}
    assert len(extras(card)) == 11


def test_money_is_shown_as_people_read_it() -> None:
    card = read_card((CARDS / "a_marginal.toml").read_text())
    words = rule_words(card, card.rules[0])
    assert [slab.start for slab in words.slabs] == ["₹0.00", "₹10,00,000.00", "₹15,00,000.00"]
    assert words.curve[1]["from"] == "1000000"


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ('rate = "0.08"', 'rate = "0.09"', "Rule b2-cash, from 70 %: 8 % becomes 9 %."),
        ("{from = 70", "{from = 72", "Rule b2-cash: the slab from 70 % begins at 72 %."),
        ('{from = 70, rate = "0.08"}, ', "", "Rule b2-cash, pays: 4 % from 0 %, 6 % from 65 %, 8 % from 70 %"),
        (
            "effective_from = 2026-04-01",
            "effective_from = 2027-04-01",
            "The first day changes from 1 Apr 2026 to 1 Apr 2027.",
        ),
        ('mode = "whole"', 'mode = "whole"\nname = "x"', ""),
        ('amount = "500.00"', 'amount = "600.00"', "₹600.00 each for late_deposit"),
        ("tail_days = 30", "tail_days = 31", "31 days after recall"),
        ('product = ["PL"]', 'product = ["PL", "CC"]', "product CC or PL"),
        ('cap = { per = "account"', 'cap = { per = "rule"', "per rule"),
    ],
)
def test_what_changed_is_said(before: str, after: str, sentence: str) -> None:
    found = changes(before, after)
    assert any(sentence in each for each in found) if sentence else found == []


def test_what_is_on_top_is_laid_beside_what_it_was() -> None:
    (said,) = changes("at_least = 8 }", "at_least = 9 }")
    assert said.startswith("Changed: Bonus rollback: 1 % on") and "at least 9. It was: Bonus rollback" in said
    assert changes("reprice_slab = false", "reprice_slab = true") == [
        "New: When money is returned, the slab is reckoned again without it."
    ]


def test_examples_that_came_went_or_changed_are_named() -> None:
    more = HOUSE + '[[case]]\nname = "z"\nfacts = { lines = [] }\nexpect = { total = "0" }\n'
    assert case_differences(read_card(HOUSE), read_card(more)) == ["Example added: z."]
    assert case_differences(read_card(more), read_card(HOUSE)) == ["Example taken out: z."]
    other = HOUSE.replace('total = "151400.00"', 'total = "1"')
    assert case_differences(read_card(HOUSE), read_card(other)) == ["Example changed: 73.5 % resolved."]
    assert differences(read_card(HOUSE), read_card(other)) == []


def test_rules_added_and_taken_out_are_named() -> None:
    assert changes('id = "b2-cash"', 'id = "b2"')[:2] == [
        "Rule b2-cash is taken out.",
        changes('id = "b2-cash"', 'id = "b2"')[1],
    ]
    assert changes("x", "x") == []


@pytest.mark.parametrize("path", sorted(CARDS.iterdir()), ids=lambda path: path.stem)
def test_every_card_can_be_put_in_words(path: Path) -> None:
    card = read_card(path.read_text())
    assert all(rule_words(card, rule).slabs for rule in card.rules)
    assert all(sentence.endswith(".") for sentence in extras(card))
