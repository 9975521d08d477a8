"""Packs made by a worker, and reports that somebody wants every month."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from payouts.reports.pack import keep_pack, make_pack
from payouts.reports.schedules import deliver, due_deliveries
from portal.kernel.audit import Actor
from portal.kernel.clock import Clock
from portal.kernel.jobs import JobRun, enqueue, job
from portal.kernel.notice_jobs import ask_to_send
from portal.kernel.periods import Period, parse_month
from portal.kernel.progress import JobProgress

PACK = "audit_pack"


@job(PACK)
def pack_job(run: JobRun, **arguments: Any) -> dict[str, Any]:
    """Make the pack of a month (`period`, YYYY-MM); run twice it finds the same pack kept."""
    period = parse_month(arguments["period"])
    with run.transaction() as session:
        # One moment of the books for all of it.
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        pack = make_pack(
            session, run.services.files, period, with_files=bool(arguments.get("with_files")), tell=run.report
        )
    with run.transaction() as session:
        row = keep_pack(session, run.services.files, pack, actor=run.actor, now=run.clock.now())
        number = row.id
    run.report(3, 3)
    return {"pack": number, "sha256": pack.sha256, "holds": pack.holds}


def ask_for_pack(session: Session, period: Period, *, with_files: bool = False, actor: Actor, clock: Clock) -> int:
    """Queue it; returns the id of its progress row. Packs wait for each other."""
    asked = {"period": period.label, "with_files": with_files}
    return enqueue(session, pack_job, asked, actor=actor, now=clock.now(), lock=PACK)


def packs_asked(session: Session, limit: int = 5) -> list[JobProgress]:
    """The latest packs asked for on pages, the newest first."""
    query = select(JobProgress).where(JobProgress.kind == PACK).order_by(JobProgress.id.desc()).limit(limit)
    return list(session.scalars(query))


@job("report_schedules", nightly=True)
def schedules_nightly(run: JobRun, **arguments: Any) -> dict[str, Any]:
    """Make what is due, each in a transaction of its own: one that fails keeps no other back, and is tried again tomorrow."""
    today, made, failed = run.clock.today(), 0, 0
    with run.transaction() as session:
        due = due_deliveries(session, today)
    for schedule_id, period in due:
        with run.transaction() as session:
            delivery = deliver(
                session,
                run.services.files,
                schedule_id,
                period,
                actor=run.actor,
                now=run.clock.now(),
                today=today,
                public_url=run.services.settings.public_url,
            )
            made, failed = made + (delivery.run_id is not None), failed + (delivery.run_id is None)
            if delivery.run_id is not None:
                ask_to_send(session, actor=run.actor, now=run.clock.now())
    return {"due": len(due), "made": made, "failed": failed}
