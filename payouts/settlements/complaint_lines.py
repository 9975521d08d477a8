"""Money of issued statements while a complaint is open: exactly the lines of its account and agency are kept, and given back with it.

Kept money takes the way of a disputed line, payable → disputed, so the statement, its hash and everything else in it stand, and the rest
is paid. When the complaint ends it goes back to its own statement, or, once that is paid, into the agency's next one as a release.
What is not on a statement yet is earned like any other money: a complaint decides when a line is paid, never what it or any other
line comes to. Approving the month's statement keeps it (`keep_at_issue`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from payouts.ledger.service import bank_day
from payouts.settlements import dispute_money
from payouts.settlements.answering import locked_statement
from payouts.settlements.dispute_models import Dispute
from payouts.settlements.disputes import PROPOSALS
from payouts.settlements.lifecycle import PAYABLE
from payouts.settlements.models import Settlement, SettlementLine
from payouts.settlements.queries import payable_minor
from portal.kernel.audit import Actor

REASON = "complaint"
# What somebody earned on an account, also as it comes back after another complaint or a dispute of it, however often it was kept and
# given back before: a release leads to the line that was kept, and that may be a release itself. A line that takes back is never kept.
EARNED = """
select l.id, l.settlement_id, l.position, l.amount_minor, s.ref as settlement_ref, s.status, k.ref as complaint_ref, k.due_on
  from settlements s
  join settlement_lines l on l.settlement_id = s.id and l.amount_minor > 0
       and l.kind in ('commission', 'account_fee', 'event_fee', 'dispute_release')
  join lateral (
       with recursive origin(accrual_line_id, dispute_id) as (
         select l.accrual_line_id, l.dispute_id
          union all
         select o.accrual_line_id, o.dispute_id from origin p
           join disputes d on d.id = p.dispute_id and d.status = 'withdrawn'
           join settlement_lines o on o.id = d.settlement_line_id
          where p.accrual_line_id is null)
       select accrual_line_id as id from origin where accrual_line_id is not null) earned on true
  join accrual_lines x on x.id = earned.id
  join complaints k on k.agency_id = s.agency_id and k.is_holding
  join loan_accounts a on a.id = k.loan_account_id
  left join collections c on c.id = x.collection_id
 where coalesce(c.loan_account_no, x.facts ->> 'loan_account_no') = a.loan_account_no and {which} order by k.id, l.settlement_id, l.position
"""
# Whoever keeps holds the complaint open until that is done: one that ends at this moment would never give it back.
KEEPING = EARNED + " for share of k"
OF_COMPLAINT = text(KEEPING.format(which="k.id = :complaint and s.status in ('approved', 'returned')"))
OF_MONTH = text(KEEPING.format(which="s.period_start = :start and s.status in ('approved', 'returned')"))
OF_SETTLEMENT = text(KEEPING.format(which="s.id = :settlement"))
TO_SHOW = text(EARNED.format(which="s.id = :settlement"))


@dataclass(frozen=True, slots=True)
class Kept:
    """A line of a statement that a complaint keeps, kept, or will keep once the statement is approved. Minor units."""

    settlement_ref: str
    position: int
    complaint_ref: str
    minor: int
    currency: str
    is_kept: bool


def keep_lines(session: Session, complaint_id: int, *, actor: Actor, now: datetime) -> list[Dispute]:
    """Keep the lines of an open complaint's account on its agency's statements that are issued and not paid; those kept now."""
    rows = session.execute(OF_COMPLAINT, {"complaint": complaint_id}).all()
    return _keep(session, rows, actor, now)


def keep_at_issue(session: Session, settlement: Settlement, *, actor: Actor, now: datetime) -> list[Dispute]:
    """Keep, of a statement approved this moment, what open complaints are about."""
    session.flush()
    return _keep(session, session.execute(OF_SETTLEMENT, {"settlement": settlement.id}).all(), actor, now)


def keep_of_month(session: Session, start: date, *, actor: Actor, now: datetime) -> list[Dispute]:
    """Before a month is paid: what open complaints are about of statements that came back unpaid since. Done again it changes nothing."""
    return _keep(session, session.execute(OF_MONTH, {"start": start}).all(), actor, now)


def _keep(session: Session, rows: Sequence[Any], actor: Actor, now: datetime) -> list[Dispute]:
    kept = []
    for row in rows:
        settlement = locked_statement(session, row.settlement_ref)
        already = _kept_of_line(session, row.id)
        minor = min(row.amount_minor - already, payable_minor(settlement))
        if settlement.status in PAYABLE and minor > 0:
            part = _part_kept(session, settlement, row, actor, now)
            kept.append(_keep_line(session, settlement, row, already - part, minor + part, actor, now))
    return kept


def _part_kept(session: Session, settlement: Settlement, row: Any, actor: Actor, now: datetime) -> int:
    """What the same complaint keeps of the line already, let go for all of it to be kept as one: there was less to keep before."""
    query = select(Dispute).where(Dispute.settlement_line_id == row.id, Dispute.complaint_ref == row.complaint_ref)
    found = session.scalars(query.where(Dispute.status == "open")).one_or_none()
    if found is None:
        return 0
    PROPOSALS.move(session, found, "withdraw", actor=actor, now=now, reason="More of the line is kept")
    dispute_money.free(session, settlement, found, actor=actor, now=now)
    return found.held_minor


def _kept_of_line(session: Session, line_id: int) -> int:
    """What disputes and other complaints keep of a line already, or kept and nobody has paid out yet."""
    query = select(func.coalesce(func.sum(Dispute.held_minor), 0)).where(
        Dispute.settlement_line_id == line_id, Dispute.freed_at.is_(None)
    )
    return int(session.scalar(query) or 0)


def _keep_line(
    session: Session, settlement: Settlement, row: Any, already: int, minor: int, actor: Actor, now: datetime
) -> Dispute:
    made = Dispute(
        ref=_new_ref(session, row),
        agency_id=settlement.agency_id,
        settlement_id=settlement.id,
        settlement_line_id=row.id,
        collection_id=None,
        reason=REASON,
        line_minor=row.amount_minor,
        claimed_minor=already,
        held_minor=minor,
        currency=settlement.currency,
        due_on=max(row.due_on, bank_day(now)),
        status="open",
        opened_by=actor.email,
        opened_at=now,
        complaint_ref=row.complaint_ref,
    )
    session.add(made)
    session.flush()
    dispute_money.hold(session, settlement, made, actor=actor, now=now)
    PROPOSALS.tell(session, made, "open", "", actor, now, f"Complaint {row.complaint_ref}")
    return made


def _new_ref(session: Session, row: Any) -> str:
    """A line may be kept again by the same complaint: its statement's payment came back."""
    before = select(func.count()).where(Dispute.complaint_ref == row.complaint_ref)
    return f"K-{row.complaint_ref}-{(session.scalar(before) or 0) + 1}"


def release_lines(session: Session, complaint_ref: str, *, actor: Actor, now: datetime) -> list[Dispute]:
    """Let go of everything a complaint keeps: back to its statement, or, where that is paid, into the next one."""
    query = select(Dispute).where(Dispute.complaint_ref == complaint_ref, Dispute.status == "open")
    released = list(session.scalars(query.order_by(Dispute.id)))
    for found in released:
        ref = session.scalars(select(Settlement.ref).where(Settlement.id == found.settlement_id)).one()
        settlement = locked_statement(session, ref)
        PROPOSALS.move(session, found, "withdraw", actor=actor, now=now, reason=f"Complaint {complaint_ref} ended")
        if settlement.status in PAYABLE:
            dispute_money.free(session, settlement, found, actor=actor, now=now)
    return released


# --- what pages show


def kept_by(session: Session, complaint_ref: str) -> list[Dispute]:
    """What a complaint keeps or kept, in its order."""
    return list(session.scalars(select(Dispute).where(Dispute.complaint_ref == complaint_ref).order_by(Dispute.id)))


def kept_of_statement(session: Session, settlement: Settlement) -> list[Kept]:
    """What complaints keep of an issued statement, line by line; for the agency as well."""
    query = (
        select(SettlementLine.position, Dispute.complaint_ref, Dispute.held_minor)
        .join(SettlementLine, SettlementLine.id == Dispute.settlement_line_id)
        .where(Dispute.settlement_id == settlement.id, Dispute.complaint_ref != "", Dispute.status == "open")
        .order_by(Dispute.id)
    )
    return [Kept(settlement.ref, *row, settlement.currency, True) for row in session.execute(query)]


def kept_on_approval(session: Session, settlement: Settlement) -> list[Kept]:
    """What approving a statement will keep, line by line: for the checker, before the key is turned."""
    if settlement.status in ("void", *PAYABLE, "paying", "paid"):
        return []
    first: dict[int, Any] = {}  # of several complaints about a line the earliest keeps it
    for row in session.execute(TO_SHOW, {"settlement": settlement.id}):
        first.setdefault(row.id, row)
    told = ((row.settlement_ref, row.position, row.complaint_ref, row.amount_minor) for row in first.values())
    return [Kept(*each, settlement.currency, False) for each in told]
