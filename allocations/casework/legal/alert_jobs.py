"""Every night: who works legal cases is told of last days that are near."""

from __future__ import annotations

from typing import Any

from allocations.casework.legal.alerts import refresh_open, tell_alerts
from portal.kernel.jobs import JobRun, job
from portal.kernel.notice_jobs import ask_to_send


@job("tell_legal_days", nightly=True)
def tell_legal_days(run: JobRun, **arguments: Any) -> dict[str, Any]:
    """In one transaction; run again, nobody is told twice."""
    with run.transaction() as session:
        today, now = run.clock.today(), run.clock.now()
        moved = refresh_open(session, today)
        told = tell_alerts(session, today=today, now=now)
        if told:
            ask_to_send(session, actor=run.actor, now=now)
        return {"letters": told, "days_moved": moved}
