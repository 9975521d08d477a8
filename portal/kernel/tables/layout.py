"""How one sender's file is laid out: told by a person, remembered from last time, or found out; and what is proposed for it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from portal.kernel.tables.dates import DateOrder
from portal.kernel.tables.spec import ERROR_COLUMNS, normal

Why = Literal["told", "name", "alias", "contents", "likeness"]
NOT_MAPPED = ""


@dataclass(frozen=True)
class Layout:
    """How a file is to be read. None, or a column that is not mentioned, means: work it out.

    `header_row` is the file's own row number (from 1) of the last row of the header, `header_rows` how many rows it has.
    `columns` maps our column's name to the label of the file's header that feeds it; "" says that nothing does.
    """

    sheet: str | None = None
    header_row: int | None = None
    header_rows: int | None = None
    encoding: str | None = None
    delimiter: str | None = None
    date_order: DateOrder | None = None
    columns: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def key(header: Sequence[str]) -> str:
        """What a header is remembered by: the sha256 of its normal forms, without the empty cells at its end.

        The columns we add to rejected rows do not count: a file given back is read like the file it came from.
        """
        forms = [form for cell in header if (form := normal(cell)) not in OURS]
        while forms and not forms[-1]:
            forms.pop()
        return hashlib.sha256("\x1f".join(forms).encode("utf-8", "replace")).hexdigest()

    def as_json(self) -> dict[str, Any]:
        """What was told or found, without what is open; made of texts, numbers and one object, fit for a JSON column."""
        found = {name: getattr(self, name) for name in (*TEXTS, *NUMBERS) if getattr(self, name) is not None}
        return {**found, "columns": dict(self.columns)} if self.columns else found

    @classmethod
    def from_json(cls, stored: Mapping[str, Any] | None) -> Layout:
        """A layout from what was stored; anything that is not of its kind counts as not told."""
        stored = stored or {}
        kept: dict[str, Any] = {n: value for n in TEXTS if isinstance(value := stored.get(n), str) and value}
        kept |= {n: value for n in NUMBERS if type(value := stored.get(n)) is int and value > 0}
        if kept.get("date_order") not in ("dmy", "mdy"):
            kept.pop("date_order", None)
        columns = stored.get("columns")
        pairs = columns.items() if isinstance(columns, Mapping) else ()
        return cls(**kept, columns={str(ours): theirs for ours, theirs in pairs if isinstance(theirs, str)})

    def told(self, **answers: Any) -> Layout:
        """This layout with answers added; `columns` joins what is known of the columns already."""
        columns = {**self.columns, **answers.pop("columns", {})}
        return replace(self, columns=columns, **answers)


OURS = frozenset(map(normal, ERROR_COLUMNS))
TEXTS = ("sheet", "encoding", "delimiter", "date_order")
NUMBERS = ("header_row", "header_rows")


@dataclass(frozen=True)
class Proposal:
    """Which column of the file may feed one of ours. `position` counts from 0; `rivals` are other labels that would do as well.

    Only what is `sure` is read without asking: what was told, names and aliases, and a near miss in the name of a column that
    holds no money.
    """

    column: str
    header: str
    position: int
    why: Why
    sure: bool
    rivals: list[str] = field(default_factory=list)
