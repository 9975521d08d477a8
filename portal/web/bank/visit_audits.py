"""Visits called back by sample: drawing one, what borrowers said, the rate with its interval, and the measure proposed from it."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response
from wtforms import HiddenField, IntegerField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from allocations.agencies.queries import agency_names
from allocations.casework.conduct import audits
from allocations.casework.conduct.audit_rules import RESULTS
from allocations.collections.field.contact_facts import dispositions_on
from allocations.collections.field.dispositions import spoken
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, Problem, Refused
from portal.web.edge import ActForm, clock, current_actor, db_session, once, page_of
from portal.web.period import recent_periods
from portal.web.typed import month_typed

bp = Blueprint("bank_visit_audits", __name__, url_prefix="/bank/visit-audits")
Answer = str | Response | tuple[str, int]


class DrawForm(ActForm):
    period = SelectField("Visits of")
    count = IntegerField("Visits of each agency", [Optional(), NumberRange(1, 500)], description="Or a share of them:")
    percent = IntegerField("Per cent of each agency’s", [Optional(), NumberRange(1, 100)])
    assigned_to = StringField(
        "Who calls back?", [InputRequired("Say who."), Length(max=200)], description="Their e-mail."
    )
    seed = StringField("Seed", [Length(max=60)], description="Empty: one is drawn. It is recorded either way.")


class ResultForm(ActForm):
    check = HiddenField(validators=[InputRequired()])
    result = SelectField("What came of it?", choices=[SelectChoice(*each) for each in RESULTS.items()])
    note = StringField("Note", [Length(max=500)])


class ProposeForm(ActForm):
    agency = HiddenField(validators=[InputRequired()])


def draw_form(**given: Any) -> DrawForm:
    form = DrawForm(**given)
    form.period.choices = [SelectChoice(each.label, f"{each.start:%B %Y}") for each in recent_periods()]
    return form


@bp.get("")
@permission(Permission.VISIT_AUDIT_READ)
def index() -> str:
    return index_page(draw_form(formdata=None, assigned_to=current_actor().email))


def index_page(form: DrawForm, problems: list[Problem] | None = None) -> str:
    session = db_session()
    page = page_of(lambda after, limit: audits.list_samples(session, after=after, limit=limit), lambda row: (row.id,))
    return render_template("bank/visit_audits/index.html", page=page, form=form, problems=problems or [])


@bp.post("")
@permission(Permission.VISIT_AUDIT_DRAW)
def draw() -> Answer:
    """Draw a sample: so many visits of each agency, or a share."""
    session, form = db_session(), draw_form()
    if not form.validate_on_submit():
        return index_page(form), 422
    share = Fraction(form.percent.data, 100) if form.percent.data else None
    try:
        with unit_of_work(session):
            once(form, session)
            period = month_typed(form.period.data)
            given: dict[str, Any] = {"seed": form.seed.data or "", "assigned_to": form.assigned_to.data or ""}
            given |= {"actor": current_actor(), "now": clock().now()}
            ref = audits.draw_sample(session, period, count=form.count.data, share=share, **given).ref
    except Invalid as wrong:
        return index_page(form, wrong.problems), 422
    flash(f"{ref} is drawn.", "success")
    return redirect(url_for(".show", ref=ref))


@bp.get("/<ref>")
@permission(Permission.VISIT_AUDIT_READ)
def show(ref: str) -> str:
    return sample_page(ref)


def sample_page(ref: str, problems: list[Problem] | None = None) -> str:
    session = db_session()
    sample, known = audits.load_sample(session, ref), dispositions_on(session, clock().today())
    page = page_of(
        lambda after, limit: audits.checks_of(session, sample.id, after=after, limit=limit), lambda row: (row.check.id,)
    )
    return render_template(
        "bank/visit_audits/show.html",
        sample=sample,
        page=page,
        rates=audits.rates_of(session, sample.id),
        names={agency_id: name for agency_id, (_, name) in agency_names(session).items()},
        said=lambda code: spoken(code, known),
        results=RESULTS,
        is_mine=sample.assigned_to == current_actor().email.lower(),
        result_form=lambda check_id: ResultForm(formdata=None, check=str(check_id)),
        propose_form=lambda agency_id: ProposeForm(formdata=None, agency=str(agency_id)),
        problems=problems or [],
    )


@bp.post("/<ref>/result")
@permission(Permission.VISIT_AUDIT_RECORD)
def record(ref: str) -> Answer:
    """What the borrower said."""
    session, form = db_session(), ResultForm()
    audits.load_sample(session, ref)
    if not form.validate_on_submit() or not str(form.check.data).isdigit():
        return sample_page(ref), 422
    with unit_of_work(session):
        once(form, session)
        given: dict[str, Any] = {"actor": current_actor(), "now": clock().now()}
        audits.record_result(session, int(form.check.data or 0), form.result.data, form.note.data or "", **given)
    flash("It is on record.", "success")
    return redirect(url_for(".show", ref=ref))


@bp.post("/<ref>/propose")
@permission(Permission.MEASURE_PROPOSE)
def propose(ref: str) -> Answer:
    """Propose an agency's rate as its audit measure of the month; another person decides."""
    session, form = db_session(), ProposeForm()
    sample = audits.load_sample(session, ref)
    if not form.validate_on_submit() or not str(form.agency.data).isdigit():
        return sample_page(ref), 422
    try:
        with unit_of_work(session):
            once(form, session)
            given: dict[str, Any] = {"actor": current_actor(), "now": clock().now()}
            audits.propose_audit(session, sample, int(form.agency.data or 0), **given)
    except Refused as refused:
        return sample_page(ref, [Problem(refused.code, str(refused), refused.cure)]), 422
    flash("Proposed. Another person decides under Events, Measures.", "success")
    return redirect(url_for(".show", ref=ref))
