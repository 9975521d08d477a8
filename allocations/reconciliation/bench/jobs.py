"""Long work behind the pages of the bench: a draft of the rules tried on everything that is open."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.reconciliation.bench.ladders import load_ladder, try_ladder
from allocations.reconciliation.matching.ladder import parse_ladder
from portal.kernel.audit import Actor
from portal.kernel.clock import Clock
from portal.kernel.jobs import JobRun, enqueue, job
from portal.kernel.progress import JobProgress


@job("try_ladder")
def try_ladder_job(run: JobRun, **arguments: Any) -> dict[str, Any]:
    """Both ladders on the open items (`version`, `through`); the result holds a row for each rule that would do otherwise."""
    run.report(0, 2, "Climbing both ladders")
    version = int(arguments["version"])
    with run.transaction() as session:
        draft = parse_ladder(load_ladder(session, version).body)
        tried = try_ladder(session, draft, through=date.fromisoformat(arguments["through"]))
    return {"version": version, "rows": [asdict(each) for each in tried]}


def ask_to_try(session: Session, version: int, *, actor: Actor, clock: Clock) -> int:
    """Queue a try of a version on the items open today; returns the id of its progress row."""
    load_ladder(session, version)
    given = {"version": version, "through": clock.today().isoformat()}
    return enqueue(session, try_ladder_job, given, actor=actor, now=clock.now(), lock="try_ladder")


def last_try(session: Session, version: int) -> JobProgress | None:
    """The newest try of a version that came to its end, so that whoever decides sees what the maker saw."""
    query = select(JobProgress).where(
        JobProgress.kind == try_ladder_job.name,
        JobProgress.status == "done",
        JobProgress.result["version"].as_integer() == version,
    )
    return session.scalars(query.order_by(JobProgress.id.desc()).limit(1)).first()
