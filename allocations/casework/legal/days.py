"""How days of law are counted. Pure.

The day something happens is not counted; the last day counts to its end (General Clauses Act 1897 s.9, Limitation Act 1963 s.12).
Days are calendar days: Sundays and holidays are not left out, and a last day on one is not moved on, which is the stricter count.
A month ends on the day of the same number, or on the month's last day where it has none.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta


def days_after(day: date, count: int) -> date:
    """The last day of a term of `count` days that something on `day` starts."""
    return day + timedelta(days=count)


def months_after(day: date, count: int) -> date:
    """The last day of a term of `count` months; a term of years is twelve months each."""
    months = day.year * 12 + day.month - 1 + count
    year, month = divmod(months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def said(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def days_word(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"
