"""The rows of a UTF-8 text file, block by block: memory does not grow with the file."""

from __future__ import annotations

import csv
import io
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from portal.kernel.errors import Invalid, Problem
from portal.kernel.tables.limits import Limits

BLOCK_BYTES = 1 << 18  # the column reader works some thirty blocks ahead: this many bytes decide its memory
SWALLOWED = 0.5  # a line inside a cell with this share of a row's delimiters is a row that lost its place


@dataclass(frozen=True)
class Body:
    """The part of a text file below its header. `start` is its first byte, `first_row` the file's number of its first row.

    `wide` and `cells` tell of rows with cells to spare (row number, how many cells) once a file was made regular.
    """

    path: Path
    start: int
    first_row: int
    width: int
    delimiter: str
    quoted: bool
    block_bytes: int = BLOCK_BYTES
    wide: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    cells: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))


@dataclass
class Block:
    """Some consecutive rows: cells as typed, a column at a time, the file's row numbers, and what is wrong with whole rows."""

    columns: list[pa.StringArray]
    row_no: np.ndarray
    bad: dict[int, Problem] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.row_no)

    def take(self, keep: np.ndarray) -> Block:
        """The rows under a mask."""
        if keep.all():
            return self
        mask = pa.array(keep)
        return Block([cells.filter(mask) for cells in self.columns], self.row_no[keep], self.bad)


def blocks(body: Body, limits: Limits) -> Iterator[Block]:
    """Every row of the body in order. Raises Invalid for more rows than allowed, ArrowInvalid while the body is not regular."""
    if body.path.stat().st_size <= body.start:
        return
    names = [f"f{at}" for at in range(body.width)]
    parse = pacsv.ParseOptions(delimiter=body.delimiter, newlines_in_values=body.quoted, ignore_empty_lines=False)
    kinds = dict.fromkeys(names, pa.string())
    convert = pacsv.ConvertOptions(column_types=kinds, strings_can_be_null=False, check_utf8=False)
    read = pacsv.ReadOptions(column_names=names, block_size=body.block_bytes)
    at = body.first_row
    with body.path.open("rb") as file:
        file.seek(body.start)
        with pacsv.open_csv(file, read_options=read, parse_options=parse, convert_options=convert) as reader:
            for batch in reader:
                if batch.num_rows:
                    yield _block(list(batch.columns), at, body)
                at += batch.num_rows
                _check_height(at - body.first_row, limits)


def _check_height(rows: int, limits: Limits) -> None:
    if rows > limits.max_rows:
        message = f"The file has more than {limits.max_rows:,} rows, the most one upload may have."
        raise Invalid(Problem("too_many_rows", message, "Split the file."))


def _block(columns: list[pa.StringArray], first: int, body: Body) -> Block:
    last = first + len(columns[0])
    bad = {}
    for at in range(*np.searchsorted(body.wide, (first, last)).tolist()):
        bad[int(body.wide[at])] = _too_wide(int(body.wide[at]), int(body.cells[at]), body.width)
    if body.quoted:
        for row in _swallowing(columns, body):
            bad[first + row] = _swallowed(first + row)
    return Block(columns, np.arange(first, last), bad)


def _too_wide(row: int, cells: int, width: int) -> Problem:
    message = f"The row has {cells} cells, the header {width}."
    return Problem("row_too_wide", message, "Put quotation marks around cells that hold the delimiter.", row=row)


def _swallowing(columns: list[pa.StringArray], body: Body) -> set[int]:
    """Rows with a cell that holds whole rows: a quotation mark was opened in one row and closed in a later one."""
    least = max(1, round(SWALLOWED * (body.width - 1)))
    found = set()
    for cells in columns if body.width > 2 else ():
        many = pc.match_substring(cells, "\n")
        if pc.any(many).as_py():
            for at in np.flatnonzero(many.to_numpy(zero_copy_only=False)).tolist():
                lines = cells[at].as_py().split("\n")
                if any(line.count(body.delimiter) >= least for line in lines[1:]):
                    found.add(at)
    return found


def _swallowed(row: int) -> Problem:
    message = f"A quotation mark opened in row {row} closes in a later row, so a cell holds whole rows."
    return Problem("broken_quotes", message, "Close or remove the quotation mark in that row.", row=row)


# --- files that are not regular ----------------------------------------------------------------------------------------


def made_regular(body: Body, folder: Path, limits: Limits) -> Body:
    """A copy in which every row has as many cells as the header: short rows are filled, cells to spare left out and told.

    Raises Invalid for a quotation mark that is left open and a cell that no spreadsheet can hold.
    """
    copy = folder / "regular.csv"
    wide, cells = array("q"), array("q")
    longest = 0
    with body.path.open("rb") as raw, copy.open("w", encoding="utf-8", newline="") as out:
        raw.seek(body.start)
        writer = csv.writer(out, delimiter=body.delimiter, lineterminator="\r\n")
        text = io.TextIOWrapper(raw, "utf-8", newline="")
        for row_no, row in enumerate(_rows(text, body, limits), start=body.first_row):
            _check_height(row_no - body.first_row + 1, limits)
            if len(row) < body.width:
                row.extend([""] * (body.width - len(row)))
            elif len(row) > body.width:
                if any(row[body.width :]):
                    wide.append(row_no)
                    cells.append(len(row))
                del row[body.width :]
            longest = max(longest, writer.writerow(row))
    return Body(
        copy,
        0,
        body.first_row,
        body.width,
        body.delimiter,
        True,
        max(BLOCK_BYTES, 8 * longest),
        np.array(wide, dtype=np.int64),
        np.array(cells, dtype=np.int64),
    )


def _rows(text: io.TextIOWrapper, body: Body, limits: Limits) -> Iterator[list[str]]:
    csv.field_size_limit(limits.max_cell)
    reader = csv.reader(text, delimiter=body.delimiter, strict=True)
    row, line = body.first_row, 0
    try:
        for cells in reader:
            yield cells
            row, line = row + 1, reader.line_num
    except csv.Error as error:
        raise Invalid(_unreadable(row, reader.line_num - line, error, limits)) from None


def _unreadable(row: int, lines: int, error: csv.Error, limits: Limits) -> Problem:
    if "field limit" in str(error) and lines <= 1:
        message = f"Row {row} has a cell of more than {limits.max_cell:,} characters."
        return Problem("cell_too_long", message, "Shorten it; no spreadsheet can hold it.", row=row)
    message = f"Row {row} has a quotation mark that is not closed or not doubled ({error})."
    return Problem("broken_quotes", message, "Close the quotation mark in that row.", row=row)


def regrouped(parts: Iterator[Block], rows: int | None) -> Iterator[Block]:
    """The same rows in blocks of `rows` each (the last may be shorter), or in one block."""
    kept: list[Block] = []
    height = 0
    for part in parts:
        while rows and height + len(part) >= rows:
            cut = rows - height
            yield _together([*kept, _slice(part, 0, cut)])
            kept, height, part = [], 0, _slice(part, cut, len(part))
        if len(part):
            kept.append(part)
            height += len(part)
    if height:
        yield _together(kept)


def _slice(block: Block, start: int, stop: int) -> Block:
    return Block([cells.slice(start, stop - start) for cells in block.columns], block.row_no[start:stop], block.bad)


def _together(parts: list[Block]) -> Block:
    if len(parts) == 1:
        return parts[0]
    columns = [pa.concat_arrays(list(cells)) for cells in zip(*(part.columns for part in parts), strict=True)]
    bad = {row: problem for part in parts for row, problem in part.bad.items()}
    return Block(columns, np.concatenate([part.row_no for part in parts]), bad)
