"""Keys: one person, one act on one round of one item, under whichever role, account or delegation; and never above their limit.

An item's round begins when its maker hands it in; sent back, it begins anew. Who made or submitted an item in any round never approves it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from payouts.approvals.delegations import stands_in_for
from payouts.approvals.limits import ROLE_OF, ROLES, in_force, limit_of, third_key_above
from payouts.approvals.models import ApprovalLimit, ItemAct
from portal.kernel.audit import Actor
from portal.kernel.clock import BANK_ZONE
from portal.kernel.errors import Forbidden
from portal.kernel.money import shown
from portal.kernel.persons import accounts_of, person_of

APPROVED = "approved"
MAKING = ("made", "submitted")
LONGEST_COMMENT = 500
DEEDS = {"made": "made it", "submitted": "submitted it", "approved": "approved it"}


@dataclass(frozen=True, slots=True)
class KeyState:
    """What a key came to. `done`: no further person is needed; `needs_third`: the amount asks for three."""

    done: bool
    needs_third: bool


@dataclass(frozen=True, slots=True)
class Turning:
    """Who acts: the person, whom they stand in for, and the limit that is theirs, their own or the other's, the higher."""

    person: str
    stood_for: str | None
    limit: ApprovalLimit | None
    third_key_above_minor: int | None

    @property
    def people(self) -> set[str]:
        return {self.person} | ({self.stood_for} if self.stood_for else set())


def turn_key(
    session: Session,
    subject: str,
    ref: str,
    round: int,
    act: str,
    *,
    actor: Actor,
    signed: str,
    amount_minor: int,
    currency: str,
    comment: str = "",
    now: datetime,
    never: Sequence[str | None] = (),
) -> KeyState:
    """Put this person's key to a round of an item: act is made, submitted or approved; `signed` the hash that was on the screen.

    Forbidden when they acted on it before, or the amount is above their limit. `never`: e-mails of others who may not be this
    person. Keys to one item are turned one after the other.
    """
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"key {subject} {ref}", 0))))
    turning = turning_of(session, subject, actor, currency, now)
    if refusal := _why_not(session, subject, ref, round, act, turning, amount_minor, currency, never):
        raise refusal
    session.add(
        ItemAct(
            subject=subject,
            ref=ref,
            round=round,
            act=act,
            person=turning.person,
            stood_for=turning.stood_for,
            email=actor.email,
            signed=signed,
            amount_minor=amount_minor,
            comment=comment.strip()[:LONGEST_COMMENT],
            at=now,
        )
    )
    session.flush()
    if act != APPROVED:
        return KeyState(True, False)
    third = is_above(amount_minor, turning.third_key_above_minor)
    turned = sum(each.act == APPROVED for each in acts_on(session, subject, ref, round))
    return KeyState(turned >= (2 if third else 1), third)


def why_not(
    session: Session,
    subject: str,
    ref: str,
    round: int,
    *,
    actor: Actor,
    amount_minor: int,
    currency: str,
    now: datetime,
    never: Sequence[str | None] = (),
) -> Forbidden | None:
    """Why this person's approval would be refused, for pages; None when it would be taken."""
    turning = turning_of(session, subject, actor, currency, now)
    return _why_not(session, subject, ref, round, APPROVED, turning, amount_minor, currency, never)


def turning_of(session: Session, subject: str, actor: Actor, currency: str, now: datetime) -> Turning:
    """Who is acting now, and how far they may go."""
    day = now.astimezone(BANK_ZONE).date()
    person = person_of(session, actor.email)
    limits = in_force(session, subject, currency, day)
    own = limit_of(limits, accounts_of(session, person), actor.role)
    other = stands_in_for(session, person, day)
    if other is None:
        return Turning(person, None, own, third_key_above(limits))
    stood_for = person_of(session, other)
    if (role := session.scalar(ROLE_OF, {"email": other})) in ROLES[subject]:
        own = _higher(own, limit_of(limits, accounts_of(session, stood_for), role))
    return Turning(person, stood_for if stood_for != person else None, own, third_key_above(limits))


def _higher(one: ApprovalLimit | None, other: ApprovalLimit | None) -> ApprovalLimit | None:
    """Of two limits the one that allows more; none at all allows most."""
    if one is None or other is None or one.up_to_minor is None:
        return one if other is not None else other
    return other if other.up_to_minor is None or other.up_to_minor > one.up_to_minor else one


def _why_not(
    session: Session,
    subject: str,
    ref: str,
    round: int,
    act: str,
    turning: Turning,
    amount_minor: int,
    currency: str,
    never: Sequence[str | None],
) -> Forbidden | None:
    if before := _acts_before(session, subject, ref, round, act, turning.people):
        return _refused_twice(before[0], turning, ref)
    for email in never:
        if email and person_of(session, email) in turning.people:
            message = f"{email} had a hand in {ref}, and is you or somebody you stand in for."
            return Forbidden(message, code="maker_is_checker", cure="Ask another approver.")
    limit = turning.limit
    if act == APPROVED and limit is not None and limit.up_to_minor is not None and amount_minor > limit.up_to_minor:
        message = (
            f"{shown(amount_minor, currency)} is above what you may approve: {shown(limit.up_to_minor, currency)}"
            f" since {limit.effective_from} ({limit.ref})."
        )
        return Forbidden(message, code="above_limit", cure="Ask somebody with a higher limit.")
    return None


def _acts_before(
    session: Session, subject: str, ref: str, round: int, act: str, persons: set[str]
) -> Sequence[ItemAct]:
    """What these people did in this round; and for an approval, what they made or submitted in any."""
    here = ItemAct.round == round
    query = (
        select(ItemAct)
        .where(ItemAct.subject == subject, ItemAct.ref == ref)
        .where(or_(ItemAct.person.in_(persons), ItemAct.stood_for.in_(persons)))
        .where(or_(here, ItemAct.act.in_(MAKING)) if act == APPROVED else here)
        .order_by(ItemAct.id)
    )
    return session.scalars(query).all()


def _refused_twice(before: ItemAct, turning: Turning, ref: str) -> Forbidden:
    """Says which act stands in the way, and by which road it is theirs."""
    deed, code = DEEDS[before.act], "maker_is_checker" if before.act in MAKING else "acted_before"
    if before.person == turning.person:
        message = f"You {deed} yourself"
        message += f", as {before.email}" if before.email != turning.person else ""
    elif before.stood_for == turning.person:
        message = f"{before.email} {deed} in your stead"
    elif before.person == turning.stood_for:
        message = f"{before.email}, for whom you stand in, {deed}"
    else:
        message = f"{before.email} {deed} in the stead of {turning.stood_for}, for whom you stand in"
    return Forbidden(f"{ref}: {message}. Another person is needed.", code=code, cure="Ask another approver.")


def is_above(amount_minor: int, threshold_minor: int | None) -> bool:
    return threshold_minor is not None and amount_minor > threshold_minor


def needs_third_key(session: Session, subject: str, amount_minor: int, currency: str, day: date) -> bool:
    """Whether an amount asks for three people on a day."""
    return is_above(amount_minor, third_key_above(in_force(session, subject, currency, day)))


def acts_on(session: Session, subject: str, ref: str, round: int | None = None) -> Sequence[ItemAct]:
    """The keys turned on an item, in this round or in all, in their order."""
    query = select(ItemAct).where(ItemAct.subject == subject, ItemAct.ref == ref).order_by(ItemAct.id)
    return session.scalars(query if round is None else query.where(ItemAct.round == round)).all()
