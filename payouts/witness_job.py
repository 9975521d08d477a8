"""The night's witness of the day, for somebody outside."""

from __future__ import annotations

from typing import Any

from payouts.witness_files import witness_day
from portal.kernel.jobs import JobRun, job


@job("witness", nightly=True)
def witness_nightly(run: JobRun, **arguments: Any) -> dict[str, Any]:
    """Laid into the configured folder and mailed to the configured address; the same day again changes nothing."""
    settings = run.services.settings
    witness, is_new = witness_day(
        run.transaction,
        run.services.files,
        settings.witness_folder,
        actor=run.actor,
        now=run.clock.now(),
        today=run.clock.today(),
        mail_to=settings.witness_to,
    )
    return {"day": witness.said["day"], "sequence": witness.sequence, "sha256": witness.sha256, "new": is_new}
