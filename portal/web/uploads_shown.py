"""What the upload pages show of a file's layout and of what it came to, made from what the dry run wrote down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from allocations.collections.models import Upload
from allocations.collections.uploads.correction_facts import changes as changes
from allocations.collections.uploads.file_columns import COLLECTIONS
from portal.kernel.errors import Problem
from portal.kernel.tables.dates import parse_date

LABELS = {
    "receipt_no": "Receipt number",
    "loan_account_no": "Loan account",
    "amount": "Amount",
    "collected_on": "Day of collection",
    "collected_time": "Time of collection",
    "mode": "Way of paying",
    "instrument_ref": "Reference (UTR, cheque)",
    "agent_code": "Agent",
    "deposit_slip_no": "Deposit slip",
    "deposited_on": "Day of deposit",
    "component_principal": "Of it principal",
    "component_interest": "Of it interest",
    "component_charges": "Of it charges",
    "latitude": "Latitude",
    "longitude": "Longitude",
    "remarks": "Remarks",
}
WHY = {
    "told": "as you said",
    "name": "by its name",
    "alias": "by its name",
    "likeness": "its name is close",
    "contents": "by what stands in it",
}
DATE_QUESTIONS = ("ambiguous_dates",)
MAPPING_QUESTIONS = ("confirm_column", "missing_column", "duplicate_column")


def column_rows(layout: Mapping[str, Any], chosen: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """One row for each of our columns: which of the file's is proposed and why, needed ones and doubtful ones first.

    `chosen` is what a person chose just now, when the page comes back to them.
    """
    proposals, told = layout.get("proposals", {}), layout.get("told", {}).get("columns", {})
    rows = []
    for at, column in enumerate(COLLECTIONS.columns):
        proposal = proposals.get(column.name)
        picked = told.get(column.name, proposal["header"] if proposal else "")
        if chosen is not None:
            picked = str(chosen.get(f"map-{column.name}", picked))
        same = proposal is not None and picked == proposal["header"]
        rows.append(
            {
                "name": column.name,
                "label": LABELS[column.name],
                "needed": column.needed,
                "picked": picked,
                "why": WHY[proposal["why"]] if proposal and same else "",
                "sure": bool(proposal and same and proposal["sure"]),
                "values": values_under(layout, picked),
                "leads": column.needed or bool(picked),
                "order": (not column.needed, not picked, at),
            }
        )
    return sorted(rows, key=lambda row: row["order"])


def values_under(layout: Mapping[str, Any], header: str, most: int = 3) -> list[str]:
    """The first different values that stand under a header of the file."""
    labels = layout.get("header", [])
    if header not in labels:
        return []
    at = labels.index(header)
    found = [row[at].strip() for row in layout.get("sample", []) if at < len(row) and row[at].strip()]
    return list(dict.fromkeys(found))[:most]


def header_choices(layout: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Every column of the file with its first values, so that a name nobody knows can be told by what stands under it."""
    choices = []
    for label in layout.get("header", []):
        values = ", ".join(value[:24] for value in values_under(layout, label, 2))
        choices.append((label, f"{label[:60]} ({values})" if values else f"{label[:60]} (empty)"))
    return choices


def in_their_words(layout: Mapping[str, Any], problems: Sequence[Problem]) -> list[Problem]:
    """Problems with the file's own column names; ours in words where the file has no such column."""
    headers = {name: proposal["header"] for name, proposal in layout.get("proposals", {}).items() if proposal}
    headers |= {name: header for name, header in layout.get("told", {}).get("columns", {}).items() if header}
    return [
        replace(
            each,
            column=headers.get(each.column) or LABELS.get(each.column, each.column),
            message=each.message.replace(f"{each.column} is empty", f"{LABELS.get(each.column, each.column)} is empty"),
        )
        for each in problems
    ]


def date_question(layout: Mapping[str, Any]) -> dict[str, Any] | None:
    """The date that can be read two ways, with both readings."""
    asked = next((q for q in layout.get("questions", []) if q["code"] in DATE_QUESTIONS), None)
    if asked is None:
        return None
    readings = {order: parse_date(asked["value"], order) for order in ("dmy", "mdy")}
    return {
        "value": asked["value"],
        "row": asked["row"],
        "readings": {order: day for order, day in readings.items() if isinstance(day, date)},
    }


def asks(layout: Mapping[str, Any], *codes: str) -> bool:
    return any(question["code"] in codes for question in layout.get("questions", []))


def remembered_on(upload: Upload) -> datetime | None:
    """When somebody settled how files with this header are read."""
    since = upload.layout.get("remembered")
    return datetime.fromisoformat(since["at"]) if since else None


def notes_of(upload: Upload) -> list[Problem]:
    """What was handled while reading; columns left aside are told apart."""
    return [Problem(**note) for note in upload.notes]


def sums(rows: list[list[Any]], key: str) -> list[dict[str, Any]]:
    """Rows of a table of sums: under a mode or a day, rows and money in the file and new."""
    names = (key, "rows", "minor", "fresh_rows", "fresh_minor")
    return [dict(zip(names, row, strict=True)) for row in rows]


def tie(upload: Upload) -> dict[str, Any] | None:
    """The file's own total against the sum of its rows; None when it states none."""
    stated, summed = upload.totals.get("stated_minor"), upload.totals.get("file_minor")
    if stated is None or summed is None:
        return None
    return {"stated": stated, "summed": summed, "difference": stated - summed}
