"""What a run read and what stands after it, each as one hash that no order of rows can change. Ids are left out: refs name rows.

The result hash is the sum, modulo 2 to the 256th, of the sha256 of each link that stands, each suggestion and each break (its mark). So a
run that looks at a part takes away the marks of what stood there and adds the marks of what stands now, and comes to the same as a
run that looked at everything. It finds differences, by mistake or by hand, row by row; it is no proof against somebody who can choose
a great many rows to make two sums equal: against these stand the seals and the audit chain.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from allocations.reconciliation.matching.facts import LINK, World
from allocations.reconciliation.matching.key_index import key_codes
from allocations.reconciliation.matching.ladder import Ladder
from allocations.reconciliation.matching.matcher import Matches

LINK_COLUMNS = ["status", "coll", "other", "amount", "rule", "rule_version"]
# Not the day it was opened: an open break keeps that, whatever is found out later.
BREAK_COLUMNS = ["code", "side", "ref", "amount", "currency", "due", "owner"]
BETWEEN = "\x1f"
SIZE = 32  # bytes of a mark
ALL = 1 << 8 * SIZE
Marks = NDArray[np.uint8]  # one row of 32 bytes for each row of a table


def result_hash(world: World, matches: Matches, breaks: pd.DataFrame) -> str:
    """Every link that stands, every suggestion and every break after a run that looked at everything."""
    links = [link_marks(world, matches.standing, "confirmed"), link_marks(world, matches.confirmed, "confirmed")]
    suggested = link_marks(world, matches.suggested, "suggested")
    return as_text(sum(map(total, [*links, suggested, break_marks(breaks)])))


def link_marks(world: World, links: pd.DataFrame, status: str) -> Marks:
    """The marks of links of one status (collection_id, line_id, posting_id, amount, rule, rule_version)."""
    return marks("link", _named(world, links.assign(status=status)), LINK_COLUMNS)


def break_marks(breaks: pd.DataFrame) -> Marks:
    return marks("break", breaks, BREAK_COLUMNS)


def marks(kind: str, table: pd.DataFrame, columns: Sequence[str]) -> Marks:
    """sha256 of each row's text: the kind and the columns in order, a control character between."""
    if table.empty:
        return np.zeros((0, SIZE), dtype=np.uint8)
    texts = _joined(kind, [_strings(table[name]) for name in columns])
    ends = np.frombuffer(texts.buffers()[1], dtype=np.int64)[texts.offset : texts.offset + len(texts) + 1]
    data = memoryview(texts.buffers()[2])
    sha256 = hashlib.sha256
    found = b"".join([sha256(data[first:last]).digest() for first, last in pairwise(ends.tolist())])
    return np.frombuffer(found, dtype=np.uint8).reshape(-1, SIZE)


def _joined(kind: str, columns: list[pa.Array]) -> pa.Array:
    head = pa.scalar(kind, pa.large_string())
    joined = pc.binary_join_element_wise(head, *columns, pa.scalar(BETWEEN, pa.large_string()))
    return joined.combine_chunks() if isinstance(joined, pa.ChunkedArray) else joined


def _strings(column: pd.Series[Any]) -> pa.Array:
    array = pa.array(column, from_pandas=True)
    array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    return pc.fill_null(pc.cast(array, pa.large_string()), "")


def total(found: Marks) -> int:
    """The sum of marks."""
    words = np.ascontiguousarray(found).view(">u4").reshape(-1, SIZE // 4).astype(np.uint64).sum(axis=0)
    value = 0
    for word in words.tolist():
        value = (value << 32) + int(word)
    return value % ALL


def as_text(value: int) -> str:
    """A hash as 64 hexadecimal digits."""
    return f"{value % ALL:064x}"


def hexadecimal(found: Marks) -> pa.Array:
    """Marks as the database reads bytes: \\x and 64 digits each."""
    digits = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
    texts = np.empty((len(found), 2 + 2 * SIZE), dtype=np.uint8)
    texts[:, 0], texts[:, 1] = ord("\\"), ord("x")
    texts[:, 2::2], texts[:, 3::2] = digits[found >> 4], digits[found & 15]
    ends = np.arange(len(found) + 1, dtype=np.int64) * (2 + 2 * SIZE)
    return pa.LargeStringArray.from_buffers(len(found), pa.py_buffer(ends), pa.py_buffer(texts))


def from_hexadecimal(texts: pd.Series[Any]) -> int:
    """The sum of marks written as 64 digits each; empty ones are none."""
    return total(np.frombuffer(bytes.fromhex("".join(texts.tolist())), dtype=np.uint8).reshape(-1, SIZE))


def input_hash(world: World, ladder: Ladder, before: str = "") -> str:
    """The facts, the ladder and what people decided. Links the matcher made itself are its result, not its input; so is
    when an agency was told of money paid direct.

    `before`: the input hash of the run this one goes on from, when `world` is a part. So it says from what a run came, step by step;
    only the hashes of two runs over everything can be compared with each other.
    """
    hand = world.links.loc[world.links["by_person"], list(LINK)]
    keys = world.line_keys.assign(ref=_refs(world.line_keys["line_id"], world.lines))
    parts = {
        "collection": world.collections.drop(columns=["id", "loan_account_id", "agency_id", "reported_at"]),
        "line": world.lines.drop(columns="id"),
        "key": keys[["ref", "key"]],
        "posting": world.postings.drop(columns=["id", "loan_account_id"]),
        "hand": _named(world, hand)[["coll", "other", "amount", "status"]],
        "rejected": _named(world, world.rejected)[["coll", "other"]],
        "payer": world.payers[["key"]],
    }
    whole = hashlib.sha256(f"{before}\n{sorted(asdict(ladder).items())}\n{world.through}\n".encode())
    for name, table in parts.items():
        whole.update(f"{name} {len(table)}\n".encode())
        add_columns(whole, table)
    return whole.hexdigest()


def add_columns(whole: Any, table: pd.DataFrame) -> None:
    """Adds a table column by column, its rows in an order that is theirs alone: by the codes of their first texts."""
    texts = [name for name in table.columns if table[name].dtype == "str"][:2]
    order = (
        np.lexsort([key_codes(table[name]) for name in reversed(texts)]) if len(table) else np.zeros(0, dtype=np.int64)
    )
    for name in table.columns:
        column = table[name].take(order)
        if column.dtype == "str":
            strings = _strings(column)
            ends = np.frombuffer(strings.buffers()[1], dtype=np.int64)[
                strings.offset : strings.offset + len(strings) + 1
            ]
            whole.update(np.diff(ends).tobytes())
            whole.update(memoryview(strings.buffers()[2] or b"")[int(ends[0]) : int(ends[-1])])
        else:
            whole.update(np.ascontiguousarray(column.to_numpy()).tobytes())


def _refs(ids: pd.Series[int], table: pd.DataFrame) -> pd.Series[str]:
    place = pd.Index(table["id"]).get_indexer(ids)
    found = table["ref"].take(np.maximum(place, 0)) if len(table) else pd.Series([""] * len(ids), dtype="str")
    return found.set_axis(ids.index).where(place >= 0, "")


def _named(world: World, links: pd.DataFrame) -> pd.DataFrame:
    bank, core = _refs(links["line_id"], world.lines), _refs(links["posting_id"], world.postings)
    other = ("bank:" + bank).where(links["line_id"] > 0, "posting:" + core)
    return links.assign(coll=_refs(links["collection_id"], world.collections), other=other)
