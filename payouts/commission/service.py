"""Accruing a month: what confirmed money earned, computed anew and stored as a run. Lines frozen in a settlement never move."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.placements.outcome_models import OutcomeSet
from allocations.placements.outcome_sets import current_set, freeze_outcomes
from payouts.commission.closed import closed_months
from payouts.commission.engine import compute, untaken_sums
from payouts.commission.gathering import gather
from payouts.commission.hashing import canonical, digest, line_text, unpaid_text
from payouts.commission.models import AccrualLine, AccrualRun, UnpaidCollection
from payouts.commission.outcome import NewLine, Outcome, Unpaid
from payouts.commission.reasons import REASONS
from payouts.commission.run_hashes import days_of, input_hash
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.db import scope_of
from portal.kernel.errors import Refused
from portal.kernel.periods import Period, month_of
from portal.kernel.tables.bulk import copy_rows

LOCK = "accrual"
LINE_COLUMNS = (
    *("ref", "run_id", "agency_id", "kind", "collection_id", "link_id", "rate_card_version_id", "rule_id"),
    *("base_minor", "amount_minor", "currency", "credited_on", "clawback_of_id", "event_id", "adjustment_id"),
    *("facts", "steps"),
)
UNPAID_COLUMNS = (
    *("run_id", "agency_id", "collection_id", "code", "amount_minor", "currency", "cure", "owner", "detail"),
)


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
    current = current_run(session, period)
    settled = {agency_id for agency_id in codes if period.start in closed[agency_id]}
    if current is not None and settled and settled == set(codes):
        return result_of(session, current, created=False)
    outcomes = freeze_outcomes(session, period, actor=actor, now=now)
    agencies = {i: c for i, c in codes.items() if i not in settled}
    inputs = gather(session, period, agencies, closed, lambda month: _outcomes(session, month, actor, now))
    if current is not None and current.input_hash == input_hash(inputs):
        return result_of(session, current, created=False)
    outcome = compute(inputs)
    frozen = _frozen(session, period, settled)
    if current is not None and _same_for_the_open(current, outcome, frozen):
        return result_of(session, current, created=False)
    run = _store(session, period, outcome, frozen, codes, outcomes.id, actor, now)
    return result_of(session, run, created=True)


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


def _same_for_the_open(current: AccrualRun, outcome: Outcome, frozen: Mapping[str, int]) -> bool:
    """Whether every agency still open has in the run in force exactly what it would get now.

    An agency whose settlement closed since the run has left the inputs without changing anything.
    """
    had = {agency: each for agency, each in current.summary.get("agencies", {}).items() if agency not in frozen}
    return had == agency_hashes(outcome)


def agency_hashes(outcome: Outcome) -> dict[str, str]:
    """What each agency's lines and unpaid collections say, as one hash an agency (by id, as text)."""
    content: dict[int, list[str]] = defaultdict(list)
    for line in outcome.lines:
        content[line.agency_id].append(line_text("", line, line.facts_text, line.steps_text))
    for each in outcome.unpaid:
        content[each.agency_id].append(unpaid_text("", each.receipt_no, each.code, each.amount_minor))
    return {str(agency_id): digest(texts) for agency_id, texts in sorted(content.items())}


def _store(
    session: Session,
    period: Period,
    outcome: Outcome,
    frozen: Mapping[str, int],
    codes: Mapping[int, str],
    outcome_set_id: int,
    actor: Actor,
    now: datetime,
) -> AccrualRun:
    runs = select(func.max(AccrualRun.version)).where(AccrualRun.period_start == period.start)
    version = (session.scalar(runs) or 0) + 1
    session.execute(
        update(AccrualRun)
        .where(AccrualRun.period_start == period.start, AccrualRun.is_current)
        .values(is_current=False)
    )
    run = AccrualRun(
        period_start=period.start,
        version=version,
        input_hash=outcome.input_hash,
        result_hash=outcome.result_hash,
        lines=len(outcome.lines),
        total_minor=outcome.total_minor,
        currency=_currency(session, outcome),
        summary=_summary(outcome, frozen, codes),
        outcome_set_id=outcome_set_id,
        run_by=actor.email,
        run_at=now,
    )
    session.add(run)
    session.flush()
    copy_rows(session, AccrualLine.__table__, LINE_COLUMNS, _line_rows(run, outcome.lines))  # type: ignore[arg-type]
    copy_rows(session, UnpaidCollection.__table__, UNPAID_COLUMNS, _unpaid_rows(run, outcome.unpaid))  # type: ignore[arg-type]
    _record(session, run, period, actor, now)
    return run


def _summary(outcome: Outcome, frozen: Mapping[str, int], codes: Mapping[int, str]) -> dict[str, Any]:
    texts = (
        (line.credited_on.isoformat(), line_text(codes[line.agency_id], line, line.facts_text, line.steps_text), line)
        for line in outcome.lines
    )
    return {
        "groups": list(outcome.groups),
        "promises": list(outcome.promises),
        "untaken": untaken_sums(outcome.untaken, codes),
        "days": days_of((day, text, line.amount_minor) for day, text, line in texts),
        "frozen": dict(frozen),
        "agencies": agency_hashes(outcome),
    }


def _currency(session: Session, outcome: Outcome) -> str:
    found = {line.currency for line in outcome.lines} or {each.currency for each in outcome.unpaid}
    if len(found) > 1:
        message = f"This month holds money in {', '.join(sorted(found))}; one run sums one currency."
        raise Refused(
            message, code="mixed_currency", cure="Keep agencies of another currency in a portal of their own."
        )
    lender = session.scalar(text("select currency from lenders order by id limit 1"))
    return next(iter(found), None) or lender or "INR"


def _line_rows(run: AccrualRun, lines: Sequence[NewLine]) -> Iterable[tuple[Any, ...]]:
    for number, line in enumerate(lines, start=1):
        yield (
            f"A{run.period_start:%y%m}.{run.version}-{number:05d}",
            run.id,
            line.agency_id,
            line.kind,
            line.collection_id,
            line.link_id,
            line.version_id,
            line.rule_id,
            line.base_minor,
            line.amount_minor,
            line.currency,
            line.credited_on,
            line.clawback_of_id,
            line.event_id,
            line.adjustment_id,
            line.facts_text,
            line.steps_text,
        )


def _unpaid_rows(run: AccrualRun, unpaid: Sequence[Unpaid]) -> Iterable[tuple[Any, ...]]:
    for each in unpaid:
        reason = REASONS[each.code]
        row = (run.id, each.agency_id, each.collection_id, each.code, each.amount_minor, each.currency)
        yield (*row, reason.cure, reason.owner, canonical(each.detail))


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
