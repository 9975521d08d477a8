"""An agency's own complaints: what it must answer by when, in the bank's words, and what it said."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_wtf.file import FileField
from werkzeug.wrappers import Response
from wtforms import TextAreaField
from wtforms.validators import Length

from allocations.casework.conduct import complaints, queries
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, Problem
from portal.web.agency.disputes import tab_asked
from portal.web.edge import ActForm, clock, current_actor, db_session, once, page_of
from portal.web.handed_files import handed_out, kept_file

bp = Blueprint("agency_complaints", __name__, url_prefix="/agency/complaints")
Answer = str | Response | tuple[str, int]
TABS = {"to_answer": "To answer", "with_bank": "With the bank", "closed": "Closed", "all": "All"}


class AnswerForm(ActForm):
    body = TextAreaField("Your answer", [Length(max=2000)], description="The bank reads it.")
    file = FileField("File", description="A photo, a PDF or a recording.")


@bp.get("")
@permission(Permission.OWN_COMPLAINT_READ)
def index() -> str:
    session, tab = db_session(), tab_asked(TABS)
    page = page_of(
        lambda after, limit: queries.own_complaints(session, tab=tab, after=after, limit=limit), lambda row: (row.id,)
    )
    waiting = queries.waiting_for_agency(session)
    return render_template(
        "agency/complaints/index.html", page=page, tab=tab, tabs=TABS, waiting=waiting, today=clock().today()
    )


@bp.get("/<ref>")
@permission(Permission.OWN_COMPLAINT_READ)
def show(ref: str) -> str:
    return complaint_page(ref)


def complaint_page(ref: str, form: AnswerForm | None = None, problems: list[Problem] | None = None) -> str:
    session = db_session()
    row = queries.own_complaint(session, ref)
    return render_template(
        "agency/complaints/show.html",
        row=row,
        messages=queries.messages_of(session, row.id),
        form=form or AnswerForm(formdata=None),
        today=clock().today(),
        problems=problems or [],
    )


@bp.post("/<ref>/answer")
@permission(Permission.OWN_COMPLAINT_ANSWER)
def answer(ref: str) -> Answer:
    """Say what the agency has to say, with a file or without."""
    session, form = db_session(), AnswerForm()
    row = queries.own_complaint(session, ref)
    if not form.validate_on_submit():
        return complaint_page(ref, form), 422
    try:
        with unit_of_work(session):
            once(form, session)
            file = kept_file(form.file, row.agency_id)
            given: dict[str, Any] = {"actor": current_actor(), "now": clock().now(), "side": "agency"}
            complaints.write(session, row.subject, form.body.data or "", file=file, **given)
    except Invalid as wrong:
        return complaint_page(ref, form, wrong.problems), 422
    flash("Sent to the bank.", "success")
    return redirect(url_for(".show", ref=ref))


@bp.get("/<ref>/files/<int:message_id>")
@permission(Permission.OWN_COMPLAINT_READ)
def file(ref: str, message_id: int) -> Response:
    """A file of one's own, or one the bank added for the agency."""
    session = db_session()
    row = queries.own_complaint(session, ref)
    found = queries.message_with_file(session, row.id, message_id)
    return handed_out(found.file_sha256, found.file_name)
