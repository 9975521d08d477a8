"""Every night: offers whose validity is over lapse, settlements not kept are said to be broken, plans are kept or broken, borrowers
are reminded.
"""

from __future__ import annotations

from typing import Any

from allocations.casework.offers import lapse_offers
from allocations.casework.plans import judge_plans, write_reminders
from allocations.casework.watching import propose_breaches
from portal.kernel.jobs import JobRun, job


@job("watch_settlements", nightly=True)
def watch_settlements(run: JobRun, **arguments: Any) -> dict[str, Any]:
    """All of them in one transaction; run again, there is nothing left to do."""
    today, now = run.clock.today(), run.clock.now()
    with run.transaction() as session:
        return {
            "lapsed": lapse_offers(session, today, actor=run.actor, now=now),
            "breaches": propose_breaches(session, today, actor=run.actor, now=now),
            "plans": judge_plans(session, today, actor=run.actor, now=now),
            "reminders": write_reminders(session, today, now=now),
        }
