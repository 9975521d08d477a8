"""The rows of a file on their way in: block by block into temporary tables, so that memory does not grow with the file.

`staged_collections` holds the rows that are right by themselves, `staged_wrong` what identifies the others, `staged_faults` every
problem of every row. All three are gone when the transaction ends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from sqlalchemy import text
from sqlalchemy.orm import Session

from allocations.collections.uploads.file_columns import STAGED
from allocations.collections.uploads.row_checks import prepare
from portal.kernel.errors import Problem
from portal.kernel.tables.bulk import MANY, as_arrow, copy_into
from portal.kernel.tables.rows import Sheet
from portal.kernel.tables.source import SheetSource

BLOCK = 20_000  # rows held in memory at a time
SAMPLED = 8  # rows kept as understood, to be looked at
LONGEST_VALUE = 200
WRONG = {"pos": "bigint", "row_no": "bigint", "loan_account_no": "text", "collected_on": "date"}
FAULTS = {
    "pos": "bigint",
    "row_no": "bigint",
    "column_name": "text",
    "code": "text",
    "message": "text",
    "cure": "text",
    "value": "text",
}
SHOWN = ("receipt_no", "loan_account_no", "amount_minor", "collected_on", "mode", "instrument_ref", "agent_code")

Report = Callable[[int, int, str], None]


@dataclass
class Sums:
    """Rows and minor units under a name: a mode, a day."""

    of: dict[str, list[int]] = field(default_factory=dict)

    def add(self, name: str, count: int, minor: int) -> None:
        have = self.of.setdefault(name, [0, 0])
        have[0] += count
        have[1] += minor


@dataclass
class Staged:
    """What the reading of a file came to. Sums are over every row whose amount could be read, good or not."""

    rows: int = 0
    total_minor: int = 0
    by_mode: Sums = field(default_factory=Sums)
    by_day: Sums = field(default_factory=Sums)
    sample: list[dict[str, Any]] = field(default_factory=list)


def no_report(done: int, total: int, message: str) -> None:
    """For those who do not watch."""


def stage_file(session: Session, source: SheetSource, *, today: date, report: Report = no_report) -> Staged:
    """Read the whole file into the temporary tables. Raises Invalid with the source's questions while any is open."""
    make_tables(session)
    cursor = session.connection().connection.cursor()
    staged = Staged()
    for sheet in source.chunks(BLOCK):
        frame = prepare(sheet, today, staged.rows)
        copy_into(cursor, "staged_collections", as_arrow(frame[sheet.good], STAGED))
        keep_faults(cursor, sheet, staged)
        count(staged, sheet)
        report(staged.rows, source.row_estimate, "Reading rows")
    session.execute(text("analyze staged_collections (pos, receipt_key, loan_account_no, collected_on)"))
    session.execute(text("analyze staged_wrong"))
    if staged.rows >= MANY:
        cursor.execute("DISCARD PLANS")
    return staged


def make_tables(session: Session) -> None:
    for name, columns in (("staged_collections", STAGED), ("staged_wrong", WRONG), ("staged_faults", FAULTS)):
        listed = ", ".join(f"{column} {kind}" for column, kind in columns.items())
        serial = ", seq bigint generated always as identity" if name == "staged_faults" else ""
        session.execute(text(f"drop table if exists pg_temp.{name}"))
        session.execute(text(f"create temporary table {name} ({listed}{serial}) on commit drop"))


def keep_faults(cursor: Any, sheet: Sheet, staged: Staged) -> None:
    """The block's problems, and what identifies its bad rows."""
    if sheet.good.all() and not sheet.problems:
        return
    copy_into(cursor, "staged_wrong", as_arrow(sheet.frame[~sheet.good], WRONG))
    at = {int(row): staged.rows + position for position, row in enumerate(sheet.row_no)}
    if sheet.problems:
        copy_into(cursor, "staged_faults", faults_table([(at[p.row or 0], p) for p in sheet.problems]))


def faults_table(found: list[tuple[int, Problem]]) -> pa.Table:
    """Problems with the positions of their rows, as the temporary table has them."""
    columns: dict[str, list[Any]] = {
        "pos": [pos for pos, _ in found],
        "row_no": [p.row for _, p in found],
        "column_name": [p.column for _, p in found],
        "code": [p.code for _, p in found],
        "message": [p.message for _, p in found],
        "cure": [p.cure for _, p in found],
        "value": [p.value[:LONGEST_VALUE] for _, p in found],
    }
    return pa.table(columns)


def count(staged: Staged, sheet: Sheet) -> None:
    """Add a block to the file's sums, and keep the first good rows as they were understood."""
    frame = sheet.frame
    known = frame[["amount_minor", "mode", "collected_on"]].dropna(subset=["amount_minor"])
    staged.total_minor += int(known["amount_minor"].sum())
    for column, sums in (("mode", staged.by_mode), ("collected_on", staged.by_day)):
        grouped = known.groupby(column, observed=True)["amount_minor"].agg(["size", "sum"])
        for name, size, minor in zip(grouped.index, grouped["size"], grouped["sum"], strict=True):
            sums.add(name.date().isoformat() if column == "collected_on" else str(name), int(size), int(minor))
    if len(staged.sample) < SAMPLED:
        first = np.flatnonzero(sheet.good)[: SAMPLED - len(staged.sample)]
        staged.sample += [as_understood(frame, int(at)) for at in first]
    staged.rows += len(frame)


def as_understood(frame: pd.DataFrame, at: int) -> dict[str, Any]:
    """One row as JSON holds it."""
    row: dict[str, Any] = {name: frame[name].iloc[at] for name in ("row_no", *SHOWN)}
    for name, value in row.items():
        row[name] = None if pd.isna(value) else str(value)
    row |= {"row_no": int(row["row_no"]), "amount_minor": int(row["amount_minor"])}
    return row | {"collected_on": row["collected_on"][:10]}


def add_faults(session: Session, found: list[tuple[int, Problem]]) -> None:
    """More problems of rows that are staged; the row's own number is looked up by its position."""
    if found:
        copy_into(session.connection().connection.cursor(), "staged_faults", faults_table(found))
        session.execute(
            text(
                "update staged_faults f set row_no = s.row_no from staged_collections s where f.row_no is null and s.pos = f.pos"
            )
        )


def faulty_rows(session: Session) -> int:
    """How many rows have at least one problem."""
    return int(session.scalar(text("select count(distinct pos) from staged_faults")) or 0)


def problems_of(session: Session, file_name: str) -> list[Problem]:
    """Every problem in the order of the file's rows. A list: for those who hand all of them on at once."""
    query = text("select code, message, cure, row_no, column_name, value from staged_faults order by row_no, seq")
    return [
        Problem(row.code, row.message, row.cure, file_name, row.row_no, row.column_name, row.value)
        for row in session.execute(query)
    ]
