"""Every night: agencies and the bank's admins are told of papers that run out."""

from __future__ import annotations

from typing import Any

from allocations.agencies.paper_warnings import tell_of_ending_papers
from portal.kernel.jobs import JobRun, job
from portal.kernel.notice_jobs import ask_to_send


@job("tell_ending_papers", nightly=True)
def tell_ending_papers(run: JobRun, **arguments: Any) -> dict[str, Any]:
    """In one transaction; run again, nobody is told twice."""
    with run.transaction() as session:
        told = tell_of_ending_papers(session, day=run.clock.today(), now=run.clock.now())
        if told:
            ask_to_send(session, actor=run.actor, now=run.clock.now())
        return {"letters": told}
