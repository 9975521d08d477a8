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
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Invalid, NotFound, Problem, Refused
from portal.kernel.periods import Period, month_of

MEASURES = {"score": "Score", "grade": "Grade"}
TRANSITIONS: dict[tuple[str, str], str] = {
    ("proposed", "approve"): "approved",
    ("proposed", "reject"): "rejected",
    ("proposed", "withdraw"): "withdrawn",
    ("approved", "replace"): "replaced",
}
SCORE = re.compile(r"\d{1,3}(\.\d{1,2})?", re.ASCII)
GRADE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]{0,29}", re.ASCII)
MOST_SCORE = Decimal(100)
LONGEST_REASON = 500
LOCK = 0x4D45_4153


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
        status="proposed",
        proposed_by=actor.email,
        proposed_at=now,
    )
    session.add(made)
    session.flush()
    tell(session, made, "propose", "", actor, now)
    return made


def problems_of(measure: str, value: str, reason: str) -> Iterator[Problem]:
    if measure not in MEASURES:
        yield Problem("bad_measure", f"{measure or 'Nothing'} is no measure.", "Use score or grade.", column="measure")
    elif measure == "score" and not (SCORE.fullmatch(value) and Decimal(value) <= MOST_SCORE):
        cure = "Write it as 82 or 82.50."
        yield Problem("bad_score", "A score is 0 to 100, with two decimals at most.", cure, column="value", value=value)
    elif measure == "grade" and not GRADE.fullmatch(value):
        cure = "One word, as the rate card writes it: A, B_plus, gold."
        yield Problem("bad_grade", "A grade is a word.", cure, column="value", value=value)
    if not 3 <= len(reason.strip()) <= LONGEST_REASON:
        yield Problem("reason_needed", "Say what it comes from.", f"3 to {LONGEST_REASON} letters.", column="reason")


def load_measure(session: Session, measure_id: int) -> AgencyMeasure:
    """The measure, locked. NotFound when there is none."""
    query = select(AgencyMeasure).where(AgencyMeasure.id == measure_id).with_for_update()
    found = session.scalars(query.execution_options(populate_existing=True)).first()
    if found is None:
        raise NotFound("There is no such measure.")
    return found


def decide_measure(
    session: Session, measure: AgencyMeasure, *, approve: bool, reason: str = "", actor: Actor, now: datetime
) -> None:
    """Approve or reject; what was approved before it is replaced, and kept. Refused to who proposed it."""
    if not approve and len(reason.strip()) < 3:
        raise Invalid(Problem("reason_needed", "Say why it is rejected.", "", column="reason"))
    if actor.email == measure.proposed_by:
        raise Refused("Who proposed a measure does not decide on it.", code="is_not_the_maker")
    session.scalar(select(func.pg_advisory_xact_lock(LOCK, measure.agency_id)))
    before = measure.status
    after = _moved(measure, "approve" if approve else "reject")
    if approve:
        period = month_of(measure.period_start)
        earlier = _standing(session, measure.agency_id, period, measure.measure, "approved")
        if earlier is not None:
            earlier.status = _moved(earlier, "replace")
            session.flush()
            tell(session, earlier, "replace", "approved", actor, now)
    measure.status, measure.decided_by, measure.decided_at = after, actor.email, now
    measure.decision_reason = reason.strip()[:LONGEST_REASON] or None
    session.flush()
    tell(session, measure, "approve" if approve else "reject", before, actor, now)


def withdraw_measure(session: Session, measure: AgencyMeasure, *, actor: Actor, now: datetime) -> None:
    before = measure.status
    measure.status = _moved(measure, "withdraw")
    session.flush()
    tell(session, measure, "withdraw", before, actor, now)


def _moved(measure: AgencyMeasure, action: str) -> str:
    to = TRANSITIONS.get((measure.status, action))
    if to is None:
        cure = "Propose another value; the newer one replaces it." if measure.status == "approved" else ""
        raise Refused(
            f"This measure is {measure.status}; that does not change any more.", code="not_proposed", cure=cure
        )
    return to


def _standing(session: Session, agency_id: int, period: Period, measure: str, status: str) -> AgencyMeasure | None:
    query = select(AgencyMeasure).where(
        AgencyMeasure.agency_id == agency_id,
        AgencyMeasure.period_start == period.start,
        AgencyMeasure.measure == measure,
        AgencyMeasure.status == status,
    )
    return session.scalars(query).first()


def tell(session: Session, measure: AgencyMeasure, action: str, before: str, actor: Actor, now: datetime) -> None:
    record_event(
        session,
        AuditTag.MEASURE_MOVED,
        actor=actor,
        subject_type="agency_measure",
        subject_ref=f"M{measure.id}",
        agency_id=measure.agency_id,
        now=now,
        data={
            "action": action,
            "measure": measure.measure,
            "period": f"{measure.period_start:%Y-%m}",
            "value": measure.value,
            "before": before,
            "after": measure.status,
            "reason": measure.decision_reason or "",
        },
    )


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
