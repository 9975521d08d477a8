"""Compromises with borrowers: proposed by one person, approved by another, and said to be broken when they are."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms.fields.choices import SelectChoice

from allocations.agencies.service import lender
from allocations.casework import compromises
from allocations.casework.compromises import KINDS, Agreed, CompromiseRow
from portal.access.guard import check, permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, Problem
from portal.kernel.money import Money
from portal.web.bank.compromises_forms import (
    ApproveCompromiseForm,
    BreakCompromiseForm,
    CompromiseForm,
    RejectCompromiseForm,
    WithdrawCompromiseForm,
)
from portal.web.bank.exports import MOST_ROWS, export
from portal.web.edge import clock, current_actor, db_session, identity_here, once, page_of
from portal.web.typed import as_choices, kept_on_page, minor_typed

bp = Blueprint("bank_compromises", __name__, url_prefix="/bank/compromises")
STATUSES = ("proposed", "approved", "broken", "rejected", "withdrawn")
Answer = Response | tuple[str, int]


def chosen() -> dict[str, Any]:
    return {name: request.args.get(name, "").strip()[:60] for name in ("status", "account")}


@bp.get("")
@permission(Permission.COMPROMISE_READ)
def index() -> str:
    session, asked = db_session(), chosen()
    page = page_of(
        lambda after, limit: compromises.list_compromises(session, **asked, after=after, limit=limit),
        lambda row: (row.compromise.id,),
    )
    filters = {name: value for name, value in asked.items() if value}
    statuses = as_choices(STATUSES)
    return render_template("bank/compromises/index.html", page=page, filters=filters, kinds=KINDS, statuses=statuses)


EXPORTED = (
    *("loan_account_no", "kind", "agreed_amount", "currency", "from_on", "to_on", "status", "reason"),
    *("proposed_by", "proposed_at", "decided_by", "decided_at", "decision_reason"),
)


@bp.get("/export.<kind>")
@permission(Permission.COMPROMISE_READ)
def download(kind: str) -> Response:
    rows = compromises.list_compromises(db_session(), **chosen(), limit=MOST_ROWS)
    return export("compromises", kind, EXPORTED, [in_a_row(row) for row in rows], chosen())


def in_a_row(row: CompromiseRow) -> list[Any]:
    made = row.compromise
    told = [row.loan_account_no, made.kind, Money(made.agreed_minor, made.currency), made.currency, made.from_on]
    rest = [made.to_on, made.status, made.reason, made.proposed_by, made.proposed_at, made.decided_by, made.decided_at]
    return [*told, *rest, made.decision_reason]


@bp.route("/new", methods=["GET", "POST"])
@permission(Permission.COMPROMISE_PROPOSE)
def new() -> str | Answer:
    session, form = db_session(), CompromiseForm(loan_account_no=request.args.get("account", "")[:60])
    form.kind.choices = [SelectChoice("", "Choose"), *(SelectChoice(*each) for each in KINDS.items())]
    problems: list[Problem] = []
    if form.validate_on_submit():
        with kept_on_page(problems):
            agreed = agreed_in(form, lender(session).currency)
            with unit_of_work(session):
                once(form, session)
                given: dict[str, Any] = {"actor": current_actor(), "now": clock().now()}
                made = compromises.propose_compromise(session, agreed, **given).id
            flash("Proposed. It stands once another person approves it.", "success")
            return redirect(url_for(".show", compromise_id=made))
    page = render_template("bank/compromises/new.html", form=form, problems=problems)
    return (page, 422) if form.errors or problems else page


def agreed_in(form: CompromiseForm, currency: str) -> Agreed:
    assert form.from_on.data is not None  # the form asks for it
    return Agreed(
        loan_account_no=form.loan_account_no.data or "",
        kind=form.kind.data or "",
        agreed_minor=minor_typed(form.amount.data, currency) or 0,
        from_on=form.from_on.data,
        to_on=form.to_on.data,
        reason=form.reason.data or "",
    )


@bp.get("/<int:compromise_id>")
@permission(Permission.COMPROMISE_READ)
def show(compromise_id: int) -> str:
    return compromise_page(compromise_id)


def compromise_page(compromise_id: int, **forms: Any) -> str:
    row = compromises.compromise_row(db_session(), compromise_id)
    acts = {
        "accept_form": ApproveCompromiseForm(formdata=None),
        "reject_form": RejectCompromiseForm(formdata=None),
        "withdraw_form": WithdrawCompromiseForm(formdata=None),
        "break_form": BreakCompromiseForm(formdata=None),
        "problems": [],
        "offer_id": compromises.offer_behind(db_session(), compromise_id),
    }
    return render_template("bank/compromises/show.html", row=row, made=row.compromise, kinds=KINDS, **acts | forms)


@bp.post("/<int:compromise_id>/approve")
@permission(Permission.COMPROMISE_DECIDE)
def approve(compromise_id: int) -> Answer:
    return decide(compromise_id, ApproveCompromiseForm(), approve=True)


@bp.post("/<int:compromise_id>/reject")
@permission(Permission.COMPROMISE_DECIDE)
def reject(compromise_id: int) -> Answer:
    return decide(compromise_id, RejectCompromiseForm(), approve=False)


def decide(compromise_id: int, form: ApproveCompromiseForm | RejectCompromiseForm, *, approve: bool) -> Answer:
    session = db_session()
    found = compromises.compromise_row(session, compromise_id).compromise
    check(identity_here(), Permission.COMPROMISE_DECIDE, found)
    if not form.validate_on_submit():
        return compromise_page(compromise_id, **{"accept_form" if approve else "reject_form": form}), 422
    try:
        with unit_of_work(session):
            once(form, session)
            found = compromises.load_compromise(session, compromise_id)
            given: dict[str, Any] = {"reason": form.reason.data or "", "actor": current_actor(), "now": clock().now()}
            compromises.decide_compromise(session, found, approve=approve, **given)
    except Invalid as wrong:
        return compromise_page(compromise_id, problems=wrong.problems), 422
    flash("Approved: money taken while it stands is priced as such." if approve else "Rejected.", "success")
    return redirect(url_for(".show", compromise_id=compromise_id))


@bp.post("/<int:compromise_id>/withdraw")
@permission(Permission.COMPROMISE_PROPOSE)
def withdraw(compromise_id: int) -> Answer:
    session, form = db_session(), WithdrawCompromiseForm()
    compromises.compromise_row(session, compromise_id)
    if not form.validate_on_submit():
        return compromise_page(compromise_id), 422
    with unit_of_work(session):
        once(form, session)
        found = compromises.load_compromise(session, compromise_id)
        compromises.withdraw_compromise(session, found, actor=current_actor(), now=clock().now())
    flash("Withdrawn.", "info")
    return redirect(url_for(".show", compromise_id=compromise_id))


@bp.post("/<int:compromise_id>/break")
@permission(Permission.COMPROMISE_DECIDE)
def broken(compromise_id: int) -> Answer:
    """The borrower did not keep it; somebody other than who proposed it says so."""
    session, form = db_session(), BreakCompromiseForm()
    check(identity_here(), Permission.COMPROMISE_DECIDE, compromises.compromise_row(session, compromise_id).compromise)
    if not form.validate_on_submit():
        return compromise_page(compromise_id, break_form=form), 422
    assert form.last_on.data is not None
    try:
        with unit_of_work(session):
            once(form, session)
            found = compromises.load_compromise(session, compromise_id)
            given: dict[str, Any] = {"actor": current_actor(), "now": clock().now(), "today": clock().today()}
            reason = form.reason.data or ""
            compromises.break_compromise(session, found, last_on=form.last_on.data, reason=reason, **given)
    except Invalid as wrong:
        return compromise_page(compromise_id, break_form=form, problems=wrong.problems), 422
    flash("It is broken; what was taken until then stays priced as it was.", "info")
    return redirect(url_for(".show", compromise_id=compromise_id))
