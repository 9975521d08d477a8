"""From an upload's bytes to a grid of text cells: what kind of file, which encoding, which delimiter, which cells."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Callable
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from portal.kernel.errors import Invalid, Problem
from portal.kernel.tables.limits import Limits
from portal.kernel.tables.workbook import workbook_to_csv

DELIMITERS = (",", ";", "\t", "|")
AS_SHEET = "Upload a CSV file (UTF-8) or an .xlsx workbook."
BINARY_STARTS = {
    b"\xd0\xcf\x11\xe0": (
        "old_excel",
        "This is an old or password-protected Excel file.",
        "Save it as .xlsx or CSV UTF-8.",
    ),
    b"%PDF": ("not_a_sheet", "This is a PDF document.", AS_SHEET),
    b"\x89PNG": ("not_a_sheet", "This is a picture.", AS_SHEET),
    b"\xff\xd8\xff": ("not_a_sheet", "This is a picture.", AS_SHEET),
    b"\x1f\x8b": ("not_a_sheet", "This is a compressed archive.", "Unpack it and upload the sheet inside."),
}
MARKUP_STARTS = (b"<", b"{\rtf")


@dataclass
class Grid:
    """Cells as text, still as typed. `columns[i]` is column i without its header; `bad_rows` maps positions to why."""

    header: list[str]
    columns: list[pa.StringArray]
    bad_rows: dict[int, Problem] = field(default_factory=dict)

    @property
    def height(self) -> int:
        return len(self.columns[0]) if self.columns else 0


def read_grid(data: bytes, score: Callable[[list[str]], int], limits: Limits, encoding: str | None = None) -> Grid:
    """Every cell of a CSV or XLSX upload. `score` says how many of a header's cells are known: it settles the delimiter.

    Raises Invalid when the file as a whole cannot be used (too large, empty, another kind of file, wrong encoding).
    """
    if len(data) >= limits.max_bytes:
        size, most = len(data) / 1_000_000, limits.max_bytes // 1_000_000
        problem = Problem(
            "file_too_large", f"The file has {size:.0f} MB; one upload may have {most} MB.", "Split the file."
        )
        raise Invalid(problem)
    if data[:4] == b"PK\x03\x04":
        return _grid(workbook_to_csv(data, limits), ",", limits)
    utf8 = to_utf8(data, encoding)
    if not utf8.strip(b"\r\n \t,;|"):
        raise Invalid(Problem("empty_file", "The file is empty.", "Upload a file with a header and at least one row."))
    return _grid(utf8, sniff_delimiter(utf8, score), limits)


def to_utf8(data: bytes, encoding: str | None = None) -> bytes:
    """The same text as UTF-8 without a byte-order mark. Raises Invalid for what is not text, or not in a known encoding."""
    for start, (code, message, cure) in BINARY_STARTS.items():
        if data.startswith(start):
            raise Invalid(Problem(code, message, cure))
    if data[:200].removeprefix(codecs.BOM_UTF8).lstrip().startswith(MARKUP_STARTS):
        message = "This is a web page or markup saved under a sheet's name."
        raise Invalid(Problem("not_a_sheet", message, "Open it in Excel and save it as .xlsx or CSV UTF-8."))
    wide = _wide_encoding(data)
    if wide or encoding:
        return _recode(data, wide or encoding or "")
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Invalid(_wrong_encoding(data, error)) from None
    if b"\0" in data:
        raise Invalid(Problem("not_a_sheet", "The file holds binary data (NUL bytes).", AS_SHEET))
    return data


def _wide_encoding(data: bytes) -> str | None:
    """UTF-16 by its mark, or by every second byte of the beginning being zero."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    head = data[:400]
    if len(head) < 8:
        return None
    if head[1::2].count(0) > 0.9 * len(head[1::2]) and not head[::2].count(0):
        return "utf-16-le"
    return "utf-16-be" if head[::2].count(0) > 0.9 * len(head[::2]) and not head[1::2].count(0) else None


def _recode(data: bytes, encoding: str) -> bytes:
    try:
        text = data.decode(encoding)
    except (UnicodeDecodeError, LookupError) as error:
        message = f"The file cannot be read as {encoding}: {error}."
        raise Invalid(Problem("wrong_encoding", message, "Save it as CSV UTF-8.")) from None
    if "\0" in text:
        raise Invalid(Problem("not_a_sheet", "The file holds binary data (NUL characters).", AS_SHEET))
    return text.removeprefix("\ufeff").encode("utf-8", "replace")


def _wrong_encoding(data: bytes, error: UnicodeDecodeError) -> Problem:
    row = data.count(b"\n", 0, error.start) + 1
    line = data[data.rfind(b"\n", 0, error.start) + 1 : error.start + 20].split(b"\n")[0]
    guess = line.decode("cp1252", "replace").strip()
    message = f"The file is not UTF-8: row {row} holds “{guess[:60]}” in another encoding (perhaps cp1252)."
    return Problem("wrong_encoding", message, "Save it as CSV UTF-8, or name its encoding when you upload it.", row=row)


def sniff_delimiter(utf8: bytes, score: Callable[[list[str]], int]) -> str:
    """The delimiter under which most header cells are known; then the one that gives most cells."""
    head = utf8[:65_536].decode("utf-8", "ignore")

    def merit(delimiter: str) -> tuple[int, int]:
        try:
            cells = next(csv.reader(io.StringIO(head, newline=""), delimiter=delimiter), [])
        except csv.Error:
            return (0, 0)
        return (score(cells), len(cells))

    return max(DELIMITERS, key=merit)


def _grid(utf8: bytes, delimiter: str, limits: Limits) -> Grid:
    quotes = utf8.count(b'"')
    grid = None if quotes % 2 else _fast_grid(utf8, delimiter, bool(quotes))
    grid = grid or _careful_grid(utf8.decode("utf-8"), delimiter, limits)
    if len(grid.header) > limits.max_columns:
        message = f"The file has {len(grid.header)} columns; an upload may have {limits.max_columns}."
        raise Invalid(Problem("too_many_columns", message, "Remove columns that do not belong."))
    if grid.height > limits.max_rows:
        message = f"The file has {grid.height:,} rows; one upload may have {limits.max_rows:,}."
        raise Invalid(Problem("too_many_rows", message, "Split the file."))
    return grid


def _fast_grid(utf8: bytes, delimiter: str, quoted: bool) -> Grid | None:
    """The whole file in one pass over all columns; None when any row is ragged, which the careful reader then explains."""
    width = utf8[:65_536].split(b"\n", 1)[0].count(delimiter.encode()) + 1
    names = [f"f{at}" for at in range(width)]
    parse = pacsv.ParseOptions(delimiter=delimiter, newlines_in_values=quoted, ignore_empty_lines=False)
    convert = pacsv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False)
    options = pacsv.ReadOptions(autogenerate_column_names=True, block_size=8 << 20)
    try:
        text = utf8 if utf8.endswith(b"\n") else utf8 + b"\n"
        table = pacsv.read_csv(io.BytesIO(text), read_options=options, parse_options=parse, convert_options=convert)
    except pa.ArrowInvalid:
        return None
    if table.column_names != names:  # a line break inside the header, or old line ends: let the careful reader look
        return None
    columns = [_joined(column) for column in table.columns]
    return Grid([column[0].as_py() for column in columns], [column.slice(1) for column in columns])


def _joined(column: pa.ChunkedArray) -> pa.StringArray:
    whole = column.combine_chunks()
    return pa.concat_arrays(whole.chunks) if isinstance(whole, pa.ChunkedArray) else whole


def _careful_grid(text: str, delimiter: str, limits: Limits) -> Grid:
    """Row by row: short rows are filled with empty cells, rows with cells to spare are bad, a quote left open is refused."""
    rows: list[list[str]] = []
    csv.field_size_limit(limits.max_cell)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for row in reader:
            rows.append(row)
            if len(rows) > limits.max_rows + 1:
                break
    except csv.Error as error:
        message = f"Row {len(rows) + 1} has a quotation mark that is not closed or not doubled ({error})."
        problem = Problem("broken_quotes", message, "Close the quotation mark in that row.", row=len(rows) + 1)
        raise Invalid(problem) from None
    header, body = rows[0], rows[1:]
    width = len(header)
    bad = {at: _too_wide(at, row, width) for at, row in enumerate(body) if len(row) > width and any(row[width:])}
    cells = [row[:width] + [""] * (width - len(row)) for row in body]
    columns = [pa.array([row[at] for row in cells], pa.string()) for at in range(width)]
    return Grid(header, columns, bad)


def _too_wide(at: int, row: list[str], width: int) -> Problem:
    message = f"The row has {len(row)} cells, the header {width}."
    return Problem("row_too_wide", message, "Put quotation marks around cells that hold the delimiter.", row=at + 2)


def trimmed(column: pa.StringArray) -> pa.StringArray:
    """Cells without white space around them."""
    return pc.utf8_trim_whitespace(column)
