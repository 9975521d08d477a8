"""Tax: what is due next, and the registers finance files from, each as a page and as a file; the clock of small firms."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, TypeVar

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from allocations.agencies.service import lender
from payouts.settlements.late_interest import half_year, propose_interest, proposed_interest
from payouts.settlements.paying_clock import bank_rates, clocked, terms_on
from payouts.settlements.tax_certificates import list_certificates
from payouts.settlements.tax_deductions import month_dues
from payouts.settlements.tax_deposits import deposited_of
from payouts.settlements.tax_overview import dues
from payouts.settlements.tax_position import SALES_TAX_SETTING, Position, position_on
from payouts.settlements.tax_registers import below_threshold, charged_rows, not_yet_approved, withheld_rows
from payouts.settlements.tax_sheets import (
    CHARGED,
    SMALL_FIRMS,
    WITHHELD,
    charged_cells,
    small_firm_cells,
    withheld_cells,
)
from payouts.tax.due_dates import Part, filing_of, parse_part, part_of_year, sales_tax_return_by, small_firms_return_by
from payouts.tax.packs import NATURES
from payouts.tax.rules import Dated, first_in_force
from payouts.tax.withholding import rule_on
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.periods import Period, month_of, parse_month
from portal.web.bank.exports import export
from portal.web.edge import clock, current_actor, db_session, once, page_of
from portal.web.finance.certificates_forms import InterestForm
from portal.web.typed import recent_months

bp = Blueprint("finance_tax", __name__, url_prefix="/finance/tax")
PARTS_SHOWN = {3: 8, 6: 4}
MODES = {"reverse_charge": "Reverse charge", "forward_charge": "Charged by agencies"}
Row = TypeVar("Row")


@bp.get("")
@permission(Permission.TAX_READ)
def index() -> str:
    session, today = db_session(), clock().today()
    owed = [row for row in clocked(session, today) if row.paid_on is None]
    return render_template(
        "finance/tax/index.html",
        dues=dues(session, today),
        owed=[row for row in owed if row.alert],
        waiting=list_certificates(session, status="proposed", limit=20),
        today=today,
        country=lender(session).country,
    )


def part_asked(name: str, months: int) -> Part:
    """The quarter or half the address asks for; the one today lies in when it asks for none, or for nonsense."""
    country = lender(db_session()).country if months == 3 else "IN"
    try:
        return parse_part(request.args.get(name, "")[:10], months, country)
    except ValueError:
        return part_of_year(clock().today(), months, country)


def parts_to_choose(months: int) -> list[tuple[str, str]]:
    country = lender(db_session()).country if months == 3 else "IN"
    part, found = part_of_year(clock().today(), months, country), []
    for _ in range(PARTS_SHOWN[months]):
        found.append((part.code, part.label))
        part = part_of_year(month_of(part.first).previous().start, months, country)
    return found


def sliced(rows: Sequence[Row]) -> Any:
    """A page of rows that are all in hand, by their place."""
    places = list(enumerate(rows, start=1))
    return page_of(
        lambda after, limit: [each for each in places if after is None or each[0] > after[0]][:limit],
        lambda each: (each[0],),
    )


@bp.get("/withheld")
@permission(Permission.TAX_READ)
def withheld() -> str:
    session, quarter = db_session(), part_asked("quarter", 3)
    rows = withheld_rows(session, quarter.period)
    today, country = clock().today(), lender(session).country
    deposits = deposited_of(session, quarter.period)
    return render_template(
        "finance/tax/withheld.html",
        rows=rows,
        page=sliced(rows),
        quarter=quarter,
        filing=filing_of(country, quarter.last_day),
        quarters=parts_to_choose(3),
        months=month_dues(session, country, quarter.period, deposits, today),
        country=country,
        left=not_yet_approved(session, quarter.period),
        below=below_threshold(session, quarter.period),
        currency=lender(session).currency,
        today=today,
    )


@bp.get("/withheld.<kind>")
@permission(Permission.TAX_READ)
def withheld_file(kind: str) -> Response:
    quarter = part_asked("quarter", 3)
    session = db_session()
    deposits = deposited_of(session, quarter.period, ("accepted",))
    rows = [withheld_cells(row, deposits) for row in withheld_rows(session, quarter.period)]
    return export(f"tax-withheld-{quarter.code}", kind, WITHHELD, rows, {"quarter": quarter.code})


def month_asked() -> Period:
    try:
        return parse_month(request.args.get("month", "")[:7])
    except ValueError:
        return month_of(clock().today())


def mode_asked() -> str:
    """Which register; a lender whose agencies charge the tax themselves sees that one first."""
    mode = request.args.get("mode", "")
    return mode if mode in MODES else "reverse_charge" if lender(db_session()).country == "IN" else "forward_charge"


@bp.get("/charged")
@permission(Permission.TAX_READ)
def charged() -> str:
    session, month, mode = db_session(), month_asked(), mode_asked()
    rows, later = charged_rows(session, month, mode)
    return render_template(
        "finance/tax/charged.html",
        rows=rows,
        page=sliced(rows),
        later=later,
        month=month,
        months=recent_months(),
        mode=mode,
        modes=MODES,
        return_by=sales_tax_return_by(month),
        currency=lender(session).currency,
        today=clock().today(),
    )


@bp.get("/charged.<kind>")
@permission(Permission.TAX_READ)
def charged_file(kind: str) -> Response:
    month, mode = month_asked(), mode_asked()
    rows, _ = charged_rows(db_session(), month, mode)
    name = f"{mode.replace('_', '-')}-{month.label}"
    return export(name, kind, CHARGED, [charged_cells(row) for row in rows], {"month": month.label, "mode": mode})


@bp.get("/small-firms")
@permission(Permission.TAX_READ)
def small_firms() -> str:
    session, today, half = db_session(), clock().today(), part_asked("half", 6)
    rows = half_year(session, half, today)
    return render_template(
        "finance/tax/small_firms.html",
        rows=rows,
        page=sliced(rows),
        half=half,
        halves=parts_to_choose(6),
        return_by=small_firms_return_by(half),
        as_of=min(today, half.last_day),
        today=today,
        terms=terms_on(session, today),
        bank_rate=bank_rates(session)(today),
        proposed=proposed_interest(session, [row.ref for row, _ in rows if row.interest_minor]),
        form=InterestForm(),
        currency=lender(session).currency,
    )


@bp.get("/small-firms.<kind>")
@permission(Permission.TAX_READ)
def small_firms_file(kind: str) -> Response:
    """MSME-1: dues to micro and small firms in the half-year."""
    half, today = part_asked("half", 6), clock().today()
    as_of = min(today, half.last_day)
    rows = [small_firm_cells(row, standing, as_of) for row, standing in half_year(db_session(), half, today)]
    return export(f"msme-1-{half.code}", kind, SMALL_FIRMS, rows, {"half": half.code})


@bp.post("/small-firms/<ref>/interest")
@permission(Permission.ADJUSTMENT_PROPOSE)
def interest(ref: str) -> Response:
    """What a late payment costs, as an adjustment that waits for another person."""
    session, form = db_session(), InterestForm()
    if form.validate_on_submit():
        with unit_of_work(session):
            once(form, session)
            given: dict[str, Any] = {"actor": current_actor(), "now": clock().now(), "today": clock().today()}
            made = propose_interest(session, ref, **given).ref
        flash(f"{made} is proposed. It is paid with the next statement once another person accepts it.", "success")
        return redirect(url_for("bank_adjustments.show", ref=made))
    return redirect(url_for(".small_firms"))


@bp.get("/rules")
@permission(Permission.TAX_READ)
def rules() -> str:
    session, today = db_session(), clock().today()
    country = lender(session).country
    position = position_on(session, country, today)
    return render_template(
        "finance/tax/rules.html",
        position=position,
        current=in_force_of(position, country, today),
        country=country,
        natures=NATURES.get(country, {}),
        terms=terms_on(session, today),
        bank_rate=bank_rates(session)(today),
        settings=rule_settings(country),
        today=today,
        entity_type=lender(session).entity_type,
    )


def in_force_of(position: Position, country: str, today: date) -> list[Dated | None]:
    """The rules that decide today: the first that fits, of each nature and kind."""
    natures = dict.fromkeys(rule.nature for rule in position.withholding)
    return [
        *(rule_on(country, today, position.withholding, nature) for nature in natures),
        first_in_force(position.sales_tax, country, today),
        first_in_force(position.withheld_sales_tax, country, today),
    ]


def rule_settings(country: str) -> dict[str, str]:
    """Where a lender says otherwise: setting → what it is about."""
    charged_by = SALES_TAX_SETTING.get(country)
    found = {f"withholding.{country}": "Withholding", "tax.agencies": "Single agencies"}
    found |= {charged_by: "GST or VAT"} if charged_by else {}
    return found | ({"vat.withholding": "VAT withheld"} if country == "KE" else {"msme.interest": "Late interest"})
