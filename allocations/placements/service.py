"""What changes an allocation after it was made: recall, holds."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from allocations.placements.models import Allocation, Hold, LoanAccount
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Invalid, Problem, Refused

EFFECTS = ("no_work", "no_accrual", "both")
REPORTED_LATER = text("""
    select count(*) from collections where agency_id = :agency and allocation_id = :allocation and collected_on > :on
""")


def recall(
    session: Session, allocation: Allocation, *, on: date, reason: str, actor: Actor, now: datetime
) -> Allocation:
    """Take an account back: `on` is the last day the agency holds it. Money collected through that day stays the agency's.

    Raises Invalid without a reason, Refused when the allocation ended or was recalled before, when `on` lies outside its term, or when
    the agency has reported collections of a later day.
    """
    allocation = session.scalars(
        select(Allocation)
        .where(Allocation.id == allocation.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    _check_recall(session, allocation, on, reason)
    allocation.to_on, allocation.recalled_at, allocation.recall_reason = on, now, reason.strip()
    session.flush()
    record_event(
        session,
        AuditTag.ALLOCATION_RECALLED,
        actor=actor,
        subject_type="allocation",
        subject_ref=f"{allocation.loan_account_no}/{allocation.id}",
        agency_id=allocation.agency_id,
        now=now,
        data={"on": on, "reason": reason.strip()},
    )
    return allocation


def _check_recall(session: Session, allocation: Allocation, on: date, reason: str) -> None:
    if not reason.strip():
        raise Invalid(Problem("missing_value", "A recall needs a reason.", "Say why.", column="reason"))
    if allocation.recalled_at is not None:
        raise Refused(f"It was recalled already; the last day was {allocation.to_on}.", code="already_recalled")
    if on < allocation.from_on or (allocation.to_on is not None and on > allocation.to_on):
        term = f"{allocation.from_on} to {allocation.to_on or 'further notice'}"
        raise Refused(f"{on} lies outside the term ({term}).", code="outside_term", cure="Choose a day within it.")
    later = session.scalar(REPORTED_LATER, {"agency": allocation.agency_id, "allocation": allocation.id, "on": on})
    if later:
        message = f"The agency has reported {later} collection{'s' if later > 1 else ''} after {on}."
        raise Refused(message, code="collections_after_recall", cure="Choose a later last day.")


def put_on_hold(
    session: Session,
    account: LoanAccount,
    *,
    reason: str,
    from_on: date,
    to_on: date | None,
    effect: str,
    actor: Actor,
    now: datetime,
) -> Hold:
    """Say that an account may not be worked, or not be paid on, for some days (both included)."""
    problems = []
    if not reason.strip():
        problems.append(Problem("missing_value", "A hold needs a reason.", "Say why.", column="reason"))
    if to_on is not None and to_on < from_on:
        problems.append(Problem("term_backwards", "The hold ends before it begins.", "Correct it.", column="to_on"))
    if effect not in EFFECTS:
        problems.append(
            Problem("not_a_choice", f"{effect} is no effect.", f"Use {', '.join(EFFECTS)}.", column="effect")
        )
    if problems:
        raise Invalid(problems)
    hold = Hold(
        loan_account_id=account.id,
        reason=reason.strip(),
        from_on=from_on,
        to_on=to_on,
        effect=effect,
        created_by=actor.email,
        created_at=now,
    )
    session.add(hold)
    session.flush()
    _record_hold(session, account, hold, actor, now)
    return hold


def lift_hold(session: Session, account: LoanAccount, hold: Hold, *, on: date, actor: Actor, now: datetime) -> Hold:
    """End a hold: `on` is its last day. Refused when it has ended before that."""
    if on < hold.from_on or (hold.to_on is not None and hold.to_on <= on):
        raise Refused("The hold does not run on that day.", code="hold_ended", cure="Choose a day within it.")
    hold.to_on = on
    session.flush()
    _record_hold(session, account, hold, actor, now)
    return hold


def _record_hold(session: Session, account: LoanAccount, hold: Hold, actor: Actor, now: datetime) -> None:
    data = {"reason": hold.reason, "from": hold.from_on, "to": hold.to_on, "effect": hold.effect}
    record_event(
        session,
        AuditTag.HOLD_CHANGED,
        actor=actor,
        subject_type="account",
        subject_ref=account.loan_account_no,
        now=now,
        data=data,
    )
