"""Agencies' accounts at Stripe: open one, ask what Stripe says of it, stop paying to it; and what Stripe told us of late."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from payouts.rails import connected
from payouts.rails.choosing import ONLINE_RAIL, WHY_A_FILE
from payouts.rails.connected_protocol import Provider
from payouts.rails.connected_queries import accounts, may_have_one, recent_events, waiting_events
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Refused
from portal.web.edge import clock, current_actor, db_session, once, online_rails
from portal.web.finance.connect_forms import AccountForm, OpenAccountForm

bp = Blueprint("finance_connect", __name__, url_prefix="/finance/stripe")
Answer = Response | tuple[str, int]


@bp.get("")
@permission(Permission.CONNECTED_READ)
def index() -> str:
    return page(open_form())


def open_form() -> OpenAccountForm:
    form, provider = OpenAccountForm(), online_rails().get(ONLINE_RAIL)
    form.offer(may_have_one(db_session(), provider) if provider else [])
    return form


def page(form: OpenAccountForm) -> str:
    session = db_session()
    return render_template(
        "finance/connect/index.html",
        provider=online_rails().get(ONLINE_RAIL),
        form=form,
        account_form=AccountForm(formdata=None),
        rows=accounts(session, ONLINE_RAIL),
        events=recent_events(session, ONLINE_RAIL),
        waiting=waiting_events(session, ONLINE_RAIL),
        why_a_file=WHY_A_FILE,
    )


def provider_here() -> Provider:
    provider = online_rails().get(ONLINE_RAIL)
    if provider is None:
        raise Refused("Stripe is not set up here.", code="no_provider", cure="Set PORTAL_STRIPE_KEY.")
    return provider


@bp.post("")
@permission(Permission.CONNECTED_EDIT)
def open_account() -> Answer:
    """Plan, ask Stripe outside any transaction, keep. Pressed again after a crash it is the same account."""
    session, form, provider = db_session(), open_form(), provider_here()
    if not form.validate_on_submit():
        return page(form), 422
    actor = current_actor()
    with unit_of_work(session):
        once(form, session)
        plan = connected.plan_account(session, form.agency.data, provider, actor=actor)
    state = provider.open_account(plan)
    with unit_of_work(session):
        connected.keep_account(session, plan, state, provider, actor=actor, now=clock().now())
    flash(f"{plan.legal_name} has an account at Stripe. Its owner goes on from the agency's Company page.", "success")
    return redirect(url_for(".index"))


@bp.post("/<account>/ask")
@permission(Permission.CONNECTED_EDIT)
def ask(account: str) -> Answer:
    """What Stripe says of it now."""
    session, form = db_session(), AccountForm()
    given: dict[str, Any] = {"actor": current_actor(), "now": clock().now()}
    with unit_of_work(session):
        connected.account_of(session, ONLINE_RAIL, account)
    if not form.validate_on_submit():
        raise NotFound()
    provider = provider_here()
    state = provider.account_state(account)
    with unit_of_work(session):
        once(form, session)
        row = connected.account_of(session, ONLINE_RAIL, account, locked=True)
        can = connected.told(session, row, state, **given).can_be_paid
    flash("It can be paid." if can else "It cannot be paid yet.", "success" if can else "warning")
    return redirect(url_for(".index"))


@bp.post("/<account>/close")
@permission(Permission.CONNECTED_EDIT)
def close(account: str) -> Answer:
    """Pay nothing to it any more."""
    session, form = db_session(), AccountForm()
    connected.account_of(session, ONLINE_RAIL, account)
    if not form.validate_on_submit():
        return page(open_form()), 422
    with unit_of_work(session):
        once(form, session)
        connected.close_account(session, ONLINE_RAIL, account, actor=current_actor(), now=clock().now())
    flash("Nothing is paid to that account any more.", "info")
    return redirect(url_for(".index"))
