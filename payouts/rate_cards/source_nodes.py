"""Where things stand in a card's text: tables, lists and values with their places, so that a change touches those letters alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

Path = tuple[str | int, ...]
VALUE, TABLE, LIST = "value", "table", "list"


@dataclass(slots=True)
class Section:
    """A TOML header and what stands under it: `start` with the comments above it, `solid` where its last line ends."""

    start: int
    header: int
    body: int
    solid: int
    end: int
    indent: str = ""


@dataclass(slots=True)
class Node:
    """A value, table or list. `start` to `end` is its text where it is written inline ({…}, […], a value).

    `first` is where its `key = value` begins, `line` the lines that go when it is removed (statements only). A table may also be
    written as sections, by dotted keys (`host` and `prefix` say under what), or be there only because its children are.
    """

    kind: str
    start: int = -1
    end: int = -1
    first: int = -1
    line: tuple[int, int] | None = None
    members: dict[str, Node] = field(default_factory=dict)
    items: list[Node] = field(default_factory=list)
    entries: list[Node] = field(default_factory=list)
    own: Section | None = None
    blocks: list[Section] = field(default_factory=list)
    host: Node | None = None
    prefix: tuple[str, ...] = ()

    @property
    def inline(self) -> bool:
        return self.start >= 0

    def child(self, step: str | int) -> Node | None:
        if isinstance(step, int):
            return self.items[step] if 0 <= step < len(self.items) else None
        return self.members.get(step)

    def find(self, path: Sequence[str | int]) -> Node | None:
        node: Node | None = self
        for step in path:
            node = node.child(step) if node else None
        return node


def put_in(text: str, at: int, piece: str) -> str:
    return text[:at] + piece + text[at:]


def cut_out(text: str, start: int, end: int) -> str:
    return text[:start] + text[end:]


def swap(text: str, one: tuple[int, int], other: tuple[int, int]) -> str:
    """Two stretches that do not touch change places; what lies between stays."""
    (s1, e1), (s2, e2) = sorted((one, other))
    return text[:s1] + text[s2:e2] + text[e1:s2] + text[s1:e1] + text[e2:]


def spans(node: Node) -> list[tuple[int, int]]:
    """The members of an inline table, or the items of a list, from first letter to last."""
    if node.kind == TABLE:
        return [(each.first, each.end) for each in node.entries]
    return [(each.start, each.end) for each in node.items]


def insert_inline(text: str, node: Node, place: int, piece: str) -> str:
    """A member or item put into {…} or […] before the one at `place`, laid out like its neighbours."""
    parts = spans(node)
    if not parts:
        return text[: node.start + 1] + piece + text[node.end - 1 :]
    newline, indent = _own_line(text, node, parts)
    gap = f",{newline}{indent}" if newline else ", "
    if place < len(parts):
        return put_in(text, parts[place][0], piece + gap)
    last = parts[-1][1]
    comma = _comma_after(text, last, node.end)
    stop = text.find("\n", last if comma is None else comma, node.end)
    if not newline or stop < 0:
        return put_in(text, last, gap + piece)
    stop -= text[stop - 1] == "\r"
    tail = put_in(text, stop, f"{newline}{indent}{piece}{'' if comma is None else ','}")
    return put_in(tail, last, ",") if comma is None else tail


def remove_inline(text: str, node: Node, place: int, *, may_end_in_comma: bool) -> str:
    """A member or item taken out, with its comma; one with a line of its own takes that line along, comment and all."""
    parts = spans(node)
    start, end = parts[place]
    if len(parts) == 1:
        comma = _comma_after(text, end, node.end)
        return cut_out(text, start, end if comma is None else comma + 1)
    newline, _ = _own_line(text, node, parts)
    line = text.rfind("\n", 0, start) + 1
    comma = _comma_after(text, end, node.end)
    stop = text.find("\n", end, node.end)
    ends = (comma is not None and comma < stop) or (comma is None and may_end_in_comma and stop > 0)
    alone = newline and not text[line:start].strip() and ends
    if alone and not any(line <= other < stop for place_, (other, _) in enumerate(parts) if place_ != place):
        return cut_out(text, line, stop + 1)
    if place + 1 < len(parts):
        return cut_out(text, start, parts[place + 1][0])
    return cut_out(text, parts[place - 1][1], end)


def _own_line(text: str, node: Node, parts: list[tuple[int, int]]) -> tuple[str, str]:
    """(line break, indent) where members stand on lines of their own; ("", "") where they share one."""
    start = parts[-1][0]
    line = text.rfind("\n", node.start, start)
    if line < 0 or text[line + 1 : start].strip():
        return "", ""
    return ("\r\n" if text[line - 1] == "\r" else "\n"), text[line + 1 : start]


def _comma_after(text: str, at: int, end: int) -> int | None:
    while at < end:
        letter = text[at]
        if letter == ",":
            return at
        if letter == "#":
            at = text.find("\n", at, end)
            if at < 0:
                return None
        elif letter not in " \t\r\n":
            return None
        at += 1
    return None
