"""The first pass over a file's rows: what has to be known of all of them before any is taken for data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from portal.kernel.errors import Problem
from portal.kernel.tables.asides import Aside, Watch
from portal.kernel.tables.blocks import Block, Body, blocks, made_regular
from portal.kernel.tables.dates import DateOrder, OrderProof
from portal.kernel.tables.limits import Limits
from portal.kernel.tables.spec import SheetSpec
from portal.kernel.tables.values import parse_column, without_time


@dataclass
class Survey:
    """`body` is what to read the rows from, `last_data` the number of its last row of data. `rows` counts rows that hold
    something, those in `asides` included."""

    body: Body
    rows: int
    order: DateOrder | Problem
    asides: list[Aside] = field(default_factory=list)
    last_data: int = 0
    kept: list[Block] | None = None  # the rows themselves, of a file that is read at once

    @property
    def set_aside(self) -> np.ndarray:
        return np.array(sorted({aside.row for aside in self.asides}), dtype=np.int64)


def survey(
    body: Body,
    spec: SheetSpec,
    positions: Mapping[str, int],
    header: Sequence[Sequence[str]],
    currency: str,
    limits: Limits,
    *,
    folder: Path,
    regular: bool,
    literal: bool,
) -> Survey:
    """Read every row once: the order of day and month, totals and repeated headers, and whether the rows are regular.

    `regular` False says that the rows are known not to be; `literal` takes every row for data, and keeps them. Raises Invalid
    for what makes the whole file unusable.
    """
    if regular:
        try:
            return _pass(body, spec, positions, header, currency, limits, literal)
        except pa.ArrowInvalid:  # some row has more cells than another, or is longer than a block
            pass
    body = made_regular(body, folder, limits)
    return _pass(body, spec, positions, header, currency, limits, literal)


def _pass(
    body: Body,
    spec: SheetSpec,
    positions: Mapping[str, int],
    header: Sequence[Sequence[str]],
    currency: str,
    limits: Limits,
    literal: bool,
) -> Survey:
    watch = Watch.over(spec, dict(positions), header, currency)
    dated = [c.name for c in spec.columns if c.kind == "date" and c.name in positions]
    proof = OrderProof()
    where: dict[str, tuple[int, str]] = {}
    rows = 0
    kept: list[Block] | None = [] if literal else None
    for block in filled_rows(blocks(body, limits)):
        rows += len(block)
        for name in dated:
            _see_dates(proof, block, name, positions[name], where)
        if kept is None:
            watch.see(block)
        else:
            kept.append(block)
    order = proof.settled()
    if isinstance(order, Problem):
        row, name = where.get(order.value, (None, ""))
        order = replace(order, row=row, column=name)
    asides = watch.asides + watch.at_the_end
    return Survey(
        body, rows, order, _proved(asides, body, watch, spec, positions, currency, limits), watch.last_data, kept
    )


def filled_rows(parts: Iterator[Block]) -> Iterator[Block]:
    """The same without rows in which no cell holds anything."""
    for block in parts:
        blank = np.ones(len(block), dtype=bool)
        for cells in block.columns:
            blank &= pc.equal(pc.utf8_trim_whitespace(cells), "").to_numpy(zero_copy_only=False)
            if not blank.any():
                break
        kept = block.take(~blank)
        if len(kept):
            yield kept


def _see_dates(proof: OrderProof, block: Block, name: str, at: int, where: dict[str, tuple[int, str]]) -> None:
    had = proof.open_question
    cells = without_time(pc.utf8_trim_whitespace(block.columns[at]))
    proof.see(cells.unique().to_pylist())
    if proof.open_question and not had:
        place = pc.index(cells, proof.open_question).as_py()
        where[proof.open_question] = (int(block.row_no[place]), name)


def _proved(
    asides: list[Aside],
    body: Body,
    watch: Watch,
    spec: SheetSpec,
    positions: Mapping[str, int],
    currency: str,
    limits: Limits,
) -> list[Aside]:
    """A figure without a word at the end is a total only if it is one: the sum of all above it."""
    unnamed = [aside for aside in asides if aside.kind == "unnamed"]
    if not unnamed:
        return asides
    others = {aside.row for aside in asides}
    column = next(c for c in spec.columns if c.kind == "amount" and positions.get(c.name) == watch.amount)
    total = 0
    for block in filled_rows(blocks(body, limits)):
        kept = block.take(~np.isin(block.row_no, list(others)))
        if len(kept):
            cells = pc.utf8_trim_whitespace(kept.columns[positions[column.name]])
            total += int(parse_column(cells, column, currency, "dmy").values.sum())
    return [aside for aside in asides if aside.kind != "unnamed" or (len(unnamed) == 1 and aside.minor == total)]
