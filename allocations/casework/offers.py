"""A one-time settlement from its proposal to its approval: brought by an agency or the bank, recommended, approved a level above.

Who approves stands at the level the matrix asks for, at least one above who sanctioned the loan, and neither proposed nor recommended
it nor sanctioned the loan. Until then nothing is priced by it; from its approval its compromise prices the borrower's money.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from allocations.agencies.dated_settings import setting_on
from allocations.casework import compromises
from allocations.casework.models import OneTimeSettlement
from allocations.casework.offer_models import TOLD_BY, CompromiseAssessment, CompromiseOffer, CreditAcknowledgement
from allocations.casework.offer_rules import BORROWERS, assess, flag_problems, level_name, level_of, split_sacrifice
from allocations.casework.plan_models import RepaymentPlan
from allocations.casework.schedules import Schedule, as_rows, from_rows
from allocations.casework.schedules import problems_of as schedule_problems
from allocations.placements.models import AccountSnapshot, LoanAccount
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.clock import BANK_ZONE
from portal.kernel.errors import Forbidden, Invalid, NotFound, Problem, Refused
from portal.kernel.money import plain, shown
from portal.kernel.persons import same_person
from portal.kernel.proposals import Proposals, reason_problems

OPEN = ("proposed", "recommended")
LONGEST_PROOF = 200
LOCK = 0x4F46_46
SHORTEST_NAME, LONGEST_NAME = 3, 200  # of who sanctioned a loan


def _facts(found: CompromiseOffer) -> dict[str, Any]:
    return {
        "offer": plain(found.offer_minor, found.currency),
        "owed": plain(found.total_minor, found.currency),
        "level": found.decided_level,
        "to": found.closed_on,
    }


PROPOSALS = Proposals(
    *(CompromiseOffer, "a settlement", AuditTag.OFFER_MOVED, "compromise_offer"),
    ref=lambda found: found.ref,
    facts=_facts,
    reason_cure="Who brought it reads this.",
)


@dataclass(frozen=True, slots=True)
class Offered:
    """An offer as it is entered. `charges_minor`: of what is owed beyond the principal, the part that is charges and not interest."""

    loan_account_no: str
    offer_minor: int
    charges_minor: int
    from_on: date
    valid_until: date
    schedule: Schedule
    reason: str
    evidence_sha256: str | None = None
    evidence_name: str | None = None


@dataclass(frozen=True, slots=True)
class View:
    """What the bank's maker says of an offer. `security_minor` None: there is no security.

    `sanctioned_by`: the authority that sanctioned the loan, an e-mail or a name; RBI/2023-24/40 has another one, a level above, approve.
    """

    words: str
    security_minor: int | None
    sanctioned_level: int
    sanctioned_by: str = ""
    borrower: str = "ordinary"
    is_restructuring: bool = False
    without_prejudice: bool = False


def bank_day(now: datetime) -> date:
    return now.astimezone(BANK_ZONE).date()


def propose_offer(
    session: Session, offered: Offered, *, agency_id: int | None = None, actor: Actor, now: datetime
) -> CompromiseOffer:
    """Keep an offer, with what is owed frozen as of the account's newest day. Raises Invalid with every problem."""
    number = offered.loan_account_no.strip()
    account = session.scalars(select(LoanAccount).where(LoanAccount.loan_account_no == number)).first()
    problems = [*offer_problems(offered, bank_day(now)), *_account_problems(account, offered)]
    if account is not None:
        session.scalar(select(func.pg_advisory_xact_lock(LOCK, account.id % 2**31)))
        problems += _waiting(session, account.id)
    if problems or account is None:
        raise Invalid(problems)
    total, principal = (
        account.latest_total_minor or 0,
        min(account.latest_principal_minor or 0, account.latest_total_minor or 0),
    )
    interest = total - principal - offered.charges_minor
    split = split_sacrifice(principal, interest, offered.charges_minor, offered.offer_minor)
    made = CompromiseOffer(
        agency_id=agency_id,
        loan_account_id=account.id,
        currency=account.currency,
        as_of=account.latest_as_of,
        total_minor=total,
        principal_minor=principal,
        interest_minor=interest,
        charges_minor=offered.charges_minor,
        offer_minor=offered.offer_minor,
        waived_principal_minor=split.principal_minor,
        waived_interest_minor=split.interest_minor,
        waived_charges_minor=split.charges_minor,
        from_on=offered.from_on,
        valid_until=offered.valid_until,
        schedule=as_rows(offered.schedule),
        reason=offered.reason.strip(),
        evidence_sha256=offered.evidence_sha256,
        evidence_name=offered.evidence_name,
    )
    return PROPOSALS.propose(session, made, actor=actor, now=now)


def offer_problems(offered: Offered, today: date) -> Iterator[Problem]:
    """What is wrong with an offer on its face."""
    if offered.offer_minor <= 0:
        yield Problem("bad_amount", "The offer is more than nothing.", "Give it.", column="offer")
    if offered.charges_minor < 0:
        yield Problem("bad_amount", "Charges are nothing or more.", "Correct them.", column="charges")
    if offered.from_on < today:
        yield Problem("bad_day", "It cannot begin in the past.", f"Let it begin on {today} or later.", column="from_on")
    if offered.valid_until < today:
        yield Problem("bad_day", "Its validity is over.", f"Give {today} or a later day.", column="valid_until")
    yield from schedule_problems(offered.schedule, offered.offer_minor, offered.from_on)
    yield from reason_problems(offered.reason, "Say why the borrower cannot pay all of it.", "In a sentence or two.")


def _account_problems(account: LoanAccount | None, offered: Offered) -> Iterator[Problem]:
    if account is None:
        yield Problem(
            "unknown_account", "There is no such loan account.", "Check the number.", column="loan_account_no"
        )
        return
    if account.latest_total_minor is None or account.latest_as_of is None:
        message = "What is owed on this account is not known."
        yield Problem("nothing_owed", message, "Import its month-end file first.", column="loan_account_no")
        return
    total, principal = account.latest_total_minor, account.latest_principal_minor or 0
    if offered.offer_minor >= total:
        message = f"{shown(total, account.currency)} is owed: this offer gives nothing up."
        yield Problem("no_sacrifice", message, "Agree a repayment plan instead.", column="offer")
    if offered.charges_minor > max(0, total - principal):
        message = f"Beyond the principal {shown(max(0, total - principal), account.currency)} is owed."
        yield Problem("too_many_charges", message, "Charges are a part of that.", column="charges")


def _waiting(session: Session, account_id: int) -> Iterator[Problem]:
    query = select(CompromiseOffer.id).where(
        CompromiseOffer.loan_account_id == account_id, CompromiseOffer.status.in_((*OPEN, "approved"))
    )
    if (other := session.scalar(query.limit(1))) is not None:
        message = f"Settlement OTS-{other} of this account is open."
        yield Problem("open_offer", message, "Withdraw it or wait until it is decided.", column="loan_account_no")


def load_offer(session: Session, offer_id: int) -> CompromiseOffer:
    """The offer, locked. NotFound when there is none."""
    return PROPOSALS.load(session, id=offer_id)


def load_own_offer(session: Session, offer_id: int, agency_id: int) -> CompromiseOffer:
    """An agency's own offer, locked. NotFound for any other."""
    return PROPOSALS.load(session, id=offer_id, agency_id=agency_id)


def withdraw_offer(session: Session, found: CompromiseOffer, *, actor: Actor, now: datetime) -> None:
    """Take it back before the bank recommends it."""
    PROPOSALS.move(session, found, "withdraw", actor=actor, now=now)


# --- the bank's view


def recommend_offer(
    session: Session, found: CompromiseOffer, view: View, *, actor: Actor, now: datetime
) -> CompromiseAssessment:
    """Assess an offer by the rules of the day and recommend it. Raises Invalid with every problem, Refused when it is not open."""
    PROPOSALS.next_status(found, "recommend")
    facts = facts_of(session, found, view, bank_day(now))
    problems = [*view_problems(view, facts["levels"]), *_over(found, bank_day(now))]
    problems += _altered(session, found)
    findings = assess(facts) if not problems else {"deviations": []}
    problems += flag_problems(facts, findings["deviations"])
    if problems:
        raise Invalid(problems)
    compromise = _price_by(session, found, view, actor, now)
    made = CompromiseAssessment(
        offer_id=found.id,
        compromise_id=compromise.id,
        facts=facts,
        findings=findings,
        sanctioned_level=view.sanctioned_level,
        sanctioned_by=_named(view.sanctioned_by),
        needed_level=findings["needed_level"],
        words=view.words.strip(),
        recommended_by=actor.email,
        recommended_at=now,
    )
    session.add(made)
    PROPOSALS.move(session, found, "recommend", actor=actor, now=now)
    return made


def _named(who: str) -> str:
    """An e-mail as accounts have it; a name as it is written."""
    return who.strip().lower() if "@" in who else who.strip()


def view_problems(view: View, levels: list[dict[str, Any]]) -> Iterator[Problem]:
    yield from reason_problems(
        view.words, "Say why the bank should take it.", "What else could be had, and when.", column="words"
    )
    if view.borrower not in BORROWERS:
        yield Problem("bad_borrower", "That is no kind of borrower.", f"Use {', '.join(BORROWERS)}.", column="borrower")
    if view.security_minor is not None and view.security_minor < 0:
        yield Problem("bad_amount", "Security is worth nothing or more.", "Correct it.", column="security")
    if view.sanctioned_level not in {int(each["level"]) for each in levels}:
        cure = f"Use one of {', '.join(str(each['level']) for each in levels)}."
        yield Problem("bad_level", "There is no such level.", cure, column="sanctioned_level")
    if not SHORTEST_NAME <= len(view.sanctioned_by.strip()) <= LONGEST_NAME:
        cure = "Their e-mail if they still work here; otherwise their name and office."
        yield Problem("sanctioner_needed", "Say who sanctioned the loan.", cure, column="sanctioned_by")


def _over(found: CompromiseOffer, today: date) -> Iterator[Problem]:
    if found.valid_until < today:
        yield Problem("lapsed", f"The offer was valid until {found.valid_until}.", "Ask for a new one.")


def _altered(session: Session, found: CompromiseOffer) -> Iterator[Problem]:
    """That it is not about what was owed: an agency's connection wrote the row, and the level it needs follows from this."""
    snapshot = session.get(AccountSnapshot, (found.loan_account_id, found.as_of))
    owed = (snapshot.total_minor, min(snapshot.principal_minor, snapshot.total_minor)) if snapshot else None
    if owed != (found.total_minor, found.principal_minor):
        message = f"What it says was owed is not what the account owed on {found.as_of}."
        yield Problem("owed_altered", message, "Reject it, and have it proposed anew.")


def facts_of(session: Session, found: CompromiseOffer, view: View, day: date) -> dict[str, Any]:
    """Everything an offer is judged on, as JSON: the offer, the account on the day it was frozen, and the rules of the day."""
    snapshot = session.get(AccountSnapshot, (found.loan_account_id, found.as_of))
    account = session.get_one(LoanAccount, found.loan_account_id)
    previous = previous_end(session, found.loan_account_id)
    return {
        "currency": found.currency,
        "total_minor": found.total_minor,
        "principal_minor": found.principal_minor,
        "interest_minor": found.interest_minor,
        "charges_minor": found.charges_minor,
        "offer_minor": found.offer_minor,
        "schedule": found.schedule,
        "from_on": found.from_on.isoformat(),
        "valued_on": day.isoformat(),
        "security_minor": view.security_minor,
        "dpd_days": (snapshot.dpd_days if snapshot else account.latest_dpd_days) or 0,
        "asset_class": (snapshot.asset_class if snapshot else account.latest_asset_class) or "other",
        "borrower": view.borrower,
        "is_restructuring": view.is_restructuring,
        "without_prejudice": view.without_prejudice,
        "previous_ended_on": previous.isoformat() if previous else None,
        "sanctioned_level": view.sanctioned_level,
        "levels": setting_on(session, "compromise.levels", day),
        "policy": setting_on(session, "compromise.policy", day),
        "value": setting_on(session, "compromise.value", day),
    }


def previous_end(session: Session, account_id: int) -> date | None:
    """The last day of the newest settlement of an account that was kept or broken."""
    closed = select(func.max(CompromiseOffer.closed_on)).where(CompromiseOffer.loan_account_id == account_id)
    broken = select(func.max(OneTimeSettlement.to_on)).where(
        OneTimeSettlement.loan_account_id == account_id, OneTimeSettlement.status == "broken"
    )
    ends = [end for end in (session.scalar(closed), session.scalar(broken)) if end is not None]
    return max(ends, default=None)


def _price_by(session: Session, found: CompromiseOffer, view: View, actor: Actor, now: datetime) -> OneTimeSettlement:
    """The compromise that prices the borrower's money once it is approved: to the last instalment's day of grace."""
    grace = int(setting_on(session, "compromise.watch", bank_day(now))["grace_days"])
    to_on = from_rows(found.schedule)[-1].due_on + timedelta(days=grace)
    account = session.get_one(LoanAccount, found.loan_account_id)
    reason = f"{found.ref}: {view.words.strip()}"[:500]
    agreed = compromises.Agreed(account.loan_account_no, "ots", found.offer_minor, found.from_on, to_on, reason)
    return compromises.propose_compromise(session, agreed, actor=actor, now=now, in_full=True)


def assessment_of(session: Session, offer_id: int) -> CompromiseAssessment | None:
    return session.scalars(select(CompromiseAssessment).where(CompromiseAssessment.offer_id == offer_id)).first()


# --- the borrower is told


def acknowledge(
    session: Session,
    found: CompromiseOffer,
    *,
    told_on: date,
    how: str,
    proof: str,
    actor: Actor,
    now: datetime,
) -> CreditAcknowledgement:
    """Record that the borrower was told it will be reported as settled. Invalid with every problem, Refused once it is decided."""
    if found.status not in OPEN:
        raise Refused(f"This settlement is {found.status}.", code="not_open")
    problems = []
    if how not in TOLD_BY:
        problems.append(Problem("bad_way", "That is no way to tell.", f"Use {', '.join(TOLD_BY)}.", column="how"))
    if told_on > bank_day(now):
        problems.append(
            Problem("bad_day", "That day is still to come.", "Record it once it is done.", column="told_on")
        )
    if not 3 <= len(proof.strip()) <= LONGEST_PROOF:
        cure = "The letter's number, who was there, or the recording's number."
        problems.append(Problem("missing_value", "Say what shows that the borrower was told.", cure, column="proof"))
    if problems:
        raise Invalid(problems)
    facts = {"told_on": told_on, "how": how, "proof": proof.strip(), "recorded_by": actor.email, "recorded_at": now}
    made = CreditAcknowledgement(agency_id=found.agency_id, offer_id=found.id, **facts)
    session.add(made)
    session.flush()
    data = {"how": how, "on": told_on}
    about = {"subject_type": "compromise_offer", "subject_ref": found.ref, "agency_id": found.agency_id}
    record_event(session, AuditTag.OFFER_TOLD, actor=actor, **about, now=now, data=data)  # type: ignore[arg-type]
    return made


def is_told(session: Session, offer_id: int) -> bool:
    query = select(CreditAcknowledgement.id).where(CreditAcknowledgement.offer_id == offer_id).limit(1)
    return session.scalar(query) is not None


# --- the decision


def approve_offer(session: Session, found: CompromiseOffer, *, reason: str = "", actor: Actor, now: datetime) -> None:
    """Approve, which lets its compromise price money. Refused below the level it needs, to whoever had a hand in it, untold or lapsed."""
    if refusal := why_not(session, found, actor=actor, now=now):
        raise refusal
    seen = assessment_of(session, found.id)
    assert seen is not None  # a recommended one has it
    found.decided_level = level_of(actor.email, setting_on(session, "compromise.approvers", bank_day(now)))
    with session.no_autoflush:  # the level and the decision are one statement
        PROPOSALS.decide(session, found, "approve", reason=reason, actor=actor, now=now)
    priced = compromises.load_compromise(session, seen.compromise_id)
    given: dict[str, Any] = {"reason": reason, "actor": actor, "now": now, "in_full": True}
    compromises.decide_compromise(session, priced, approve=True, **given)


def why_not(session: Session, found: CompromiseOffer, *, actor: Actor, now: datetime) -> Refused | Forbidden | None:
    """Why this person's approval is refused; None when it would be taken. For pages too."""
    PROPOSALS.next_status(found, "approve")
    PROPOSALS.refuse_maker(found, actor)
    day, seen = bank_day(now), assessment_of(session, found.id)
    if seen is None:
        raise NotFound("There is no assessment of this settlement.")
    for who, deed in ((found.proposed_by, "proposed"), (seen.recommended_by, "recommended")):
        if same_person(session, actor.email, who):
            return Refused(f"You {deed} this settlement: another person approves it.", code="is_not_the_maker")
    if seen.sanctioned_by and same_person(session, actor.email, seen.sanctioned_by):
        return Refused("Who sanctioned the loan does not approve its settlement.", code="sanctioned_it")
    if found.valid_until < day:
        return Refused(f"The offer was valid until {found.valid_until}.", code="lapsed", cure="Ask for a new one.")
    if not is_told(session, found.id):
        cure = "Record when and how the borrower was told that the loan will be reported as settled."
        return Refused(
            "The borrower has not been told what this does to their credit record.", code="not_told", cure=cure
        )
    running = select(RepaymentPlan.id).where(
        RepaymentPlan.loan_account_id == found.loan_account_id, RepaymentPlan.status == "active"
    )
    if (plan := session.scalar(running.limit(1))) is not None:
        cure = "End the plan first: the borrower would be asked for both."
        return Refused(f"Repayment plan {plan} of this account runs.", code="plan_runs", cure=cure)
    return _below_level(session, seen, actor, day)


def _below_level(session: Session, seen: CompromiseAssessment, actor: Actor, day: date) -> Forbidden | None:
    own = level_of(actor.email, setting_on(session, "compromise.approvers", day))
    if own >= seen.needed_level:
        return None
    levels = seen.facts["levels"]
    message = (
        f"It needs level {seen.needed_level} ({level_name(levels, seen.needed_level)}); yours is {own}"
        f" ({level_name(levels, own)})."
    )
    return Forbidden(message, code="below_level", cure="Ask somebody who stands higher.")


def reject_offer(session: Session, found: CompromiseOffer, *, reason: str, actor: Actor, now: datetime) -> None:
    """Say no, recommended or not. Invalid without the reason, Refused to who proposed or recommended it."""
    was_recommended = found.status == "recommended"
    PROPOSALS.may_decide(found, "reject", reason=reason, actor=actor)
    seen = assessment_of(session, found.id)
    PROPOSALS.decide(session, found, "reject", reason=reason, actor=actor, now=now)
    if was_recommended and seen is not None:
        priced = compromises.load_compromise(session, seen.compromise_id)
        given: dict[str, Any] = {"reason": reason, "actor": actor, "now": now, "in_full": True}
        compromises.decide_compromise(session, priced, approve=False, **given)


def lapse_offers(session: Session, today: date, *, actor: Actor, now: datetime) -> int:
    """Open offers whose validity is over lapse; how many."""
    query = select(CompromiseOffer).where(CompromiseOffer.status.in_(OPEN), CompromiseOffer.valid_until < today)
    over = session.scalars(query.order_by(CompromiseOffer.id).with_for_update()).all()
    for found in over:
        if found.status == "recommended" and (seen := assessment_of(session, found.id)) is not None:
            priced = compromises.load_compromise(session, seen.compromise_id)
            compromises.withdraw_compromise(session, priced, actor=actor, now=now, in_full=True)
        PROPOSALS.move(session, found, "lapse", actor=actor, now=now)
    return len(over)
