"""Verify: everything stored computed again by a worker, and every row that does not hold."""

from __future__ import annotations

from flask import Blueprint, jsonify, redirect, render_template, request, url_for
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response
from wtforms import SelectField
from wtforms.fields.choices import SelectChoice

from payouts.verify_job import KIND, ask_for_verification, verifications
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.jobs import progress_of
from portal.kernel.progress import JobProgress
from portal.web.edge import ActForm, clock, current_actor, db_session, once
from portal.web.period import recent_periods

bp = Blueprint("audit_verify", __name__, url_prefix="/audit/verify")


class VerifyForm(ActForm):
    """What to verify: everything, or one month's money with all the records."""

    period = SelectField("What", default="")

    def offer(self) -> None:
        months = [SelectChoice(each.label, f"{each.start:%B %Y} and all records") for each in recent_periods()]
        self.period.choices = [SelectChoice("", "Everything"), *months]


def one_of_ours(progress_id: int) -> JobProgress:
    found = progress_of(db_session(), progress_id)
    if found.kind != KIND:
        raise NotFound()
    return found


@bp.get("")
@permission(Permission.VERIFY_RUN)
def index() -> str:
    session, form = db_session(), VerifyForm()
    form.offer()
    runs = verifications(session)
    asked = request.args.get("job", type=int)
    shown = next((run for run in runs if run.id == asked), runs[0] if runs else None)
    return render_template("audit/verify/index.html", runs=runs, shown=shown, form=form)


@bp.post("")
@permission(Permission.VERIFY_RUN)
def run() -> Response:
    """Ask a worker; the page shows it moving."""
    session, form = db_session(), VerifyForm()
    form.offer()
    period = form.period.data if form.validate_on_submit() else ""
    with unit_of_work(session):
        once(form, session)
        progress_id = ask_for_verification(session, period=period or "", actor=current_actor(), clock=clock())
    return redirect(url_for(".index", job=progress_id))


@bp.get("/jobs/<int:progress_id>")
@permission(Permission.VERIFY_RUN)
def job(progress_id: int) -> Response:
    """How far a verification is, for the page's script."""
    found = one_of_ours(progress_id)
    state = {"status": found.status, "done": found.done, "total": found.total, "message": found.message}
    return jsonify(state | {"href": url_for(".index", job=found.id)})
