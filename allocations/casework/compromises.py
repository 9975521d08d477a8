"""Compromises with borrowers (one-time settlements, Lok Adalat): money taken while one stands is priced as such.

Proposed by one person, approved by another. At most one stands on an account on any day; a broken one counts until the day it broke.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from allocations.agencies.dated_settings import setting_on
from allocations.casework.models import OneTimeSettlement
from allocations.casework.offer_models import CompromiseAssessment
from allocations.placements.models import LoanAccount
from portal.kernel.audit import Actor, AuditTag
from portal.kernel.clock import BANK_ZONE
from portal.kernel.errors import Invalid, NotFound, Problem, Refused
from portal.kernel.money import plain
from portal.kernel.proposals import Proposals, reason_problems

KINDS = {"ots": "One-time settlement", "lok_adalat": "Lok Adalat"}
FIRST_DAY = date(2000, 1, 1)
LOCK = 0x4F54_53
STANDING = ("approved", "broken")


def _facts(found: OneTimeSettlement) -> dict[str, Any]:
    amount = plain(found.agreed_minor, found.currency)
    return {"kind": found.kind, "from": found.from_on, "to": found.to_on, "amount": amount}


PROPOSALS = Proposals(
    *(OneTimeSettlement, "a compromise", AuditTag.COMPROMISE_MOVED, "one_time_settlement"),
    ref=lambda found: f"C{found.id}",
    facts=_facts,
)


@dataclass(frozen=True, slots=True)
class Agreed:
    """A compromise as it is entered: `to_on` None while it has no last day."""

    loan_account_no: str
    kind: str
    agreed_minor: int
    from_on: date
    to_on: date | None
    reason: str


def propose_compromise(
    session: Session, agreed: Agreed, *, actor: Actor, now: datetime, in_full: bool = False
) -> OneTimeSettlement:
    """Propose a compromise on an account. Raises Invalid with every problem, one of them an overlap with another one.

    `in_full`: it stands on an offer that was assessed; without one, a dated setting says which may be entered.
    """
    account = session.scalars(
        select(LoanAccount).where(LoanAccount.loan_account_no == agreed.loan_account_no.strip())
    ).first()
    problems = [*problems_of(agreed)]
    if not in_full and agreed.kind == "ots" and _only_awards(session, now):
        message = "A one-time settlement is proposed in full: what is owed, what is given up, the instalments."
        problems.append(Problem("in_full", message, "Propose a settlement instead.", column="kind"))
    if account is None:
        message = "There is no such loan account."
        problems.append(Problem("unknown_account", message, "Check the number.", column="loan_account_no"))
    else:
        _one_at_a_time(session, account.id)
        problems += _overlap(session, account.id, agreed.from_on, agreed.to_on, waiting=True)
    if problems or account is None:
        raise Invalid(problems)
    made = OneTimeSettlement(
        loan_account_id=account.id,
        kind=agreed.kind,
        agreed_minor=agreed.agreed_minor,
        currency=account.currency,
        from_on=agreed.from_on,
        to_on=agreed.to_on,
        reason=agreed.reason.strip(),
    )
    return PROPOSALS.propose(session, made, actor=actor, now=now)


def problems_of(agreed: Agreed) -> Iterator[Problem]:
    if agreed.kind not in KINDS:
        yield Problem(
            "bad_kind", f"{agreed.kind or 'Nothing'} is no compromise.", "Use ots or lok_adalat.", column="kind"
        )
    if agreed.agreed_minor <= 0:
        yield Problem("bad_amount", "The agreed sum is more than nothing.", "Give it.", column="amount")
    if agreed.from_on < FIRST_DAY:
        yield Problem("bad_day", "That day is too long ago.", "Check the year.", column="from_on")
    if agreed.to_on is not None and agreed.to_on < agreed.from_on:
        yield Problem("ends_before", "It ends before it begins.", "Correct one of the days.", column="to_on")
    yield from reason_problems(agreed.reason, "Say what it rests on.", "Name the letter, the award or who agreed.")


def _overlap(
    session: Session, account_id: int, from_on: date, to_on: date | None, *, besides: int = 0, waiting: bool = False
) -> Iterator[Problem]:
    """The compromise whose days this one would share."""
    statuses = (*STANDING, "proposed") if waiting else STANDING
    query = select(OneTimeSettlement).where(
        OneTimeSettlement.loan_account_id == account_id,
        OneTimeSettlement.status.in_(statuses),
        OneTimeSettlement.id != besides,
        OneTimeSettlement.to_on.is_(None) | (OneTimeSettlement.to_on >= from_on),
    )
    if to_on is not None:
        query = query.where(OneTimeSettlement.from_on <= to_on)
    other = session.scalars(query.order_by(OneTimeSettlement.from_on).limit(1)).first()
    if other is not None:
        until = f" to {other.to_on}" if other.to_on else " on, without a last day"
        message = (
            f"Another compromise ({KINDS[other.kind]}, {other.status}) has this account from {other.from_on}{until}."
        )
        cure = "Let this one begin after it, or say first that the other is broken."
        yield Problem("overlap", message, cure, column="from_on")


def load_compromise(session: Session, compromise_id: int) -> OneTimeSettlement:
    """The compromise, locked. NotFound when there is none."""
    return PROPOSALS.load(session, id=compromise_id)


def decide_compromise(
    session: Session,
    found: OneTimeSettlement,
    *,
    approve: bool,
    reason: str = "",
    actor: Actor,
    now: datetime,
    in_full: bool = False,
) -> None:
    """Approve or reject. Refused to who proposed it, and where an offer in full is decided instead; Invalid when another came between."""
    _refuse_beside_the_offer(session, found, in_full)
    action = "approve" if approve else "reject"
    PROPOSALS.may_decide(found, action, reason=reason, actor=actor)
    if approve:
        _one_at_a_time(session, found.loan_account_id)
        days = (found.from_on, found.to_on)
        if problems := list(_overlap(session, found.loan_account_id, *days, besides=found.id)):
            raise Invalid(problems)
    PROPOSALS.decide(session, found, action, reason=reason, actor=actor, now=now)


def withdraw_compromise(
    session: Session, found: OneTimeSettlement, *, actor: Actor, now: datetime, in_full: bool = False
) -> None:
    _refuse_beside_the_offer(session, found, in_full)
    PROPOSALS.move(session, found, "withdraw", actor=actor, now=now)


def break_compromise(
    session: Session,
    found: OneTimeSettlement,
    *,
    last_on: date,
    reason: str,
    actor: Actor,
    now: datetime,
    today: date,
    in_full: bool = False,
) -> None:
    """The borrower did not keep it: `last_on` is the last day its rates hold. Money taken until then stays priced as it was.

    Refused to who proposed it.
    """
    _refuse_beside_the_offer(session, found, in_full)
    PROPOSALS.refuse_maker(found, actor, does="end")
    PROPOSALS.next_status(found, "break")
    problems = []
    if last_on < found.from_on or last_on > today or (found.to_on is not None and last_on > found.to_on):
        until = min(found.to_on or today, today)
        cure = f"Give a day from {found.from_on} to {until}."
        problems.append(Problem("bad_day", "It broke while it stood, and not in the future.", cure, column="to_on"))
    if problems := [*problems, *reason_problems(reason, "Say what was not kept.")]:
        raise Invalid(problems)
    found.to_on, found.decision_reason = last_on, reason.strip()
    PROPOSALS.move(session, found, "break", actor=actor, now=now)


def offer_behind(session: Session, compromise_id: int) -> int | None:
    """The offer in full a compromise stands on, if any."""
    query = select(CompromiseAssessment.offer_id).where(CompromiseAssessment.compromise_id == compromise_id)
    return session.scalar(query)


def _refuse_beside_the_offer(session: Session, found: OneTimeSettlement, in_full: bool) -> None:
    if not in_full and (offer := offer_behind(session, found.id)) is not None:
        message = f"This compromise stands on settlement OTS-{offer}, which was assessed in full."
        raise Refused(message, code="in_full", cure="Decide on the settlement; this follows.")


def _only_awards(session: Session, now: datetime) -> bool:
    return bool(setting_on(session, "compromise.direct_entry", now.astimezone(BANK_ZONE).date()) == "awards")


def _one_at_a_time(session: Session, account_id: int) -> None:
    session.scalar(select(func.pg_advisory_xact_lock(LOCK, account_id % 2**31)))


# --- reading

ON = text("""
select distinct on (k.loan_account_id) k.loan_account_id, k.kind from one_time_settlements k
 where k.loan_account_id = any(:accounts) and k.status in ('approved', 'broken') and k.from_on <= :day
   and (k.to_on is null or k.to_on >= :day)
 order by k.loan_account_id, k.from_on desc, k.id desc
""")


def kinds_on(session: Session, loan_account_ids: Sequence[int], day: date) -> Mapping[int, str]:
    """Loan account id → the kind of compromise that stands on a day; accounts without one are left out."""
    rows = session.execute(ON, {"accounts": list(loan_account_ids), "day": day})
    return {row.loan_account_id: row.kind for row in rows}


@dataclass(frozen=True)
class CompromiseRow:
    compromise: OneTimeSettlement
    loan_account_no: str
    customer_name: str


def _rows() -> Any:
    return select(OneTimeSettlement, LoanAccount.loan_account_no, LoanAccount.customer_name).join(
        LoanAccount, LoanAccount.id == OneTimeSettlement.loan_account_id
    )


def list_compromises(
    session: Session,
    *,
    status: str = "",
    account: str = "",
    after: tuple[Any, ...] | None = None,
    limit: int = 51,
) -> list[CompromiseRow]:
    """Compromises, the newest entry first."""
    query = _rows()
    if status:
        query = query.where(OneTimeSettlement.status == status)
    if account:
        query = query.where(LoanAccount.loan_account_no == account)
    if after:
        query = query.where(OneTimeSettlement.id < after[0])
    return [CompromiseRow(*row) for row in session.execute(query.order_by(OneTimeSettlement.id.desc()).limit(limit))]


def compromise_row(session: Session, compromise_id: int) -> CompromiseRow:
    row = session.execute(_rows().where(OneTimeSettlement.id == compromise_id)).first()
    if row is None:
        raise NotFound("There is no such compromise.")
    return CompromiseRow(*row)
