"""The guide names every code a card can be told, and its example is in order."""

from __future__ import annotations

import re
from pathlib import Path

from payouts.rate_cards.checking import check_card

ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "docs" / "rate-cards.md").read_text()
SAID = re.compile(r"(?:wrong|Finding|Problem)\(\s*\"([a-z_]+)\"")
OF_FACTS = {"missing_driver", "missing_reason"}  # of facts and acts, not of a card


def test_every_code_is_explained() -> None:
    source = "".join(path.read_text() for path in (ROOT / "payouts" / "rate_cards").glob("*.py"))
    codes = set(SAID.findall(source)) - OF_FACTS
    assert len(codes) > 30
    assert not {code for code in codes if f"`{code}`" not in GUIDE}


def test_the_smallest_card_is_in_order() -> None:
    text = re.search(r"```toml\n(.*?)```", GUIDE, re.S)
    assert text and check_card(text[1]).ok
