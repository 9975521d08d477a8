"""The bank's own collectors: who they are, whom they answer to, where they work; and one account moved by hand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from allocations.placements.models import LoanAccount
from allocations.placements.strategies.models import STAFF_ROLES, StaffAllocation, StaffMember
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Invalid, NotFound, Problem, Refused, Stale

CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,29}")
FIELDS = ("name", "role", "email", "manager_id", "pincodes", "branches", "capacity", "is_active")
BOOK_LOCK = text(
    "select pg_advisory_xact_lock(hashtext('staff book'))"
)  # a run and a hand-over, or two of them, at once
PRIVATE = {"name", "email"}  # changed, but not what to: the audit log keeps no personal data


def save_member(
    session: Session,
    code: str,
    values: Mapping[str, Any],
    *,
    actor: Actor,
    now: datetime,
    expected_version: int | None = None,
) -> StaffMember:
    """Add a member of staff or change the one with this code. Raises Invalid with every fault, Stale when another change came first."""
    member = session.scalars(select(StaffMember).where(StaffMember.code == code).with_for_update()).first()
    if member and expected_version is not None and member.lock_version != expected_version:
        raise Stale()
    before = {name: getattr(member, name) for name in FIELDS} if member else {}
    usual = {"pincodes": [], "branches": [], "is_active": True, "role": STAFF_ROLES[1]}
    after = {**usual, **before, **{name: values[name] for name in FIELDS if name in values}}
    if problems := list(_problems(session, code, after, member)):
        raise Invalid(problems)
    if member is None:
        member = StaffMember(code=code, created_at=now)
        session.add(member)
    else:
        member.lock_version += 1
    for name, value in after.items():
        setattr(member, name, value)
    session.flush()
    changed = [name for name in FIELDS if before.get(name) != after.get(name)]
    data = {
        side: {name: "(kept private)" if name in PRIVATE else found.get(name) for name in changed}
        for side, found in (("before", before), ("after", after))
    }
    record_event(
        session, AuditTag.STAFF_CHANGED, actor=actor, subject_type="staff", subject_ref=code, now=now, data=data
    )
    return member


def _problems(session: Session, code: str, values: Mapping[str, Any], member: StaffMember | None) -> Iterator[Problem]:
    if not CODE.fullmatch(code):
        yield Problem("bad_code", f"“{code[:40]}” is no code.", "Letters, digits, - _ . ; at most 30.", column="code")
    if not str(values.get("name") or "").strip():
        yield Problem("missing_value", "A name is missing.", "Enter it.", column="name")
    if values["role"] not in STAFF_ROLES:
        yield Problem("not_a_choice", f"{values['role']} is no role.", f"Use {', '.join(STAFF_ROLES)}.", column="role")
    if values.get("capacity") is not None and not 0 < values["capacity"] < 10_000_000:
        yield Problem(
            "bad_capacity", "A capacity is a whole number above 0.", "Leave it empty: no limit.", column="capacity"
        )
    manager = session.get(StaffMember, values["manager_id"]) if values.get("manager_id") else None
    if values.get("manager_id") and (manager is None or manager.role != "territory_manager"):
        yield Problem("not_a_manager", "Whom they answer to is a territory manager.", "Choose one.", column="manager")
    if manager is not None and member is not None and _is_above(session, member, manager):
        message = f"{manager.code} answers to {member.code}, directly or through others."
        yield Problem("in_a_circle", message, "Choose somebody above.", column="manager")


def _is_above(session: Session, member: StaffMember, other: StaffMember) -> bool:
    """Whether a member is somewhere in the line above another, or is the other."""
    seen: set[int] = set()
    at: StaffMember | None = other
    while at is not None and at.id not in seen:
        if at.id == member.id:
            return True
        seen.add(at.id)
        at = session.get(StaffMember, at.manager_id) if at.manager_id else None
    return False


def find_member(session: Session, code: str) -> StaffMember:
    found = session.scalars(select(StaffMember).where(StaffMember.code == code)).first()
    if found is None:
        raise NotFound("There is nobody with that code.")
    return found


def list_members(session: Session) -> Sequence[StaffMember]:
    """Managers first, each list by code."""
    return session.scalars(select(StaffMember).order_by(StaffMember.role.desc(), StaffMember.code)).all()


def hand_over(
    session: Session, account: LoanAccount, member: StaffMember, *, on: date, actor: Actor, now: datetime
) -> StaffAllocation:
    """Give one account to an executive from a day on; whoever holds it, holds it through the day before.

    Refused to an executive who is not active or full, and when the account was given to somebody from that day or later.
    """
    session.execute(BOOK_LOCK)
    if member.role != "collection_executive" or not member.is_active:
        raise Refused(f"{member.code} is given no accounts.", code="not_active", cure="Choose an active executive.")
    query = select(StaffAllocation).where(StaffAllocation.loan_account_id == account.id).with_for_update()
    for each in session.scalars(query).all():
        if each.from_on >= on:
            message = f"It was given away from {each.from_on} on."
            raise Refused(message, code="given_later", cure="Choose a later day.")
        if each.to_on is None or each.to_on >= on:
            each.to_on = on - timedelta(days=1)
    session.flush()
    if member.capacity is not None and held_by(session, member, on) >= member.capacity:
        raise Refused(f"{member.code} has as many accounts as they can work.", code="capacity_full")
    made = StaffAllocation(
        loan_account_id=account.id,
        staff_id=member.id,
        manager_id=member.manager_id,
        from_on=on,
        created_by=actor.email,
        created_at=now,
    )
    session.add(made)
    session.flush()
    data = {"before": {}, "after": {"account": account.loan_account_no, "from": on}}
    record_event(
        session, AuditTag.STAFF_CHANGED, actor=actor, subject_type="staff", subject_ref=member.code, now=now, data=data
    )
    return made


def held_by(session: Session, member: StaffMember, day: date) -> int:
    query = select(StaffAllocation.id).where(
        StaffAllocation.staff_id == member.id,
        StaffAllocation.from_on <= day,
        (StaffAllocation.to_on.is_(None)) | (StaffAllocation.to_on >= day),
    )
    return len(session.scalars(query).all())
