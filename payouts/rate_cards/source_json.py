"""Places in a JSON text. The text has been read before; here it is known to be JSON."""

from __future__ import annotations

import json
import re

from payouts.rate_cards.source_nodes import LIST, TABLE, VALUE, Node

BLANK = re.compile(r"[ \t\r\n]*")
STRING = re.compile(r'"(?:\\.|[^"\\])*"', re.S)
SCALAR = re.compile(r"[^,\]}\s]+")


def scan_json(text: str) -> Node:
    node, _ = _value(text, _skip(text, 0))
    return node


def _skip(text: str, at: int) -> int:
    found = BLANK.match(text, at)
    assert found
    return found.end()


def _value(text: str, at: int) -> tuple[Node, int]:
    if text[at] == "{":
        return _object(text, at)
    if text[at] == "[":
        return _array(text, at)
    found = (STRING if text[at] == '"' else SCALAR).match(text, at)
    assert found
    return Node(VALUE, at, found.end()), found.end()


def _object(text: str, at: int) -> tuple[Node, int]:
    node, at = Node(TABLE, at), _skip(text, at + 1)
    while text[at] != "}":
        key = STRING.match(text, at)
        assert key
        colon = _skip(text, key.end())
        member, end = _value(text, _skip(text, colon + 1))
        member.first = key.start()
        node.members[json.loads(key[0])] = member
        node.entries.append(member)
        at = _skip(text, end)
        at = _skip(text, at + 1) if text[at] == "," else at
    node.end = at + 1
    return node, at + 1


def _array(text: str, at: int) -> tuple[Node, int]:
    node, at = Node(LIST, at), _skip(text, at + 1)
    while text[at] != "]":
        item, end = _value(text, at)
        node.items.append(item)
        at = _skip(text, end)
        at = _skip(text, at + 1) if text[at] == "," else at
    node.end = at + 1
    return node, at + 1
