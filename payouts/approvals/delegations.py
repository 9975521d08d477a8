"""Who stands in for whom: for some days one person has another's limits, and what they do counts as done by both."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from payouts.approvals.limits import refuse_concerned
from payouts.approvals.models import Delegation
from portal.kernel.audit import Actor, AuditTag
from portal.kernel.errors import Invalid, Problem, Refused
from portal.kernel.persons import accounts_of, person_of, same_person
from portal.kernel.proposals import LONGEST_REASON, Proposals, reason_problems

LONGEST_DAYS = 92
DEPUTIES = ("bank_operator", "bank_approver", "finance")  # those who put a key to anything
PEOPLE = text("select email, name, role from users where role = any(:roles) and is_enabled order by role, email")

DELEGATIONS = Proposals(
    Delegation,
    "a delegation",
    AuditTag.DELEGATION_MOVED,
    "delegation",
    ref=lambda row: row.ref,
    facts=lambda row: {"from": row.from_email, "to": row.to_email},
    named=lambda row: row.ref,
    reason_cure="Whoever proposed it reads this.",
)


@dataclass(frozen=True, slots=True)
class NewDelegation:
    """`to_email` stands in for `from_email` from the one day to the other, both included."""

    from_email: str
    to_email: str
    from_on: date
    to_on: date
    reason: str


def people(session: Session) -> list[tuple[str, str, str]]:
    """(e-mail, name, role) of everybody who may stand in for somebody."""
    return [(email, name, role) for email, name, role in session.execute(PEOPLE, {"roles": list(DEPUTIES)})]


def propose_delegation(session: Session, new: NewDelegation, *, actor: Actor, now: datetime, today: date) -> Delegation:
    """Propose it. Raises Invalid with every problem."""
    if problems := [*_date_problems(new, today), *_people_problems(session, new)]:
        raise Invalid(problems)
    made = Delegation(
        ref=f"DEL-{now:%y%m%d}-{secrets.token_hex(3).upper()}",
        from_email=new.from_email,
        to_email=new.to_email,
        from_on=new.from_on,
        to_on=new.to_on,
        reason=new.reason.strip(),
    )
    return DELEGATIONS.propose(session, made, actor=actor, now=now)


def _date_problems(new: NewDelegation, today: date) -> Iterator[Problem]:
    if new.from_on < today:
        cure = f"Let it begin on {today} or later."
        yield Problem("in_the_past", "A delegation cannot begin in the past.", cure, column="from_on")
    if new.to_on < new.from_on:
        yield Problem("bad_dates", "It ends before it begins.", "Correct one of the days.", column="to_on")
    elif (new.to_on - new.from_on).days >= LONGEST_DAYS:
        cure = f"At most {LONGEST_DAYS} days; propose another one then."
        yield Problem("too_long", "That is no standing in any more.", cure, column="to_on")
    yield from reason_problems(new.reason, "Say why.", f"3 to {LONGEST_REASON} letters.")


def _people_problems(session: Session, new: NewDelegation) -> Iterator[Problem]:
    known = {email for email, _, _ in people(session)}
    for column, email in (("from_email", new.from_email), ("to_email", new.to_email)):
        if email not in known:
            yield Problem("unknown_user", f"{email or 'Nobody'} puts no key to anything here.", column=column)
    if same_person(session, new.from_email, new.to_email):
        yield Problem("one_person", "Nobody stands in for themselves.", "Choose another person.", column="to_email")
    elif clash := overlapping(session, person_of(session, new.to_email), new.from_on, new.to_on):
        message = f"{new.to_email} stands in for {clash.from_email} until {clash.to_on} already."
        yield Problem("stands_in_already", message, "Choose another person, or other days.", column="to_email")


def overlapping(session: Session, person: str, first: date, last: date) -> Delegation | None:
    """The accepted delegation that makes this person stand in for somebody on any of these days."""
    query = select(Delegation).where(
        Delegation.to_email.in_(accounts_of(session, person)),
        Delegation.status == "accepted",
        Delegation.from_on <= last,
        Delegation.to_on >= first,
    )
    return session.scalars(query.order_by(Delegation.from_on, Delegation.id).limit(1)).first()


def stands_in_for(session: Session, person: str, day: date) -> str | None:
    """The e-mail of whom this person stands in for on a day; None for everybody who acts for themselves alone."""
    found = overlapping(session, person, day, day)
    return found.from_email if found else None


def decide_delegation(
    session: Session, found: Delegation, *, accept: bool, reason: str = "", actor: Actor, now: datetime
) -> None:
    """Another person's word: neither who proposed it nor who would stand in, under any account."""
    action = "accept" if accept else "reject"
    DELEGATIONS.may_decide(found, action, reason=reason, actor=actor)
    refuse_concerned(session, actor, found.to_email if accept else None)
    if accept and (clash := overlapping(session, person_of(session, found.to_email), found.from_on, found.to_on)):
        message = f"{found.to_email} stands in for {clash.from_email} until {clash.to_on} already."
        raise Refused(message, code="stands_in_already", cure="Reject it, and propose it for other days.")
    DELEGATIONS.decide(session, found, action, reason=reason, actor=actor, now=now)


def list_delegations(session: Session, *, status: str = "", limit: int = 200) -> list[Delegation]:
    """Every delegation there is or was, the newest first."""
    query = select(Delegation).order_by(Delegation.id.desc()).limit(limit)
    return list(session.scalars(query.where(Delegation.status == status) if status else query))
