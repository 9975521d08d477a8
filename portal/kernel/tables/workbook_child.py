"""Reads a workbook in a process of its own: a bomb takes this process down, nobody else.

Started by path by workbook.py, with limits in its arguments. Writes one sheet to a file as CSV and tells of the workbook as JSON on
standard output. Imports nothing of ours.
Exit codes: 3 not a workbook, 4 protected by a password, 5 more rows or columns than allowed, 6 empty, 7 no such sheet,
8 a cell too long, 9 hidden sheets alone hold rows.
"""

from __future__ import annotations

import csv
import datetime as dt
import json
import re
import resource
import sys
import zipfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any
from xml.etree import ElementTree

HEAD_ROWS, HEAD_SHEETS, HEAD_CELLS, HEAD_TEXT = 60, 10, 300, 120
LOST_TOLD = 20_000
FORMULA = re.compile(rb"<c\b([^>]*)>\s*<f\b(?:[^>]*/>|[^>]*>[^<]*</f>)\s*(<v\s*/>|<v>\s*</v>|<v\b)?", re.DOTALL)
ERROR = re.compile(rb'<c\b([^>]*\bt="e"[^>]*)>')
PLACE = re.compile(rb'\br="([A-Z]{1,3})(\d{1,7})"')
RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


class Stop(Exception):
    """An exit code on its way out."""


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


def rows_of(sheet: Any, max_rows: int, max_columns: int) -> Iterator[list[str]]:
    """Every row from the first of the sheet on, so that row numbers are the uploader's."""
    if sheet.start is None:
        raise Stop(6)
    if sheet.total_height > max_rows or sheet.total_width > max_columns:
        raise Stop(5)
    first_row, first_column = sheet.start
    width = sheet.width + first_column
    for _ in range(first_row):
        yield [""] * width
    for row in sheet.iter_rows():
        cells = [value if type(value) is str else shown(value) for value in row]
        yield [""] * (width - len(cells)) + cells


def write(rows: Iterator[list[str]], path: str, max_cell: int) -> None:
    with open(path, "w", encoding="utf-8", errors="replace", newline="") as file:  # noqa: PTH123
        out = csv.writer(file, lineterminator="\r\n")  # which makes it quote either character within a cell
        for row in rows:
            if max(map(len, row)) > max_cell:
                raise Stop(8)
            out.writerow([cell.replace("\0", "\x1a") if "\0" in cell else cell for cell in row])


def head_of(sheet: Any, max_rows: int, max_columns: int) -> list[list[str]]:
    head = []
    try:
        for row in rows_of(sheet, max_rows, max_columns):
            head.append([cell[:HEAD_TEXT] for cell in row[:HEAD_CELLS]])
            if len(head) >= HEAD_ROWS:
                break
    except Stop:
        return []
    return head


Lost = list[tuple[str, int, str]]


def formulas_in(path: str, sheet: str) -> tuple[int, Lost]:
    """How many formulas a sheet holds, and the cells whose value is not in the file. Nothing where it cannot be told."""
    try:
        with zipfile.ZipFile(path) as book:
            part = part_of(book, sheet)
            return scan(book, part) if part else (0, [])
    except (
        zipfile.BadZipFile,
        KeyError,
        ValueError,
        OSError,
        NotImplementedError,
        ElementTree.ParseError,
        RuntimeError,
    ):
        return 0, []


def part_of(book: zipfile.ZipFile, sheet: str) -> str | None:
    relations = {
        one.get("Id"): one.get("Target", "") for one in ElementTree.fromstring(book.read("xl/_rels/workbook.xml.rels"))
    }
    for one in ElementTree.fromstring(book.read("xl/workbook.xml")).iter():
        if one.tag.endswith("}sheet") and one.get("name") == sheet:
            target = relations.get(one.get(RELATION), "")
            return target.lstrip("/") if target.startswith("/") else str(PurePosixPath("xl") / target)
    return None


def scan(book: zipfile.ZipFile, part: str) -> tuple[int, Lost]:
    count, kept = 0, b""
    lost: Lost = []
    with book.open(part) as file:
        while block := file.read(1 << 20):
            data = kept + block
            edge = data.rfind(b"</c>") + 4 if b"</c>" in data else 0
            kept, data = data[edge:][-(1 << 16) :], data[:edge]
            if b"<f" in data:
                count += unsaved(data, lost)
            if b't="e"' in data:
                for match in ERROR.finditer(data):
                    lose(lost, match[1], "error")
    return count, lost


def unsaved(data: bytes, lost: Lost) -> int:
    """Count formulas and keep the places of those without a result. An empty text is a result, an empty number is none."""
    count = 0
    for match in FORMULA.finditer(data):
        count += 1
        said = match[2]
        if said is None or (said != b"<v" and b't="str"' not in match[1]):
            lose(lost, match[1], "formula")
    return count


def lose(lost: Lost, attributes: bytes, kind: str) -> None:
    place = PLACE.search(attributes)
    if place and len(lost) < LOST_TOLD:
        lost.append((place[1].decode(), int(place[2]), kind))


def choose(book: Any, wanted: str | None) -> tuple[Any, list[dict[str, Any]]]:
    """The sheet to write and what there is to tell of all of them. Without a name: the first visible one that holds rows."""
    from python_calamine import SheetTypeEnum, SheetVisibleEnum

    told, chosen = [], None
    for one in book.sheets_metadata:
        visible = one.visible == SheetVisibleEnum.Visible
        told.append({"name": one.name, "visible": visible, "rows": one.typ == SheetTypeEnum.WorkSheet, "head": []})
    if not told:
        raise Stop(3)
    if wanted == "":
        return book.get_sheet_by_index(0), told
    if wanted is not None:
        if wanted not in [one["name"] for one in told]:
            raise Stop(7)
        return book.get_sheet_by_name(wanted), told
    visible = [one for one in told if one["visible"] and one["rows"]]
    for one in visible[:HEAD_SHEETS]:
        sheet = book.get_sheet_by_name(one["name"])
        if sheet.start is None:
            one["rows"] = False
        elif chosen is None:
            chosen = sheet
        if len(visible) > 1 and one["rows"]:
            one["head"] = head_of(sheet, *LIMITS)
    if chosen is None:
        hidden = [one for one in told if not one["visible"] and one["rows"]]
        full = any(book.get_sheet_by_name(one["name"]).start for one in hidden[:HEAD_SHEETS])
        raise Stop(9 if full else 6)
    return chosen, told


LIMITS = (0, 0)


def main(path: str, out: str, wanted: str, *figures: int) -> int:
    global LIMITS
    memory, seconds, size, *shape = figures
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    max_rows, max_columns, max_cell = shape
    LIMITS = max_rows, max_columns
    from python_calamine import CalamineWorkbook, PasswordError

    try:
        book = CalamineWorkbook.from_path(path)
        sheet, told = choose(book, json.loads(wanted))
        write(rows_of(sheet, max_rows, max_columns), out, max_cell)
    except Stop as stop:
        return int(stop.args[0])
    except PasswordError:
        return 4
    except MemoryError:
        return 1
    except BaseException:  # whatever a hostile file provokes in the reader, panics included: not a workbook we can use
        return 3
    count, lost = formulas_in(path, sheet.name)
    print(json.dumps({"sheets": told, "chosen": sheet.name, "formulas": count, "lost": lost}))
    return 0


if __name__ == "__main__":
    _, path, out, wanted, *figures = sys.argv
    sys.exit(main(path, out, wanted, *map(int, figures)))
