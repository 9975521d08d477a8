"""Reads a workbook's first sheet in a process of its own: a bomb takes this process down, nobody else.

Started by path by workbook.py, with limits in its arguments; writes the sheet to standard output as CSV. Imports nothing of ours.
Exit codes: 3 not a workbook, 4 protected by a password, 5 more rows or columns than allowed, 6 empty.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import resource
import sys
from decimal import Decimal


def shown(value: object) -> str:
    """A cell as text: numbers with the 15 digits a workbook itself shows, days and times in ISO form."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return number(value)
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == dt.time() else value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return str(value)


def number(value: float) -> str:
    """The number as a person sees it in the sheet. Above 15 digits the workbook has already lost some: say so in its form."""
    if value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    text = format(value, ".15g")
    if "e" in text and abs(value) < 1e15:
        return format(Decimal(text), "f")
    return text.replace("e", "E")


def main(path: str, memory: int, seconds: int, max_rows: int, max_columns: int) -> int:
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    from python_calamine import CalamineWorkbook, PasswordError

    try:
        sheet = CalamineWorkbook.from_path(path).get_sheet_by_index(0)
    except PasswordError:
        return 4
    except Exception:  # whatever a hostile file provokes in the reader, it is not a workbook we can use
        return 3
    if sheet.start is None:
        return 6
    first_row, first_column = sheet.start
    if sheet.total_height > max_rows or sheet.total_width > max_columns:
        return 5
    out = csv.writer(io.TextIOWrapper(sys.stdout.buffer, "utf-8", newline="", errors="replace"), lineterminator="\n")
    width = sheet.width + first_column
    for _ in range(first_row):
        out.writerow([""] * width)
    for row in sheet.iter_rows():
        cells = [shown(value) for value in row]
        out.writerow([""] * (width - len(cells)) + cells)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], *(int(argument) for argument in sys.argv[2:6])))
