"""Agencies: empanelment, facts and status, their agents and users, and the file they come in."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from allocations.agencies import queries
from allocations.agencies.agent_papers import typed_problems
from allocations.agencies.bank_details import versions
from allocations.agencies.changes import change_by_hand, waiting_change
from allocations.agencies.fitness import fitness
from allocations.agencies.import_agencies import AGENCIES, import_agencies
from allocations.agencies.inspections import findings_of, last_approved
from allocations.agencies.lifecycle import MEANS
from allocations.agencies.models import Agency
from allocations.agencies.moves import waiting
from allocations.agencies.paper_warnings import ending_papers
from allocations.agencies.papers import missing_of
from allocations.agencies.service import (
    FIELDS,
    empanel,
    save_agent,
    tie_agent,
)
from allocations.placements.queries import held_accounts
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, Problem
from portal.web.bank.agencies_forms import STATUSES, AgentForm, EditForm, EmpanelForm
from portal.web.bank.imports import ImportForm, header_file, import_page
from portal.web.bank_detail_story import told
from portal.web.edge import ActForm, clock, current_actor, db_session, once, page_of

bp = Blueprint("bank_agencies", __name__, url_prefix="/bank/agencies")
Answer = str | Response | tuple[str, int]


@bp.get("")
@permission(Permission.AGENCY_READ)
def index() -> str:
    q, status = request.args.get("q", "").strip()[:100], request.args.get("status", "")[:40]
    page = page_of(
        lambda after, limit: queries.list_agencies(db_session(), after, limit, q=q, status=status),
        lambda agency: (agency.code,),
    )
    return render_template("bank/agencies/index.html", page=page, statuses=STATUSES, narrowed=bool(q or status))


@bp.route("/import", methods=["GET", "POST"])
@permission(Permission.AGENCY_IMPORT)
def take_in() -> Any:
    return import_page(ImportForm(), import_agencies, AGENCIES, "bank/agencies/import.html", url_for(".index"))


@bp.get("/import/template.csv")
@permission(Permission.AGENCY_READ)
def template() -> Response:
    return header_file(AGENCIES)


@bp.route("/new", methods=["GET", "POST"])
@permission(Permission.AGENCY_EDIT)
def new() -> Answer:
    """Take in one agency by hand, as an applicant."""
    form = EmpanelForm()
    if form.validate_on_submit():
        try:
            with unit_of_work(db_session()) as session:
                once(form, session)
                values = facts(form) | {"status": "applicant"}
                agency = empanel(session, form.code.data or "", values, actor=current_actor(), now=clock().now())
                code = agency.code
            flash(f"{form.legal_name.data} is an applicant. Hand in its papers, then propose the next step.", "success")
            return redirect(url_for(".show", code=code))
        except Invalid as wrong:
            pin(form, wrong.problems)
    return render_template("bank/agencies/new.html", form=form), 422 if form.errors else 200


@bp.get("/<code>")
@permission(Permission.AGENCY_READ)
def show(code: str) -> str:
    return shown(queries.find_agency(db_session(), code))


BEFORE = ("applicant", "due_diligence")  # what is missing matters to who is to be empanelled


def inspection_findings(session: Session, agency: Agency, today: date) -> int:
    """How many findings of inspections are not closed."""
    return sum(each.state != "closed" for each in findings_of(session, agency, today))


def shown(agency: Agency) -> str:
    session, today = db_session(), clock().today()
    agents = queries.list_agents(session, agency)
    stories = told(versions(session, agency.id), clock().now())
    return render_template(
        "bank/agencies/show.html",
        agency=agency,
        agents=fitness(session, agents, today),
        users=queries.list_users(session, agency),
        paid_to=next((each for each in stories if each.is_paid_to), None),
        change_waits=any(each.detail.status == "proposed" for each in stories),
        held=held_accounts(session, agency, today),
        in_force=agency.agreement_from <= today and (agency.agreement_to is None or today <= agency.agreement_to),
        today=today,
        means=MEANS,
        change_of_status=waiting(session, agency),
        change_of_terms=waiting_change(session, agency),
        missing=missing_of(session, agency, today) if agency.status in BEFORE else [],
        ending=ending_papers(session, today, agency=agency),
        last_visit=last_approved(session, agency),
        lasting=inspection_findings(session, agency, today),
    )


@bp.route("/<code>/edit", methods=["GET", "POST"])
@permission(Permission.AGENCY_EDIT)
def edit(code: str) -> Answer:
    session = db_session()
    agency = queries.find_agency(session, code)
    form = EditForm(obj=None if request.method == "POST" else agency)
    if request.method == "GET":
        form.expected_version.data = str(agency.lock_version)
    if form.validate_on_submit():
        try:
            with unit_of_work(session):
                once(form, session)
                done = change_by_hand(
                    session,
                    agency,
                    facts(form),
                    reason=form.reason.data or "",
                    actor=current_actor(),
                    now=clock().now(),
                    expected_version=int(form.expected_version.data or 0),
                )
            flash(done.said, "success" if done.is_anything else "info")
            return redirect(url_for(".show", code=code))
        except Invalid as wrong:
            pin(form, wrong.problems)
    return render_template("bank/agencies/edit.html", form=form, code=code), 422 if form.errors else 200


def facts(form: ActForm) -> dict[str, Any]:
    return {name: None if form[name].data == "" else form[name].data for name in FIELDS if name in form}


def pin(form: ActForm, problems: Iterable[Problem]) -> None:
    """Put each problem at the field it is about."""
    for problem in problems:
        field = form[problem.column] if problem.column in form else next(iter(form))
        field.errors = [*field.errors, f"{problem.message} {problem.cure}".strip()]


@bp.route("/<code>/agents/new", methods=["GET", "POST"])
@permission(Permission.AGENT_EDIT)
def new_agent(code: str) -> Answer:
    agency = queries.find_agency(db_session(), code)
    form = AgentForm()
    form.offer(queries.field_users(db_session(), agency), None)
    return agent_page(agency, form, None)


@bp.route("/<code>/agents/<int:agent_id>", methods=["GET", "POST"])
@permission(Permission.AGENT_EDIT)
def agent(code: str, agent_id: int) -> Answer:
    agency = queries.find_agency(db_session(), code)
    found = queries.agent_by_id(db_session(), agency, agent_id)
    form = AgentForm(obj=None if request.method == "POST" else found)
    form.code.data = found.code
    form.offer(queries.field_users(db_session(), agency), found.user_id)
    return agent_page(agency, form, found.code)


def agent_page(agency: Agency, form: AgentForm, agent_code: str | None) -> Answer:
    """Show the form; save the agent under their own code, which never changes."""
    code, name = agency.code, agency.legal_name
    is_whole, own_code = form.validate_on_submit(), agent_code or form.code.data or ""
    values = {field: form[field].data for field in ("name", "mobile", "certificate_no", "certificate_until")}
    values |= {field: form[field].data for field in ("verified_until", "is_active")}
    if is_whole:
        pin(form, typed_problems(db_session(), agency, own_code, values))
    if is_whole and not form.errors:
        with unit_of_work(db_session()) as session:
            once(form, session)
            by: Any = {"actor": current_actor(), "now": clock().now()}
            saved = save_agent(session, agency, own_code, values, **by)
            if form.user.raw_data:
                tie_agent(session, agency, saved, form.user.data or None, **by)
        flash(f"{form.name.data} is saved.", "success")
        return redirect(url_for(".show", code=code))
    page = render_template("bank/agencies/agent.html", form=form, code=code, agency_name=name, agent_code=agent_code)
    return page, 422 if form.errors else 200
