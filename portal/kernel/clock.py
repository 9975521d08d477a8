"""The one place that asks what time it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

BANK_ZONE = ZoneInfo("Asia/Kolkata")


class Clock(Protocol):
    def now(self) -> datetime:
        """The instant, in UTC."""
        ...

    def today(self) -> date:
        """The calendar day at the bank."""
        ...


@dataclass(frozen=True)
class SystemClock:
    zone: ZoneInfo = BANK_ZONE

    def now(self) -> datetime:
        return datetime.now(UTC)

    def today(self) -> date:
        return self.now().astimezone(self.zone).date()


@dataclass
class FixedClock:
    """A clock that stands where it was set: tests, the demo's past months."""

    instant: datetime
    zone: ZoneInfo = BANK_ZONE

    def now(self) -> datetime:
        return self.instant

    def today(self) -> date:
        return self.instant.astimezone(self.zone).date()
