"""Places in a TOML text. The text has been read before; here it is known to be TOML."""

from __future__ import annotations

import re
import tomllib

from payouts.rate_cards.source_nodes import LIST, TABLE, VALUE, Node, Section

BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
SPACE = re.compile(r"[ \t]*")
KEY = re.compile(r"[A-Za-z0-9_-]+|\"(?:\\.|[^\"\\\n])*\"|'[^'\n]*'")
TEXT = re.compile(
    r"\"\"\"(?:\\.|[^\\])*?\"\"\"\"{0,2}|'''.*?''''{0,2}|\"(?:\\.|[^\"\\\n])*\"|'[^'\n]*'",
    re.S,
)
SCALAR = re.compile(r"[^,\]}#\r\n]+")


def scan_toml(text: str) -> Node:
    return _Scan(text).root


class _Scan:
    """One walk over the text, from the first letter to the last."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.root = Node(TABLE)
        self.root.own = Section(0, 0, 0, 0, len(text))
        self.root.blocks.append(self.root.own)
        self.here, self.section, self.solid = self.root, self.root.own, 0
        at = self.blank(0)
        while at < len(text):
            at = self.blank(self.header(at) if text[at] == "[" else self.statement(at))
        self.section.solid = self.stretch(self.solid)

    def blank(self, at: int) -> int:
        found = BLANK.match(self.text, at)
        assert found
        return found.end()

    def space(self, at: int) -> int:
        found = SPACE.match(self.text, at)
        assert found
        return found.end()

    def line_end(self, at: int) -> int:
        """Where the line of `at` ends, before its break."""
        stop = self.text.find("\n", at)
        stop = len(self.text) if stop < 0 else stop
        return stop - 1 if stop > at and self.text[stop - 1] == "\r" else stop

    def after_line(self, at: int) -> int:
        stop = self.text.find("\n", at)
        return len(self.text) if stop < 0 else stop + 1

    def stretch(self, solid: int) -> int:
        """Comment lines right below what ends at `solid` belong to it."""
        while (start := self.after_line(solid)) < len(self.text):
            stop = self.line_end(start)
            if not self.text[start:stop].strip().startswith("#"):
                break
            solid = stop
        return solid

    def above(self, at: int) -> int:
        """Comment lines right above a header belong to it."""
        start = self.text.rfind("\n", 0, at) + 1
        while start > 0:
            before = self.text.rfind("\n", 0, start - 1) + 1
            if before < self.solid or not self.text[before : start - 1].strip().startswith("#"):
                break
            start = before
        return start

    def keys(self, at: int) -> tuple[tuple[str, ...], int]:
        names: list[str] = []
        while True:
            found = KEY.match(self.text, self.space(at))
            assert found
            raw = found[0]
            names.append(next(iter(tomllib.loads(f"{raw} = 0"))) if raw[0] in "\"'" else raw)
            at = self.space(found.end())
            if at >= len(self.text) or self.text[at] != ".":
                return tuple(names), at
            at += 1

    def header(self, at: int) -> int:
        is_list = self.text.startswith("[[", at)
        names, end = self.keys(at + 1 + is_list)
        start = self.above(at)
        before = max(start - 1 - self.text.endswith("\r\n", 0, start), self.solid)
        self.section.solid = min(self.stretch(self.solid), before)
        self.section.end = start
        self.solid = self.line_end(end)
        line = self.text.rfind("\n", 0, at) + 1
        self.section = Section(start, at, self.solid, self.solid, len(self.text), self.text[line:at])
        self.here = self.opened(names, is_list)
        self.here.own = self.section
        return self.solid

    def opened(self, names: tuple[str, ...], is_list: bool) -> Node:
        """The table a header opens; every table on the way to it is told of the section."""
        table = self.root
        for name in names[:-1]:
            table = table.members.setdefault(name, Node(TABLE))
            table = table.items[-1] if table.kind == LIST else table
            table.blocks.append(self.section)
        if not is_list:
            found = table.members.setdefault(names[-1], Node(TABLE))
        else:
            several = table.members.setdefault(names[-1], Node(LIST))
            found = Node(TABLE)
            several.items.append(found)
        found.blocks.append(self.section)
        return found

    def statement(self, at: int) -> int:
        names, end = self.keys(at)
        value, end = self.value(self.space(end + 1))
        self.solid = self.line_end(end)
        value.first, value.line = at, (self.text.rfind("\n", 0, at) + 1, self.after_line(self.solid))
        if not self.here.entries:
            self.section.indent = self.text[value.line[0] : at]
        self.place(self.here, names, value)
        return self.solid

    def place(self, host: Node, names: tuple[str, ...], value: Node) -> None:
        table = host
        for depth, name in enumerate(names[:-1], 1):
            table = table.members.setdefault(name, Node(TABLE, host=host, prefix=names[:depth]))
        table.members[names[-1]] = value
        host.entries.append(value)
        if table is not host:
            table.entries.append(value)

    def value(self, at: int) -> tuple[Node, int]:
        letter = self.text[at]
        if letter == "[":
            return self.array(at)
        if letter == "{":
            return self.table(at)
        found = (TEXT if letter in "\"'" else SCALAR).match(self.text, at)
        assert found
        end = at + len(found[0].rstrip())
        return Node(VALUE, at, end), end

    def array(self, at: int) -> tuple[Node, int]:
        node, at = Node(LIST, at), self.blank(at + 1)
        while self.text[at] != "]":
            item, end = self.value(at)
            node.items.append(item)
            at = self.blank(end)
            at = self.blank(at + 1) if self.text[at] == "," else at
        node.end = at + 1
        return node, at + 1

    def table(self, at: int) -> tuple[Node, int]:
        node, at = Node(TABLE, at), self.blank(at + 1)
        while self.text[at] != "}":
            names, end = self.keys(at)
            member, end = self.value(self.blank(end + 1))
            member.first = at
            self.place(node, names, member)
            at = self.blank(end)
            at = self.blank(at + 1) if self.text[at] == "," else at
        node.end = at + 1
        return node, at + 1
