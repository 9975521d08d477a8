"""A card edited on a page: what was typed is written into its text, and one act (add, move, copy, take out) is done to it.

Everything goes through SourceText, so that comments, order and layout stay and nothing else changes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from payouts.rate_cards.editing_fields import (
    DECIDING,
    RANGED,
    Field,
    as_number,
    as_range,
    as_words,
    default_of,
    field_at,
    range_text,
)
from payouts.rate_cards.reading import exact
from payouts.rate_cards.source_nodes import Path
from payouts.rate_cards.source_text import SourceText, value_at
from payouts.rate_cards.terms import DRIVER_UNITS, LISTED, MONEY, PERCENT, SCORE, number_text

Typed = Mapping[str, Sequence[str]]  # address of a field ("rule/0/slabs/1/rate") to what was typed
MOST = 500  # entries of one list; a page with more is a mistake
ORDER = {
    "effective_to": ("effective_from",),
    "name": ("code", "id"),
    "when": ("earns_on", "name", "id"),
    "driver_scope": ("driver",),
    "mode": ("driver_scope", "driver"),
    "driver": ("components", "when", "earns_on", "name", "id"),
    "lag": ("slabs",),
    "cap": ("lag", "slabs"),
    "floor": ("cap", "lag", "slabs"),
}


def address(path: Sequence[str | int]) -> str:
    return "/".join(map(str, path))


def path_of(data: Any, text: str) -> Path:
    """An address as a path into the data: steps into lists are places."""
    path: list[str | int] = []
    for step in text.split("/"):
        is_place = isinstance(value_at(data, path), list) and step.isascii() and step.isdigit() and len(step) < 5
        path.append(int(step) if is_place else step)
    return tuple(path)


def shown(source: SourceText, name: str) -> list[str]:
    """What a field of the page shows: one text, both ends of a range, or every ticked word."""
    path = path_of(source.data, name)
    field, value = field_at(path), source.get(path)
    if not isinstance(field, Field):
        return [""]
    if field.kind == "span":
        return list(range_text(value))
    if field.kind == "flag":
        return ["yes"] if value is True else []
    text = default_of(path) if value is None else field.show(value)
    return as_words(text, None) if field.kind == "ticks" else [text]


def write_typed(source: SourceText, typed: Typed) -> None:
    """Write every field whose typed text differs from what it shows; what is left empty goes."""
    gone: set[str] = set()
    for name in sorted(typed, key=_deciders_first):
        path = path_of(source.data, name)
        if any(address(path[:depth]) in gone for depth in range(len(path))):
            continue
        field = field_at(path)
        if not isinstance(field, Field):
            continue
        if not _reachable(source, path):
            continue
        if _table_goes(path, typed[name]):
            source.drop(path[:-1])
            gone.add(address(path[:-1]))
        else:
            _write(source, path, field, [text.strip() for text in typed[name]])


def _deciders_first(name: str) -> tuple[str, bool]:
    table, _, key = name.rpartition("/")
    return table, DECIDING.get(table.rpartition("/")[2]) != key


def _reachable(source: SourceText, path: Path) -> bool:
    """Whether what the field stands in is there, or is only a table to be made: nobody types into a rule that is gone."""
    here: Any = source.data
    for place, step in enumerate(path):
        if isinstance(here, dict) and isinstance(step, str):
            here = here.get(step)
        elif isinstance(here, list) and isinstance(step, int) and step < len(here):
            here = here[step]
        else:
            return False
        if here is None:
            return not any(isinstance(each, int) for each in path[place + 1 :])
    return True


def _table_goes(path: Path, texts: Sequence[str]) -> bool:
    table = str(path[-2]) if len(path) > 1 else ""
    return DECIDING.get(table) == path[-1] and not any(text.strip() for text in texts)


def _write(source: SourceText, path: Path, field: Field, texts: list[str]) -> None:
    old = source.get(path)
    if field.kind == "span":
        start, end = (*texts, "", "")[:2]
        if (start, end) == range_text(old):
            return
        _put_or_drop(source, path, as_range(start, end) if start or end else None)
        return
    if field.kind == "flag":
        wanted = "yes" in texts
        if wanted != (old is True) and (old is None or isinstance(old, bool)):
            source.put(path, wanted)
        return
    if field.kind == "ticks":
        _write_ticks(source, path, field, texts, old)
        return
    text = texts[0] if texts else ""
    if text == (field.show(old) if old is not None else default_of(path)):
        return
    table = path[:-1]
    if old is None and not text:
        return
    decider = DECIDING.get(str(table[-1])) if table else None
    if decider and decider != path[-1] and source.get((*table, decider)) is None:
        return  # a choice beside an amount nobody typed
    _put_or_drop(source, path, field.read(text, old) if text else None)


def _write_ticks(source: SourceText, path: Path, field: Field, texts: list[str], old: Any) -> None:
    ticked = [word for word in texts if word and word != "-"]
    shown = as_words(field.show(old) if old is not None else default_of(path), None)
    if ticked == shown or sorted(ticked) == sorted(shown):
        return
    unknown = [word for word in shown if word not in field.choices]
    _put_or_drop(source, path, [*ticked, *unknown] or None)


def _put_or_drop(source: SourceText, path: Path, value: Any) -> None:
    if value is None:
        source.drop(path)
        return
    table = path[:-1]
    if DECIDING.get(str(table[-1]) if table else "") == path[-1] and source.get(table) is None:
        source.put(table, _new_table(str(table[-1]), str(path[-1]), value), ORDER.get(str(table[-1]), ()))
        return
    source.put(path, value, ORDER.get(str(path[-1]), ()))


def _new_table(table: str, key: str, value: Any) -> dict[str, Any]:
    if table in ("cap", "floor"):
        return {"per": "line", key: value}
    if table == "multiplier":
        return {key: value, "slabs": [{"from": 0, "factor": "1"}]}
    return {key: value}


# --- acts: what a button does


def act(source: SourceText, do: str, typed: Typed) -> str | None:
    """Do what a button says ("add:rule/0/slabs", "up:rule/2"); the address to look at next, None when it names nothing."""
    verb, _, where = do.partition(":")
    path = path_of(source.data, where)
    if verb == "add":
        return _add(source, path)
    if verb in CHOSEN and where:
        return CHOSEN[verb](source, path, typed) if _reachable(source, (*path, "+")) else None
    if verb not in ("drop", "up", "down", "copy") or source.get(path) is None or len(path) < 2:
        return None
    if verb == "drop":
        source.drop(path)
        return address(path[:-1])
    place = path[-1]
    if not isinstance(place, int):
        return None
    if verb == "copy":
        return _copy(source, path[:-1], place)
    source.move(path[:-1], place, place + (1 if verb == "down" else -1))
    moved = min(max(place + (1 if verb == "down" else -1), 0), len(source.get(path[:-1])) - 1)
    return address((*path[:-1], moved))


def _add(source: SourceText, path: Path) -> str | None:
    items = source.get(path, [])
    new = NEW.get(str(path[-1]))
    if new is None or not isinstance(items, list) or len(items) >= MOST or not isinstance(field_at(path), dict):
        return None
    if not _reachable(source, path):
        return None
    value = new(source, path, items)
    if isinstance(value, list):
        source.put(path, value, ORDER.get(str(path[-1]), ()))
        return address(path)
    place = len(items) - 1 if path[-1] == "lag" else len(items)
    source.insert(path, place, value)
    return address((*path, place))


def _copy(source: SourceText, path: Path, place: int) -> str:
    source.copy(path, place)
    item = (*path, place + 1)
    key = "name" if path == ("case",) else "id"
    if isinstance(source.get((*item, key)), str):
        source.put((*item, key), _free(source, path, str(source.get((*item, key)))))
    return address(item)


def _free(source: SourceText, path: Path, name: str) -> str:
    """A name no other entry of the list has: b2-cash, b2-cash-2, b2-cash-3."""
    taken = {entry.get("id", entry.get("name")) for entry in source.get(path, []) if isinstance(entry, dict)}
    if name not in taken:
        return name
    stem = re.sub(r"-\d+$", "", name)
    return next(each for n in range(2, MOST * 2) if (each := f"{stem}-{n}") not in taken)


def _add_condition(source: SourceText, path: Path, typed: Typed) -> str | None:
    """A condition chosen by its key, with its words or its range typed in one line."""
    key = "".join(typed.get(f"{address(path)}/+key", []))
    text = "".join(typed.get(f"{address(path)}/+text", [])).strip()
    if key not in (*LISTED, *RANGED) or not isinstance(field_at((*path, key)), Field):
        return None
    if not isinstance(source.get(path[:-1]), dict):
        return None
    if key in RANGED:
        numbers = re.findall(r"\d+(?:\.\d+)?", text.replace(",", ""))[:2] or ["0"]
        source.put((*path, key), as_range(numbers[0], numbers[1] if len(numbers) > 1 else ""), ORDER["when"])
    else:
        source.put((*path, key), as_words(text, None), ORDER["when"])
    return address(path[:-1])


def _add_driver(source: SourceText, path: Path, typed: Typed) -> str | None:
    key = "".join(typed.get(f"{address(path)}/+key", []))
    text = "".join(typed.get(f"{address(path)}/+text", [])).strip()
    if key not in DRIVER_UNITS or not isinstance(source.get(path[:2]), dict) or path[-1] != "drivers":
        return None
    source.put((*path, key), text or "0")
    return address(path[:2])


def _add_fact(source: SourceText, path: Path, typed: Typed) -> str | None:
    """One thing more known about a line of an example: its bucket, its days, its account."""
    key = "".join(typed.get(f"{address(path)}/+key", []))
    text = "".join(typed.get(f"{address(path)}/+text", [])).strip()
    if key not in LINE_FACTS or not text or field_at(path) is None or not isinstance(source.get(path), dict):
        return None
    source.put((*path, key), as_number(text, None) if key in RANGED else text)
    return address(path[:2])


LINE_FACTS = (*LISTED, *RANGED, "loan_account_no", "balance_before", "collected_on", "confirmed_on", "count")
CHOSEN = {"when": _add_condition, "fact": _add_driver, "know": _add_fact}


# --- new entries


def _new_rule(source: SourceText, path: Path, items: list[Any]) -> Any:
    return {"id": _free(source, path, f"rule-{len(items) + 1}"), "slabs": [{"from": 0, "rate": "0.05"}]}


def _new_slab(source: SourceText, path: Path, items: list[Any]) -> Any:
    """Pays as the last one does, from a little higher on."""
    if not items:
        return {"from": 0, "rate": "0.05"} if path[0] == "rule" else {"from": 0, "factor": "1"}
    last = items[-1] if isinstance(items[-1], dict) else {}
    start = exact(last.get("from")) or 0
    unit = DRIVER_UNITS.get(str(source.get((*path[:-1], "driver"))), "")
    if unit in (PERCENT, SCORE):
        following = start + 5 if start < 95 else start + (100 - start) / 2
    else:
        following = start * 2 or (100_000 if unit == MONEY else 10)
    return {
        "from": as_number(number_text(Fraction(following)), None),
        **{key: value for key, value in last.items() if key not in ("from", "to")},
    }


def _new_tier(source: SourceText, path: Path, items: list[Any]) -> Any:
    if not items:
        return [{"within_days": 1, "factor": "1"}, {"factor": "0"}]
    days = [int(number) for each in items if isinstance(each, dict) and (number := exact(each.get("within_days")))]
    return {"within_days": max(days, default=0) + 2, "factor": "0.90"}


def _first_rule(source: SourceText) -> str:
    return str(source.get(("rule", 0, "id"), "rule-1"))


def _new_case(source: SourceText, path: Path, items: list[Any]) -> Any:
    line = {"rule": _first_rule(source), "base": "100000.00"}
    name = _free(source, path, f"case {len(items) + 1}")
    return {"name": name, "facts": {"lines": [line]}, "expect": {"total": "0.00"}}


NEW: dict[str, Any] = {
    "rule": _new_rule,
    "slabs": _new_slab,
    "lag": _new_tier,
    "bonus": lambda source, path, items: {"id": _free(source, path, f"bonus-{len(items) + 1}"), "rate": "0.01"},
    "penalty": lambda source, path, items: {
        "id": _free(source, path, f"penalty-{len(items) + 1}"),
        "event": "late_deposit",
        "amount": "500.00",
    },
    "case": _new_case,
    "lines": lambda source, path, items: {"rule": _first_rule(source), "base": "100000.00"},
    "events": lambda source, path, items: {"event": "late_deposit", "count": 1},
}
