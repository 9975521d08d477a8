"""Month-end outcomes read again after a month was settled: which versions came since, and what each changed. Nothing settled moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from allocations.placements.outcome_queries import Version, list_versions
from payouts.commission.closed import CLOSED
from portal.kernel.periods import Period

# The oldest version of the month's outcomes that settlements of the month stand on.
SETTLED_ON = text(f"""
select min(o.version) from settlements s
  join accrual_runs r on r.id = s.accrual_run_id
  join outcome_sets o on o.id = r.outcome_set_id
 where s.period_start = :start and {CLOSED}
""")


@dataclass(frozen=True, slots=True)
class ReadSince:
    """The version settlements stand on, and those made since, the newest first."""

    settled_on: int
    versions: Sequence[Version]


def read_since(session: Session, period: Period) -> ReadSince | None:
    """None where the month has no settlement that is more than a draft, or its outcomes are those it was settled on."""
    settled_on = session.scalar(SETTLED_ON, {"start": period.start})
    if settled_on is None:
        return None
    newer = [each for each in list_versions(session, period) if each.version > settled_on]
    return ReadSince(settled_on, newer) if newer else None
