"""The one way a sheet goes out: text that cannot become a formula, numbers that stay numbers."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc
import xlsxwriter

from portal.kernel.money import Money

# What makes a spreadsheet compute: the ASCII signs, tab, line breaks and NUL, and the fullwidth forms some versions fold to them.
# They count behind white space, invisible characters and apostrophes too, so that nothing is let loose by trimming.
HIDING = " '\u00a0\u00ad\u200b\u200c\u200d\u2060\ufeff"
DANGEROUS = r"=+\-@\t\r\n\x00＝＋－＠"
FORMULA = re.compile(f"[{HIDING}]*[{DANGEROUS}]")


def guarded(text: str) -> str:
    """Text that no spreadsheet takes for a formula: a leading apostrophe where it could. Undone by `unguarded`.

    >>> guarded("=1+1"), guarded("'=1+1"), guarded("Asha")
    ("'=1+1", "''=1+1", 'Asha')
    """
    return f"'{text}" if FORMULA.match(text) else text


def unguarded(cells: pa.StringArray) -> pa.StringArray:
    """Cells of a file we wrote ourselves, as they were before `guarded`."""
    marked = pc.match_substring_regex(cells, f"^'[{HIDING}]*[{DANGEROUS}]")
    return pc.if_else(marked, pc.utf8_slice_codeunits(cells, 1), cells)


def as_cell(value: object) -> object:
    """A value as a cell of a text file. Money in major units, days in ISO form; a number keeps its sign, text is guarded."""
    if value is None:
        return ""
    if isinstance(value, str):
        return guarded(value)
    if isinstance(value, Money):
        return value.major
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        raise TypeError("a sheet holds exact numbers: give Money, Decimal or int")
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return value.isoformat() if isinstance(value, date) else value


def csv_chunks(header: Sequence[str], rows: Iterable[Sequence[object]], *, bom: bool = True) -> Iterator[bytes]:
    """A CSV file piece by piece, for streaming. Starts with a byte-order mark so that Excel reads it as UTF-8."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    out.write("\ufeff" if bom else "")
    writer.writerow([guarded(cell) for cell in header])
    for at, row in enumerate(rows):
        writer.writerow([as_cell(value) for value in row])
        if at % 2_000 == 1_999:
            yield out.getvalue().encode("utf-8", "replace")
            out.seek(0)
            out.truncate()
    yield out.getvalue().encode("utf-8", "replace")


def write_csv(header: Sequence[str], rows: Iterable[Sequence[object]], *, bom: bool = True) -> bytes:
    """A CSV file. Give amounts as Money or Decimal: text that looks like a number is still text and is guarded."""
    return b"".join(csv_chunks(header, rows, bom=bom))


def write_xlsx(header: Sequence[str], rows: Iterable[Sequence[object]], *, sheet: str = "Sheet1") -> bytes:
    """An XLSX workbook of one sheet: numbers and Money as numbers, days as days, text as text that cannot compute."""
    file = io.BytesIO()
    stream_xlsx(file, header, rows, sheet=sheet)
    return file.getvalue()


def stream_xlsx(
    file: IO[bytes], header: Sequence[str], rows: Iterable[Sequence[object]], *, sheet: str = "Sheet1"
) -> None:
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with xlsxwriter.Workbook(file, options) as book:
        page = book.add_worksheet(sheet[:31])
        bold, day, money = (
            book.add_format(f) for f in ({"bold": True}, {"num_format": "yyyy-mm-dd"}, {"num_format": "#,##0.00"})
        )
        page.freeze_panes(1, 0)
        for at, cell in enumerate(header):
            page.write_string(0, at, guarded(cell), bold)
        for line, row in enumerate(rows, start=1):
            for at, value in enumerate(row):
                _write(page, line, at, value, day, money)


def _write(page: xlsxwriter.worksheet.Worksheet, line: int, at: int, value: object, day: object, money: object) -> None:
    if value is None:
        return
    if isinstance(value, Money):
        page.write_number(line, at, Decimal(value.major), money)
    elif isinstance(value, int | Decimal) and not isinstance(value, bool):
        page.write_number(line, at, value)
    elif isinstance(value, date) and not isinstance(value, datetime):
        page.write_datetime(line, at, value, day)
    else:
        page.write_string(line, at, str(as_cell(value)))
