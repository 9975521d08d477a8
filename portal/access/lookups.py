"""How often an address may ask a public page: guessing and copying slow down, on every worker alike.

Of cards what exists costs nothing, so that borrowers behind one address of a mobile network never block one another; of the list, which
anybody may read, so many pages and files a quarter of an hour.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from portal.access.models import PublicMiss

WINDOW = timedelta(minutes=15)
MOST_MISSES = 30
MOST_PAGES, MOST_FILES = 300, 30  # of the public list


def asks_too_often(session: Session, what: str, most: int, address: str, *, now: datetime) -> bool:
    """Whether this address has asked for `what` as often as it may; if not, this time counts. What no window reaches is forgotten."""
    session.execute(delete(PublicMiss).where(PublicMiss.at <= now - WINDOW))
    key = f"{what} {address}"
    recent = select(func.count()).where(PublicMiss.address == key, PublicMiss.at > now - WINDOW)
    if (session.scalar(recent) or 0) >= most:
        return True
    session.add(PublicMiss(address=key, at=now))
    session.flush()
    return False


def misses_too_often(session: Session, address: str, *, now: datetime) -> bool:
    """Whether this address has asked for too much that does not exist."""
    recent = select(func.count()).where(PublicMiss.address == address, PublicMiss.at > now - WINDOW)
    return (session.scalar(recent) or 0) >= MOST_MISSES


def note_miss(session: Session, address: str, *, now: datetime) -> None:
    """Count one; what no window reaches any more is forgotten."""
    session.execute(delete(PublicMiss).where(PublicMiss.address == address, PublicMiss.at <= now - WINDOW))
    session.add(PublicMiss(address=address, at=now))
    session.flush()
