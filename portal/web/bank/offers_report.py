"""Settlements with borrowers over time: those that run against confirmed money, those kept and due a letter, the quarter by level."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from allocations.agencies.service import lender
from allocations.casework import offer_queries as queries
from payouts.tax.due_dates import Part, parse_part, part_of_year
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.errors import Invalid, Problem
from portal.kernel.money import Money
from portal.web.bank.exports import export
from portal.web.edge import clock, db_session

bp = Blueprint("bank_offers_report", __name__, url_prefix="/bank/borrower-settlements")
QUARTERS_SHOWN = 6


def quarter_asked() -> Part:
    """The quarter of the tax year the page is asked for, today's without one. Invalid when it is none."""
    text, country = request.args.get("quarter", "").strip()[:10], lender(db_session()).country
    try:
        return parse_part(text, 3, country) if text else part_of_year(clock().today(), 3, country)
    except ValueError as error:
        raise Invalid(Problem("bad_quarter", f"A quarter is {error}.", "Choose one.", column="quarter")) from None


def quarters() -> list[Part]:
    country = lender(db_session()).country
    found = [part_of_year(clock().today(), 3, country)]
    while len(found) < QUARTERS_SHOWN:
        before = found[-1].period.start
        day = (
            before.replace(year=before.year - 1, month=12)
            if before.month == 1
            else before.replace(month=before.month - 1)
        )
        found.append(part_of_year(day, 3, country))
    return found


@bp.get("/report")
@permission(Permission.COMPROMISE_READ)
def index() -> str:
    """What each level of delegation approved in a quarter."""
    session, quarter = db_session(), quarter_asked()
    report = queries.report(session, quarter.period.start, quarter.period.end, clock().today())
    closings = queries.closings(session, quarter.period.start, quarter.period.end)
    return render_template(
        "bank/offers/report.html",
        report=report,
        quarter=quarter,
        quarters=quarters(),
        closings=closings,
        currency=lender(session).currency,
        asked_at=clock().now(),
    )


LEVELS = (
    *("quarter", "level", "name", "count", "dues", "offered", "given_up", "recovered", "currency"),
    *("kept", "broken", "departing_from_policy"),
)


@bp.get("/report.<kind>")
@permission(Permission.COMPROMISE_READ)
def download(kind: str) -> Response:
    session, quarter = db_session(), quarter_asked()
    report = queries.report(session, quarter.period.start, quarter.period.end, clock().today())
    rows = level_rows(report, quarter.code, lender(session).currency)
    return export("settlements-by-level", kind, LEVELS, rows, {"quarter": quarter.code})


def level_rows(report: queries.Report, quarter: str, currency: str) -> list[list[Any]]:
    return [
        [
            *(quarter, line.level, line.name, line.count),
            *(
                Money(minor, currency)
                for minor in (line.dues_minor, line.offered_minor, line.sacrifice_minor, line.recovered_minor)
            ),
            *(currency, line.kept, line.broken, line.deviating),
        ]
        for line in report.lines
    ]


CLOSINGS = (
    *("ref", "loan_account_no", "customer_name", "address", "paid", "given_up", "currency", "paid_on"),
    *("reported_as", "no_new_credit_before"),
)


@bp.get("/closings.<kind>")
@permission(Permission.COMPROMISE_READ)
def closings(kind: str) -> Response:
    """What the closing letters of a quarter say, as a file for whoever writes them."""
    quarter = quarter_asked()
    found = queries.closings(db_session(), quarter.period.start, quarter.period.end)
    rows = [
        [
            *(each.offer.ref, each.loan_account_no, each.customer_name, each.address),
            *(Money(each.offer.offer_minor, each.offer.currency), Money(each.given_up_minor, each.offer.currency)),
            *(each.offer.currency, each.paid_on, "settled", each.cooling_until),
        ]
        for each in found
    ]
    return export("closing-letters", kind, CLOSINGS, rows, {"quarter": quarter.code})


@bp.get("/watched")
@permission(Permission.COMPROMISE_READ)
def watched() -> str:
    """Every settlement that runs: what was due, what the bank has seen, what is next."""
    rows = queries.watched(db_session(), clock().today())
    rows.sort(key=lambda each: (-each[1].missing_minor, each[0].offer.id))
    return render_template("bank/offers/watched.html", rows=rows, currency=lender(db_session()).currency)


WATCHED = (
    *("ref", "loan_account_no", "agency", "offer", "seen", "missing", "currency", "unpaid_instalments"),
    *("next_due_on", "next_amount", "paid_in_full_on"),
)


@bp.get("/watched.<kind>")
@permission(Permission.COMPROMISE_READ)
def watched_file(kind: str) -> Response:
    rows = []
    for row, seen in queries.watched(db_session(), clock().today()):
        money = row.offer.currency
        coming = seen.next_due
        rows.append(
            [
                *(row.offer.ref, row.loan_account_no, row.agency_code or "", Money(row.offer.offer_minor, money)),
                *(Money(seen.paid_minor, money), Money(seen.missing_minor, money), money, len(seen.behind)),
                *(
                    coming.due_on if coming else None,
                    Money(coming.amount_minor, money) if coming else None,
                    seen.paid_on,
                ),
            ]
        )
    return export("watched-settlements", kind, WATCHED, rows, {})
