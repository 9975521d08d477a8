"""Maker and checker: submit, approve, send back. Approval freezes the statement and posts the journal in one transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from payouts.ledger.journal import settlement_lines
from payouts.ledger.service import post
from payouts.settlements.content import statement_text
from payouts.settlements.drafting import current_bank_detail, is_of_today
from payouts.settlements.lifecycle import next_status
from payouts.settlements.models import Settlement, SettlementLine
from payouts.settlements.statement import hash_of
from payouts.settlements.twice import leaning_on, settled_elsewhere
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.db import scope_of
from portal.kernel.errors import Forbidden, Invalid, NotFound, Problem, Refused, Stale
from portal.kernel.periods import month_of

LOCK = 0x5345_5454  # settlements of one agency are submitted one after the other


def load(session: Session, ref: str) -> Settlement:
    """The settlement in the session's sight; NotFound otherwise."""
    settlement = session.scalars(select(Settlement).where(Settlement.ref == ref)).one_or_none()
    if settlement is None:
        raise NotFound(f"There is no settlement {ref}.")
    return settlement


def submit(
    session: Session,
    ref: str,
    *,
    actor: Actor,
    now: datetime,
    expected_hash: str | None = None,
    expected_version: int | None = None,
) -> Settlement:
    """A maker puts a draft before the checkers. Stale when it is not what was shown.

    Refused before its month is over by the lender's clock, when drafting today would give other lines, and when another settlement
    has one of its lines already.
    """
    refuse_machine(actor, "submit a settlement")
    settlement = load(session, ref)
    after = next_status(settlement.status, "submit")
    _refuse_unfinished(session, settlement)
    _refuse_stale(settlement, expected_hash, expected_version)
    session.scalar(select(func.pg_advisory_xact_lock(LOCK, settlement.agency_id)))
    _refuse_changed_basis(session, settlement)
    _refuse_other_accruals(session, settlement)
    return move(
        session,
        settlement,
        "submit",
        after,
        actor=actor,
        now=now,
        submitted_by=actor.email,
        submitted_at=now,
        reason=None,
    )


def approve(
    session: Session,
    ref: str,
    *,
    actor: Actor,
    now: datetime,
    expected_hash: str | None = None,
    expected_version: int | None = None,
    comment: str = "",
) -> Settlement:
    """Another person approves exactly what was shown (`expected_hash`): the statement is frozen and the journal posted.

    Forbidden for whoever drafted or submitted it; Stale when it changed; Refused when what it stands on changed.
    """
    refuse_machine(actor, "approve a settlement")
    settlement = load(session, ref)
    after = next_status(settlement.status, "approve")
    if actor.email in (settlement.submitted_by, settlement.drafted_by):
        raise Forbidden(
            f"{settlement.ref} was submitted by {settlement.submitted_by}: another person approves it.",
            code="maker_is_checker",
            cure="Ask another approver.",
        )
    _refuse_stale(settlement, expected_hash, expected_version)
    text = _refuse_changed_basis(session, settlement)
    if settlement.net_minor > 0 and settlement.bank_detail_id is None:
        message = f"{settlement.ref} has nowhere to be paid: the agency has no approved bank details."
        raise Refused(message, code="no_bank_details", cure="Approve the agency's bank details and draft again.")
    move(
        session,
        settlement,
        "approve",
        after,
        actor=actor,
        now=now,
        comment=comment,
        approved_by=actor.email,
        approved_at=now,
        statement_text=text,
    )
    _post_journal(session, settlement, actor, now)
    return settlement


def reject(
    session: Session,
    ref: str,
    *,
    actor: Actor,
    now: datetime,
    reason: str,
    expected_version: int | None = None,
) -> Settlement:
    """A checker sends it back to draft; the reason is what the maker reads.

    Refused while a later settlement corrects what stands in this one: drafted anew it might no longer hold it.
    """
    refuse_machine(actor, "reject a settlement")
    if not reason.strip():
        raise Invalid(
            Problem("missing_reason", "A rejection needs a reason.", "Say what must change.", column="reason")
        )
    settlement = load(session, ref)
    after = next_status(settlement.status, "reject")
    _refuse_stale(settlement, None, expected_version)
    session.scalar(select(func.pg_advisory_xact_lock(LOCK, settlement.agency_id)))
    if later := leaning_on(session, settlement):
        message = f"{', '.join(later)} corrects what stands in {ref}."
        cure = "Send the later one back first; or approve this one and enter an adjustment."
        raise Refused(message, code="corrected_later", cure=cure)
    return move(
        session,
        settlement,
        "reject",
        after,
        actor=actor,
        now=now,
        comment=reason.strip(),
        reason=reason.strip(),
        submitted_by=None,
        submitted_at=None,
    )


def move(
    session: Session,
    settlement: Settlement,
    action: str,
    after: str,
    *,
    actor: Actor,
    now: datetime,
    comment: str = "",
    **values: Any,
) -> Settlement:
    """Compare and set: the row moves only if it still is what we read; Stale when someone was faster. With its audit event."""
    before, version = settlement.status, settlement.lock_version
    moved = session.execute(
        update(Settlement)
        .where(Settlement.id == settlement.id, Settlement.lock_version == version, Settlement.status == before)
        .values(status=after, lock_version=version + 1, **values)
        .execution_options(synchronize_session=False)
        .returning(Settlement.id)
    ).all()
    if not moved:
        raise Stale(f"{settlement.ref} changed while you were looking at it. Open it again and decide anew.")
    session.refresh(settlement)
    record_event(
        session,
        AuditTag.SETTLEMENT_MOVED,
        actor=actor,
        subject_type="settlement",
        subject_ref=settlement.ref,
        now=now,
        agency_id=settlement.agency_id,
        data={
            "action": action,
            "before": before,
            "after": after,
            "net": settlement.net_minor,
            "hash": settlement.hash,
            "comment": comment,
        },
    )
    return settlement


def refuse_machine(actor: Actor, deed: str) -> None:
    """The built-in user computes; it never decides about money, and neither does an agency."""
    if actor.role == "system" or actor.agency_id is not None:
        message = f"The {actor.role} user may not {deed}."
        raise Forbidden(message, code="not_a_person", cure="Name the person who decides with --as.")


def _refuse_stale(settlement: Settlement, expected_hash: str | None, expected_version: int | None) -> None:
    if expected_hash is not None and expected_hash != settlement.hash:
        raise Stale()
    if expected_version is not None and expected_version != settlement.lock_version:
        raise Stale()


def _refuse_unfinished(session: Session, settlement: Settlement) -> None:
    """A guarantee, a slab or a share held back is of a whole month: nothing is paid on a part of one."""
    month = month_of(settlement.period_start)
    if scope_of(session).today < month.end:
        message = f"{month.start:%B %Y} is not over: what {settlement.ref} comes to may still change."
        cure = f"Submit it from {month.end.day} {month.end:%B %Y} on."
        raise Refused(message, code="period_not_over", cure=cure)


def _refuse_changed_basis(session: Session, settlement: Settlement) -> str:
    """The statement's text as the rows give it now; Refused when it is no longer what was hashed."""
    text = statement_text(session, settlement)
    if hash_of(text) != settlement.hash or settlement.bank_detail_id != current_bank_detail(
        session, settlement.agency_id
    ):
        raise Refused(
            f"What {settlement.ref} stands on has changed since it was drafted.",
            code="basis_changed",
            cure="Send it back, draft the month again, and look at the new one.",
        )
    return text


def _refuse_other_accruals(session: Session, settlement: Settlement) -> None:
    """A draft may lie while its month, or one before it, is accrued again; nothing is settled twice by that, and nothing left out."""
    for what, why in settled_elsewhere(session, settlement):
        message = f"{what} in {settlement.ref} is {why}."
        raise Refused(message, code="settled_twice", cure="Accrue and draft the month again.")
    if not is_of_today(session, settlement):
        message = f"The month was accrued again since {settlement.ref} was drafted, and came to something else."
        raise Refused(message, code="accrued_again", cure="Draft the month again, and look at the new one.")


def _post_journal(session: Session, settlement: Settlement, actor: Actor, now: datetime) -> None:
    query = select(SettlementLine.kind, SettlementLine.amount_minor).where(
        SettlementLine.settlement_id == settlement.id
    )
    post(
        session,
        f"J-{settlement.ref}",
        settlement_lines((row.kind, row.amount_minor) for row in session.execute(query)),
        kind="settlement",
        subject_ref=settlement.ref,
        narration=f"Commission {settlement.period_start:%B %Y}",
        agency_id=settlement.agency_id,
        currency=settlement.currency,
        actor=actor,
        now=now,
    )
