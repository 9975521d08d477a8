"""Where and how much an agency may work: states, pincodes, products, and the principal it may hold at one time."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response
from wtforms import HiddenField, StringField
from wtforms.validators import InputRequired, Length

from allocations.agencies.changes import change_by_hand
from allocations.agencies.models import Agency
from allocations.agencies.queries import find_agency
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Problem
from portal.kernel.money import Money
from portal.web.edge import ActForm, clock, current_actor, db_session, once
from portal.web.typed import kept_on_page, minor_typed

bp = Blueprint("bank_reach", __name__, url_prefix="/bank/agencies")
LISTS = ("licensed_states", "licensed_pincodes", "licensed_products")
EVERYWHERE = "With spaces between; empty: all."


class ReachForm(ActForm):
    exposure_cap = StringField(
        "Principal it may hold", [Length(max=40)], description="At one time, in whole units; empty: no limit."
    )
    licensed_states = StringField("States", [Length(max=4000)], description=EVERYWHERE)
    licensed_pincodes = StringField("Pincodes", [Length(max=4000)], description="How they begin. " + EVERYWHERE)
    licensed_products = StringField("Products", [Length(max=4000)], description=EVERYWHERE)
    expected_version = HiddenField()
    reason = StringField("Why does it change?", [InputRequired("Say why."), Length(max=300)])


@bp.route("/<code>/reach", methods=["GET", "POST"])
@permission(Permission.AGENCY_EDIT)
def edit(code: str) -> str | Response | tuple[str, int]:
    session, problems = db_session(), list[Problem]()
    agency = find_agency(session, code)
    form = ReachForm(data=_shown(agency))
    if form.validate_on_submit():
        with kept_on_page(problems, "change_waits"):
            values: dict[str, Any] = {name: _words(form[name].data) for name in LISTS}
            values["exposure_cap_minor"] = minor_typed(form.exposure_cap.data, agency.currency)
            with unit_of_work(session):
                once(form, session)
                given: dict[str, Any] = {
                    "reason": form.reason.data or "",
                    "actor": current_actor(),
                    "now": clock().now(),
                }
                expected = int(form.expected_version.data or 0)
                done = change_by_hand(session, agency, values, **given, expected_version=expected)
            flash(done.said, "success" if done.is_anything else "info")
            return redirect(url_for("bank_agencies.show", code=code))
    page = render_template("bank/agencies/reach.html", form=form, agency=agency, problems=problems)
    return (page, 422) if form.errors or problems else page


def _words(text: str | None) -> list[str] | None:
    return sorted(set((text or "").replace(",", " ").upper().split())) or None


def _shown(agency: Agency) -> dict[str, str]:
    cap = agency.exposure_cap_minor
    lists = {name: " ".join(getattr(agency, name) or []) for name in LISTS}
    amount = "" if cap is None else Money(cap, agency.currency).major
    return {**lists, "exposure_cap": amount, "expected_version": str(agency.lock_version)}
