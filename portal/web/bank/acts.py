"""Acts by hand that two people agree on: what waits, what one act would do to both sides, and what was decided."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms.fields.choices import SelectChoice

from allocations.reconciliation.bench import acts
from allocations.reconciliation.bench.act_queries import (
    KIND_SAYS,
    ActStory,
    act_story,
    list_acts,
    load_act,
    refunds_near,
    waiting_acts,
)
from allocations.reconciliation.bench.effects import UNDOABLE
from allocations.reconciliation.bench.payers import offered_payer
from allocations.reconciliation.bench_models import HandAct
from portal.access.guard import check, permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid
from portal.kernel.money import shown
from portal.web.bank.acts_forms import ApproveActForm, DebitForm, RejectActForm, UndoActForm, WithdrawActForm
from portal.web.bank.payers_forms import ProposePayerForm
from portal.web.edge import clock, current_actor, db_session, identity_here, once, page_of
from portal.web.filters import day

bp = Blueprint("bank_acts", __name__, url_prefix="/bank/acts")
TABS = {"waiting": "Wait for a second person", "mine": "Proposed by me", "decided": "Decided"}
Answer = Response | tuple[str, int]


@bp.get("")
@permission(Permission.HAND_ACT_READ)
def index() -> str:
    session, tab = db_session(), request.args.get("show", "waiting")
    tab = tab if tab in TABS else "waiting"
    kind = request.args.get("kind", "")
    page = page_of(
        lambda after, limit: list_acts(
            session,
            show="all" if tab == "mine" else tab,
            kind=kind if kind in KIND_SAYS else "",
            mine=current_actor().email if tab == "mine" else "",
            after=after,
            limit=limit,
        ),
        lambda row: (row.act.id,),
    )
    return render_template(
        "bank/acts/index.html", page=page, tab=tab, tabs=TABS, kinds=KIND_SAYS, waiting=waiting_acts(session)
    )


@bp.get("/<int:act_id>")
@permission(Permission.HAND_ACT_READ)
def show(act_id: int) -> str:
    return act_page(act_id)


def act_page(act_id: int, problems: Any = (), **forms: Any) -> str:
    session = db_session()
    story = act_story(session, act_id, now=clock().now())
    link = story.rows.link
    offer = offered_payer(session, link) if link is not None and story.act.status == "done" else None
    given = {
        "approve_form": ApproveActForm(formdata=None),
        "reject_form": RejectActForm(formdata=None),
        "withdraw_form": WithdrawActForm(formdata=None),
        "undo_form": UndoActForm(formdata=None),
        "debit_form": debit_form(story, fresh=True),
    }
    return render_template(
        "bank/acts/show.html",
        story=story,
        act=story.act,
        kinds=KIND_SAYS,
        is_mine=story.act.proposed_by == current_actor().email,
        undoable=story.act.kind in UNDOABLE and story.act.status == "done" and story.taken_back_by is None,
        offer=offer,
        payer_form=ProposePayerForm(formdata=None),
        problems=problems,
        **given | forms,
    )


def debit_form(story: ActStory, *, fresh: bool = False) -> DebitForm | None:
    """The debits that may show a return under way; None when it is none."""
    if not story.is_under_way or story.rows.line is None:
        return None
    form = DebitForm(formdata=None) if fresh else DebitForm()
    form.debit.choices = [
        SelectChoice(
            line.id,
            f"{shown(line.amount_minor, line.currency)} on {day(line.value_on)}, {line.ref}: {line.description}",
        )
        for line in refunds_near(db_session(), story.rows.line)
    ]
    return form


@bp.post("/<int:act_id>/approve")
@permission(Permission.HAND_ACT_DECIDE)
def approve(act_id: int) -> Answer:
    """It is done now, exactly as proposed; Stale when what it was proposed on has moved."""
    return decide(act_id, ApproveActForm(), approve=True)


@bp.post("/<int:act_id>/reject")
@permission(Permission.HAND_ACT_DECIDE)
def reject(act_id: int) -> Answer:
    return decide(act_id, RejectActForm(), approve=False)


def decide(act_id: int, form: ApproveActForm | RejectActForm, *, approve: bool) -> Answer:
    session = db_session()
    check(identity_here(), Permission.HAND_ACT_DECIDE, load_act(session, act_id))
    if not form.validate_on_submit():
        return act_page(act_id, **{"approve_form" if approve else "reject_form": form}), 422
    with unit_of_work(session):
        once(form, session)
        given: dict[str, Any] = {"reason": form.reason.data or "", "actor": current_actor(), "now": clock().now()}
        act = acts.decide_act(session, act_id, approve=approve, **given)
        said = what(act)
    flash(f"{said}: done." if approve else f"{said}: rejected. Its maker reads why.", "success" if approve else "info")
    return redirect(url_for(".show", act_id=act_id))


@bp.post("/<int:act_id>/withdraw")
@permission(Permission.MATCH_CONFIRM)
def withdraw(act_id: int) -> Answer:
    """Its maker thinks better of it."""
    session, form = db_session(), WithdrawActForm()
    load_act(session, act_id)
    if not form.validate_on_submit():
        return act_page(act_id), 422
    with unit_of_work(session):
        once(form, session)
        said = what(acts.withdraw_act(session, act_id, actor=current_actor(), now=clock().now()))
    flash(f"{said}: withdrawn. Nothing was done.", "info")
    return redirect(url_for(".show", act_id=act_id))


@bp.post("/<int:act_id>/undo")
@permission(Permission.SUSPENSE_EDIT)
def undo(act_id: int) -> Answer:
    """Take a write-off, a return or an assignment back."""
    session, form = db_session(), UndoActForm()
    load_act(session, act_id)
    if not form.validate_on_submit():
        return act_page(act_id, undo_form=form), 422
    try:
        with unit_of_work(session):
            once(form, session)
            given: dict[str, Any] = {"actor": current_actor(), "now": clock().now()}
            made = acts.undo_act(session, act_id, reason=form.reason.data or "", **given)
            made_id, waits, amount = made.id, made.status == "proposed", shown(made.amount_minor, made.currency)
    except Invalid as wrong:
        return act_page(act_id, wrong.problems, undo_form=UndoActForm(formdata=None)), 422
    said = "waits for a second person" if waits else "is taken back; the money is open again"
    flash(f"{amount} {said}.", "info" if waits else "success")
    return redirect(url_for(".show", act_id=made_id))


@bp.post("/<int:act_id>/debit")
@permission(Permission.SUSPENSE_EDIT)
def debit(act_id: int) -> Answer:
    """The debit that shows a return has come."""
    session = db_session()
    form = debit_form(act_story(session, act_id, now=clock().now()))
    if form is None or not form.validate_on_submit():
        return act_page(act_id, **({"debit_form": form} if form else {})), 422
    try:
        with unit_of_work(session):
            once(form, session)
            acts.tie_debit(session, act_id, int(form.debit.data), actor=current_actor(), now=clock().now())
    except Invalid as wrong:
        return act_page(act_id, wrong.problems), 422
    flash("The return is complete: the debit shows it.", "success")
    return redirect(url_for(".show", act_id=act_id))


def what(act: HandAct) -> str:
    return f"{KIND_SAYS[act.kind]}, {shown(act.amount_minor, act.currency)}"
