"""Accruing at night: every open month once a day, so that what the pages say is never older than a day."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from payouts.commission.closed import CLOSED
from payouts.commission.service import accrue
from portal.kernel.jobs import JobRun, job
from portal.kernel.periods import Period, month_of

# Months before this one in which an agency has accrued lines and no settlement that is more than a draft.
STILL_OPEN = text(f"""
select distinct r.period_start from accrual_runs r
 where r.is_current and r.period_start < :start
   and exists (select 1 from accrual_lines x where x.run_id = r.id
               and not exists (select 1 from settlements s where s.agency_id = x.agency_id
                               and s.period_start = r.period_start and {CLOSED}))
 order by r.period_start
""")
HELD_ANY = text("""
select exists (select 1 from allocations where from_on < :until and (to_on is null or to_on >= :since))
""")


def open_months(session: Session, today: date) -> list[Period]:
    """The month of today, the one before, and earlier ones that an agency has not been settled for; the oldest first.

    Only months in which somebody held an account.
    """
    now = month_of(today)
    months = {now, now.previous()}
    months |= {month_of(start) for start in session.scalars(STILL_OPEN, {"start": now.start})}
    return [month for month in sorted(months) if session.scalar(HELD_ANY, {"since": month.start, "until": month.end})]


@job("accrue_open_months", nightly=True)
def accrue_open_months(run: JobRun, **arguments: Any) -> dict[str, Any]:
    """Accrue each open month in a transaction of its own; what did not change makes no new run."""
    with run.transaction() as session:
        months = open_months(session, run.clock.today())
    made = {}
    for place, month in enumerate(months):
        run.report(place, len(months), month.label)
        with run.transaction() as session:
            result = accrue(session, month, actor=run.actor, now=run.clock.now())
            made[month.label] = {"created": result.created, "lines": result.lines}
    run.report(len(months), len(months))
    return {"months": made}
