"""Forms of the layout pages: a sample, then what is what in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask_wtf.file import FileField, FileRequired
from wtforms import BooleanField, IntegerField, RadioField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from allocations.reconciliation.sources.bank_profiles import column_name, guess
from allocations.reconciliation.sources.readers.own_profiles import MOST_SKIPPED
from portal.kernel.money import EXPONENTS
from portal.web.edge import ActForm

DATE_FORMATS = (
    ("", "Day first, however it is written"),
    ("%d/%m/%Y", "31/10/2026"),
    ("%d-%m-%Y", "31-10-2026"),
    ("%d.%m.%Y", "31.10.2026"),
    ("%d-%b-%Y", "31-Oct-2026"),
    ("%d/%m/%y", "31/10/26"),
    ("%d-%b-%y", "31-Oct-26"),
    ("%m/%d/%Y", "10/31/2026 (month first)"),
    ("%Y-%m-%d", "2026-10-31"),
)
NOT_HERE = SelectChoice("", "Not in this file")
# Our word, what people call it, and what it is for.
MAPPED = (
    ("booked_on", "Booking date", "needed"),
    ("value_on", "Value date", "if it has one of its own"),
    ("description", "Narrative", "what the bank says about the line"),
    ("credit", "Credit", "money in, where it has a column of its own"),
    ("debit", "Debit", "money out, where it has a column of its own"),
    ("amount", "Amount", "where money in and out share a column"),
    ("dr_cr", "Dr/Cr flag", "says which way the amount went"),
    ("balance", "Running balance", "without it nothing proves the file"),
    ("customer_ref", "Reference", "UTR, RRN, cheque, slip"),
    ("bank_ref", "Bank's own reference", "transaction id"),
    ("virtual_account", "Virtual account", "the number the payer paid into"),
    ("account", "Account number", "if every line names it"),
    ("currency", "Currency", "if every line names it"),
)
MOST_COLUMNS = 60


class SampleForm(ActForm):
    """A file of the bank, to make a layout from."""

    file = FileField("A statement of this bank", [FileRequired("Choose a file.")])


class LayoutForm(ActForm):
    """What is what in the sample."""

    name = StringField("Name of the layout", [InputRequired("Give it a name."), Length(max=60)])
    skip_rows = IntegerField(
        "Rows above the headings", [Optional(), NumberRange(0, MOST_SKIPPED, "A number from 0 to 59.")], default=0
    )
    has_header = BooleanField("The next row holds headings", default=True)
    date_format = SelectField("Dates are written like", choices=[SelectChoice(*each) for each in DATE_FORMATS])
    currency = SelectField("Currency", choices=[SelectChoice(code, code) for code in sorted(EXPONENTS)], default="INR")
    positive = RadioField(
        "An amount without a sign or flag is",
        choices=[SelectChoice("credit", "money in"), SelectChoice("debit", "money out")],
        default="credit",
    )
    look_in = RadioField(
        "Where no column holds the reference, it is in the narrative",
        choices=[
            SelectChoice("", "nowhere"),
            SelectChoice("after", "behind these words"),
            SelectChoice("digits", "the longest number of at least so many digits"),
        ],
        default="",
    )
    reference_after = StringField("The words", [Length(max=60)], description="UTR No, Ref:, UPI/CR/")
    reference_digits = IntegerField("The digits", [Optional(), NumberRange(1, 30, "A number from 1 to 30.")])

    def told(self, sent: Mapping[str, Any], header: Sequence[str]) -> dict[str, Any]:
        """The layout as `profile_from` takes it."""
        offered = {value for value, _word in column_choices(header)}
        columns = {word: str(sent.get(f"map-{word}", "")) for word, _label, _why in MAPPED}
        return {
            "columns": {word: name for word, name in columns.items() if name in offered and name},
            **({"date_format": self.date_format.data} if self.date_format.data else {}),
            "currency": self.currency.data,
            "skip_rows": self.skip_rows.data or 0,
            "has_header": self.has_header.data,
            "credit_is_positive": self.positive.data != "debit",
            "reference": "",
            "reference_after": self.reference_after.data if self.look_in.data == "after" else "",
            "reference_digits": (self.reference_digits.data or 0) if self.look_in.data == "digits" else 0,
        }

    @classmethod
    def answers(cls, body: Mapping[str, Any], name: str) -> dict[str, Any]:
        """What the form shows for a layout that is there."""
        formats = list(body.get("date_formats", []))
        known = [value for value, _word in DATE_FORMATS]
        return {
            "name": name,
            "skip_rows": body.get("skip_rows", 0),
            "has_header": body.get("has_header", True),
            "date_format": formats[0] if len(formats) == 1 and formats[0] in known else "",
            "currency": body.get("currency", "INR"),
            "positive": "credit" if body.get("credit_is_positive", True) else "debit",
            "look_in": "after" if body.get("reference_after") else "digits" if body.get("reference_digits") else "",
            "reference_after": body.get("reference_after", ""),
            "reference_digits": body.get("reference_digits") or None,
        }


def column_choices(header: Sequence[str]) -> list[tuple[str, str]]:
    """Every column of the sample, by its heading, or by its place where it has none of its own."""
    return [(column_name(header, at), cell or f"column {at + 1}") for at, cell in enumerate(header[:MOST_COLUMNS])]


def mapped_rows(
    grid: Sequence[Sequence[str]], skip_rows: int, has_header: bool, picked: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Our words with the column picked for each and what stands there; `picked`: what was answered, else what the headings say."""
    header = header_of(grid, skip_rows, has_header)
    below = grid[skip_rows + (1 if has_header else 0) :][:6]
    names = [value for value, _word in column_choices(header)]
    rows = []
    for word, label, why in MAPPED:
        name = str(picked.get(word, ""))
        at = names.index(name) if name in names else None
        values = [row[at] for row in below if at is not None and at < len(row) and row[at]][:2]
        rows.append({"name": word, "label": label, "why": why, "picked": name, "values": values})
    return rows


def header_of(grid: Sequence[Sequence[str]], skip_rows: int, has_header: bool) -> Sequence[str]:
    if not grid:
        return []
    row = grid[min(skip_rows, len(grid) - 1)]
    return row if has_header else [""] * len(row)


def guessed_columns(grid: Sequence[Sequence[str]], skip_rows: int | None) -> Mapping[str, Any]:
    return guess(grid, skip_rows)
