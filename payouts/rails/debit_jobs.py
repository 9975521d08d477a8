"""The debits in our own account are looked for after every bank statement that came in, and every night."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from payouts.rails.debits import EXPECTED, tie_debits
from payouts.rails.models import Payout
from portal.kernel.jobs import NIGHT, JobRun, enqueue, job


@job("look_for_debits", nightly=True)
def look_for_debits(run: JobRun, **arguments: Any) -> dict[str, Any]:
    """In one transaction; run again, it finds nothing new."""
    with run.transaction() as session:
        seen = tie_debits(session, actor=run.actor, now=run.clock.now())
        return {"tied": len(seen.tied), "moved": len(seen.moved)}


def ask_to_look(session: Session, *, now: datetime) -> bool:
    """Have the lines of this transaction looked through once it is committed; nobody is asked while no payout may have a line there."""
    if session.scalar(select(Payout.id).where(Payout.status.in_(EXPECTED)).limit(1)) is None:
        return False
    enqueue(session, look_for_debits, {}, actor=NIGHT, now=now, lock=look_for_debits.name)
    return True
