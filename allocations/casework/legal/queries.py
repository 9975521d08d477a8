"""Legal cases as the pages show them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.casework.legal.gathering import readiness_of
from allocations.casework.legal.judging import Readiness
from allocations.casework.legal.lifecycle import ENDED, OPEN
from allocations.casework.legal.models import LegalCase, LegalFact, LegalFiling, LegalTask, LegalTaskPaper
from allocations.casework.legal.service import ref_of
from allocations.casework.legal.tasks import papers_of
from allocations.placements.models import LoanAccount
from portal.kernel.errors import NotFound

NEVER = date(9999, 12, 31)
TABS = {"open": "Running", "ended": "Ended", "all": "All"}


@dataclass(frozen=True)
class CaseRow:
    """A case with its account and how it stands today."""

    case: LegalCase
    loan_account_no: str
    customer_name: str
    standing: Readiness

    @property
    def ref(self) -> str:
        return ref_of(self.case.id)


def list_cases(
    session: Session,
    today: date,
    *,
    tab: str = "open",
    step: str = "",
    account: str = "",
    after: tuple[Any, ...] | None = None,
    limit: int = 51,
) -> list[CaseRow]:
    """Cases, those first whose day is nearest."""
    query = select(LegalCase, LoanAccount.loan_account_no, LoanAccount.customer_name).join(
        LoanAccount, LoanAccount.id == LegalCase.loan_account_id
    )
    if tab in ("open", "ended"):
        query = query.where(LegalCase.status.in_(OPEN if tab == "open" else ENDED))
    if step:
        query = query.where(LegalCase.kind == step)
    if account:
        query = query.where(LoanAccount.loan_account_no == account)
    due = func.coalesce(LegalCase.due_on, NEVER)
    if after:
        query = query.where(tuple_(due, LegalCase.id) > after)
    rows = session.execute(query.order_by(due, LegalCase.id).limit(limit)).all()
    standing = readiness_of(session, [row[0] for row in rows], today)
    return [CaseRow(*row, standing=standing[row[0].id]) for row in rows]


def key_of(row: CaseRow) -> tuple[Any, ...]:
    return (row.case.due_on or NEVER, row.case.id)


def case_row(session: Session, case_id: int, today: date) -> CaseRow:
    query = select(LegalCase, LoanAccount.loan_account_no, LoanAccount.customer_name).join(
        LoanAccount, LoanAccount.id == LegalCase.loan_account_id
    )
    row = session.execute(query.where(LegalCase.id == case_id)).first()
    if row is None:
        raise NotFound("There is no such legal case.")
    return CaseRow(*row, standing=readiness_of(session, [row[0]], today)[case_id])


def cases_of_account(session: Session, loan_account_id: int, today: date) -> list[CaseRow]:
    """All of an account's, the newest first."""
    query = select(LegalCase, LoanAccount.loan_account_no, LoanAccount.customer_name).join(
        LoanAccount, LoanAccount.id == LegalCase.loan_account_id
    )
    rows = session.execute(query.where(LoanAccount.id == loan_account_id).order_by(LegalCase.id.desc()).limit(20)).all()
    standing = readiness_of(session, [row[0] for row in rows], today)
    return [CaseRow(*row, standing=standing[row[0].id]) for row in rows]


def counts(session: Session) -> dict[str, int]:
    """Status → how many cases."""
    found = session.execute(select(LegalCase.status, func.count()).group_by(LegalCase.status))
    return {row[0]: row[1] for row in found}


def facts_entered(session: Session, case_id: int) -> Sequence[LegalFact]:
    """Every fact as it was entered, the newest first."""
    query = select(LegalFact).where(LegalFact.case_id == case_id).order_by(LegalFact.id.desc())
    return session.scalars(query.limit(200)).all()


def fact_file(session: Session, case_id: int, fact_id: int) -> LegalFact:
    found = session.scalars(select(LegalFact).where(LegalFact.case_id == case_id, LegalFact.id == fact_id)).first()
    if found is None or found.file_sha256 is None:
        raise NotFound("There is no such file.")
    return found


def filings_of(session: Session, case_id: int) -> Sequence[LegalFiling]:
    return session.scalars(
        select(LegalFiling).where(LegalFiling.case_id == case_id).order_by(LegalFiling.id.desc())
    ).all()


@dataclass(frozen=True)
class TaskOfCase:
    task: LegalTask
    agency: str
    papers: list[LegalTaskPaper]


def tasks_of(session: Session, case_id: int) -> list[TaskOfCase]:
    """Papers asked for in a case, the newest first."""
    query = select(LegalTask, Agency.legal_name).join(Agency, Agency.id == LegalTask.agency_id)
    rows = session.execute(query.where(LegalTask.case_id == case_id).order_by(LegalTask.id.desc()).limit(100)).all()
    papers = papers_of(session, [task.id for task, _ in rows])
    return [TaskOfCase(task, name, papers.get(task.id, [])) for task, name in rows]


def task_paper(session: Session, paper_id: int, case_id: int | None = None) -> LegalTaskPaper:
    """A paper that was handed in, in the session's scope; with a case: one of that case's tasks."""
    query = select(LegalTaskPaper).where(LegalTaskPaper.id == paper_id)
    if case_id is not None:
        query = query.join(LegalTask, LegalTask.id == LegalTaskPaper.task_id).where(LegalTask.case_id == case_id)
    found = session.scalars(query).first()
    if found is None:
        raise NotFound("There is no such file.")
    return found
