"""The rows of a UTF-8 text file, block by block: memory does not grow with the file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from portal.kernel.errors import Invalid, Problem
from portal.kernel.tables.limits import Limits

BLOCK_BYTES = 2 << 20
BLOCK_ROWS = 20_000


@dataclass(frozen=True)
class Body:
    """The part of a text file below its header. `start` is its first byte, `first_row` the file's number of its first row.

    A `regular` body has as many cells in every row as the header; only then may the fast reader be used.
    """

    path: Path
    start: int
    first_row: int
    width: int
    delimiter: str
    quoted: bool
    regular: bool


@dataclass
class Block:
    """Some consecutive rows: cells as typed, a column at a time, the file's row numbers, and rows with cells to spare."""

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
    """Every row of the body in order. Raises Invalid for more rows than allowed and for a quotation mark left open."""
    if body.path.stat().st_size <= body.start:
        return
    rows = _fast(body) if body.regular else _careful(body, limits)
    for block in rows:
        if int(block.row_no[-1]) - body.first_row + 1 > limits.max_rows:
            message = f"The file has more than {limits.max_rows:,} rows, the most one upload may have."
            raise Invalid(Problem("too_many_rows", message, "Split the file."))
        yield block


def _fast(body: Body) -> Iterator[Block]:
    """Through the column reader; raises ArrowInvalid when the body is not regular after all."""
    names = [f"f{at}" for at in range(body.width)]
    parse = pacsv.ParseOptions(
        delimiter=body.delimiter, newlines_in_values=body.quoted, ignore_empty_lines=False, quote_char='"'
    )
    convert = pacsv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False, check_utf8=False
    )
    read = pacsv.ReadOptions(column_names=names, block_size=BLOCK_BYTES)
    at = body.first_row
    with body.path.open("rb") as file:
        file.seek(body.start)
        with pacsv.open_csv(file, read_options=read, parse_options=parse, convert_options=convert) as reader:
            for batch in reader:
                if batch.num_rows:
                    yield Block(list(batch.columns), np.arange(at, at + batch.num_rows))
                at += batch.num_rows


def _careful(body: Body, limits: Limits) -> Iterator[Block]:
    """Row by row: short rows are filled with empty cells, rows with cells to spare are bad, a quote left open is refused."""
    with body.path.open("rb") as raw:
        raw.seek(body.start)
        text = io.TextIOWrapper(raw, "utf-8", newline="")
        rows = _rows(text, body, limits)
        at = body.first_row
        while part := list(islice(rows, BLOCK_ROWS)):
            yield _block(part, at, body.width)
            at += len(part)


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


def _block(rows: list[list[str]], first: int, width: int) -> Block:
    bad = {}
    for at, row in enumerate(rows):
        if len(row) < width:
            row.extend([""] * (width - len(row)))
        elif len(row) > width:
            if any(cell.strip() for cell in row[width:]):
                bad[first + at] = _too_wide(first + at, row, width)
            del row[width:]
    columns = [pa.array(cells, pa.string()) for cells in zip(*rows, strict=True)]
    return Block(columns, np.arange(first, first + len(rows)), bad)


def _too_wide(row_no: int, row: list[str], width: int) -> Problem:
    message = f"The row has {len(row)} cells, the header {width}."
    return Problem("row_too_wide", message, "Put quotation marks around cells that hold the delimiter.", row=row_no)


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
