"""Where a sheet's header stands: below a preamble, in one row or in two with merged cells, in any of the first rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

LOOKED_AT = 60  # rows in which a header may stand
DATA = re.compile(r"[^A-Za-z]*\d[^A-Za-z]*|\d{1,2}[-/ .][A-Za-z]{3,9}[-/ .]\d{2,4}|.*\d{4,}.*", re.DOTALL)
LONGEST_LABEL = 120

Row = Sequence[str]
Score = Callable[[Row], int]


@dataclass(frozen=True)
class Heading:
    """`row` is the file's number of the header's last row (from 1); `cells` its texts, joined where it has two rows; `typed`
    the rows as they stand."""

    row: int
    rows: int
    cells: list[str]
    typed: list[list[str]]
    score: int

    @property
    def labels(self) -> list[str]:
        """One name for each column, all different: the header's text, and the column's letter where that is empty or taken."""
        seen: set[str] = set()
        out = []
        for at, cell in enumerate(self.cells):
            label = cell.strip()
            label = label if len(label) <= LONGEST_LABEL else label[:LONGEST_LABEL] + "…"
            if not label or label in seen:
                label = f"{label} (column {letter(at)})".strip()
            seen.add(label)
            out.append(label)
        return out


def letter(at: int) -> str:
    """A column's letters in a spreadsheet.

    >>> letter(0), letter(25), letter(26)
    ('A', 'Z', 'AA')
    """
    out = ""
    at += 1
    while at:
        at, rest = divmod(at - 1, 26)
        out = chr(65 + rest) + out
    return out


def find_heading(
    rows: Sequence[Row], score: Score, *, first: int = 1, told: int | None = None, deep: int | None = None
) -> Heading:
    """The header among a file's first rows: the row, or two, in which most cells are known; failing that, the first that
    looks like one. `first` is the first row that may be it, `told` the row a person named, `deep` how many rows it then has.
    """
    last = min(len(rows), LOOKED_AT)
    candidates = [_single(rows, row, score) for row in range(first, last + 1) if told in (None, row)]
    if deep != 1:
        doubles = [_double(rows, row, score) for row in range(first + 1, last + 1) if told in (None, row)]
        candidates += [double for double in doubles if double]
    if deep == 2:
        candidates = [one for one in candidates if one.rows == 2] or candidates
    if told is not None and not candidates:
        return _single(rows, told, score) if told <= len(rows) else _single(rows, min(first, len(rows)), score)
    best = max(candidates, key=lambda one: (one.score, -one.rows, -one.row))
    return best if best.score >= 2 or told is not None else _by_shape(rows, first, last, score, best)


def _single(rows: Sequence[Row], row: int, score: Score) -> Heading:
    cells = list(rows[row - 1])
    return Heading(row, 1, cells, [cells], score(cells))


def _double(rows: Sequence[Row], row: int, score: Score) -> Heading | None:
    """Rows row-1 and row as one header, when the lower one holds words and the upper one spans it."""
    top, bottom = rows[row - 2], rows[row - 1]
    if looks_like_data([*top, *bottom]) or not any(map(str.strip, top)):
        return None
    cells = joined(top, bottom)
    return Heading(row, 2, cells, [list(top), list(bottom)], score(cells))


def looks_like_data(cells: Row) -> bool:
    """Whether any cell is a number, a day or a long run of digits, as headers hardly are."""
    return any(DATA.fullmatch(cell.strip()[:200]) for cell in cells if cell.strip())


def joined(top: Row, bottom: Row) -> list[str]:
    """A group's name before each of the names under it: “Receipt” over “No” and “Date” gives “Receipt No”, “Receipt Date”."""
    width = max(len(top), len(bottom))
    above = [*top, *[""] * (width - len(top))]
    below = [*bottom, *[""] * (width - len(bottom))]
    out = []
    group = ""
    for over, under in zip(above, below, strict=True):
        over, under = over.strip(), under.strip()
        if over:
            group = over if under else ""
        out.append(f"{over or (group if under else '')} {under}".strip())
    return out


def _by_shape(rows: Sequence[Row], first: int, last: int, score: Score, best: Heading) -> Heading:
    """No row speaks our words: the first as wide as the rows below it that holds words alone, else the best or first."""
    filled = {row: [cell for cell in rows[row - 1] if cell.strip()] for row in range(first, last + 1)}
    widest = max((len(cells) for cells in filled.values()), default=0)
    for row, cells in filled.items():
        wide = len(cells) >= max(2, 0.7 * widest)
        if wide and not looks_like_data(cells):
            return _single(rows, row, score)
    if best.score:
        return best
    return _single(rows, next((row for row, cells in filled.items() if cells), first), score)
