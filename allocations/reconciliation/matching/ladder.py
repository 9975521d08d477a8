"""The ladder: which signs tie money to a receipt, in which order, and what each may do. Data, not code.

The ladder every lender starts with stands in `ladder.toml`; a lender's own versions have the same shape as JSON. What each field
means is said at `Rung` and `Ladder`; what a ladder may not do is said in `ladder_lint`.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from allocations.reconciliation.matching.ladder_lint import check_ladder
from allocations.reconciliation.matching.reasons import DIRECT_RULE, DIRECT_SAYS
from allocations.reconciliation.matching.rungs import MEASURES, RULE_FIELDS, Ladder, Rung

BY_HAND = "by_hand"


@cache
def default_ladder() -> Ladder:
    """The ladder every lender starts with."""
    return parse_ladder(default_body())


def default_body() -> dict[str, Any]:
    """The default ladder as data, to start a version of one's own from."""
    return tomllib.loads(files(__package__).joinpath("ladder.toml").read_text("utf-8"))


def parse_ladder(body: Mapping[str, Any], version: int = 0) -> Ladder:
    """A ladder from its data. Raises Invalid with every fault at once."""
    check_ladder(body)
    rungs = tuple(Rung(**{name: _frozen(value) for name, value in rule.items()}) for rule in body["rules"])
    measures = {name: _frozen(value) for name, value in body.get("measures", {}).items()}
    return Ladder(rungs, version, **measures)


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def ladder_body(ladder: Ladder) -> dict[str, Any]:
    """A ladder as plain JSON values; parse_ladder gives it back. Fields that say nothing beyond their default are left out."""
    measures = {name: _plain(getattr(ladder, name)) for name in MEASURES}
    return {"format": 1, "measures": measures, "rules": [_rule_body(rung) for rung in ladder.rungs]}


def _rule_body(rung: Rung) -> dict[str, Any]:
    values = {name: getattr(rung, name) for name in RULE_FIELDS}
    return {name: _plain(value) for name, value in values.items() if value != RULE_FIELDS[name].default}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def ladder_sha256(body: Mapping[str, Any]) -> str:
    """sha256 of a ladder's data, however its fields are ordered."""
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


LADDER = default_ladder()
RUNGS = {rung.name: rung for rung in LADDER.rungs}


def rule_says(rule: str, ladder: Ladder = LADDER) -> str:
    """A rule in words, for the bench and for a trace."""
    rung = ladder.rung(rule) or RUNGS.get(rule)
    if rung is None and rule == DIRECT_RULE:
        return DIRECT_SAYS
    return rung.says if rung else "Linked by a person."
