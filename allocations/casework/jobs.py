"""Every night: offers whose validity is over lapse, settlements not kept are proposed as broken, plans are kept or broken."""

from __future__ import annotations

from typing import Any

from allocations.casework.offers import lapse_offers
from allocations.casework.watching import propose_breaches
from portal.kernel.jobs import JobRun, job


@job("watch_settlements", nightly=True)
def watch_settlements(run: JobRun, **arguments: Any) -> dict[str, Any]:
    """All of them in one transaction; run again, there is nothing left to do."""
    today, given = run.clock.today(), {"actor": run.actor, "now": run.clock.now()}
    with run.transaction() as session:
        return {
            "lapsed": lapse_offers(session, today, **given),  # type: ignore[arg-type]
            "breaches": propose_breaches(session, today, **given),  # type: ignore[arg-type]
        }
