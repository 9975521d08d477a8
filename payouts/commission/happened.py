"""Reading accepted events and adjustments by hand that a month answers for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from payouts.commission.closed import CLOSED, Closed, first_open
from payouts.commission.inputs import Adjusted, EventFact
from payouts.commission.opening_facts import ages
from portal.kernel.money import plain
from portal.kernel.periods import Period, month_of

# In no line a settlement froze, nor in the run in force of another month that is open.
FREE = """
   and {row}.id not in (select x.{key} from accrual_lines x join settlement_lines sl on sl.accrual_line_id = x.id
                    join settlements s on s.id = sl.settlement_id
                    where x.{key} is not null and x.agency_id = any(:agencies) and {closed})
   and {row}.id not in (select x.{key} from accrual_lines x join accrual_runs r on r.id = x.run_id
                    where x.{key} is not null and x.agency_id = any(:agencies) and r.is_current and r.period_start <> :since
                    and not exists (select 1 from settlements s where s.agency_id = x.agency_id
                                    and s.period_start = r.period_start and {closed}))
"""
EVENT_ROWS = """
select e.id, e.ref, e.agency_id, e.event, e.occurred_on, e.count, e.days, e.amount_minor, e.currency,
       coalesce(e.loan_account_no, a.loan_account_no) as loan_account_no, a.from_on, a.product, a.opening_bucket,
       a.opening_asset_class, a.opening_dpd_days, a.opening_principal_minor, a.region, a.state, a.stream,
       l.npa_on, l.written_off_on,
       (select 1 + count(distinct b.agency_id) from allocations b where b.loan_account_id = a.loan_account_id
           and b.stream = a.stream and b.from_on < a.from_on and b.agency_id <> a.agency_id) as placement_order
  from earning_events e
  left join allocations a on a.id = e.allocation_id
  left join loan_accounts l on l.id = a.loan_account_id
"""
EVENTS = text(f"""{EVENT_ROWS}
 where e.status = 'accepted' and e.occurred_on < :until and e.agency_id = any(:agencies)
   {FREE.format(row="e", key="event_id", closed=CLOSED)}
 order by e.agency_id, e.occurred_on, e.ref
""")
# A settled month before this one has read them: its run came after they were accepted.
TOLD = text(f"""
select e.id from earning_events e where e.id = any(:ids)
   and exists (select 1 from settlements s join accrual_runs r on r.id = s.accrual_run_id
               where s.agency_id = e.agency_id and {CLOSED} and s.period_start >= date_trunc('month', e.occurred_on)
               and s.period_start < :since and r.run_at >= e.decided_at)
""")
ADJUSTED = text(f"""
select j.id, j.ref, j.agency_id, j.period_start, j.kind, j.amount_minor, j.currency, j.reason, j.about_ref
  from manual_adjustments j
 where j.status = 'accepted' and j.period_start < :until and j.agency_id = any(:agencies)
   {FREE.format(row="j", key="adjustment_id", closed=CLOSED)}
 order by j.agency_id, j.ref
""")


def events(
    session: Session, period: Period, agencies: list[int], closed: Closed, grades: Mapping[int, str]
) -> list[EventFact]:
    """Accepted events of the month, and of months closed before they were in."""
    bounds = {"since": period.start, "until": period.end, "agencies": agencies}
    rows = [
        row
        for row in session.execute(EVENTS, bounds)
        if first_open(closed[row.agency_id], month_of(row.occurred_on)) == period
    ]
    late = [row.id for row in rows if row.occurred_on < period.start]
    told = set(session.scalars(TOLD, {"ids": late, "since": period.start})) if late else set()
    return [replace(event_of(row, grades), told_before=row.id in told) for row in rows]


def event_of(row: Any, grades: Mapping[int, str]) -> EventFact:
    """A row of EVENT_ROWS; `grades` by agency."""
    return EventFact(
        event_id=row.id,
        agency_id=row.agency_id,
        ref=row.ref,
        currency=row.currency,
        occurred_on=row.occurred_on,
        allocated_on=row.from_on or row.occurred_on,
        facts=_facts(row, grades),
    )


def _facts(row: Any, grades: Mapping[int, str]) -> dict[str, Any]:
    """An event as a line of a facts file, with what was frozen of the account it is about."""
    facts: dict[str, Any] = {
        "earns_on": "event",
        "event": row.event,
        "ref": row.ref,
        "count": row.count,
        "days": row.days,
        "occurred_on": row.occurred_on.isoformat(),
        "source": "agency",
        "settlement_kind": "none",
    }
    words = {
        "loan_account_no": row.loan_account_no,
        "product": row.product,
        "opening_bucket": row.opening_bucket,
        "asset_class": row.opening_asset_class,
        "dpd_days": row.opening_dpd_days,
        "region": row.region,
        "state": row.state,
        "stream": row.stream,
        "agency_grade": grades.get(row.agency_id),
    }
    facts |= {key: value for key, value in words.items() if value is not None and value != ""}
    if row.from_on is not None:
        facts["placement_order"] = str(row.placement_order)
    facts |= ages(row, row.occurred_on)
    if row.opening_principal_minor is not None:
        facts["principal_outstanding"] = plain(row.opening_principal_minor, row.currency)
    if row.amount_minor is not None:
        facts["amount"] = plain(row.amount_minor, row.currency)
    return facts


def adjusted(session: Session, period: Period, agencies: list[int], closed: Closed) -> list[Adjusted]:
    """Accepted adjustments of the month, and of months closed before they were accepted."""
    bounds = {"since": period.start, "until": period.end, "agencies": agencies}
    return [
        Adjusted(
            adjustment_id=row.id,
            agency_id=row.agency_id,
            ref=row.ref,
            kind=row.kind,
            amount_minor=row.amount_minor,
            currency=row.currency,
            credited_on=period.last_day,
            reason=row.reason,
            about_ref=row.about_ref,
        )
        for row in session.execute(ADJUSTED, bounds)
        if first_open(closed[row.agency_id], month_of(row.period_start)) == period
    ]
