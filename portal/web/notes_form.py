"""The form of a case note, on both sides, and what notes look like in a timeline."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from wtforms import BooleanField, TextAreaField
from wtforms.validators import InputRequired, Length

from allocations.casework.note_rules import MOST
from allocations.casework.notes import NoteRow
from portal.web.edge import ActForm


class NoteForm(ActForm):
    body = TextAreaField(
        "Note",
        [InputRequired("Write something."), Length(max=MOST)],
        description="It cannot be changed or taken back. No PAN, Aadhaar or phone number.",
    )
    is_hidden = BooleanField("Not for the borrower, should they ask for what is kept about them", id="note-hidden")


class BankNoteForm(NoteForm):
    is_shared = BooleanField("The agency that holds the account sees it")


def note_events(notes: Iterable[NoteRow], *, at_bank: bool) -> list[dict[str, Any]]:
    """Notes as events of an account's timeline. An agency is told who wrote its own, and of others that the bank did."""
    return [
        {
            "at": row.note.written_at,
            "what": f"Note by {row.agency_name or 'the bank'}",
            "note": row.note.body + said_of(row, at_bank),
        }
        for row in notes
    ]


def said_of(row: NoteRow, at_bank: bool) -> str:
    """Who wrote it and who may see it, in brackets."""
    told = [row.note.written_by] if at_bank or row.note.agency_id is not None else []
    if at_bank and row.note.agency_id is None:
        told.append("shared with the agency" if row.note.is_shared else "the bank's alone")
    if row.note.is_hidden:
        told.append("not for the borrower")
    return f" ({', '.join(told)})" if told else ""
