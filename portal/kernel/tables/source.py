"""Opening an upload: what it is, how it is laid out, what has to be asked; then its rows, chunk by chunk.

with open_sheet(path, "march.xlsx", COLLECTIONS, currency="INR", layout=remembered) as source:
    if not source.questions:
        for sheet in source.chunks():
            ...
"""

from __future__ import annotations

import csv
import re
import statistics
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import TracebackType

import numpy as np

from portal.kernel.errors import Invalid, Problem
from portal.kernel.tables import asides as aside_rows
from portal.kernel.tables.blocks import Block, Body, blocks, regrouped
from portal.kernel.tables.heading import Heading, find_heading, letter, looks_like_data
from portal.kernel.tables.intake import TextFile, as_text, check_kind
from portal.kernel.tables.layout import Layout, Proposal
from portal.kernel.tables.limits import Limits
from portal.kernel.tables.mapping import Found, Hint, Mapped, propose
from portal.kernel.tables.out import unguarded
from portal.kernel.tables.rows import Reading, Sheet
from portal.kernel.tables.spec import SheetSpec, Vocabulary, match_header, normal
from portal.kernel.tables.survey import Survey, filled_rows, survey
from portal.kernel.tables.workbook import FIRST, Extract, SheetInside, extract

DELIMITERS = (",", ";", "\t", "|")
HEAD_BYTES = 1 << 18
HEAD_ROWS = 400
SAMPLE_ROWS = 20
SEP = re.compile(r"\ufeff?\"?sep=(.)\"?\r?\n?", re.IGNORECASE)
LINES = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")


@dataclass
class SheetSource:
    """An upload whose layout is known. Use it as a context manager: temporary files go when it is closed.

    `layout` is what was told or found, enough to read the same file the same way. `header` holds one label for each column of the
    file, all different: `Layout.columns` and `Proposal.header` speak of these. `sample` are the first rows as typed. `questions`
    have to be answered (through a layout) before rows can be read; `notes` tell what was handled. `stated_total_minor` is the
    file's own total, where it has one.
    """

    name: str
    spec: SheetSpec
    currency: str
    layout: Layout
    header: list[str]
    header_row: int
    sheets: list[str]
    sample: list[list[str]]
    proposals: dict[str, Proposal]
    unknown_columns: list[str]
    questions: list[Problem]
    notes: list[Problem]
    stated_total_minor: int | None
    row_estimate: int
    _reading: Reading
    _survey: Survey
    _limits: Limits
    _folder: tempfile.TemporaryDirectory[str]
    _ours: bool = False

    def __enter__(self) -> SheetSource:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._folder.cleanup()

    @property
    def key(self) -> str:
        """What this file's layout is remembered by."""
        return Layout.key(self._reading.typed_header)

    def chunks(self, rows: int | None = 25_000) -> Iterator[Sheet]:
        """The rows, so many at a time (None: all at once). Raises Invalid with the questions while any is open."""
        if self.questions:
            raise Invalid(self.questions)
        for block in regrouped(self._data(), rows):
            yield self._reading.parse(block)

    def _data(self) -> Iterator[Block]:
        set_aside = self._survey.set_aside
        for block in filled_rows(blocks(self._survey.body, self._limits)):
            kept = block.take(~np.isin(block.row_no, set_aside)) if len(set_aside) else block
            if not len(kept):
                continue
            if self._ours:
                kept = Block([unguarded(cells) for cells in kept.columns], kept.row_no, kept.bad)
            yield kept


def open_sheet(
    path: Path,
    name: str,
    spec: SheetSpec,
    *,
    currency: str,
    layout: Layout | None = None,
    aliases: Mapping[str, Sequence[str]] | None = None,
    hints: Mapping[str, Hint] | None = None,
    limits: Limits | None = None,
    literal: bool = False,
) -> SheetSource:
    """Open a CSV or XLSX upload (by its content) and find out how it is laid out.

    `aliases` are more names for our columns; `hints` tell by a cell's text whether it could be a column's ("is this one of their
    accounts?"); `literal` takes the file at its word: header in the first row, first sheet, every row data, names and aliases only.
    Raises Invalid only when the file as a whole cannot be used.
    """
    folder = tempfile.TemporaryDirectory(prefix="portal-sheet-")
    asked = _Asked(name, spec, currency, layout or Layout(), aliases or {}, hints or {}, limits or Limits(), literal)
    try:
        return _open(path, folder, asked)
    except Invalid as refused:
        folder.cleanup()
        raise Invalid([replace(p, file=p.file or name) for p in refused.problems]) from None
    except BaseException:
        folder.cleanup()
        raise


@dataclass(frozen=True)
class _Asked:
    """The arguments of open_sheet, together."""

    name: str
    spec: SheetSpec
    currency: str
    layout: Layout
    aliases: Mapping[str, Sequence[str]]
    hints: Mapping[str, Hint]
    limits: Limits
    literal: bool

    @cached_property
    def score(self) -> Callable[[Sequence[str]], int]:
        """How many of our columns a row names, as told, by name or by alias."""
        return Vocabulary(self.spec, self.aliases, self.layout.columns.values()).score


@dataclass
class _Text:
    """A UTF-8 text and what is known of how it came about."""

    file: TextFile
    inside: Extract | None = None
    sheets: list[str] = field(default_factory=list)
    questions: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)


def _open(path: Path, folder: tempfile.TemporaryDirectory[str], asked: _Asked) -> SheetSource:
    text = _text_of(path, Path(folder.name), asked)
    head = _Head.of(text.file, asked, "," if text.inside else None)
    heading = head.heading
    labels = heading.labels
    if len(labels) > asked.limits.max_columns:
        message = f"The file has more than {asked.limits.max_columns} columns, the most one upload may have."
        raise Invalid(Problem("too_many_columns", message, "Remove columns that do not belong."))
    rows = [
        _fitted(row, len(labels))
        for row in head.rows[heading.row : heading.row + HEAD_ROWS]
        if any(map(str.strip, row))
    ]
    values = [[cell.strip() for row in rows if (cell := row[at]).strip()] for at in range(len(labels))]
    mapped = _mapped(Found(labels, heading.cells, values, heading.row), asked)
    if asked.literal and mapped.questions:
        raise Invalid(mapped.questions)
    quotes = text.file.quotes
    body = Body(text.file.path, head.offset(heading.row), heading.row + 1, len(labels), head.delimiter, quotes > 0)
    seen = survey(
        body,
        asked.spec,
        mapped.positions,
        heading.typed,
        asked.currency,
        asked.limits,
        folder=Path(folder.name),
        regular=quotes % 2 == 0,
        literal=asked.literal,
    )
    if seen.rows <= len(seen.set_aside):
        message = "The file has a header but no rows."
        raise Invalid(Problem("no_rows", message, "Put at least one row under the header."))
    return _source(asked, folder, text, head, mapped, seen, rows[:SAMPLE_ROWS])


def _mapped(found: Found, asked: _Asked) -> Mapped:
    if not asked.literal:
        return propose(found, asked.spec, asked.layout, asked.currency, asked.aliases, asked.hints)
    match = match_header(found.texts, asked.spec, asked.aliases)
    return Mapped(match.positions, {}, match.unknown, match.problems)


def _source(
    asked: _Asked,
    folder: tempfile.TemporaryDirectory[str],
    text: _Text,
    head: _Head,
    mapped: Mapped,
    seen: Survey,
    sample: list[list[str]],
) -> SheetSource:
    heading = head.heading
    labels = heading.labels
    told = asked.layout
    order = told.date_order or seen.order
    questions = [
        *text.questions,
        *_headless(heading, told),
        *mapped.questions,
        *([order] if isinstance(order, Problem) else []),
    ]
    notes = [*text.notes, *_heading_notes(heading, head), *mapped.notes, *aside_rows.told(seen.asides, asked.currency)]
    sure = {name: one.header for name, one in mapped.proposals.items() if one.sure}
    shut = {name: "" for name, header in told.columns.items() if not header}
    layout = Layout(
        sheet=text.inside.chosen if text.inside else None,
        header_row=heading.row,
        header_rows=heading.rows,
        encoding=None if text.inside else text.file.encoding,
        delimiter=None if text.inside else head.delimiter,
        date_order=None if isinstance(order, Problem) else order,
        columns={**sure, **shut},
    )
    typed = [cell.strip() for cell in heading.cells]
    reading = Reading(
        asked.name, asked.spec, asked.currency, order if isinstance(order, str) else "dmy", labels, typed,
        mapped.positions, mapped.unknown, _uncached(text.inside),
    )  # fmt: skip
    return SheetSource(
        asked.name, asked.spec, asked.currency, layout, labels, heading.row, text.sheets, sample, mapped.proposals,
        [labels[at] for at in mapped.unknown], [replace(p, file=asked.name) for p in questions],
        [replace(p, file=asked.name) for p in notes], aside_rows.stated_total(seen.asides),
        seen.rows - len(seen.set_aside), reading, seen, asked.limits, folder,
        any(normal(cell) == normal("error_code") for cell in typed),
    )  # fmt: skip


def _headless(heading: Heading, told: Layout) -> list[Problem]:
    """Where no row speaks our words and the one taken for the header looks like data, a first row of data may be at stake."""
    if heading.score >= 2 or told.header_row or not looks_like_data(heading.cells):
        return []
    message = f"Row {heading.row} looks like data, not like a header."
    cure = "Put a row with the names of the columns above the data, or say which row is the header."
    return [Problem("missing_header", message, cure, row=heading.row)]


def _heading_notes(heading: Heading, head: _Head) -> list[Problem]:
    notes = []
    above = [
        row for row in range(head.first, heading.row - heading.rows + 1) if any(map(str.strip, head.rows[row - 1]))
    ]
    if above:
        said = next(cell.strip() for cell in head.rows[above[0] - 1] if cell.strip())
        message = f"{len(above)} rows above the header (row {heading.row}) were skipped: “{said[:60]}” …"
        notes.append(Problem("preamble_skipped", message, "", row=above[0], value=said[:60]))
    if heading.rows == 2:
        message = f"The header stands in two rows ({heading.row - 1} and {heading.row}), which were joined."
        notes.append(Problem("header_joined", message, "", row=heading.row))
    return notes


def _uncached(inside: Extract | None) -> dict[int, list[int]]:
    """Row number → positions of the cells whose formula has no saved result."""
    out: dict[int, list[int]] = {}
    if not inside or not inside.uncached:
        return out
    places = {letter(at): at for at in range(1_000)}
    for letters, row in inside.uncached:
        if letters in places:
            out.setdefault(row, []).append(places[letters])
    return out


def _fitted(row: list[str], width: int) -> list[str]:
    return row[:width] + [""] * (width - len(row))


# --- from the upload to UTF-8 text -------------------------------------------------------------------------------------


def _text_of(path: Path, folder: Path, asked: _Asked) -> _Text:
    if check_kind(path, asked.limits) == "workbook":
        return _workbook_text(path, folder, asked)
    text = _Text(as_text(path, folder, asked.layout.encoding))
    doubt = [one for one in (text.file.question, text.file.note) if one]
    if asked.literal and doubt:
        raise Invalid(replace(doubt[0], code="wrong_encoding"))
    text.questions += [text.file.question] if text.file.question else []
    text.notes += [text.file.note] if text.file.note else []
    return text


def _workbook_text(path: Path, folder: Path, asked: _Asked) -> _Text:
    wanted = FIRST if asked.literal else asked.layout.sheet
    inside = extract(path, folder, asked.limits, wanted)
    text = _Text(TextFile(inside.path, 0, "utf-8"), inside)
    if wanted is None:
        fits = _fitting(inside.sheets, asked)
        if fits and inside.chosen not in fits:
            text.inside = inside = extract(path, folder, asked.limits, fits[0])
        if len(fits) > 1:
            text.questions.append(_which_sheet(fits))
        others = [one.name for one in inside.sheets if one.visible and one.name != inside.chosen]
        if others and len(fits) <= 1:
            text.notes.append(Problem("other_sheets", f"Only “{inside.chosen}” was read, not {_listed(others)}."))
    hidden = [one.name for one in inside.sheets if not one.visible]
    if hidden and not asked.literal:
        text.notes.append(Problem("hidden_sheets", f"Hidden sheets were not read: {_listed(hidden)}."))
    if inside.formulas:
        text.notes.append(_formulas(inside))
    text.sheets = [one.name for one in inside.sheets if one.visible]
    quotes = sum(block.count(b'"') for block in _raw_blocks(inside.path))
    text.file = TextFile(inside.path, 0, "utf-8", quotes)
    return text


def _raw_blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            yield block


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"“{name[:40]}”" for name in names[:6]) + (" …" if len(names) > 6 else "")


def _fitting(sheets: Sequence[SheetInside], asked: _Asked) -> list[str]:
    """The visible sheets whose header names most of what is needed; those that name everything, where there are any."""
    needed = sum(column.needed for column in asked.spec.columns)
    scores = {}
    for sheet in sheets:
        if sheet.visible and sheet.head:
            heading = find_heading(sheet.head, asked.score)
            scores[sheet.name] = heading.score if heading.row < len(sheet.head) else 0
    best = max(scores.values(), default=0)
    if best < 2:
        return []
    return [name for name, score in scores.items() if score >= min(best, needed)]


def _which_sheet(fits: Sequence[str]) -> Problem:
    message = f"Several sheets of the workbook could be the one: {_listed(fits)}."
    return Problem(
        "several_sheets", message, "Say which sheet to read; upload the others by themselves.", value=fits[0]
    )


def _formulas(inside: Extract) -> Problem:
    lost = f"; {len(inside.uncached)} have no saved result" if inside.uncached else ""
    message = f"{inside.formulas:,} cells hold formulas; the results saved in the file were read{lost}."
    return Problem("formulas_read", message)


# --- the first rows ----------------------------------------------------------------------------------------------------


@dataclass
class _Head:
    """The first rows of a text under one delimiter, and where each of them ends."""

    file: TextFile
    delimiter: str
    rows: list[list[str]]
    ends: list[int]  # bytes from the start of the text to the end of each row
    first: int
    heading: Heading

    @classmethod
    def of(cls, file: TextFile, asked: _Asked, delimiter: str | None) -> _Head:
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
    def _try(cls, file: TextFile, lines: list[str], delimiter: str, first: int, asked: _Asked) -> _Head | None:
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
