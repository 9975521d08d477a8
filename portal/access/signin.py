"""Getting in: every way to prove who one is stands in this module and in `links`.

An attempt is counted before it is judged, in a transaction of its own, so that parallel guesses count one another. An unknown
e-mail, a wrong password, a disabled user and too many attempts cost the same work and get the same answer.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from portal.access.identity import Identity
from portal.access.models import SignInAttempt, User
from portal.access.passwords import hash_password, needs_rehash, verify_password
from portal.access.permissions import Role
from portal.access.sessions import can_enter, confirm_session, end_all_sessions, end_session, start_session
from portal.kernel.audit import Actor, AuditTag, record_event

WINDOW = timedelta(minutes=15)
MOST_PER_USER = 10  # failures within the window
MOST_PER_ADDRESS = 60


@dataclass(frozen=True, slots=True)
class Attempt:
    """A counted try; `is_too_many` once the user or the address has failed too often."""

    id: int
    email: str
    address: str
    is_too_many: bool


def email_hash(email: str) -> str:
    return hashlib.sha256(email.strip().lower().encode("utf-8", "surrogatepass")).hexdigest()


def count_attempt(session: Session, email: str, *, address: str, now: datetime) -> Attempt:
    """Count a try. Commit before judging it."""
    row = SignInAttempt(email_hash=email_hash(email), address=address, at=now, succeeded=False)
    session.add(row)
    session.flush()
    failures = select(func.count()).where(SignInAttempt.at > now - WINDOW, ~SignInAttempt.succeeded)
    of_user = session.scalar(failures.where(SignInAttempt.email_hash == row.email_hash)) or 0
    of_address = session.scalar(failures.where(SignInAttempt.address == address)) or 0
    too_many = of_user > MOST_PER_USER or of_address > MOST_PER_ADDRESS
    return Attempt(row.id, email.strip().lower(), address, too_many)


def judge_attempt(session: Session, attempt: Attempt, password: str, *, now: datetime) -> User | None:
    """The person, when everything is right; None says no more than that."""
    user = session.scalars(select(User).where(User.email == attempt.email)).first()
    right = verify_password(user.password_hash if user else None, password)
    allowed = can_enter(session, user.id if user else 0)
    if user is None or not right or not allowed or attempt.is_too_many or user.role == Role.SYSTEM:
        _record_refusal(session, attempt, user, right=right, now=now)
        return None
    if user.password_hash and needs_rehash(user.password_hash):
        user.password_hash = hash_password(password)
    user.last_signed_in_at = now
    _count_as_success(session, attempt, now=now)
    return user


def _count_as_success(session: Session, attempt: Attempt, *, now: datetime) -> None:
    """The try stands as a failure until now; attempts are never updated, so it makes way for another row."""
    session.execute(delete(SignInAttempt).where(SignInAttempt.id == attempt.id))
    hashed = email_hash(attempt.email)
    session.add(SignInAttempt(email_hash=hashed, address=attempt.address, at=now, succeeded=True))


def enter(
    session: Session, user: User, *, lasts: timedelta, most: int, address: str, browser: str, now: datetime
) -> str:
    """A new session for somebody who has proved who they are, in the same transaction; returns the browser's token."""
    token = start_session(session, user, now=now, lasts=lasts, most=most, address=address, browser=browser)
    _tell(session, AuditTag.USER_SIGNED_IN, user, now)
    return token


def confirm(session: Session, identity: Identity, attempt: Attempt, password: str, *, now: datetime) -> str | None:
    """The password once more, of somebody signed in: their browser's new token, or None. Guesses are counted as at the door."""
    user = judge_attempt(session, attempt, password, now=now)
    if user is None or user.id != identity.user_id or identity.session_id is None:
        return None
    token = confirm_session(session, identity.session_id, now=now)
    _tell(session, AuditTag.USER_CONFIRMED, user, now, {"session": identity.session_id})
    return token


def _tell(session: Session, tag: AuditTag, user: User, now: datetime, data: dict[str, Any] | None = None) -> None:
    """What somebody did at the door, in their own name."""
    record_event(
        session,
        tag,
        actor=Actor(user.id, user.email, user.role, user.agency_id, via="web"),
        subject_type="user",
        subject_ref=user.email,
        agency_id=user.agency_id,
        now=now,
        data=data,
    )


def leave(session: Session, user: User, session_id: int | None, *, actor: Actor, now: datetime) -> None:
    """Sign out: of one session, or of every session everywhere."""
    if session_id is None:
        end_all_sessions(session, user, now=now)
    else:
        end_session(session, session_id, now=now, user_id=user.id)
    record_event(
        session,
        AuditTag.USER_SIGNED_OUT,
        actor=actor,
        subject_type="user",
        subject_ref=user.email,
        agency_id=user.agency_id,
        now=now,
        data={"session": session_id, "everywhere": session_id is None},
    )


def _record_refusal(session: Session, attempt: Attempt, user: User | None, *, right: bool, now: datetime) -> None:
    """One event a refusal until the limit; beyond it the count alone, so that guessing cannot flood the log."""
    if attempt.is_too_many:
        return
    reason = "unknown" if user is None else "closed" if right else "password"
    record_event(
        session,
        AuditTag.USER_SIGN_IN_REFUSED,
        actor=Actor(None, "", "", via="web"),
        subject_type="sign_in",
        subject_ref=email_hash(attempt.email)[:16],
        agency_id=user.agency_id if user else None,
        now=now,
        data={"reason": reason},
    )
