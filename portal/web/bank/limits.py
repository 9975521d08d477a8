"""Who may approve what: limits by role and person, the third key, and who stands in for whom. Proposed by an admin, decided by another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from allocations.agencies.service import lender
from payouts.approvals import delegations, limits
from payouts.approvals.delegations import NewDelegation
from payouts.approvals.limits import NewLimit
from payouts.approvals.models import ApprovalLimit, Delegation
from portal.access.guard import check, permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid
from portal.web.bank.limits_forms import AcceptForm, DelegationForm, LimitForm, RejectForm
from portal.web.edge import ActForm, clock, current_actor, db_session, identity_here, once
from portal.web.typed import minor_typed

bp = Blueprint("bank_limits", __name__, url_prefix="/bank/limits")
Answer = str | Response | tuple[str, int]
Row = ApprovalLimit | Delegation


@bp.get("")
@permission(Permission.LIMIT_READ)
def index() -> str:
    session, today = db_session(), clock().today()
    every = limits.list_limits(session)
    currencies = sorted({row.currency for row in every} | {lender(session).currency})
    standing = [
        (subject, currency, rows, limits.third_key_above(rows))
        for subject in limits.SUBJECT_WORDS
        for currency in currencies
        if (rows := limits.in_force(session, subject, currency, today)) or currency == currencies[0]
    ]
    stand_ins = delegations.list_delegations(session)
    return render_template(
        "bank/limits/index.html",
        standing=standing,
        limits=every,
        delegations=stand_ins,
        standing_in=[each for each in stand_ins if each.status == "accepted" and each.from_on <= today <= each.to_on],
        waiting=sum(each.status == "proposed" for each in every) + sum(e.status == "proposed" for e in stand_ins),
        subjects=limits.SUBJECT_WORDS,
        roles=limits.ROLES,
        today=today,
    )


# --- proposing


@bp.route("/new", methods=["GET", "POST"])
@permission(Permission.LIMIT_PROPOSE)
def new() -> Answer:
    form = LimitForm(currency=lender(db_session()).currency)
    form.offer(delegations.people(db_session()))
    return propose(form, "bank/limits/new.html", "bank_limits.show", propose_limit)


def propose_limit(session: Session, form: LimitForm, given: dict[str, Any]) -> str:
    currency = form.currency.data
    made = NewLimit(
        subject=form.subject.data,
        role=form.role.data,
        currency=currency,
        effective_from=form.effective_from.data,
        reason=form.reason.data or "",
        email=form.email.data or None,
        up_to_minor=minor_typed(form.up_to.data, currency),
        third_key_above_minor=minor_typed(form.third_key.data, currency),
        effective_to=form.effective_to.data,
    )
    return limits.propose_limit(session, made, **given).ref


@bp.route("/delegations/new", methods=["GET", "POST"])
@permission(Permission.LIMIT_PROPOSE)
def new_delegation() -> Answer:
    form = DelegationForm()
    form.offer(delegations.people(db_session()))
    return propose(form, "bank/limits/new_delegation.html", "bank_limits.show_delegation", propose_delegation)


def propose_delegation(session: Session, form: DelegationForm, given: dict[str, Any]) -> str:
    days = (form.from_on.data, form.to_on.data)
    made = NewDelegation(form.from_email.data, form.to_email.data, *days, form.reason.data or "")
    return delegations.propose_delegation(session, made, **given).ref


def propose(form: Any, template: str, endpoint: str, act: Callable[[Session, Any, dict[str, Any]], str]) -> Answer:
    """Show the form; propose what it says; put each problem at its field."""
    session = db_session()
    if form.validate_on_submit():
        try:
            with unit_of_work(session):
                once(form, session)
                given = {"actor": current_actor(), "now": clock().now(), "today": clock().today()}
                ref = act(session, form, given)
            flash(f"{ref} is proposed. It holds once another person accepts it.", "success")
            return redirect(url_for(endpoint, ref=ref))
        except Invalid as wrong:
            for problem in wrong.problems:
                field = form[problem.column if problem.column in form else "reason"]
                field.errors = [*field.errors, f"{problem.message} {problem.cure}".strip()]
    return render_template(template, form=form), 422 if form.errors else 200


# --- deciding


LIMIT = (limits.LIMITS, limits.decide_limit)
DELEGATION = (delegations.DELEGATIONS, delegations.decide_delegation)


@bp.get("/<ref>")
@permission(Permission.LIMIT_READ)
def show(ref: str) -> str:
    return page(limits.LIMITS.load(db_session(), locked=False, ref=ref))


@bp.get("/delegations/<ref>")
@permission(Permission.LIMIT_READ)
def show_delegation(ref: str) -> str:
    return page(delegations.DELEGATIONS.load(db_session(), locked=False, ref=ref))


def page(row: Row, **forms: Any) -> str:
    empty: dict[str, Any] = {
        "accept_form": AcceptForm(formdata=None),
        "reject_form": RejectForm(formdata=None),
        "withdraw_form": ActForm(formdata=None),
    }
    template = "bank/limits/show.html" if isinstance(row, ApprovalLimit) else "bank/limits/show_delegation.html"
    return render_template(template, row=row, subjects=limits.SUBJECT_WORDS, **empty | forms)


@bp.post("/<ref>/accept")
@permission(Permission.LIMIT_DECIDE)
def accept(ref: str) -> Answer:
    return decide(LIMIT, ref, AcceptForm(), accept=True)


@bp.post("/<ref>/reject")
@permission(Permission.LIMIT_DECIDE)
def reject(ref: str) -> Answer:
    return decide(LIMIT, ref, RejectForm(), accept=False)


@bp.post("/delegations/<ref>/accept")
@permission(Permission.LIMIT_DECIDE)
def accept_delegation(ref: str) -> Answer:
    return decide(DELEGATION, ref, AcceptForm(), accept=True)


@bp.post("/delegations/<ref>/reject")
@permission(Permission.LIMIT_DECIDE)
def reject_delegation(ref: str) -> Answer:
    return decide(DELEGATION, ref, RejectForm(), accept=False)


def decide(kind: tuple[Any, ...], ref: str, form: Any, *, accept: bool) -> Answer:
    session, (proposals, act) = db_session(), kind
    shown = proposals.load(session, locked=False, ref=ref)
    check(identity_here(), Permission.LIMIT_DECIDE, shown)
    if not form.validate_on_submit():
        return page(shown, **{"accept_form" if accept else "reject_form": form}), 422
    with unit_of_work(session):
        once(form, session)
        given = {"reason": form.reason.data or "", "actor": current_actor(), "now": clock().now()}
        act(session, proposals.load(session, ref=ref), accept=accept, **given)
    flash(f"{ref} is {'accepted' if accept else 'rejected'}.", "success")
    return redirect(url_for(".index"))


@bp.post("/<ref>/withdraw")
@permission(Permission.LIMIT_PROPOSE)
def withdraw(ref: str) -> Answer:
    return take_back(LIMIT, ref)


@bp.post("/delegations/<ref>/withdraw")
@permission(Permission.LIMIT_PROPOSE)
def withdraw_delegation(ref: str) -> Answer:
    return take_back(DELEGATION, ref)


def take_back(kind: tuple[Any, ...], ref: str) -> Answer:
    session, form, (proposals, _) = db_session(), ActForm(), kind
    if not form.validate_on_submit():
        return page(proposals.load(session, locked=False, ref=ref)), 422
    with unit_of_work(session):
        once(form, session)
        proposals.move(session, proposals.load(session, ref=ref), "withdraw", actor=current_actor(), now=clock().now())
    flash(f"{ref} is withdrawn.", "info")
    return redirect(url_for(".index"))
