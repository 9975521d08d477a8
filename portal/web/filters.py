"""What templates may call: money, days, counts and ages in words, plus icons, status looks and links that keep the filter."""

from __future__ import annotations

from collections.abc import Sized
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

from flask import Flask, current_app, request, url_for
from markupsafe import Markup

from portal.kernel.clock import BANK_ZONE
from portal.kernel.money import Money, grouped, plain, shown
from portal.kernel.periods import Period, parse_month
from portal.web import charts, icons, menu, spoken, statuses

MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
NOTHING = "–"


def money(minor: int | Money | None, currency: str | None = None) -> str:
    """₹12,34,567.00 from minor units and a currency (or a Money); a dash where there is no amount, never a silent 0."""
    if minor is None:
        return NOTHING
    if isinstance(minor, Money):
        return shown(minor.minor, minor.currency)
    if not currency:
        raise ValueError("money needs its currency")
    return shown(minor, currency)


def plain_money(minor: int, currency: str) -> str:
    """Major units without grouping or symbol, for fields and files: 145400.00."""
    return plain(minor, currency)


def amount(text: Any, currency: str) -> str:
    """An amount that stands as text in major units, as facts and steps keep it: "3950.00" → ₹3,950.00."""
    try:
        return str(Money.from_major(text, currency))
    except (ValueError, TypeError, ArithmeticError):
        return str(text)


def day(value: date | datetime | None) -> str:
    """5 Nov 2026; a moment is read at the bank's zone."""
    if value is None:
        return NOTHING
    if isinstance(value, datetime):
        value = value.astimezone(BANK_ZONE).date()
    return f"{value.day} {MONTHS[value.month - 1][:3]} {value.year}"


def iso_day(text: str | None) -> str:
    """A day kept as text, 2026-11-06, as people read it: 6 Nov 2026."""
    try:
        return day(date.fromisoformat(text or ""))
    except ValueError:
        return text or NOTHING


def when(value: datetime | None) -> str:
    """5 Nov 2026, 14:05 on the bank's wall clock."""
    if value is None:
        return NOTHING
    local = value.astimezone(BANK_ZONE)
    return f"{day(local)}, {local:%H:%M}"


def month(value: Period | date | str | None) -> str:
    """October 2026, from a period, any day in it, or "2026-10"; a longer period shows its first and last day."""
    if value is None:
        return NOTHING
    if isinstance(value, str):
        value = parse_month(value)
    if isinstance(value, Period):
        if ".." in value.label:
            return f"{day(value.start)} to {day(value.last_day)}"
        value = value.start
    return f"{MONTHS[value.month - 1]} {value.year}"


def count(value: int | Sized | None) -> str | int:
    """A whole number in Indian grouping (1,23,456). Given a list, its length, as Jinja's own filter of this name does."""
    if value is None:
        return NOTHING
    if not isinstance(value, int):
        return len(value)
    return ("−" if value < 0 else "") + grouped(str(abs(value)), indian=True)


def percent(fraction: Decimal | Fraction | int | str | None, places: int = 1) -> str:
    """73.5 % from the fraction 0.735; refuses floats, because a rate is never one."""
    if fraction is None:
        return NOTHING
    if isinstance(fraction, float):
        raise TypeError("a rate is never a float")
    exact = Fraction(fraction) * 100
    number = Decimal(exact.numerator) / Decimal(exact.denominator)
    text = str(number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP))
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} %".replace("-", "−")


def age(since: int | date | datetime | None, today: date | None = None) -> str:
    """How long something has stood, in words: today, 1 day, 12 days, 9 weeks, 7 months, 2 years. Days, or a day and today."""
    if since is None:
        return NOTHING
    days = since if isinstance(since, int) else _days_since(since, today)
    if days <= 0:
        return "today"
    for size, word, up_to in ((1, "day", 28), (7, "week", 91), (30, "month", 730), (365, "year", None)):
        if up_to is None or days < up_to:
            number = days // size
            return f"{number} {word}{'' if number == 1 else 's'}"
    raise AssertionError("the last unit has no end")


def _days_since(since: date | datetime, today: date | None) -> int:
    if today is None:
        raise ValueError("an age needs today")
    if isinstance(since, datetime):
        since = since.astimezone(BANK_ZONE).date()
    return (today - since).days


def size(octets: int) -> str:
    """A file's size for a person: 812 B, 14.2 kB, 3.1 MB."""
    if octets < 1000:
        return f"{octets} B"
    for unit, step in (("kB", 10**3), ("MB", 10**6), ("GB", 10**9)):
        if octets < step * 1000 or unit == "GB":
            return f"{octets * 10 // step / 10:g} {unit}"
    raise AssertionError("the last unit has no end")


def words(code: str | None) -> str:
    """A code as words: no_bank_line → No bank line."""
    text = str(code or "").replace("_", " ").replace("-", " ").strip()
    return text[:1].upper() + text[1:] if text else NOTHING


def url_with(**changes: Any) -> str:
    """The address of this page with some query values changed; None removes one."""
    values: dict[str, Any] = dict(request.view_args or {})
    for name, several in request.args.lists():
        values[name] = several[0] if len(several) == 1 else several
    values.update(changes)
    kept = {name: value for name, value in values.items() if value not in (None, "")}
    return url_for(request.endpoint or "", **kept)


def endpoint_exists(endpoint: str) -> bool:
    """Whether a page of this name is registered: pages arrive one by one."""
    return endpoint in current_app.view_functions


def as_row(value: Any, key: str) -> Any:
    """A field of a row by name, dots allowed; works for mappings and objects; None when it is not there."""
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else getattr(value, part, None)
        if value is None:
            return None
    return value


def icon(name: str, label: str = "") -> Markup:
    """An icon of the installed set, inline; give `label` only where the icon stands without a word."""
    return icons.icon(name, label)


def is_here(entry: menu.Entry) -> bool:
    """Whether the page being shown belongs under this entry of the menu."""
    return entry.is_here(request.endpoint)


FILTERS: dict[str, Any] = {
    "money": money,
    "plain_money": plain_money,
    "amount": amount,
    "day": day,
    "iso_day": iso_day,
    "when": when,
    "month": month,
    "count": count,
    "percent": percent,
    "age": age,
    "size": size,
    "words": words,
    "mode": spoken.mode,
    "desk": spoken.desk,
    "state": spoken.state,
    "field_of": as_row,
    "share": charts.share,
}
GLOBALS: dict[str, Any] = {
    "icon": icon,
    "status_look": statuses.look,
    "url_with": url_with,
    "endpoint_exists": endpoint_exists,
    "money_line_picture": charts.money_line,
    "slab_picture": charts.slab_picture,
    "bar_picture": charts.bars,
    "column_picture": charts.columns,
    "bottom_bar": menu.bar_of,
}
TESTS = {"here": is_here}


def register_filters(app: Flask) -> None:
    """Give every template of this application the filters and globals above."""
    app.jinja_env.filters.update(FILTERS)
    app.jinja_env.globals.update(GLOBALS)
    app.jinja_env.tests.update(TESTS)
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
