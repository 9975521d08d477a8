"""An upload arrives: of a text or a workbook's sheet, UTF-8 text on disk and what there is to ask and to tell about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from portal.kernel.errors import Invalid, Problem
from portal.kernel.tables.heading import find_heading
from portal.kernel.tables.intake import TextFile, as_text, check_kind
from portal.kernel.tables.layout import Layout
from portal.kernel.tables.limits import Limits
from portal.kernel.tables.mapping import Hint
from portal.kernel.tables.spec import SheetSpec, Vocabulary
from portal.kernel.tables.workbook import FIRST, Extract, SheetInside, extract


@dataclass(frozen=True)
class Asked:
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
class Arrived:
    """A UTF-8 text and what is known of how it came about."""

    file: TextFile
    inside: Extract | None = None
    sheets: list[str] = field(default_factory=list)
    questions: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)


def arrived(path: Path, folder: Path, asked: Asked) -> Arrived:
    """An upload as UTF-8 text on disk. Raises Invalid when it cannot be read at all; a file taken at its word is not guessed at."""
    if check_kind(path, asked.limits) == "workbook":
        return _workbook_text(path, folder, asked)
    file = as_text(path, folder, asked.layout.encoding)
    if asked.literal and file.wrong:
        raise Invalid(file.wrong)
    questions = [file.wrong] if file.wrong and not file.note else []
    return Arrived(file, questions=questions, notes=[file.note] if file.note else [])


def _workbook_text(path: Path, folder: Path, asked: Asked) -> Arrived:
    wanted = FIRST if asked.literal else asked.layout.sheet
    lost: list[Problem] = []
    try:
        inside = extract(path, folder, asked.limits, wanted)
    except Invalid as refused:
        if refused.problems[0].code != "no_such_sheet":
            raise
        lost = [replace(refused.problems[0], message=f"The workbook has no sheet “{str(wanted)[:40]}”.", cure="")]
        inside = extract(path, folder, asked.limits, wanted := None)
    text = Arrived(TextFile(inside.path, 0, "utf-8"), inside, notes=lost)
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


def _fitting(sheets: Sequence[SheetInside], asked: Asked) -> list[str]:
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
    unsaved = sum(kind == "formula" for _, _, kind in inside.lost)
    lost = f"; {unsaved:,} have no saved result" if unsaved else ""
    cells = "1 cell holds a formula" if inside.formulas == 1 else f"{inside.formulas:,} cells hold formulas"
    message = f"{cells}; the results saved in the file were read{lost}."
    return Problem("formulas_read", message)
