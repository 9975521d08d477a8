"""What is asked about allocations: the queue, one request with what it would do, and the bank's own extensions and transfers."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms.fields.choices import SelectChoice

from allocations.agencies.queries import agency_choices, find_agency
from allocations.placements import request_queries
from allocations.placements.agents import able_agents, give_to_agent
from allocations.placements.models import Allocation
from allocations.placements.request_rules import KIND_WORDS, Asked, reason_words
from allocations.placements.requests import PROPOSALS, accept_many, ask, decide_request, withdraw
from portal.access.guard import check, permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Problem
from portal.web.bank.exports import MOST_ROWS, export
from portal.web.bank.requests_forms import AcceptForm, AgentForm, ExtendForm, OneClickForm, RejectForm, TransferForm
from portal.web.edge import clock, current_actor, db_session, identity_here, once, page_of
from portal.web.typed import as_choices, kept_on_page

bp = Blueprint("bank_requests", __name__, url_prefix="/bank/requests")
STATUSES = ("proposed", "accepted", "rejected", "withdrawn")
STATES = [("all", "All"), *as_choices(STATUSES[1:])]
FILTERS = ("status", "what", "agency", "side")
KEPT = ("waits", "already_allocated", "collections_after_recall", "already_recalled", "outside_term", "day_passed")
Answer = str | Response | tuple[str, int]


def chosen() -> dict[str, str]:
    asked = {name: request.args.get(name, "").strip()[:60] for name in FILTERS}
    if asked["status"] not in STATUSES:
        asked["status"] = "" if asked["status"] == "all" else "proposed"
    return asked


@bp.get("")
@permission(Permission.ALLOCATION_REQUEST_READ)
def index() -> str:
    return queue_page()


def queue_page(problems: list[Problem] | None = None) -> str:
    session, asked = db_session(), chosen()
    page = page_of(
        lambda after, limit: request_queries.list_requests(session, after, limit, **asked),
        lambda row: (row.request.id,),
    )
    who = identity_here()
    return render_template(
        "bank/requests/index.html",
        page=page,
        chosen=asked,
        again={**asked, "status": asked["status"] or "all"},
        waiting=request_queries.waiting_by_kind(session),
        kinds=KIND_WORDS,
        statuses=STATES,
        agencies=agency_choices(session),
        reason_words=reason_words,
        is_tickable=asked["status"] == "proposed" and asked["what"] == "recall",
        me=who.email,
        form=OneClickForm(formdata=None),
        problems=problems or [],
    )


EXPORTED = (
    *("request", "kind", "side", "loan_account_no", "agency_code", "placement", "reason_code", "reason", "last_on"),
    *("to_on", "to_agency", "status", "proposed_by", "proposed_at", "decided_by", "decided_at", "decision_reason"),
)


@bp.get("/export.<kind>")
@permission(Permission.ALLOCATION_REQUEST_READ)
def download(kind: str) -> Response:
    rows = request_queries.list_requests(db_session(), None, MOST_ROWS, **chosen())
    return export("requests", kind, EXPORTED, [in_a_row(row) for row in rows], chosen())


def in_a_row(row: request_queries.Row) -> list[Any]:
    made = row.request
    about = [made.id, made.kind, made.side, made.loan_account_no, row.agency.code, row.placement, made.reason_code]
    wish = [made.reason, made.last_on, made.to_on, row.receiver.code if row.receiver else None, made.status]
    people = [made.proposed_by, made.proposed_at, made.decided_by, made.decided_at, made.decision_reason]
    return [*about, *wish, *people]


@bp.post("/confirm")
@permission(Permission.ALLOCATION_REQUEST_DECIDE)
def confirm() -> Answer:
    """Accept the recalls that are ticked, each by itself."""
    session, form = db_session(), OneClickForm()
    ids = [int(each) for each in request.form.getlist("id")[:500] if each.isascii() and each.isdigit()]
    if not ids:
        return queue_page([Problem("nothing_ticked", "Nothing was ticked.", "Tick the accounts to take back.")]), 422
    for each in ids:
        check(identity_here(), Permission.ALLOCATION_REQUEST_DECIDE, PROPOSALS.load(session, locked=False, id=each))
    with unit_of_work(session):
        once(form, session)
        done, left = accept_many(session, ids, actor=current_actor(), now=clock().now())
        problems = [Problem("left", f"{found.loan_account_no}: {why}") for found, why in left]
    if done:
        flash(f"{done:,} account{'' if done == 1 else 's'} taken back.", "success")
    if problems:
        return queue_page(problems), 409
    return redirect(url_for(".index", what="recall"))


@bp.get("/<int:request_id>")
@permission(Permission.ALLOCATION_REQUEST_READ)
def show(request_id: int) -> str:
    return request_page(request_id)


def request_page(request_id: int, **forms: Any) -> str:
    row = request_queries.find_request(db_session(), request_id)
    acts = {
        "accept_form": AcceptForm(formdata=None),
        "reject_form": RejectForm(formdata=None),
        "withdraw_form": OneClickForm(formdata=None),
        "problems": [],
    }
    return render_template(
        "bank/requests/show.html",
        row=row,
        made=row.request,
        kinds=KIND_WORDS,
        because=reason_words(row.request.kind, row.request.reason_code),
        **acts | forms,
    )


@bp.post("/<int:request_id>/accept")
@permission(Permission.ALLOCATION_REQUEST_DECIDE)
def accept(request_id: int) -> Answer:
    return decide(request_id, AcceptForm(), accept=True)


@bp.post("/<int:request_id>/reject")
@permission(Permission.ALLOCATION_REQUEST_DECIDE)
def reject(request_id: int) -> Answer:
    return decide(request_id, RejectForm(), accept=False)


def decide(request_id: int, form: AcceptForm | RejectForm, *, accept: bool) -> Answer:
    session, problems = db_session(), list[Problem]()
    found = PROPOSALS.load(session, locked=False, id=request_id)
    check(identity_here(), Permission.ALLOCATION_REQUEST_DECIDE, found)
    word = "accept_form" if accept else "reject_form"
    if not form.validate_on_submit():
        return request_page(request_id, **{word: form}), 422
    with kept_on_page(problems, *KEPT):
        with unit_of_work(session):
            once(form, session)
            locked = PROPOSALS.load(session, id=request_id)
            given: dict[str, Any] = {"reason": form.reason.data or "", "actor": current_actor(), "now": clock().now()}
            decide_request(session, locked, accept=accept, **given)
        flash("Accepted, and done." if accept else "Rejected; whoever asked reads why.", "success")
        return redirect(url_for(".show", request_id=request_id))
    session.rollback()
    return request_page(request_id, problems=problems, **{word: form}), 409


@bp.post("/<int:request_id>/withdraw")
@permission(Permission.ALLOCATION_REQUEST_PROPOSE)
def take_back(request_id: int) -> Answer:
    """Take back what the bank itself asked."""
    session, form = db_session(), OneClickForm()
    with unit_of_work(session):
        once(form, session)
        found = PROPOSALS.load(session, id=request_id, side="bank")
        withdraw(session, found, actor=current_actor(), now=clock().now())
    flash("The request is withdrawn.", "success")
    return redirect(url_for(".show", request_id=request_id))


@bp.get("/ask/<int:allocation_id>")
@permission(Permission.ALLOCATION_REQUEST_PROPOSE)
def new(allocation_id: int) -> str:
    return ask_page(allocation_id)


def ask_page(allocation_id: int, **forms: Any) -> str:
    session = db_session()
    allocation, agency, placement = request_queries.find_allocation(session, allocation_id)
    given = {
        "extend_form": ExtendForm(formdata=None),
        "transfer_form": receivers(TransferForm(formdata=None)),
        "agent_form": agents_of(AgentForm(formdata=None), allocation),
        "problems": [],
    }
    return render_template(
        "bank/requests/ask.html", allocation=allocation, agency=agency, placement=placement, **given | forms
    )


def receivers(form: TransferForm) -> TransferForm:
    named = agency_choices(db_session())
    form.to_agency.choices = [SelectChoice("", "Choose"), *(SelectChoice(code, word) for code, word in named)]
    return form


def agents_of(form: AgentForm, allocation: Allocation) -> AgentForm:
    able = able_agents(db_session(), allocation.agency_id, clock().today())
    named = (SelectChoice(each.code, f"{each.name}, {each.code}") for each in able if each.id != allocation.agent_id)
    form.agent.choices = [SelectChoice("", "Choose"), *named]
    return form


@bp.post("/ask/<int:allocation_id>/agent")
@permission(Permission.ALLOCATION_AGENT)
def agent(allocation_id: int) -> Answer:
    """Another agent of the same agency, at once."""
    session, problems = db_session(), list[Problem]()
    allocation, _, _ = request_queries.find_allocation(session, allocation_id)
    form = agents_of(AgentForm(), allocation)
    if not form.validate_on_submit():
        return ask_page(allocation_id, agent_form=form), 422
    with kept_on_page(problems, "is_over", "same_agent"):
        with unit_of_work(session):
            once(form, session)
            given: dict[str, Any] = {"reason": form.reason.data or "", "actor": current_actor()}
            given |= {"now": clock().now(), "today": clock().today()}
            name = give_to_agent(session, allocation, form.agent.data or "", **given).name
        flash(f"{name} works it from now on; the borrower is told where the law asks for it.", "success")
        return redirect(url_for("bank_accounts.show", loan_account_no=allocation.loan_account_no))
    session.rollback()
    return ask_page(allocation_id, problems=problems, agent_form=form), 422


@bp.post("/ask/<int:allocation_id>/extension")
@permission(Permission.ALLOCATION_REQUEST_PROPOSE)
def extension(allocation_id: int) -> Answer:
    form = ExtendForm()
    wish = Asked("extension", form.reason.data or "", to_on=form.to_on.data)
    return propose(allocation_id, wish, form, "extend_form")


@bp.post("/ask/<int:allocation_id>/transfer")
@permission(Permission.ALLOCATION_REQUEST_PROPOSE)
def transfer(allocation_id: int) -> Answer:
    form, session = receivers(TransferForm()), db_session()
    code = form.to_agency.data or ""
    to_id = find_agency(session, code).id if code in dict(agency_choices(session)) else None
    wish = Asked("transfer", form.reason.data or "", "other", form.last_on.data, form.to_on.data, to_id)
    return propose(allocation_id, wish, form, "transfer_form")


def propose(allocation_id: int, wish: Asked, form: ExtendForm | TransferForm, word: str) -> Answer:
    session, problems = db_session(), list[Problem]()
    allocation, _, _ = request_queries.find_allocation(session, allocation_id)
    if not form.validate_on_submit():
        return ask_page(allocation_id, **{word: form}), 422
    with kept_on_page(problems, *KEPT):
        with unit_of_work(session):
            once(form, session)
            given: dict[str, Any] = {"actor": current_actor(), "now": clock().now(), "today": clock().today()}
            made = ask(session, allocation, wish, side="bank", **given).id
        flash("Proposed. It is done once another person accepts it.", "success")
        return redirect(url_for(".show", request_id=made))
    session.rollback()
    return ask_page(allocation_id, problems=problems, **{word: form}), 422
