"""A ladder as text people edit, and one rule of it changed by fields. Pure."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from typing import Any

from allocations.reconciliation.bench.ladder_words import means_otherwise
from allocations.reconciliation.matching.ladder import ladder_body, parse_ladder
from allocations.reconciliation.matching.rungs import Ladder
from portal.kernel.errors import Invalid, NotFound, Problem


def ladder_text(ladder: Ladder) -> str:
    """The whole ladder as TOML; body_of_text reads it back."""
    body = ladder_body(ladder)
    lines = [f"format = {body['format']}", "", "[measures]"]
    lines += [f"{name} = {_toml(value)}" for name, value in body["measures"].items()]
    for rule in body["rules"]:
        lines += ["", "[[rules]]", *(f"{name} = {_toml(value)}" for name, value in rule.items())]
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)  # strings, whole numbers, booleans and lists are written alike


def body_of_text(text: str) -> dict[str, Any]:
    """The data of a ladder from TOML or JSON. Raises Invalid when it is neither."""
    try:
        found = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except (ValueError, RecursionError) as unreadable:
        say = f"This is neither TOML nor JSON: {str(unreadable)[:200]}."
        raise Invalid(Problem("unreadable", say, column="text")) from None
    if not isinstance(found, dict):
        raise Invalid(Problem("unreadable", "This holds no rules.", column="text"))
    return found


def with_rule(ladder: Ladder, name: str, fields: Mapping[str, Any], place: int) -> dict[str, Any]:
    """The ladder's data with one rule changed and put in its place (from 1); its version goes up when it ties otherwise.

    NotFound when the ladder has no such rule. Lint is not asked here.
    """
    old = ladder.rung(name)
    if old is None:
        raise NotFound("There is no such rule.")
    body = ladder_body(ladder)
    rules = [rule for rule in body["rules"] if rule["name"] != name]
    changed = next(rule for rule in body["rules"] if rule["name"] == name) | dict(fields)
    rules.insert(max(place - 1, 0), changed)
    body["rules"] = rules
    try:
        new = parse_ladder(body).rung(name)
    except Invalid:
        return body  # told with all its faults when it is proposed
    if new is not None and means_otherwise(old, new):
        changed["version"] = old.version + 1
    return body


def without_rule(ladder: Ladder, name: str) -> dict[str, Any]:
    body = ladder_body(ladder)
    body["rules"] = [rule for rule in body["rules"] if rule["name"] != name]
    return body
