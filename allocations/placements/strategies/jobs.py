"""Drawing a run, and writing an approved one, as jobs: a million accounts take a while."""

from __future__ import annotations

from datetime import date
from typing import Any

from allocations.placements.strategies.runs import PROPOSALS, decide_run, draft_run
from portal.kernel.jobs import JobRun, job


@job("strategy_draw")
def draw_job(run: JobRun, **given: Any) -> dict[str, Any]:
    """Draw a strategy and keep the draft."""
    to_on = date.fromisoformat(given["to_on"]) if given.get("to_on") else None
    with run.transaction() as session:
        made = draft_run(
            session,
            given["code"],
            from_on=date.fromisoformat(given["from_on"]),
            to_on=to_on,
            seed=int(given["seed"]),
            actor=run.actor,
            now=run.clock.now(),
            report=run.report,
        )
        return {"ref": made.ref}


@job("strategy_approve")
def approve_job(run: JobRun, **given: Any) -> dict[str, Any]:
    """A second person's approval, with everything it writes. Done twice, the second one is refused."""
    run.report(0, 1, "Asking every gate anew, then writing")
    with run.transaction() as session:
        found = PROPOSALS.load(session, ref=given["ref"])
        decide_run(session, found, approve=True, reason=given["reason"], actor=run.actor, now=run.clock.now())
    return {"ref": given["ref"]}
