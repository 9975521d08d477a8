"""Verify: everything stored computed again by a worker, and every row that does not hold."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, jsonify, make_response, redirect, render_template, request, url_for
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response
from wtforms import SelectField
from wtforms.fields.choices import SelectChoice

from payouts.difference import Difference, Findings
from payouts.verify_job import KIND, ask_for_verification, verifications
from payouts.witness_files import Witness, check_witnesses, kept_witnesses, read_witness
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, Unavailable
from portal.kernel.jobs import progress_of
from portal.kernel.progress import JobProgress
from portal.web.downloads import attachment
from portal.web.edge import ActForm, clock, current_actor, db_session, file_store, once
from portal.web.headers import at_most
from portal.web.period import recent_periods

MOST_BYTES = 2**20
bp = Blueprint("audit_verify", __name__, url_prefix="/audit/verify")


class VerifyForm(ActForm):
    """What to verify: everything, or one month's money with all the records."""

    period = SelectField("What", default="")

    def offer(self) -> None:
        months = [SelectChoice(each.label, f"{each.start:%B %Y} and all records") for each in recent_periods()]
        self.period.choices = [SelectChoice("", "Everything"), *months]


class WitnessForm(FlaskForm):
    """A witness file from outside; changes nothing."""

    file = FileField("Witness file", [FileRequired("Choose the witness of a day.")])


def one_of_ours(progress_id: int) -> JobProgress:
    found = progress_of(db_session(), progress_id)
    if found.kind != KIND:
        raise NotFound()
    return found


@bp.get("")
@permission(Permission.VERIFY_RUN)
def index() -> Response:
    return _page(200)


def _page(
    status: int, form: WitnessForm | None = None, held: Witness | None = None, found: Sequence[Difference] = ()
) -> Response:
    """The page; with `held`, what became of holding the books against a witness."""
    session, ask = db_session(), VerifyForm()
    ask.offer()
    runs = verifications(session)
    asked = request.args.get("job", type=int)
    html = render_template(
        "audit/verify/index.html",
        runs=runs,
        shown=next((run for run in runs if run.id == asked), None if held else runs[0] if runs else None),
        form=ask,
        last=last_witness(),
        witness_form=form or WitnessForm(formdata=None),
        held=held,
        found=found,
        mb=MOST_BYTES >> 20,
    )
    return make_response(html, status)


def last_witness() -> Witness | None:
    """The newest that is kept and can be read; what became of one that cannot is for the verification to say."""
    for row in kept_witnesses(db_session()):
        try:
            return read_witness(file_store().read(row.sha256), row.name)
        except (Invalid, OSError, Unavailable):
            continue
    return None


@bp.get("/witness")
@permission(Permission.VERIFY_RUN)
def witness() -> Response:
    """The newest witness, as it was signed."""
    last = last_witness()
    if last is None:
        raise NotFound()
    return attachment(last.data, last.name, "application/json")


@bp.post("/witness")
@permission(Permission.VERIFY_RUN)
@at_most(MOST_BYTES)
def hold() -> Response:
    """Hold the books of today against a witness that somebody kept. The file is looked into and not kept."""
    form = WitnessForm()
    if not form.validate_on_submit():
        return _page(422, form)
    try:
        given = read_witness(form.file.data.read(), form.file.data.filename or "The file")
    except Invalid as invalid:
        form.file.errors = [problem.message for problem in invalid.problems]
        return _page(422, form)
    findings = Findings()
    check_witnesses(db_session(), findings, [given])
    return _page(200, held=given, found=findings.differences)


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
