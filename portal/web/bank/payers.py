"""This payer is this account: rules learned from links, proposed by one person and believed once another agrees."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from allocations.reconciliation.bench import payers
from allocations.reconciliation.models import MatchLink
from portal.access.guard import check, permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, NotFound
from portal.web.bank.payers_forms import (
    ApprovePayerForm,
    ProposePayerForm,
    RejectPayerForm,
    RetirePayerForm,
    WithdrawPayerForm,
)
from portal.web.edge import clock, current_actor, db_session, identity_here, once, page_of

bp = Blueprint("bank_payers", __name__, url_prefix="/bank/payers")
TABS = {
    "": "All",
    "proposed": "Proposed",
    "approved": "Believed",
    "rejected": "Rejected",
    "retired": "Retired",
    "withdrawn": "Withdrawn",
}
Answer = Response | tuple[str, int]


@bp.get("")
@permission(Permission.PAYER_RULE_READ)
def index() -> str:
    session, status = db_session(), request.args.get("status", "")
    page = page_of(
        lambda after, limit: payers.list_payers(
            session, status=status if status in TABS else "", after=after, limit=limit
        ),
        lambda row: (row.rule.id,),
    )
    return render_template("bank/payers/index.html", page=page, tabs=TABS, status=status)


@bp.get("/<int:rule_id>")
@permission(Permission.PAYER_RULE_READ)
def show(rule_id: int) -> str:
    return rule_page(rule_id)


def rule_page(rule_id: int, **forms: Any) -> str:
    row = payers.payer_row(db_session(), rule_id)
    given = {
        "approve_form": ApprovePayerForm(formdata=None),
        "reject_form": RejectPayerForm(formdata=None),
        "retire_form": RetirePayerForm(formdata=None),
        "withdraw_form": WithdrawPayerForm(formdata=None),
    }
    is_mine = row.rule.proposed_by == current_actor().email
    return render_template("bank/payers/show.html", row=row, rule=row.rule, is_mine=is_mine, **given | forms)


@bp.get("/learn/<int:link_id>")
@permission(Permission.PAYER_RULE_READ)
def learn(link_id: int) -> str:
    return offer_page(link_id)


def offer_page(link_id: int, problems: Any = (), form: ProposePayerForm | None = None) -> str:
    """What a link teaches about its payer, before anybody proposes it."""
    session = db_session()
    link = session.get(MatchLink, link_id)
    if link is None:
        raise NotFound("There is no such link.")
    return render_template(
        "bank/payers/learn.html",
        offer=payers.offered_payer(session, link),
        link=link,
        problems=problems,
        form=form or ProposePayerForm(formdata=None),
    )


@bp.post("/learn/<int:link_id>")
@permission(Permission.PAYER_RULE_PROPOSE)
def propose(link_id: int) -> Answer:
    """Propose what a link teaches; another person decides."""
    session, form = db_session(), ProposePayerForm()
    if not form.validate_on_submit():
        return offer_page(link_id, form=form), 422
    try:
        with unit_of_work(session):
            once(form, session)
            given: dict[str, Any] = {"actor": current_actor(), "now": clock().now()}
            rule_id = payers.propose_payer(session, link_id, reason=form.reason.data or "", **given).id
    except Invalid as wrong:
        return offer_page(link_id, wrong.problems), 422
    flash("Proposed. It is believed once another person agrees.", "success")
    return redirect(url_for(".show", rule_id=rule_id))


@bp.post("/<int:rule_id>/approve")
@permission(Permission.PAYER_RULE_DECIDE)
def approve(rule_id: int) -> Answer:
    return decide(rule_id, ApprovePayerForm(), approve=True)


@bp.post("/<int:rule_id>/reject")
@permission(Permission.PAYER_RULE_DECIDE)
def reject(rule_id: int) -> Answer:
    return decide(rule_id, RejectPayerForm(), approve=False)


def decide(rule_id: int, form: ApprovePayerForm | RejectPayerForm, *, approve: bool) -> Answer:
    session = db_session()
    check(identity_here(), Permission.PAYER_RULE_DECIDE, payers.payer_row(session, rule_id).rule)
    if not form.validate_on_submit():
        return rule_page(rule_id, **{"approve_form" if approve else "reject_form": form}), 422
    with unit_of_work(session):
        once(form, session)
        given: dict[str, Any] = {"reason": form.reason.data or "", "actor": current_actor(), "now": clock().now()}
        payers.decide_payer(session, rule_id, approve=approve, **given)
    flash("Runs take this payer for a sign of the account." if approve else "It is not believed.", "success")
    return redirect(url_for(".show", rule_id=rule_id))


@bp.post("/<int:rule_id>/withdraw")
@permission(Permission.PAYER_RULE_PROPOSE)
def withdraw(rule_id: int) -> Answer:
    """Whoever proposed it takes it back."""
    session, form = db_session(), WithdrawPayerForm()
    payers.payer_row(session, rule_id)
    if not form.validate_on_submit():
        return rule_page(rule_id), 422
    with unit_of_work(session):
        once(form, session)
        payers.withdraw_payer(session, rule_id, actor=current_actor(), now=clock().now())
    flash("Withdrawn. Nobody decides on it any more.", "info")
    return redirect(url_for(".show", rule_id=rule_id))


@bp.post("/<int:rule_id>/retire")
@permission(Permission.PAYER_RULE_PROPOSE)
def retire(rule_id: int) -> Answer:
    session, form = db_session(), RetirePayerForm()
    payers.payer_row(session, rule_id)
    if not form.validate_on_submit():
        return rule_page(rule_id, retire_form=form), 422
    with unit_of_work(session):
        once(form, session)
        given: dict[str, Any] = {"actor": current_actor(), "now": clock().now()}
        payers.retire_payer(session, rule_id, reason=form.reason.data or "", **given)
    flash("Believed no longer. What it helped to tie stays.", "info")
    return redirect(url_for(".show", rule_id=rule_id))
