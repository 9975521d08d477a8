"""Rows of a sheet that are no data: totals, sub-totals, the header once more, and remarks under the table. Set aside and told."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from portal.kernel.errors import Problem
from portal.kernel.money import shown
from portal.kernel.tables.blocks import Block
from portal.kernel.tables.spec import SheetSpec, normal
from portal.kernel.tables.values import parse_amount

Kind = Literal["total", "subtotal", "header", "remark", "unnamed"]
LOOKED_AT = 5_000  # suspicious rows looked at one by one; a file with more of them has another trouble

TOTAL = re.compile(
    r"(?:(?P<sub>sub|page|day|batch|mode|branch|agent|net)?[\s._-]*|(?P<grand>grand|overall|final|report)[\s._-]*)"
    r"total(?:s|amount|collection|collections|collected)?(?:[\s._:=-].*)?|sum|कुल|कुल योग|योग|மொத்தம்|jumla",
    re.IGNORECASE | re.DOTALL,
)
FIGURE = re.compile(r"total[^\d₹]*?((?:₹|rs\.?)?\s*\d[\d,]*(?:\.\d{1,3})?)\s*(?:/-)?$", re.IGNORECASE)
OF_THINGS = re.compile(r"receipts?|rows?|records?|accounts?|cases?|nos?\b|count|number", re.IGNORECASE)
COUNT = re.compile(r"\d{1,9}(?: ?(?:rows?|receipts?|records?|nos?\.?|entries|txns?))?", re.IGNORECASE)


@dataclass(frozen=True)
class Aside:
    """A row set aside: its number, why, the words in it and the amount it states (minor units)."""

    row: int
    kind: Kind
    label: str
    minor: int | None = None
    grand: bool = False


@dataclass
class Watch:
    """Looks at blocks of rows as they go by. `needed` and `amount` are positions of our columns in the file."""

    needed: Sequence[int]
    amount: int | None
    amounts: Sequence[int]
    header: Sequence[Sequence[str]]
    currency: str
    asides: list[Aside] = field(default_factory=list)
    at_the_end: list[Aside] = field(default_factory=list)
    looked: int = 0
    last_data: int = 0

    @classmethod
    def over(cls, spec: SheetSpec, positions: dict[str, int], header: Sequence[Sequence[str]], currency: str) -> Watch:
        needed = [positions[c.name] for c in spec.columns if c.needed and c.kind != "amount" and c.name in positions]
        money = [(c.needed, positions[c.name]) for c in spec.columns if c.kind == "amount" and c.name in positions]
        main = next((at for must, at in sorted(money, key=lambda one: not one[0]) if must), None)
        return cls(needed, main, [at for _, at in money], header, currency)

    def see(self, block: Block) -> None:
        """Note what is no data among these rows (none of them wholly blank)."""
        if not len(block):
            return
        headers = self._see_headers(block)
        suspicious = self._suspicious(block)
        rows = [at for at in suspicious.tolist() if at not in headers]
        self.looked += len(rows)
        if self.looked > LOOKED_AT:
            rows = []
        picked = pa.array(rows, pa.int64())
        cells = [column.take(picked).to_pylist() for column in block.columns]
        last_full = _last_outside(len(block), [*suspicious.tolist(), *headers])
        if last_full >= 0:
            self._data_at(int(block.row_no[last_full]))
        for nth, at in enumerate(rows):
            aside = self._judge(int(block.row_no[at]), [column[nth].strip() for column in cells])
            if aside is None:
                self._data_at(int(block.row_no[at]))
            elif aside.kind in ("remark", "unnamed"):
                self.at_the_end += [aside] if aside.row > self.last_data else []
            else:
                self.asides.append(aside)

    def _data_at(self, row: int) -> None:
        """Data came after what looked like the end: what stood above it was no remark and no total."""
        self.last_data = max(self.last_data, row)
        self.at_the_end = [aside for aside in self.at_the_end if aside.row > self.last_data]

    def _suspicious(self, block: Block) -> np.ndarray:
        """Rows in which few of the needed columns (money apart) are filled."""
        if len(self.needed) < 2:
            return np.zeros(0, dtype=np.int64)
        filled = np.zeros(len(block), dtype=np.int16)
        for at in self.needed:
            filled += pc.not_equal(pc.utf8_trim_whitespace(block.columns[at]), "").to_numpy(zero_copy_only=False)
        return np.flatnonzero(filled <= max(1, len(self.needed) - 2))

    def _see_headers(self, block: Block) -> set[int]:
        """Positions of rows that say again what the header says."""
        found = set()
        for header in self.header:
            first = next((at for at, cell in enumerate(header) if cell.strip() and at < len(block.columns)), None)
            if first is None:
                continue
            same = pc.equal(block.columns[first], header[first])
            for at in np.flatnonzero(same.to_numpy(zero_copy_only=False))[:LOOKED_AT].tolist():
                cells = [column[at].as_py() for column in block.columns]
                wanted = [normal(cell) for cell in header[: len(cells)]]
                if len([form for form in wanted if form]) > 1 and [normal(cell) for cell in cells] == wanted:
                    found.add(at)
                    self.asides.append(Aside(int(block.row_no[at]), "header", cells[first]))
        return found

    def _judge(self, row: int, cells: list[str]) -> Aside | None:
        """What a row is that hardly holds anything; None for a row of data with gaps."""
        filled = {at: text for at, text in enumerate(cells) if text}
        labels = {at: text for at, text in filled.items() if TOTAL.fullmatch(text) and at not in self.amounts}
        stated = filled.get(self.amount, "") if self.amount is not None else ""
        minor = parse_amount(stated, self.currency, signed=True) if stated else None
        figure = minor if isinstance(minor, int) else None
        if figure is None and not stated:
            figure = next(
                (said for text in labels.values() if (said := figure_in([text], self.currency)) is not None), None
            )
        others = [text for at, text in filled.items() if at not in labels and at not in self.amounts]
        if labels and len(labels) <= 2 and all(self._is_figure(text) for text in others):
            found = TOTAL.fullmatch(label := next(iter(labels.values())))
            kind: Kind = "subtotal" if found and found["sub"] and found["sub"].lower() != "net" else "total"
            return Aside(row, kind, label, figure, bool(found and found["grand"]))
        if len(filled) == 1 and stated and figure is not None:
            return Aside(row, "unnamed", "", figure)
        (at, text), *more = filled.items()
        if (
            not more
            and at not in self.amounts
            and len(self.needed) >= 3
            and re.search(r"[^\W\d]", text)
            and " " in text
        ):
            return Aside(row, "remark", text)
        return None

    def _is_figure(self, text: str) -> bool:
        return bool(COUNT.fullmatch(text)) or isinstance(parse_amount(text, self.currency, signed=True), int)


def figure_in(cells: Sequence[str], currency: str) -> int | None:
    """The amount a line of words states as its total: “Total: 45,000.00”, or “Total amount” and the figure in the next cell."""
    filled = [cell.strip() for cell in cells if cell.strip()]
    for at, cell in enumerate(filled):
        if not TOTAL.fullmatch(cell) or OF_THINGS.search(cell):
            continue
        within = FIGURE.search(cell)
        after = filled[at + 1] if at + 1 < len(filled) else ""
        minor = parse_amount((within[1] if within else after).strip(), currency, signed=True)
        if isinstance(minor, int):
            return minor
    return None


def _last_outside(size: int, marked: Sequence[int]) -> int:
    """The last position not among the marked ones; -1 if there is none."""
    mask = np.ones(size, dtype=bool)
    mask[list(marked)] = False
    left = np.flatnonzero(mask)
    return int(left[-1]) if len(left) else -1


def stated_total(asides: Iterable[Aside], last_data: int) -> int | None:
    """The file's own total: the grand total, else the one below all rows. Totals between rows that are not called sub-totals leave
    it open which of them counts; a lone sub-total counts where there is nothing else."""
    kept = [aside for aside in asides if aside.minor is not None]
    grand = [aside for aside in kept if aside.grand]
    totals = [aside for aside in kept if aside.kind in ("total", "unnamed")]
    if grand:
        return grand[-1].minor
    if totals:
        return totals[-1].minor if all(aside.row > last_data for aside in totals) else None
    subs = [aside for aside in kept if aside.kind == "subtotal"]
    return subs[0].minor if len(subs) == 1 else None


def told(asides: Sequence[Aside], currency: str) -> list[Problem]:
    """One note for each kind of row that was set aside, with the figures of totals."""
    out = []
    for aside in [one for one in asides if one.kind in ("total", "unnamed")][-5:]:
        figure = f" of {shown(aside.minor, currency)}" if aside.minor is not None else ""
        label = f"“{aside.label[:60]}”" if aside.label else "without a name"
        message = f"Row {aside.row} is a total{figure} ({label}); it was set aside."
        out.append(Problem("total_row", message, "", row=aside.row, value=aside.label[:60]))
    kinds: list[tuple[Kind, str, str]] = [
        ("subtotal", "subtotal_rows", "hold sub-totals"),
        ("header", "repeated_header", "repeat the header"),
        ("remark", "remark_rows", "hold a remark below the table"),
    ]
    for kind, code, what in kinds:
        rows = [aside for aside in asides if aside.kind == kind]
        if rows:
            listed = ", ".join(str(one.row) for one in rows[:10]) + (" …" if len(rows) > 10 else "")
            message = f"Rows that {what} were set aside: {listed}."
            out.append(Problem(code, message, "", row=rows[0].row, value=rows[0].label[:60]))
    return out
