"""An agency's repayment plans and referrals: it asks, the bank decides, and it follows its own."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from allocations.agencies.dated_settings import setting_on
from allocations.casework import plans, referrals
from allocations.casework.referrals import KINDS
from allocations.casework.schedules import STATES
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import NotFound, Problem
from portal.web.agency.accounts import own_agency, own_agency_id
from portal.web.bank.plans import planned_in
from portal.web.bank.referrals import asked_in
from portal.web.edge import clock, current_actor, db_session, once, page_of
from portal.web.plans_forms import BackForm, PlanForm, ReferralForm
from portal.web.spoken import mode
from portal.web.typed import kept_on_page

bp = Blueprint("agency_plans", __name__, url_prefix="/agency")
Answer = Response | tuple[str, int]


def by() -> dict[str, Any]:
    return {"actor": current_actor(), "now": clock().now()}


@bp.get("/plans")
@permission(Permission.OWN_CASEWORK_READ)
def index() -> str:
    session, agency_id = db_session(), own_agency_id()
    page = page_of(
        lambda after, limit: plans.own_plans(session, agency_id, after, limit), lambda row: (row.RepaymentPlan.id,)
    )
    seen = plans.watch_plans(session, [row.RepaymentPlan for row in page.rows], clock().today())
    return render_template("agency/plans/index.html", page=page, seen=seen)


@bp.route("/plans/new", methods=["GET", "POST"])
@permission(Permission.OWN_CASEWORK_PROPOSE)
def new() -> str | Answer:
    """Propose a plan for an account the agency holds."""
    session, form, agency = db_session(), PlanForm(loan_account_no=request.args.get("account", "")[:60]), own_agency()
    problems: list[Problem] = []
    if form.validate_on_submit():
        with kept_on_page(problems):
            planned = planned_in(form, agency.currency)
            with unit_of_work(session):
                once(form, session)
                made = plans.propose_plan(session, planned, agency_id=agency.id, **by()).id
            flash("Proposed. It runs once the bank accepts it.", "success")
            return redirect(url_for(".show", plan_id=made))
    limits = setting_on(session, "plan.limits", clock().today())
    given = {"form": form, "problems": problems, "limits": limits, "currency": agency.currency}
    page = render_template("agency/plans/new.html", **given)
    return (page, 422) if form.errors or problems else page


@bp.get("/plans/<int:plan_id>")
@permission(Permission.OWN_CASEWORK_READ)
def show(plan_id: int) -> str:
    return plan_page(plan_id)


def plan_page(plan_id: int, problems: list[Problem] | None = None) -> str:
    session = db_session()
    rows = plans.own_plans(session, own_agency_id(), plan_id=plan_id)
    if not rows:
        raise NotFound("There is no such plan.")
    made = rows[0].RepaymentPlan
    watch = plans.watch_plans(session, [made], clock().today())[plan_id]
    given = {"row": rows[0], "made": made, "watch": watch, "states": STATES, "spoken_mode": mode}
    return render_template(
        "agency/plans/show.html", **given, back_form=BackForm(formdata=None), problems=problems or []
    )


@bp.post("/plans/<int:plan_id>/withdraw")
@permission(Permission.OWN_CASEWORK_PROPOSE)
def withdraw(plan_id: int) -> Answer:
    session, form, problems = db_session(), BackForm(), list[Problem]()
    plan_page(plan_id)
    if form.validate_on_submit():
        with kept_on_page(problems, "not_open"):
            with unit_of_work(session):
                once(form, session)
                plans.withdraw_plan(session, plans.load_own_plan(session, plan_id, own_agency_id()), **by())
            flash("Taken back.", "info")
            return redirect(url_for(".show", plan_id=plan_id))
    return plan_page(plan_id, problems), 422


# --- referrals


@bp.get("/referrals")
@permission(Permission.OWN_CASEWORK_READ)
def asked() -> str:
    return asked_page()


def asked_page() -> str:
    session, agency_id = db_session(), own_agency_id()
    page = page_of(
        lambda after, limit: referrals.own_referrals(session, agency_id, after, limit), lambda row: (row.Referral.id,)
    )
    return render_template(
        "agency/plans/referrals.html", page=page, kinds=KINDS, back_form=BackForm(formdata=None), problems=[]
    )


@bp.route("/referrals/new", methods=["GET", "POST"])
@permission(Permission.OWN_CASEWORK_PROPOSE)
def ask() -> str | Answer:
    """Ask that a borrower be sent to somebody who helps; the bank decides."""
    session, form = db_session(), ReferralForm(loan_account_no=request.args.get("account", "")[:60])
    problems: list[Problem] = []
    if form.validate_on_submit():
        with kept_on_page(problems):
            with unit_of_work(session):
                once(form, session)
                referrals.ask_referral(session, asked_in(form), agency_id=own_agency_id(), **by())
            flash("Asked for. The bank decides.", "success")
            return redirect(url_for(".asked"))
    page = render_template("agency/plans/ask.html", form=form, problems=problems)
    return (page, 422) if form.errors or problems else page


@bp.post("/referrals/<int:referral_id>/withdraw")
@permission(Permission.OWN_CASEWORK_PROPOSE)
def take_back(referral_id: int) -> Answer:
    session, form = db_session(), BackForm()
    referrals.load_own_referral(session, referral_id, own_agency_id())
    if form.validate_on_submit():
        with unit_of_work(session):
            once(form, session)
            found = referrals.load_own_referral(session, referral_id, own_agency_id())
            referrals.withdraw_referral(session, found, **by())
        flash("Taken back.", "info")
        return redirect(url_for(".asked"))
    return asked_page(), 422
