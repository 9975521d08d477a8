"""Repayment plans: proposed within limits by agencies or by the bank, accepted, watched against confirmed money."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from allocations.agencies.service import lender
from allocations.casework import plans
from allocations.casework.plan_models import RepaymentPlan
from allocations.casework.plans import Planned
from allocations.casework.schedules import STATES
from portal.access.guard import check, permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Forbidden, Problem
from portal.kernel.money import Money
from portal.web.bank.exports import MOST_ROWS, export
from portal.web.edge import clock, current_actor, db_session, identity_here, once, page_of
from portal.web.plans_forms import BackForm, CancelForm, NoForm, PlanForm, YesForm
from portal.web.schedule_typed import schedule_typed
from portal.web.spoken import mode
from portal.web.typed import as_choices, kept_on_page, minor_typed

bp = Blueprint("bank_plans", __name__, url_prefix="/bank/plans")
STATUSES = ("proposed", "active", "kept", "broken", "cancelled", "rejected", "withdrawn")
Answer = Response | tuple[str, int]


def chosen() -> dict[str, Any]:
    return {name: request.args.get(name, "").strip()[:60] for name in ("status", "account")}


@bp.get("")
@permission(Permission.PLAN_READ)
def index() -> str:
    session, asked, today = db_session(), chosen(), clock().today()
    page = page_of(
        lambda after, limit: plans.list_plans(session, **asked, after=after, limit=limit), lambda row: (row.plan.id,)
    )
    seen = plans.watch_plans(session, [row.plan for row in page.rows], today)
    filters = {name: value for name, value in asked.items() if value}
    due = plans.reminders(session, today)
    return render_template(
        "bank/plans/index.html", page=page, seen=seen, due=due, filters=filters, statuses=as_choices(STATUSES)
    )


EXPORTED = (
    *("plan", "loan_account_no", "agency", "status", "dues", "seen", "missing", "currency", "from_on"),
    *("instalments", "mode", "proposed_by", "decided_by", "closed_on", "reason"),
)


@bp.get("/export.<kind>")
@permission(Permission.PLAN_READ)
def download(kind: str) -> Response:
    session = db_session()
    rows = plans.list_plans(session, **chosen(), limit=MOST_ROWS)
    seen = plans.watch_plans(session, [row.plan for row in rows], clock().today())
    lines = []
    for row in rows:
        made, watched = row.plan, seen[row.plan.id]
        money = (made.dues_minor, watched.paid_minor, watched.missing_minor)
        lines.append(
            [
                *(made.id, row.loan_account_no, row.agency_code or "", made.status),
                *(Money(minor, made.currency) for minor in money),
                *(made.currency, made.from_on, len(made.schedule), made.mode, made.proposed_by, made.decided_by),
                *(made.closed_on, made.reason),
            ]
        )
    return export("repayment-plans", kind, EXPORTED, lines, chosen())


REMINDED = ("loan_account_no", "customer_name", "mobile", "due_on", "amount", "currency", "message")


@bp.get("/reminders.<kind>")
@permission(Permission.PLAN_READ)
def reminders(kind: str) -> Response:
    """Today's reminders, for the house that sends the bank's messages."""
    found = plans.reminders(db_session(), clock().today())
    rows = [
        [
            *(each.loan_account_no, each.customer_name, each.mobile, each.due_on),
            *(Money(each.amount_minor, each.currency), each.currency, each.words),
        ]
        for each in found
    ]
    return export("plan-reminders", kind, REMINDED, rows, {})


@bp.route("/new", methods=["GET", "POST"])
@permission(Permission.PLAN_PROPOSE)
def new() -> str | Answer:
    session, form = db_session(), PlanForm(loan_account_no=request.args.get("account", "")[:60])
    problems: list[Problem] = []
    if form.validate_on_submit():
        with kept_on_page(problems):
            planned = planned_in(form, lender(session).currency)
            with unit_of_work(session):
                once(form, session)
                made = plans.propose_plan(session, planned, actor=current_actor(), now=clock().now()).id
            flash("Proposed. It runs once another person accepts it.", "success")
            return redirect(url_for(".show", plan_id=made))
    page = render_template("bank/plans/new.html", form=form, problems=problems)
    return (page, 422) if form.errors or problems else page


def planned_in(form: PlanForm, currency: str) -> Planned:
    """What the form says. Invalid when an amount or a line cannot be read."""
    assert form.from_on.data is not None  # the form asks for it
    total = minor_typed(form.amount.data, currency) or 0
    given: dict[str, Any] = {"total_minor": total, "count": form.count.data, "first_on": form.first_on.data}
    schedule = schedule_typed(form.schedule.data, currency, **given)
    number, reason = form.loan_account_no.data or "", form.reason.data or ""
    return Planned(number, form.from_on.data, schedule, form.mode.data, reason)


@bp.get("/<int:plan_id>")
@permission(Permission.PLAN_READ)
def show(plan_id: int) -> str:
    return plan_page(plan_id)


def plan_page(plan_id: int, **forms: Any) -> str:
    session = db_session()
    row = plans.plan_row(session, plan_id)
    acts = {
        "accept_form": YesForm(formdata=None),
        "reject_form": NoForm(formdata=None),
        "cancel_form": CancelForm(formdata=None),
        "back_form": BackForm(formdata=None),
        "problems": [],
    }
    watch = plans.watch_plans(session, [row.plan], clock().today())[plan_id]
    given = {"row": row, "made": row.plan, "watch": watch, "states": STATES, "spoken_mode": mode}
    return render_template("bank/plans/show.html", **given, **acts | forms)


def act(
    plan_id: int, form: Any, name: str, said: str, needed: Permission, does: Callable[[RepaymentPlan], Any]
) -> Answer:
    """One act on a plan from its page."""
    session, problems = db_session(), list[Problem]()
    check(identity_here(), needed, plans.plan_row(session, plan_id).plan)
    if form.validate_on_submit():
        try:
            with kept_on_page(problems, "not_open", "is_not_the_maker"), unit_of_work(session):
                once(form, session)
                does(plans.load_plan(session, plan_id))
        except Forbidden as refused:
            if refused.code != "needs_approver":
                raise
            problems.append(Problem(refused.code, refused.message, refused.cure))
        if not problems:
            flash(said, "success")
            return redirect(url_for(".show", plan_id=plan_id))
    return plan_page(plan_id, **{name: form, "problems": problems}), 422


def by() -> dict[str, Any]:
    return {"actor": current_actor(), "now": clock().now()}


@bp.post("/<int:plan_id>/accept")
@permission(Permission.PLAN_DECIDE)
def accept(plan_id: int) -> Answer:
    form = YesForm()
    does = lambda found: plans.decide_plan(db_session(), found, accept=True, reason=form.reason.data or "", **by())  # noqa: E731
    return act(plan_id, form, "accept_form", "Accepted: it runs.", Permission.PLAN_DECIDE, does)


@bp.post("/<int:plan_id>/reject")
@permission(Permission.PLAN_DECIDE)
def reject(plan_id: int) -> Answer:
    form = NoForm()
    does = lambda found: plans.decide_plan(db_session(), found, accept=False, reason=form.reason.data or "", **by())  # noqa: E731
    return act(plan_id, form, "reject_form", "Rejected.", Permission.PLAN_DECIDE, does)


@bp.post("/<int:plan_id>/cancel")
@permission(Permission.PLAN_DECIDE)
def cancel(plan_id: int) -> Answer:
    form = CancelForm()
    does = lambda found: plans.cancel_plan(db_session(), found, reason=form.reason.data or "", **by())  # noqa: E731
    return act(plan_id, form, "cancel_form", "It ended.", Permission.PLAN_DECIDE, does)


@bp.post("/<int:plan_id>/withdraw")
@permission(Permission.PLAN_PROPOSE)
def withdraw(plan_id: int) -> Answer:
    """Take back one the bank proposed itself."""
    if refusal := plans.withdraw_refusal(plans.plan_row(db_session(), plan_id).plan):
        raise refusal
    does = lambda found: plans.withdraw_plan(db_session(), found, **by())  # noqa: E731
    return act(plan_id, BackForm(), "back_form", "Withdrawn.", Permission.PLAN_PROPOSE, does)
