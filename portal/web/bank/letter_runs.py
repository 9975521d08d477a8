"""Letters to a segment: asked for, made by a worker, handed to the printer."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response
from wtforms import SelectField

from allocations.casework.letters import queries
from allocations.casework.letters.bulk import ask_run
from allocations.casework.letters.jobs import ask_worker
from allocations.casework.letters.starting import KINDS
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Problem
from portal.kernel.jobs import progress_of
from portal.web.bank.legal import by_whom
from portal.web.bank.letters_forms import kind_field, language_field
from portal.web.bank.segment_form import SegmentForm, segment_in, with_choices
from portal.web.edge import clock, current_actor, db_session, once
from portal.web.handed_files import handed_out
from portal.web.typed import kept_on_page

bp = Blueprint("bank_letter_runs", __name__, url_prefix="/bank/letter-runs")
Answer = Response | tuple[str, int]


class RunForm(SegmentForm):
    kind: SelectField = kind_field()
    language: SelectField = language_field()


@bp.get("")
@permission(Permission.LETTER_READ)
def index() -> str:
    session = db_session()
    runs = queries.list_runs(session)
    progress = {run.id: progress_of(session, run.progress_id) for run, _ in runs if run.progress_id}
    return render_template("bank/letter_runs/index.html", runs=runs, progress=progress, words=KINDS)


@bp.route("/new", methods=["GET", "POST"])
@permission(Permission.LETTER_MAKE)
def new() -> str | Answer:
    session, form, problems = db_session(), RunForm(), list[Problem]()
    with_choices(form)
    if form.validate_on_submit():
        with kept_on_page(problems, "no_template"):
            with unit_of_work(session):
                once(form, session)
                segment = segment_in(form)
                made = ask_run(session, form.kind.data or "", form.language.data or "en", segment, **by_whom())
                ask_worker(session, made, actor=current_actor(), now=clock().now())
            flash("Asked for. A worker makes them; accounts on hold are left out.", "success")
            return redirect(url_for(".index"))
    page = render_template("bank/letter_runs/new.html", form=form, problems=problems)
    return (page, 422) if form.errors or problems else page


@bp.get("/<int:run_id>/letters.zip")
@permission(Permission.LETTER_READ)
def archive(run_id: int) -> Response:
    """The PDFs, for the printer."""
    return handed_out(queries.find_run(db_session(), run_id).zip_sha256, f"letters-{run_id}.zip")


@bp.get("/<int:run_id>/letters.csv")
@permission(Permission.LETTER_READ)
def addresses(run_id: int) -> Response:
    """Letter, name and address, a line each."""
    return handed_out(queries.find_run(db_session(), run_id).csv_sha256, f"letters-{run_id}.csv")
