"""Scores and grades of agencies by month: entered by one person, approved by another; rate cards ask for them."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms.fields.choices import SelectChoice

from allocations.agencies.queries import agency_choices, find_agency
from allocations.scorecards import measures
from allocations.scorecards.measures import MEASURES, MeasureRow, list_measures
from portal.access.guard import check, permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Problem
from portal.kernel.periods import month_of
from portal.web.bank.events import month_or_none
from portal.web.bank.exports import MOST_ROWS, export
from portal.web.bank.measures_forms import ApproveMeasureForm, MeasureForm, RejectMeasureForm, WithdrawMeasureForm
from portal.web.edge import clock, current_actor, db_session, identity_here, once, page_of
from portal.web.typed import as_choices, kept_on_page, month_choices, month_typed, recent_months

bp = Blueprint("bank_measures", __name__, url_prefix="/bank/measures")
STATUSES = ("proposed", "approved", "replaced", "rejected", "withdrawn")
Answer = Response | tuple[str, int]


def chosen() -> dict[str, Any]:
    given = {name: request.args.get(name, "").strip()[:60] for name in ("agency", "status")}
    return given | {"period": month_or_none(request.args.get("period", ""))}


@bp.get("")
@permission(Permission.MEASURE_READ)
def index() -> str:
    session, asked = db_session(), chosen()
    page = page_of(
        lambda after, limit: list_measures(session, **asked, after=after, limit=limit),
        lambda row: (row.measure.id,),
    )
    return render_template(
        "bank/measures/index.html",
        page=page,
        filters={name: request.args[name] for name in ("agency", "status", "period") if request.args.get(name)},
        names=MEASURES,
        statuses=as_choices(STATUSES),
        agencies=agency_choices(session),
        months=recent_months(),
        month_of=month_of,
    )


EXPORTED = (
    *("agency_code", "period", "measure", "value", "reason", "status"),
    *("proposed_by", "proposed_at", "decided_by", "decided_at", "decision_reason"),
)


@bp.get("/export.<kind>")
@permission(Permission.MEASURE_READ)
def download(kind: str) -> Response:
    rows = list_measures(db_session(), **chosen(), limit=MOST_ROWS)
    filters = {name: request.args.get(name, "") for name in ("agency", "status", "period")}
    return export("measures", kind, EXPORTED, [in_a_row(row) for row in rows], filters)


def in_a_row(row: MeasureRow) -> list[Any]:
    made = row.measure
    told = [row.agency_code, f"{made.period_start:%Y-%m}", made.measure, made.value, made.reason, made.status]
    return [*told, made.proposed_by, made.proposed_at, made.decided_by, made.decided_at, made.decision_reason]


@bp.route("/new", methods=["GET", "POST"])
@permission(Permission.MEASURE_PROPOSE)
def new() -> str | Answer:
    session, form = db_session(), MeasureForm()
    form.agency.choices = [SelectChoice("", "Choose"), *(SelectChoice(*each) for each in agency_choices(session))]
    form.measure.choices = [SelectChoice("", "Choose"), *(SelectChoice(*each) for each in MEASURES.items())]
    form.period.choices = month_choices(clock().today())
    if not form.period.data:
        form.period.data = month_of(clock().today()).previous().label
    problems: list[Problem] = []
    if form.validate_on_submit():
        with kept_on_page(problems, "measure_waits"):
            agency, period = find_agency(session, form.agency.data), month_typed(form.period.data)
            with unit_of_work(session):
                once(form, session)
                given: dict[str, Any] = {"actor": current_actor(), "now": clock().now()}
                told: dict[str, Any] = {name: form[name].data or "" for name in ("measure", "value", "reason")}
                made = measures.propose_measure(session, agency=agency, period=period, **told, **given).id
            flash("Proposed. It counts once another person approves it.", "success")
            return redirect(url_for(".show", measure_id=made))
    page = render_template("bank/measures/new.html", form=form, problems=problems)
    return (page, 422) if form.errors or problems else page


@bp.get("/<int:measure_id>")
@permission(Permission.MEASURE_READ)
def show(measure_id: int) -> str:
    return measure_page(measure_id)


def measure_page(measure_id: int, **forms: Any) -> str:
    session = db_session()
    row = measures.measure_row(session, measure_id)
    made = row.measure
    acts = {
        "accept_form": ApproveMeasureForm(formdata=None),
        "reject_form": RejectMeasureForm(formdata=None),
        "withdraw_form": WithdrawMeasureForm(formdata=None),
    }
    period = month_of(made.period_start)
    history = [
        other
        for other in list_measures(session, period=period, agency=row.agency_code)
        if other.measure.measure == made.measure and other.measure.id != made.id
    ]
    stands = next((other.measure.value for other in history if other.measure.status == "approved"), None)
    return render_template(
        "bank/measures/show.html",
        row=row,
        made=made,
        names=MEASURES,
        period=period,
        stands=stands,
        history=history,
        **acts | forms,
    )


@bp.post("/<int:measure_id>/approve")
@permission(Permission.MEASURE_DECIDE)
def approve(measure_id: int) -> Answer:
    return decide(measure_id, ApproveMeasureForm(), approve=True)


@bp.post("/<int:measure_id>/reject")
@permission(Permission.MEASURE_DECIDE)
def reject(measure_id: int) -> Answer:
    return decide(measure_id, RejectMeasureForm(), approve=False)


def decide(measure_id: int, form: ApproveMeasureForm | RejectMeasureForm, *, approve: bool) -> Answer:
    session = db_session()
    check(identity_here(), Permission.MEASURE_DECIDE, measures.measure_row(session, measure_id).measure)
    if not form.validate_on_submit():
        return measure_page(measure_id, **{"accept_form" if approve else "reject_form": form}), 422
    with unit_of_work(session):
        once(form, session)
        made = measures.load_measure(session, measure_id)
        given: dict[str, Any] = {"reason": form.reason.data or "", "actor": current_actor(), "now": clock().now()}
        measures.decide_measure(session, made, approve=approve, **given)
    flash("Approved: the next accrual of the month counts it." if approve else "Rejected.", "success")
    return redirect(url_for(".show", measure_id=measure_id))


@bp.post("/<int:measure_id>/withdraw")
@permission(Permission.MEASURE_PROPOSE)
def withdraw(measure_id: int) -> Answer:
    session, form = db_session(), WithdrawMeasureForm()
    measures.measure_row(session, measure_id)
    if not form.validate_on_submit():
        return measure_page(measure_id), 422
    with unit_of_work(session):
        once(form, session)
        made = measures.load_measure(session, measure_id)
        measures.withdraw_measure(session, made, actor=current_actor(), now=clock().now())
    flash("Withdrawn.", "info")
    return redirect(url_for(".show", measure_id=measure_id))
