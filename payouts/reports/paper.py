"""A kept answer as a workbook and as a PDF: the same bytes for the same answer, whenever they are made."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import xlsxwriter

from payouts.reports.shape import drawn, in_words, question_in_words, told
from portal.kernel.audit import canonical
from portal.kernel.clock import BANK_ZONE
from portal.kernel.money import exponent, plain
from portal.kernel.tables.out import guarded
from portal.kernel.typesetting import typeset

TEMPLATE = Path(__file__).with_name("report.typ")
OPTIONS = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
NUMBERED = ("count", "money", "rate", "average")
MOST_BARS, MOST_LINES = 20, 1_000  # printed; the workbook has every line


@dataclass(frozen=True, slots=True)
class Stamp:
    """What every output carries: the moment of the first asking, its hash, and the number it is kept under."""

    number: int
    asked_at: datetime
    sha256: str


def facts_of(content: Mapping[str, Any], stamp: Stamp) -> list[tuple[str, str]]:
    return [
        ("Asked", f"{stamp.asked_at.astimezone(BANK_ZONE):%d %b %Y %H:%M} India time"),
        ("Question", question_in_words(content)),
        ("Rows", str(content["rows"])),
        ("Kept as", f"answer {stamp.number}"),
        ("SHA-256", stamp.sha256),
    ]


def workbook(content: Mapping[str, Any], stamp: Stamp) -> bytes:
    """A sheet with what was asked and what every column means, then a sheet a section. Nothing in it computes."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, OPTIONS) as book:
        made = stamp.asked_at.astimezone(UTC).replace(tzinfo=None)
        book.set_properties({"title": content["title"], "created": made})
        sheets = _Sheets(book)
        sheets.about(content, stamp)
        for number, section in enumerate(content["sections"], start=1):
            sheets.section(number, section)
    return file.getvalue()


class _Sheets:
    def __init__(self, book: xlsxwriter.Workbook) -> None:
        self.book = book
        self.bold, self.day = book.add_format({"bold": True}), book.add_format({"num_format": "yyyy-mm-dd"})
        self.money: dict[str, Any] = {}

    def about(self, content: Mapping[str, Any], stamp: Stamp) -> None:
        sheet = self.book.add_worksheet("About")
        sheet.set_column(0, 1, 34)
        sheet.set_column(2, 2, 90)
        rows: list[Sequence[str]] = [(content["title"],), (content["sentence"],), *facts_of(content, stamp), ()]
        rows.append(("Sheet", "Column", "What it means"))
        for section in content["sections"]:
            rows += [(section["title"], each["title"], each["meaning"]) for each in section["columns"]]
            rows += [(section["title"], "", section["note"])] if section["note"] else []
        for at, row in enumerate(rows):
            for place, cell in enumerate(row):
                sheet.write_string(at, place, guarded(cell), self.bold if at == 0 else None)

    def section(self, number: int, section: Mapping[str, Any]) -> None:
        sheet = self.book.add_worksheet(f"{number} {section['title']}"[:31])
        sheet.freeze_panes(1, 1)
        sheet.set_column(0, 0, 36)
        sheet.set_column(1, max(1, len(section["columns"]) - 1), 18)
        has_money = any(each["kind"] in ("money", "average") for each in section["columns"])
        titles = [_heading(each) for each in section["columns"]] + (["Currency"] if has_money else [])
        for place, title in enumerate(titles):
            sheet.write_string(0, place, guarded(title), self.bold)
        for line, row in enumerate([*section["rows"], *section["totals"]], start=1):
            for place, cell in enumerate([*row, *([_currency(row)] if has_money else [])]):
                self._write(sheet, line, place, cell)

    def _write(self, sheet: Any, line: int, place: int, cell: Any) -> None:
        if cell is None:
            return
        if isinstance(cell, int):
            sheet.write_number(line, place, cell)
        elif isinstance(cell, str):
            sheet.write_string(line, place, guarded(cell))
        elif "minor" in cell:
            amount = Decimal(plain(cell["minor"], cell["currency"]))
            sheet.write_number(line, place, amount, self._money(cell["currency"]))
        elif "rate" in cell:
            sheet.write_number(line, place, Decimal(cell["rate"]))
        else:
            sheet.write_datetime(line, place, date.fromisoformat(cell["day"]), self.day)

    def _money(self, currency: str) -> Any:
        if currency not in self.money:
            decimals = "." + "0" * exponent(currency) if exponent(currency) else ""
            self.money[currency] = self.book.add_format({"num_format": f"#,##0{decimals}"})
        return self.money[currency]


def _heading(column: Mapping[str, Any]) -> str:
    if column["kind"] != "rate" or column["per"] == 1:
        return str(column["title"])
    return f"{column['title']} ({'%' if column['per'] == 100 else 'per ' + str(column['per'])})"


def _currency(row: Sequence[Any]) -> str:
    return next((str(cell["currency"]) for cell in row if isinstance(cell, Mapping) and "currency" in cell), "")


def pdf(content: Mapping[str, Any], stamp: Stamp) -> bytes:
    """On A4, lying; the answer itself is attached as JSON. The same bytes for the same answer."""
    return typeset(TEMPLATE.read_bytes(), told_of(content, stamp))


def told_of(content: Mapping[str, Any], stamp: Stamp) -> dict[str, Any]:
    """Everything the template shows, as text."""
    day = stamp.asked_at.astimezone(BANK_ZONE).date()
    return {
        "title": content["title"],
        "sentence": content["sentence"],
        "covers": content["covers"],
        "made": [day.year, day.month, day.day],
        "facts": facts_of(content, stamp),
        "sections": [_printed(section) for section in content["sections"]],
        "sha256": stamp.sha256,
        "text": canonical(content),
        "file": f"{content['report']}.json",
    }


def _printed(section: Mapping[str, Any]) -> dict[str, Any]:
    columns, rows = section["columns"], section["rows"][:MOST_LINES]
    bars = drawn(section)[:MOST_BARS]
    longest = max((abs(length) for _, _, length in bars), default=0) or 1
    left = len(section["rows"]) - len(rows)
    return {
        "title": section["title"],
        "note": " ".join(
            each for each in (section["note"], f"{left} more lines stand in the workbook." if left else "") if each
        ),
        "empty": section["empty"],
        "heads": [each["title"] for each in columns],
        "right": [each["kind"] in NUMBERED for each in columns],
        "rows": [[in_words(column, cell) for column, cell in zip(columns, row, strict=True)] for row in rows],
        "totals": [
            ["" if cell is None else in_words(column, cell) for column, cell in zip(columns, row, strict=True)]
            for row in section["totals"]
        ],
        "bars": [[label, says, max(0, length) * 1000 // longest] for label, says, length in bars],
        "alt": told(section) if bars else "",
        "meanings": [[each["title"], each["meaning"]] for each in columns],
    }
