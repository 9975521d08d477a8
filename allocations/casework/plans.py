"""Repayment plans: all that is due, bit by bit. Nothing is given up, and nothing is promised about a credit record.

An agency proposes within the limits of the day and a maker of the bank accepts; beyond them the bank proposes and an approver accepts.
Confirmed money keeps a plan; the night says when it is kept in full or broken: a broken plan takes nothing from anybody, since all that
was due is due still.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from allocations.agencies.dated_settings import setting_on
from allocations.agencies.models import Agency
from allocations.casework.offer_models import CompromiseOffer
from allocations.casework.offers import bank_day
from allocations.casework.plan_models import RepaymentPlan
from allocations.casework.schedules import Schedule, Watch, as_rows, from_rows, is_broken
from allocations.casework.schedules import problems_of as schedule_problems
from allocations.casework.watching import watch_all
from allocations.placements.asset_class import after_months
from allocations.placements.models import Allocation, LoanAccount
from allocations.vocabulary import MODES
from portal.kernel.audit import Actor, AuditTag
from portal.kernel.errors import Forbidden, Invalid, NotFound, Problem, Refused
from portal.kernel.money import plain, shown
from portal.kernel.notices import tell
from portal.kernel.proposals import Proposals, reason_problems

APPROVER = "bank_approver"
LOCK = 0x504C_414E
MOST = 10_000

PROPOSALS = Proposals(
    *(RepaymentPlan, "a plan", AuditTag.PLAN_MOVED, "repayment_plan"),
    ref=lambda found: f"plan {found.id}",
    facts=lambda found: {
        "dues": plain(found.dues_minor, found.currency),
        "instalments": len(found.schedule),
        "to": found.closed_on,
    },
    reason_cure="Who proposed it reads this.",
)


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan as it is entered; what it pays is the sum of its instalments."""

    loan_account_no: str
    from_on: date
    schedule: Schedule
    mode: str
    reason: str

    @property
    def dues_minor(self) -> int:
        return sum(each.amount_minor for each in self.schedule)


def propose_plan(
    session: Session, planned: Planned, *, agency_id: int | None = None, actor: Actor, now: datetime
) -> RepaymentPlan:
    """Propose a plan; it runs once the bank accepts it. Raises Invalid with every problem."""
    number, today = planned.loan_account_no.strip(), bank_day(now)
    account = session.scalars(select(LoanAccount).where(LoanAccount.loan_account_no == number)).first()
    limits, rule = setting_on(session, "plan.limits", today), setting_on(session, "plan.watch", today)
    is_large = beyond(planned, limits)
    problems = [*plan_problems(planned, today), *_account_problems(account, planned)]
    if is_large and agency_id is not None:
        most = (
            f"{shown(limits['most_minor'], account.currency if account else 'INR')} and {limits['most_months']} months"
        )
        problems.append(Problem("beyond_limits", f"An agency proposes up to {most}.", "Ask the bank to propose it."))
    if account is not None:
        session.scalar(select(func.pg_advisory_xact_lock(LOCK, account.id % 2**31)))
        problems += _others(session, account.id)
    if problems or account is None:
        raise Invalid(problems)
    made = RepaymentPlan(
        agency_id=agency_id,
        loan_account_id=account.id,
        currency=account.currency,
        dues_minor=planned.dues_minor,
        from_on=planned.from_on,
        schedule=as_rows(planned.schedule),
        mode=planned.mode,
        grace_days=int(rule["grace_days"]),
        most_missed=int(rule["most_missed"]),
        needs_approver=is_large,
        reason=planned.reason.strip(),
    )
    return PROPOSALS.propose(session, made, actor=actor, now=now)


def beyond(planned: Planned, limits: Mapping[str, Any]) -> bool:
    """Whether a plan is larger or longer than an agency may propose and a maker accept."""
    last = max((each.due_on for each in planned.schedule), default=planned.from_on)
    return planned.dues_minor > limits["most_minor"] or last > after_months(planned.from_on, limits["most_months"])


def plan_problems(planned: Planned, today: date) -> Iterator[Problem]:
    if planned.from_on < today:
        yield Problem("bad_day", "It cannot begin in the past.", f"Let it begin on {today} or later.", column="from_on")
    if planned.mode not in MODES:
        yield Problem("bad_mode", "That is no way of paying.", f"Use {', '.join(MODES)}.", column="mode")
    yield from schedule_problems(planned.schedule, planned.dues_minor, planned.from_on)
    yield from reason_problems(planned.reason, "Say why it is paid bit by bit.", "In a sentence or two.")


def _account_problems(account: LoanAccount | None, planned: Planned) -> Iterator[Problem]:
    if account is None:
        yield Problem(
            "unknown_account", "There is no such loan account.", "Check the number.", column="loan_account_no"
        )
        return
    least, most = account.latest_overdue_minor or 0, account.latest_total_minor or 0
    if not planned.schedule or least <= planned.dues_minor <= most:
        return
    message = f"A plan pays all that is overdue, {shown(least, account.currency)}, and at most all that is owed."
    cure = f"Let it pay {shown(least, account.currency)} to {shown(most, account.currency)}, or propose a settlement."
    yield Problem("not_the_dues", message, cure, column="amount")


def _others(session: Session, account_id: int) -> Iterator[Problem]:
    """A plan or settlement that has the account, as far as whoever asks sees them."""
    running = select(RepaymentPlan.id).where(
        RepaymentPlan.loan_account_id == account_id, RepaymentPlan.status.in_(("proposed", "active"))
    )
    if session.scalar(running.limit(1)) is not None:
        yield Problem("open_plan", "A plan of this account is open.", "End that one first.", column="loan_account_no")
    yield from _settled(session, account_id)


def load_plan(session: Session, plan_id: int) -> RepaymentPlan:
    return PROPOSALS.load(session, id=plan_id)


def load_own_plan(session: Session, plan_id: int, agency_id: int) -> RepaymentPlan:
    """An agency's own, locked. NotFound for any other."""
    return PROPOSALS.load(session, id=plan_id, agency_id=agency_id)


def decide_plan(
    session: Session, found: RepaymentPlan, *, accept: bool, reason: str = "", actor: Actor, now: datetime
) -> None:
    """Accept, and it runs; or reject. Forbidden to a maker beyond the limits, Refused to who proposed it."""
    if accept and _needs_approver(session, found) and actor.role != APPROVER:
        message = "This plan is beyond what a maker accepts alone."
        raise Forbidden(message, code="needs_approver", cure="Ask an approver.")
    if accept and (problems := [*_lax(session, found), *_others_running(session, found)]):
        raise Invalid(problems)
    PROPOSALS.decide(session, found, "accept" if accept else "reject", reason=reason, actor=actor, now=now)


def _needs_approver(session: Session, found: RepaymentPlan) -> bool:
    """By what the row says and by its own instalments: an agency's connection wrote the row."""
    planned = Planned("", found.from_on, from_rows(found.schedule), found.mode, found.reason)
    return found.needs_approver or beyond(planned, setting_on(session, "plan.limits", bank_day(found.proposed_at)))


def _lax(session: Session, found: RepaymentPlan) -> Iterator[Problem]:
    """That its rule for breaking is laxer than the bank's of the day it was proposed: an agency's connection wrote the row."""
    rule = setting_on(session, "plan.watch", bank_day(found.proposed_at))
    for name, what in (("grace_days", "days of grace"), ("most_missed", "missed instalments")):
        allowed, asked = int(rule[name]), int(getattr(found, name))
        if asked > allowed:
            message = f"It has {asked} {what}; the bank's rule of its day allows {allowed}."
            yield Problem("beyond_the_rule", message, "Reject it, and have it proposed anew.", column=name)


def _others_running(session: Session, found: RepaymentPlan) -> Iterator[Problem]:
    session.scalar(select(func.pg_advisory_xact_lock(LOCK, found.loan_account_id % 2**31)))
    other = select(RepaymentPlan.id).where(
        RepaymentPlan.loan_account_id == found.loan_account_id, RepaymentPlan.status == "active"
    )
    if session.scalar(other.limit(1)) is not None:
        yield Problem("open_plan", "Another plan of this account runs.", "End that one first.")
    yield from _settled(session, found.loan_account_id)


def _settled(session: Session, account_id: int) -> Iterator[Problem]:
    settled = select(CompromiseOffer.id).where(
        CompromiseOffer.loan_account_id == account_id, CompromiseOffer.status == "approved"
    )
    if session.scalar(settled.limit(1)) is not None:
        message = "A settlement has this account."
        yield Problem("settled", message, "It is paid by its own instalments.", column="loan_account_no")


def withdraw_plan(session: Session, found: RepaymentPlan, *, actor: Actor, now: datetime) -> None:
    PROPOSALS.move(session, found, "withdraw", actor=actor, now=now)


def cancel_plan(session: Session, found: RepaymentPlan, *, reason: str, actor: Actor, now: datetime) -> None:
    """End a running plan by hand. Invalid without a reason."""
    PROPOSALS.next_status(found, "cancel")
    if problems := list(reason_problems(reason, "Say why it ends.")):
        raise Invalid(problems)
    found.decision_reason = reason.strip()
    _close(session, found, "cancel", bank_day(now), actor, now)


def _close(session: Session, found: RepaymentPlan, action: str, on: date, actor: Actor, now: datetime) -> None:
    with session.no_autoflush:  # the day and the status are one statement
        found.closed_on = on
        PROPOSALS.move(session, found, action, actor=actor, now=now)


# --- watched


def watch_plans(session: Session, found: Sequence[RepaymentPlan], today: date) -> dict[int, Watch]:
    """Id → what came of its instalments; a closed one as it stood on the day it closed."""
    return watch_all(session, found, today, {each.id: each.grace_days for each in found})


def judge_plans(session: Session, today: date, *, actor: Actor, now: datetime) -> dict[str, int]:
    """For the night: plans paid in full are kept, those with too many unpaid instalments are broken."""
    query = select(RepaymentPlan).where(RepaymentPlan.status == "active").order_by(RepaymentPlan.id).with_for_update()
    active = session.scalars(query).all()
    seen, done = watch_plans(session, active, today), {"kept": 0, "broken": 0}
    for found in active:
        watched = seen[found.id]
        if watched.is_paid and watched.paid_on is not None:
            _close(session, found, "keep", watched.paid_on, actor, now)
            done["kept"] += 1
        elif is_broken(watched, found.most_missed):
            _close(session, found, "break", today, actor, now)
            done["broken"] += 1
    return done


# --- reading


@dataclass(frozen=True, slots=True)
class PlanRow:
    plan: RepaymentPlan
    loan_account_no: str
    customer_name: str
    agency_code: str | None


def _rows() -> Any:
    return (
        select(RepaymentPlan, LoanAccount.loan_account_no, LoanAccount.customer_name, Agency.code)
        .join(LoanAccount, LoanAccount.id == RepaymentPlan.loan_account_id)
        .outerjoin(Agency, Agency.id == RepaymentPlan.agency_id)
    )


def list_plans(
    session: Session,
    *,
    status: str = "",
    account: str = "",
    after: tuple[Any, ...] | None = None,
    limit: int = 51,
) -> list[PlanRow]:
    """For the bank: plans, the newest first."""
    query = _rows()
    if status:
        query = query.where(RepaymentPlan.status == status)
    if account:
        query = query.where(LoanAccount.loan_account_no == account)
    if after:
        query = query.where(RepaymentPlan.id < after[0])
    return [PlanRow(*row) for row in session.execute(query.order_by(RepaymentPlan.id.desc()).limit(limit))]


def plan_row(session: Session, plan_id: int) -> PlanRow:
    row = session.execute(_rows().where(RepaymentPlan.id == plan_id)).first()
    if row is None:
        raise NotFound("There is no such plan.")
    return PlanRow(*row)


def own_plans(
    session: Session, agency_id: int, after: tuple[Any, ...] | None = None, limit: int = 51, plan_id: int | None = None
) -> Sequence[Any]:
    """(plan, loan account number) of an agency, the newest first; its allocation knows the number of an account that left."""
    number = (
        select(Allocation.loan_account_no)
        .where(Allocation.loan_account_id == RepaymentPlan.loan_account_id, Allocation.agency_id == agency_id)
        .limit(1)
        .scalar_subquery()
    )
    query = select(RepaymentPlan, number.label("loan_account_no")).where(RepaymentPlan.agency_id == agency_id)
    if plan_id is not None:
        query = query.where(RepaymentPlan.id == plan_id)
    if after:
        query = query.where(RepaymentPlan.id < after[0])
    return session.execute(query.order_by(RepaymentPlan.id.desc()).limit(limit)).all()


# --- reminders


@dataclass(frozen=True, slots=True)
class Reminder:
    """An instalment that is due soon, for the house that sends the bank's messages."""

    plan_id: int
    number: int
    loan_account_no: str
    customer_name: str
    mobile: str
    email: str
    due_on: date
    amount_minor: int
    currency: str
    words: str


def reminders(session: Session, day: date) -> list[Reminder]:
    """Instalments of running plans, not paid yet, that are due as many days from `day` as the rule says."""
    due_on = day + timedelta(days=int(setting_on(session, "plan.remind_days", day)))
    query = select(RepaymentPlan, LoanAccount).join(LoanAccount, LoanAccount.id == RepaymentPlan.loan_account_id)
    rows = session.execute(query.where(RepaymentPlan.status == "active").order_by(RepaymentPlan.id).limit(MOST)).all()
    seen = watch_plans(session, [plan for plan, _ in rows], day)
    return [
        _reminder(plan, account, each.number, due_on, each.missing_minor)
        for plan, account in rows
        for each in seen[plan.id].instalments
        if each.due_on == due_on and each.missing_minor
    ]


def _reminder(plan: RepaymentPlan, account: LoanAccount, number: int, due_on: date, minor: int) -> Reminder:
    """The words name no more of the account than its last four, and promise nothing."""
    words = (
        f"Instalment {number} of your repayment plan for the loan ending {account.loan_account_no[-4:]},"
        f" {shown(minor, plan.currency)}, is due on {due_on:%d %b %Y}."
        " If you cannot pay it, speak with your branch before that day."
    )
    contact = (account.mobile or "", account.email or "")
    about = (plan.id, number, account.loan_account_no, account.customer_name)
    return Reminder(*about, *contact, due_on, minor, plan.currency, words)


def write_reminders(session: Session, day: date, *, now: datetime) -> int:
    """A letter to each borrower who has an e-mail address, once an instalment; how many are new. Messages go by the list."""
    written = 0
    for each in reminders(session, day):
        key, ref = f"plan-due:{each.plan_id}:{each.number}", f"plan {each.plan_id}"
        given: dict[str, Any] = {"about_ref": ref, "agency_id": None, "now": now}
        written += tell(session, key, [each.email], "An instalment is due soon", each.words, **given)
    return written


def withdraw_refusal(found: RepaymentPlan) -> Refused | None:
    """Why the bank does not take a plan back: an agency brought it."""
    if found.agency_id is None:
        return None
    return Refused("An agency proposed it: it alone takes it back.", code="not_open", cure="Reject it instead.")
