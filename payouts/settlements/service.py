"""Maker and checkers: submit, approve, send back. The last approval freezes the statement and posts the journal in one transaction."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from allocations.agencies.dated_settings import setting_on
from payouts.approvals.payees import refuse_payee_changer, why_not_payee
from payouts.approvals.service import KeyState, turn_key, why_not
from payouts.ledger.journal import settlement_lines
from payouts.ledger.service import bank_day, post
from payouts.settlements.complaint_lines import keep_at_issue
from payouts.settlements.content import statement_text
from payouts.settlements.drafting import current_bank_detail, is_of_today
from payouts.settlements.invoice_carrying import carry_invoice
from payouts.settlements.lifecycle import next_status
from payouts.settlements.models import Settlement, SettlementLine
from payouts.settlements.signing import sign
from payouts.settlements.statement import hash_of
from payouts.settlements.tax_papers import issue_with_approval
from payouts.settlements.twice import leaning_on, settled_elsewhere
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.db import compare_and_set, scope_of
from portal.kernel.errors import Forbidden, Invalid, NotFound, Problem, Refused, Stale
from portal.kernel.money import shown
from portal.kernel.periods import month_of

ANSWER_DAYS = "statement.deemed_days"
LOCK = 0x5345_5454  # settlements of one agency are submitted one after the other


def load(session: Session, ref: str, *, locked: bool = False) -> Settlement:
    """The settlement in the session's sight, if asked locked and read anew; NotFound otherwise."""
    query = select(Settlement).where(Settlement.ref == ref)
    if locked:
        query = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    settlement = session.scalars(query).one_or_none()
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
    settlement = load(session, ref, locked=True)
    after = next_status(settlement.status, "submit")
    _refuse_unfinished(session, settlement)
    _refuse_stale(settlement, expected_hash, expected_version)
    session.scalar(select(func.pg_advisory_xact_lock(LOCK, settlement.agency_id)))
    _refuse_changed_basis(session, settlement)
    _refuse_other_accruals(session, settlement)
    key(session, settlement, "submitted", actor=actor, now=now)
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
    """Another person approves exactly what was shown (`expected_hash`). With the last key the statement is frozen and the journal
    posted; above the amount that asks for three people the first approval leaves it `checked`.

    Forbidden for whoever had a hand in it or whose limit is lower; Stale when it changed; Refused when what it stands on changed.
    """
    refuse_machine(actor, "approve a settlement")
    settlement = load(session, ref, locked=True)
    _refuse_stale(settlement, expected_hash, expected_version)
    next_status(settlement.status, "approve")
    text = _refuse_changed_basis(session, settlement)
    if settlement.net_minor > 0 and settlement.bank_detail_id is None:
        message = f"{settlement.ref} has nowhere to be paid: the agency has no approved bank details."
        raise Refused(message, code="no_bank_details", cure="Approve the agency's bank details and draft again.")
    if not key(session, settlement, "approved", actor=actor, now=now, comment=comment).done:
        checked: dict[str, Any] = {"comment": comment, "checked_by": actor.email, "checked_at": now}
        after = next_status(settlement.status, "check")
        return move(session, settlement, "check", after, actor=actor, now=now, **checked)
    return _issue(session, settlement, text, actor=actor, now=now, comment=comment)


def _issue(
    session: Session, settlement: Settlement, text: str, *, actor: Actor, now: datetime, comment: str
) -> Settlement:
    """The last key: what the agency is told from now on, what the ledger says, and until when the agency may contest it."""
    move(
        session,
        settlement,
        "approve",
        next_status(settlement.status, "approve"),
        actor=actor,
        now=now,
        comment=comment,
        approved_by=actor.email,
        approved_at=now,
        statement_text=text,
        answer_by_on=_answer_by(session, bank_day(now)),
    )
    _post_journal(session, settlement, actor, now)
    keep_at_issue(session, settlement, actor=actor, now=now)
    sign(session, settlement, now=now)
    issue_with_approval(session, settlement, actor=actor, now=now)
    carry_invoice(session, settlement, actor=actor, now=now)
    return settlement


def _answer_by(session: Session, day: date) -> date | None:
    """The last day on which silence is not yet consent; None while no rule says so."""
    try:
        return day + timedelta(days=int(setting_on(session, ANSWER_DAYS, day)))
    except KeyError:
        return None


def key(
    session: Session, settlement: Settlement, act: str, *, actor: Actor, now: datetime, comment: str = ""
) -> KeyState:
    """One person's key to this round of a settlement."""
    approves = act == "approved"
    if approves and settlement.net_minor > 0:
        refuse_payee_changer(session, [settlement.bank_detail_id], actor)
    return turn_key(
        session,
        "settlement",
        settlement.ref,
        settlement.round,
        act,
        actor=actor,
        signed=settlement.hash,
        amount_minor=settlement.net_minor,
        currency=settlement.currency,
        comment=comment,
        now=now,
        never=makers_of(settlement) if approves else (),
    )


def why_not_approve(session: Session, settlement: Settlement, *, actor: Actor, now: datetime) -> Forbidden | None:
    """Why this person's approval would be refused for who they are; None when it would be taken."""
    if settlement.net_minor > 0 and (refusal := why_not_payee(session, [settlement.bank_detail_id], actor)):
        return refusal
    return why_not(
        session,
        "settlement",
        settlement.ref,
        settlement.round,
        actor=actor,
        amount_minor=settlement.net_minor,
        currency=settlement.currency,
        now=now,
        never=makers_of(settlement),
    )


def makers_of(settlement: Settlement) -> tuple[str | None, ...]:
    """Who must not approve it, beside those whose keys are on record."""
    return settlement.submitted_by, settlement.drafted_by


def reject(
    session: Session,
    ref: str,
    *,
    actor: Actor,
    now: datetime,
    reason: str,
    expected_version: int | None = None,
) -> Settlement:
    """A checker sends it back to draft, into its next round; the reason is what the maker reads.

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
        checked_by=None,
        checked_at=None,
        round=settlement.round + 1,
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
    before = settlement.status
    values |= {"status": after, "lock_version": settlement.lock_version + 1}
    if not compare_and_set(session, settlement, ("status", "lock_version"), **values):
        raise Stale(f"{settlement.ref} changed while you were looking at it. Open it again and decide anew.")
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
    """What was on the screen must be what stands here now."""
    if expected_hash is not None and expected_hash != settlement.hash:
        raise Stale(
            f"{settlement.ref} is not what your page showed: that was {expected_hash[:12]}…, this is {settlement.hash[:12]}… over"
            f" {shown(settlement.net_minor, settlement.currency)}, drafted by {settlement.drafted_by}. Nothing was approved."
            " Open it again and decide anew."
        )
    if expected_version is not None and expected_version != settlement.lock_version:
        raise Stale(
            f"{settlement.ref} moved on while your page was open: it is {settlement.status} now. Open it again and decide anew."
        )


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
