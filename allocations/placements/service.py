"""What changes an allocation after it was made: recall, holds."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import or_, select, text
from sqlalchemy.orm import Session

from allocations.placements.hold_rules import CAUSES, EFFECTS
from allocations.placements.models import Allocation, Hold, LoanAccount
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Invalid, Problem, Refused

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
    cause: str = "manual",
    cause_ref: str = "",
    file_sha256: str | None = None,
) -> Hold:
    """Say that an account may not be worked, or not be paid on, for some days (both included).

    `cause` is one of CAUSES, `cause_ref` what brought it about; `file_sha256` a stored file that supports it. Raises Invalid.
    """
    problems = hold_problems(reason, from_on, to_on, effect, cause)
    if problems:
        raise Invalid(problems)
    hold = Hold(
        loan_account_id=account.id,
        reason=reason.strip(),
        from_on=from_on,
        to_on=to_on,
        effect=effect,
        cause=cause,
        cause_ref=cause_ref,
        file_sha256=file_sha256,
        created_by=actor.email,
        created_at=now,
    )
    session.add(hold)
    session.flush()
    _record_hold(session, account, hold, actor, now)
    return hold


def hold_problems(reason: str, from_on: date, to_on: date | None, effect: str, cause: str) -> list[Problem]:
    """All that is wrong with a hold somebody wants to put."""
    problems = []
    if not reason.strip():
        problems.append(Problem("missing_value", "A hold needs a reason.", "Say why.", column="reason"))
    if to_on is not None and to_on < from_on:
        problems.append(Problem("term_backwards", "The hold ends before it begins.", "Correct it.", column="to_on"))
    for column, value, choices in (("effect", effect, EFFECTS), ("cause", cause, CAUSES)):
        if value not in choices:
            cure = f"Use {', '.join(choices)}."
            problems.append(Problem("not_a_choice", f"{value} is no {column}.", cure, column=column))
    return problems


def lift_hold(
    session: Session, account: LoanAccount, hold: Hold, *, on: date, actor: Actor, now: datetime, reason: str = ""
) -> Hold:
    """End a hold: `on` is its last day. Refused when it has ended before that."""
    if on < hold.from_on or (hold.to_on is not None and hold.to_on <= on):
        raise Refused("The hold does not run on that day.", code="hold_ended", cure="Choose a day within it.")
    hold.to_on, hold.lifted_by, hold.lifted_at, hold.lift_reason = on, actor.email, now, reason.strip()
    session.flush()
    _record_hold(session, account, hold, actor, now)
    return hold


def lift_holds_of(
    session: Session, cause: str, cause_ref: str, *, on: date, actor: Actor, now: datetime, reason: str = ""
) -> list[Hold]:
    """End every hold one matter brought about: `on` is their last day, or a hold's first where that comes later. Gives those it ended.

    Those that end by then anyway stay as they are; nothing to end is no error. An empty `cause_ref` would end strangers' holds: refused.
    """
    if not cause_ref:
        raise Refused("Only holds of a named matter end together.", code="no_cause_ref", cure="End this one by itself.")
    running = (
        select(Hold, LoanAccount)
        .join(LoanAccount, LoanAccount.id == Hold.loan_account_id)
        .where(Hold.cause == cause, Hold.cause_ref == cause_ref, or_(Hold.to_on.is_(None), Hold.to_on > on))
        .order_by(Hold.id)
        .with_for_update(of=Hold)
    )
    lifted = []
    for hold, account in session.execute(running).all():
        last = max(on, hold.from_on)
        if hold.to_on is None or hold.to_on > last:
            lifted.append(lift_hold(session, account, hold, on=last, actor=actor, now=now, reason=reason))
    return lifted


def _record_hold(session: Session, account: LoanAccount, hold: Hold, actor: Actor, now: datetime) -> None:
    data = {"reason": hold.reason, "from": hold.from_on, "to": hold.to_on, "effect": hold.effect, "cause": hold.cause}
    if hold.cause_ref:
        data["cause_ref"] = hold.cause_ref
    if hold.lifted_at is not None:
        data["lift_reason"] = hold.lift_reason
    record_event(
        session,
        AuditTag.HOLD_CHANGED,
        actor=actor,
        subject_type="account",
        subject_ref=account.loan_account_no,
        now=now,
        data=data,
    )
