"""Adjustments by hand: bonuses, penalties and corrections no rule computes, entered by one person and accepted by another."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms.fields.choices import SelectChoice

from allocations.agencies.queries import agency_choices, find_agency
from payouts.commission import adjustments
from payouts.commission.adjustments import KINDS, AdjustmentRow, Entry
from payouts.commission.event_queries import STATUS_CHOICES, lines_of
from portal.access.guard import check, permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Problem
from portal.kernel.money import Money
from portal.kernel.periods import month_of
from portal.web.bank.adjustments_forms import (
    AcceptAdjustmentForm,
    AdjustmentForm,
    RejectAdjustmentForm,
    WithdrawAdjustmentForm,
)
from portal.web.bank.events import month_or_none
from portal.web.bank.exports import MOST_ROWS, export
from portal.web.edge import clock, current_actor, db_session, identity_here, once, page_of
from portal.web.typed import as_choices, kept_on_page, minor_typed, month_choices, month_typed, recent_months

bp = Blueprint("bank_adjustments", __name__, url_prefix="/bank/adjustments")
Answer = Response | tuple[str, int]


def chosen() -> dict[str, Any]:
    given = {name: request.args.get(name, "").strip()[:60] for name in ("agency", "status")}
    return given | {"period": month_or_none(request.args.get("period", ""))}


@bp.get("")
@permission(Permission.ADJUSTMENT_READ)
def index() -> str:
    session, asked = db_session(), chosen()
    page = page_of(
        lambda after, limit: adjustments.list_adjustments(session, **asked, after=after, limit=limit),
        lambda row: (row.adjustment.id,),
    )
    return render_template(
        "bank/adjustments/index.html",
        page=page,
        filters={name: request.args[name] for name in ("agency", "status", "period") if request.args.get(name)},
        kinds=KINDS,
        statuses=as_choices(STATUS_CHOICES),
        agencies=agency_choices(session),
        months=recent_months(),
        month_of=month_of,
    )


EXPORTED = (
    *("ref", "agency_code", "period", "kind", "amount", "currency", "reason", "about_ref", "status"),
    *("proposed_by", "proposed_at", "decided_by", "decided_at", "decision_reason"),
)


@bp.get("/export.<kind>")
@permission(Permission.ADJUSTMENT_READ)
def download(kind: str) -> Response:
    asked = chosen()
    rows = adjustments.list_adjustments(db_session(), **asked, limit=MOST_ROWS)
    filters = {name: request.args.get(name, "") for name in ("agency", "status", "period")}
    return export("adjustments", kind, EXPORTED, [in_a_row(row) for row in rows], filters)


def in_a_row(row: AdjustmentRow) -> list[Any]:
    made = row.adjustment
    told = [made.ref, row.agency_code, f"{made.period_start:%Y-%m}", made.kind, Money(made.amount_minor, made.currency)]
    rest = [made.currency, made.reason, made.about_ref, made.status, made.proposed_by, made.proposed_at]
    return [*told, *rest, made.decided_by, made.decided_at, made.decision_reason]


@bp.route("/new", methods=["GET", "POST"])
@permission(Permission.ADJUSTMENT_PROPOSE)
def new() -> str | Answer:
    session, form = db_session(), AdjustmentForm(about_ref=request.args.get("about", "")[:60])
    form.agency.choices = [SelectChoice("", "Choose"), *(SelectChoice(*each) for each in agency_choices(session))]
    form.kind.choices = [SelectChoice("", "Choose"), *(SelectChoice(*each) for each in KINDS.items())]
    form.period.choices = month_choices(clock().today())
    if not form.period.data:
        form.period.data = month_of(clock().today()).label
    problems: list[Problem] = []
    if form.validate_on_submit():
        with kept_on_page(problems):
            agency = find_agency(session, form.agency.data)
            entry = entry_in(form, agency.currency)
            with unit_of_work(session):
                once(form, session)
                given: dict[str, Any] = {"actor": current_actor(), "now": clock().now()}
                ref = adjustments.propose_adjustment(session, entry, agency=agency, **given).ref
            flash(f"{ref} is proposed. It counts once another person accepts it.", "success")
            return redirect(url_for(".show", ref=ref))
    page = render_template("bank/adjustments/new.html", form=form, problems=problems)
    return (page, 422) if form.errors or problems else page


def entry_in(form: AdjustmentForm, currency: str) -> Entry:
    """What the form says; a penalty typed without its minus is meant with it."""
    minor = minor_typed(form.amount.data, currency, signed=True) or 0
    if form.kind.data == "penalty":
        minor = -abs(minor)
    return Entry(
        month_typed(form.period.data), form.kind.data, minor, form.reason.data or "", form.about_ref.data or ""
    )


@bp.get("/<ref>")
@permission(Permission.ADJUSTMENT_READ)
def show(ref: str) -> str:
    return adjustment_page(ref)


def adjustment_page(ref: str, **forms: Any) -> str:
    session = db_session()
    row = adjustments.adjustment_row(session, ref)
    made = row.adjustment
    acts = {
        "accept_form": AcceptAdjustmentForm(formdata=None),
        "reject_form": RejectAdjustmentForm(formdata=None),
        "withdraw_form": WithdrawAdjustmentForm(formdata=None),
    }
    closed = next(adjustments.closed_problem(session, made.agency_id, month_of(made.period_start)), None)
    return render_template(
        "bank/adjustments/show.html",
        row=row,
        made=made,
        kinds=KINDS,
        period=month_of(made.period_start),
        closed=closed if made.status == "proposed" else None,
        became=lines_of(session, adjustment_id=made.id),
        **acts | forms,
    )


@bp.post("/<ref>/accept")
@permission(Permission.ADJUSTMENT_DECIDE)
def accept(ref: str) -> Answer:
    return decide(ref, AcceptAdjustmentForm(), accept=True)


@bp.post("/<ref>/reject")
@permission(Permission.ADJUSTMENT_DECIDE)
def reject(ref: str) -> Answer:
    return decide(ref, RejectAdjustmentForm(), accept=False)


def decide(ref: str, form: AcceptAdjustmentForm | RejectAdjustmentForm, *, accept: bool) -> Answer:
    session = db_session()
    check(identity_here(), Permission.ADJUSTMENT_DECIDE, adjustments.adjustment_row(session, ref).adjustment)
    if not form.validate_on_submit():
        return adjustment_page(ref, **{"accept_form" if accept else "reject_form": form}), 422
    with unit_of_work(session):
        once(form, session)
        made = adjustments.load_adjustment(session, ref)
        given: dict[str, Any] = {"reason": form.reason.data or "", "actor": current_actor(), "now": clock().now()}
        adjustments.decide_adjustment(session, made, accept=accept, **given)
    flash(f"{ref} is accepted: the next accrual counts it." if accept else f"{ref} is rejected.", "success")
    return redirect(url_for(".show", ref=ref))


@bp.post("/<ref>/withdraw")
@permission(Permission.ADJUSTMENT_PROPOSE)
def withdraw(ref: str) -> Answer:
    session, form = db_session(), WithdrawAdjustmentForm()
    adjustments.adjustment_row(session, ref)
    if not form.validate_on_submit():
        return adjustment_page(ref), 422
    with unit_of_work(session):
        once(form, session)
        made = adjustments.load_adjustment(session, ref)
        adjustments.withdraw_adjustment(session, made, actor=current_actor(), now=clock().now())
    flash(f"{ref} is withdrawn.", "info")
    return redirect(url_for(".show", ref=ref))
