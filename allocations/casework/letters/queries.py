"""Letters and their dispatch as the pages show them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.casework.letters.models import Letter, LetterDispatch, LetterRun, LetterTemplate
from allocations.placements.models import LoanAccount
from portal.kernel.errors import NotFound


@dataclass(frozen=True)
class LetterRow:
    """A letter with its account, its template, and its dispatches, the newest first."""

    letter: Letter
    kind: str
    language: str
    loan_account_no: str
    dispatches: list[LetterDispatch]

    @property
    def state(self) -> str:
        """made, sent, delivered or returned: the best that is known."""
        outcomes = {each.outcome for each in self.dispatches}
        if "delivered" in outcomes:
            return "delivered"
        if not self.dispatches:
            return "made"
        return "returned" if outcomes == {"returned"} else "sent"

    @property
    def sent(self) -> str:
        if not self.dispatches:
            return "not sent yet"
        newest = self.dispatches[0]
        said = f"{newest.channel}, {newest.sent_on:%-d %b %Y}"
        return f"{said}; {newest.outcome} {newest.outcome_on:%-d %b %Y}" if newest.outcome else said


def _rows(session: Session, *where: Any, limit: int) -> list[LetterRow]:
    query = (
        select(Letter, LetterTemplate.kind, LetterTemplate.language, LoanAccount.loan_account_no)
        .join(LetterTemplate, LetterTemplate.id == Letter.template_id)
        .join(LoanAccount, LoanAccount.id == Letter.loan_account_id)
        .where(*where)
        .order_by(Letter.id.desc())
        .limit(limit)
    )
    found = session.execute(query).all()
    sent: dict[int, list[LetterDispatch]] = {}
    ids = [row[0].id for row in found]
    for each in session.scalars(
        select(LetterDispatch).where(LetterDispatch.letter_id.in_(ids)).order_by(LetterDispatch.id.desc())
    ):
        sent.setdefault(each.letter_id, []).append(each)
    return [LetterRow(*row, dispatches=sent.get(row[0].id, [])) for row in found]


def list_letters(
    session: Session,
    *,
    letter: str = "",
    account: str = "",
    run: str = "",
    after: tuple[Any, ...] | None = None,
    limit: int = 51,
) -> list[LetterRow]:
    """Letters, the newest first."""
    where: list[Any] = []
    if letter:
        where.append(LetterTemplate.kind == letter)
    if account:
        where.append(LoanAccount.loan_account_no == account)
    if run:
        where.append(Letter.run_id == (int(run) if run.isascii() and run.isdigit() and len(run) < 10 else -1))
    if after:
        where.append(Letter.id < after[0])
    return _rows(session, *where, limit=limit)


def letter_row(session: Session, letter_id: int) -> LetterRow:
    found = _rows(session, Letter.id == letter_id, limit=1)
    if not found:
        raise NotFound("There is no such letter.")
    return found[0]


def letters_of_case(session: Session, case_id: int) -> list[LetterRow]:
    return _rows(session, Letter.case_id == case_id, limit=50)


def letters_of_account(session: Session, loan_account_id: int) -> list[LetterRow]:
    return _rows(session, Letter.loan_account_id == loan_account_id, limit=20)


def find_by_ref(session: Session, ref: str) -> Letter | None:
    """The letter of a reference as it is printed: L2026-000012."""
    year, _, number = ref.strip().upper().removeprefix("L").partition("-")
    if not (year.isascii() and year.isdigit() and number.isascii() and number.isdigit() and len(ref) < 20):
        return None
    return session.scalars(select(Letter).where(Letter.year == int(year), Letter.number == int(number))).first()


def list_runs(session: Session) -> Sequence[tuple[LetterRun, str]]:
    """Runs of many letters with the kind of each, the newest first."""
    query = select(LetterRun, LetterTemplate.kind).join(LetterTemplate, LetterTemplate.id == LetterRun.template_id)
    return [(run, kind) for run, kind in session.execute(query.order_by(LetterRun.id.desc()).limit(50))]


def find_run(session: Session, run_id: int) -> LetterRun:
    found = session.get(LetterRun, run_id)
    if found is None:
        raise NotFound("There is no such run.")
    return found
