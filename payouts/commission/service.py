"""Accruing a month: what confirmed money earned, computed anew and stored as a run. Lines frozen in a settlement never move."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.placements.outcome_models import OutcomeSet
from allocations.placements.outcome_sets import current_set, freeze_outcomes, months_behind
from payouts.commission.closed import Closed, closed_months
from payouts.commission.columns.summing import RunSums
from payouts.commission.computing import Computed, compute_month, read_month
from payouts.commission.engine import untaken_sums
from payouts.commission.models import AccrualRun
from payouts.commission.storing import Staging, store_unpaid
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.db import scope_of
from portal.kernel.errors import Refused
from portal.kernel.periods import Period, month_of

LOCK = "accrual"


@dataclass(slots=True)
class AgencyAccrual:
    lines: int = 0
    total_minor: int = 0
    unpaid_minor: int = 0
    is_settled: bool = False


@dataclass(slots=True)
class AccrualResult:
    """A month's accrual: the run in force and its sums, lines already settled included. `created`: a new run was stored."""

    run: AccrualRun
    created: bool
    period: Period
    currency: str
    lines: int = 0
    total_minor: int = 0
    by_agency: dict[str, AgencyAccrual] = field(default_factory=dict)
    unpaid: dict[str, tuple[int, int]] = field(default_factory=dict)  # code → (count, minor units)


def accrue(session: Session, period: Period, *, actor: Actor, now: datetime) -> AccrualResult:
    """Compute the month's commission and store it as the run in force, unless nothing changed since the last one.

    Agencies whose settlement of the month is submitted or further keep what is frozen there. Two accruals at once take turns.
    Refused when the month has not begun.
    """
    if period.start > scope_of(session).today:
        message = f"{period.label} has not begun."
        raise Refused(message, code="period_not_begun", cure="Accrue a month that has begun.")
    session.execute(text("select pg_advisory_xact_lock(hashtext(:key))"), {"key": LOCK})
    codes = {row.id: row.code for row in session.execute(select(Agency.id, Agency.code).order_by(Agency.code))}
    closed = closed_months(session)
    _read_behind(session, period, closed, actor, now)
    current = current_run(session, period)
    settled = {agency_id for agency_id in codes if period.start in closed[agency_id]}
    if current is not None and settled and settled == set(codes):
        return result_of(session, current, created=False)
    outcomes = freeze_outcomes(session, period, actor=actor, now=now)
    agencies = {i: c for i, c in codes.items() if i not in settled}
    month = read_month(session, period, agencies, closed, lambda other: _outcomes(session, other, actor, now))
    read = month.input_hash
    if current is not None and current.input_hash == read:
        return result_of(session, current, created=False)
    version = _next_version(session, period)
    staging = Staging(session, f"A{period.start:%y%m}.{version}-")
    computed = compute_month(month, staging)
    frozen = _frozen(session, period, settled)
    if current is not None and _same_for_the_open(current, computed.sums, frozen):
        staging.drop()
        return result_of(session, current, created=False)
    run = AccrualRun(
        period_start=period.start,
        version=version,
        input_hash=read,
        result_hash=computed.sums.result_hash,
        lines=computed.sums.lines,
        total_minor=computed.sums.total_minor,
        currency=_currency(session, computed.sums),
        summary=_summary(computed, frozen, codes),
        outcome_set_id=outcomes.id,
        run_by=actor.email,
        run_at=now,
    )
    _store(session, run, staging, computed)
    _record(session, run, period, actor, now)
    return result_of(session, run, created=True)


def _read_behind(session: Session, period: Period, closed: Closed, actor: Actor, now: datetime) -> None:
    """Closed months up to this one whose snapshots came in since their outcomes were read, read anew.

    What they pay for stays as it was settled; an account nobody had measured then earns its fee in the first open month.
    """
    starts = {start for months in closed.values() for start in months if start <= period.start}
    for month in months_behind(session):
        if month.start in starts:
            freeze_outcomes(session, month, actor=actor, now=now)


def _outcomes(session: Session, month: Period, actor: Actor, now: datetime) -> OutcomeSet:
    """The set in force of a month, or its first reading: a month before may never have been read."""
    return current_set(session, month) or freeze_outcomes(session, month, actor=actor, now=now)


def current_run(session: Session, period: Period) -> AccrualRun | None:
    query = select(AccrualRun).where(AccrualRun.period_start == period.start, AccrualRun.is_current)
    return session.scalars(query).one_or_none()


def _frozen(session: Session, period: Period, settled: set[int]) -> dict[str, int]:
    """Agency id (as text) → the run its settled lines of this month belong to."""
    if not settled:
        return {}
    rows = session.execute(
        text(
            "select agency_id, accrual_run_id from settlements s where period_start = :start"
            " and status not in ('draft', 'void') and accrual_run_id is not null"
        ),
        {"start": period.start},
    )
    return {str(agency_id): run_id for agency_id, run_id in sorted(rows) if agency_id in settled}


def _same_for_the_open(current: AccrualRun, sums: RunSums, frozen: Mapping[str, int]) -> bool:
    """Whether every agency still open has in the run in force exactly what it would get now.

    An agency whose settlement closed since the run has left the inputs without changing anything.
    """
    had = {agency: each for agency, each in current.summary.get("agencies", {}).items() if agency not in frozen}
    return had == sums.agencies


def _next_version(session: Session, period: Period) -> int:
    runs = select(func.max(AccrualRun.version)).where(AccrualRun.period_start == period.start)
    return (session.scalar(runs) or 0) + 1


def _store(session: Session, run: AccrualRun, staging: Staging, computed: Computed) -> None:
    """The run in force, its lines and reasons."""
    before = update(AccrualRun).where(AccrualRun.period_start == run.period_start, AccrualRun.is_current)
    session.execute(before.values(is_current=False))
    session.add(run)
    session.flush()
    staging.store(run)
    store_unpaid(session, run, computed.unpaid)


def _summary(computed: Computed, frozen: Mapping[str, int], codes: Mapping[int, str]) -> dict[str, Any]:
    return {
        "groups": computed.groups,
        "promises": computed.promises,
        "untaken": untaken_sums(computed.untaken, codes),
        "days": computed.sums.days,
        "frozen": dict(frozen),
        "agencies": computed.sums.agencies,
    }


def _currency(session: Session, sums: RunSums) -> str:
    found = sums.currencies or sums.unpaid_currencies
    if len(found) > 1:
        message = f"This month holds money in {', '.join(sorted(found))}; one run sums one currency."
        raise Refused(
            message, code="mixed_currency", cure="Keep agencies of another currency in a portal of their own."
        )
    lender = session.scalar(text("select currency from lenders order by id limit 1"))
    return next(iter(found), None) or lender or "INR"


def _record(session: Session, run: AccrualRun, period: Period, actor: Actor, now: datetime) -> None:
    record_event(
        session,
        AuditTag.ACCRUED,
        actor=actor,
        subject_type="accrual_run",
        subject_ref=f"{period.label} v{run.version}",
        now=now,
        data={
            "period": period.label,
            "version": run.version,
            "lines": run.lines,
            "total": run.total_minor,
            "input_hash": run.input_hash,
            "result_hash": run.result_hash,
        },
    )


RUN_OF_AGENCY = """
 (select coalesce((select s.accrual_run_id from settlements s where s.agency_id = g.id and s.period_start = :start
                   and s.status not in ('draft', 'void')), :run))
"""
SUMS = text(f"""
select g.code, count(x.id) as lines, coalesce(sum(x.amount_minor), 0) as total,
       exists (select 1 from settlements s where s.agency_id = g.id and s.period_start = :start
               and s.status not in ('draft', 'void')) as settled
  from agencies g left join accrual_lines x on x.agency_id = g.id and x.run_id = {RUN_OF_AGENCY}
 group by g.id, g.code order by g.code
""")
UNPAID_SUMS = text(f"""
select g.code as agency, u.code, count(*) as receipts, sum(u.amount_minor) as total
  from agencies g join unpaid_collections u on u.agency_id = g.id and u.run_id = {RUN_OF_AGENCY}
 group by g.code, u.code order by g.code, u.code
""")


def result_of(session: Session, run: AccrualRun, *, created: bool) -> AccrualResult:
    """The sums of a month as it stands: the run in force for open agencies, the settled run for the others."""
    result = AccrualResult(run, created, month_of(run.period_start), run.currency)
    bounds = {"run": run.id, "start": run.period_start}
    for row in session.execute(SUMS, bounds):
        result.by_agency[row.code] = AgencyAccrual(row.lines, int(row.total), 0, row.settled)
    for row in session.execute(UNPAID_SUMS, bounds):
        count, total = result.unpaid.get(row.code, (0, 0))
        result.unpaid[row.code] = (count + row.receipts, total + int(row.total))
        result.by_agency[row.agency].unpaid_minor += int(row.total)
    result.lines = sum(each.lines for each in result.by_agency.values())
    result.total_minor = sum(each.total_minor for each in result.by_agency.values())
    return result
