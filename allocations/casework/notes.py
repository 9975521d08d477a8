"""Case notes: written once on an account by the bank, or by the agency that holds it, found again by their words, never changed.

The bank sees every note; an agency, while it holds the account, its own and those of the bank that are shared with it. An agency that
comes after another sees nothing of what that one wrote.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.casework.note_models import CaseNote
from allocations.casework.note_rules import note_problems
from allocations.placements.models import LoanAccount
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Invalid

ON_AN_ACCOUNT = 200


@dataclass(frozen=True, slots=True)
class NoteRow:
    note: CaseNote
    loan_account_no: str
    customer_name: str
    agency_name: str | None  # None: the bank's


def write_note(
    session: Session,
    account: LoanAccount,
    body: str,
    *,
    agency_id: int | None = None,
    is_shared: bool = False,
    is_hidden: bool = False,
    actor: Actor,
    now: datetime,
) -> CaseNote:
    """Keep a note. `is_hidden`: from the borrower, should they ask for what is kept about them. Raises Invalid with every problem.

    What an agency writes is always seen by the bank.
    """
    if problems := list(note_problems(body)):
        raise Invalid(problems)
    made = CaseNote(
        agency_id=agency_id,
        loan_account_id=account.id,
        body=body.strip(),
        is_shared=is_shared or agency_id is not None,
        is_hidden=is_hidden,
        written_by=actor.email,
        written_at=now,
    )
    session.add(made)
    session.flush()
    record_event(
        session,
        AuditTag.NOTE_WRITTEN,
        actor=actor,
        subject_type="account",
        subject_ref=account.loan_account_no,
        agency_id=agency_id,
        now=now,
        data={"shared": made.is_shared, "hidden": made.is_hidden},
    )
    return made


def _rows() -> Any:
    return (
        select(CaseNote, LoanAccount.loan_account_no, LoanAccount.customer_name, Agency.legal_name)
        .join(LoanAccount, LoanAccount.id == CaseNote.loan_account_id)
        .outerjoin(Agency, Agency.id == CaseNote.agency_id)
    )


def notes_of(session: Session, loan_account_id: int) -> list[NoteRow]:
    """What an account's notes say to whoever asks, the newest first."""
    query = _rows().where(CaseNote.loan_account_id == loan_account_id).order_by(CaseNote.id.desc())
    return [NoteRow(*row) for row in session.execute(query.limit(ON_AN_ACCOUNT))]


def find_notes(
    session: Session,
    *,
    words: str = "",
    account: str = "",
    hidden: str = "",
    after: tuple[Any, ...] | None = None,
    limit: int = 51,
) -> Sequence[NoteRow]:
    """Notes in which all words stand ("a phrase", -without), newest first; `hidden`: "no" leaves out what is kept from the borrower."""
    query = _rows()
    if words:
        query = query.where(CaseNote.words.op("@@")(func.websearch_to_tsquery("simple", words)))
    if account:
        query = query.where(LoanAccount.loan_account_no == account)
    if hidden in ("no", "yes"):
        query = query.where(CaseNote.is_hidden == (hidden == "yes"))
    if after:
        query = query.where(CaseNote.id < after[0])
    return [NoteRow(*row) for row in session.execute(query.order_by(CaseNote.id.desc()).limit(limit))]
