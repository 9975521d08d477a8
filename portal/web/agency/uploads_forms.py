"""Forms of the upload pages, and how an answer about a file's layout is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_wtf.file import FileField, FileRequired
from wtforms import BooleanField

from allocations.collections.uploads.file_columns import COLLECTIONS
from portal.kernel.errors import Invalid, Problem
from portal.kernel.tables.layout import NOT_MAPPED, Layout
from portal.web.edge import ActForm

ENCODINGS = (("utf-8", "UTF-8"), ("cp1252", "Windows (cp1252)"), ("utf-16", "UTF-16"))


class HandInForm(ActForm):
    file = FileField("File", [FileRequired("Choose a file.")])
    all_or_nothing = BooleanField("Store nothing unless every row is right")


class UploadActForm(ActForm):
    """One press of a button on an upload's page."""


def told_places(form: Mapping[str, Any], layout: Mapping[str, Any]) -> Layout:
    """Where the table stands, as a person says: sheet, header row, encoding. What was told of columns falls away with the header.

    Raises Invalid for what this file does not have.
    """
    told = Layout.from_json(layout.get("told"))
    sheet, row, encoding = (str(form.get(name, "")).strip() for name in ("sheet", "header_row", "encoding"))
    if sheet and sheet not in layout.get("sheets", []):
        raise Invalid(Problem("unknown_sheet", "There is no such sheet in this file.", "Choose one of its sheets."))
    if row and not (row.isascii() and row.isdigit() and 1 <= int(row) <= 60):
        raise Invalid(Problem("bad_header_row", "The header stands in one of the first 60 rows.", "Give its number."))
    if encoding and encoding not in dict(ENCODINGS):
        raise Invalid(Problem("unknown_encoding", "This encoding is not known.", "Choose one of the list."))
    return Layout(
        sheet=sheet or told.sheet,
        header_row=int(row) if row else told.header_row,
        encoding=encoding or told.encoding,
        date_order=told.date_order,
    )


def told_columns(form: Mapping[str, Any], layout: Mapping[str, Any]) -> Layout:
    """Which column is which and which comes first in a date, as a person says. Raises Invalid with everything that cannot be."""
    told, header = Layout.from_json(layout.get("told")), layout.get("header", [])
    columns = {column.name: str(form.get(f"map-{column.name}", "")) for column in COLLECTIONS.columns}
    problems = [
        Problem("unknown_header", f"The file has no column “{label[:60]}”.", "Choose one of its columns.", column=name)
        for name, label in columns.items()
        if label != NOT_MAPPED and label not in header
    ]
    problems += taken_twice(columns)
    problems += [
        Problem("missing_column", f"Which column is {column.name}?", "Choose it: it is needed.", column=column.name)
        for column in COLLECTIONS.columns
        if column.needed and not columns[column.name]
    ]
    if problems:
        raise Invalid(problems)
    order = form.get("date_order")
    return told.told(columns=columns, **({"date_order": order} if order in ("dmy", "mdy") else {}))


def taken_twice(columns: Mapping[str, str]) -> list[Problem]:
    by_label: dict[str, list[str]] = {}
    for name, label in columns.items():
        if label:
            by_label.setdefault(label, []).append(name)
    return [
        Problem(
            "column_twice", f"“{label[:60]}” is chosen for {' and '.join(names)}.", "Choose it once.", column=names[1]
        )
        for label, names in by_label.items()
        if len(names) > 1
    ]
