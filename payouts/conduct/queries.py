"""What a complaint keeps back, for its page: lines of statements, money the last run left unpaid, and what was accrued before it came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from allocations.casework.conduct.models import Complaint
from payouts.settlements.complaint_lines import kept_by
from payouts.settlements.dispute_models import Dispute

# Of the runs in force: what they left unpaid for the complaint, and lines of before it that stand in no closed statement.
UNPAID = text("""
select r.period_start, c.receipt_no, u.amount_minor, u.currency from unpaid_collections u
  join accrual_runs r on r.id = u.run_id and r.is_current
  join collections c on c.id = u.collection_id and c.agency_id = u.agency_id
 where u.code = 'complaint_open' and u.agency_id = :agency and c.loan_account_id = :account
 order by r.period_start, c.receipt_no
""")
ACCRUED = text("""
select r.period_start, x.ref, x.kind, x.amount_minor, x.currency from accrual_lines x
  join accrual_runs r on r.id = x.run_id and r.is_current
  join collections c on c.id = x.collection_id and c.agency_id = x.agency_id
 where x.agency_id = :agency and c.loan_account_id = :account and x.kind = 'commission' and x.amount_minor > 0
   and not exists (select 1 from settlements s where s.agency_id = x.agency_id and s.period_start = r.period_start
                   and s.status not in ('draft', 'void'))
 order by r.period_start, x.ref
""")


@dataclass(frozen=True, slots=True)
class Waits:
    """Money of a complaint: a receipt that is unpaid for it, or a line accrued before it. Minor units."""

    period_start: date
    ref: str
    minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Money:
    """`kept`: of issued statements. `unpaid`: base money that waits. `accrued`: lines the next run will leave unpaid."""

    kept: Sequence[Dispute]
    unpaid: Sequence[Waits]
    accrued: Sequence[Waits]

    @property
    def kept_minor(self) -> int:
        return sum(each.held_minor for each in self.kept if each.status == "open")


def money_of(session: Session, found: Complaint) -> Money:
    asked: dict[str, Any] = {"agency": found.agency_id, "account": found.loan_account_id}
    kept = kept_by(session, found.ref)
    if found.agency_id is None or not found.is_holding:
        return Money(kept, (), ())
    unpaid = [
        Waits(row.period_start, row.receipt_no, row.amount_minor, row.currency)
        for row in session.execute(UNPAID, asked)
    ]
    accrued = [
        Waits(row.period_start, row.ref, row.amount_minor, row.currency) for row in session.execute(ACCRUED, asked)
    ]
    return Money(kept, unpaid, accrued)
