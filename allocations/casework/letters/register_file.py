"""The register of dispatch from a file of the post or a courier: how each letter went out and what became of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.casework.letters.dispatching import dispatch, load_dispatch, note_outcome
from allocations.casework.letters.models import LetterDispatch
from allocations.casework.letters.queries import find_by_ref
from portal.kernel.audit import Actor, forget_events, pending_events
from portal.kernel.errors import Invalid, Problem, Refused

COLUMNS = ("letter", "channel", "sent_on", "tracking_no", "outcome", "outcome_on", "note")
NEEDED = ("letter", "channel", "sent_on")
MOST_ROWS, MOST_BYTES = 50_000, 20_000_000


@dataclass
class RegisterRead:
    """How many lines were new dispatches, new outcomes, known already; and every problem with its row."""

    sent: int = 0
    outcomes: int = 0
    unchanged: int = 0
    problems: list[Problem] = field(default_factory=list)


def import_register(session: Session, data: bytes, *, actor: Actor, now: datetime, today: date) -> RegisterRead:
    """Read a CSV in UTF-8 with a head; reading it twice is harmless. Raises Invalid when it is no such file."""
    read = RegisterRead()
    for row_no, row in _rows(data):
        mark = pending_events(session)
        try:
            with session.begin_nested():
                sent, outcomes = _take(session, row, {"actor": actor, "now": now, "today": today})
            read.sent, read.outcomes = read.sent + sent, read.outcomes + outcomes
            read.unchanged += not sent and not outcomes
        except Invalid as wrong:
            forget_events(session, mark)
            read.problems += [Problem(p.code, p.message, p.cure, row=row_no, column=p.column) for p in wrong.problems]
        except Refused as refused:
            forget_events(session, mark)
            read.problems.append(Problem(refused.code, refused.message, refused.cure, row=row_no))
    return read


def _rows(data: bytes) -> Iterator[tuple[int, dict[str, str]]]:
    if len(data) > MOST_BYTES:
        raise Invalid(Problem("too_large", "The file is too large.", "Split it."))
    try:
        reader = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        head = [(name or "").strip().lower() for name in reader.fieldnames or ()]
        if missing := [name for name in NEEDED if name not in head]:
            cure = f"Its head names {', '.join(COLUMNS)}."
            raise Invalid(Problem("missing_column", f"The file lacks {', '.join(missing)}.", cure))
        reader.fieldnames = head
        for row_no, row in enumerate(reader, 2):
            if row_no > MOST_ROWS:
                raise Invalid(Problem("too_many_rows", "The file has too many rows.", "Split it."))
            yield row_no, {name: (row.get(name) or "").strip() for name in COLUMNS}
    except (UnicodeDecodeError, csv.Error):
        raise Invalid(Problem("bad_file", "This is no CSV in UTF-8.", "Save it as CSV.")) from None


def _take(session: Session, row: dict[str, str], given: dict[str, Any]) -> tuple[bool, bool]:
    """Whether the line told of a new dispatch, and of a new outcome."""
    letter = find_by_ref(session, row["letter"])
    if letter is None:
        raise Invalid(Problem("unknown_letter", "There is no such letter.", "Check its number.", column="letter"))
    sent_on, channel = _day(row, "sent_on"), row["channel"].lower()
    if sent_on is None:
        raise Invalid(Problem("missing_value", "The day is missing.", "Give it.", column="sent_on"))
    known = select(LetterDispatch).where(
        LetterDispatch.letter_id == letter.id,
        LetterDispatch.channel == channel,
        LetterDispatch.sent_on == sent_on,
        LetterDispatch.tracking_no == row["tracking_no"],
    )
    line = session.scalars(known.order_by(LetterDispatch.id).limit(1)).first()
    is_new = line is None
    if line is None:
        line = dispatch(session, letter, channel, sent_on=sent_on, tracking_no=row["tracking_no"], **given)
    tells = bool(row["outcome"]) and line.outcome is None
    if tells:
        on = _day(row, "outcome_on") or sent_on
        found = load_dispatch(session, line.id)
        note_outcome(session, found, row["outcome"].lower(), on=on, note=row["note"], **given)
    return is_new, tells


def _day(row: dict[str, str], column: str) -> date | None:
    try:
        return date.fromisoformat(row[column]) if row[column] else None
    except ValueError:
        message = f"{row[column]} is no day."
        raise Invalid(Problem("bad_day", message, "Write it as 2026-11-08.", column=column)) from None
