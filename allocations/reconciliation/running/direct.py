"""Money a borrower paid the bank direct on an account an agency held: found and told the same day, counted when nobody claims it.

A credit that no receipt claims and that names an allocated account is `found`; the agency may report a receipt for it (`claimed`, once
the two are linked); when its days are over it is `counted` as a collection of source `direct`, which the rate card prices at its share. A
receipt that comes later still takes its place, unless a statement rests on it: then the receipt is a break, for a person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import or_, select, text
from sqlalchemy.orm import Session

from allocations.agencies.dated_settings import setting_on
from allocations.placements.models import Allocation, LoanAccount
from allocations.reconciliation.bench_models import DirectPayment
from allocations.reconciliation.matching.reasons import DIRECT_SAYS
from allocations.reconciliation.models import BankLine
from allocations.reconciliation.running import direct_sql as sql
from allocations.reconciliation.running.columns import as_array
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.clock import BANK_ZONE
from portal.kernel.errors import Refused

CLAIM_DAYS = 3  # where no dated rule says otherwise


@dataclass(frozen=True, slots=True)
class DirectOutcome:
    """How many payments moved where. `moved_links`: links were made or undone, so that breaks and sums are to be found anew.

    `dropped` turned out to be something else; `withdrawn` were counted and taken apart by a person; `gave_way` were counted and a
    receipt takes their place.
    """

    found: int = 0
    claimed: int = 0
    counted: int = 0
    gave_way: int = 0
    dropped: int = 0
    withdrawn: int = 0

    @property
    def moved_links(self) -> bool:
        return bool(self.counted or self.gave_way or self.withdrawn)

    @property
    def is_nothing(self) -> bool:
        return not (self.found or self.claimed or self.moved_links or self.dropped)


def find_direct_payments(
    session: Session,
    *,
    through: date,
    run_id: int,
    actor: Actor,
    now: datetime,
    line_ids: Sequence[int] | None = None,
) -> DirectOutcome:
    """Find, follow and count direct payments, after a run has written its links and breaks. Again on the same day changes nothing.

    `line_ids` None: among all credits; else new ones, and receipts for counted ones, among these only (what is known already is
    followed always). Days are judged by `now`, not by `through`: an agency is given its days from the day it is told.
    """
    today = now.astimezone(BANK_ZONE).date()
    about: dict[str, Any] = {
        "through": through,
        "today": today,
        "until": today + timedelta(days=claim_days(session, today)),
        "now": now,
        "all": line_ids is None,
        "lines": as_array(line_ids or ()),
    }
    withdrawn = withdraw(session, sql.TAKEN_APART, about, "dropped")
    gave_way = withdraw(session, sql.GIVES_WAY, about, "found")
    claimed = _rows(session, sql.CLAIM, about)
    dropped = _rows(session, sql.DROP, about) + _rows(session, sql.BOUNCED, about)
    _rows(session, sql.REOPEN, about)
    found = _rows(session, sql.FIND, about)
    due = [] if gave_way else list(session.scalars(text(sql.DUE), about))
    count_payments(session, due, run_id=run_id, now=now)
    outcome = DirectOutcome(found, claimed, len(due), gave_way, dropped, withdrawn)
    if not outcome.is_nothing:
        _record(session, outcome, through, run_id, actor, now)
    return outcome


def claim_days(session: Session, day: date) -> int:
    """Days an agency has to report a receipt for money found to be paid direct."""
    try:
        return int(setting_on(session, "direct.claim_days", day))
    except KeyError:
        return CLAIM_DAYS


def _rows(session: Session, statement: str, about: dict[str, Any]) -> int:
    return session.execute(text(statement), about).rowcount  # type: ignore[attr-defined]


def withdraw(session: Session, which: str, about: dict[str, Any], status: str) -> int:
    """Take back what was counted: its link is undone, the receipt it became written off whole. Returns how many."""
    rows = session.execute(text(which), about).all()
    for row in rows:
        why = {"why": row.why or "Taken apart by a person.", "now": about["now"]}
        if row.gives_way:
            session.execute(text(sql.UNDO_LINK), why | {"link": row.link_id})
        session.execute(text(sql.UNBOOK), why | {"collection": row.collection_id})
        session.execute(text(sql.WITHDRAW), why | {"collection": row.collection_id, "by": "system"})
        settled = about["now"] if status == "dropped" else None
        session.execute(text(sql.MOVE_ON), {"status": status, "settled": settled, "id": row.id})
    return len(rows)


def count_payments(
    session: Session, ids: Sequence[int], *, run_id: int | None, now: datetime, by: str | None = None
) -> None:
    """Make collections of these payments and link them to their credits. `by`: the person who decided it, if one did."""
    if not ids:
        return
    about = {"ids": list(ids), "now": now, "run_id": run_id, "by": by, "why": DIRECT_SAYS}
    session.execute(text(sql.COUNT), about)
    session.execute(text(sql.COUNTED), about)
    session.execute(text(sql.LINK), about)


def direct_payment_by_hand(
    session: Session, line: BankLine, account: LoanAccount, amount_minor: int, *, actor: Actor, now: datetime
) -> DirectPayment | None:
    """A person has found whose money it is: counted at once for the agency that held the account on the value date.

    None when no agency, or more than one, held it then: the money is the bank's own affair. Refused when this credit was counted for this
    account before.
    """
    allocation = sole_holder(session, account.id, line.value_on)
    if allocation is None:
        return None
    payment = session.scalars(
        select(DirectPayment).where(DirectPayment.bank_line_id == line.id, DirectPayment.loan_account_id == account.id)
    ).first()
    if payment is not None and payment.status in ("counted", "claimed"):
        raise Refused("This credit was counted for this account already.", code="counted_already")
    if payment is not None and payment.agency_id != allocation.agency_id:
        raise Refused("This credit was found for the agency that held the account before.", code="found_for_another")
    if payment is None:
        payment = _new_payment(line, account, allocation, now)
        session.add(payment)
    payment.amount_minor, payment.status = amount_minor, "found"
    session.flush()
    count_payments(session, [payment.id], run_id=None, now=now, by=actor.email)
    for row in (payment, line):
        session.refresh(row)
    return payment


def sole_holder(session: Session, loan_account_id: int, day: date) -> Allocation | None:
    """The allocation of the one agency that held an account on a day, the field's before the callers'; None for none or several."""
    query = select(Allocation).where(
        Allocation.loan_account_id == loan_account_id,
        Allocation.from_on <= day,
        or_(Allocation.to_on.is_(None), Allocation.to_on >= day),
    )
    rows = session.scalars(query).all()
    if len({row.agency_id for row in rows}) != 1:
        return None
    return min(rows, key=lambda row: (row.stream == "tele", row.id))


def _new_payment(line: BankLine, account: LoanAccount, allocation: Allocation, now: datetime) -> DirectPayment:
    today = now.astimezone(BANK_ZONE).date()
    return DirectPayment(
        agency_id=allocation.agency_id,
        allocation_id=allocation.id,
        loan_account_id=account.id,
        loan_account_no=account.loan_account_no,
        bank_line_id=line.id,
        currency=line.currency,
        value_on=line.value_on,
        sign="by_hand",
        found_on=today,
        told_at=now,
        claim_until=today,
    )


def _record(session: Session, outcome: DirectOutcome, through: date, run_id: int, actor: Actor, now: datetime) -> None:
    data = {
        "through": through,
        "found": outcome.found,
        "claimed": outcome.claimed,
        "counted": outcome.counted,
        "dropped": outcome.dropped + outcome.withdrawn + outcome.gave_way,
    }
    record_event(
        session,
        AuditTag.DIRECT_FOUND,
        actor=actor,
        subject_type="recon_run",
        subject_ref=str(run_id),
        now=now,
        data=data,
    )
