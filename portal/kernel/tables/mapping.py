"""Which column of a file feeds which of ours: as told, by name, by other people's names, by what stands in it, by likeness.

What is not certain is asked. A column that holds money is never found by its contents alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from difflib import SequenceMatcher
from itertools import pairwise

from portal.kernel.errors import Problem
from portal.kernel.tables.dates import COMPACT, SERIAL, parse_date
from portal.kernel.tables.header_words import words
from portal.kernel.tables.layout import NOT_MAPPED, Layout, Proposal, Why
from portal.kernel.tables.spec import ERROR_COLUMNS, Column, SheetSpec, match_header, normal
from portal.kernel.tables.values import choice_table, parse_amount, parse_time

Hint = Callable[[str], bool]

FITS, LIKE, SURELY_LIKE = 0.8, 0.75, 0.88
# How identifiers look, where a column's contents may speak for it. A caller's hints come before these.
SHAPES: dict[str, re.Pattern[str]] = {
    "instrument_ref": re.compile(r"[A-Z]{3,4}[A-Z0-9]?\d{6,18}|\d{12}|\d{6}", re.ASCII | re.IGNORECASE),
    "loan_account_no": re.compile(r"(?=.*\d{4})[A-Z]{0,6}[-/]?[A-Z0-9]{2,}(?:[-/]?\d+)*", re.ASCII | re.IGNORECASE),
    "receipt_no": re.compile(r"[A-Z]{1,5}[-/ ]?[A-Z0-9]{0,6}[-/ ]?\d{1,8}|\d{1,8}", re.ASCII | re.IGNORECASE),
    "gstin": re.compile(r"\d{2}[A-Z]{5}\d{4}[A-Z][A-Z0-9]Z[A-Z0-9]", re.ASCII),
    "pan": re.compile(r"[A-Z]{5}\d{4}[A-Z]", re.ASCII),
    "ifsc": re.compile(r"[A-Z]{4}0[A-Z0-9]{6}", re.ASCII),
    "mobile": re.compile(r"(?:\+?91[- ]?)?[6-9]\d{9}", re.ASCII),
    "email": re.compile(r"[^@\s]+@[^@\s]+\.[a-z]{2,}", re.IGNORECASE),
}
STRONG = {"instrument_ref", "gstin", "pan", "ifsc", "mobile", "email"}  # shapes that hardly fit anything else


@dataclass
class Mapped:
    """`positions` are the columns to read, all certain; `proposals` say why and hold what is only likely; the rest is told."""

    positions: dict[str, int] = field(default_factory=dict)
    proposals: dict[str, Proposal] = field(default_factory=dict)
    unknown: list[int] = field(default_factory=list)
    questions: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)

    def add(self, proposal: Proposal) -> None:
        self.proposals[proposal.column] = proposal
        if proposal.sure:
            self.positions[proposal.column] = proposal.position


@dataclass(frozen=True)
class Found:
    """The file's side: a label, the header's text and the first values (blanks left out) of each column; the header's row."""

    labels: Sequence[str]
    texts: Sequence[str]
    values: Sequence[Sequence[str]]
    row: int = 1


def propose(
    found: Found,
    spec: SheetSpec,
    layout: Layout,
    currency: str,
    aliases: Mapping[str, Sequence[str]] | None = None,
    hints: Mapping[str, Hint] | None = None,
) -> Mapped:
    """A mapping of a file's columns to those of `spec`, each with its reason, and a question for each needed one in doubt."""
    mapped = Mapped()
    shut = _told(found, spec, layout, mapped)
    _named(found, spec, aliases or {}, shut, mapped)
    _worded(found, spec, aliases or {}, shut, mapped)
    _likely(found, spec, currency, aliases or {}, hints or {}, shut, mapped)
    used = set(mapped.positions.values())
    errors = {normal(name) for name in ERROR_COLUMNS}
    for at, label in enumerate(found.labels):
        nameless = not found.texts[at].strip() and not found.values[at]
        if at not in used and not nameless and normal(label) not in errors:
            mapped.unknown.append(at)
    mapped.questions += _open_questions(spec, mapped, found, shut)
    return mapped


def _told(found: Found, spec: SheetSpec, layout: Layout, mapped: Mapped) -> set[str]:
    """Take what a person said or we remember; returns the columns that nothing is to feed."""
    shut = set()
    names = {column.name for column in spec.columns}
    for name, header in layout.columns.items():
        if name not in names:
            continue
        if header == NOT_MAPPED:
            shut.add(name)
            continue
        at = _place(found.labels, header)
        if at is None or at in mapped.positions.values():
            why = "is not in this file" if at is None else "already feeds another column"
            message = f"{name} was to be read from “{header[:60]}”, which {why}."
            mapped.notes.append(Problem("told_column_missing", message, "Say again which column it is.", column=name))
            continue
        mapped.add(Proposal(name, found.labels[at], at, "told", True))
    return shut


def _place(labels: Sequence[str], header: str) -> int | None:
    if header in labels:
        return labels.index(header)
    same = [at for at, label in enumerate(labels) if normal(label) == normal(header) != ""]
    return same[0] if len(same) == 1 else None


def _named(found: Found, spec: SheetSpec, aliases: Mapping[str, Sequence[str]], shut: set[str], mapped: Mapped) -> None:
    """Our own names and the aliases, over what is left."""
    left = tuple(column for column in spec.columns if column.name not in mapped.positions and column.name not in shut)
    used = set(mapped.positions.values())
    header = ["" if at in used else text for at, text in enumerate(found.texts)]
    match = match_header(header, SheetSpec(spec.name, left), aliases)
    for name, at in match.positions.items():
        why: Why = "name" if normal(found.texts[at]) == normal(name) else "alias"
        mapped.add(Proposal(name, found.labels[at], at, why, True))
        _doubt_money(found, spec.column(name), aliases, match.unknown, mapped)
    for problem in match.problems:
        if problem.code != "duplicate_column":
            continue
        mapped.questions.append(replace(problem, row=found.row))
        _contested(found, spec.column(problem.column), aliases, mapped)


def _worded(
    found: Found, spec: SheetSpec, aliases: Mapping[str, Sequence[str]], shut: set[str], mapped: Mapped
) -> None:
    """Names and aliases once more, with abbreviations written out and in any order; two that fit are both in doubt."""
    taken = {one.position for one in mapped.proposals.values()}
    said = {at: heard for at, text in enumerate(found.texts) if at not in taken and (heard := words(text))}
    for column in spec.columns:
        if column.name in mapped.proposals or column.name in shut:
            continue
        ours = {words(word) for word in column.spoken(aliases)}
        fits = [at for at, heard in said.items() if heard in ours]
        if fits:
            rivals = [found.labels[at] for at in fits[1:]]
            mapped.add(Proposal(column.name, found.labels[fits[0]], fits[0], "alias", not rivals, rivals))
            for at in fits:
                said.pop(at)


def _doubt_money(
    found: Found, column: Column, aliases: Mapping[str, Sequence[str]], left: Sequence[int], mapped: Mapped
) -> None:
    """“Amount” beside “Amount Collected”: by name the first is ours, but with money that is asked."""
    ours = {words(word) for word in column.spoken(aliases)}
    known = column.known_as(aliases)
    rivals = [found.labels[at] for at in left if normal(found.texts[at]) in known or words(found.texts[at]) in ours]
    if column.kind == "amount" and column.needed and rivals:
        del mapped.positions[column.name]
        mapped.proposals[column.name] = replace(mapped.proposals[column.name], sure=False, rivals=rivals)


def _contested(found: Found, column: Column, aliases: Mapping[str, Sequence[str]], mapped: Mapped) -> None:
    """Two headers claim one column: neither is taken until a person says which."""
    first = mapped.positions.pop(column.name, mapped.proposals[column.name].position)
    known = {normal(column.name)} | column.known_as(aliases)
    rivals = [found.labels[at] for at, text in enumerate(found.texts) if at != first and normal(text) in known]
    mapped.proposals[column.name] = replace(mapped.proposals[column.name], sure=False, rivals=rivals)


# --- what the contents and the likeness of names say -------------------------------------------------------------------


@dataclass(frozen=True)
class _Claim:
    column: Column
    at: int
    fits: float | None
    like: float

    plain: bool = False  # an amount that could as well be a count: digits alone

    @property
    def merit(self) -> float:
        return (self.fits or 0) + 2 * (self.like if self.like >= LIKE else 0) - self.plain


def _likely(
    found: Found,
    spec: SheetSpec,
    currency: str,
    aliases: Mapping[str, Sequence[str]],
    hints: Mapping[str, Hint],
    shut: set[str],
    mapped: Mapped,
) -> None:
    held = {one.position for one in mapped.proposals.values()}
    free = [at for at in range(len(found.labels)) if at not in held]
    open_columns = [
        column for column in spec.columns if column.name not in mapped.proposals and column.name not in shut
    ]
    claims = [
        claim
        for column in open_columns
        for at in free
        if (claim := _claim(column, at, found, currency, aliases, hints)) is not None
    ]
    claims.sort(key=lambda claim: (-claim.merit, not claim.column.needed, claim.at))
    taken: set[int] = set()
    for claim in claims:
        if claim.at in taken or claim.column.name in mapped.proposals:
            continue
        taken.add(claim.at)
        mapped.add(_proposal(claim, [other for other in claims if other.column == claim.column], found))


def _claim(
    column: Column,
    at: int,
    found: Found,
    currency: str,
    aliases: Mapping[str, Sequence[str]],
    hints: Mapping[str, Hint],
) -> _Claim | None:
    values = found.values[at]
    fits = fit(column, values, currency, hints.get(column.name))
    like = likeness(found.texts[at], column, aliases)
    if fits is not None and fits < 0.5:
        return None
    telling = column.needed or column.kind == "choice" or column.name in STRONG or column.name in hints
    if like >= LIKE or (fits is not None and fits >= FITS and telling and values):
        return _Claim(column, at, fits, like, column.kind == "amount" and all(value.isdigit() for value in values))
    return None


def _proposal(claim: _Claim, same: list[_Claim], found: Found) -> Proposal:
    by_name = claim.like >= LIKE
    rivals = [other for other in same if other.at != claim.at]
    close = [other for other in rivals if other.like >= LIKE or not by_name]
    proved = claim.column.name in STRONG and claim.fits is not None and claim.fits >= 0.9
    near = claim.like >= SURELY_LIKE and (claim.fits is None or claim.fits >= 0.9)
    certain = claim.column.kind != "amount" and (near or (by_name and proved))
    label = found.labels[claim.at]
    names = [found.labels[other.at] for other in rivals]
    return Proposal(
        claim.column.name, label, claim.at, "likeness" if by_name else "contents", certain and not close, names
    )


def likeness(label: str, column: Column, aliases: Mapping[str, Sequence[str]]) -> float:
    """How near a header comes to any name of a column, from 0 to 1."""
    form = normal(label)
    if len(form) < 3 or len(form) > 60:
        return 0.0
    known = {normal(column.name)} | column.known_as(aliases)
    return max((SequenceMatcher(None, form, word).ratio() for word in known if len(word) >= 3), default=0.0)


def fit(column: Column, values: Sequence[str], currency: str, hint: Hint | None = None) -> float | None:
    """The share of values that could be this column's; None where contents say nothing (no values, or any text would do)."""
    test = hint or _test(column, currency)
    if test is None or not values:
        return None
    if column.kind == "amount" and _counts(values):
        return 0.0
    return sum(bool(test(value)) for value in values) / len(values)


def _test(column: Column, currency: str) -> Hint | None:
    if column.kind == "amount":
        return lambda text: _is_amount(text, currency)
    if column.kind == "date":
        return _is_date
    if column.kind == "time":
        return lambda text: ":" in text and not hasattr(parse_time(text), "code")
    if column.kind == "choice":
        table = choice_table(column)
        return lambda text: normal(text) in table
    if column.pattern:
        pattern = re.compile(column.pattern)
        return lambda text: pattern.fullmatch(text) is not None
    shape = SHAPES.get(column.name)
    return (lambda text: shape.fullmatch(text) is not None and not _is_date(text)) if shape else None


def _counts(values: Sequence[str]) -> bool:
    """Whether the values number the rows: 1, 2, 3."""
    if len(values) < 2 or not all(value.isascii() and value.isdigit() and len(value) < 10 for value in values):
        return False
    numbers = [int(value) for value in values]
    return all(after == before + 1 for before, after in pairwise(numbers))


def _is_amount(text: str, currency: str) -> bool:
    if len(text) > 20 or (text.isdigit() and (len(text) > 8 or (text.startswith("0") and len(text) > 1))):
        return False
    return isinstance(parse_amount(text, currency, signed=True), int)


def _is_date(text: str) -> bool:
    if SERIAL.fullmatch(text) or (COMPACT.fullmatch(text) and not text.startswith("20")):
        return False
    return any(isinstance(parse_date(text, order), date) for order in ("dmy", "mdy"))


def _open_questions(spec: SheetSpec, mapped: Mapped, found: Found, shut: set[str]) -> list[Problem]:
    """Every needed column that nothing certain feeds."""
    asked = {problem.column for problem in mapped.questions}
    out = []
    for column in spec.columns:
        name = column.name
        if not column.needed or name in mapped.positions or name in asked:
            continue
        proposal = mapped.proposals.get(name)
        if proposal:
            what = "its name is like it" if proposal.why == "likeness" else "what stands in it looks like it"
            why = (
                f"Nothing is named so, and {what}."
                if proposal.why in ("likeness", "contents")
                else "Another could be it too."
            )
            message = f"Is “{proposal.header}” the {name}? {why}"
            others = (
                f" It could also be {', '.join(f'“{one}”' for one in proposal.rivals[:4])}." if proposal.rivals else ""
            )
            cure = "Say which column it is." + others
            out.append(Problem("confirm_column", message, cure, row=found.row, column=name, value=proposal.header))
        else:
            said = " You said that no column holds it." if name in shut else ""
            message = f"The column {name} is missing.{said}"
            cure = f"Add a column named {name}, or say which column it is."
            out.append(Problem("missing_column", message, cure, row=found.row, column=name))
    return out
