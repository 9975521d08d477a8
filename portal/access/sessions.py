"""Signed-in browsers, kept on the server: the browser holds a random token, the database its hash.

A session ends by sign-out, by idleness, by age, by sign-out everywhere, by disabling the user, and by de-empanelling the agency; every
request looks all of that up, so each takes effect with the commit that causes it. These reads run in the bank's scope.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Row,
    Select,
    String,
    bindparam,
    case,
    column,
    func,
    select,
    table,
    update,
)
from sqlalchemy.orm import Session

from portal.access.identity import Identity
from portal.access.models import User, UserSession
from portal.access.permissions import Role
from portal.kernel.errors import NotFound

# An agency in one of these has no doors. A suspended one has: it is given no new account, and goes on with those it holds.
SHUT_STATUSES = ("applicant", "due_diligence", "de_empanelled")
TOUCH_EVERY = timedelta(minutes=1)  # last_seen_at is written at most this often
# A field agent's phone sleeps in a pocket between two doors, often out of reach of the network: idleness alone does not end their day.
# Its age does, and sign-out, disabling and the end of the agency's work at once, as for everybody.
FIELD_IDLE = timedelta(hours=12)
# The agency's table by name alone: access stands beneath the features and may not import them.
AGENCIES = table(
    "agencies", column("id"), column("code", String), column("legal_name", String), column("status", String)
)


def token_hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _people() -> Select[Any]:
    return select(
        User.id, User.email, User.name, User.role, User.agency_id, AGENCIES.c.code, AGENCIES.c.legal_name
    ).outerjoin(AGENCIES, AGENCIES.c.id == User.agency_id)


def _is_open(query: Select[Any]) -> Select[Any]:
    """Only people who are enabled and whose agency, if any, is not shut."""
    return query.where(User.is_enabled, func.coalesce(AGENCIES.c.status, "").not_in(SHUT_STATUSES))


def _identity(row: Row[Any], session_id: int | None = None, proved_at: datetime | None = None) -> Identity:
    firm = (row.agency_id, row.code, row.legal_name)
    return Identity(row.id, row.email, row.name, Role(row.role), *firm, session_id, proved_at)


def _is_awake(now: datetime, idle: timedelta) -> ColumnElement[bool]:
    """That a session has been used lately enough for its person's role."""
    return _seen_since(now - max(idle, FIELD_IDLE), now - idle)


def _seen_since(in_the_field: Any, elsewhere: Any) -> ColumnElement[bool]:
    """That a session has been used since one moment by a field agent, since another by anybody else."""
    return UserSession.last_seen_at > case((User.role == Role.FIELD_AGENT.value, in_the_field), else_=elsewhere)


def find_identity(session: Session, token: str, *, now: datetime, idle: timedelta) -> Identity | None:
    """Whose token this is; None when unknown, signed out, idle for too long, too old, disabled, or the agency is shut.

    Notes that the browser was seen (at most once a minute); the caller commits.
    """
    row = _in_use(session, "token_hash", token_hash(token), now, idle)
    if row is None:
        return None
    if now - row.last_seen_at >= TOUCH_EVERY:
        session.execute(update(UserSession).where(UserSession.id == row.session_id).values(last_seen_at=now))
    return _identity(row, row.session_id, row.proved_at)


def identity_of_session(session: Session, session_id: int, *, now: datetime, idle: timedelta) -> Identity | None:
    """Who is signed in on a browser now, asked for by what a page of it was given; None as soon as that session is over."""
    row = _in_use(session, "id", session_id, now, idle)
    return _identity(row, row.session_id, row.proved_at) if row else None


def _in_use(session: Session, key: str, value: object, now: datetime, idle: timedelta) -> Row[Any] | None:
    moments = {"now": now, "in_the_field": now - max(idle, FIELD_IDLE), "elsewhere": now - idle}
    return session.execute(_session_by(key), {"value": value, **moments}).first()


@cache
def _session_by(key: str) -> Select[Any]:
    """The session in use whose column `key` is :value. Every request asks it: put together once, asked with other values."""
    aware = DateTime(timezone=True)
    return (
        _is_open(_people())
        .add_columns(
            UserSession.id.label("session_id"),
            UserSession.last_seen_at,
            func.coalesce(UserSession.confirmed_at, UserSession.created_at).label("proved_at"),
        )
        .join(UserSession, UserSession.user_id == User.id)
        .where(
            getattr(UserSession, key) == bindparam("value"),
            UserSession.revoked_at.is_(None),
            UserSession.epoch == User.session_epoch,
            UserSession.expires_at > bindparam("now"),
            _seen_since(bindparam("in_the_field", type_=aware), bindparam("elsewhere", type_=aware)),
        )
    )


def can_enter(session: Session, user_id: int) -> bool:
    """Whether this person is enabled and their agency, if any, is not shut."""
    query = select(User.id).outerjoin(AGENCIES, AGENCIES.c.id == User.agency_id).where(User.id == user_id)
    return session.execute(_is_open(query)).first() is not None


# The sign in a browser's own description, and what people call it; the first that fits names it.
BROWSERS = {"Edg": "Edge", "OPR/": "Opera", "SamsungBrowser": "Samsung Internet", "Firefox": "Firefox"} | {
    name: name for name in ("Chrome", "Safari", "curl")
}
SYSTEMS = {"Macintosh": "Mac", "CrOS": "Chromebook"} | {
    name: name for name in ("Android", "iPhone", "iPad", "Windows", "Linux")
}


def browser_name(user_agent: str) -> str:
    """ "Chrome on Android" from what a browser says of itself; enough for its owner to know it again."""
    browser = next((name for sign, name in BROWSERS.items() if sign in user_agent), "A browser")
    system = next((name for sign, name in SYSTEMS.items() if sign in user_agent), "")
    return f"{browser} on {system}" if system else browser


def start_session(
    session: Session, user: User, *, now: datetime, lasts: timedelta, most: int, address: str, browser: str
) -> str:
    """A new token for this browser. With `most` sessions open already the oldest end."""
    token = secrets.token_urlsafe(32)
    session.add(
        UserSession(
            user_id=user.id,
            token_hash=token_hash(token),
            epoch=user.session_epoch,
            created_at=now,
            last_seen_at=now,
            expires_at=now + lasts,
            address=address,
            browser=browser_name(browser),
        )
    )
    session.flush()
    kept = select(UserSession.id).where(*_live(user)).order_by(UserSession.created_at.desc(), UserSession.id.desc())
    end = update(UserSession).where(*_live(user), UserSession.id.not_in(kept.limit(most))).values(revoked_at=now)
    session.execute(end, execution_options={"synchronize_session": False})
    return token


def confirm_session(session: Session, session_id: int, *, now: datetime) -> str:
    """Keep that the password was given again in this browser; its new token, since the old one may have been watched."""
    token = secrets.token_urlsafe(32)
    row = session.get_one(UserSession, session_id)
    row.confirmed_at, row.token_hash = now, token_hash(token)
    session.flush()
    return token


def _live(user: User) -> tuple[Any, ...]:
    return UserSession.user_id == user.id, UserSession.revoked_at.is_(None)


def end_session(session: Session, session_id: int, *, now: datetime, user_id: int | None = None) -> UserSession:
    """End one session; with `user_id` only when it is that person's. Raises NotFound. Ending it twice is harmless."""
    row = session.get(UserSession, session_id)
    if row is None or (user_id is not None and row.user_id != user_id):
        raise NotFound("There is no such session.")
    row.revoked_at = row.revoked_at or now
    return row


def end_all_sessions(session: Session, user: User, *, now: datetime) -> None:
    """End every session of a person, including any that is being started this instant (the epoch moves on)."""
    user.session_epoch = User.session_epoch + 1
    session.execute(update(UserSession).where(*_live(user)).values(revoked_at=now))
    session.flush()


def open_sessions(
    session: Session, *, now: datetime, idle: timedelta, user_id: int | None = None, after: int = 0, limit: int = 50
) -> Sequence[Row[Any]]:
    """Sessions in use, newest first: id, user's e-mail and role, agency code, since, last seen, address, browser."""
    query = (
        select(UserSession, User.email, User.name, User.role, AGENCIES.c.code.label("agency_code"))
        .join(User, User.id == UserSession.user_id)
        .outerjoin(AGENCIES, AGENCIES.c.id == User.agency_id)
        .where(
            UserSession.revoked_at.is_(None),
            UserSession.epoch == User.session_epoch,
            UserSession.expires_at > now,
            _is_awake(now, idle),
        )
        .order_by(UserSession.id.desc())
        .limit(limit)
    )
    if user_id is not None:
        query = query.where(UserSession.user_id == user_id)
    if after:
        query = query.where(UserSession.id < after)
    return session.execute(query).all()
