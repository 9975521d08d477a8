"""The distance to the next slab and what it is worth."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from payouts.commission.next_slab import distance
from payouts.rate_cards.parsing import read_card

CARDS = Path(__file__).parents[2] / "cards"


def test_a_percent_is_told_in_principal_and_prices_everything_anew() -> None:
    card = read_card((CARDS / "a_whole.toml").read_text())
    step = distance(
        card,
        card.rules[0],
        name="A v1",
        pool="31-60",
        value=Fraction("73.5"),
        base_minor=184000000,
        pool_minor=2000000000,
    )
    assert step is not None
    assert (step.next_from, step.rate_now, step.rate_next) == ("75", "0.08", "0.1")
    assert (step.missing_minor, step.gain_minor) == (30000000, 3680000)


def test_money_is_told_in_money_and_earns_on_the_way() -> None:
    card = read_card((CARDS / "a_marginal.toml").read_text())
    step = distance(card, card.rules[0], name="A v1", pool="", value=Fraction(90000000), base_minor=90000000)
    assert step is not None
    assert (step.missing_minor, step.gain_minor, step.next_from) == (10000000, 600000, "1000000.00")


def test_at_the_last_slab_or_exactly_on_a_boundary() -> None:
    card = read_card((CARDS / "a_whole.toml").read_text())
    rule = card.rules[0]
    assert distance(card, rule, name="", pool="", value=Fraction(75), base_minor=1) is None
    at = distance(card, rule, name="", pool="", value=Fraction(70), base_minor=0)
    assert at is not None
    assert (at.next_from, at.missing_minor) == ("75", None)
