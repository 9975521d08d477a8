"""Papers the bank asks of agencies in a legal case."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.exceptions import UnprocessableEntity
from werkzeug.wrappers import Response
from wtforms.fields.choices import SelectChoice

from allocations.agencies.queries import agency_names
from allocations.casework.legal import queries, service, tasks
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import NotFound, Problem
from portal.web.bank.legal import by_whom
from portal.web.bank.legal_forms import CloseTaskForm, TaskForm
from portal.web.edge import clock, current_actor, db_session, once
from portal.web.handed_files import handed_out
from portal.web.typed import kept_on_page

bp = Blueprint("bank_legal_tasks", __name__, url_prefix="/bank/legal/<int:case_id>/tasks")
Answer = Response | tuple[str, int]


@bp.route("/new", methods=["GET", "POST"])
@permission(Permission.LEGAL_EDIT)
def new(case_id: int) -> str | Answer:
    """Ask an agency that holds the account for a paper."""
    session, problems, form = db_session(), list[Problem](), TaskForm()
    row = queries.case_row(session, case_id, clock().today())
    names = agency_names(session)
    holders = tasks.holders_today(session, row.case.loan_account_id, clock().today())
    form.agency.choices = [SelectChoice(str(each), names[each][1]) for each in holders]
    if form.validate_on_submit():
        with kept_on_page(problems, "not_open"):
            with unit_of_work(session):
                once(form, session)
                assert form.due_on.data is not None
                given = {"paper": form.paper.data or "", "note": form.note.data or "", "due_on": form.due_on.data}
                case = service.load_case(session, case_id)
                tasks.ask_paper(session, case, int(form.agency.data), **given, **by_whom())
            flash("Asked. The agency finds it under Legal papers.", "success")
            return redirect(url_for("bank_legal.show", case_id=case_id, _anchor="papers"))
    page = render_template("bank/legal/task.html", row=row, form=form, holders=holders, problems=problems)
    return (page, 422) if form.errors or problems else page


@bp.post("/<int:task_id>/accept")
@permission(Permission.LEGAL_EDIT)
def accept(case_id: int, task_id: int) -> Response:
    """The bank has what it needs."""
    return close(case_id, task_id, accept=True)


@bp.post("/<int:task_id>/withdraw")
@permission(Permission.LEGAL_EDIT)
def withdraw(case_id: int, task_id: int) -> Response:
    """The bank needs it no more."""
    return close(case_id, task_id, accept=False)


def close(case_id: int, task_id: int, *, accept: bool) -> Response:
    session, form = db_session(), CloseTaskForm()
    if task_id not in {each.task.id for each in queries.tasks_of(session, case_id)}:
        raise NotFound("There is no such task.")
    if not form.validate_on_submit():
        raise UnprocessableEntity()
    with unit_of_work(session):
        once(form, session)
        tasks.close_task(session, task_id, accept=accept, actor=current_actor(), now=clock().now())
    flash("Accepted." if accept else "Taken back.", "success")
    return redirect(url_for("bank_legal.show", case_id=case_id, _anchor="papers"))


@bp.get("/papers/<int:paper_id>")
@permission(Permission.LEGAL_READ)
def paper(case_id: int, paper_id: int) -> Response:
    """What an agency handed in."""
    found = queries.task_paper(db_session(), paper_id, case_id)
    return handed_out(found.file_sha256, found.file_name)
