"""Instalments as people type them: so many a month from a day on, or a day and an amount on each line."""

from __future__ import annotations

from datetime import date

from allocations.casework.schedules import MOST_INSTALMENTS, Instalment, Schedule, even
from portal.kernel.errors import Invalid, Problem
from portal.web.typed import minor_typed


def schedule_typed(
    text: str | None, currency: str, *, total_minor: int, count: int | None, first_on: date | None
) -> Schedule:
    """The lines where there are any ("2026-12-05 25,000"), else `count` equal ones a month. Invalid with every line that cannot be read."""
    lines = [line.strip() for line in (text or "").splitlines() if line.strip()]
    if lines:
        return _read(lines[: MOST_INSTALMENTS + 1], currency)
    if count is None or first_on is None:
        cure = "Give how many and the first day, or a day and an amount on each line."
        raise Invalid(Problem("no_instalments", "How is it paid?", cure, column="count"))
    return even(total_minor, count, first_on) if total_minor > 0 else ()


def _read(lines: list[str], currency: str) -> Schedule:
    found, problems = [], []
    for number, line in enumerate(lines, 1):
        day, _, amount = line.replace(";", " ").partition(" ")
        try:
            found.append(Instalment(date.fromisoformat(day), minor_typed(amount, currency) or 0))
        except ValueError:
            cure = "Write the day and the amount, as 2026-12-05 25,000."
            problems.append(Problem("bad_day", f"{day!r} is no day.", cure, row=number, column="schedule"))
        except Invalid as wrong:
            problems += [Problem(each.code, each.message, each.cure, row=number) for each in wrong.problems]
    if problems:
        raise Invalid(problems)
    return tuple(found)
