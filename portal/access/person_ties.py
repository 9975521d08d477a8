"""That two accounts are one human being's, or are not any more: proposed by one person, accepted by another.

What an account does counts as done by every account of its person, so taking accounts apart would let one human being turn two keys.
Neither who proposes nor who accepts is one of those it is about.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from portal.access.models import PersonTie, User
from portal.access.permissions import Role
from portal.access.users import find_user
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Forbidden, Invalid, Refused
from portal.kernel.persons import same_person
from portal.kernel.proposals import Proposals, reason_problems

TIES = Proposals(
    *(PersonTie, "a word on whose accounts these are", AuditTag.PERSON_TIE_MOVED, "person_tie"),
    ref=lambda row: f"T{row.id}",
    facts=lambda row: {"kind": row.kind, "email": row.email, "to": row.other_email or ""},
    named=lambda row: f"What is said of {row.email}",
    reason_cure="Whoever proposed it reads it.",
)


def propose_tie(
    session: Session, user: User, other_email: str, *, reason: str, actor: Actor, now: datetime
) -> PersonTie:
    """Say that two accounts are one human being's. NotFound for an e-mail nobody has; Refused when it is said already."""
    other = find_user(session, other_email)
    if other.id == user.id:
        raise Refused("That is this very account.", code="same_account")
    if same_person(session, user.email, other.email):
        raise Refused(f"{user.email} and {other.email} are one person already.", code="said_already")
    return _propose(session, "tie", user, other, reason, actor, now)


def propose_untie(session: Session, user: User, *, reason: str, actor: Actor, now: datetime) -> PersonTie:
    """Say that an account is a person of its own after all; the others of its group stay together."""
    if not _group(session, user.person or user.email) - {user.email}:
        raise Refused(f"{user.email} is a person of its own already.", code="said_already")
    return _propose(session, "untie", user, None, reason, actor, now)


def _propose(
    session: Session, kind: str, user: User, other: User | None, reason: str, actor: Actor, now: datetime
) -> PersonTie:
    if actor.role == Role.SYSTEM or actor.agency_id is not None:
        raise Forbidden("A person says whose accounts these are.", code="not_a_person", cure="Name one with --as.")
    if problems := list(reason_problems(reason, "Say how you know.", "Another person reads it.")):
        raise Invalid(problems)
    made = PersonTie(kind=kind, email=user.email, other_email=other.email if other else None, reason=reason.strip())
    _refuse_concerned(session, made, actor)
    waits = select(PersonTie.id).where(PersonTie.email == user.email, PersonTie.status == "proposed")
    if session.scalar(waits) is not None:
        raise Refused(
            f"Something is said of {user.email} already, and waits.", code="waits", cure="Decide on it first."
        )
    return TIES.propose(session, made, actor=actor, now=now)


def decide_tie(
    session: Session, found: PersonTie, *, accept: bool, reason: str = "", actor: Actor, now: datetime
) -> None:
    """Another person's word; with it the accounts are tied, or taken apart. Refused to whom it is about, under any account."""
    action = "accept" if accept else "reject"
    TIES.may_decide(found, action, reason=reason, actor=actor)
    _refuse_concerned(session, found, actor)
    TIES.decide(session, found, action, reason=reason, actor=actor, now=now)
    if not accept:
        return
    user = find_user(session, found.email)
    if found.kind == "tie":
        _tie(session, user, find_user(session, found.other_email or ""), actor, now)
    else:
        _untie(session, user, actor, now)


def withdraw_tie(session: Session, found: PersonTie, *, actor: Actor, now: datetime) -> None:
    """Whoever proposed it takes it back; nobody else, or those it is about would."""
    if actor.email != found.proposed_by:
        raise Forbidden("Whoever proposed it takes it back.", code="not_the_maker", cure="Turn it down instead.")
    TIES.move(session, found, "withdraw", actor=actor, now=now)


def _refuse_concerned(session: Session, found: PersonTie, actor: Actor) -> None:
    concerned = [find_user(session, each) for each in (found.email, found.other_email) if each]
    if any(each.role == Role.SYSTEM for each in concerned):
        raise Refused("The built-in system user stays as it is.", code="system_user")
    if any(same_person(session, actor.email, each.email) for each in concerned):
        message = "It is about you: nobody says whose their own accounts are."
        raise Forbidden(message, code="oneself", cure="Ask another admin.")


def _tie(session: Session, user: User, other: User, actor: Actor, now: datetime) -> None:
    """Whoever either was tied to comes along."""
    before, person = user.person or user.email, other.person or other.email
    tied = func.coalesce(User.person, User.email).in_((before, person))
    session.execute(update(User).where(tied).values(person=person))
    session.refresh(user)
    _record(session, user, before, person, actor, now)


def _untie(session: Session, user: User, actor: Actor, now: datetime) -> None:
    before = user.person or user.email
    if before == user.email:  # the others go by its name: they need another
        rest = sorted(_group(session, before) - {user.email})
        if rest:
            session.execute(update(User).where(User.person == before, User.id != user.id).values(person=rest[0]))
    user.person = None
    session.flush()
    _record(session, user, before, user.email, actor, now)


def _group(session: Session, person: str) -> set[str]:
    return set(session.scalars(select(User.email).where(func.coalesce(User.person, User.email) == person)))


def _record(session: Session, user: User, before: str, person: str, actor: Actor, now: datetime) -> None:
    data: dict[str, Any] = {"before": {"person": before}, "after": {"person": person}}
    about: dict[str, Any] = {"subject_type": "user", "subject_ref": user.email, "agency_id": user.agency_id}
    record_event(session, AuditTag.USER_CHANGED, actor=actor, now=now, data=data, **about)


def load_tie(session: Session, tie_id: int, *, locked: bool = True) -> PersonTie:
    return TIES.load(session, locked=locked, id=tie_id)


def ties_about(session: Session, email: str = "", limit: int = 50) -> Sequence[PersonTie]:
    """What was said of an account, or of all; what waits first, then the newest."""
    query = select(PersonTie).order_by((PersonTie.status == "proposed").desc(), PersonTie.id.desc()).limit(limit)
    if email:
        query = query.where(or_(PersonTie.email == email, PersonTie.other_email == email))
    return session.scalars(query).all()
