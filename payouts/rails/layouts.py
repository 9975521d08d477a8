"""A lender's own payment-file layout as data: read strictly, every problem at once; and written back the same way. Pure.

The shape, as JSON or TOML has it:

    label = "HDFC bulk"  separator = "|"  line_end = "crlf"  date_format = "%d/%m/%Y"  extension = "txt"  amount_format = "major"
    header = [{name, source, width}]   record = [{name, source, width, required, align, fill}]   trailer = […]
    answer = {columns, ref, amount, utr, status, reason, paid_words, returned_words, failed_words, header_word, trailer_word, …}

Places in `answer` count from 0. A separator of "" means fixed widths.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeGuard

from payouts.rails.profiles import AnswerLayout, Column, Profile
from portal.kernel.errors import Invalid, Problem

# What a column may hold beside a fixed text: of the payment, and of the whole file.
RECORD_FACTS = (
    *("ref", "amount", "currency", "name", "account_no", "ifsc", "email", "remark", "debit_account", "debit_ifsc"),
    *("payment_type", "value_date"),
)
FRAME_FACTS = ("corporate_id", "serial", "count", "total", "hash", "control", "value_date", "batch")
SEPARATORS = (",", "|", ";", "~", "^", "\t", "")
LINE_ENDS = {"lf": "\n", "crlf": "\r\n"}
DATE_FORMATS = ("%Y%m%d", "%d%m%Y", "%d/%m/%Y", "%d-%m-%Y", "%Y-%m-%d", "%d%m%y", "%d-%b-%Y")
NAME = re.compile(r"[a-z][a-z0-9_]{2,39}")
WORDS = ("paid_words", "returned_words", "failed_words")
PLACES = ("ref", "amount", "utr", "status", "reason")
KNOWN = {
    *("label", "separator", "line_end", "date_format", "extension", "amount_format", "header", "record", "trailer"),
    *("answer", "max_bytes", "source"),
}
WIDEST, MOST_COLUMNS, MOST_BYTES = 500, 80, 20 * 1024 * 1024


def profile_of(name: str, version: int | None, layout: Mapping[str, Any]) -> Profile:
    """The layout as the rail uses it. Raises Invalid with everything wrong with it."""
    problems = list(layout_problems(name, layout))
    if problems:
        raise Invalid(problems)
    extension = str(layout.get("extension", "txt"))
    return Profile(
        name=name,
        label=str(layout["label"]).strip(),
        separator=str(layout["separator"]),
        line_end=LINE_ENDS[layout.get("line_end", "lf")],
        date_format=str(layout.get("date_format", DATE_FORMATS[0])),
        extension=extension,
        media_type="text/csv" if extension == "csv" else "text/plain",
        max_bytes=int(layout.get("max_bytes", 2 * 1024 * 1024)),
        header=_columns(layout.get("header", ())),
        record=_columns(layout["record"]),
        trailer=_columns(layout.get("trailer", ())),
        answer=_answer(layout["answer"]),
        source=str(layout.get("source", "")),
        amount_format=str(layout.get("amount_format", "major")),
        version=version,
    )


def layout_of(profile: Profile) -> dict[str, Any]:
    """A layout as data: what `profile_of` reads back to the same."""
    answer = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(profile.answer).items()}
    return {
        "label": profile.label,
        "separator": profile.separator,
        "line_end": next(word for word, end in LINE_ENDS.items() if end == profile.line_end),
        "date_format": profile.date_format,
        "extension": profile.extension,
        "amount_format": profile.amount_format,
        "max_bytes": profile.max_bytes,
        "source": profile.source,
        **{part: [_column_data(each) for each in getattr(profile, part)] for part in ("header", "record", "trailer")},
        "answer": answer,
    }


def layout_problems(name: str, layout: Mapping[str, Any]) -> Sequence[Problem]:
    """Everything wrong with a layout, by its place."""
    found: list[Problem] = []

    def say(column: str, message: str, cure: str = "") -> None:
        found.append(Problem("bad_layout", message, cure, column=column))

    if not NAME.fullmatch(name):
        say("name", f"{name!r} is not a name for a layout.", "Use 3 to 40 small letters, digits and underscores.")
    for key in sorted(set(layout) - KNOWN):
        say(key, f"There is nothing called {key!r} in a layout.", f"Use: {', '.join(sorted(KNOWN))}.")
    if not str(layout.get("label", "")).strip():
        say("label", "The layout has no label.", "Say which bank's upload it is for.")
    _check_choices(layout, say)
    _check_columns("record", layout.get("record"), RECORD_FACTS, layout, say, needed=("ref", "amount", "account_no"))
    for part in ("header", "trailer"):
        _check_columns(part, layout.get(part, []), FRAME_FACTS, layout, say)
    _check_answer(layout, say)
    return found


def _check_choices(layout: Mapping[str, Any], say: Any) -> None:
    for key, choices, needed in (
        ("separator", SEPARATORS, True),
        ("line_end", tuple(LINE_ENDS), False),
        ("date_format", DATE_FORMATS, False),
        ("amount_format", ("major", "minor"), False),
    ):
        if (needed or key in layout) and layout.get(key) not in choices:
            say(key, f"{key} is {layout.get(key)!r}.", f"Use one of: {', '.join(map(repr, choices))}.")
    if not re.fullmatch(r"[a-z0-9]{2,5}", str(layout.get("extension", "txt"))):
        say("extension", "The file's ending is two to five small letters or digits.")
    size = layout.get("max_bytes", 1)
    if not _is_number(size) or not 1 <= size <= MOST_BYTES:
        say("max_bytes", f"max_bytes is between 1 and {MOST_BYTES:,}.")


def _check_columns(
    part: str, columns: Any, facts: Sequence[str], layout: Mapping[str, Any], say: Any, needed: Sequence[str] = ()
) -> None:
    if not isinstance(columns, list) or (needed and not columns) or len(columns) > MOST_COLUMNS:
        say(part, f"{part} is a list of up to {MOST_COLUMNS} columns.")
        return
    for number, column in enumerate(columns, start=1):
        where = f"{part} {number}"
        if not isinstance(column, Mapping):
            say(where, f"{where} is not a column.", "Give it name, source and width.")
            continue
        source, width = column.get("source"), column.get("width")
        if not isinstance(source, str) or (source not in facts and not _is_fixed_text(source, layout)):
            cure = f"Use a fixed text as =TEXT, or one of: {', '.join(facts)}."
            say(where, f"{where} holds {source!r}, which is nothing we know of here.", cure)
        if not _is_number(width) or not 1 <= width <= WIDEST:
            say(where, f"{where} is {width!r} wide; a width is between 1 and {WIDEST}.")
        if column.get("align", "left") not in ("left", "right") or len(str(column.get("fill", " "))) != 1:
            say(where, f"{where}: align is left or right, fill one character.")
        if unknown := set(column) - {"name", "source", "width", "required", "align", "fill"}:
            say(where, f"{where}: {', '.join(sorted(unknown))} means nothing here.")
    held = {column.get("source") for column in columns if isinstance(column, Mapping)}
    for fact in needed:
        if fact not in held:
            say(
                part,
                f"No column of {part} holds {fact}.",
                "Without it the file pays nobody, or its answer names nobody.",
            )


def _is_fixed_text(source: str, layout: Mapping[str, Any]) -> bool:
    printable = all(letter in string.printable and letter not in "\r\n\t" for letter in source)
    separator = str(layout.get("separator", ""))
    return source.startswith("=") and printable and not (separator and separator in source)


def _is_number(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _check_answer(layout: Mapping[str, Any], say: Any) -> None:
    answer = layout.get("answer")
    if not isinstance(answer, Mapping):
        say("answer", "answer is missing: how the bank's reverse file looks.")
        return
    columns = answer.get("columns")
    if not _is_number(columns) or not 3 <= columns <= MOST_COLUMNS:
        say("answer columns", "answer.columns is how many fields a line of the answer has.")
        columns = MOST_COLUMNS
    places = [answer.get(place) for place in PLACES]
    for place, at in zip(PLACES, places, strict=True):
        if not _is_number(at) or not 0 <= at < columns:
            say(f"answer {place}", f"answer.{place} is the place of {place} in the line, from 0.")
    if len(set(map(str, places))) != len(places):
        say("answer", "Two facts of the answer stand at the same place.")
    words = [word for key in WORDS for word in _words(answer, key)]
    if not _words(answer, "paid_words") or not _words(answer, "returned_words"):
        say("answer", "answer.paid_words and answer.returned_words are the bank's words for each.")
    if len(set(words)) != len(words):
        say("answer", "One word of the bank means two things.")
    widths = answer.get("widths", [])
    if layout.get("separator") == "" and (not isinstance(widths, list) or len(widths) != columns):
        say("answer widths", "Without a separator answer.widths says how wide each field of the answer is.")
    if unknown := set(answer) - set(AnswerLayout.__dataclass_fields__):
        say("answer", f"{', '.join(sorted(unknown))} means nothing in an answer.")


def _words(answer: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = answer.get(key, ())
    return tuple(str(word).upper() for word in value) if isinstance(value, list | tuple) else ()


def _columns(columns: Sequence[Mapping[str, Any]]) -> tuple[Column, ...]:
    return tuple(
        Column(
            str(column.get("name") or column["source"]),
            column["source"],
            column["width"],
            bool(column.get("required", True)),
            column.get("align", "left"),
            column.get("fill", " "),
        )
        for column in columns
    )


def _column_data(column: Column) -> dict[str, Any]:
    data: dict[str, Any] = {"name": column.name, "source": column.source, "width": column.width}
    if not column.is_required:
        data["required"] = False
    if (column.align, column.fill) != ("left", " "):
        data |= {"align": column.align, "fill": column.fill}
    return data


def _answer(answer: Mapping[str, Any]) -> AnswerLayout:
    paid, returned, failed = (_words(answer, key) for key in WORDS)
    return AnswerLayout(
        columns=answer["columns"],
        **{place: answer[place] for place in PLACES},
        paid_words=paid,
        returned_words=returned,
        failed_words=failed,
        header_word=str(answer.get("header_word", "")),
        trailer_word=str(answer.get("trailer_word", "")),
        trailer_hash=bool(answer.get("trailer_hash", False)),
        widths=tuple(answer.get("widths", ())),
    )
