"""An approved settlement pointed to the agency's new bank details: proposed on its page, and decided there by another person."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from payouts.settlements import repointing
from payouts.settlements.repointing_models import SettlementRepointing
from payouts.settlements.service import load
from portal.access.guard import check, permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import NotFound
from portal.kernel.money import shown
from portal.web.bank.repointing_panel import (
    AcceptRepointingForm,
    RejectRepointingForm,
    RepointForm,
    WithdrawRepointingForm,
)
from portal.web.bank.settlements import settlement_page
from portal.web.edge import ActForm, clock, current_actor, db_session, identity_here, once

bp = Blueprint("bank_repointings", __name__, url_prefix="/bank/settlements/<ref>/repointing")
Answer = Response | tuple[str, int]


def page(ref: str, **forms: ActForm) -> Answer:
    return settlement_page(ref, **forms), 422


def waiting_here(session: Session, ref: str) -> SettlementRepointing:
    found = repointing.waiting_of(session, load(session, ref).id)
    if found is None:
        raise NotFound("No re-pointing of it waits.")
    return found


@bp.post("")
@permission(Permission.SETTLEMENT_REPOINT)
def propose(ref: str) -> Answer:
    """Ask that it be paid to the agency's bank details of now; another person decides."""
    session, form = db_session(), RepointForm()
    load(session, ref)
    if not form.validate_on_submit():
        return page(ref, repoint_form=form)
    shown_version = form.expected_version.data or ""
    version = int(shown_version) if shown_version.isdecimal() and len(shown_version) < 10 else 0
    given: dict[str, Any] = {"reason": form.reason.data or "", "actor": current_actor(), "now": clock().now()}
    with unit_of_work(session):
        once(form, session)
        repointing.propose_repointing(session, ref, expected_version=version, **given)
    flash("Another person decides where it is paid.", "success")
    return redirect(url_for("bank_settlements.show", ref=ref))


@bp.post("/accept")
@permission(Permission.REPOINTING_DECIDE)
def accept(ref: str) -> Answer:
    session, form = db_session(), AcceptRepointingForm()
    found = waiting_here(session, ref)
    check(identity_here(), Permission.REPOINTING_DECIDE, found)
    if not form.validate_on_submit():
        return page(ref, accept_repointing_form=form)
    given: dict[str, Any] = {"actor": current_actor(), "now": clock().now(), "comment": form.comment.data or ""}
    with unit_of_work(session):
        once(form, session)
        done = repointing.accept_repointing(session, found.ref, expected_hash=form.expected_hash.data, **given)
        amount = shown(done.amount_minor, done.currency)
        said = f"{amount} of {ref} goes to the new account; the agency is told."
        if done.status == "checked":
            said = f"Your key to {done.ref} is turned. A third person must agree: {amount}."
    flash(said, "success")
    return redirect(url_for("bank_settlements.show", ref=ref))


@bp.post("/reject")
@permission(Permission.REPOINTING_DECIDE)
def reject(ref: str) -> Answer:
    session, form = db_session(), RejectRepointingForm()
    found = waiting_here(session, ref)
    check(identity_here(), Permission.REPOINTING_DECIDE, found)
    if not form.validate_on_submit():
        return page(ref, reject_repointing_form=form)
    given: dict[str, Any] = {"actor": current_actor(), "now": clock().now(), "reason": form.reason.data or ""}
    with unit_of_work(session):
        once(form, session)
        repointing.reject_repointing(session, found.ref, **given)
    flash("It is turned down; nothing is paid until somebody proposes anew.", "info")
    return redirect(url_for("bank_settlements.show", ref=ref))


@bp.post("/withdraw")
@permission(Permission.SETTLEMENT_REPOINT)
def withdraw(ref: str) -> Answer:
    """Whoever proposed it takes it back."""
    session, form = db_session(), WithdrawRepointingForm()
    found = waiting_here(session, ref)
    if not form.validate_on_submit():
        return page(ref)
    with unit_of_work(session):
        once(form, session)
        repointing.withdraw_repointing(session, found.ref, actor=current_actor(), now=clock().now())
    flash("It is taken back.", "info")
    return redirect(url_for("bank_settlements.show", ref=ref))
