"""Show-cause notices of the bank: what is alleged, and the agency's answer."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_wtf.file import FileField
from werkzeug.wrappers import Response
from wtforms import TextAreaField
from wtforms.validators import Length

from allocations.casework.conduct import fraud
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, Problem
from portal.web.edge import ActForm, clock, current_actor, db_session, once
from portal.web.handed_files import kept_file

bp = Blueprint("agency_notices", __name__, url_prefix="/agency/notices")
Answer = str | Response | tuple[str, int]


class ReplyForm(ActForm):
    body = TextAreaField("Your answer", [Length(max=4000)], description="The bank reads it before it decides.")
    file = FileField("File", description="A photo, a PDF or a recording.")


@bp.get("")
@permission(Permission.OWN_NOTICE_READ)
def index() -> str:
    return render_template("agency/notices/index.html", rows=fraud.own_notices(db_session()), today=clock().today())


@bp.get("/<ref>")
@permission(Permission.OWN_NOTICE_READ)
def show(ref: str) -> str:
    return notice_page(ref)


def notice_page(ref: str, form: ReplyForm | None = None, problems: list[Problem] | None = None) -> str:
    session = db_session()
    row = fraud.own_notice(session, ref)
    return render_template(
        "agency/notices/show.html",
        row=row,
        replies=fraud.replies_of(session, row.id),
        may_answer=row.status in ("notice_sent", "replied") and clock().today() <= row.reply_until,
        form=form or ReplyForm(formdata=None),
        problems=problems or [],
    )


@bp.post("/<ref>/reply")
@permission(Permission.OWN_NOTICE_ANSWER)
def reply(ref: str) -> Answer:
    """Answer the notice."""
    session, form = db_session(), ReplyForm()
    row = fraud.own_notice(session, ref)
    if not form.validate_on_submit():
        return notice_page(ref, form), 422
    try:
        with unit_of_work(session):
            once(form, session)
            file = kept_file(form.file, row.agency_id)
            given: dict[str, Any] = {"actor": current_actor(), "now": clock().now(), "today": clock().today()}
            fraud.reply(session, ref, form.body.data or "", file=file, **given)
    except Invalid as wrong:
        return notice_page(ref, form, wrong.problems), 422
    flash("Sent to the bank.", "success")
    return redirect(url_for(".show", ref=ref))
