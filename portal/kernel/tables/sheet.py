"""The one way a sheet comes in: every column parsed, every problem named, the uploader's own rows kept to give back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from portal.kernel.errors import Invalid, Problem
from portal.kernel.tables.dates import DateOrder, Fault, settle_order
from portal.kernel.tables.limits import Limits
from portal.kernel.tables.out import unguarded, write_csv
from portal.kernel.tables.reading import Grid, read_grid, trimmed
from portal.kernel.tables.spec import ERROR_COLUMNS, HeaderMatch, SheetSpec, match_header, normal
from portal.kernel.tables.values import CONTROL, MANGLED, parse_column


@dataclass
class Sheet:
    """A sheet that was read.

    `frame` has one row per data row (blank rows left out), index 0..n-1, and one column per column of the spec under
    `Column.field_name`: text and choice `str` (missing NaN), amount and int `Int64` (amounts in minor units), date
    `datetime64[s]` (missing NaT), bool `boolean`, time and decimal Python objects (missing None). `row_no[i]` is the
    uploader's row number (header = 1). A row with any problem is False in `good`.
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
        bad = np.flatnonzero(~self.good)
        if not len(bad):
            return b""
        keep = [
            at for at, cell in enumerate(self.header) if normal(cell) not in {normal(name) for name in ERROR_COLUMNS}
        ]
        rows = zip(*(self.cells[at].take(pa.array(bad)).to_pylist() for at in keep), strict=True)
        said = self._said()
        lines = ([*row, *said[int(self.row_no[at])]] for row, at in zip(rows, bad, strict=True))
        return write_csv([*(self.header[at] for at in keep), *ERROR_COLUMNS], lines)

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


def read_sheet(
    data: bytes,
    name: str,
    spec: SheetSpec,
    *,
    currency: str,
    date_order: DateOrder | None = None,
    encoding: str | None = None,
    aliases: Mapping[str, Sequence[str]] | None = None,
    limits: Limits | None = None,
) -> Sheet:
    """Read an upload (CSV or XLSX by its content). Raises Invalid with every problem of the file as a whole: wrong kind of file,
    wrong encoding, missing or doubled columns, dates that can be read two ways. What is wrong with single rows stays in the sheet.
    """
    try:
        return _read(data, name, spec, currency, date_order, encoding, aliases or {}, limits or Limits())
    except Invalid as refused:
        raise Invalid(_named(refused.problems, name)) from None


def _named(problems: list[Problem], name: str) -> Iterator[Problem]:
    for p in problems:
        yield Problem(p.code, p.message, p.cure, p.file or name, p.row, p.column, p.value)


def _read(
    data: bytes,
    name: str,
    spec: SheetSpec,
    currency: str,
    date_order: DateOrder | None,
    encoding: str | None,
    aliases: Mapping[str, Sequence[str]],
    limits: Limits,
) -> Sheet:
    grid = read_grid(data, lambda cells: len(match_header(cells, spec, aliases).positions), limits, encoding)
    match = match_header(grid.header, spec, aliases)
    if match.problems:
        raise Invalid(match.problems)
    kept = _rows_with_content(grid)
    row_no = kept + 2
    if not len(kept):
        raise Invalid(
            Problem("no_rows", "The file has a header but no rows.", "Put at least one row under the header.")
        )
    columns = grid.columns if len(kept) == grid.height else [cells.take(pa.array(kept)) for cells in grid.columns]
    if any(normal(cell) == normal("error_code") for cell in grid.header):
        columns = [unguarded(cells) for cells in columns]
    sheet = Sheet(
        name, spec, currency, pd.DataFrame(), row_no, [cell.strip() for cell in grid.header], {}, [], cells=columns
    )
    sheet.header_of = {column: sheet.header[at] for column, at in match.positions.items()}
    sheet.unknown_columns = [sheet.header[at] for at in match.unknown]
    sheet.good = np.ones(len(row_no), dtype=bool)
    _parse_all(sheet, match, date_order, row_no)
    _mark_ragged(sheet, grid, row_no)
    return sheet


def _rows_with_content(grid: Grid) -> np.ndarray:
    """Positions of rows in which any cell holds something."""
    blank = np.ones(grid.height, dtype=bool)
    for cells in grid.columns:
        blank &= pc.equal(trimmed(cells), "").to_numpy(zero_copy_only=False)
        if not blank.any():
            break
    return np.flatnonzero(~blank)


def _parse_all(sheet: Sheet, match: HeaderMatch, date_order: DateOrder | None, row_no: np.ndarray) -> None:
    texts = {
        column.name: trimmed(sheet.cells[match.positions[column.name]])
        for column in sheet.spec.columns
        if column.name in match.positions
    }
    order = date_order or _order_of(sheet, texts)
    odd = any(pc.any(pc.match_substring_regex(cells, f"{CONTROL}|{MANGLED}")).as_py() for cells in texts.values())
    parsed = {}
    nothing = pa.array([""] * len(row_no), pa.string())
    for column in sheet.spec.columns:
        cells = texts.get(column.name, nothing)
        result = parse_column(cells, column, sheet.currency, order, odd)
        parsed[column.field_name] = result.values
        _note(sheet, column.name, result.faults)
        if column.needed:
            blank = pc.equal(cells, "").to_numpy(zero_copy_only=False)
            sheet.reject(blank, "missing_value", f"{column.name} is empty.", "Fill it in.", column.name)
    sheet.frame = pd.DataFrame(parsed, copy=False)


def _order_of(sheet: Sheet, texts: dict[str, pa.StringArray]) -> DateOrder:
    """The order of day and month, settled over all date columns of the file together; raises Invalid when it cannot be."""
    dated = [column.name for column in sheet.spec.columns if column.kind == "date" and column.name in texts]
    order = settle_order(word for name in dated for word in texts[name].unique().to_pylist())
    if isinstance(order, str):
        return order
    for name in dated:
        at = pc.index(texts[name], order.value).as_py()
        if at >= 0:
            raise Invalid(Problem(order.code, order.message, order.cure, "", int(sheet.row_no[at]), name, order.value))
    raise Invalid(order)


def _note(sheet: Sheet, column: str, faults: dict[int, Fault]) -> None:
    at = np.fromiter(faults, dtype=np.int64, count=len(faults))
    for (position, fault), value in zip(faults.items(), sheet._values(column, at), strict=True):
        row = int(sheet.row_no[position])
        sheet.problems.append(Problem(fault.code, fault.message, fault.cure, sheet.name, row, column, value[:200]))
    sheet.good[at] = False


def _mark_ragged(sheet: Sheet, grid: Grid, row_no: np.ndarray) -> None:
    if not grid.bad_rows:
        return
    for position in np.flatnonzero(np.isin(row_no, [at + 2 for at in grid.bad_rows])):
        problem = grid.bad_rows[int(row_no[position]) - 2]
        sheet.reject(np.array([position]), problem.code, problem.message, problem.cure)
