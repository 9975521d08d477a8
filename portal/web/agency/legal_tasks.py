"""Papers the bank asks for in legal cases: what is asked, and handing it in."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_wtf.file import FileField
from werkzeug.wrappers import Response
from wtforms import TextAreaField
from wtforms.validators import Length

from allocations.casework.legal import queries, tasks
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Problem
from portal.web.edge import ActForm, clock, current_actor, db_session, once, page_of
from portal.web.handed_files import PAPERS, handed_out, kept_file
from portal.web.typed import kept_on_page

bp = Blueprint("agency_legal_tasks", __name__, url_prefix="/agency/legal-papers")
Answer = Response | tuple[str, int]


class HandInForm(ActForm):
    file = FileField("The paper", description="A photo or a PDF; it is kept exactly as you hand it in.")
    note = TextAreaField("Note", [Length(max=300)])


@bp.get("")
@permission(Permission.OWN_LEGAL_TASK_READ)
def index() -> str:
    session, is_all = db_session(), request.args.get("tab") == "all"
    page = page_of(
        lambda after, limit: tasks.own_tasks(session, open_only=not is_all, after=after, limit=limit),
        lambda row: (row.due_on, row.id),
    )
    return render_template("agency/legal_tasks/index.html", page=page, is_all=is_all, today=clock().today())


@bp.get("/<int:task_id>")
@permission(Permission.OWN_LEGAL_TASK_READ)
def show(task_id: int) -> str:
    return task_page(task_id, HandInForm(formdata=None), [])


def task_page(task_id: int, form: HandInForm, problems: list[Problem]) -> str:
    session = db_session()
    task = tasks.own_task(session, task_id)
    papers = tasks.papers_of(session, [task_id]).get(task_id, [])
    given: dict[str, Any] = {"task": task, "papers": papers, "form": form, "problems": problems}
    return render_template("agency/legal_tasks/show.html", **given, today=clock().today())


@bp.post("/<int:task_id>/papers")
@permission(Permission.OWN_LEGAL_TASK_HAND)
def hand_in(task_id: int) -> Answer:
    session, form, problems = db_session(), HandInForm(), list[Problem]()
    task = tasks.own_task(session, task_id)
    if not form.validate_on_submit():
        return task_page(task_id, form, []), 422
    with kept_on_page(problems, "not_open"):
        with unit_of_work(session):
            once(form, session)
            kept = kept_file(form.file, task.agency_id, PAPERS)
            given: dict[str, Any] = {"note": form.note.data or "", "actor": current_actor(), "now": clock().now()}
            tasks.hand_in(session, task, kept, **given)
        flash("Handed in. The bank looks at it.", "success")
        return redirect(url_for(".show", task_id=task_id))
    return task_page(task_id, form, problems), 422


@bp.get("/papers/<int:paper_id>")
@permission(Permission.OWN_LEGAL_TASK_READ)
def paper(paper_id: int) -> Response:
    """One's own, back."""
    found = queries.task_paper(db_session(), paper_id)
    return handed_out(found.file_sha256, found.file_name)
