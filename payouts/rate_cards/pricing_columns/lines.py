"""Lines to price as columns. The same facts as `facts.FactLine`, a row a line; a column nobody has may be left out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from payouts.rate_cards.facts import FactLine
from payouts.rate_cards.terms import COMPONENTS, LISTED, RANGED, Exact, slim

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]

TEXT, NUMBER = pa.dictionary(pa.int32(), pa.string()), pa.int64()
COMPONENT_COLUMNS = tuple(f"component_{name}" for name in COMPONENTS)
NUMBERS = (
    *("position", "base_minor", "amount_minor", "count", "balance_before_minor"),
    *COMPONENT_COLUMNS,
    *RANGED,  # lag_days is both the range a rule asks for and the lag that lessens its fee
)
WORDS = ("rule", "earns_on", "share", *LISTED)
SCHEMA = {"account": pa.string()} | dict.fromkeys(NUMBERS, NUMBER) | dict.fromkeys(WORDS, TEXT)


class Unfit(Exception):
    """Something the columns do not do; the scalar engine does."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """Whole numbers, 0 where nothing is known, and where something is."""

    values: Ints
    known: Mask

    @property
    def any_known(self) -> bool:
        return bool(self.known.any())


@dataclass(frozen=True, slots=True)
class Words:
    """Words as codes into a list; -1 where there is none."""

    codes: Codes
    values: list[str]


@dataclass(frozen=True)
class Lines:
    """Columns of `SCHEMA` (amounts in minor units; `share` a decimal text), in the order the lines are priced."""

    table: pa.Table
    _read: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def has(self, name: str) -> bool:
        return name in self.table.column_names and self.table[name].null_count < len(self)

    def numbers(self, name: str) -> Numbers:
        if name not in self._read:
            self._read[name] = self._numbers(name)
        found: Numbers = self._read[name]
        return found

    def words(self, name: str) -> Words:
        if name not in self._read:
            self._read[name] = self._words(name)
        found: Words = self._read[name]
        return found

    def accounts(self) -> pa.StringArray:
        """Account of every line, "" where it has none."""
        if not self.has("account"):
            return pa.repeat("", len(self))
        return _whole(self.table["account"]).cast(pa.string()).fill_null("")

    def _numbers(self, name: str) -> Numbers:
        if not self.has(name):
            return Numbers(np.zeros(len(self), np.int64), np.zeros(len(self), np.bool_))
        column = _whole(self.table[name])
        known = np.asarray(column.is_valid().to_numpy(zero_copy_only=False), np.bool_)
        return Numbers(np.asarray(column.fill_null(0).to_numpy(zero_copy_only=False), np.int64), known)

    def _words(self, name: str) -> Words:
        if not self.has(name):
            return Words(np.full(len(self), -1, np.int32), [])
        column = _whole(self.table[name])
        coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        codes = np.asarray(coded.indices.fill_null(-1).to_numpy(zero_copy_only=False), np.int32)
        return Words(codes, coded.dictionary.to_pylist())

    def slice(self, start: int, stop: int) -> Lines:
        return Lines(self.table.slice(start, stop - start))

    def taken(self, rows: Ints) -> Lines:
        return Lines(self.table.take(pa.array(rows)))

    def fact_lines(self) -> list[FactLine]:
        """The rows as the scalar engine's lines."""
        return [_fact_line(row) for row in self.table.to_pylist()]


def _whole(column: Any) -> Any:
    if isinstance(column, pa.ChunkedArray):
        if pa.types.is_dictionary(column.type):
            column = column.unify_dictionaries()
        column = column.combine_chunks()
    return column


def joined(parts: Sequence[Lines]) -> Lines:
    """Lines after lines; columns that only some have are unknown in the others."""
    tables = [part.table.cast(pa.schema([(name, SCHEMA[name]) for name in part.table.column_names])) for part in parts]
    return Lines(pa.concat_tables(tables, promote_options="default"))


def lines_of(lines: Iterable[FactLine]) -> Lines:
    """Rows of the scalar engine as columns. Unfit when one holds what a column cannot, for instance half a day of lag."""
    rows = [_row(line) for line in lines]
    names = [name for name in SCHEMA if any(row.get(name) is not None for row in rows)] or ["position"]
    columns = {name: [row.get(name) for row in rows] for name in names}
    try:
        return Lines(pa.table({name: pa.array(values, SCHEMA[name]) for name, values in columns.items()}))
    except (OverflowError, pa.ArrowInvalid) as error:
        raise Unfit(str(error)) from error


def _row(line: FactLine) -> dict[str, Any]:
    numbers = dict(line.numbers)
    if any(value.denominator != 1 for value in numbers.values()) or numbers.get("lag_days") != line.lag_days:
        raise Unfit("a number that is not whole")
    if line.components is not None and not (line.components and line.components.keys() <= set(COMPONENTS)):
        raise Unfit("an unknown component")
    row: dict[str, Any] = {
        "position": line.position,
        "rule": line.rule,
        "earns_on": line.earns_on,
        "base_minor": line.base_minor,
        "amount_minor": line.amount_minor,
        "count": line.count,
        "account": line.account,
        "balance_before_minor": line.balance_before_minor,
        "share": None if line.share == 1 else str(Fraction(line.share)),
    }
    row |= {f"component_{name}": minor for name, minor in (line.components or {}).items()}
    return row | dict(line.words) | {key: int(value) for key, value in numbers.items()}


def _fact_line(row: dict[str, Any]) -> FactLine:
    components = {name: row[f"component_{name}"] for name in COMPONENTS if row.get(f"component_{name}") is not None}
    return FactLine(
        position=row["position"],
        rule=row.get("rule"),
        base_minor=row.get("base_minor"),
        amount_minor=row.get("amount_minor"),
        count=row.get("count"),
        account=row.get("account") or "",
        words={key: row[key] for key in LISTED if row.get(key) is not None},
        numbers={key: row[key] for key in RANGED if row.get(key) is not None},
        components=components or None,
        lag_days=row.get("lag_days"),
        balance_before_minor=row.get("balance_before_minor"),
        share=share_of(row.get("share")),
        earns_on=row.get("earns_on"),
    )


def share_of(text: str | None) -> Exact:
    return slim(Fraction(text)) if text is not None else 1
