"""Reconciliation as a job, for the button on the board."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from allocations.reconciliation.running.reconcile import reconcile
from portal.kernel.audit import Actor
from portal.kernel.clock import Clock
from portal.kernel.jobs import JobRun, enqueue, job


@job("reconcile")
def reconcile_job(run: JobRun, **arguments: Any) -> dict[str, Any]:
    """One run through a day (`through`, ISO); the result names what was new."""
    through = date.fromisoformat(arguments["through"])
    with run.transaction() as session:
        result = reconcile(session, through=through, actor=run.actor, now=run.clock.now(), tell=run.report)
    return {"confirmed": result.confirmed, "undone": result.undone, "result_hash": result.result_hash}


def ask_for_run(session: Session, *, actor: Actor, clock: Clock) -> int:
    """Queue a run through today; returns the id of its progress row. Runs wait for each other."""
    given = {"through": clock.today().isoformat()}
    return enqueue(session, reconcile_job, given, actor=actor, now=clock.now(), lock="reconcile")
