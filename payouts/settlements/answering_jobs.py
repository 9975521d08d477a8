"""Every night: statements whose days to answer are over count as accepted."""

from __future__ import annotations

from typing import Any

from payouts.settlements.answering import deem_accepted
from portal.kernel.jobs import JobRun, job


@job("deem_statements_accepted", nightly=True)
def deem_statements_accepted(run: JobRun, **arguments: Any) -> dict[str, Any]:
    """All of them in one transaction; run again, there are none left."""
    with run.transaction() as session:
        return {"deemed": deem_accepted(session, run.clock.today(), actor=run.actor, now=run.clock.now())}
