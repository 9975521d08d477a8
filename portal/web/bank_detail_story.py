"""An agency's bank details as a page tells them: which version is paid to, which rests and for how long, which waits for somebody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from allocations.agencies.models import AgencyBankDetail

NAME_CHECK_WORDS = {
    "not_attempted": ("not_started", "Not asked"),
    "exact": ("verified", "The same name"),
    "partial": ("partial", "Much the same name"),
    "mismatch": ("differs", "Another name"),
    "inactive": ("refused", "Account not in use"),
    "failed": ("failed", "The bank could not say"),
}


@dataclass(frozen=True, slots=True)
class Told:
    """One version with its standing: status and words for `ui.status`, and how much of its rest is over (0 to 100)."""

    detail: AgencyBankDetail
    status: str
    word: str
    is_paid_to: bool = False
    left: str = ""
    rested_percent: int = 100

    @property
    def name_check(self) -> tuple[str, str]:
        return NAME_CHECK_WORDS[self.detail.name_check]


def told(details: Sequence[AgencyBankDetail], now: datetime) -> list[Told]:
    """Every version, the newest first as they came. The newest approved one is the one in force."""
    in_force = next((each.id for each in details if each.status == "approved"), None)
    return [_told(each, each.id == in_force, now) for each in details]


def _told(detail: AgencyBankDetail, in_force: bool, now: datetime) -> Told:
    if detail.status == "proposed":
        return Told(detail, "waiting", "Waits for an approver")
    if detail.status == "rejected":
        return Told(detail, "rejected", "Turned down")
    if not in_force:
        return Told(detail, "replaced", "Replaced")
    if detail.usable_from is not None and detail.usable_from > now:
        return Told(
            detail, "on_hold", "Rests before first use", True, in_words(detail.usable_from - now), _rested(detail, now)
        )
    return Told(detail, "current", "Paid to", True)


def _rested(detail: AgencyBankDetail, now: datetime) -> int:
    began, until = detail.approved_at or detail.proposed_at, detail.usable_from or now
    whole = (until - began) // timedelta(seconds=1)
    return 100 if whole <= 0 else min(100, max(0, (now - began) // timedelta(seconds=1) * 100 // whole))


def in_words(left: timedelta) -> str:
    """2 days 5 hours; 40 minutes. Rounded up, so that it is never over before it is."""
    minutes = max(1, -(-left // timedelta(minutes=1)))
    days, hours, rest = minutes // 1440, minutes % 1440 // 60, minutes % 60
    parts = [(days, "day"), (hours, "hour"), (rest if not days else 0, "minute")]
    return " ".join(f"{number} {word}{'' if number == 1 else 's'}" for number, word in parts if number)
