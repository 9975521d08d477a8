"""Inspections of an agency: a visit with a score, findings with what is asked by when, and what the agency did about them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.empanelment_models import SEVERITIES, FindingAnswer, Inspection, InspectionFinding
from allocations.agencies.models import Agency
from allocations.agencies.taking_in import NO_FILE, KeptFile
from portal.kernel.audit import Actor, AuditTag
from portal.kernel.db import scope_of
from portal.kernel.errors import Invalid, NotFound, Problem, Refused
from portal.kernel.persons import same_person
from portal.kernel.proposals import Proposals

LONGEST, LONGEST_NAME, MOST_FINDINGS = 500, 120, 50
BEST = Decimal(100)


def _facts(found: Inspection) -> dict[str, Any]:
    return {"visited_on": found.visited_on, "score": str(found.score)}


PROPOSALS = Proposals(
    *(Inspection, "an inspection", AuditTag.INSPECTION_MOVED, "agency_inspection"),
    ref=lambda found: f"inspection {found.id}",
    facts=_facts,
    cures={"approved": "Record another visit; the newer one counts."},
    reason_cure="Whoever recorded it reads it.",
)
ANSWERS = Proposals(
    *(FindingAnswer, "an answer", AuditTag.FINDING_MOVED_ON, "finding_answer"),
    ref=lambda answer: f"finding {answer.finding_id}",
    facts=lambda answer: {"finding": answer.finding_id, "file": answer.file_sha256},
    cures={"accepted": "The finding is closed."},
    reason_cure="The agency reads what is still to be done.",
)


@dataclass(frozen=True, slots=True)
class Found:
    """A finding as it is written down."""

    severity: str
    found: str
    action_asked: str
    due_on: date


@dataclass(frozen=True, slots=True)
class Visit:
    """An inspection as it is written down. `score` from 0 to 100."""

    visited_on: date
    inspected_by: str
    score: Decimal
    summary: str
    findings: Sequence[Found] = ()


def visit_problems(visit: Visit, today: date) -> Iterator[Problem]:
    """Everything wrong with a visit."""
    if visit.visited_on > today:
        yield Problem("in_the_future", "The visit is still to come.", "Record it afterwards.", column="visited_on")
    if not 0 <= visit.score <= BEST:
        yield Problem("bad_score", "A score is 0 to 100.", "Correct it.", column="score", value=str(visit.score))
    texts = {"inspected_by": (visit.inspected_by, LONGEST_NAME), "summary": (visit.summary, LONGEST)}
    for column, (said, most) in texts.items():
        if not 0 < len(said.strip()) <= most:
            yield Problem("missing_value", "This is empty, or too long.", f"Up to {most} letters.", column=column)
    if len(visit.findings) > MOST_FINDINGS:
        yield Problem("too_many", f"{len(visit.findings)} findings.", f"{MOST_FINDINGS} are the most.")
    for at, each in enumerate(visit.findings, 1):
        yield from _finding_problems(each, at, visit.visited_on)


def _finding_problems(each: Found, at: int, visited_on: date) -> Iterator[Problem]:
    if each.severity not in SEVERITIES:
        yield Problem("bad_severity", f"Finding {at}: how grave is it?", f"Use one of: {', '.join(SEVERITIES)}.")
    if any(not 0 < len(said.strip()) <= LONGEST for said in (each.found, each.action_asked)):
        cure = f"Both, up to {LONGEST} letters each."
        yield Problem("missing_value", f"Finding {at}: say what was found and what is asked.", cure)
    if each.due_on < visited_on:
        yield Problem("due_before", f"Finding {at}: due before the visit.", "Choose a later day.")


def record_visit(
    session: Session,
    agency: Agency,
    visit: Visit,
    file: KeptFile = NO_FILE,
    *,
    measure_id: int | None = None,
    actor: Actor,
    now: datetime,
) -> Inspection:
    """Record a visit with its findings for another person to approve. Invalid with every problem."""
    if problems := list(visit_problems(visit, scope_of(session).today)):
        raise Invalid(problems)
    made = Inspection(
        agency_id=agency.id,
        visited_on=visit.visited_on,
        inspected_by=visit.inspected_by.strip(),
        score=visit.score,
        summary=visit.summary.strip(),
        file_sha256=file.sha256,
        file_name=file.name,
        measure_id=measure_id,
    )
    PROPOSALS.propose(session, made, actor=actor, now=now)
    for each in visit.findings:
        finding = InspectionFinding(
            agency_id=agency.id,
            inspection_id=made.id,
            severity=each.severity,
            found=each.found.strip(),
            action_asked=each.action_asked.strip(),
            due_on=each.due_on,
        )
        session.add(finding)
    session.flush()
    return made


def answer_finding(
    session: Session, finding: InspectionFinding, done: str, file: KeptFile = NO_FILE, *, actor: Actor, now: datetime
) -> FindingAnswer:
    """Say what was done about a finding. Refused while an answer waits, and once the finding is closed."""
    if not 0 < len(done.strip()) <= LONGEST:
        raise Invalid(Problem("missing_value", "Say what was done.", f"Up to {LONGEST} letters.", column="done"))
    latest = _latest_answer(session, finding.id)
    if latest is not None and latest.status == "proposed":
        raise Refused("What was done waits for the bank's word.", code="answer_waits", cure="Wait for it.")
    if latest is not None and latest.status == "accepted":
        raise Refused("This finding is closed.", code="finding_closed")
    made = FindingAnswer(
        agency_id=finding.agency_id,
        finding_id=finding.id,
        done=done.strip(),
        file_sha256=file.sha256,
        file_name=file.name,
    )
    return ANSWERS.propose(session, made, actor=actor, now=now)


def decide_answer(
    session: Session, answer: FindingAnswer, *, accept: bool, reason: str = "", actor: Actor, now: datetime
) -> None:
    """Close a finding, or say what is still missing. Refused to who recorded it: another person confirms that it is done."""
    ANSWERS.may_decide(answer, "accept" if accept else "reject", reason=reason, actor=actor)
    finding = session.get_one(InspectionFinding, answer.finding_id)
    inspection = session.get_one(Inspection, finding.inspection_id)
    if same_person(session, actor.email, inspection.proposed_by):
        message = "You recorded this finding: another person confirms that it is done."
        raise Refused(message, code="is_not_the_maker")
    ANSWERS.decide(session, answer, "accept" if accept else "reject", reason=reason, actor=actor, now=now)


def _latest_answer(session: Session, finding_id: int) -> FindingAnswer | None:
    query = select(FindingAnswer).where(FindingAnswer.finding_id == finding_id).order_by(FindingAnswer.id.desc())
    return session.scalars(query.limit(1)).first()


# --- reading


@dataclass(frozen=True, slots=True)
class FindingRow:
    """A finding, what was answered last, and how it stands: open, overdue, answered or closed."""

    finding: InspectionFinding
    answer: FindingAnswer | None
    state: str


def inspections_of(session: Session, agency: Agency, limit: int = 100) -> Sequence[Inspection]:
    """An agency's inspections, the latest visit first."""
    query = select(Inspection).where(Inspection.agency_id == agency.id)
    return session.scalars(query.order_by(Inspection.visited_on.desc(), Inspection.id.desc()).limit(limit)).all()


def last_approved(session: Session, agency: Agency) -> Inspection | None:
    return next((each for each in inspections_of(session, agency) if each.status == "approved"), None)


def inspection_of(session: Session, agency: Agency, inspection_id: int) -> Inspection:
    """One of the agency's inspections. NotFound when it is another's or nobody's."""
    found = session.get(Inspection, inspection_id)
    if found is None or found.agency_id != agency.id:
        raise NotFound("There is no such inspection.")
    return found


def finding_of(session: Session, agency: Agency, finding_id: int) -> InspectionFinding:
    """One of the agency's findings. NotFound when it is another's or nobody's."""
    found = session.get(InspectionFinding, finding_id)
    if found is None or found.agency_id != agency.id:
        raise NotFound("There is no such finding.")
    return found


def findings_of(
    session: Session, agency: Agency, day: date, *, inspection: Inspection | None = None, limit: int = 300
) -> list[FindingRow]:
    """Findings of approved inspections (or of one inspection), those due first in front."""
    query = select(InspectionFinding).where(InspectionFinding.agency_id == agency.id)
    if inspection is None:
        query = query.join(Inspection, Inspection.id == InspectionFinding.inspection_id)
        query = query.where(Inspection.status == "approved")
    else:
        query = query.where(InspectionFinding.inspection_id == inspection.id)
    found = session.scalars(query.order_by(InspectionFinding.due_on, InspectionFinding.id).limit(limit)).all()
    answers = select(FindingAnswer).where(FindingAnswer.finding_id.in_([each.id for each in found]))
    latest = {each.finding_id: each for each in session.scalars(answers.order_by(FindingAnswer.id))}
    return [FindingRow(each, latest.get(each.id), state_of(each, latest.get(each.id), day)) for each in found]


def state_of(finding: InspectionFinding, answer: FindingAnswer | None, day: date) -> str:
    if answer is not None and answer.status in ("accepted", "proposed"):
        return "closed" if answer.status == "accepted" else "answered"
    return "overdue" if finding.due_on < day else "open"
