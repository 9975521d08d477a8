"""An inspection's score is the month's audit measure: proposed, approved and rejected with it, so that two people say it once."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from allocations.agencies import inspections
from allocations.agencies.empanelment_models import Inspection
from allocations.agencies.inspections import Visit
from allocations.agencies.models import Agency
from allocations.agencies.taking_in import NO_FILE, KeptFile
from allocations.scorecards import measures
from portal.kernel.audit import Actor
from portal.kernel.db import scope_of
from portal.kernel.errors import Invalid
from portal.kernel.periods import month_of

MEASURE = "audit"


def record_inspection(
    session: Session, agency: Agency, visit: Visit, file: KeptFile = NO_FILE, *, actor: Actor, now: datetime
) -> Inspection:
    """Record a visit, and propose its score as the audit measure of its month. Invalid with every problem; Refused while one waits."""
    if problems := list(inspections.visit_problems(visit, scope_of(session).today)):
        raise Invalid(problems)
    by: dict[str, Any] = {"actor": actor, "now": now}
    reason = f"Inspection of {visit.visited_on:%-d %B %Y} by {visit.inspected_by.strip()}"
    told: dict[str, Any] = {"measure": MEASURE, "value": f"{visit.score:.2f}", "reason": reason}
    measure = measures.propose_measure(session, agency=agency, period=month_of(visit.visited_on), **told, **by)
    return inspections.record_visit(session, agency, visit, file, measure_id=measure.id, **by)


def decide_inspection(
    session: Session, found: Inspection, *, approve: bool, reason: str = "", actor: Actor, now: datetime
) -> None:
    """A second person's word on an inspection that `inspections.PROPOSALS.load` locked, and on its measure if that still waits."""
    by: dict[str, Any] = {"reason": reason, "actor": actor, "now": now}
    action = "approve" if approve else "reject"
    inspections.PROPOSALS.may_decide(found, action, reason=reason, actor=actor)
    inspections.PROPOSALS.decide(session, found, action, **by)
    if found.measure_id is not None:
        measure = measures.load_measure(session, found.measure_id)
        if measure.status == "proposed":
            measures.decide_measure(session, measure, approve=approve, **by)


def withdraw_inspection(session: Session, found: Inspection, *, actor: Actor, now: datetime) -> None:
    """Take an inspection back before it is decided, and its measure with it."""
    inspections.PROPOSALS.move(session, found, "withdraw", actor=actor, now=now)
    if found.measure_id is not None:
        measure = measures.load_measure(session, found.measure_id)
        if measure.status == "proposed":
            measures.withdraw_measure(session, measure, actor=actor, now=now)
