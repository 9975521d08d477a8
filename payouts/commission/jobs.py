"""Accruing at night: every open month once a day, so that what the pages say is never older than a day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from allocations.placements.outcome_sets import freeze_outcomes, months_behind
from payouts.commission.closed import CLOSED, closed_months, first_open
from payouts.commission.service import accrue
from portal.kernel.audit import Actor
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
# What was confirmed, accepted or measured anew for an earlier month, by agency and month, and when the last of it was.
CAME_LATE = text("""
select agency_id, month, max(known_at) as known_at from (
  select m.agency_id, date_trunc('month', b.value_on)::date as month, coalesce(m.confirmed_at, m.created_at) as known_at
    from match_links m join bank_lines b on b.id = m.bank_line_id where m.status = 'confirmed' and b.value_on < :start
  union all
  select agency_id, date_trunc('month', occurred_on)::date, decided_at from earning_events
   where status = 'accepted' and occurred_on < :start
  union all
  select agency_id, period_start, decided_at from manual_adjustments where status = 'accepted' and period_start < :start
  union all
  select a.id, o.period_start, o.made_at from outcome_sets o cross join agencies a
   where o.is_current and o.version > 1 and o.period_start < :start
) late group by agency_id, month
""")
LAST_RUN = text("select run_at from accrual_runs where period_start = :start and is_current")
READING = timedelta(days=1)  # what was written while a run read may be known from before it
HELD_ANY = text("""
select exists (select 1 from allocations where from_on < :until and (to_on is null or to_on >= :since))
""")


def open_months(session: Session, today: date) -> list[Period]:
    """The month of today, the one before, and earlier ones that an agency has not been settled for; the oldest first.

    An earlier month nobody had earned in counts once something for it is confirmed, accepted or measured since. Only months in which
    somebody held an account.
    """
    now = month_of(today)
    months = {now, now.previous()}
    months |= {month_of(start) for start in session.scalars(STILL_OPEN, {"start": now.start})}
    months |= set(_came_late(session, now.previous()))
    return [month for month in sorted(months) if session.scalar(HELD_ANY, {"since": month.start, "until": month.end})]


def _came_late(session: Session, before: Period) -> Iterator[Period]:
    """Months earlier than `before` whose last run cannot have seen all that is known for them by now."""
    closed = closed_months(session)
    for agency_id, start, known_at in session.execute(CAME_LATE, {"start": before.start}).all():
        month = first_open(closed[agency_id], month_of(start))
        if month.start >= before.start:
            continue
        run_at = session.scalar(LAST_RUN, {"start": month.start})
        if run_at is None or run_at <= known_at + READING:
            yield month


def read_behind(session: Session, *, actor: Actor, now: datetime) -> list[Period]:
    """Months whose snapshots came in since their outcomes were read, read anew: the settled ones too."""
    months = months_behind(session)
    for month in months:
        freeze_outcomes(session, month, actor=actor, now=now)
    return months


@job("accrue_open_months", nightly=True)
def accrue_open_months(run: JobRun, **arguments: Any) -> dict[str, Any]:
    """Accrue each open month in a transaction of its own; what did not change makes no new run."""
    with run.transaction() as session:
        read_behind(session, actor=run.actor, now=run.clock.now())
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
