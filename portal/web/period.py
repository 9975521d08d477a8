"""The month a page is about: `?period=YYYY-MM`, this month unless told otherwise."""

from __future__ import annotations

from flask import request

from portal.kernel.periods import Period, month_of, parse_month
from portal.web.edge import clock

MONTHS_SHOWN = 12


def chosen_period() -> Period:
    """The month asked for; an unreadable one is this month."""
    try:
        return parse_month(request.args.get("period", ""))
    except ValueError:
        return month_of(clock().today())


def recent_periods() -> list[Period]:
    """This month and those before it, newest first, for the period switcher."""
    periods = [month_of(clock().today())]
    while len(periods) < MONTHS_SHOWN:
        periods.append(periods[-1].previous())
    return periods
