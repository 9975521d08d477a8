"""Papers of an agency and of its agents at the bank: what is there, what runs out, what waits for a second person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from allocations.agencies import agent_papers, papers, queries
from allocations.agencies.fitness import fitness
from allocations.agencies.models import Agency, Agent
from allocations.agencies.paper_rules import AGENT_KINDS, CERTIFICATE_TYPES, KINDS, AgentHanded, Handed
from allocations.agencies.paper_warnings import ending_papers
from allocations.agencies.taking_in import NO_FILE, take_in_photo
from portal.access.guard import check, permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, Problem
from portal.web.agent_card import card_pdf
from portal.web.bank.empanelment_forms import (
    AcceptForm,
    AgentPaperForm,
    OneClickForm,
    PaperForm,
    RejectForm,
    RevokeForm,
)
from portal.web.downloads import attachment
from portal.web.edge import ActForm, clock, current_actor, db_session, file_store, identity_here, once
from portal.web.handed_files import PAPERS, handed_out, kept_file
from portal.web.typed import kept_on_page, minor_typed

bp = Blueprint("bank_papers", __name__, url_prefix="/bank/agencies/<code>")
Answer = str | Response | tuple[str, int]
ON_PAGE = ("paper_waits", "ended_meanwhile", "is_not_the_maker", "not_open")


@bp.get("/papers")
@permission(Permission.PAPER_READ)
def index(code: str) -> str:
    return papers_page(queries.find_agency(db_session(), code))


def papers_page(agency: Agency, form: PaperForm | None = None, problems: list[Problem] | None = None) -> str:
    session, today = db_session(), clock().today()
    return render_template(
        "bank/empanelment/papers.html",
        agency=agency,
        kinds=KINDS,
        rows=papers.papers_of(session, agency, today),
        agents_rows=agent_papers.papers_of(session, agency, today),
        ending=ending_papers(session, today, agency=agency),
        missing=papers.missing_of(session, agency, today),
        form=form or PaperForm(formdata=None).offer(by_agency=False),
        problems=problems or [],
    )


@bp.post("/papers")
@permission(Permission.PAPER_PROPOSE)
def add(code: str) -> Answer:
    session, problems = db_session(), list[Problem]()
    agency = queries.find_agency(session, code)
    form = PaperForm().offer(by_agency=False)
    if form.validate_on_submit():
        with kept_on_page(problems, *ON_PAGE):
            hand_in(form, agency, by_agency=False)
            flash("Handed in. It counts once another person accepts it.", "success")
            return redirect(url_for(".index", code=code))
    return papers_page(queries.find_agency(session, code), form, problems), 422


def hand_in(form: PaperForm, agency: Agency, *, by_agency: bool) -> None:
    """Hand in what the form says. Invalid with everything wrong with it."""
    amount = minor_typed(form.amount.data, agency.currency)
    told = (form.kind.data, form.number.data or "", form.issued_on.data, form.valid_until.data)
    with unit_of_work(db_session()) as session:
        once(form, session)
        whose = None if form.kind.data == "board_approval" else agency.id  # what its committee said is the bank's own
        file = kept_file(form.file, whose, PAPERS)
        given: dict[str, Any] = {"by_agency": by_agency, "actor": current_actor(), "now": clock().now()}
        papers.hand_in(session, agency, Handed(*told, amount, form.note.data or ""), file, **given)


@bp.get("/papers/<int:paper_id>")
@permission(Permission.PAPER_READ)
def show(code: str, paper_id: int) -> str:
    return paper_page(code, paper_id)


def paper_page(code: str, paper_id: int, problems: list[Problem] | None = None, **forms: Any) -> str:
    session = db_session()
    agency = queries.find_agency(session, code)
    found = papers.PROPOSALS.load(session, locked=False, id=paper_id, agency_id=agency.id)
    stands = papers.in_force_like(session, found)
    return render_template(
        "bank/empanelment/paper.html",
        agency=agency,
        made=found,
        stands=stands if stands is not None and stands.id != found.id else None,
        kinds=KINDS,
        problems=problems or [],
        **empty_forms() | forms,
    )


def empty_forms() -> dict[str, ActForm]:
    return {
        "accept_form": AcceptForm(formdata=None),
        "reject_form": RejectForm(formdata=None),
        "withdraw_form": OneClickForm(formdata=None),
        "revoke_form": RevokeForm(formdata=None),
    }


@bp.post("/papers/<int:paper_id>/accept")
@permission(Permission.PAPER_DECIDE)
def accept(code: str, paper_id: int) -> Answer:
    return decide(code, paper_id, AcceptForm(), accept=True)


@bp.post("/papers/<int:paper_id>/reject")
@permission(Permission.PAPER_DECIDE)
def reject(code: str, paper_id: int) -> Answer:
    return decide(code, paper_id, RejectForm(), accept=False)


def decide(code: str, paper_id: int, form: AcceptForm | RejectForm, *, accept: bool) -> Answer:
    session, problems = db_session(), list[Problem]()
    agency = queries.find_agency(session, code)
    found = papers.PROPOSALS.load(session, locked=False, id=paper_id, agency_id=agency.id)
    check(identity_here(), Permission.PAPER_DECIDE, found)
    if form.validate_on_submit():
        with kept_on_page(problems, *ON_PAGE):
            with unit_of_work(session):
                once(form, session)
                locked = papers.PROPOSALS.load(session, id=paper_id)
                given: dict[str, Any] = {"reason": form.reason.data or "", "actor": current_actor()}
                papers.decide_paper(session, locked, accept=accept, now=clock().now(), **given)
            flash("Accepted." if accept else "Rejected. Whoever handed it in reads why.", "success")
            return redirect(url_for(".index", code=code))
    return paper_page(code, paper_id, problems, **{"accept_form" if accept else "reject_form": form}), 422


@bp.post("/papers/<int:paper_id>/withdraw")
@permission(Permission.PAPER_PROPOSE)
def withdraw(code: str, paper_id: int) -> Answer:
    session, form = db_session(), OneClickForm()
    agency = queries.find_agency(session, code)
    papers.PROPOSALS.load(session, locked=False, id=paper_id, agency_id=agency.id)
    if form.validate_on_submit():
        with unit_of_work(session):
            once(form, session)
            locked = papers.PROPOSALS.load(session, id=paper_id)
            papers.withdraw_paper(session, locked, actor=current_actor(), now=clock().now())
        flash("Withdrawn.", "success")
        return redirect(url_for(".index", code=code))
    return paper_page(code, paper_id), 422


@bp.get("/papers/<int:paper_id>/file")
@permission(Permission.PAPER_READ)
def file(code: str, paper_id: int) -> Response:
    session = db_session()
    agency = queries.find_agency(session, code)
    found = papers.PROPOSALS.load(session, locked=False, id=paper_id, agency_id=agency.id)
    return handed_out(found.file_sha256, found.file_name)


# --- what an agent carries


@bp.get("/agents/<int:agent_id>/papers")
@permission(Permission.PAPER_READ)
def agent(code: str, agent_id: int) -> str:
    return agent_page(code, agent_id)


def agent_page(
    code: str, agent_id: int, form: AgentPaperForm | None = None, problems: list[Problem] | None = None
) -> str:
    session, today = db_session(), clock().today()
    agency = queries.find_agency(session, code)
    found = queries.agent_by_id(session, agency, agent_id)
    return render_template(
        "bank/empanelment/agent.html",
        agency=agency,
        agent=found,
        fault=fitness(session, [found], today)[0][1],
        rows=agent_papers.papers_of(session, agency, today, agent=found),
        card=agent_papers.accepted_of(session, found.id, "id_card"),
        form=form or AgentPaperForm(formdata=None),
        problems=problems or [],
    )


@bp.post("/agents/<int:agent_id>/papers")
@permission(Permission.PAPER_PROPOSE)
def add_agents(code: str, agent_id: int) -> Answer:
    session, form, problems = db_session(), AgentPaperForm(), list[Problem]()
    found = queries.agent_by_id(session, queries.find_agency(session, code), agent_id)
    if form.validate_on_submit():
        with kept_on_page(problems, *ON_PAGE):
            hand_in_agents(form, found, by_agency=False)
            flash("Handed in. It counts once another person accepts it.", "success")
            return redirect(url_for(".agent", code=code, agent_id=agent_id))
    return agent_page(code, agent_id, form, problems), 422


def hand_in_agents(form: AgentPaperForm, found: Agent, *, by_agency: bool) -> None:
    """Hand in an agent's paper as the form says. Invalid with everything wrong with it."""
    by: dict[str, Any] = {"actor": current_actor(), "now": clock().now()}
    told = AgentHanded(
        kind=form.kind.data,
        number=form.number.data or "",
        issued_on=form.issued_on.data,
        valid_until=form.valid_until.data,
        certificate_type=form.certificate_type.data if form.kind.data == "certificate" else "",
        training_hours=form.training_hours.data,
        exempt_reason=form.exempt_reason.data or "",
        areas=form.areas.data or "",
    )
    with unit_of_work(db_session()) as session:
        once(form, session)
        file, photo = NO_FILE, NO_FILE
        upload = form.file.data
        if told.kind == "id_card" and upload and getattr(upload, "filename", ""):
            store = file_store()
            kept: dict[str, Any] = {"name": upload.filename, "agency_id": found.agency_id, **by}
            file, photo = take_in_photo(session, store, upload.read(), **kept)
        elif told.kind != "id_card":
            file = kept_file(form.file, found.agency_id, PAPERS)
        agent_papers.hand_in(session, found, told, file, photo, by_agency=by_agency, **by)


@bp.get("/agent-papers/<int:paper_id>")
@permission(Permission.PAPER_READ)
def show_agents(code: str, paper_id: int) -> str:
    return agent_paper_page(code, paper_id)


def agent_paper_page(code: str, paper_id: int, problems: list[Problem] | None = None, **forms: Any) -> str:
    session = db_session()
    agency = queries.find_agency(session, code)
    found = agent_papers.PROPOSALS.load(session, locked=False, id=paper_id, agency_id=agency.id)
    return render_template(
        "bank/empanelment/agent_paper.html",
        agency=agency,
        made=found,
        agent=queries.agent_by_id(session, agency, found.agent_id),
        kinds=AGENT_KINDS,
        types=CERTIFICATE_TYPES,
        problems=problems or [],
        **empty_forms() | forms,
    )


@bp.post("/agent-papers/<int:paper_id>/accept")
@permission(Permission.PAPER_DECIDE)
def accept_agents(code: str, paper_id: int) -> Answer:
    def do(session: Any, locked: Any, **by: Any) -> None:
        agent_papers.decide_paper(session, locked, accept=True, **by)

    return act(code, paper_id, AcceptForm(), do, "accept_form", "Accepted.", Permission.PAPER_DECIDE)


@bp.post("/agent-papers/<int:paper_id>/reject")
@permission(Permission.PAPER_DECIDE)
def reject_agents(code: str, paper_id: int) -> Answer:
    def do(session: Any, locked: Any, **by: Any) -> None:
        agent_papers.decide_paper(session, locked, accept=False, **by)

    said = "Rejected. Whoever handed it in reads why."
    return act(code, paper_id, RejectForm(), do, "reject_form", said, Permission.PAPER_DECIDE)


@bp.post("/agent-papers/<int:paper_id>/revoke")
@permission(Permission.PAPER_PROPOSE)
def revoke_agents(code: str, paper_id: int) -> Answer:
    """Take a paper out of force at once."""
    return act(code, paper_id, RevokeForm(), agent_papers.revoke, "revoke_form", "Taken back; it holds no more.")


@bp.post("/agent-papers/<int:paper_id>/withdraw")
@permission(Permission.PAPER_PROPOSE)
def withdraw_agents(code: str, paper_id: int) -> Answer:
    def do(session: Any, locked: Any, *, reason: str, **by: Any) -> None:
        agent_papers.withdraw_paper(session, locked, **by)

    return act(code, paper_id, OneClickForm(), do, "withdraw_form", "Withdrawn.")


def act(
    code: str,
    paper_id: int,
    form: ActForm,
    do: Callable[..., None],
    named: str,
    said: str,
    asked: Permission = Permission.PAPER_PROPOSE,
) -> Answer:
    """One act on an agent's paper, asked of the policy with the paper before it is locked."""
    session, problems = db_session(), list[Problem]()
    agency = queries.find_agency(session, code)
    found = agent_papers.PROPOSALS.load(session, locked=False, id=paper_id, agency_id=agency.id)
    check(identity_here(), asked, found)
    agent_id = found.agent_id
    if form.validate_on_submit():
        with kept_on_page(problems, *ON_PAGE):
            with unit_of_work(session):
                once(form, session)
                locked = agent_papers.PROPOSALS.load(session, id=paper_id)
                reason = form["reason"].data or "" if "reason" in form else ""
                do(session, locked, reason=reason, actor=current_actor(), now=clock().now())
            flash(said, "success")
            return redirect(url_for(".agent", code=code, agent_id=agent_id))
    return agent_paper_page(code, paper_id, problems, **{named: form}), 422


@bp.get("/agent-papers/<int:paper_id>/file")
@permission(Permission.PAPER_READ)
def agents_file(code: str, paper_id: int) -> Response:
    session = db_session()
    agency = queries.find_agency(session, code)
    found = agent_papers.PROPOSALS.load(session, locked=False, id=paper_id, agency_id=agency.id)
    return handed_out(found.file_sha256, found.file_name)


@bp.get("/agents/<int:agent_id>/card.pdf")
@permission(Permission.PAPER_READ)
def card(code: str, agent_id: int) -> Response:
    """The agent's card, to print."""
    session = db_session()
    agency = queries.find_agency(session, code)
    return card_of(agency, queries.agent_by_id(session, agency, agent_id))


def card_of(agency: Agency, found: Agent) -> Response:
    paper = agent_papers.card_of(db_session(), found)
    try:
        pdf = card_pdf(db_session(), file_store(), agency, found, paper)
    except FileNotFoundError:
        problem = Problem("photo_gone", "The photo is not in the store.", "Hand in the card anew.")
        raise Invalid([problem]) from None
    return attachment(pdf, f"card-{agency.code}-{found.code}.pdf", "application/pdf")
