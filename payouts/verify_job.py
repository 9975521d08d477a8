"""Verification as a job, for the auditor's page: a million rows take longer than a page may."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from payouts.verify import record_verification, verify
from portal.kernel.audit import Actor
from portal.kernel.clock import Clock
from portal.kernel.jobs import JobRun, enqueue, job
from portal.kernel.periods import parse_month
from portal.kernel.progress import JobProgress

KIND = "verify"
MOST_DIFFERENCES = 500  # kept with the result; the command prints them all


@job(KIND)
def verify_job(run: JobRun, **arguments: Any) -> dict[str, Any]:
    """Verify everything, or one month (`period`, YYYY-MM); the result holds counts and the first differences."""
    period = parse_month(arguments["period"]) if arguments.get("period") else None
    with run.transaction() as session:
        result = verify(session, run.services.files, period)
        record_verification(session, result, period=period, actor=run.actor, now=run.clock.now())
    found = result.as_dict()
    return found | {"differences": found["differences"][:MOST_DIFFERENCES], "found": len(result.differences)}


def ask_for_verification(session: Session, *, period: str = "", actor: Actor, clock: Clock) -> int:
    """Queue a verification; returns the id of its progress row. They wait for each other."""
    return enqueue(session, verify_job, {"period": period}, actor=actor, now=clock.now(), lock=KIND)


def verifications(session: Session, limit: int = 10) -> list[JobProgress]:
    """The latest verifications asked for on pages, newest first."""
    query = select(JobProgress).where(JobProgress.kind == KIND).order_by(JobProgress.id.desc()).limit(limit)
    return list(session.scalars(query))
