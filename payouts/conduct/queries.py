"""What a complaint keeps back, for its page and its agency's: lines of statements, and lines a statement will keep once approved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

from allocations.casework.conduct.models import Complaint
from payouts.commission.queries import RunHead, run_of_agency
from payouts.settlements.complaint_lines import kept_by
from payouts.settlements.dispute_models import Dispute

# What the runs in force earn on an account for its agency that stands in no closed statement yet. A payment's line is found by its
# receipt, a fee's by the account it names.
EARNED = """
select r.period_start, x.ref, x.amount_minor, x.currency from collections c
  join accrual_lines x on x.collection_id = c.id and x.agency_id = c.agency_id and x.kind = 'commission' and x.amount_minor > 0
  join accrual_runs r on r.id = x.run_id and {run}
 where c.agency_id = :agency and c.loan_account_id = :account
   and not exists (select 1 from settlements s where s.agency_id = x.agency_id and s.period_start = r.period_start
                   and s.status not in ('draft', 'void'))
union all
select r.period_start, x.ref, x.amount_minor, x.currency from accrual_lines x
  join accrual_runs r on r.id = x.run_id and {run}
 where x.agency_id = :agency and x.kind in ('account_fee', 'event_fee') and x.amount_minor > 0
   and x.facts ->> 'loan_account_no' = (select a.loan_account_no from loan_accounts a where a.id = :account)
   and not exists (select 1 from settlements s where s.agency_id = x.agency_id and s.period_start = r.period_start
                   and s.status not in ('draft', 'void'))
 order by 1, 2
"""
EARNED_NOW = text(EARNED.format(run="r.is_current"))
EARNED_IN = text(EARNED.format(run="r.id = :run"))
HOLDING = text("""
select k.ref, k.loan_account_id from complaints k
 where k.agency_id = :agency and k.is_holding and k.loan_account_id is not null order by k.id
""")


@dataclass(frozen=True, slots=True)
class Waits:
    """A line earned that no statement has paid or kept yet. Minor units."""

    period_start: date
    ref: str
    minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Money:
    """`kept`: of issued statements. `accrued`: earned lines, kept once their month's statement is approved."""

    kept: Sequence[Dispute]
    accrued: Sequence[Waits]

    @property
    def kept_minor(self) -> int:
        return sum(each.held_minor for each in self.kept if each.status == "open")


@dataclass(frozen=True, slots=True)
class Waiting:
    """What of a month waits for a complaint: how many of its lines, and what they earned in minor units."""

    complaint_ref: str
    lines: int
    minor: int


def money_of(session: Session, found: Complaint) -> Money:
    kept = kept_by(session, found.ref)
    if found.agency_id is None or not found.is_holding:
        return Money(kept, ())
    asked = {"agency": found.agency_id, "account": found.loan_account_id}
    return Money(kept, [Waits(*row) for row in session.execute(EARNED_NOW, asked)])


def waiting_of_month(session: Session, agency_id: int, run: RunHead) -> list[Waiting]:
    """What an agency earned in a month that has no statement yet and will wait for an open complaint; each line under one of them.

    In an agency's scope it names the complaints the bank has told it of.
    """
    found: list[Waiting] = []
    seen: set[int] = set()
    of_agency = {"agency": agency_id, "run": run_of_agency(session, run, agency_id)}
    for complaint in session.execute(HOLDING, {"agency": agency_id}).all():
        if complaint.loan_account_id in seen:  # of several complaints about an account the earliest keeps its lines
            continue
        seen.add(complaint.loan_account_id)
        rows = session.execute(EARNED_IN, {**of_agency, "account": complaint.loan_account_id}).all()
        if rows:
            found.append(Waiting(complaint.ref, len(rows), sum(row.amount_minor for row in rows)))
    return found
