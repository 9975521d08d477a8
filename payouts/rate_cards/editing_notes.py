"""Mistakes and findings brought to the field they speak of: rule[b2-cash].slabs[2].rate stands at rule/0/slabs/1/rate."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from payouts.rate_cards.checking import Check
from payouts.rate_cards.editing_fields import field_at
from payouts.rate_cards.source_nodes import Path

STEP = re.compile(r"([^.\[\]]+)(?:\[([^\]]*)\])?\.?")
CURES = {"rate_above_one": "A share is at most 100 %.", "factor_too_high": "A factor is a share: 90 is nine tenths."}


@dataclass(frozen=True, slots=True)
class Note:
    """What is said at a field: an error or a warning, the cure, and the key it is about when the page has no field for it."""

    severity: str
    code: str
    message: str
    cure: str
    column: str
    stray: str = ""


def notes_of(data: Any, found: Check) -> dict[str, list[Note]]:
    """Every mistake or finding of a card by the address of its field, or of the group nearest to it."""
    notes: dict[str, list[Note]] = {}
    for severity, code, message, cure, column in _said(found):
        places = list(_places(data, column)) or [()]
        for path in places:
            home = _home(path)
            stray = "/".join(map(str, path)) if code == "unknown_key" else ""
            note = Note(severity, code, message, CURES.get(code, cure), column, stray)
            notes.setdefault("/".join(map(str, home)), []).append(note)
    return notes


def _said(found: Check) -> Iterator[tuple[str, str, str, str, str]]:
    if found.problems:
        for problem in found.problems:
            yield "error", problem.code, problem.message, problem.cure, problem.column
        return
    for finding in found.findings:
        yield finding.severity, finding.code, finding.message, finding.cure, finding.field


def _places(data: Any, column: str) -> Iterable[Path]:
    """Paths a column may mean: entries are named by id, by name or by their place from 1."""
    paths: list[tuple[Path, Any]] = [((), data)]
    for name, label in STEP.findall(column):
        following: list[tuple[Path, Any]] = []
        for path, here in paths:
            inner = here.get(name) if isinstance(here, Mapping) else None
            if label == "" or not isinstance(inner, list):
                following.append(((*path, name), inner))
                continue
            following += [((*path, name, place), inner[place]) for place in _labelled(inner, label)]
        paths = following
    return [path for path, _ in paths]


def _labelled(entries: list[Any], label: str) -> list[int]:
    named = [
        place
        for place, entry in enumerate(entries)
        if isinstance(entry, Mapping) and label in (entry.get("id"), entry.get("name"))
    ]
    return named or [place for place in range(len(entries)) if str(place + 1) == label]


def _home(path: Path) -> Path:
    while path and field_at(path) is None:
        path = path[:-1]
    return path
