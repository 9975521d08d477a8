"""A card's text changed without loss: a change rewrites the letters of what it names; comments, order and layout stay.

Every change is proved: the text is read again and must say exactly what was asked, otherwise it is refused.
"""

from __future__ import annotations

import copy
import json
import re
import tomllib
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any

from payouts.rate_cards.reading import load_text
from payouts.rate_cards.source_json import scan_json
from payouts.rate_cards.source_nodes import (
    LIST,
    TABLE,
    Node,
    Path,
    Section,
    cut_out,
    insert_inline,
    put_in,
    remove_inline,
    swap,
)
from payouts.rate_cards.source_toml import scan_toml
from portal.kernel.errors import Refused

BARE = re.compile(r"[A-Za-z0-9_-]+")
ORDER = ("rule", "bonus", "penalty", "agency", "case")  # of the parts of a card
APART = ("facts", "expect")  # tables that get a header of their own in a new part


class SourceText:
    """A TOML or JSON text and its values. Paths are keys and places: ("rule", 0, "slabs", 1, "rate")."""

    def __init__(self, text: str) -> None:
        """Raises Invalid when the text is neither TOML nor JSON."""
        self.text = text.removeprefix("\ufeff")
        self.data = load_text(self.text)
        self.is_json = self.text.lstrip()[:1] == "{"
        self.line_break = "\r\n" if "\r\n" in self.text else "\n"

        self.root = self._scanned()

    def _scanned(self) -> Node:
        return scan_json(self.text) if self.is_json else scan_toml(self.text)

    def get(self, path: Sequence[str | int], default: Any = None) -> Any:
        return value_at(self.data, path, default)

    def put(self, path: Path, value: Any, after: Sequence[str] = ()) -> None:
        """Write a value; what it stands in is made if need be. `after`: keys it follows if they are there, the last one first."""
        stands = self.get(path, MISSING)
        if type(stands) is type(value) and stands == value:
            return
        wanted = copy.deepcopy(self.data)
        _put(wanted, path, self._plain(value))
        self._become(self._putting(path, value, after), wanted)

    def drop(self, path: Path) -> None:
        """Take a key or an item out; what is not there stays so."""
        if self.get(path, MISSING) is MISSING:
            return
        wanted = copy.deepcopy(self.data)
        parent = value_at(wanted, path[:-1])
        del parent[path[-1]]
        if parent == [] and len(path) == 2 and not self._inline(path[:-1]):
            wanted.pop(str(path[0]))  # the last [[rule]] takes the list with it
        self._become(self._dropping(path), wanted)

    def insert(self, path: Path, place: int, value: Any) -> None:
        """Put an item into a list before the one at `place`; a list that is not there begins with it."""
        wanted = copy.deepcopy(self.data)
        items = self.get(path)
        if items is None and (self.is_json or len(path) > 1):
            self.put(path, [value])
            return
        if items is None:
            wanted[str(path[0])] = []
        value_at(wanted, path).insert(place, self._plain(value))
        self._become(self._inserting(path, place, value), wanted)

    def move(self, path: Path, one: int, other: int) -> None:
        """Two items of a list change places."""
        wanted = copy.deepcopy(self.data)
        items = value_at(wanted, path)
        if not (0 <= one < len(items) and 0 <= other < len(items)):
            return
        items[one], items[other] = items[other], items[one]
        nodes = self._node(path).items
        self._become(swap(self.text, self._span(nodes[one]), self._span(nodes[other])), wanted)

    def copy(self, path: Path, place: int) -> None:
        """An item of a list stands twice, letter by letter."""
        wanted = copy.deepcopy(self.data)
        items = value_at(wanted, path)
        items.insert(place + 1, copy.deepcopy(items[place]))
        node = self._node(path)
        start, end = self._span(node.items[place])
        piece = self.text[start:end]
        self._become(self._spliced(node, path, place + 1, piece), wanted)

    # --- how the letters change

    def _become(self, text: str, wanted: Any) -> None:
        if load_text(text) != wanted:
            raise cannot()
        self.text, self.data = text, wanted
        self.root = self._scanned()

    def _node(self, path: Sequence[str | int]) -> Node:
        node = self.root.find(path)
        assert node is not None, path
        return node

    def _inline(self, path: Sequence[str | int]) -> bool:
        return self._node(path).inline

    def _plain(self, value: Any) -> Any:
        """A value as reading the written text gives it."""
        written = self.render(value)
        if self.is_json:
            return json.loads(written, parse_float=Decimal)
        return tomllib.loads(f"x = {written}", parse_float=Decimal)["x"]

    def _putting(self, path: Path, value: Any, after: Sequence[str]) -> str:
        old = self.root.find(path)
        if old is not None and old.inline:
            return self.text[: old.start] + self.render(value) + self.text[old.end :]
        if old is not None:
            raise cannot()
        known = next(depth for depth in range(len(path) - 1, -1, -1) if self.root.find(path[:depth]) is not None)
        for step in reversed(path[known + 1 :]):
            value = [value] if isinstance(step, int) else {step: value}
        if isinstance(path[known], int):
            return self._inserting(path[:known], path[known], value)  # type: ignore[arg-type]
        return self._new_member(path[:known], str(path[known]), value, after)

    def _new_member(self, path: Path, key: str, value: Any, after: Sequence[str]) -> str:
        table = self._node(path)
        if not path and isinstance(value, dict) and value and not self.is_json:
            lines = [f"[{self.key(key)}]", *(f"{self.key(k)} = {self.render(v)}" for k, v in value.items())]
            return self._spliced(Node(LIST), (key,), 0, self.line_break.join(lines))
        member = f"{self.key(key)}{': ' if self.is_json else ' = '}{self.render(value)}"
        if table.inline:
            place = next((_place(table, name) + 1 for name in after if _place(table, name) >= 0), len(table.entries))
            return insert_inline(self.text, table, place, member)
        if table.host is not None:
            dotted = ".".join(self.key(name) for name in (*table.prefix, key)) + f" = {self.render(value)}"
            if table.host.inline:
                return insert_inline(self.text, table.host, len(table.host.entries), dotted)
            return self._statement_after(table.entries[-1], dotted)
        if table.own is None:
            return self._new_section(path, table, member)
        behind = next((table.members[name] for name in after if name in table.members), None)
        if behind is None or behind.line is None:
            behind = table.entries[-1] if table.entries else None
        return self._statement_after(behind, member) if behind else self._first_statement(table.own, member)

    def _statement_after(self, sibling: Node, statement: str) -> str:
        assert sibling.line is not None
        start, stop = sibling.line
        indent = self.text[start : sibling.first]
        if not self.text[start:stop].endswith("\n"):
            return put_in(self.text, stop, self.line_break + indent + statement)
        return put_in(self.text, stop, indent + statement + self.line_break)

    def _first_statement(self, section: Section, statement: str) -> str:
        if section.body == 0:
            return statement + self.line_break + self.text
        return put_in(self.text, section.body, self.line_break + section.indent + statement)

    def _new_section(self, path: Path, table: Node, member: str) -> str:
        names = ".".join(self.key(step) for step in path if isinstance(step, str))
        return put_in(self.text, table.blocks[0].start, f"[{names}]{self.line_break}{member}{self.line_break * 2}")

    def _dropping(self, path: Path) -> str:
        node, parent = self._node(path), self._node(path[:-1])
        if parent.kind == LIST and parent.inline:
            return remove_inline(self.text, parent, int(path[-1]), may_end_in_comma=not self.is_json)
        if parent.kind == TABLE and (parent.inline or (parent.host and parent.host.inline)) and node.inline:
            host = parent if parent.inline else parent.host
            assert host is not None
            place = next(n for n, each in enumerate(host.entries) if each is node)
            return remove_inline(self.text, host, place, may_end_in_comma=False)
        cuts = [each.line for each in _statements(node) if each.line]
        cuts += [self._with_gap(block.start, block.solid) for block in _blocks(node)]
        text = self.text
        for start, end in sorted(cuts, reverse=True):
            text = cut_out(text, start, end)
        return text

    def _with_gap(self, start: int, solid: int) -> tuple[int, int]:
        """A section with the blank lines behind it."""
        found = re.compile(r"[ \t]*(\r?\n[ \t]*)*(?=\n|\Z|\S)|").match(self.text, solid)
        end = found.end() if found else solid
        while end > solid and self.text[end - 1] in " \t":
            end -= 1
        return start, end

    def _inserting(self, path: Path, place: int, value: Any) -> str:
        node = self.root.find(path)
        if node is not None and node.inline:
            return insert_inline(self.text, node, place, self.render(value, tight=True))
        return self._spliced(node or Node(LIST), path, place, self._part(path, value))

    def _spliced(self, node: Node, path: Path, place: int, piece: str) -> str:
        """A piece put into a list: inline, or as a [[part]] among its like or where its kind belongs."""
        gap = self.line_break * 2
        if node.inline:
            return insert_inline(self.text, node, place, piece)
        if place < len(node.items):
            return put_in(self.text, self._span(node.items[place])[0], piece + gap)
        if node.items:
            return put_in(self.text, self._span(node.items[-1])[1], gap + piece)
        kind = ORDER.index(str(path[-1])) if path[-1] in ORDER else len(ORDER)
        later = [found for name in ORDER[kind + 1 :] if (found := self.root.members.get(name))]
        starts = [block.start for each in later for block in _blocks(each)]
        if starts:
            return put_in(self.text, min(starts), piece + gap)
        return self.text.rstrip() + gap + piece + self.line_break

    def _span(self, item: Node) -> tuple[int, int]:
        if item.inline:
            return item.start, item.end
        for one, other in pairwise(item.blocks):
            if one.end != other.start:
                raise cannot()
        return item.blocks[0].start, item.blocks[-1].solid

    def _part(self, path: Path, value: dict[str, Any]) -> str:
        name = ".".join(self.key(step) for step in path if isinstance(step, str))
        lines = [f"[[{name}]]"]
        lines += [f"{self.key(key)} = {self.render(item)}" for key, item in value.items() if key not in APART]
        for key in APART:
            if key in value:
                lines += [f"[{name}.{key}]", *(f"{self.key(k)} = {self.render(v)}" for k, v in value[key].items())]
        return self.line_break.join(lines)

    # --- how a value is written

    def key(self, name: str) -> str:
        return name if BARE.fullmatch(name) and not self.is_json else quoted(name)

    def render(self, value: Any, *, tight: bool = False) -> str:
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, str):
            return quoted(value)
        if isinstance(value, date):
            return quoted(value.isoformat()) if self.is_json else value.isoformat()
        if isinstance(value, int | Decimal):
            return format(value, "f") if isinstance(value, Decimal) else str(value)
        if isinstance(value, dict):
            pairs = [f"{self.key(k)}{': ' if self.is_json else ' = '}{self.render(v)}" for k, v in value.items()]
            edge = "" if tight or self.is_json or not pairs else " "
            return "{" + edge + ", ".join(pairs) + edge + "}"
        items = [self.render(item, tight=True) for item in value]
        edge = " " if items and isinstance(value[0], dict) and not self.is_json else ""
        return "[" + edge + ", ".join(items) + edge + "]"


MISSING: Any = object()


def cannot() -> Refused:
    message = "This file is laid out in a way that this page cannot change without touching other things."
    return Refused(message, code="cannot_edit", cure="Change the text itself and hand it in.")


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def value_at(data: Any, path: Sequence[str | int], default: Any = None) -> Any:
    for step in path:
        in_table = isinstance(data, dict) and step in data
        in_list = isinstance(data, list) and isinstance(step, int) and 0 <= step < len(data)
        if not (in_table or in_list):
            return default
        data = data[step]
    return data


def _put(data: Any, path: Path, value: Any) -> None:
    for step, following in pairwise(path):
        fresh: Any = [] if isinstance(following, int) else {}
        if isinstance(step, int):
            if step == len(data):
                data.append(fresh)
            data = data[step]
        else:
            data = data.setdefault(step, fresh)
    last = path[-1]
    if isinstance(last, int) and last == len(data):
        data.append(value)
    else:
        data[last] = value


def _place(table: Node, key: str) -> int:
    return next((place for place, each in enumerate(table.entries) if table.members.get(key) is each), -1)


def _statements(node: Node) -> list[Node]:
    """The `key = value` lines a node is written by outside sections: its own, or the dotted ones under it."""
    if node.line is not None:
        return [node]
    return [each for child in node.members.values() for each in _statements(child)] if node.host is not None else []


def _blocks(node: Node) -> list[Section]:
    blocks = [*node.blocks, *(block for item in node.items for block in item.blocks)]
    return list({id(block): block for block in blocks}.values())
