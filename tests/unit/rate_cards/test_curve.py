"""The payout curve: steps and cliffs where the slab reached prices everything, a kinked line where each prices its own part."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from payouts.rate_cards.agency_level import price
from payouts.rate_cards.curve import Curve, curve_of
from payouts.rate_cards.facts import read_facts
from payouts.rate_cards.parsing import examine, read_card
from payouts.rate_cards.terms import Card

CARDS = Path(__file__).parents[2] / "cards"


def drawn(**rule: Any) -> tuple[Card, Curve | None]:
    head = {"code": "C", "currency": "INR", "effective_from": "2026-04-01"}
    card, _ = examine(head | {"rule": [{"id": "r"} | rule]})
    return card, curve_of(card, card.rules[0], 184000000)


SLABS = [{"from": 0, "rate": "0.06"}, {"from": 1000000, "rate": "0.08"}, {"from": 1500000, "rate": "0.10"}]


def test_each_slab_for_its_own_part_is_a_line_with_kinks_and_no_jump() -> None:
    _, curve = drawn(driver="confirmed_amount", mode="marginal", slabs=SLABS)
    assert curve is not None
    assert [(each.low, each.high) for each in curve.stretches] == [
        (0, 6000000),
        (6000000, 10000000),
        (10000000, 17500000),
    ]
    assert not any(each.jumps for each in curve.stretches)
    assert curve.to_scale and "no jumps" in curve.summary.lower()
    assert curve.rows[1] == ("₹10,00,000.00", "8 %", "₹60,000.00 to ₹1,00,000.00")


def test_a_slab_for_everything_jumps_at_its_boundary() -> None:
    _, curve = drawn(driver="confirmed_amount", slabs=SLABS)
    assert curve is not None
    assert [each.cliff for each in curve.stretches] == ["", "+₹20,000.00", "+₹30,000.00"]


def test_a_share_resolved_steps_from_level_to_level_on_the_money_of_its_case() -> None:
    slabs = [{"from": 0, "rate": "0.04"}, {"from": 65, "rate": "0.06"}, {"from": 70, "rate": "0.05"}]
    _, curve = drawn(driver="resolution_pct_pos", slabs=slabs)
    assert curve is not None
    assert [each.low == each.high for each in curve.stretches] == [True, True, True]
    assert [each.cliff for each in curve.stretches] == ["", "+₹36,800.00", "−₹18,400.00"]
    assert curve.basis == "on ₹18,40,000.00"
    assert not curve.to_scale  # 65 to 70 would be a sliver
    assert [each.x2 for each in curve.stretches] == [Fraction(1, 3), Fraction(2, 3), 1]


def test_amounts_by_number_of_accounts() -> None:
    slabs = [{"from": 0, "amount": "30"}, {"from": 100, "amount": "40"}]
    _, whole = drawn(earns_on="account", driver="account_count", slabs=slabs)
    _, marginal = drawn(earns_on="account", driver="account_count", mode="marginal", slabs=slabs)
    assert whole and marginal
    assert [each.cliff for each in whole.stretches] == ["", "+₹1,000.00"]
    assert [each.low for each in marginal.stretches] == [0, 300000]


@pytest.mark.parametrize(
    "rule",
    [
        {"slabs": [{"from": 0, "rate": "0.05"}]},
        {"driver": "score", "slabs": [{"from": 0, "rate": "0.05"}]},
        {"driver": "score", "slabs": [{"from": 5, "rate": "0.05"}, {"from": 9, "rate": "0.05"}]},
        {"driver": "score", "slabs": [{"from": 0, "rate": "0.05"}, {"from": 0, "rate": "0.05"}]},
        {"slabs": []},
    ],
)
def test_nothing_to_draw_is_nothing(rule: dict[str, Any]) -> None:
    assert drawn(**rule)[1] is None


def test_the_picture_agrees_with_the_engine_at_every_edge() -> None:
    card = read_card((CARDS / "a_marginal.toml").read_text())
    curve = curve_of(card, card.rules[0])
    assert curve is not None
    for each in curve.stretches:
        facts = {"lines": [{"rule": "cash", "base": str(Fraction(each.start, 100))}]}
        assert price(card, read_facts(facts, card)).total_minor == each.low


def test_every_rule_of_every_card_can_be_looked_at() -> None:
    for path in CARDS.iterdir():
        card = read_card(path.read_text())
        for rule in card.rules:
            curve = curve_of(card, rule)
            assert curve is None or (len(curve.stretches) == len(rule.slabs) and curve.most > 0 and curve.summary)
