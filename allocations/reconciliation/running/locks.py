"""Who waits for whom: one reconciliation at a time; acts by hand share a lock, a run has it alone."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

RECONCILE_LOCK = 7_266_321


def lock_for_run(session: Session) -> None:
    session.execute(select(func.pg_advisory_xact_lock(RECONCILE_LOCK)))


def lock_for_hand(session: Session) -> None:
    """Acts by hand wait while a run is under way, but not for each other: rows are locked one by one."""
    session.execute(select(func.pg_advisory_xact_lock_shared(RECONCILE_LOCK)))
