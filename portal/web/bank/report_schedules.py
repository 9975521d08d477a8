"""Reports made every month: which, for whom, what became of each month, and ending one."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response
from wtforms.fields.choices import SelectChoice

from allocations.agencies.queries import agency_choices
from payouts.reports import schedules
from payouts.reports.catalogue import REPORTS
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Problem
from portal.web.bank.reports_forms import EndForm, ScheduleForm
from portal.web.edge import clock, current_actor, db_session, once, page_of
from portal.web.typed import kept_on_page

bp = Blueprint("bank_report_schedules", __name__, url_prefix="/bank/reports/schedules")


@bp.get("")
@permission(Permission.REPORT_READ)
def index() -> str:
    return _page(_form(), [])


def _form() -> ScheduleForm:
    session, form = db_session(), ScheduleForm()
    form.report.choices = [SelectChoice(code, report.title) for code, report in REPORTS.items()]
    form.agency.choices = [SelectChoice("", "All agencies"), *(SelectChoice(*each) for each in agency_choices(session))]
    form.format.choices = [SelectChoice(code, word) for code, word in schedules.FORMATS.items()]
    form.recipients.choices = [SelectChoice(each, each) for each in schedules.readers(session)]
    return form


def _page(form: ScheduleForm, problems: list[Problem]) -> str:
    session = db_session()
    page = page_of(
        lambda after, limit: schedules.deliveries(session, after=after, limit=limit), lambda row: (row[0].id,)
    )
    return render_template(
        "bank/reports/schedules.html",
        form=form,
        end=EndForm(formdata=None),
        problems=problems,
        schedules=schedules.list_schedules(session),
        page=page,
        reports=REPORTS,
        formats=schedules.FORMATS,
    )


@bp.post("")
@permission(Permission.REPORT_SCHEDULE)
def make() -> Response | tuple[str, int]:
    session, form, problems = db_session(), _form(), list[Problem]()
    if form.validate_on_submit():
        with kept_on_page(problems):
            with unit_of_work(session):
                once(form, session)
                given: dict[str, Any] = {"actor": current_actor(), "now": clock().now()}
                schedules.make_schedule(
                    session,
                    form.report.data,
                    agency=form.agency.data or "",
                    day_of_month=form.day_of_month.data,
                    recipients=form.recipients.data or [],
                    form=form.format.data,
                    **given,
                )
            flash("It is made from now on.", "success")
            return redirect(url_for(".index"))
    form.once.data = ScheduleForm(formdata=None).once.data
    return _page(form, problems), 422


@bp.post("/<int:number>/end")
@permission(Permission.REPORT_SCHEDULE)
def end(number: int) -> Response:
    session, form = db_session(), EndForm()
    if not form.validate_on_submit():
        flash("This form has expired. Try again.", "error")
        return redirect(url_for(".index"))
    with unit_of_work(session):
        once(form, session)
        schedules.end_schedule(session, number, actor=current_actor(), now=clock().now())
    flash("Ended. What it made stays.", "success")
    return redirect(url_for(".index"))
