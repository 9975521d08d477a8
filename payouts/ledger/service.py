"""Posting to the journal: entries are added, balanced, under a reference that can exist once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from payouts.ledger.journal import Line, balanced, reversal_of
from payouts.ledger.models import JournalEntry, JournalLine
from portal.kernel.audit import Actor
from portal.kernel.clock import BANK_ZONE
from portal.kernel.errors import NotFound


def bank_day(now: datetime) -> date:
    """The calendar day at the bank on which an instant falls: the day a posting carries."""
    return now.astimezone(BANK_ZONE).date()


def post(
    session: Session,
    ref: str,
    lines: Sequence[Line],
    *,
    kind: str,
    subject_ref: str,
    narration: str,
    agency_id: int | None,
    currency: str,
    actor: Actor,
    now: datetime,
) -> JournalEntry | None:
    """Add a balanced entry; None when there is nothing to post. The reference is unique: posting twice is an error."""
    if not balanced(list(lines)):
        return None
    entry = JournalEntry(
        ref=ref,
        posted_on=bank_day(now),
        kind=kind,
        subject_ref=subject_ref,
        narration=narration,
        posted_by=actor.email,
        posted_at=now,
    )
    session.add(entry)
    session.flush()
    rows = [
        {
            "entry_id": entry.id,
            "account": line.account,
            "agency_id": agency_id,
            "debit_minor": line.debit_minor,
            "credit_minor": line.credit_minor,
            "currency": currency,
        }
        for line in lines
    ]
    session.execute(insert(JournalLine), rows)
    return entry


def reverse(session: Session, ref: str, *, narration: str, actor: Actor, now: datetime) -> JournalEntry | None:
    """Undo an entry by adding its opposite under `<ref>-R`."""
    entry = session.scalars(select(JournalEntry).where(JournalEntry.ref == ref)).one_or_none()
    if entry is None:
        raise NotFound(f"There is no journal entry {ref}.")
    rows = session.scalars(select(JournalLine).where(JournalLine.entry_id == entry.id).order_by(JournalLine.id)).all()
    lines = reversal_of(Line(row.account, row.debit_minor, row.credit_minor) for row in rows)
    return post(
        session,
        f"{ref}-R",
        lines,
        kind="reversal",
        subject_ref=entry.subject_ref,
        narration=narration,
        agency_id=rows[0].agency_id,
        currency=rows[0].currency,
        actor=actor,
        now=now,
    )
