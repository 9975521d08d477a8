"""Letters about days: when a statement must be paid, when tax is paid over or returned. Each stage of each day is told once.

Stages: some days before, a few days before, on the day, and late (as far as the portal knows); how many days is a dated setting.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from allocations.agencies.dated_settings import settings_on
from payouts.settlements.lifecycle import IN_THE_LEDGER
from payouts.settlements.paying_clock import Clocked, clocked
from payouts.settlements.tax_overview import dues
from payouts.tax.msme import stage
from portal.kernel.money import shown
from portal.kernel.notices import tell

ALERT_DAYS = "tax.alert_days"
COMING = ("draft", "submitted", "checked")  # the clock of a small firm runs while nobody approves
PAYABLE = frozenset({*IN_THE_LEDGER, *COMING}) - {"paid"}
WHEN = {"soon": "is near", "urgent": "is very near", "due": "is today", "late": "has passed"}
PEOPLE = text("select email from users where role = any(:roles) and is_enabled order by email")


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that has a day which is near. `stage`: soon | urgent | due | late; `roles`: who is told."""

    key: str
    stage: str
    what: str
    body: str
    due_on: date
    amount_minor: int | None
    currency: str
    about_ref: str
    roles: tuple[str, ...]


def alerts_on(session: Session, today: date) -> list[Alert]:
    """Everything near its day or past it, the earliest first."""
    found = [*_to_be_paid(session, today), *_of_tax(session, today)]
    return sorted(found, key=lambda each: (each.due_on, each.key))


def _to_be_paid(session: Session, today: date) -> Iterator[Alert]:
    for row in clocked(session, today, statuses=PAYABLE):
        if row.paid_on is None and row.stage:
            waits = row.status in COMING
            yield Alert(
                key=f"pay-by:{row.ref}:{row.stage}",
                stage=row.stage,
                what=f"Pay {row.agency_name} for {row.period.start:%B %Y}",
                body=_pay_by_body(row, waits),
                due_on=row.pay_by_on,
                amount_minor=row.due_minor,
                currency=row.currency,
                about_ref=row.ref,
                roles=("finance", "bank_approver") if waits else ("finance",),
            )


def _pay_by_body(row: Clocked, waits: bool) -> str:
    lines = [f"{shown(row.due_minor, row.currency)} to {row.agency_name} ({row.ref}) by {row.pay_by_on:%-d %B %Y}."]
    if waits:
        lines.append("It is not approved yet.")
    elif row.status == "paying":
        lines.append("A payout is under way; the bank has not answered.")
    if row.is_protected:
        lines.append(
            f"The agency is a {row.msme_class} firm: paid late it is owed interest at three times the bank rate."
        )
    if row.interest_minor:
        lines.append(f"Interest so far: {shown(row.interest_minor, row.currency)}, {row.late_days} days late.")
    return "\n\n".join(lines)


def _of_tax(session: Session, today: date) -> Iterator[Alert]:
    days = settings_on(session, ALERT_DAYS, today).get(ALERT_DAYS, {})
    for due in dues(session, today):
        now = stage(int(days.get("soon", 7)), int(days.get("urgent", 2)), due.due_on, today)
        if now and due.amount_minor and (now != "late" or due.is_known):
            amount = shown(due.amount_minor, due.currency)
            body = f"{due.what}: {amount} by {due.due_on:%-d %B %Y}."
            told = (due.due_on, due.amount_minor, due.currency, f"tax {due.about}", ("finance",))
            yield Alert(f"tax-due:{due.key}:{now}", now, due.what, body, *told)


def tell_alerts(session: Session, *, today: date, now: datetime) -> int:
    """Write the letters that are due; what was told before is not told again. How many are new."""
    told = 0
    for each in alerts_on(session, today):
        subject = f"{each.what}: the day {WHEN[each.stage]}"
        to = _addresses(session, each.roles)
        told += tell(session, each.key, to, subject, each.body, about_ref=each.about_ref, agency_id=None, now=now)
    return told


def _addresses(session: Session, roles: Sequence[str]) -> list[str]:
    return list(session.scalars(PEOPLE, {"roles": list(roles)}))
