"""A what-if as a job: months take a while, and the page shows which one it is at."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from payouts.commission.what_if import simulate
from payouts.commission.what_if_models import Simulation
from payouts.commission.what_if_service import find, keep, note
from payouts.rate_cards.parsing import read_card
from portal.kernel.audit import Actor
from portal.kernel.clock import Clock
from portal.kernel.errors import PortalError
from portal.kernel.jobs import JobRun, enqueue, job
from portal.kernel.periods import month_of


@job("what_if")
def what_if_job(run: JobRun, **arguments: Any) -> dict[str, Any]:
    """Run one stored what-if. Run twice it computes the same again, or finds it done."""
    simulation_id = int(arguments["simulation"])
    with run.transaction() as session:
        row = find(session, simulation_id)
        if row.status == "done":
            return {"result_hash": row.result_hash}
        source, first, last = row.source_text, month_of(row.from_month), month_of(row.to_month)
        agencies = row.result.get("asked", {}).get("agencies") or None
        note(session, simulation_id, "running")
    try:
        with run.transaction() as session:
            found = simulate(session, read_card(source), first, last, agencies=agencies, tell=run.report)
    except PortalError as refused:
        with run.transaction() as session:
            note(session, simulation_id, "failed", problem=str(refused))
        raise
    with run.transaction() as session:
        keep(session, simulation_id, found, actor=run.actor, now=run.clock.now())
    return {"result_hash": found.result_hash}


def ask_for_it(session: Session, row: Simulation, *, actor: Actor, clock: Clock) -> int:
    """Queue it; returns the id of its progress row."""
    given = {"simulation": row.id}
    progress_id = enqueue(session, what_if_job, given, actor=actor, now=clock.now(), lock="what_if")
    note(session, row.id, row.status, job=progress_id)
    return progress_id
