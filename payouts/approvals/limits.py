"""Up to which amount a role, or one person, may approve: a dated table, proposed by one admin and decided by another person."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from payouts.approvals.models import SUBJECTS, ApprovalLimit
from portal.kernel.audit import Actor, AuditTag
from portal.kernel.errors import Invalid, Problem, Refused
from portal.kernel.money import EXPONENTS
from portal.kernel.persons import same_person
from portal.kernel.proposals import LONGEST_REASON, Proposals, reason_problems

# Who approves what at all; the permissions of the roles stand one floor above.
ROLES: dict[str, tuple[str, ...]] = {"settlement": ("bank_approver",), "batch": ("finance", "bank_approver")}
SUBJECT_WORDS = {"settlement": "Settlements", "batch": "Payout batches"}
ROLE_OF = text("select role from users where email = :email and is_enabled")

LIMITS = Proposals(
    ApprovalLimit,
    "an approval limit",
    AuditTag.LIMIT_MOVED,
    "approval_limit",
    ref=lambda row: row.ref,
    facts=lambda row: {
        "subject": row.subject,
        "role": row.email or row.role,
        "up_to": row.up_to_minor,
        "third_key": row.third_key_above_minor,
    },
    named=lambda row: row.ref,
    reason_cure="Whoever proposed it reads this.",
)


@dataclass(frozen=True, slots=True)
class NewLimit:
    """What is proposed. `up_to_minor` None: any amount; `third_key_above_minor` None: two people are enough at any amount."""

    subject: str
    role: str
    currency: str
    effective_from: date
    reason: str
    email: str | None = None
    up_to_minor: int | None = None
    third_key_above_minor: int | None = None
    effective_to: date | None = None


def propose_limit(session: Session, new: NewLimit, *, actor: Actor, now: datetime, today: date) -> ApprovalLimit:
    """Propose a limit. Raises Invalid with every problem; it begins today at the earliest, so that nothing approved becomes wrong."""
    if problems := [*_problems(new, today), *_person_problems(session, new)]:
        raise Invalid(problems)
    made = ApprovalLimit(
        ref=f"LIM-{now:%y%m%d}-{secrets.token_hex(3).upper()}",
        subject=new.subject,
        role=new.role,
        email=new.email or None,
        currency=new.currency,
        up_to_minor=new.up_to_minor,
        third_key_above_minor=new.third_key_above_minor,
        effective_from=new.effective_from,
        effective_to=new.effective_to,
        reason=new.reason.strip(),
    )
    return LIMITS.propose(session, made, actor=actor, now=now)


def _problems(new: NewLimit, today: date) -> Iterator[Problem]:
    if new.subject not in SUBJECTS:
        yield Problem("bad_subject", f"{new.subject!r} is nothing people approve here.", column="subject")
    elif new.role not in ROLES[new.subject]:
        cure = f"Use one of: {', '.join(ROLES[new.subject])}."
        yield Problem("bad_role", f"{new.role!r} does not approve a {new.subject}.", cure, column="role")
    if new.currency not in EXPONENTS:
        yield Problem("bad_currency", f"{new.currency!r} is no currency here.", column="currency")
    for column, amount in (("up_to", new.up_to_minor), ("third_key", new.third_key_above_minor)):
        if amount is not None and amount < 0:
            yield Problem("bad_amount", "A limit is not below nothing.", "Give it without a minus.", column=column)
    if new.effective_from < today:
        cure = f"Let it begin on {today} or later."
        yield Problem("in_the_past", "A limit cannot begin in the past.", cure, column="effective_from")
    if new.effective_to and new.effective_to < new.effective_from:
        yield Problem("bad_dates", "It ends before it begins.", "Correct one of the days.", column="effective_to")
    yield from reason_problems(new.reason, "Say why.", f"3 to {LONGEST_REASON} letters.")


def _person_problems(session: Session, new: NewLimit) -> Iterator[Problem]:
    if new.email and session.scalar(ROLE_OF, {"email": new.email}) != new.role:
        message = f"{new.email} is nobody with that role who may sign in."
        yield Problem("unknown_user", message, "Leave it empty for everybody of the role.", column="email")


def decide_limit(
    session: Session, found: ApprovalLimit, *, accept: bool, reason: str = "", actor: Actor, now: datetime
) -> None:
    """Another person's word. Refused to who proposed it, under any account, and to whom it names: nobody lifts their own limit."""
    action = "accept" if accept else "reject"
    LIMITS.may_decide(found, action, reason=reason, actor=actor)
    refuse_concerned(session, actor, found.email if accept else None)
    LIMITS.decide(session, found, action, reason=reason, actor=actor, now=now)


def refuse_concerned(session: Session, actor: Actor, *named: str | None) -> None:
    """Refused when who decides is one whom it is about."""
    if any(same_person(session, actor.email, each) for each in named):
        raise Refused("This is about you; another person decides.", code="about_oneself")


# --- which one holds


def in_force(session: Session, subject: str, currency: str, day: date) -> list[ApprovalLimit]:
    """The accepted limits of a day, one for each role and each person: the newest of each, the role's own first."""
    query = select(ApprovalLimit).where(
        ApprovalLimit.subject == subject, ApprovalLimit.currency == currency, ApprovalLimit.status == "accepted"
    )
    return holding(session.scalars(query), day)


def holding(rows: Iterable[ApprovalLimit], day: date) -> list[ApprovalLimit]:
    """Of accepted limits of one subject and currency, those that hold on a day. Pure.

    The one that began last decides; when that one has ended, none of its predecessors comes back.
    """
    newest: dict[tuple[str, str], ApprovalLimit] = {}
    for row in sorted(rows, key=lambda each: (each.effective_from, each.id or 0)):
        if row.effective_from <= day:
            newest[(row.role, row.email or "")] = row
    held = [row for row in newest.values() if row.effective_to is None or day <= row.effective_to]
    return sorted(held, key=lambda row: (row.role, row.email or ""))


def limit_of(limits: Sequence[ApprovalLimit], emails: set[str], role: str) -> ApprovalLimit | None:
    """The limit of a person, by their own name before their role's; None when the role's permission alone decides. Pure."""
    own = [row for row in limits if row.email in emails]
    for_role = [row for row in limits if row.email is None and row.role == role]
    return next(iter(sorted(own, key=_tightest) or for_role), None)


def _tightest(row: ApprovalLimit) -> tuple[bool, int]:
    return row.up_to_minor is None, row.up_to_minor or 0


def third_key_above(limits: Sequence[ApprovalLimit]) -> int | None:
    """The amount above which three people are asked for: the lowest that any limit of the day names. Pure.

    It belongs to the amount and not to whoever approves, so that nobody avoids it by letting somebody else begin.
    """
    return min((row.third_key_above_minor for row in limits if row.third_key_above_minor is not None), default=None)


def list_limits(session: Session, *, status: str = "", limit: int = 200) -> list[ApprovalLimit]:
    """Every limit there is or was, the newest first."""
    query = select(ApprovalLimit).order_by(ApprovalLimit.id.desc()).limit(limit)
    return list(session.scalars(query.where(ApprovalLimit.status == status) if status else query))
