"""Disputes at the bank: a worklist by the day an answer is due, and one dispute with its line, its words and its decision."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from allocations.agencies.queries import agency_choices
from payouts.settlements import dispute_messages, dispute_money, disputes
from payouts.settlements import dispute_queries as queries
from payouts.settlements.dispute_rules import bounds_of
from portal.access.guard import check, permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, Problem
from portal.kernel.money import shown
from portal.web.agency.disputes import tab_asked
from portal.web.bank.disputes_forms import DecideForm, ProposeForm, SendBackForm, WriteForm
from portal.web.edge import clock, current_actor, db_session, identity_here, once, page_of
from portal.web.handed_files import handed_out, kept_file
from portal.web.typed import minor_typed

bp = Blueprint("bank_disputes", __name__, url_prefix="/bank/disputes")
Answer = Response | tuple[str, int]
TABS = {
    "waiting": "All that wait",
    "to_answer": "To answer",
    "to_decide": "To decide",
    "decided": "Decided",
    "withdrawn": "Taken back",
    "all": "All",
}


@bp.get("")
@permission(Permission.DISPUTE_READ)
def index() -> str:
    session, tab, today = db_session(), tab_asked(TABS), clock().today()
    agency = request.args.get("agency", "").strip()[:60]
    page = page_of(
        lambda after, limit: queries.list_disputes(session, tab=tab, agency=agency, after=after, limit=limit),
        lambda row: queries.key_of(row, tab),
    )
    return render_template(
        "bank/disputes/index.html",
        page=page,
        tab=tab,
        tabs=TABS,
        agency=agency,
        agencies=agency_choices(session),
        standing=queries.standing(session, today),
        today=today,
    )


@bp.get("/<ref>")
@permission(Permission.DISPUTE_READ)
def show(ref: str) -> str:
    return dispute_page(ref)


def dispute_page(ref: str, problems: list[Problem] | None = None, **forms: Any) -> str:
    session = db_session()
    row = queries.dispute_row(session, ref)
    found = row.dispute
    acts = {
        "write_form": WriteForm(formdata=None),
        "propose_form": ProposeForm(formdata=None),
        "decide_form": DecideForm(formdata=None, expected=str(found.proposed_minor)),
        "back_form": SendBackForm(formdata=None),
    }
    proposed = found.proposed_minor
    return render_template(
        "bank/disputes/show.html",
        row=row,
        dispute=found,
        bounds=bounds_of(found.line_minor, found.claimed_minor),
        messages=dispute_messages.messages_of(session, found.id),
        outcome=queries.outcome_of(session, found),
        earned_since=disputes.earned_since(session, found) if row.is_open else None,
        effects=effects_of(row, proposed) if proposed is not None and row.is_open else [],
        today=clock().today(),
        problems=problems or [],
        **acts | forms,
    )


def effects_of(row: queries.DisputeRow, granted: int) -> list[str]:
    """What a decision does, in the order it happens."""
    found = row.dispute
    effects = []
    if found.held_minor:
        kept = shown(found.held_minor, found.currency)
        effects.append(f"The {kept} kept of {row.settlement_ref} is paid out with the agency's next statement.")
    if difference := granted - found.line_minor:
        month = dispute_money.month_of_money(db_session(), found, clock().now())
        amount = shown(difference, found.currency)
        effects.append(f"An adjustment of {amount} is a line of {month.start:%B %Y}; it is taxed with that month.")
    if not effects:
        effects.append("The line stands; no money moves.")
    return [*effects, "The agency reads the decision and its reason at once."]


@bp.post("/<ref>/write")
@permission(Permission.DISPUTE_ANSWER)
def write(ref: str) -> Answer:
    """Answer the agency, with words or a file."""
    session, form = db_session(), WriteForm()
    row = queries.dispute_row(session, ref)
    if not form.validate_on_submit():
        return dispute_page(ref, write_form=form), 422
    try:
        with unit_of_work(session):
            once(form, session)
            file = kept_file(form.file, row.dispute.agency_id)
            given: dict[str, Any] = {"actor": current_actor(), "now": clock().now()}
            disputes.answer_agency(
                session, disputes.load_dispute(session, ref), form.body.data or "", file=file, **given
            )
    except Invalid as wrong:
        return dispute_page(ref, wrong.problems, write_form=form), 422
    flash(f"Sent to {row.agency_name}.", "success")
    return redirect(url_for(".show", ref=ref))


@bp.post("/<ref>/propose")
@permission(Permission.DISPUTE_ANSWER)
def propose(ref: str) -> Answer:
    """Say what the line comes to; another person decides."""
    session, form = db_session(), ProposeForm()
    row = queries.dispute_row(session, ref)
    if not form.validate_on_submit():
        return dispute_page(ref, propose_form=form), 422
    try:
        granted = minor_typed(form.granted.data, row.dispute.currency, signed=True)
        with unit_of_work(session):
            once(form, session)
            found = disputes.load_dispute(session, ref)
            given: dict[str, Any] = {"actor": current_actor(), "now": clock().now()}
            disputes.propose_decision(session, found, granted, form.reason.data or "", **given)
    except Invalid as wrong:
        return dispute_page(ref, wrong.problems, propose_form=form), 422
    flash("Proposed. Another person decides.", "success")
    return redirect(url_for(".show", ref=ref))


@bp.post("/<ref>/decide")
@permission(Permission.DISPUTE_DECIDE)
def decide(ref: str) -> Answer:
    """Make the decision that was proposed and shown; never by who proposed it."""
    session, form = db_session(), DecideForm()
    check(identity_here(), Permission.DISPUTE_DECIDE, queries.dispute_row(session, ref).dispute)
    if not form.validate_on_submit() or not str(form.expected.data).lstrip("-").isdigit():
        return dispute_page(ref, decide_form=form), 422
    with unit_of_work(session):
        once(form, session)
        found = disputes.load_dispute(session, ref)
        given: dict[str, Any] = {"reason": form.reason.data or "", "actor": current_actor(), "now": clock().now()}
        disputes.decide_dispute(session, found, expected_minor=int(form.expected.data or 0), **given)
        said = f"{ref} is decided: the line comes to {shown(found.granted_minor or 0, found.currency)}."
    flash(said, "success")
    return redirect(url_for(".show", ref=ref))


@bp.post("/<ref>/return")
@permission(Permission.DISPUTE_DECIDE)
def send_back(ref: str) -> Answer:
    """Do not agree: somebody proposes anew."""
    session, form = db_session(), SendBackForm()
    check(identity_here(), Permission.DISPUTE_DECIDE, queries.dispute_row(session, ref).dispute)
    if not form.validate_on_submit():
        return dispute_page(ref, back_form=form), 422
    with unit_of_work(session):
        once(form, session)
        found = disputes.load_dispute(session, ref)
        disputes.send_back(session, found, form.reason.data or "", actor=current_actor(), now=clock().now())
    flash(f"{ref} went back to be proposed anew.", "info")
    return redirect(url_for(".show", ref=ref))


@bp.get("/<ref>/files/<int:message_id>")
@permission(Permission.DISPUTE_READ)
def file(ref: str, message_id: int) -> Response:
    """A file either side added."""
    session = db_session()
    row = queries.dispute_row(session, ref)
    found = dispute_messages.message_with_file(session, row.dispute.id, message_id)
    return handed_out(found.file_sha256, found.file_name)
