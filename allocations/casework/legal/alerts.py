"""Letters about last days of law: some days before, and when one has passed. Each stage of each day is told once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from allocations.agencies.dated_settings import setting_on
from allocations.casework.legal.catalogue import KINDS
from allocations.casework.legal.days import days_word, said
from allocations.casework.legal.gathering import readiness_of
from allocations.casework.legal.judging import DONE, Item, Readiness
from allocations.casework.legal.lifecycle import OPEN
from allocations.casework.legal.models import LegalCase
from allocations.casework.legal.service import ref_of
from allocations.placements.models import LoanAccount
from portal.kernel.notices import tell

ALERT_DAYS = "legal.alert_days"
AT_ONCE = 500
PEOPLE = text(
    "select email from users where is_enabled and (role in ('bank_operator', 'bank_approver') or email = any(:openers))"
    " order by email"
)


@dataclass(frozen=True, slots=True)
class Alert:
    """A last day that is near, or has passed."""

    key: str
    case_id: int
    loan_account_no: str
    opened_by: str
    item: Item
    due_on: date
    left: int


def stage_of(days: Sequence[int], left: int) -> str:
    """The stage a day is in with so many days left: the nearest of `days` that is not passed, "late", or "" when it is far."""
    if left < 0:
        return "late"
    near = [each for each in days if left <= each]
    return f"T-{min(near)}" if near else ""


def refresh_open(session: Session, today: date) -> int:
    """Work out anew, for every running case, the first day something runs out: settings may have changed. How many moved."""
    moved, last = 0, 0
    while True:
        query = select(LegalCase).where(LegalCase.status.in_(OPEN), LegalCase.id > last).order_by(LegalCase.id)
        cases = session.scalars(query.limit(AT_ONCE)).all()
        if not cases:
            session.flush()
            return moved
        standing = readiness_of(session, cases, today)
        for case in cases:
            due = standing[case.id].due_on
            moved += due != case.due_on
            if due != case.due_on:
                case.due_on = due
        last = cases[-1].id


def alerts_on(session: Session, today: date) -> Iterator[Alert]:
    """Every last day of a running case that is near or has passed, by the kept `due_on`."""
    days = [int(each) for each in setting_on(session, ALERT_DAYS, today)]
    far = today + timedelta(days=max(days, default=0))
    query = (
        select(LegalCase, LoanAccount.loan_account_no)
        .join(LoanAccount, LoanAccount.id == LegalCase.loan_account_id)
        .where(LegalCase.status.in_(OPEN), LegalCase.due_on <= far)
        .order_by(LegalCase.due_on, LegalCase.id)
    )
    rows = session.execute(query).all()
    standing = readiness_of(session, [case for case, _ in rows], today)
    for case, account_no in rows:
        yield from _of_case(case, account_no, standing[case.id], days, today)


def _of_case(case: LegalCase, account_no: str, standing: Readiness, days: list[int], today: date) -> Iterator[Alert]:
    for item in standing.items:
        if item.due_on is None or item.state == DONE:
            continue
        left = (item.due_on - today).days
        if stage := stage_of(days, left):
            key = f"legal:{case.id}:{item.code}:{item.due_on}:{stage}"
            yield Alert(key, case.id, account_no, case.opened_by, item, item.due_on, left)


def tell_alerts(session: Session, *, today: date, now: datetime) -> int:
    """Write the letters that are due; what was told before is not told again. How many are new."""
    told = 0
    for each in alerts_on(session, today):
        case = session.get_one(LegalCase, each.case_id)
        ref, title = ref_of(each.case_id), KINDS[case.kind].title
        when = f"{days_word(each.left)} left" if each.left >= 0 else f"passed {days_word(-each.left)} ago"
        subject = f"{ref} {title}: {each.item.label}, {when}"
        body = (
            f"{title} on account {each.loan_account_no}: {each.item.label} by {said(each.due_on)}.\n\n{each.item.says}"
        )
        to = list(session.scalars(PEOPLE, {"openers": [each.opened_by]}))
        told += tell(session, each.key, to, subject, body, about_ref=ref, agency_id=None, now=now)
    return told
