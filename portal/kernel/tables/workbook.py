"""XLSX in: one sheet as a CSV file, read by a child process under limits of memory, time, rows, columns and expansion."""

from __future__ import annotations

import csv
import io
import json
import struct
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portal.kernel.errors import Invalid, Problem
from portal.kernel.tables.limits import Limits

CHILD = Path(__file__).with_name("workbook_child.py")
DIRECTORY_AT_MOST = (
    2_000_000  # bytes of an archive's table of contents; a workbook of a hundred sheets has a few thousand
)
INFLATES_AT_MOST = 200  # times; honest sheets stay below 30
AS_CSV = "Open it in Excel and save it as CSV UTF-8 or as an ordinary .xlsx file."

WHY = {
    3: Problem("not_a_workbook", "This is not a workbook that can be read.", AS_CSV),
    4: Problem("protected_workbook", "The workbook is protected by a password.", "Save it without a password."),
    5: Problem("too_many_cells", "The sheet claims more rows or columns than one upload may have.", "Split the file."),
    6: Problem("empty_file", "The first sheet is empty.", "Put the rows into the first sheet."),
    7: Problem("no_such_sheet", "The workbook has no sheet of that name.", "Say which sheet holds the rows."),
    8: Problem("cell_too_long", "A cell holds more text than a spreadsheet can.", "Shorten it."),
    9: Problem("hidden_sheets", "Only hidden sheets of the workbook hold rows.", "Unhide the sheet and save it again."),
}
TOO_MUCH = Problem(
    "sheet_too_big",
    "Reading this workbook would take more memory or time than one upload may.",
    "Clear formats and empty cells beyond the data, or save it as CSV UTF-8.",
)


@dataclass(frozen=True)
class SheetInside:
    """A sheet of a workbook; `head` holds its first rows where there was more than one to choose from."""

    name: str
    visible: bool
    head: list[list[str]]


@dataclass(frozen=True)
class Extract:
    """A sheet as CSV at `path`. `lost` are the cells (column letters, row, kind) whose value is not in the file: a `formula` whose
    result was not saved, or an `error`."""

    path: Path
    chosen: str
    sheets: list[SheetInside]
    formulas: int
    lost: list[tuple[str, int, str]]


FIRST = ""  # in place of a sheet's name: whichever comes first


def extract(path: Path, folder: Path, limits: Limits, sheet: str | None = None) -> Extract:
    """One sheet of an XLSX as UTF-8 CSV, blank rows kept so that row numbers are the uploader's. Raises Invalid.

    `sheet` is a name, FIRST, or None for the first visible sheet that holds anything.
    """
    _look_inside(path, limits)
    size = path.stat().st_size
    out = folder / "sheet.csv"
    shape = limits.max_rows + 1, limits.max_columns, limits.max_cell
    figures = limits.workbook_memory(size), limits.workbook_seconds(size), 2 * limits.max_bytes, *shape
    command = [sys.executable, "-I", str(CHILD), str(path), str(out), json.dumps(sheet), *map(str, figures)]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env={},  # nothing of ours for a reader that may fall to its file
            timeout=2 * limits.workbook_seconds(size),
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Invalid(TOO_MUCH) from None
    if done.returncode:
        raise Invalid(WHY.get(done.returncode, TOO_MUCH))
    return _told(out, json.loads(done.stdout))


def _told(out: Path, told: dict[str, Any]) -> Extract:
    sheets = [SheetInside(one["name"], one["visible"], one["head"]) for one in told["sheets"] if one["rows"]]
    lost = [(str(letters), int(row), str(kind)) for letters, row, kind in told["lost"]]
    return Extract(out, told["chosen"], sheets, told["formulas"], lost)


def workbook_to_csv(data: bytes, limits: Limits) -> bytes:
    """The first sheet of an XLSX as UTF-8 CSV bytes, for readers of small files. Raises Invalid.

    A cell whose value is not in the file reads `#formula` or `#error`: an amount that was never saved is no empty cell.
    """
    with tempfile.TemporaryDirectory(prefix="portal-sheet-") as folder:
        path = Path(folder) / "upload.xlsx"
        path.write_bytes(data)
        inside = extract(path, Path(folder), limits, FIRST)
        content = inside.path.read_bytes()
    return _with_marks(content, inside.lost) if inside.lost else content


def _with_marks(content: bytes, lost: list[tuple[str, int, str]]) -> bytes:
    rows = list(csv.reader(io.StringIO(content.decode("utf-8"), newline="")))
    for letters, row, kind in lost:
        at = sum((ord(letter) - 64) * 26**place for place, letter in enumerate(reversed(letters))) - 1
        if row <= len(rows) and at < len(rows[row - 1]):
            rows[row - 1][at] = f"#{kind}"
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue().encode()


def _look_inside(path: Path, limits: Limits) -> None:
    """Refuse by the archive's own table of contents: other kinds of archive, macros, and what inflates out of proportion."""
    if _directory_bytes(path) > DIRECTORY_AT_MOST:
        raise Invalid(TOO_MUCH)
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, struct.error, OverflowError):
        raise Invalid(WHY[3]) from None
    names = {entry.filename for entry in entries}
    if "xl/workbook.xml" not in names and "xl/workbook.bin" not in names:
        raise Invalid(_other_archive(names))
    if any(name.lower().endswith("vbaproject.bin") for name in names):
        raise Invalid(
            Problem("macro_workbook", "The workbook carries macros.", "Save it as .xlsx, which cannot hold them.")
        )
    inflated = sum(entry.file_size for entry in entries)
    size = path.stat().st_size
    if (inflated > 50_000_000 and inflated > INFLATES_AT_MOST * size) or inflated > 20 * limits.max_bytes:
        raise Invalid(TOO_MUCH)


def _directory_bytes(path: Path) -> int:
    """How long the archive says its table of contents is, before anything reads it."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - (1 << 17)))
        tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) < at + 16:
        return 0
    (size,) = struct.unpack_from("<L", tail, at + 12)
    wide = tail.rfind(b"PK\x06\x06")
    if size == 0xFFFFFFFF and 0 <= wide <= len(tail) - 48:
        (size,) = struct.unpack_from("<Q", tail, wide + 40)
    return size


def _other_archive(names: set[str]) -> Problem:
    if "content.xml" in names and "mimetype" in names:
        return Problem("not_a_workbook", "This is an OpenDocument file (.ods).", "Save it as .xlsx or CSV UTF-8.")
    if any(name.startswith("word/") for name in names):
        return Problem("not_a_workbook", "This is a Word document.", "Put the rows into a sheet and save it as .xlsx.")
    return Problem("not_a_workbook", "This is an archive, not a workbook.", "Unpack it and upload the sheet inside.")
