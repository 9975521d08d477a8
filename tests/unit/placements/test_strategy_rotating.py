"""Where nobody may have an account twice running, a lone taker of an arm leaves what it held to nobody: whoever approves is told."""

from __future__ import annotations

from typing import Any

from allocations.placements.strategies.lint import lint
from allocations.placements.strategies.terms import read_terms


def warned(mode: str, champions: str, challengers: str) -> list[tuple[str, str]]:
    takers: list[dict[str, Any]] = [{"code": code} for code in champions]
    takers += [{"code": code, "arm": "challenger"} for code in challengers]
    rule = {"name": "Late", "agency": takers, "challenger": 25 if challengers else 0}
    found = lint(read_terms({"mode": mode, "rule": [rule]}, "INR"))
    return [(each.code, each.message.split()[0]) for each in found if not each.is_error]


def test_a_lone_taker_of_either_arm_is_named() -> None:
    assert warned("rotating", "AB", "C") == [("nobody_to_rotate_to", "C")]
    assert warned("rotating", "A", "BC") == [("nobody_to_rotate_to", "A")]
    assert warned("rotating", "A", "") == [("nobody_to_rotate_to", "A")]
    assert warned("rotating", "AB", "CD") == warned("sticky", "A", "C") == []
