"""Rows into the database by the thousand: COPY into a temporary table, then INSERT … SELECT, which row-level security checks."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
from psycopg import sql
from sqlalchemy import Table, text
from sqlalchemy.orm import Session

# A connection keeps the plans of its foreign-key checks and triggers. Those made while a table was small read all of it for every
# row; before this many rows they are thrown away and made anew.
MANY = 1_000
AT_ONCE = 1 << 14  # rows a write: a few megabytes


@dataclass(frozen=True)
class Text:
    """Rows as COPY reads them, a few megabytes a block: made by one thread, handed to the database by another."""

    columns: Sequence[str]
    rows: int
    blocks: Sequence[bytes]


def as_text(rows: pd.DataFrame | pa.Table, types: Mapping[str, str]) -> Text:
    """See `stage`."""
    table = as_arrow(rows, types)
    return Text(table.column_names, table.num_rows, [bytes(block) for block in _blocks(table)])


def stage(
    session: Session,
    name: str,
    rows: pd.DataFrame | pa.Table | Text,
    types: Mapping[str, str],
    *,
    keys: Sequence[str] = (),
) -> int:
    """Put rows into a temporary table `name`, gone at commit or rollback, and analyse it. Returns how many.

    `types` maps each column, in order, to its database type ("bigint", "date"); `rows` may have more columns than that. `keys`
    names the columns it will be joined by: statistics of these alone are made in a fraction of the time.
    """
    columns = sql.SQL(", ").join(sql.SQL("{} {}").format(sql.Identifier(c), sql.SQL(kind)) for c, kind in types.items())
    table = rows if isinstance(rows, Text) else as_arrow(rows, types)
    cursor = _cursor(session)
    cursor.execute(sql.SQL("DROP TABLE IF EXISTS pg_temp.{}").format(sql.Identifier(name)))
    cursor.execute(sql.SQL("CREATE TEMPORARY TABLE {} ({}) ON COMMIT DROP").format(sql.Identifier(name), columns))
    copy_into(cursor, name, table)
    only = sql.SQL(" ({})").format(sql.SQL(", ").join(map(sql.Identifier, keys))) if keys else sql.SQL("")
    cursor.execute(sql.SQL("ANALYZE {}{}").format(sql.Identifier(name), only))
    count = table.rows if isinstance(table, Text) else table.num_rows
    if count >= MANY:
        cursor.execute("DISCARD PLANS")
    return count


def copy_rows(
    session: Session,
    table: Table,
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]] | pd.DataFrame,
    *,
    on_conflict: str = "",
) -> int:
    """Insert many rows into `table` and return how many went in.

    `rows` are tuples in the order of `columns`, or a frame that holds them. `on_conflict` is the SQL after ON CONFLICT, for
    instance "(agency_id, receipt_key) DO NOTHING".
    """
    types = {column: table.c[column].type.compile(session.get_bind().dialect) for column in columns}
    frame = rows if isinstance(rows, pd.DataFrame) else _frame_of(rows, columns)
    if not len(frame):
        return 0
    stage(session, "incoming_rows", frame, types)
    listed = ", ".join(f'"{column}"' for column in columns)
    conflict = f" ON CONFLICT {on_conflict}" if on_conflict else ""
    done = session.execute(
        text(f"INSERT INTO {table.fullname} ({listed}) SELECT {listed} FROM incoming_rows{conflict}")
    )
    session.execute(text("DROP TABLE pg_temp.incoming_rows"))
    return done.rowcount  # type: ignore[attr-defined]


def fetch_columns(session: Session, query: sql.Composable, types: Mapping[str, pa.DataType]) -> pa.Table:
    """The rows of a query in columns, by COPY: a million in seconds. `types` names each column, in order; none may be null."""
    data = io.BytesIO()
    command = sql.SQL("COPY ({}) TO STDOUT (FORMAT csv)").format(query)
    with _cursor(session).copy(command) as copy:
        for block in copy:
            data.write(block)
    if not data.tell():
        return pa.table({name: pa.array([], kind) for name, kind in types.items()})
    data.seek(0)
    return pacsv.read_csv(
        data,
        read_options=pacsv.ReadOptions(column_names=list(types), block_size=1 << 22),
        parse_options=pacsv.ParseOptions(newlines_in_values=True),
        convert_options=pacsv.ConvertOptions(column_types=dict(types), strings_can_be_null=False),
    )


def _frame_of(rows: Iterable[Sequence[Any]], columns: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame([tuple(row) for row in rows], columns=list(columns), dtype=object)


def _cursor(session: Session) -> Any:
    """The psycopg cursor of this transaction, so that the role and scope set on it hold for the COPY too."""
    return session.connection().connection.cursor()


def as_arrow(rows: pd.DataFrame | pa.Table, types: Mapping[str, str]) -> pa.Table:
    """Columns in the order of `types`, in forms whose text PostgreSQL reads back exactly."""
    if isinstance(rows, pa.Table):
        return rows.select(list(types))
    arrays = [_column(rows[name], kind.lower()) for name, kind in types.items()]
    return pa.table(dict(zip(types, arrays, strict=True)))


def _column(values: pd.Series, kind: str) -> pa.Array:
    if kind.startswith("date") and values.dtype.kind == "M":
        return pa.array(values, from_pandas=True).cast(pa.timestamp("s")).cast(pa.date32())
    if values.dtype == object:
        return pa.array(
            [None if value is None or value is pd.NA or value != value else _text(value) for value in values],
            pa.string(),
        )
    array = pa.array(values, from_pandas=True)
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if pa.types.is_floating(array.type):
        raise TypeError(f"{values.name} is a column of floats")
    return pc.cast(array, pa.string()) if pa.types.is_dictionary(array.type) else array


def _text(value: Any) -> str:
    if isinstance(value, float):
        raise TypeError(f"{value} is a float")
    if isinstance(value, list | tuple):
        return "{" + ",".join('"' + str(item).replace("\\", "\\\\").replace('"', '\\"') + '"' for item in value) + "}"
    return str(value)


def copy_into(cursor: Any, name: str, table: pa.Table | Text) -> None:
    """COPY a table of text-ready columns; an empty unquoted cell is NULL, an empty quoted one the empty text."""
    columns, blocks = (table.columns, table.blocks) if isinstance(table, Text) else (table.column_names, _blocks(table))
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    command = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(sql.Identifier(name), names)
    with cursor.copy(command) as copy:
        for block in blocks:
            copy.write(block)


def _blocks(table: pa.Table) -> Iterator[memoryview]:
    """The rows as text, some at a time: never the whole table as text beside the table."""
    options = pacsv.WriteOptions(include_header=False)
    for start in range(0, table.num_rows, AT_ONCE):
        out = io.BytesIO()
        pacsv.write_csv(table.slice(start, AT_ONCE), out, options)
        yield out.getbuffer()
