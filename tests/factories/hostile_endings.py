"""How a file that wishes us ill, or merely odd, is to end: refused, asked about, read with faulty rows, or read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from allocations.collections.uploads.file_columns import COLLECTIONS
from portal.kernel.errors import Invalid
from portal.kernel.tables.layout import Layout
from portal.kernel.tables.limits import Limits
from portal.kernel.tables.source import open_sheet


@dataclass(frozen=True)
class Ending:
    """`refused`: the whole file, with this code. `asked`: a question with this code stands before the rows can be read.
    `faulty`: it is read, and a row has this code. `read`: it is read; `code`, if any, is that of a note. `good` counts good rows."""

    how: Literal["refused", "asked", "faulty", "read"]
    code: str = ""
    good: int | None = None


@dataclass(frozen=True)
class Odd:
    """An odd file: a name that says what is odd, how it is made, and how it ends."""

    name: str
    make: Callable[[], bytes]
    ending: Ending


def refused(code: str) -> Ending:
    return Ending("refused", code)


def asked(code: str) -> Ending:
    return Ending("asked", code)


def faulty(code: str, good: int | None = None) -> Ending:
    return Ending("faulty", code, good)


def read(good: int, note: str = "") -> Ending:
    return Ending("read", note, good)


@dataclass
class Outcome:
    """What became of a file: the codes it was refused with or asked about, or those of its notes and rows."""

    refused: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    rows: list[str] = field(default_factory=list)
    good: int = 0
    seen: int = 0

    def __str__(self) -> str:
        return f"refused {self.refused}, asked {self.asked}, noted {self.notes}, rows {self.rows[:9]}, good {self.good}/{self.seen}"


def outcome(data: bytes, folder: Path, layout: Layout | None = None, limits: Limits | None = None) -> Outcome:
    """Open and read a file to its end; any exception but Invalid comes through."""
    path = folder / "upload"
    path.write_bytes(data)
    out = Outcome()
    try:
        with open_sheet(path, "upload", COLLECTIONS, currency="INR", layout=layout, limits=limits) as source:
            out.asked = [problem.code for problem in source.questions]
            out.notes = [problem.code for problem in source.notes]
            for sheet in () if source.questions else source.chunks():
                out.good += int(sheet.good.sum())
                out.seen += len(sheet)
                out.rows += [problem.code for problem in sheet.problems]
                assert len(list(sheet.rejected_rows())) == sheet.rejected
            assert source.questions or out.seen == source.row_estimate
    except Invalid as invalid:
        assert all(problem.code and problem.message for problem in invalid.problems)
        out.refused = [problem.code for problem in invalid.problems]
    return out


def ends_as_it_should(odd: Odd, folder: Path) -> None:
    found, wanted = outcome(odd.make(), folder), odd.ending
    if wanted.how == "refused":
        assert found.refused == [wanted.code], found
    elif wanted.how == "asked":
        assert wanted.code in found.asked, found
    else:
        assert not found.refused and not found.asked, found
        assert wanted.how == "faulty" or not found.rows, found
        assert not wanted.code or wanted.code in (found.rows if wanted.how == "faulty" else found.notes), found
        assert wanted.good in (None, found.good), found
