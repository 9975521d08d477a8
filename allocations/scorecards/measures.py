"""Scores and grades of agencies by month: entered by one person, approved by another; a newer approved one replaces the earlier."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.scorecards.models import AgencyMeasure
from portal.kernel.audit import Actor, AuditTag
from portal.kernel.errors import Invalid, NotFound, Problem, Refused
from portal.kernel.periods import Period, month_of
from portal.kernel.proposals import LONGEST_REASON, Proposals, reason_problems

MEASURES = {"score": "Score", "grade": "Grade", "audit": "Audit score"}
SCORE = re.compile(r"\d{1,3}(\.\d{1,2})?", re.ASCII)
GRADE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]{0,29}", re.ASCII)
MOST_SCORE = Decimal(100)
LOCK = 0x4D45_4153


def _facts(measure: AgencyMeasure) -> dict[str, Any]:
    return {"measure": measure.measure, "period": f"{measure.period_start:%Y-%m}", "value": measure.value}


PROPOSALS = Proposals(
    *(AgencyMeasure, "a measure", AuditTag.MEASURE_MOVED, "agency_measure"),
    ref=lambda measure: f"M{measure.id}",
    facts=_facts,
    cures={"approved": "Propose another value; the newer one replaces it."},
)


def propose_measure(
    session: Session,
    *,
    agency: Agency,
    period: Period,
    measure: str,
    value: str,
    reason: str,
    actor: Actor,
    now: datetime,
) -> AgencyMeasure:
    """Propose a measure of an agency's month. Raises Invalid with every problem."""
    session.scalar(select(func.pg_advisory_xact_lock(LOCK, agency.id)))
    text = value.strip()
    if problems := list(problems_of(measure, text, reason)):
        raise Invalid(problems)
    if _standing(session, agency.id, period, measure, "proposed") is not None:
        message = f"A {measure} of {period.label} waits for its second person already."
        raise Refused(message, code="measure_waits", cure="Decide or withdraw that one first.")
    made = AgencyMeasure(
        agency_id=agency.id,
        period_start=period.start,
        measure=measure,
        value=text,
        reason=reason.strip(),
    )
    return PROPOSALS.propose(session, made, actor=actor, now=now)


def problems_of(measure: str, value: str, reason: str) -> Iterator[Problem]:
    if measure not in MEASURES:
        yield Problem(
            "bad_measure", f"{measure or 'Nothing'} is no measure.", "Use score, grade or audit.", column="measure"
        )
    elif measure in ("score", "audit") and not (SCORE.fullmatch(value) and Decimal(value) <= MOST_SCORE):
        cure = "Write it as 82 or 82.50."
        yield Problem("bad_score", "A score is 0 to 100, with two decimals at most.", cure, column="value", value=value)
    elif measure == "grade" and not GRADE.fullmatch(value):
        cure = "One word, as the rate card writes it: A, B_plus, gold."
        yield Problem("bad_grade", "A grade is a word.", cure, column="value", value=value)
    yield from reason_problems(reason, "Say what it comes from.", f"3 to {LONGEST_REASON} letters.")


def load_measure(session: Session, measure_id: int) -> AgencyMeasure:
    """The measure, locked. NotFound when there is none."""
    return PROPOSALS.load(session, id=measure_id)


def decide_measure(
    session: Session, measure: AgencyMeasure, *, approve: bool, reason: str = "", actor: Actor, now: datetime
) -> None:
    """Approve or reject; what was approved before it is replaced, and kept. Refused to who proposed it."""
    action = "approve" if approve else "reject"
    PROPOSALS.may_decide(measure, action, reason=reason, actor=actor)
    session.scalar(select(func.pg_advisory_xact_lock(LOCK, measure.agency_id)))
    if approve:
        period = month_of(measure.period_start)
        earlier = _standing(session, measure.agency_id, period, measure.measure, "approved")
        if earlier is not None:
            PROPOSALS.move(session, earlier, "replace", actor=actor, now=now)
    PROPOSALS.decide(session, measure, action, reason=reason, actor=actor, now=now)


def withdraw_measure(session: Session, measure: AgencyMeasure, *, actor: Actor, now: datetime) -> None:
    PROPOSALS.move(session, measure, "withdraw", actor=actor, now=now)


def _standing(session: Session, agency_id: int, period: Period, measure: str, status: str) -> AgencyMeasure | None:
    query = select(AgencyMeasure).where(
        AgencyMeasure.agency_id == agency_id,
        AgencyMeasure.period_start == period.start,
        AgencyMeasure.measure == measure,
        AgencyMeasure.status == status,
    )
    return session.scalars(query).first()


# --- reading


def approved_measures(session: Session, period: Period) -> dict[int, dict[str, str]]:
    """Agency id → {"score": "82", "grade": "A"}, of what stands approved for the month."""
    query = select(AgencyMeasure).where(AgencyMeasure.period_start == period.start, AgencyMeasure.status == "approved")
    found: dict[int, dict[str, str]] = defaultdict(dict)
    for row in session.scalars(query):
        found[row.agency_id][row.measure] = row.value
    return dict(found)


@dataclass(frozen=True)
class MeasureRow:
    measure: AgencyMeasure
    agency_code: str
    agency_name: str


def list_measures(
    session: Session,
    *,
    period: Period | None = None,
    agency: str = "",
    status: str = "",
    after: tuple[Any, ...] | None = None,
    limit: int = 51,
) -> list[MeasureRow]:
    """Measures, the newest entry first."""
    query = select(AgencyMeasure, Agency.code, Agency.legal_name).join(Agency, Agency.id == AgencyMeasure.agency_id)
    if period:
        query = query.where(AgencyMeasure.period_start == period.start)
    for column, value in ((Agency.code, agency), (AgencyMeasure.status, status)):
        if value:
            query = query.where(column == value)
    if after:
        query = query.where(AgencyMeasure.id < after[0])
    return [MeasureRow(*row) for row in session.execute(query.order_by(AgencyMeasure.id.desc()).limit(limit))]


def measure_row(session: Session, measure_id: int) -> MeasureRow:
    query = select(AgencyMeasure, Agency.code, Agency.legal_name).join(Agency, Agency.id == AgencyMeasure.agency_id)
    row = session.execute(query.where(AgencyMeasure.id == measure_id)).first()
    if row is None:
        raise NotFound("There is no such measure.")
    return MeasureRow(*row)
