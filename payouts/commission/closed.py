"""Which months of which agencies are closed, and where what comes too late for them goes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.kernel.periods import Period

# A settlement that is more than a draft: its lines are frozen and its month is closed for its agency.
CLOSED = "s.status not in ('draft', 'void')"
Closed = Mapping[int, set[date]]  # agency → first days of its closed months


def closed_months(session: Session) -> Closed:
    """Agency → first days of the months whose settlement is submitted or further."""
    closed: dict[int, set[date]] = defaultdict(set)
    for agency_id, start in session.execute(text(f"select agency_id, period_start from settlements s where {CLOSED}")):
        closed[agency_id].add(start)
    return closed


def first_open(closed: set[date], month: Period) -> Period:
    """The month itself, or the next one whose settlement is still open."""
    while month.start in closed:
        month = month.next()
    return month
