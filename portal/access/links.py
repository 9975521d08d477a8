"""One-time links: to set a first password, to set a new one. Kept as hashes, for a while, usable once."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from portal.access.models import OneTimeLink, User
from portal.access.passwords import hash_password, password_problems, verify_password
from portal.access.sessions import can_enter, end_all_sessions, token_hash
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Invalid, NotFound, Problem, Refused


def make_link(session: Session, user: User, *, lasts: timedelta, actor: Actor, now: datetime) -> str:
    """A fresh token for this person; earlier unused links of theirs die. Raises Refused when they are disabled.

    The first password is set through a set-up link, later ones through a reset link.
    """
    if not can_enter(session, user.id):
        raise Refused("This user is disabled, or their agency is shut.", code="user_disabled")
    kind = "reset" if user.password_hash else "setup"
    token = secrets.token_urlsafe(32)
    unused = update(OneTimeLink).where(OneTimeLink.user_id == user.id, OneTimeLink.used_at.is_(None))
    session.execute(unused.values(expires_at=now))
    session.add(
        OneTimeLink(user_id=user.id, kind=kind, token_hash=token_hash(token), created_at=now, expires_at=now + lasts)
    )
    record_event(
        session,
        AuditTag.USER_LINK_MADE,
        actor=actor,
        subject_type="user",
        subject_ref=user.email,
        agency_id=user.agency_id,
        now=now,
        data={"kind": kind},
    )
    return token


def link_path(token: str) -> str:
    """Where a link leads; the page there moves the token out of the address at once."""
    return f"/set-password/{token}"


def open_link(session: Session, token: str, *, now: datetime) -> tuple[OneTimeLink, User]:
    """The live link and its person. Raises NotFound alike when unknown, used, expired, or the person is disabled."""
    row = session.execute(
        select(OneTimeLink, User)
        .join(User, User.id == OneTimeLink.user_id)
        .where(OneTimeLink.token_hash == token_hash(token), OneTimeLink.used_at.is_(None), OneTimeLink.expires_at > now)
        .with_for_update()
    ).first()
    if row is None or not can_enter(session, row.User.id):
        raise NotFound("This link has been used or has expired. Ask for a new one.")
    return row.OneTimeLink, row.User


def use_link(session: Session, token: str, password: str, *, now: datetime) -> User:
    """Set the password and spend the link; every session of the person ends. Raises NotFound, Invalid."""
    link, user = open_link(session, token, now=now)
    set_password(session, user, password, kind=link.kind, actor=actor_of(user), now=now)
    link.used_at = now
    return user


def change_password(session: Session, user: User, current: str, password: str, *, actor: Actor, now: datetime) -> None:
    """A person changes their own password, knowing the one they have. Raises Invalid; all their sessions end."""
    if not verify_password(user.password_hash, current):
        raise Invalid(Problem("password_wrong", "This is not your current password.", column="current"))
    if current == password:
        raise Invalid(Problem("password_same", "Choose a password other than the current one.", column="password"))
    set_password(session, user, password, kind="change", actor=actor, now=now)


def set_password(session: Session, user: User, password: str, *, kind: str, actor: Actor, now: datetime) -> None:
    """Give a person a new password and end all their sessions. Raises Invalid with every rule it breaks."""
    if problems := password_problems(password, email=user.email, name=user.name):
        raise Invalid(problems)
    user.password_hash = hash_password(password)
    end_all_sessions(session, user, now=now)
    record_event(
        session,
        AuditTag.USER_PASSWORD_SET,
        actor=actor,
        subject_type="user",
        subject_ref=user.email,
        agency_id=user.agency_id,
        now=now,
        data={"kind": kind},
    )


def actor_of(user: User) -> Actor:
    """A person acting for themselves on the web, before they are signed in."""
    return Actor(user.id, user.email, user.role, user.agency_id, via="web")
