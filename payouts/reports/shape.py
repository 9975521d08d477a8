"""The shape of an answer: sections of typed rows, totals that are sums of what is shown, rates beside the numbers they come from. Pure.

An answer is kept as canonical JSON. Cells there: text as it is, a count as a number, `{"minor", "currency"}`, `{"day"}`,
`{"rate"}` (decimal text, two places), and null for what cannot be said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

from portal.kernel.money import Money, grouped, half_up, shown

Cell = str | int | Money | date | None
Row = Mapping[str, Cell]
KINDS = ("text", "count", "money", "day", "rate", "average")
SUMMED = ("count", "money")
DERIVED = ("rate", "average")
PLACES = 100  # a rate is shown with two decimals


@dataclass(frozen=True, slots=True)
class Column:
    """One column and what it means. A `rate` is `of[0]` for every `per` of `of[1]`; an `average` is money of `of[0]` for each of `of[1]`.

    `summed` false: a count or an amount whose sum would say nothing.
    """

    key: str
    title: str
    meaning: str
    kind: str = "text"
    of: tuple[str, str] = ("", "")
    per: int = 100
    summed: bool = True


@dataclass(frozen=True, slots=True)
class Section:
    """A table with its title; `picture` names the column drawn as bars beside its first column. `note` says what it covers."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    note: str = ""
    picture: str = ""
    empty: str = "Nothing falls into this."


def text_column(key: str, title: str, meaning: str) -> Column:
    return Column(key, title, meaning)


def count(key: str, title: str, meaning: str, *, summed: bool = True) -> Column:
    return Column(key, title, meaning, "count", summed=summed)


def money(key: str, title: str, meaning: str, *, summed: bool = True) -> Column:
    return Column(key, title, meaning, "money", summed=summed)


def day_column(key: str, title: str, meaning: str) -> Column:
    return Column(key, title, meaning, "day")


def rate(key: str, title: str, meaning: str, part: str, whole: str, *, per: int = 100) -> Column:
    return Column(key, title, meaning, "rate", (part, whole), per)


def average(key: str, title: str, meaning: str, part: str, whole: str) -> Column:
    return Column(key, title, meaning, "average", (part, whole))


def section_of(section: Section) -> dict[str, Any]:
    """A section as it is kept: rates worked out, totals by currency, every cell in its canonical form."""
    rows = [_filled(section, row) for row in section.rows]
    return {
        "title": section.title,
        "note": section.note,
        "empty": section.empty,
        "picture": section.picture,
        "columns": [
            {"key": each.key, "title": each.title, "kind": each.kind, "meaning": each.meaning, "per": each.per}
            for each in section.columns
        ],
        "rows": [[_kept(row.get(each.key)) for each in section.columns] for row in rows],
        "totals": [[_kept(row.get(each.key)) for each in section.columns] for row in _totals(section)],
    }


def _filled(section: Section, row: Row) -> dict[str, Any]:
    found: dict[str, Any] = dict(row)
    for column in section.columns:
        if column.kind in DERIVED:
            found[column.key] = _derived(column, found)
    return found


def _derived(column: Column, row: Mapping[str, Any]) -> Money | Fraction | None:
    part, whole = (row.get(key) for key in column.of)
    minor, base = (each.minor if isinstance(each, Money) else each for each in (part, whole))
    if minor is None or not base:
        return None
    if column.kind == "average":
        return Money(half_up(Fraction(minor, base)), part.currency) if isinstance(part, Money) else None
    return Fraction(minor * column.per, base)


def _totals(section: Section) -> list[dict[str, Any]]:
    """One line a currency: the sums of the shown lines, and the rates of the sums. None where there is nothing to sum."""
    sums = [column for column in section.columns if column.kind in SUMMED and column.summed]
    if not sums or len(section.rows) < 2:
        return []
    groups: dict[str, list[Row]] = {}
    for row in section.rows:
        groups.setdefault(_currency(row), []).append(row)
    return [_total(section, sums, currency, rows, len(groups) > 1) for currency, rows in sorted(groups.items())]


def _total(
    section: Section, sums: Sequence[Column], currency: str, rows: Sequence[Row], several: bool
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for column in sums:
        whole = sum(_number(row.get(column.key)) for row in rows)
        found[column.key] = Money(whole, currency) if column.kind == "money" else whole
    found[section.columns[0].key] = f"All, {currency}" if several and currency else "All"
    return _filled(section, found)


def _number(cell: Cell) -> int:
    return cell.minor if isinstance(cell, Money) else cell if isinstance(cell, int) else 0


def _currency(row: Row) -> str:
    return next((cell.currency for cell in row.values() if isinstance(cell, Money)), "")


def _kept(cell: Any) -> Any:
    if isinstance(cell, Money):
        return {"minor": cell.minor, "currency": cell.currency}
    if isinstance(cell, Fraction):
        hundredths = half_up(cell * PLACES)
        whole, part = divmod(abs(hundredths), PLACES)
        return {"rate": f"{'-' if hundredths < 0 else ''}{whole}.{part:02d}"}
    return {"day": cell.isoformat()} if isinstance(cell, date) else cell


def row_count(sections: Sequence[Mapping[str, Any]]) -> int:
    return sum(len(section["rows"]) for section in sections)


# --- an answer for people


def question_in_words(content: Mapping[str, Any]) -> str:
    """ "Portfolio health, October 2026, all agencies (edition 1 of this report)"."""
    return f"{content['title']}, {content['covers']} (edition {content['version']} of this report)"


def in_words(column: Mapping[str, Any], cell: Any) -> str:
    """A kept cell as people read it; a rate with its sign."""
    if cell is None:
        return "–"
    if isinstance(cell, Mapping):
        return _WORDS[next(key for key in ("minor", "rate", "day") if key in cell)](column, cell)
    return _counted(cell) if isinstance(cell, int) else str(cell)


def _counted(number: int) -> str:
    return ("−" if number < 0 else "") + grouped(str(abs(number)), indian=True)


def _rated(column: Mapping[str, Any], cell: Mapping[str, Any]) -> str:
    sign = " %" if column["per"] == 100 else f" per {_counted(column['per'])}" if column["per"] != 1 else ""
    return f"{cell['rate']}{sign}"


_WORDS: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any]], str]] = {
    "minor": lambda column, cell: shown(cell["minor"], cell["currency"]),
    "rate": _rated,
    "day": lambda column, cell: f"{date.fromisoformat(cell['day']):%d %b %Y}",
}


def drawn(section: Mapping[str, Any]) -> list[tuple[str, str, int]]:
    """The picture of a kept section: (label, what it says, how long), for one currency; empty where there is none."""
    place = next((at for at, each in enumerate(section["columns"]) if each["key"] == section["picture"]), None)
    if place is None or len({_of(row[place]) for row in section["rows"] if row[place] is not None}) > 1:
        return []
    column = section["columns"][place]
    rows = [row for row in section["rows"] if row[place] is not None]
    return [
        (in_words(section["columns"][0], row[0]), in_words(column, row[place]), _length(row[place])) for row in rows
    ]


def _of(cell: Any) -> str:
    return str(cell.get("currency", "")) if isinstance(cell, Mapping) else ""


def _length(cell: Any) -> int:
    if isinstance(cell, Mapping):
        return int(cell["minor"]) if "minor" in cell else int(str(cell["rate"]).replace(".", ""))
    return int(cell)


def told(section: Mapping[str, Any]) -> str:
    """The picture in words."""
    bars = drawn(section)
    title = next((each["title"] for each in section["columns"] if each["key"] == section["picture"]), "")
    return f"{section['title']}, {title.lower()}: " + "; ".join(f"{label} {says}" for label, says, _ in bars) + "."
