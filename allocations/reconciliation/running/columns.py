"""A query's rows as a frame, a million at a time: the server hands over whole columns, block by block, and one block is taken apart
while it makes the next. In the caller's transaction and scope, so row-level security holds.

A row at a time, however it is fetched, costs more than the matching.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from psycopg import sql
from sqlalchemy.orm import Session

BLOCK = 1 << 18  # ids a block; no column of a block comes near the largest value the server can make
MOST_BLOCKS = 512  # ids with wide gaps are cut into longer stretches
BETWEEN = "\x1f"  # between texts of a column: a control character that no reference holds
ARROW = {"int64": pa.int64(), "str": pa.string(), "bool": pa.bool_()}


def read_columns(
    session: Session, query: str, kinds: Mapping[str, str], *, over: str = "", **values: Any
) -> pd.DataFrame:
    """See `read_table`."""
    return read_table(session, query, kinds, over=over, **values).to_pandas()


def read_table(session: Session, query: str, kinds: Mapping[str, str], *, over: str = "", **values: Any) -> pa.Table:
    """The rows of `query`, whose columns are those of `kinds` ("int64", "str", "bool"; none may be null).

    `values` stand in its {braces}. `over` names a table whose ids the query asks for between {first} and {last}: it is then read in
    blocks of ids; without it in one go.
    """
    cursor = session.connection().connection.cursor(binary=True)
    with ThreadPoolExecutor(1) as taking_apart:
        waiting = [
            taking_apart.submit(_block, block, kinds) for block in _blocks(cursor, _agg(query, kinds), over, values)
        ]
        batches = [each.result() for each in waiting]
    return pa.Table.from_batches(batches, _schema(kinds))


def as_array(ids: Iterable[int]) -> str:
    """Ids as the text of an array, which the driver makes of thousands of numbers one by one, each by its kind."""
    return "{" + ",".join(map(str, ids)) + "}"


def _agg(query: str, kinds: Mapping[str, str]) -> str:
    asked = [
        f"string_agg(q.{name}, {{between}})" if kind == "str" else f"array_agg(q.{name}::bigint)"
        for name, kind in _cast(kinds).items()
    ]
    names = ", ".join(kinds)
    return f"select count(*), {', '.join(asked)} from ({query}) as q ({names})"


def _cast(kinds: Mapping[str, str]) -> dict[str, str]:
    return {f"{name}::int" if kind == "bool" else name: kind for name, kind in kinds.items()}


def _blocks(cursor: Any, query: str, over: str, values: Mapping[str, Any]) -> Iterator[list[bytes | None]]:
    given = {name: sql.Literal(value) for name, value in {**values, "between": BETWEEN}.items()}
    for first, last in _stretches(cursor, over):
        statement = sql.SQL(query).format(**given, first=sql.Literal(first), last=sql.Literal(last))
        cursor.execute(statement)
        result = cursor.pgresult
        block = [result.get_value(0, column) for column in range(result.nfields)]
        if int.from_bytes(block[0], "big"):
            yield block[1:]


def _stretches(cursor: Any, over: str) -> Iterator[tuple[int, int]]:
    if not over:
        yield 0, 0
        return
    least, most = cursor.execute(
        sql.SQL("select coalesce(min(id), 1), coalesce(max(id), 0) from {}").format(sql.Identifier(over))
    ).fetchone()
    step = max(BLOCK, (most - least) // MOST_BLOCKS + 1)
    for first in range(least, most + 1, step):
        yield first, first + step - 1


def _block(block: list[bytes | None], kinds: Mapping[str, str]) -> pa.RecordBatch:
    arrays = [
        _texts(data or b"") if kind == "str" else _numbers(data or b"")
        for data, kind in zip(block, kinds.values(), strict=True)
    ]
    cast = [array.cast(ARROW[kind]) for array, kind in zip(arrays, kinds.values(), strict=True)]
    return pa.RecordBatch.from_arrays(cast, schema=_schema(kinds))


def _numbers(data: bytes) -> pa.Array:
    """An array of bigint as the server sends it: a head of twenty bytes, then length and value of each."""
    pairs = np.frombuffer(data, dtype=[("length", ">i4"), ("value", ">i8")], offset=20)
    return pa.array(pairs["value"].astype(np.int64))


def _texts(data: bytes) -> pa.Array:
    whole = pa.LargeStringArray.from_buffers(
        1, pa.py_buffer(np.array([0, len(data)], dtype=np.int64)), pa.py_buffer(data)
    )
    return pc.list_flatten(pc.split_pattern(whole, BETWEEN))


def _schema(kinds: Mapping[str, str]) -> pa.Schema:
    return pa.schema([(name, ARROW[kind]) for name, kind in kinds.items()])
