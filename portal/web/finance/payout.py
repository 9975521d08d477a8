"""One payout: where it stands, what it stands on, when it was seen at the bank; and what people found out about it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from payouts.ledger.queries import entries_about
from payouts.rails import findings
from payouts.rails.debit_queries import debits_of
from payouts.rails.fate_models import PayoutFinding
from payouts.rails.findings import SAYS, Found
from payouts.rails.lifecycle import PAYOUT_SHOWN, PAYOUT_TRANSITIONS
from payouts.rails.queries import payout_detail
from portal.access.guard import check, permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, NotFound, Problem
from portal.web.edge import clock, current_actor, db_session, identity_here, once
from portal.web.finance.payouts_forms import AgreeForm, FindingForm, LoseForm, TurnDownForm, UntieForm

bp = Blueprint("finance_payout", __name__, url_prefix="/finance/payout")
Answer = Response | tuple[str, int]


@bp.get("/<ref>")
@permission(Permission.BATCH_READ)
def show(ref: str) -> str:
    return payout_page(ref)


def payout_page(ref: str, problems: list[Problem] | None = None, **given: Any) -> str:
    session = db_session()
    detail = payout_detail(session, ref)
    payout = detail.payout
    found = FindingForm(formdata=None) if "finding_form" not in given else given["finding_form"]
    found.offer(findings.may_say(payout.status))
    forms: dict[str, Any] = {
        "finding_form": found,
        "lose_form": LoseForm(formdata=None),
        "agree_form": AgreeForm(formdata=None),
        "turn_down_form": TurnDownForm(formdata=None),
        "untie_form": UntieForm(formdata=None),
    }
    return render_template(
        "finance/payout/show.html",
        detail=detail,
        payout=payout,
        word=PAYOUT_SHOWN[payout.status],
        says=SAYS,
        problems=problems or [],
        findings=findings.findings_of(session, payout.id),
        waiting=findings.waiting_finding(session, payout.id),
        may_say=findings.may_say(payout.status),
        may_lose=(payout.status, "lose") in PAYOUT_TRANSITIONS,
        seen=debits_of(session, [payout.id]),
        entries=entries_about(session, [payout.ref]),
        **forms | given,
    )


@bp.post("/<ref>/found")
@permission(Permission.PAYOUT_SYNC)
def find(ref: str) -> Answer:
    """Say what became of it; another person agrees."""
    session, form = db_session(), FindingForm()
    detail = payout_detail(session, ref)
    form.offer(findings.may_say(detail.payout.status))
    if not form.validate_on_submit():
        return payout_page(ref, finding_form=form), 422
    said = Found(form.says.data, form.note.data or "", form.provider_ref.data or "", form.on_day.data)
    try:
        with unit_of_work(session):
            once(form, session)
            findings.propose_finding(session, ref, said, actor=current_actor(), now=clock().now())
    except Invalid as wrong:
        return payout_page(ref, wrong.problems, finding_form=form), 422
    flash(f"{SAYS[said.says]}: it counts once another person agrees.", "success")
    return redirect(url_for(".show", ref=ref))


@bp.post("/<ref>/lose")
@permission(Permission.PAYOUT_SYNC)
def lose(ref: str) -> Answer:
    """Nobody knows what became of it."""
    session, form = db_session(), LoseForm()
    payout_detail(session, ref)
    if not form.validate_on_submit():
        return payout_page(ref, lose_form=form), 422
    with unit_of_work(session):
        once(form, session)
        findings.lose(session, ref, form.reason.data or "", actor=current_actor(), now=clock().now())
    flash(f"{ref} is unknown: nothing more is paid on it until somebody has found out.", "info")
    return redirect(url_for(".show", ref=ref))


@bp.post("/<ref>/accept")
@permission(Permission.PAYOUT_FINDING_DECIDE)
def accept(ref: str) -> Answer:
    return decide(ref, AgreeForm(), accept=True)


@bp.post("/<ref>/reject")
@permission(Permission.PAYOUT_FINDING_DECIDE)
def reject(ref: str) -> Answer:
    return decide(ref, TurnDownForm(), accept=False)


def decide(ref: str, form: AgreeForm | TurnDownForm, *, accept: bool) -> Answer:
    session = db_session()
    found = waiting(ref)
    check(identity_here(), Permission.PAYOUT_FINDING_DECIDE, found)
    if not form.validate_on_submit():
        return payout_page(ref, **{"agree_form" if accept else "turn_down_form": form}), 422
    with unit_of_work(session):
        once(form, session)
        given: dict[str, Any] = {"reason": form.reason.data or "", "actor": current_actor(), "now": clock().now()}
        findings.decide_finding(session, found.id, accept=accept, **given)
    flash(f"{ref}: {SAYS[found.says].lower()}." if accept else f"{ref} stays where it is.", "success")
    return redirect(url_for(".show", ref=ref))


def waiting(ref: str) -> PayoutFinding:
    session = db_session()
    found = findings.waiting_finding(session, payout_detail(session, ref).payout.id)
    if found is None:
        raise NotFound("Nothing waits to be decided about it.")
    return found
