"""An agency's forecast: what so much more, collected by a day, would add to the month. Reads; stores nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from flask import Blueprint, render_template, request

from payouts.commission.forecast import Forecast, More, forecast
from payouts.commission.forecast_facts import held_on
from payouts.rate_cards.wording import in_order
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.errors import Invalid, Problem
from portal.kernel.periods import Period, month_of
from portal.web.agency.accounts import own_agency
from portal.web.edge import clock, db_session
from portal.web.typed import minor_typed

bp = Blueprint("agency_forecast", __name__, url_prefix="/agency/commission/forecast")


@bp.get("")
@permission(Permission.OWN_COMMISSION_READ)
def index() -> str | tuple[str, int]:
    """The form, and what comes of what it says."""
    session, agency, today = db_session(), own_agency(), clock().today()
    period = month_of(today)
    held = held_on(session, agency.id, today)
    found: Forecast | None = None
    problems: list[Problem] = []
    if request.args.get("amount"):
        try:
            found = forecast(session, agency.id, period, [asked(agency.currency, period)])
        except Invalid as wrong:
            problems = wrong.problems
    page = render_template(
        "agency/commission/forecast.html",
        period=period,
        today=today,
        currency=agency.currency,
        buckets=in_order({row.opening_bucket for row in held}),
        products=sorted({row.product for row in held}),
        typed=typed(period),
        found=found,
        problems=problems,
    )
    return (page, 422) if problems else page


def typed(period: Period) -> dict[str, Any]:
    """What stands in the form: what was asked, or the month's last day and nothing else."""
    names = ("bucket", "product", "amount", "resolved", "by", "payments")
    found = {name: request.args.get(name, "").strip()[:60] for name in names}
    return found | {"by": found["by"] or period.last_day.isoformat()}


def asked(currency: str, period: Period) -> More:
    """Invalid with everything that cannot be read."""
    said = typed(period)
    problems: list[Problem] = []
    amounts = {}
    for name in ("amount", "resolved"):
        try:
            amounts[name] = minor_typed(said[name], currency) or 0
        except Invalid as wrong:
            problems += [replace(each, column=name, cure="Write it as 1,80,000.") for each in wrong.problems]
    by, payments = _day(said["by"], problems), _count(said["payments"], problems)
    if not said["bucket"]:
        problems.append(Problem("missing", "There is no bucket.", "Choose one you hold accounts in.", column="bucket"))
    if problems:
        raise Invalid(problems)
    assert by is not None
    return More(said["bucket"], amounts["amount"], by, amounts["resolved"], said["product"], payments)


def _day(text: str, problems: list[Problem]) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        problems.append(Problem("bad_day", f"{text} is no day.", "Write it as 2026-11-30.", column="by"))
        return None


def _count(text: str, problems: list[Problem]) -> int | None:
    if not text:
        return None
    if not text.isdecimal() or len(text) > 6:
        problems.append(Problem("bad_count", f"{text} is no number of payments.", "Leave it out.", column="payments"))
        return None
    return int(text)
