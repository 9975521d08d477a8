"""How often an address may ask a public page for what does not exist: guessing slows down, on every worker alike.

What exists costs nothing, so that borrowers behind one address of a mobile network never block one another.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from portal.access.models import PublicMiss

WINDOW = timedelta(minutes=15)
MOST_MISSES = 30


def misses_too_often(session: Session, address: str, *, now: datetime) -> bool:
    """Whether this address has asked for too much that does not exist."""
    recent = select(func.count()).where(PublicMiss.address == address, PublicMiss.at > now - WINDOW)
    return (session.scalar(recent) or 0) >= MOST_MISSES


def note_miss(session: Session, address: str, *, now: datetime) -> None:
    """Count one; what no window reaches any more is forgotten."""
    session.execute(delete(PublicMiss).where(PublicMiss.address == address, PublicMiss.at <= now - WINDOW))
    session.add(PublicMiss(address=address, at=now))
    session.flush()
