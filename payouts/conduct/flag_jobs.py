"""Every night: the rules of early warning look at the month that runs and the one before it."""

from __future__ import annotations

from typing import Any

from payouts.conduct.flags import find_lately
from portal.kernel.jobs import JobRun, job


@job("find_conduct_flags", nightly=True)
def find_conduct_flags(run: JobRun, **arguments: Any) -> dict[str, Any]:
    """In one transaction; run again, the same facts are the same flags."""
    with run.transaction() as session:
        looked = find_lately(session, actor=run.actor, now=run.clock.now(), today=run.clock.today())
        return {"found": looked.count, "by_rule": looked.found}
