"""The first rows of a text: under which delimiter it makes sense, where its header stands, where its data begin."""

from __future__ import annotations

import csv
import re
import statistics
from dataclasses import dataclass

from portal.kernel.errors import Invalid, Problem
from portal.kernel.tables.arrival import Asked
from portal.kernel.tables.heading import Heading, find_heading
from portal.kernel.tables.intake import TextFile
from portal.kernel.tables.limits import Limits

DELIMITERS = (",", ";", "\t", "|")
HEAD_BYTES = 1 << 18
HEAD_ROWS = 400
SEP = re.compile(r"\ufeff?\"?sep=(.)\"?\r?\n?", re.IGNORECASE)
LINES = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")


@dataclass
class Head:
    """The first rows of a text under one delimiter, and where each of them ends."""

    file: TextFile
    delimiter: str
    rows: list[list[str]]
    ends: list[int]  # bytes from the start of the text to the end of each row
    first: int
    heading: Heading

    @classmethod
    def of(cls, file: TextFile, asked: Asked, delimiter: str | None) -> Head:
        lines = _head_lines(file)
        sep = SEP.fullmatch(lines[0]) if lines else None
        first = 2 if sep and len(lines) > 1 else 1
        told = delimiter or asked.layout.delimiter or (sep[1] if sep else None)
        tried = [
            head
            for one in ((told,) if told else DELIMITERS)
            if (head := cls._try(file, lines, one, first, asked)) is not None
        ]
        if not tried:
            message = f"The header or a row near it is longer than {HEAD_BYTES // 1024} KB, or its quotes are broken."
            raise Invalid(Problem("broken_quotes", message, "Close the quotation mark in the first rows.", row=1))
        return max(tried, key=lambda head: (head.heading.score, head._usual_width()))

    @classmethod
    def _try(cls, file: TextFile, lines: list[str], delimiter: str, first: int, asked: Asked) -> Head | None:
        rows, ends = _parsed(lines, delimiter, asked.limits)
        if len(rows) < first:
            return None
        if asked.literal:
            cells = rows[first - 1]
            heading = Heading(first, 1, cells, [cells], asked.score(cells))
        else:
            told = asked.layout
            heading = find_heading(rows, asked.score, first=first, told=told.header_row, deep=told.header_rows)
        return cls(file, delimiter, rows, ends, first, heading)

    def _usual_width(self) -> float:
        return statistics.median([len(row) for row in self.rows[:50]] or [0]) + len(self.heading.cells)

    def offset(self, row: int) -> int:
        """The byte at which the row after `row` starts."""
        return self.file.start + self.ends[row - 1]


def _head_lines(file: TextFile) -> list[str]:
    with file.path.open("rb") as raw:
        raw.seek(file.start)
        data = raw.read(HEAD_BYTES)
        more = bool(raw.read(1))
    lines = LINES.findall(data.decode("utf-8", "ignore"))
    if more and len(lines) > 1:
        lines.pop()
    return lines


def _parsed(lines: list[str], delimiter: str, limits: Limits) -> tuple[list[list[str]], list[int]]:
    """Rows of the head and the bytes up to the end of each; stops before what cannot be read."""
    csv.field_size_limit(limits.max_cell)
    reader = csv.reader(lines, delimiter=delimiter)
    rows: list[list[str]] = []
    ends: list[int] = []
    done = at = 0
    try:
        for row in reader:
            at += sum(len(line.encode("utf-8")) for line in lines[done : reader.line_num])
            done = reader.line_num
            rows.append(row[: limits.max_columns + 1])
            ends.append(at)
            if len(rows) >= HEAD_ROWS:
                break
    except csv.Error:
        pass
    return rows, ends
