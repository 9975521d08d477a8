"""Looking into a piece of evidence, behind the pages."""

from __future__ import annotations

from typing import Any

from portal.kernel.jobs import JobRun, job


@job("evidence.examine", for_agencies=True)
def examine_evidence(run: JobRun, **arguments: Any) -> dict[str, Any]:
    """Make the copy people are shown, read what the file says of itself, and raise flags; `evidence_id` names it."""
    return {}
