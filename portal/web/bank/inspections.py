"""Inspections of an agency at the bank: visits with a score and findings, and what the agency did about them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from allocations.agencies import inspections, queries
from allocations.agencies.empanelment_models import FindingAnswer, Inspection
from allocations.agencies.inspections import Found, Visit
from allocations.agencies.models import Agency
from allocations.scorecards import inspected
from portal.access.guard import check, permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, Problem
from portal.web.bank.empanelment_forms import AcceptForm, InspectionForm, OneClickForm, RejectForm
from portal.web.edge import clock, current_actor, db_session, identity_here, once
from portal.web.handed_files import PAPERS, handed_out, kept_file
from portal.web.typed import kept_on_page

bp = Blueprint("bank_inspections", __name__, url_prefix="/bank/agencies/<code>")
Answer = str | Response | tuple[str, int]
ON_PAGE = ("measure_waits", "answer_waits", "finding_closed", "is_not_the_maker", "not_open")


@bp.get("/inspections")
@permission(Permission.PAPER_READ)
def index(code: str) -> str:
    session, today = db_session(), clock().today()
    agency = queries.find_agency(session, code)
    return render_template(
        "bank/empanelment/inspections.html",
        agency=agency,
        rows=inspections.inspections_of(session, agency),
        findings=[
            each for each in inspections.findings_of(session, agency, today) if each.state not in ("closed", "answered")
        ],
    )


@bp.route("/inspections/new", methods=["GET", "POST"])
@permission(Permission.INSPECTION_PROPOSE)
def new(code: str) -> Answer:
    session, form, problems = db_session(), InspectionForm(), list[Problem]()
    agency = queries.find_agency(session, code)
    if form.validate_on_submit():
        with kept_on_page(problems, *ON_PAGE):
            visit = visit_in(form)
            by: dict[str, Any] = {"actor": current_actor(), "now": clock().now()}
            with unit_of_work(session):
                once(form, session)
                file = kept_file(form.file, agency.id, PAPERS)
                made = inspected.record_inspection(session, agency, visit, file, **by).id
            flash("Recorded. It counts once another person approves it.", "success")
            return redirect(url_for(".show", code=code, inspection_id=made))
    agency = queries.find_agency(session, code)
    page = render_template("bank/empanelment/inspection_new.html", agency=agency, form=form, problems=problems)
    return page, 422 if form.errors or problems else 200


def visit_in(form: InspectionForm) -> Visit:
    """What the form says. Invalid when a finding is written down in part."""
    assert form.visited_on.data is not None and form.score.data is not None
    told = (form.visited_on.data, form.inspected_by.data or "", form.score.data, form.summary.data or "")
    return Visit(*told, list(_findings(form)))


def _findings(form: InspectionForm) -> Iterator[Found]:
    for at, each in enumerate(form.findings.data, 1):
        said = (each["severity"], each["found"], each["action_asked"], each["due_on"])
        if not any(said):
            continue
        if not all(said):
            cure = "Say how grave it is, what was found, what is asked, and by when; or leave the line empty."
            raise Invalid([Problem("half_a_finding", f"Finding {at} is not complete.", cure)])
        yield Found(*said)


@bp.get("/inspections/<int:inspection_id>")
@permission(Permission.PAPER_READ)
def show(code: str, inspection_id: int) -> str:
    return inspection_page(code, inspection_id)


def find(code: str, inspection_id: int) -> tuple[Agency, Inspection]:
    session = db_session()
    agency = queries.find_agency(session, code)
    return agency, inspections.inspection_of(session, agency, inspection_id)


def inspection_page(code: str, inspection_id: int, problems: list[Problem] | None = None, **forms: Any) -> str:
    session = db_session()
    agency, found = find(code, inspection_id)
    acts = {
        "accept_form": AcceptForm(formdata=None),
        "reject_form": RejectForm(formdata=None),
        "withdraw_form": OneClickForm(formdata=None),
    }
    return render_template(
        "bank/empanelment/inspection.html",
        agency=agency,
        made=found,
        findings=inspections.findings_of(session, agency, clock().today(), inspection=found),
        problems=problems or [],
        **acts | forms,
    )


@bp.post("/inspections/<int:inspection_id>/accept")
@permission(Permission.INSPECTION_DECIDE)
def accept(code: str, inspection_id: int) -> Answer:
    return decide(code, inspection_id, AcceptForm(), accept=True)


@bp.post("/inspections/<int:inspection_id>/reject")
@permission(Permission.INSPECTION_DECIDE)
def reject(code: str, inspection_id: int) -> Answer:
    return decide(code, inspection_id, RejectForm(), accept=False)


def decide(code: str, inspection_id: int, form: AcceptForm | RejectForm, *, accept: bool) -> Answer:
    session, problems = db_session(), list[Problem]()
    check(identity_here(), Permission.INSPECTION_DECIDE, find(code, inspection_id)[1])
    if form.validate_on_submit():
        with kept_on_page(problems, *ON_PAGE):
            with unit_of_work(session):
                once(form, session)
                locked = inspections.PROPOSALS.load(session, id=inspection_id)
                given: dict[str, Any] = {"reason": form.reason.data or "", "actor": current_actor()}
                inspected.decide_inspection(session, locked, approve=accept, now=clock().now(), **given)
            flash("Approved, and its audit score with it." if accept else "Rejected.", "success")
            return redirect(url_for(".show", code=code, inspection_id=inspection_id))
    return inspection_page(code, inspection_id, problems, **{"accept_form" if accept else "reject_form": form}), 422


@bp.post("/inspections/<int:inspection_id>/withdraw")
@permission(Permission.INSPECTION_PROPOSE)
def withdraw(code: str, inspection_id: int) -> Answer:
    session, form = db_session(), OneClickForm()
    find(code, inspection_id)
    if form.validate_on_submit():
        with unit_of_work(session):
            once(form, session)
            locked = inspections.PROPOSALS.load(session, id=inspection_id)
            inspected.withdraw_inspection(session, locked, actor=current_actor(), now=clock().now())
        flash("Withdrawn.", "success")
        return redirect(url_for(".index", code=code))
    return inspection_page(code, inspection_id), 422


@bp.get("/inspections/<int:inspection_id>/file")
@permission(Permission.PAPER_READ)
def file(code: str, inspection_id: int) -> Response:
    found = find(code, inspection_id)[1]
    return handed_out(found.file_sha256, found.file_name)


# --- what the agency did


@bp.get("/answers/<int:answer_id>")
@permission(Permission.PAPER_READ)
def answer(code: str, answer_id: int) -> str:
    return answer_page(code, answer_id)


def find_answer(code: str, answer_id: int) -> tuple[Agency, FindingAnswer]:
    session = db_session()
    agency = queries.find_agency(session, code)
    return agency, inspections.ANSWERS.load(session, locked=False, id=answer_id, agency_id=agency.id)


def answer_page(code: str, answer_id: int, problems: list[Problem] | None = None, **forms: Any) -> str:
    session = db_session()
    agency, found = find_answer(code, answer_id)
    finding = inspections.finding_of(session, agency, found.finding_id)
    acts = {"accept_form": AcceptForm(formdata=None), "reject_form": RejectForm(formdata=None)}
    return render_template(
        "bank/empanelment/answer.html",
        agency=agency,
        made=found,
        finding=finding,
        inspection=inspections.inspection_of(session, agency, finding.inspection_id),
        problems=problems or [],
        **acts | forms,
    )


@bp.post("/answers/<int:answer_id>/accept")
@permission(Permission.INSPECTION_DECIDE)
def accept_answer(code: str, answer_id: int) -> Answer:
    return decide_answer(code, answer_id, AcceptForm(), accept=True)


@bp.post("/answers/<int:answer_id>/reject")
@permission(Permission.INSPECTION_DECIDE)
def reject_answer(code: str, answer_id: int) -> Answer:
    return decide_answer(code, answer_id, RejectForm(), accept=False)


def decide_answer(code: str, answer_id: int, form: AcceptForm | RejectForm, *, accept: bool) -> Answer:
    session, problems = db_session(), list[Problem]()
    agency, found = find_answer(code, answer_id)
    check(identity_here(), Permission.INSPECTION_DECIDE, found)
    inspection_id = inspections.finding_of(session, agency, found.finding_id).inspection_id
    if form.validate_on_submit():
        with kept_on_page(problems, *ON_PAGE):
            with unit_of_work(session):
                once(form, session)
                locked = inspections.ANSWERS.load(session, id=answer_id)
                given: dict[str, Any] = {"reason": form.reason.data or "", "actor": current_actor()}
                inspections.decide_answer(session, locked, accept=accept, now=clock().now(), **given)
            flash("The finding is closed." if accept else "Still open; the agency reads what is missing.", "success")
            return redirect(url_for(".show", code=code, inspection_id=inspection_id))
    return answer_page(code, answer_id, problems, **{"accept_form" if accept else "reject_form": form}), 422


@bp.get("/answers/<int:answer_id>/file")
@permission(Permission.PAPER_READ)
def answer_file(code: str, answer_id: int) -> Response:
    found = find_answer(code, answer_id)[1]
    return handed_out(found.file_sha256, found.file_name)
