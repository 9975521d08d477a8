"""The worked examples, as cards with their own cases."""

from __future__ import annotations

from pathlib import Path

import pytest

from payouts.rate_cards.checking import check_card

CARDS = sorted((Path(__file__).parents[2] / "cards").iterdir())


@pytest.mark.parametrize("path", CARDS, ids=lambda path: path.stem)
def test_every_card_of_the_worked_examples_is_in_order_and_its_cases_come_out(path: Path) -> None:
    found = check_card(path.read_bytes(), path.name)
    assert [str(problem) for problem in found.problems] == []
    assert found.failed == []
    assert found.errors == []
    assert len(found.cases) > 0


def test_a_wrong_expectation_fails_its_case_and_the_card() -> None:
    text = (Path(__file__).parents[2] / "cards" / "house.toml").read_text()
    found = check_card(text.replace('total = "151400.00"', 'total = "151400.01"'))
    assert not found.ok
    assert found.cases[0]["expected"] == {"total": "151400.01"}
    assert found.cases[0]["got"]["total"] == "151400.00"
