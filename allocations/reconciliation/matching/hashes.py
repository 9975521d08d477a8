"""What a run read and what stands after it, each as one hash that no order of rows can change. Ids are left out: refs name rows.

The result hash is the sum, modulo 2 to the 256th, of the sha256 of each link that stands, each suggestion and each break (its mark). So a
run that looks at a part takes away the marks of what stood there and adds the marks of what stands now, and comes to the same as a
run that looked at everything. It finds differences, by mistake or by hand, row by row; it is no proof against somebody who can choose
a great many rows to make two sums equal: against these stand the seals and the audit chain.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from allocations.reconciliation.matching.facts import LINK, World
from allocations.reconciliation.matching.key_index import BLOCK, Codes, Ints, key_codes
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


def input_hash(world: World, ladder: Ladder, before: str = "", codes: Codes | None = None) -> str:
    """The facts, the ladder and what people decided. Links the matcher made itself are its result, not its input; so is
    when an agency was told of money paid direct.

    `before`: the input hash of the run this one goes on from, when `world` is a part. So it says from what a run came, step by step;
    only the hashes of two runs over everything can be compared with each other. `codes`: key_codes of world.line_keys, where they are
    known.
    """
    hand = world.links.loc[world.links["by_person"], list(LINK)]
    parts = {
        "collection": columns_of(world.collections.drop(columns=["id", "loan_account_id", "agency_id", "reported_at"])),
        "line": columns_of(world.lines.drop(columns="id")),
        "key": [
            Column(world.lines["ref"], _places(world.line_keys["line_id"], world.lines)),
            Column(world.line_keys["key"], codes=codes),
        ],
        "posting": columns_of(world.postings.drop(columns=["id", "loan_account_id"])),
        "hand": columns_of(_named(world, hand)[["coll", "other", "amount", "status"]]),
        "rejected": columns_of(_named(world, world.rejected)[["coll", "other"]]),
        "payer": columns_of(world.payers[["key"]]),
    }
    whole = hashlib.sha256(f"{before}\n{sorted(asdict(ladder).items())}\n{world.through}\n".encode())
    for name, columns in parts.items():
        whole.update(f"{name} {columns[0].rows}\n".encode())
        add_columns(whole, columns)
    return whole.hexdigest()


@dataclass(frozen=True)
class Column:
    """A column of what was read. `place`: where in `values` each row's value stands (below 0: "" for it), None: row by row; `codes`: its
    key_codes, where they are known."""

    values: pd.Series[Any]
    place: Ints | None = None
    codes: Codes | None = None

    @property
    def rows(self) -> int:
        return len(self.values) if self.place is None else len(self.place)

    @property
    def is_text(self) -> bool:
        return bool(self.values.dtype == "str")

    def coded(self) -> Codes:
        codes = key_codes(self.values) if self.codes is None else self.codes
        return codes if self.place is None else np.append(codes, np.uint64(0))[self.place]

    def ordered(self, order: Ints) -> Ints:
        return order if self.place is None else self.place[order]


def columns_of(table: pd.DataFrame) -> list[Column]:
    return [Column(table[name]) for name in table.columns]


def add_columns(whole: Any, columns: list[Column]) -> None:
    """Adds a table column by column, its rows in an order that is theirs alone: by the codes of their first texts. A block of rows at a
    time: beside what was read there is no room for all of it once more."""
    if not columns[0].rows:
        return
    order = np.lexsort([each.coded() for each in reversed([column for column in columns if column.is_text][:2])])
    for column in columns:
        places = column.ordered(order)
        if column.is_text:
            _add_texts(whole, _strings(column.values), places)
        else:
            whole.update(np.ascontiguousarray(column.values.to_numpy()[places]).tobytes())


def _add_texts(whole: Any, texts: pa.Array, places: Ints) -> None:
    """Their lengths, then the texts themselves; a place below 0 is an empty text."""
    ends = np.frombuffer(texts.buffers()[1], dtype=np.int64)[texts.offset : texts.offset + len(texts) + 1]
    sizes = np.append(np.diff(ends), 0)  # the last: of no text
    for start in range(0, len(places), BLOCK):
        whole.update(sizes[places[start : start + BLOCK]].tobytes())
    for start in range(0, len(places), BLOCK):
        here = places[start : start + BLOCK]
        taken = texts.take(pa.array(here[here >= 0]))
        first, last = np.frombuffer(taken.buffers()[1], dtype=np.int64)[[taken.offset, taken.offset + len(taken)]]
        whole.update(memoryview(taken.buffers()[2] or b"")[int(first) : int(last)])


def _places(ids: pd.Series[int], table: pd.DataFrame) -> Ints:
    return pd.Index(table["id"]).get_indexer(ids).astype(np.int64)


def _refs(ids: pd.Series[int], table: pd.DataFrame) -> pd.Series[str]:
    place = pd.Index(table["id"]).get_indexer(ids)
    found = table["ref"].take(np.maximum(place, 0)) if len(table) else pd.Series([""] * len(ids), dtype="str")
    return found.set_axis(ids.index).where(place >= 0, "")


def _named(world: World, links: pd.DataFrame) -> pd.DataFrame:
    bank, core = _refs(links["line_id"], world.lines), _refs(links["posting_id"], world.postings)
    other = ("bank:" + bank).where(links["line_id"] > 0, "posting:" + core)
    return links.assign(coll=_refs(links["collection_id"], world.collections), other=other)
