"""Rows of a sheet that were read: every column parsed, every problem named, the uploader's own cells kept to give back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from portal.kernel.errors import Problem
from portal.kernel.tables.blocks import Block
from portal.kernel.tables.dates import DateOrder, Fault
from portal.kernel.tables.out import write_csv
from portal.kernel.tables.spec import ERROR_COLUMNS, SheetSpec, normal
from portal.kernel.tables.values import CONTROL, MANGLED, parse_column


@dataclass
class Sheet:
    """A sheet that was read, or some consecutive rows of one.

    `frame` has one row per data row (blank rows left out), index 0..n-1, and one column per column of the spec under
    `Column.field_name`: text and choice `str` (missing NaN), amount and int `Int64` (amounts in minor units), date
    `datetime64[s]` (missing NaT), bool `boolean`, time and decimal Python objects (missing None). `row_no[i]` is the
    uploader's row number (the file's first row is 1). A row with any problem is False in `good`. `header` names the columns, each
    differently; `typed_header` is what the file says.
    """

    name: str
    spec: SheetSpec
    currency: str
    frame: pd.DataFrame
    row_no: np.ndarray
    header: list[str]
    header_of: dict[str, str]
    unknown_columns: list[str]
    problems: list[Problem] = field(default_factory=list)
    good: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=bool))
    cells: list[pa.StringArray] = field(default_factory=list)
    typed_header: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def rejected(self) -> int:
        """How many rows have at least one problem."""
        return int((~self.good).sum())

    def good_frame(self) -> pd.DataFrame:
        """The rows without a problem; the index still points into `frame`."""
        return self.frame if self.good.all() else self.frame[self.good]

    @property
    def raw(self) -> pd.DataFrame:
        """Every cell as typed, under the uploader's own header."""
        frame = pd.DataFrame({at: cells.to_pandas() for at, cells in enumerate(self.cells)})
        frame.columns = pd.Index(self.header)
        return frame

    def extras(self) -> pd.DataFrame:
        """The columns no one asked for, as text, row for row with `frame`."""
        return self.raw.loc[:, self.unknown_columns]

    def reject(
        self, rows: np.ndarray | pd.Series, code: str, message: str | Sequence[str], cure: str = "", column: str = ""
    ) -> None:
        """Mark rows bad. `rows` is a mask over `frame` or an array of positions; `message` one for all, or one per marked row."""
        marks = np.asarray(rows)
        at = np.flatnonzero(marks) if marks.dtype == bool else marks
        texts = [message] * len(at) if isinstance(message, str) else list(message)
        values = self._values(column, at)
        for position, text, value in zip(at.tolist(), texts, values, strict=True):
            self.problems.append(Problem(code, text, cure, self.name, int(self.row_no[position]), column, value))
        self.good[at] = False

    def _values(self, column: str, at: np.ndarray) -> list[str]:
        heading = self.header_of.get(column)
        if heading is None:
            return [""] * len(at)
        return self.cells[self.header.index(heading)].take(pa.array(at)).to_pylist()

    def sorted_problems(self) -> list[Problem]:
        """Every problem in the order of the uploader's rows."""
        return sorted(self.problems, key=lambda problem: problem.row or 0)

    def rejected_csv(self) -> bytes:
        """The rejected rows in the uploader's own layout with error_code, error_column, error and cure; b"" when there are none."""
        return b"" if self.good.all() else write_csv(self.rejected_header(), self.rejected_rows())

    def rejected_header(self) -> list[str]:
        """The header of a file of rejected rows: the uploader's own, then error_code, error_column, error and cure."""
        header = self.typed_header or self.header
        return [*(header[at] for at in self._kept()), *ERROR_COLUMNS]

    def rejected_rows(self) -> Iterator[list[str]]:
        """The rejected rows under `rejected_header`, cells as typed: for a file written chunk by chunk (out.csv_chunks)."""
        bad = np.flatnonzero(~self.good)
        if not len(bad):
            return
        columns = [self.cells[at].take(pa.array(bad)).to_pylist() for at in self._kept()]
        said = self._said()
        for at, row in zip(bad, zip(*columns, strict=True), strict=True):
            yield [*row, *said.get(int(self.row_no[at]), ("", "", "", ""))]

    def _kept(self) -> list[int]:
        """Positions of the uploader's own columns, without those we added to a file given back before."""
        ours = {normal(name) for name in ERROR_COLUMNS}
        return [at for at, cell in enumerate(self.typed_header or self.header) if normal(cell) not in ours]

    def _said(self) -> dict[int, tuple[str, str, str, str]]:
        """Per row all its problems, each kind joined by a semicolon."""
        by_row: dict[int, list[Problem]] = {}
        for problem in self.problems:
            if problem.row:
                by_row.setdefault(problem.row, []).append(problem)
        return {row: _joined(problems) for row, problems in by_row.items()}


def _joined(problems: list[Problem]) -> tuple[str, str, str, str]:
    fields = (
        [p.code for p in problems],
        [p.column for p in problems],
        [p.message for p in problems],
        [p.cure for p in problems],
    )
    codes, columns, messages, cures = ("; ".join(dict.fromkeys(filter(None, texts))) for texts in fields)
    return codes, columns, messages, cures


@dataclass(frozen=True)
class Reading:
    """All that is settled about a file before its rows are parsed: the same for every chunk of it."""

    name: str
    spec: SheetSpec
    currency: str
    order: DateOrder
    labels: list[str]
    typed_header: list[str]
    positions: Mapping[str, int]
    unknown: list[int]
    lost: Mapping[int, Sequence[tuple[int, str]]] = field(
        default_factory=dict
    )  # row number → position, kind of lost cells

    def parse(self, block: Block) -> Sheet:
        """The sheet these rows make, with every problem they show by themselves."""
        sheet = Sheet(
            self.name,
            self.spec,
            self.currency,
            pd.DataFrame(),
            block.row_no,
            self.labels,
            {column: self.labels[at] for column, at in self.positions.items()},
            [self.labels[at] for at in self.unknown],
            good=np.ones(len(block), dtype=bool),
            cells=block.columns,
            typed_header=self.typed_header,
        )
        self._values(sheet)
        _mark_ragged(sheet, block)
        self._mark_lost(sheet)
        return sheet

    def _values(self, sheet: Sheet) -> None:
        texts = {name: pc.utf8_trim_whitespace(sheet.cells[at]) for name, at in self.positions.items()}
        odd = any(pc.any(pc.match_substring_regex(cells, f"{CONTROL}|{MANGLED}")).as_py() for cells in texts.values())
        nothing = pa.array([""] * len(sheet.row_no), pa.string())
        parsed = {}
        for column in self.spec.columns:
            cells = texts.get(column.name, nothing)
            result = parse_column(cells, column, self.currency, self.order, odd)
            parsed[column.field_name] = result.values
            _note(sheet, column.name, result.faults)
            if column.needed:
                blank = pc.equal(cells, "").to_numpy(zero_copy_only=False)
                sheet.reject(blank, "missing_value", f"{column.name} is empty.", "Fill it in.", column.name)
        sheet.frame = pd.DataFrame(parsed, copy=False)

    def _mark_lost(self, sheet: Sheet) -> None:
        """Cells whose value is not in the file look empty: say so, so that nothing is taken for left out on purpose."""
        if not self.lost or not len(sheet.row_no):
            return
        fed = {at: name for name, at in self.positions.items()}
        for place in np.flatnonzero(np.isin(sheet.row_no, np.fromiter(self.lost, dtype=np.int64))).tolist():
            for at, kind in self.lost[int(sheet.row_no[place])]:
                if at in fed:
                    code, message, cure = LOST[kind]
                    sheet.reject(np.array([place]), code, f"{fed[at]} {message}", cure, fed[at])


LOST = {
    "formula": (
        "formula_without_value",
        "is a formula whose result was not saved.",
        "Open the file in Excel, let it calculate and save it; or paste values.",
    ),
    "error": (
        "formula_error",
        "is an error of the spreadsheet (such as #REF! or #N/A).",
        "Correct the formula, or write the value.",
    ),
}


def _note(sheet: Sheet, column: str, faults: dict[int, Fault]) -> None:
    at = np.fromiter(faults, dtype=np.int64, count=len(faults))
    for (position, fault), value in zip(faults.items(), sheet._values(column, at), strict=True):
        row = int(sheet.row_no[position])
        sheet.problems.append(Problem(fault.code, fault.message, fault.cure, sheet.name, row, column, value[:200]))
    sheet.good[at] = False


def _mark_ragged(sheet: Sheet, block: Block) -> None:
    if not block.bad:
        return
    for position in np.flatnonzero(np.isin(sheet.row_no, list(block.bad))):
        problem = block.bad[int(sheet.row_no[position])]
        sheet.reject(np.array([position]), problem.code, problem.message, problem.cure)
