"""Opening an upload: what it is, how it is laid out, what has to be asked; then its rows, chunk by chunk.

with open_sheet(path, "march.xlsx", COLLECTIONS, currency="INR", layout=remembered) as source:
    if not source.questions:
        for sheet in source.chunks():
            ...
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

import numpy as np

from portal.kernel.errors import Invalid, Problem
from portal.kernel.tables import asides as aside_rows
from portal.kernel.tables.arrival import Arrived, Asked, arrived
from portal.kernel.tables.blocks import Block, Body, blocks, regrouped
from portal.kernel.tables.head import HEAD_ROWS, Head
from portal.kernel.tables.heading import Heading, letter, looks_like_data
from portal.kernel.tables.layout import Layout, Proposal
from portal.kernel.tables.limits import Limits
from portal.kernel.tables.mapping import Found, Hint, Mapped, propose
from portal.kernel.tables.out import unguarded
from portal.kernel.tables.rows import Reading, Sheet
from portal.kernel.tables.spec import SheetSpec, match_header, normal
from portal.kernel.tables.survey import Survey, filled_rows, survey
from portal.kernel.tables.workbook import Extract

SAMPLE_ROWS = 20


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
        """The rows that are data, as the first pass kept them or read once more."""
        set_aside, kept = self._survey.set_aside, self._survey.kept
        for every in filled_rows(blocks(self._survey.body, self._limits)) if kept is None else kept:
            block = every.take(~np.isin(every.row_no, set_aside)) if len(set_aside) else every
            if self._ours:
                block = Block([unguarded(cells) for cells in block.columns], block.row_no, block.bad)
            if len(block):
                yield block


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
    asked = Asked(name, spec, currency, layout or Layout(), aliases or {}, hints or {}, limits or Limits(), literal)
    try:
        return _open(path, folder, asked)
    except Invalid as refused:
        folder.cleanup()
        raise Invalid([replace(p, file=p.file or name) for p in refused.problems]) from None
    except BaseException:
        folder.cleanup()
        raise


def _open(path: Path, folder: tempfile.TemporaryDirectory[str], asked: Asked) -> SheetSource:
    text = arrived(path, Path(folder.name), asked)
    head = Head.of(text.file, asked, "," if text.inside else None)
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


def _mapped(found: Found, asked: Asked) -> Mapped:
    if not asked.literal:
        return propose(found, asked.spec, asked.layout, asked.currency, asked.aliases, asked.hints)
    match = match_header(found.texts, asked.spec, asked.aliases)
    return Mapped(match.positions, {}, match.unknown, match.problems)


def _source(
    asked: Asked,
    folder: tempfile.TemporaryDirectory[str],
    text: Arrived,
    head: Head,
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
        mapped.positions, mapped.unknown, _lost(text.inside),
    )  # fmt: skip
    return SheetSource(
        asked.name, asked.spec, asked.currency, layout, labels, heading.row, text.sheets, sample, mapped.proposals,
        [labels[at] for at in mapped.unknown], [replace(p, file=asked.name) for p in questions],
        [replace(p, file=asked.name) for p in notes], _stated(asked, head, seen),
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


def _stated(asked: Asked, head: Head, seen: Survey) -> int | None:
    """The file's own total: below its rows, else in words above its header."""
    total = aside_rows.stated_total(seen.asides, seen.last_data)
    if total is not None or asked.literal:
        return total
    above = head.rows[head.first - 1 : head.heading.row - head.heading.rows]
    return next((said for row in above if (said := aside_rows.figure_in(row, asked.currency)) is not None), None)


def _heading_notes(heading: Heading, head: Head) -> list[Problem]:
    notes = []
    above = [
        row for row in range(head.first, heading.row - heading.rows + 1) if any(map(str.strip, head.rows[row - 1]))
    ]
    if above:
        said = next(cell.strip() for cell in head.rows[above[0] - 1] if cell.strip())
        rows = "1 row" if len(above) == 1 else f"{len(above)} rows"
        message = f"{rows} above the header (row {heading.row}) skipped: “{said[:60]}” …"
        notes.append(Problem("preamble_skipped", message, "", row=above[0], value=said[:60]))
    if heading.rows == 2:
        message = f"The header stands in two rows ({heading.row - 1} and {heading.row}), which were joined."
        notes.append(Problem("header_joined", message, "", row=heading.row))
    return notes


def _lost(inside: Extract | None) -> dict[int, list[tuple[int, str]]]:
    """Row number → positions and kinds of cells whose value is not in the file."""
    out: dict[int, list[tuple[int, str]]] = {}
    if not inside or not inside.lost:
        return out
    places = {letter(at): at for at in range(1_000)}
    for letters, row, kind in inside.lost:
        if letters in places:
            out.setdefault(row, []).append((places[letters], kind))
    return out


def _fitted(row: list[str], width: int) -> list[str]:
    return row[:width] + [""] * (width - len(row))
