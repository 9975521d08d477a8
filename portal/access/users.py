"""Adding, changing and disabling people. The bank's admin does it; nobody sets another's password."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from portal.access.models import User
from portal.access.permissions import AGENCY_ROLES, Role
from portal.access.sessions import AGENCIES, end_all_sessions
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Forbidden, Invalid, NotFound, Problem, Refused

EMAIL = re.compile(r"[^@\s\"'<>,;:\x00-\x1f]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
MAX_TEXT = 200


def email_problems(email: str) -> list[Problem]:
    if len(email) <= MAX_TEXT and EMAIL.fullmatch(email):
        return []
    return [Problem("bad_email", f"{email!r} is not an e-mail address.", column="email", value=email)]


def add_user(
    session: Session,
    email: str,
    role: Role,
    *,
    agency_code: str | None = None,
    name: str = "",
    actor: Actor,
    now: datetime,
) -> User:
    """A new person without a password yet. Raises Invalid (every problem), Refused when the e-mail is taken.

    Roles of an agency need its code; roles of the bank may not have one. `system` is made by the installation alone.
    """
    email, name = email.strip().lower(), " ".join(name.split())
    problems = email_problems(email)
    if len(name) > MAX_TEXT or "\0" in name:
        problems.append(Problem("bad_name", f"A name has at most {MAX_TEXT} characters.", column="name"))
    agency_id = None
    if (role in AGENCY_ROLES) != bool(agency_code):
        problems.append(_agency_mismatch(role))
    elif agency_code:
        agency_id = _agency_id(session, agency_code)
        if agency_id is None:
            cure = "Empanel the agency first, or check its code."
            problems.append(Problem("unknown_agency", f"There is no agency {agency_code!r}.", cure, column="agency"))
    if problems:
        raise Invalid(problems)
    if session.scalar(select(User.id).where(User.email == email)) is not None:
        raise Refused(f"{email} is a user already.", code="user_exists", cure="Make them a new link instead.")
    user = User(email=email, name=name, role=role.value, agency_id=agency_id, created_at=now)
    session.add(user)
    session.flush()
    _record(session, AuditTag.USER_ADDED, user, actor, now, {"role": role.value, "agency": agency_code})
    return user


def _agency_mismatch(role: Role) -> Problem:
    if role in AGENCY_ROLES:
        return Problem("agency_missing", f"{role.label} works for an agency; name it.", column="agency")
    return Problem("agency_not_wanted", f"{role.label} works for the bank, not for an agency.", column="agency")


def _agency_id(session: Session, code: str) -> int | None:
    return session.scalar(select(AGENCIES.c.id).where(AGENCIES.c.code == code.strip()))


def has_admin(session: Session) -> bool:
    """Whether anybody can let others in."""
    return session.scalar(select(User.id).where(User.role == Role.BANK_ADMIN.value).limit(1)) is not None


def find_user(session: Session, email: str) -> User:
    """The person of this e-mail. Raises NotFound."""
    user = session.scalars(select(User).where(User.email == email.strip().lower())).first()
    if user is None:
        raise NotFound(f"There is no user {email}.")
    return user


def user_by_id(session: Session, user_id: int) -> User:
    user = session.get(User, user_id)
    if user is None:
        raise NotFound("There is no such user.")
    return user


def disable_user(session: Session, user: User, *, actor: Actor, now: datetime) -> None:
    """Close the door at once: no session of theirs outlives this transaction. Disabling twice is harmless."""
    _not_oneself_nor_system(user, actor)
    if not user.is_enabled:
        return
    user.is_enabled = False
    end_all_sessions(session, user, now=now)
    _record(session, AuditTag.USER_CHANGED, user, actor, now, _change({"enabled": True}, {"enabled": False}))


def enable_user(session: Session, user: User, *, actor: Actor, now: datetime) -> None:
    _not_oneself_nor_system(user, actor)
    if user.is_enabled:
        return
    user.is_enabled = True
    _record(session, AuditTag.USER_CHANGED, user, actor, now, _change({"enabled": False}, {"enabled": True}))


def change_role(session: Session, user: User, role: Role, *, actor: Actor, now: datetime) -> None:
    """Another role on the same side of the house. Their sessions end, so nothing goes on under the old one."""
    _not_oneself_nor_system(user, actor)
    if role.is_agency != Role(user.role).is_agency or role is Role.SYSTEM:
        raise Refused("A person does not change sides; add a user with the other role instead.", code="other_side")
    if role.value == user.role:
        return
    before, user.role = user.role, role.value
    end_all_sessions(session, user, now=now)
    _record(session, AuditTag.USER_CHANGED, user, actor, now, _change({"role": before}, {"role": role.value}))


def also_known_as(session: Session, user: User) -> list[str]:
    """The other accounts of the same human being."""
    person = user.person or user.email
    same = func.coalesce(User.person, User.email) == person
    return list(session.scalars(select(User.email).where(same, User.id != user.id).order_by(User.email)))


def _not_oneself_nor_system(user: User, actor: Actor) -> None:
    if user.id == actor.user_id:
        raise Forbidden("Nobody changes their own access; ask another admin.", code="oneself")
    if user.role == Role.SYSTEM:
        raise Refused("The built-in system user stays as it is.", code="system_user")


def _change(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    return {"before": before, "after": after}


def _record(session: Session, tag: AuditTag, user: User, actor: Actor, now: datetime, data: dict[str, Any]) -> None:
    record_event(
        session,
        tag,
        actor=actor,
        subject_type="user",
        subject_ref=user.email,
        agency_id=user.agency_id,
        now=now,
        data=data,
    )


def list_users(
    session: Session, *, after: str = "", text: str = "", role: str = "", limit: int = 50
) -> Sequence[Row[Any]]:
    """People in order of e-mail, after a given one: (User, agency_code)."""
    query = (
        select(User, AGENCIES.c.code.label("agency_code"))
        .outerjoin(AGENCIES, AGENCIES.c.id == User.agency_id)
        .where(User.email > after, User.role != Role.SYSTEM.value)
        .order_by(User.email)
        .limit(limit)
    )
    if text:
        query = query.where(User.email.startswith(text.strip().lower(), autoescape=True))
    if role:
        query = query.where(User.role == role)
    return session.execute(query).all()
