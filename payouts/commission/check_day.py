"""One day of a month computed again by a worker, for the board's button: a month of a million lines takes longer than a page may."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from payouts.commission.days import rebuild_day
from portal.kernel.audit import Actor
from portal.kernel.clock import Clock
from portal.kernel.jobs import JobRun, enqueue, job
from portal.kernel.periods import Period, parse_month
from portal.kernel.progress import JobProgress

KIND = "check_accrued_day"
MOST_DIFFERENCES = 100


@job(KIND)
def check_day_job(run: JobRun, **arguments: Any) -> dict[str, Any]:
    """A day of a month (`period`, YYYY-MM; `day`, ISO) computed again: lines, total, hash, and the first lines that differ."""
    period, day = parse_month(arguments["period"]), date.fromisoformat(arguments["day"])
    with run.transaction() as session:
        again = rebuild_day(session, period, day)
    found = {key: value for key, value in asdict(again).items() if key not in ("day", "differences")}
    differences = [asdict(each) for each in again.differences[:MOST_DIFFERENCES]]
    asked = {"period": period.label, "day": day.isoformat()}
    return asked | found | {"differences": differences, "found": len(again.differences)}


def ask_to_check(session: Session, period: Period, day: date, *, actor: Actor, clock: Clock) -> int:
    """Queue it; returns the id of its progress row. They wait for each other."""
    asked = {"period": period.label, "day": day.isoformat()}
    return enqueue(session, check_day_job, asked, actor=actor, now=clock.now(), lock=KIND)


def last_check(session: Session, progress_id: int) -> JobProgress | None:
    query = select(JobProgress).where(JobProgress.kind == KIND, JobProgress.id == progress_id)
    return session.scalars(query).one_or_none()
