"""Whose hands a break is in: a person's name beside the owner's desk."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from allocations.reconciliation.models import Break
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import NotFound, Stale


def assign_break(session: Session, break_id: int, *, to: str, seen: str, actor: Actor, now: datetime) -> Break:
    """Give an open break to a person ("" takes it back). Stale when it is closed, or in other hands than those that were seen."""
    query = select(Break).where(Break.id == break_id).options(undefer(Break.assigned_to)).with_for_update()
    found = session.scalars(query.execution_options(populate_existing=True)).first()
    if found is None:
        raise NotFound("There is no such break.")
    if found.status != "open" or (found.assigned_to or "") != seen:
        raise Stale()
    found.assigned_to = to or None
    record_event(
        session,
        AuditTag.BREAK_CHANGED,
        actor=actor,
        subject_type="break",
        subject_ref=str(found.id),
        now=now,
        agency_id=found.agency_id,
        data={"action": "assign", "code": found.code, "assigned_to": to},
    )
    return found
