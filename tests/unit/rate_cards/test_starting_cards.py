"""What a card can be begun from is in order itself."""

from __future__ import annotations

from datetime import date

import pytest

from payouts.rate_cards.checking import check_card
from payouts.rate_cards.starting_cards import STARTS, starting_text


@pytest.mark.parametrize("start", STARTS, ids=lambda start: start.key)
def test_a_start_is_in_order_and_its_cases_agree(start) -> None:
    text = starting_text(start.key, date(2026, 12, 1))
    assert text
    found = check_card(text)
    assert found.ok and found.cases
    assert {finding.code for finding in found.findings} <= {"cliff", "rounding_leak"}
    assert found.card.effective_from == date(2026, 12, 1)


def test_a_start_takes_no_code_that_another_card_has() -> None:
    text = starting_text("field", date(2026, 12, 1), taken={"FIELD-2026", "FIELD-2026-2"})
    assert text and text.startswith('code = "FIELD-2026-3"')


def test_another_start_is_none() -> None:
    assert starting_text("nothing", date(2026, 12, 1)) is None
