"""Every night: accounts that should come back are proposed for recall; a person confirms the list."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from allocations.agencies.dated_settings import settings_on
from allocations.placements.hold_rules import NO_WORK
from allocations.placements.request_models import AllocationRequest
from allocations.placements.requests import PROPOSALS
from portal.kernel.audit import Actor
from portal.kernel.jobs import JobRun, job

SETTING = "recall.auto"
MOST = 2_000  # a night; what is left comes the next one

# What is asked for once and was refused is not asked for again for the same reason.
FOUND = text("""
  select * from (
    select a.id, a.agency_id, a.loan_account_no,
           case when :paid and l.latest_as_of > a.opening_as_of and l.latest_total_minor = 0 then 'paid'
                when exists (select from holds h where h.loan_account_id = a.loan_account_id and h.cause = any(:causes)
                             and h.effect = any(:effects) and h.from_on <= :today and (h.to_on is null or h.to_on > :today)) then 'hold'
                when :idle > 0 and a.from_on + cast(:idle as integer) <= :today
                 and not exists (select from contacts k where k.loan_account_id = a.loan_account_id
                                 and k.allocation_id = a.id and k.at > cast(:since as timestamptz))
                 and not exists (select from collections c where c.loan_account_id = a.loan_account_id
                                 and c.allocation_id = a.id and c.collected_on > cast(:since as date))
                then 'idle' end as cause
      from allocations a join loan_accounts l on l.id = a.loan_account_id
     where a.recalled_at is null and a.from_on <= :today and (a.to_on is null or a.to_on > :today)) f
   where f.cause is not null
     and not exists (select from allocation_requests r where r.allocation_id = f.id and r.kind = 'recall'
                     and (r.status = 'proposed' or (r.status = 'rejected' and r.reason_code = f.cause)))
   order by f.id limit :most
""")


def propose_recalls(session: Session, today: date, *, actor: Actor, now: datetime, most: int = MOST) -> int:
    """Propose the recall of every account the setting of the day names, today being its last day. How many."""
    rules = settings_on(session, SETTING, today).get(SETTING)
    if not rules:
        return 0
    idle = int(rules["idle_days"])
    asked: dict[str, Any] = {
        "paid": bool(rules["paid_in_full"]),
        "causes": list(rules["hold_causes"]),
        "effects": list(NO_WORK),
        "idle": idle,
        "since": date.fromordinal(today.toordinal() - idle),
        "today": today,
        "most": most,
    }
    said = {
        "paid": "The last snapshot shows nothing owed.",
        "hold": "It is on hold and may not be worked.",
        "idle": f"No contact and no money for {idle} days.",
    }
    rows = session.execute(FOUND, asked).all()
    for row in rows:
        made = AllocationRequest(
            agency_id=row.agency_id,
            allocation_id=row.id,
            loan_account_no=row.loan_account_no,
            kind="recall",
            side="bank",
            reason_code=row.cause,
            reason=said[row.cause],
            last_on=today,
        )
        PROPOSALS.propose(session, made, actor=actor, now=now)
    return len(rows)


@job("propose_recalls", nightly=True)
def propose_recalls_nightly(run: JobRun, **arguments: Any) -> dict[str, Any]:
    """All of them in one transaction; run again, there are none left."""
    with run.transaction() as session:
        return {"proposed": propose_recalls(session, run.clock.today(), actor=run.actor, now=run.clock.now())}
