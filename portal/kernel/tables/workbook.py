"""XLSX in: the first sheet as CSV bytes, read by a child process under limits of memory, time, rows and columns."""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from portal.kernel.errors import Invalid, Problem
from portal.kernel.tables.limits import Limits

CHILD = Path(__file__).with_name("workbook_child.py")
INFLATES_AT_MOST = 200  # times; honest sheets stay below 30
AS_CSV = "Open it in Excel and save it as CSV UTF-8 or as an ordinary .xlsx file."

WHY = {
    3: Problem("not_a_workbook", "This is not a workbook that can be read.", AS_CSV),
    4: Problem("protected_workbook", "The workbook is protected by a password.", "Save it without a password."),
    5: Problem("too_many_cells", "The sheet claims more rows or columns than one upload may have.", "Split the file."),
    6: Problem("empty_file", "The first sheet is empty.", "Put the rows into the first sheet."),
}
TOO_MUCH = Problem(
    "sheet_too_big",
    "Reading this workbook would take more memory or time than one upload may.",
    "Clear formats and empty cells beyond the data, or save it as CSV UTF-8.",
)


def workbook_to_csv(data: bytes, limits: Limits) -> bytes:
    """The first sheet of an XLSX as UTF-8 CSV, blank rows kept so that row numbers are the uploader's. Raises Invalid."""
    _look_inside(data, limits)
    size = len(data)
    with tempfile.NamedTemporaryFile(suffix=".xlsx") as file:
        file.write(data)
        file.flush()
        figures = limits.workbook_memory(size), limits.workbook_seconds(size), limits.max_rows + 1, limits.max_columns
        command = [sys.executable, "-I", str(CHILD), file.name, *map(str, figures)]
        try:
            done = subprocess.run(command, capture_output=True, timeout=2 * limits.workbook_seconds(size), check=False)
        except subprocess.TimeoutExpired:
            raise Invalid(TOO_MUCH) from None
    if done.returncode == 0:
        return done.stdout
    raise Invalid(WHY.get(done.returncode, TOO_MUCH))


def _look_inside(data: bytes, limits: Limits) -> None:
    """Refuse by the archive's own table of contents: other kinds of archive, macros, and what inflates out of proportion."""
    try:
        entries = zipfile.ZipFile(io.BytesIO(data)).infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise Invalid(WHY[3]) from None
    names = {entry.filename for entry in entries}
    if "xl/workbook.xml" not in names and "xl/workbook.bin" not in names:
        raise Invalid(WHY[3])
    if "xl/vbaProject.bin" in names:
        raise Invalid(
            Problem("macro_workbook", "The workbook carries macros.", "Save it as .xlsx, which cannot hold them.")
        )
    inflated = sum(entry.file_size for entry in entries)
    if (inflated > 50_000_000 and inflated > INFLATES_AT_MOST * len(data)) or inflated > 20 * limits.max_bytes:
        raise Invalid(TOO_MUCH)
