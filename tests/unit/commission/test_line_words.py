"""Every step a line can have is told in a sentence; a step the engines learn without words for it fails here."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from payouts.commission.kind_words import KINDS
from payouts.commission.line_words import OWN, TITLES, steps_in_words
from payouts.commission.models import LINE_KINDS
from payouts.rate_cards.agency_level import price
from payouts.rate_cards.facts import read_facts
from payouts.rate_cards.parsing import read_card
from portal.kernel.errors import Invalid

ROOT = Path(__file__).parents[3]
ENGINES = [
    *(ROOT / "payouts" / "rate_cards").glob("*.py"),
    *(ROOT / "payouts" / "rate_cards" / "pricing_columns").glob("*.py"),
    *(ROOT / "payouts" / "commission").rglob("*.py"),
]
NO_STEP = {"line"}  # a quote's own list of its lines; never a step of an accrual line


def step_kinds() -> Iterator[str]:
    """Every kind of step the engines write: `"step": "…"` in a mapping, and what is given to tally.add, limit_step, _line."""
    for path in ENGINES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Dict):
                for key, value in zip(node.keys, node.values, strict=True):
                    if isinstance(key, ast.Constant) and key.value == "step" and isinstance(value, ast.Constant):
                        yield value.value
            if isinstance(node, ast.Call):
                yield from given_names(node)
        yield from re.findall(r'"step":"([a-z_]+)"', path.read_text())


def given_names(call: ast.Call) -> Iterator[str]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    place = {"add": 0, "limit_step": 0, "_limit_step": 1, "_line": 2}.get(name)
    if place is None or len(call.args) <= place or (name == "add" and len(call.args) < 3):
        return
    given = call.args[place]
    if isinstance(given, ast.Constant) and isinstance(given.value, str):
        yield given.value


def test_every_kind_of_step_the_engines_write_has_words() -> None:
    kinds = set(step_kinds()) - NO_STEP
    assert {"base", "slab", "clawback", "holdback", "qualifier", "floor", "by_hand", "reprice"} <= kinds
    assert kinds <= set(TITLES), f"no words for {sorted(kinds - set(TITLES))}"
    assert set(OWN) <= set(TITLES)


def test_every_kind_of_line_has_a_name() -> None:
    assert set(LINE_KINDS) == set(KINDS)


CARDS = sorted((ROOT / "tests" / "cards").iterdir())


@pytest.mark.parametrize("path", CARDS, ids=lambda path: path.stem)
def test_every_step_of_every_worked_example_is_a_sentence(path: Path) -> None:
    card = read_card(path.read_text())
    for case in card.cases:
        try:
            quote = price(card, read_facts(case.facts, card))
        except Invalid:
            continue
        steps = [step for line in quote.lines for step in line.how]
        steps += [step for step in quote.steps if step["step"] != "line"]
        for said in steps_in_words(steps, {}, card.currency):
            assert said.title and said.sentence.endswith("."), said
            assert not re.search(r"[<>{}_]", said.sentence.replace(card.code, "")), said


INR = "INR"
CLAWBACK_FACTS = {
    "of": "A2610.1-00004",
    "settlement": "S2610-SHAKTI",
    "receipt_no": "R7",
    "returned_on": "2026-11-09",
    "why": "cheque returned",
}
SAID = [
    (
        {"step": "clawback", "rate": "as_paid", "paid": "50.00", "of": "A2610.1-00004", "amount": "-50.00"},
        CLAWBACK_FACTS,
        ("The money of receipt R7 went back on 9 Nov 2026 (cheque returned). ₹50.00 was paid for it by line A2610.1-00004 of statement"
        " S2610-SHAKTI; it is taken back at the rate first paid."),
    ),
    (
        {"step": "holdback", "rate": "0.05", "base": "1000.00", "held": "50.00", "release_on": "2027-01-30", "amount": "-50.00"},
        {},
        "5 % of ₹1,000.00 is held back until 30 Jan 2027: ₹50.00.",
    ),
    (
        {"step": "holdback_release", "of": "A2610.1-00009", "amount": "50.00"},
        {"settlement": "S2610-SHAKTI"},
        "Held back by line A2610.1-00009 of statement S2610-SHAKTI, paid out now: ₹50.00.",
    ),
    (
        {"step": "minimum_guarantee", "guarantee": "5000.00", "recoverable": True, "before": "3000.00", "amount": "2000.00"},
        {},
        "The month came to ₹3,000.00, below the ₹5,000.00 guaranteed: ₹2,000.00 is added. Months above it give it back.",
    ),
    (
        {"step": "by_hand", "ref": "J00012", "amount": "-700.00"},
        {"reason": "Agreed by letter."},
        "J00012 was entered by one person at the bank and accepted by another: Agreed by letter. −₹700.00.",
    ),
    (
        {"step": "reprice", "without": 2, "paid": "900.00", "would_be": "600.00", "taken_back": "200.00", "amount": "-100.00"},
        {"of": "S2610-SHAKTI"},
        ("Statement S2610-SHAKTI priced again without the 2 payments that went back: ₹600.00 instead of ₹900.00. ₹200.00 of that was"
        " taken back by itself; the rest is −₹100.00."),
    ),
    (
        {"step": "cap", "rule": "npa", "per": "account", "loan_account_no": "LN7", "limit": "500.00", "before": "620.00",
         "amount": "-120.00"},
        {},
        "The cap of ₹500.00 for account LN7 takes off what is above it: ₹620.00 came together, so −₹120.00.",
    ),
    (
        {"step": "slab", "mode": "marginal", "from": "0.00", "to": "5000.00", "driver": "confirmed_amount", "value": "2000.00",
         "scope": "agency+opening_bucket", "pool": "1-30", "measured": "counted", "part": "2000.00", "rate": "0.02"},
        {},
        ("₹2,000.00 lies in the slab from ₹0.00 to under ₹5,000.00, which pays 2 %. With it the confirmed money in 1-30 stands at"
        " ₹2,000.00."),
    ),
    (
        {"step": "measured_late", "month": "2026-10", "of": "S2610-SHAKTI", "outcomes": 2},
        {"loan_account_no": "LN7"},
        ("This is for October 2026: nobody had measured account LN7 when statement S2610-SHAKTI was settled. A later month-end snapshot"
        " did, so its fee is earned now, by the terms and measures of October 2026."),
    ),
    (
        {"step": "with_the_month", "month": "2026-10", "fees": "60.00", "brought": "45.00", "amount": "-15.00"},
        {"of": "S2610-SHAKTI"},
        ("The fees for accounts of October 2026 measured since come to ₹60.00. With the caps, bonuses and conditions over the whole of"
        " October 2026 (statement S2610-SHAKTI) they bring ₹45.00: −₹15.00."),
    ),
    ({"step": "round", "exact": "12.345", "amount": "12.35"}, {}, "INR 12.345 becomes ₹12.35, rounded once."),
    ({"step": "unpaid", "code": "no_lag_tier", "base": "10.00"}, {}, "It earns nothing: deposited later than any day the terms name."),
]  # fmt: skip


@pytest.mark.parametrize(("step", "facts", "sentence"), SAID, ids=lambda value: str(value)[:40])
def test_what_only_a_month_has_is_told_with_its_line_and_statement(step: dict, facts: dict, sentence: str) -> None:
    (said,) = steps_in_words([step], facts, INR)
    assert said.sentence == sentence


@pytest.mark.parametrize("kind", sorted(TITLES))
def test_a_step_that_lacks_what_its_sentence_needs_is_spelled_out(kind: str) -> None:
    (said,) = steps_in_words([{"step": kind, "odd": "thing"}], {}, INR)
    assert said.title == TITLES[kind]
    assert said.sentence


def test_a_step_nobody_knows_is_named_not_left_out() -> None:
    (said,) = steps_in_words([{"step": "new_thing", "amount": "5.00"}], {}, INR)
    assert (said.title, said.sentence) == ("New thing", "New thing: ₹5.00.")
