"""Referrals of borrowers to counselling or hardship support: asked for with their consent, decided by the bank, closed with the outcome.

Accepting one may put the account on hold for illness or a calamity: nobody works it meanwhile, and what the borrower pays still counts.
Closing it ends that hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.casework.offers import bank_day
from allocations.casework.plan_models import CONSENTS, HOLD_CAUSES, REFERRALS, Referral
from allocations.placements.models import Allocation, LoanAccount
from allocations.placements.service import lift_holds_of, put_on_hold
from portal.kernel.audit import Actor, AuditTag
from portal.kernel.errors import Invalid, NotFound, Problem
from portal.kernel.proposals import Proposals, reason_problems

KINDS = {"counselling": "Credit counselling", "hardship": "Hardship support"}
HOLDS = {"medical": "Illness", "calamity": "A calamity"}
LONGEST = 500

PROPOSALS = Proposals(
    *(Referral, "a referral", AuditTag.REFERRAL_MOVED, "referral"),
    ref=lambda found: f"referral {found.id}",
    facts=lambda found: {"kind": found.kind, "hold": found.hold_cause, "to": found.closed_on},
    reason_cure="Who asked reads this.",
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A referral as it is asked for: `partner` is who helps, consent is the borrower's own."""

    loan_account_no: str
    kind: str
    partner: str
    consent_on: date
    consent_how: str
    reason: str


def ask_referral(
    session: Session, asked: Asked, *, agency_id: int | None = None, actor: Actor, now: datetime
) -> Referral:
    """Ask for a referral. Raises Invalid with every problem."""
    number = asked.loan_account_no.strip()
    account = session.scalars(select(LoanAccount).where(LoanAccount.loan_account_no == number)).first()
    problems = list(referral_problems(asked, bank_day(now)))
    if account is None:
        message = "There is no such loan account."
        problems.append(Problem("unknown_account", message, "Check the number.", column="loan_account_no"))
    if problems or account is None:
        raise Invalid(problems)
    made = Referral(
        agency_id=agency_id,
        loan_account_id=account.id,
        kind=asked.kind,
        partner=asked.partner.strip(),
        consent_on=asked.consent_on,
        consent_how=asked.consent_how,
        reason=asked.reason.strip(),
    )
    return PROPOSALS.propose(session, made, actor=actor, now=now)


def referral_problems(asked: Asked, today: date) -> Iterator[Problem]:
    if asked.kind not in REFERRALS:
        yield Problem("bad_kind", "That is no help there is.", f"Use {', '.join(REFERRALS)}.", column="kind")
    if not 2 <= len(asked.partner.strip()) <= 200:
        yield Problem("missing_value", "Say who helps.", "The partner's name.", column="partner")
    if asked.consent_on > today:
        yield Problem("bad_day", "That day is still to come.", "Ask the borrower first.", column="consent_on")
    if asked.consent_how not in CONSENTS:
        yield Problem("bad_way", "That is no way to consent.", f"Use {', '.join(CONSENTS)}.", column="consent_how")
    yield from reason_problems(asked.reason, "Say what happened.", "No more about an illness than is needed.")


def load_referral(session: Session, referral_id: int) -> Referral:
    return PROPOSALS.load(session, id=referral_id)


def load_own_referral(session: Session, referral_id: int, agency_id: int) -> Referral:
    """An agency's own, locked. NotFound for any other."""
    return PROPOSALS.load(session, id=referral_id, agency_id=agency_id)


def decide_referral(
    session: Session,
    found: Referral,
    *,
    accept: bool,
    reason: str = "",
    hold_cause: str = "",
    hold_until: date | None = None,
    actor: Actor,
    now: datetime,
) -> None:
    """Accept, with a hold or without, or reject. `hold_until` None: until it is closed. Refused to who asked, Invalid for a wrong hold."""
    PROPOSALS.may_decide(found, "accept" if accept else "reject", reason=reason, actor=actor)
    if accept and hold_cause:
        _hold(session, found, hold_cause, hold_until, actor, now)
    with session.no_autoflush:  # the hold's cause and the decision are one statement
        found.hold_cause = hold_cause or None if accept else None
        PROPOSALS.decide(session, found, "accept" if accept else "reject", reason=reason, actor=actor, now=now)


def _hold(session: Session, found: Referral, cause: str, until: date | None, actor: Actor, now: datetime) -> None:
    if cause not in HOLD_CAUSES:
        raise Invalid(Problem("bad_cause", "That is no cause.", f"Use {', '.join(HOLD_CAUSES)}.", column="hold_cause"))
    account = session.get_one(LoanAccount, found.loan_account_id)
    put_on_hold(
        session,
        account,
        reason=f"{KINDS[found.kind]}: {HOLDS[cause].lower()}",
        from_on=bank_day(now),
        to_on=until,
        effect="no_work",
        cause=cause,
        cause_ref=hold_ref(found),
        actor=actor,
        now=now,
    )


def hold_ref(found: Referral) -> str:
    return f"referral {found.id}"


def withdraw_referral(session: Session, found: Referral, *, actor: Actor, now: datetime) -> None:
    PROPOSALS.move(session, found, "withdraw", actor=actor, now=now)


def close_referral(session: Session, found: Referral, *, outcome: str, actor: Actor, now: datetime) -> None:
    """Say what came of it; its hold ends today. Invalid without an outcome."""
    PROPOSALS.next_status(found, "close")
    if problems := list(reason_problems(outcome, "Say what came of it.", column="outcome")):
        raise Invalid(problems)
    today = bank_day(now)
    if found.hold_cause:
        lift_holds_of(session, found.hold_cause, hold_ref(found), on=today, actor=actor, now=now, reason="Closed.")
    with session.no_autoflush:  # the outcome and the status are one statement
        found.outcome, found.closed_on = outcome.strip()[:LONGEST], today
        PROPOSALS.move(session, found, "close", actor=actor, now=now)


# --- reading


@dataclass(frozen=True, slots=True)
class ReferralRow:
    referral: Referral
    loan_account_no: str
    customer_name: str
    agency_code: str | None


def _rows() -> Any:
    return (
        select(Referral, LoanAccount.loan_account_no, LoanAccount.customer_name, Agency.code)
        .join(LoanAccount, LoanAccount.id == Referral.loan_account_id)
        .outerjoin(Agency, Agency.id == Referral.agency_id)
    )


def list_referrals(
    session: Session,
    *,
    status: str = "",
    account: str = "",
    after: tuple[Any, ...] | None = None,
    limit: int = 51,
) -> list[ReferralRow]:
    """For the bank: referrals, the newest first."""
    query = _rows()
    if status:
        query = query.where(Referral.status == status)
    if account:
        query = query.where(LoanAccount.loan_account_no == account)
    if after:
        query = query.where(Referral.id < after[0])
    return [ReferralRow(*row) for row in session.execute(query.order_by(Referral.id.desc()).limit(limit))]


def referral_row(session: Session, referral_id: int) -> ReferralRow:
    row = session.execute(_rows().where(Referral.id == referral_id)).first()
    if row is None:
        raise NotFound("There is no such referral.")
    return ReferralRow(*row)


def own_referrals(
    session: Session, agency_id: int, after: tuple[Any, ...] | None = None, limit: int = 51
) -> Sequence[Any]:
    """(referral, loan account number) of an agency, the newest first."""
    number = (
        select(Allocation.loan_account_no)
        .where(Allocation.loan_account_id == Referral.loan_account_id, Allocation.agency_id == agency_id)
        .limit(1)
        .scalar_subquery()
    )
    query = select(Referral, number.label("loan_account_no")).where(Referral.agency_id == agency_id)
    if after:
        query = query.where(Referral.id < after[0])
    return session.execute(query.order_by(Referral.id.desc()).limit(limit)).all()
