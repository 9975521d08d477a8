"""Every night: finance is told of statements to pay and of tax days that are near."""

from __future__ import annotations

from typing import Any

from payouts.settlements.tax_alerts import tell_alerts
from portal.kernel.jobs import JobRun, job
from portal.kernel.notice_jobs import ask_to_send


@job("tell_due_days", nightly=True)
def tell_due_days(run: JobRun, **arguments: Any) -> dict[str, Any]:
    """In one transaction; run again, nobody is told twice."""
    with run.transaction() as session:
        told = tell_alerts(session, today=run.clock.today(), now=run.clock.now())
        if told:
            ask_to_send(session, actor=run.actor, now=run.clock.now())
        return {"letters": told}
