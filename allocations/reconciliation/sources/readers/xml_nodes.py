"""XML elements as plain nodes without namespaces: taken out of the parser once, then read as often as needed at no cost."""

from __future__ import annotations

from typing import Any

from lxml import etree

_local_names: dict[Any, str] = {}


def local_name(element: etree._Element) -> str:
    """The tag without its namespace; "" for comments and instructions."""
    tag: Any = element.tag
    if not isinstance(tag, str):
        return ""
    name = _local_names.get(tag)
    if name is None:
        name = tag.rpartition("}")[2]
        if len(_local_names) < 10_000:  # a hostile file may make names up without end
            _local_names[tag] = name
    return name


class Node:
    """One element: its text, its currency attribute, the line it begins on, its children by local name in the file's order."""

    __slots__ = ("children", "currency", "name", "row", "text")

    def __init__(self, element: etree._Element) -> None:
        line: Any = element.sourceline
        self.name = local_name(element)
        self.text = (element.text or "").strip()
        self.currency = element.get("Ccy", "") if element.attrib else ""
        self.row: int | None = line or None
        self.children: dict[str, list[Node]] = {}
        for child in element:
            if name := local_name(child):
                self.children.setdefault(name, []).append(Node(child))

    def all(self, name: str) -> list[Node]:
        return self.children.get(name, [])

    def first(self, path: str) -> Node | None:
        """The first element down a path of local names ("Acct/Id/IBAN")."""
        node = self
        for name in path.split("/"):
            found = node.children.get(name)
            if not found:
                return None
            node = found[0]
        return node

    def said(self, *paths: str) -> str:
        """The text of the first path that has any."""
        for path in paths:
            node = self.first(path)
            if node is not None and node.text:
                return node.text
        return ""

    def leaves(self) -> list[Node]:
        """Every element below that holds no other, in no promised order across branches."""
        found: list[Node] = []
        for nodes in self.children.values():
            for node in nodes:
                found += node.leaves() if node.children else [node]
        return found
