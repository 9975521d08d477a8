"""What the bank decides about a piece of evidence: accepted, or questioned with a reason the agency reads; and legal hold."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.collections.field_models import Evidence
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Invalid, NotFound, Problem, Refused, Stale

# A person may think better of it either way; the audit log has every step.
TRANSITIONS = {
    ("waiting", "accept"): "accepted",
    ("waiting", "question"): "questioned",
    ("accepted", "question"): "questioned",
    ("questioned", "accept"): "accepted",
}
LONGEST_REASON = 500


def review(
    session: Session, evidence_id: int, action: str, *, reason: str = "", seen: str, actor: Actor, now: datetime
) -> Evidence:
    """Accept a piece or question it. `seen` is the review the person saw.

    Invalid when a question has no reason; Stale when somebody else decided meanwhile; Refused for a piece that cannot be looked at
    (not examined yet, refused, purged) or a decision it has already.
    """
    evidence = _locked(session, evidence_id)
    reason = " ".join(reason.split())
    if action == "question" and not reason:
        cure = "Say what is wrong with it, and what the agency should hand in instead."
        raise Invalid(Problem("reason_missing", "A question needs its reason.", cure, column="reason"))
    if len(reason) > LONGEST_REASON:
        cure = f"Use at most {LONGEST_REASON} letters."
        raise Invalid(Problem("reason_too_long", "The reason is too long.", cure, column="reason"))
    if evidence.review != seen:
        raise Stale()
    _is_open_to_review(evidence)
    moved = TRANSITIONS.get((evidence.review, action))
    if moved is None:
        raise Refused(f"It is {evidence.review} already.", code="already_decided")
    before, evidence.review = evidence.review, moved
    evidence.reviewed_by, evidence.reviewed_at, evidence.review_reason = actor.email, now, reason or None
    record_event(
        session,
        AuditTag.EVIDENCE_REVIEWED,
        actor=actor,
        subject_type="evidence",
        subject_ref=evidence.ref,
        agency_id=evidence.agency_id,
        now=now,
        data={"decision": moved, "before": before, "reason": reason, "file": evidence.sha256},
    )
    session.flush()
    return evidence


def _is_open_to_review(evidence: Evidence) -> None:
    if evidence.purged_at is not None:
        raise Refused("Its file is gone: it was kept as long as it had to be.", code="purged")
    if evidence.status == "waiting":
        raise Refused("It is still being looked into.", code="not_examined", cure="Come back in a moment.")
    if evidence.status == "refused":
        raise Refused("Its file cannot be used; the agency has been told why.", code="unusable")


def hold(session: Session, evidence_id: int, *, held: bool, reason: str, actor: Actor, now: datetime) -> Evidence:
    """Keep a piece beyond its time, or let it go again. Invalid without a reason; Refused when it is so already or is gone."""
    evidence = _locked(session, evidence_id)
    reason = " ".join(reason.split())[:LONGEST_REASON]
    if not reason:
        cure = "Name the case or the order it is kept for."
        raise Invalid(Problem("reason_missing", "A legal hold needs its reason.", cure, column="hold_reason"))
    if evidence.purged_at is not None:
        raise Refused("Its file is gone: it was kept as long as it had to be.", code="purged")
    if evidence.legal_hold == held:
        raise Refused("It is on hold already." if held else "It is not on hold.", code="already_decided")
    evidence.legal_hold = held
    record_event(
        session,
        AuditTag.EVIDENCE_HELD,
        actor=actor,
        subject_type="evidence",
        subject_ref=evidence.ref,
        agency_id=evidence.agency_id,
        now=now,
        data={"held": held, "reason": reason},
    )
    session.flush()
    return evidence


def _locked(session: Session, evidence_id: int) -> Evidence:
    query = select(Evidence).where(Evidence.id == evidence_id).with_for_update()
    evidence = session.scalars(query.execution_options(populate_existing=True)).first()
    if evidence is None:
        raise NotFound("There is no such evidence.")
    return evidence
