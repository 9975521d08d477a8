"""How long cash has been carried, by the hour: domain notes 5.3, deposit TAT = time paid in - time collected."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Carried:
    """Cash on no slip. `hours` are whole ones; `at_least`: the receipt does not say when that day, so they count from its end."""

    hours: int
    due_at: datetime
    is_overdue: bool
    at_least: bool


def carried(
    collected_on: date, collected_time: time | None, within_days: int, *, now: datetime, zone: ZoneInfo
) -> Carried:
    """How long cash has been carried by `now`, and when it was due: `within_days` times 24 hours after it was taken, and never before
    the day it was taken is over. At the very moment it is not late yet."""
    day_ends = datetime.combine(collected_on + timedelta(days=1), time(), zone)
    taken = day_ends if collected_time is None else datetime.combine(collected_on, collected_time, zone)
    due_at = max(taken + timedelta(days=within_days), day_ends)
    hours = int((now - taken).total_seconds() // 3600)
    return Carried(max(hours, 0), due_at, now > due_at, collected_time is None)
