"""Papers the bank asks of the agency that holds an account: asked, handed in, accepted or taken back. Nothing else of a case is theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from allocations.agencies.taking_in import KeptFile
from allocations.casework.legal.lifecycle import ENDED
from allocations.casework.legal.models import LegalCase, LegalTask, LegalTaskPaper
from allocations.placements.models import Allocation, LoanAccount
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Invalid, NotFound, Problem, Refused
from portal.kernel.notices import tell

LONGEST = 300
OFFICE = text("""
select email from users where agency_id = :agency and role in ('agency_owner', 'agency_accountant') and is_enabled order by email
""")


def ask_paper(
    session: Session,
    case: LegalCase,
    agency_id: int,
    *,
    paper: str,
    note: str = "",
    due_on: date,
    actor: Actor,
    now: datetime,
    today: date,
) -> LegalTask:
    """Ask the agency that holds the account for a paper. Raises Invalid with every problem; its office gets a letter."""
    if case.status in ENDED:
        raise Refused("The case has ended; nothing is asked for.", code="not_open")
    problems = []
    if not 3 <= len(paper.strip()) <= LONGEST:
        problems.append(Problem("missing_value", "Say which paper.", f"Up to {LONGEST} letters.", column="paper"))
    if len(note.strip()) > LONGEST:
        problems.append(Problem("too_long", "The note is too long.", f"{LONGEST} letters are the most.", column="note"))
    if due_on < today:
        problems.append(Problem("in_the_past", "That day has passed.", "Give them some days.", column="due_on"))
    if agency_id not in holders_today(session, case.loan_account_id, today):
        cure = "Choose an agency that has it today."
        problems.append(Problem("does_not_hold", "This agency does not hold the account.", cure, column="agency"))
    if problems:
        raise Invalid(problems)
    made = LegalTask(
        agency_id=agency_id,
        case_id=case.id,
        loan_account_id=case.loan_account_id,
        paper=paper.strip(),
        note=note.strip(),
        due_on=due_on,
        asked_by=actor.email,
        asked_at=now,
    )
    session.add(made)
    session.flush()
    _record(session, made.id, agency_id, {"action": "ask", "after": "open", "due_on": due_on}, actor, now)
    body = f"The bank asks for a paper by {due_on:%-d %B %Y}. Sign in; which one stands under Legal papers.\n"
    told: dict[str, Any] = {"about_ref": f"legal task {made.id}", "agency_id": agency_id, "now": now}
    office = session.scalars(OFFICE, {"agency": agency_id})
    tell(session, f"legal-task:{made.id}", office, "The bank asks for a paper", body, **told)
    return made


def holders_today(session: Session, loan_account_id: int, today: date) -> dict[int, date | None]:
    """Agency id → until when, of the agencies that hold the account today."""
    query = select(Allocation.agency_id, Allocation.to_on).where(
        Allocation.loan_account_id == loan_account_id,
        Allocation.from_on <= today,
        Allocation.to_on.is_(None) | (Allocation.to_on >= today),
    )
    return {row.agency_id: row.to_on for row in session.execute(query)}


def close_task(
    session: Session, task_id: int, *, accept: bool, reason: str = "", actor: Actor, now: datetime
) -> LegalTask:
    """The bank has what it needs, or needs it no more. Refused when nothing was handed in yet, or it is closed."""
    query = select(LegalTask).where(LegalTask.id == task_id).with_for_update()
    task = session.scalars(query.execution_options(populate_existing=True)).first()
    if task is None:
        raise NotFound("There is no such task.")
    if task.status != "open":
        raise Refused(f"This is {task.status} already.", code="not_open")
    if accept and not papers_of(session, [task.id]).get(task.id):
        raise Refused("Nothing was handed in yet.", code="nothing_there", cure="Wait for it, or take the task back.")
    task.status = "accepted" if accept else "withdrawn"
    task.closed_by, task.closed_at, task.close_reason = actor.email, now, reason.strip()[:LONGEST]
    session.flush()
    moved = {"action": "accept" if accept else "withdraw", "before": "open", "after": task.status, "reason": reason}
    _record(session, task.id, task.agency_id, moved, actor, now)
    return task


# --- an agency's side: row-level security shows it its own tasks on accounts it holds today, and few of their columns


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A task as the agency sees it; `papers` counts what it handed in."""

    id: int
    agency_id: int
    loan_account_no: str
    customer_name: str
    paper: str
    note: str
    due_on: date
    status: str
    asked_at: datetime
    papers: int


SHOWN = (
    *(LegalTask.id, LegalTask.agency_id, LoanAccount.loan_account_no, LoanAccount.customer_name, LegalTask.paper),
    *(LegalTask.note, LegalTask.due_on, LegalTask.status, LegalTask.asked_at),
)


def own_tasks(
    session: Session, *, open_only: bool = True, after: tuple[Any, ...] | None = None, limit: int = 51
) -> list[TaskRow]:
    """The tasks in sight, by their day."""
    query = select(*SHOWN).join(LoanAccount, LoanAccount.id == LegalTask.loan_account_id)
    if open_only:
        query = query.where(LegalTask.status == "open")
    if after:
        query = query.where(
            (LegalTask.due_on > after[0]) | ((LegalTask.due_on == after[0]) & (LegalTask.id > after[1]))
        )
    rows = session.execute(query.order_by(LegalTask.due_on, LegalTask.id).limit(limit)).all()
    papers = papers_of(session, [row.id for row in rows])
    return [TaskRow(*row, papers=len(papers.get(row.id, ()))) for row in rows]


def own_task(session: Session, task_id: int) -> TaskRow:
    """One of them. NotFound for another agency's."""
    query = select(*SHOWN).join(LoanAccount, LoanAccount.id == LegalTask.loan_account_id)
    row = session.execute(query.where(LegalTask.id == task_id)).first()
    if row is None:
        raise NotFound("There is no such task.")
    return TaskRow(*row, papers=len(papers_of(session, [task_id]).get(task_id, ())))


def hand_in(
    session: Session, task: TaskRow, paper: KeptFile, *, note: str = "", actor: Actor, now: datetime
) -> LegalTaskPaper:
    """Hand in a paper for an own task. Raises Invalid without one; Refused once the task is closed."""
    if task.status != "open":
        raise Refused(f"The bank has {task.status} this task.", code="not_open")
    if paper.sha256 is None or paper.name is None:
        raise Invalid(Problem("paper_needed", "Choose a file.", "A picture or a PDF.", column="file"))
    made = LegalTaskPaper(
        agency_id=task.agency_id,
        task_id=task.id,
        file_sha256=paper.sha256,
        file_name=paper.name,
        note=note.strip()[:LONGEST],
        handed_by=actor.email,
        handed_at=now,
    )
    session.add(made)
    session.flush()
    moved = {"action": "hand_in", "before": "open", "after": "open", "file": paper.sha256}
    _record(session, task.id, task.agency_id, moved, actor, now)
    return made


def papers_of(session: Session, task_ids: Sequence[int]) -> dict[int, list[LegalTaskPaper]]:
    """Task id → what was handed in for it, in its order."""
    found: dict[int, list[LegalTaskPaper]] = {}
    query = select(LegalTaskPaper).where(LegalTaskPaper.task_id.in_(task_ids)).order_by(LegalTaskPaper.id)
    for each in session.scalars(query):
        found.setdefault(each.task_id, []).append(each)
    return found


def _record(session: Session, task_id: int, agency_id: int, data: dict[str, Any], actor: Actor, now: datetime) -> None:
    given: dict[str, Any] = {"subject_type": "legal_task", "subject_ref": str(task_id), "now": now, "data": data}
    record_event(session, AuditTag.LEGAL_TASK_MOVED, actor=actor, agency_id=agency_id, **given)
