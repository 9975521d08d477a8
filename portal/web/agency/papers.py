"""An agency's own papers: what the bank holds, what runs out, what inspections asked for; the owner hands in, the bank decides."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from allocations.agencies import agent_papers, inspections, moves, papers, queries
from allocations.agencies.lifecycle import MEANS
from allocations.agencies.paper_rules import KINDS
from allocations.agencies.paper_warnings import ending_papers
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Problem
from portal.web.agency.accounts import own_agency
from portal.web.bank.agency_papers import ON_PAGE, card_of, hand_in, hand_in_agents
from portal.web.bank.empanelment_forms import AgentPaperForm, AnswerForm, PaperForm
from portal.web.edge import clock, current_actor, db_session, once
from portal.web.handed_files import PAPERS, handed_out, kept_file
from portal.web.typed import kept_on_page

bp = Blueprint("agency_papers", __name__, url_prefix="/agency/papers")
Answer = str | Response | tuple[str, int]


@bp.get("")
@permission(Permission.OWN_PAPER_READ)
def index() -> str:
    session, agency, today = db_session(), own_agency(), clock().today()
    return render_template(
        "agency/papers/index.html",
        agency=agency,
        means=MEANS,
        kinds=KINDS,
        rows=papers.papers_of(session, agency, today),
        agents_rows=agent_papers.papers_of(session, agency, today),
        agents=queries.list_agents(session, agency),
        ending=ending_papers(session, today, agency=agency),
        findings=inspections.findings_of(session, agency, today),
        inspections=inspections.inspections_of(session, agency),
        history=moves.own_moves(session, agency),
    )


@bp.route("/new", methods=["GET", "POST"])
@permission(Permission.OWN_PAPER_HAND)
def new() -> Answer:
    """Hand in a paper; the bank decides on it."""
    form, problems, agency = PaperForm().offer(by_agency=True), list[Problem](), own_agency()
    if form.validate_on_submit():
        with kept_on_page(problems, *ON_PAGE):
            hand_in(form, agency, by_agency=True)
            flash("Handed in. The bank looks at it.", "success")
            return redirect(url_for(".index"))
    page = render_template("agency/papers/new.html", form=form, problems=problems)
    return page, 422 if form.errors or problems else 200


@bp.route("/agents/<int:agent_id>/new", methods=["GET", "POST"])
@permission(Permission.OWN_PAPER_HAND)
def new_agents(agent_id: int) -> Answer:
    """Hand in a paper of one of the agency's agents."""
    form, problems = AgentPaperForm(), list[Problem]()
    found = queries.agent_by_id(db_session(), own_agency(), agent_id)
    if form.validate_on_submit():
        with kept_on_page(problems, *ON_PAGE):
            hand_in_agents(form, found, by_agency=True)
            flash("Handed in. The bank looks at it.", "success")
            return redirect(url_for(".index"))
    found = queries.agent_by_id(db_session(), own_agency(), agent_id)
    page = render_template("agency/papers/new_agents.html", form=form, problems=problems, agent=found)
    return page, 422 if form.errors or problems else 200


@bp.route("/findings/<int:finding_id>", methods=["GET", "POST"])
@permission(Permission.OWN_PAPER_HAND)
def answer(finding_id: int) -> Answer:
    """Say what was done about a finding; the bank confirms it."""
    session, form, problems = db_session(), AnswerForm(), list[Problem]()
    finding = inspections.finding_of(session, own_agency(), finding_id)
    if form.validate_on_submit():
        with kept_on_page(problems, "answer_waits", "finding_closed"):
            with unit_of_work(session):
                once(form, session)
                file = kept_file(form.file, finding.agency_id, PAPERS)
                by: dict[str, Any] = {"actor": current_actor(), "now": clock().now()}
                inspections.answer_finding(session, finding, form.done.data or "", file, **by)
            flash("Said. The bank confirms that it is done.", "success")
            return redirect(url_for(".index"))
    finding = inspections.finding_of(session, own_agency(), finding_id)
    page = render_template("agency/papers/answer.html", form=form, problems=problems, finding=finding)
    return page, 422 if form.errors or problems else 200


@bp.get("/<int:paper_id>/file")
@permission(Permission.OWN_PAPER_READ)
def file(paper_id: int) -> Response:
    found = papers.PROPOSALS.load(db_session(), locked=False, id=paper_id, agency_id=own_agency().id)
    return handed_out(found.file_sha256, found.file_name)


@bp.get("/agents/files/<int:paper_id>")
@permission(Permission.OWN_PAPER_READ)
def agents_file(paper_id: int) -> Response:
    found = agent_papers.PROPOSALS.load(db_session(), locked=False, id=paper_id, agency_id=own_agency().id)
    return handed_out(found.file_sha256, found.file_name)


@bp.get("/agents/<int:agent_id>/card.pdf")
@permission(Permission.OWN_PAPER_READ)
def card(agent_id: int) -> Response:
    """The agent's card, to print."""
    agency = own_agency()
    return card_of(agency, queries.agent_by_id(db_session(), agency, agent_id))
