"""The paying stop: one press stops every payment; two people let it go on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from payouts.rails import stops
from payouts.rails.connected_jobs import providers_daily
from payouts.rails.lifecycle import PAYOUT_SHOWN
from payouts.rails.provider_models import PayingStop
from portal.access.guard import check, permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid
from portal.kernel.jobs import enqueue
from portal.web.edge import clock, current_actor, db_session, identity_here, once
from portal.web.finance.payouts_forms import LookForm, StopForm

bp = Blueprint("finance_stops", __name__, url_prefix="/finance/paying-stop")
Answer = Response | tuple[str, int]


@bp.get("")
@permission(Permission.BATCH_READ)
def index() -> str:
    return stops_page()


def ask_form_of(stop: PayingStop) -> StopForm:
    """The form about one agency's money, its field named apart from those of another on the same page."""
    form = StopForm(formdata=None)
    form.reason.id = f"reason-{stop.id}"
    return form


def stops_page(**given: Any) -> str:
    session = db_session()
    forms: dict[str, Any] = {
        "stop_form": StopForm(formdata=None, prefix=""),
        "ask_form": StopForm(formdata=None),
        "lift_form": LookForm(formdata=None),
        "look_up_form": LookForm(formdata=None),
        "problems": [],
    }
    standing = stops.what_stands(session)
    return render_template(
        "finance/stops/index.html",
        standing=standing,
        past=stops.past_stops(session),
        held=[(stop, name, ask_form_of(stop)) for stop, name in stops.agency_stops(session)],
        me=current_actor().email,
        payout_words=PAYOUT_SHOWN,
        asks_provider=any(each.act == "look_up" for stand in standing for each in stand.open),
        **forms | given,
    )


@bp.post("")
@permission(Permission.PAYING_STOP)
def stop() -> Answer:
    form = StopForm()
    if not form.validate_on_submit():
        return stops_page(stop_form=form), 422
    reason = form.reason.data or ""
    return done(form, lambda **given: stops.stop_paying(db_session(), reason, **given), "Paying is stopped.")


@bp.post("/<int:stop_id>/ask")
@permission(Permission.PAYING_STOP)
def ask(stop_id: int) -> Answer:
    """Say why paying may go on."""
    form = StopForm()
    stops.load_stop(db_session(), stop_id)
    if not form.validate_on_submit():
        return stops_page(ask_form=form), 422
    reason = form.reason.data or ""
    said = "Another person lifts the stop now."
    return done(form, lambda **given: stops.ask_to_lift(db_session(), stop_id, reason, **given), said)


@bp.post("/<int:stop_id>/lift")
@permission(Permission.PAYING_LIFT)
def lift(stop_id: int) -> Answer:
    form = LookForm()
    check(identity_here(), Permission.PAYING_LIFT, stops.load_stop(db_session(), stop_id))
    if not form.validate_on_submit():
        return stops_page(), 422
    said = "The stop is lifted: payments may be made again."
    return done(form, lambda **given: stops.lift(db_session(), stop_id, **given), said)


@bp.post("/look-up")
@permission(Permission.PAYOUT_SYNC)
def look_up() -> Answer:
    """Have the provider asked about everything under way; while paying is stopped nothing is sent."""
    form = LookForm()
    if not form.validate_on_submit():
        return stops_page(), 422
    with unit_of_work(db_session()):
        once(form, db_session())
        enqueue(db_session(), providers_daily, {}, actor=current_actor(), now=clock().now(), lock="providers")
    flash("The provider is being asked. Open this page again in a minute.", "success")
    return redirect(url_for(".index"))


def done(form: StopForm | LookForm, deed: Callable[..., object], said: str) -> Answer:
    try:
        with unit_of_work(db_session()):
            once(form, db_session())
            deed(actor=current_actor(), now=clock().now())
    except Invalid as wrong:
        return stops_page(problems=wrong.problems), 422
    flash(said, "success")
    return redirect(url_for(".index"))
