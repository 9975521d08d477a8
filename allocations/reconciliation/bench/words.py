"""What the machine and people did, in sentences a person reads."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from allocations.reconciliation.matching.reasons import MISSES
from portal.kernel.clock import BANK_ZONE
from portal.kernel.money import shown

TAKEN_BACK = "Taken back on the bench."  # the reason of who undoes an act with one key and no words

# Why a run refused a candidate, beside what reasons.MISSES says.
WHY_NOT = {
    "held": "Another agency held the account on the credit's day.",
    "doubt": "Its number or reference is in doubt.",
    "nearer": "Another lies nearer.",
    "account": "The credit names another loan account.",
    "term": "The agency did not hold the account then.",
    "booked": "Core banking booked that reference on another account.",
    "twin": "Another receipt's reference reads the same.",
    "mode": "The money came another way.",
    "reference": "The credit carries another reference than the receipt.",
    "second_sign": "No second sign agrees.",
    "other_slip": "The receipt is on another slip.",
    "not_unique": "More than one set of receipts adds up to it.",
    "chance": "So many sets would fit by chance that it proves nothing.",
    "too_many": "There are too many receipts to try every sum.",
    "rejected": "A person has said that these are not the same money.",
    "currency": "The currencies differ.",
} | MISSES


def why_not(code: str, gap_minor: int = 0, days: int | None = None, currency: str = "INR") -> str:
    """Why a rival was refused, with the figures that speak against it."""
    said = WHY_NOT.get(code) or f"{code.replace('_', ' ').capitalize()}."
    if gap_minor:
        said += f" The credit is {shown(abs(gap_minor), currency)} {'more' if gap_minor > 0 else 'less'}."
    if days:
        said += f" {abs(days)} day{'' if abs(days) == 1 else 's'} {'later' if days > 0 else 'before the receipt'}."
    return said


def ago(then: datetime, now: datetime) -> str:
    """How long since, as people say it: just now, 2 minutes ago, 3 hours ago, on 5 Nov."""
    minutes = int((now - then).total_seconds()) // 60
    if minutes < 1:
        return "just now"
    if minutes < 60:
        return f"{minutes} minute{'' if minutes == 1 else 's'} ago"
    if minutes < 24 * 60:
        return f"{minutes // 60} hour{'' if minutes < 120 else 's'} ago"
    local = then.astimezone(BANK_ZONE)
    return f"on {local.day} {local:%b %Y}"


def state_says(link: Any, refused_by: str, now: datetime) -> str:
    """What has become of a link, by whom and when. "" while it is a suggestion."""
    if link.status == "confirmed":
        by = f"by {link.confirmed_by}" if link.confirmed_by else "by rule"
        return f"Linked {by} {ago(link.confirmed_at or link.created_at, now)}."
    if link.status == "undone":
        by = f" by {link.undone_by}" if link.undone_by else ""
        return f"Taken apart{by} {ago(link.undone_at, now)}: {link.undo_reason or 'no reason kept'}"
    if link.status == "rejected":
        return f"Said not to be the same money{' by ' + refused_by if refused_by else ''}."
    return ""
