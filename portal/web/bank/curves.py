"""Month-end curves: what each month's placements brought in, all of them together, and how buckets flowed on."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from allocations.agencies.queries import agency_choices
from allocations.agencies.service import lender
from allocations.placements import curve_queries, queries
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.money import Money
from portal.kernel.periods import Period, month_of
from portal.web.bank.exports import export
from portal.web.charts import curves_picture
from portal.web.edge import clock, db_session, page_of
from portal.web.period import recent_periods
from portal.web.typed import month_typed

bp = Blueprint("bank_curves", __name__, url_prefix="/bank/curves")
DRAWN = 6  # placements drawn as lines of their own; the table has them all


def asked_for() -> dict[str, Any]:
    return {name: request.args.get(name, "").strip()[:60] for name in ("agency", "product")}


def through() -> Period:
    """The month asked for; else the one that ended last, for only a whole month can be compared."""
    asked = request.args.get("period", "")
    return month_typed(asked) if asked else curve_queries.month_before(clock().today())


@bp.get("")
@permission(Permission.OUTCOME_READ)
def index() -> str:
    session, period, chosen = db_session(), through(), asked_for()
    found = curve_queries.curves(session, period, **chosen)
    drawn = found.vintages[:DRAWN]
    return render_template(
        "bank/curves/index.html",
        period=period,
        periods=recent_periods(),
        found=found,
        flows=curve_queries.flows(session, period, agency=chosen["agency"]),
        drawn=drawn,
        pictures=curves_picture([each.cumulative for each in drawn], found.months),
        whole=curves_picture([[row.cumulative for row in found.liquidation]], found.months),
        agencies=agency_choices(session),
        products=[(name, name) for name in queries.products(session)],
        chosen={name: value for name, value in chosen.items() if value},
        currency=lender(session).currency,
    )


EXPORTED = (
    "placement_month",
    "month_on_book",
    "accounts",
    "placed",
    "cash",
    "percent",
    "cash_in_all",
    "percent_in_all",
)


@bp.get("/export.<kind>")
@permission(Permission.OUTCOME_READ)
def download(kind: str) -> Response:
    """Every point of every placement's curve."""
    session, period, chosen = db_session(), through(), asked_for()
    currency = lender(session).currency
    rows: list[list[Any]] = []
    for each in curve_queries.curves(session, period, **chosen).vintages:
        for at, minor in enumerate(each.cash_minor):
            placed, whole = Money(each.placed_minor, currency), Money(each.cumulative_minor[at], currency)
            month = [month_of(each.month).label, at + 1, each.accounts, placed]
            rows.append([*month, Money(minor, currency), each.monthly[at], whole, each.cumulative[at]])
    return export("curves", kind, EXPORTED, rows, {**chosen, "period": period.label})


@bp.get("/<month>/accounts")
@permission(Permission.OUTCOME_READ)
def accounts(month: str) -> str:
    """The accounts placed in a month, and what came in on each."""
    session, placed, chosen = db_session(), month_typed(month), asked_for()
    on_book = min(max(request.args.get("on_book", 0, type=int), 0), 240)
    page = page_of(
        lambda after, limit: curve_queries.accounts_behind(
            session, placed, after, limit, month_on_book=on_book, **chosen
        ),
        lambda row: (row.id,),
    )
    return render_template(
        "bank/curves/accounts.html",
        page=page,
        placed=placed,
        on_book=on_book,
        agencies=agency_choices(session),
        products=[(name, name) for name in queries.products(session)],
    )
