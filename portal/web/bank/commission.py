"""Commission at the bank: a month by agency, rule and reason; its lines; one line with its steps."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from allocations.placements import asset_class
from payouts.commission import queries
from payouts.commission.queries import RunHead
from payouts.commission.reasons import REASONS
from payouts.commission.service import accrue as accrue_month
from payouts.rate_cards.terms import DRIVER_UNITS, MONEY, PERCENT
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.money import shown
from portal.kernel.periods import parse_month
from portal.web.bank.commission_forms import AccrueForm
from portal.web.edge import clock, current_actor, db_session, once, page_of
from portal.web.filters import amount
from portal.web.period import chosen_period, recent_periods

bp = Blueprint("bank_commission", __name__, url_prefix="/bank/commission")
FACTS = (
    *(
        "receipt_no",
        "loan_account_no",
        "amount",
        "collected_on",
        "confirmed_on",
        "lag_days",
        "bank_ref",
        "mode",
        "source",
    ),
    *("allocated_on", "product", "opening_bucket", "asset_class", "dpd_days", "principal_outstanding", "outcome"),
    *("npa_age_months", "written_off_age_months", "region", "state", "stream", "settlement_kind", "rule"),
)
FACT_WORDS = {
    "receipt_no": "Receipt",
    "loan_account_no": "Loan account",
    "lag_days": "Days until the bank saw it",
    "bank_ref": "Bank line",
    "dpd_days": "Days past due",
    "npa_age_months": "Months since NPA",
    "written_off_age_months": "Months since written off",
}
NOT_SHOWN = ("position", "earns_on")
MONEY_FACTS = ("amount", "principal_outstanding")
KINDS = {"commission": "Commission", "clawback": "Clawback", "cap": "Cap", "bonus": "Bonus", "adjustment": "Adjustment"}


@bp.get("")
@permission(Permission.ACCRUAL_READ)
def index() -> str:
    """The board of a month."""
    session, period = db_session(), chosen_period()
    run = queries.run_in_force(session, period)
    return render_template(
        "bank/commission/index.html",
        period=period,
        periods=recent_periods(),
        board=queries.board(session, run) if run else None,
        form=AccrueForm(period=period.label),
        kinds=KINDS,
    )


@bp.post("")
@permission(Permission.ACCRUAL_RUN)
def accrue() -> Response:
    """Compute the month now; the same inputs change nothing."""
    session, form = db_session(), AccrueForm()
    try:
        period = parse_month(form.period.data or "")
    except ValueError:
        flash("Choose a month.", "error")
        return redirect(url_for(".index"))
    if not form.validate_on_submit():
        flash("This form has expired. Try again.", "error")
        return redirect(url_for(".index", period=period.label))
    with unit_of_work(session):
        once(form, session)
        result = accrue_month(session, period, actor=current_actor(), now=clock().now())
        total, created, lines = shown(result.total_minor, result.currency), result.created, result.lines
    said = (
        f"{period.start:%B %Y}: {total} on {lines} {'line' if lines == 1 else 'lines'}."
        if created
        else "Nothing changed since the last run."
    )
    flash(said, "success" if created else "info")
    return redirect(url_for(".index", period=period.label))


def run_or_404(label: str) -> RunHead:
    try:
        period = parse_month(label)
    except ValueError as wrong:
        raise NotFound() from wrong
    run = queries.run_in_force(db_session(), period)
    if run is None:
        raise NotFound()
    return run


@bp.get("/<label>/lines")
@permission(Permission.ACCRUAL_READ)
def lines(label: str) -> str:
    session, run = db_session(), run_or_404(label)
    asked = {key: request.args.get(key, "").strip()[:60] for key in ("agency", "rule", "kind")}
    page = page_of(
        lambda after, limit: queries.list_lines(session, run, **asked, after=after, limit=limit),
        lambda row: (row.id,),
    )
    return render_template("bank/commission/lines.html", run=run, page=page, kinds=KINDS)


@bp.get("/<label>/unpaid")
@permission(Permission.ACCRUAL_READ)
def unpaid(label: str) -> str:
    session, run = db_session(), run_or_404(label)
    agency, code = (request.args.get(key, "").strip()[:60] for key in ("agency", "code"))
    page = page_of(
        lambda after, limit: queries.list_unpaid(session, run, code=code, agency=agency, after=after, limit=limit),
        lambda row: (row.id,),
    )
    return render_template("bank/commission/unpaid.html", run=run, page=page, reasons=REASONS)


@bp.get("/line/<ref>")
@permission(Permission.ACCRUAL_READ)
def line(ref: str) -> str:
    """One line: what it is made of, step by step."""
    detail = queries.line_detail(db_session(), ref)

    def as_money(text: str) -> str:
        """An amount of a step, which is text in major units, as people read it."""
        return amount(text, detail.row.currency)

    def in_driver(step: dict[str, Any], text: str) -> str:
        """Where a slab begins or the driver stands, in the driver's unit."""
        unit = DRIVER_UNITS.get(step["driver"])
        return as_money(text) if unit == MONEY else f"{text} %" if unit == PERCENT else text

    rest = [key for key in detail.facts if key not in (*FACTS, *NOT_SHOWN)]
    return render_template(
        "bank/commission/line.html",
        detail=detail,
        as_money=as_money,
        money_facts=MONEY_FACTS,
        fact_words=FACT_WORDS,
        class_label=asset_class.label,
        is_cash=detail.facts.get("earns_on", "cash") == "cash",
        in_driver=in_driver,
        fact_keys=[key for key in (*FACTS, *rest) if key in detail.facts],
    )
