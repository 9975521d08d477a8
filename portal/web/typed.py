"""Money, months and states as people type and choose them, with what is wrong said in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date

from wtforms.fields.choices import SelectChoice

from portal.kernel.errors import Invalid, Problem, Refused
from portal.kernel.periods import Period, month_of, parse_month
from portal.kernel.tables.values import minor_of
from portal.web.filters import words
from portal.web.period import recent_periods


@contextmanager
def kept_on_page(problems: list[Problem], *codes: str) -> Iterator[None]:
    """What keeps a form from going through is collected for its page: every fault of it, and refusals of these codes."""
    try:
        yield
    except Invalid as wrong:
        problems += wrong.problems
    except Refused as refused:
        if refused.code not in codes:
            raise
        problems.append(Problem(refused.code, refused.message, refused.cure))


def minor_typed(text: str | None, currency: str, *, signed: bool = False) -> int | None:
    """Minor units of what was typed; None when nothing was. Invalid when it cannot be read."""
    return minor_of(text, currency, signed=signed) if text and text.strip() else None


def month_typed(text: str | None) -> Period:
    """Invalid when it is no month."""
    try:
        return parse_month(text or "")
    except ValueError:
        raise Invalid(Problem("bad_month", "That is no month.", "Choose one.", column="period")) from None


def month_choices(today: date, before: int = 12) -> list[SelectChoice]:
    """This month, the next one and those before, the newest first."""
    period = month_of(today).next()
    found = []
    for _ in range(before + 2):
        found.append(SelectChoice(period.label, f"{period.start:%B %Y}"))
        period = period.previous()
    return found


def recent_months() -> list[tuple[str, str]]:
    """This month and those before it as (value, words), for a filter."""
    return [(period.label, f"{period.start:%B %Y}") for period in recent_periods()]


def as_choices(codes: Iterable[str]) -> list[tuple[str, str]]:
    """Codes as (value, words), for a filter."""
    return [(code, words(code)) for code in codes]
