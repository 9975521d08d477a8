"""What an agency asks of the bank: to give an account back, or to keep it longer."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response
from wtforms import DateField, SelectField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length

from allocations.placements import own_queries, request_queries
from allocations.placements.request_rules import KIND_WORDS, RETURN_REASONS, Asked, reason_words
from allocations.placements.requests import PROPOSALS, ask, withdraw
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Problem
from portal.web.agency.accounts import own_agency_id, own_sight
from portal.web.edge import ActForm, clock, current_actor, db_session, once, page_of
from portal.web.typed import kept_on_page

bp = Blueprint("agency_requests", __name__, url_prefix="/agency/requests")
Answer = str | Response | tuple[str, int]
WHY = [InputRequired("Say why."), Length(min=3, max=500)]


class ReturnForm(ActForm):
    reason_code = SelectField(
        "Why do you give it back?", choices=[SelectChoice(*each) for each in RETURN_REASONS.items()]
    )
    last_on = DateField("Your last day with it", [InputRequired("Choose a day.")])
    reason = TextAreaField("In your words", [*WHY], id="return-reason")


class LongerForm(ActForm):
    to_on = DateField("New last day", [InputRequired("Choose a day.")])
    reason = TextAreaField("Why do you need longer?", [*WHY], id="longer-reason")


class TakeBackForm(ActForm):
    """One click."""


@bp.get("")
@permission(Permission.OWN_ALLOCATION_ASK)
def index() -> str:
    session, agency_id = db_session(), own_agency_id()
    page = page_of(
        lambda after, limit: request_queries.own_requests(session, agency_id, after, limit), lambda row: (row.id,)
    )
    return render_template(
        "agency/requests/index.html",
        page=page,
        kinds=KIND_WORDS,
        reason_words=reason_words,
        form=TakeBackForm(formdata=None),
    )


@bp.get("/ask/<int:allocation_id>")
@permission(Permission.OWN_ALLOCATION_ASK)
def new(allocation_id: int) -> str:
    return ask_page(allocation_id)


def ask_page(allocation_id: int, **forms: Any) -> str:
    session, agency_id = db_session(), own_agency_id()
    allocation = own_queries.own_allocation(session, agency_id, allocation_id, own_sight())
    today = clock().today()
    given = {
        "return_form": ReturnForm(formdata=None, last_on=today),
        "longer_form": LongerForm(formdata=None),
        "problems": [],
    }
    return render_template(
        "agency/requests/ask.html",
        allocation=allocation,
        waiting=request_queries.own_waiting(session, agency_id, allocation.id),
        kinds=KIND_WORDS,
        **given | forms,
    )


@bp.post("/ask/<int:allocation_id>/return")
@permission(Permission.OWN_ALLOCATION_ASK)
def give_back(allocation_id: int) -> Answer:
    form = ReturnForm()
    wish = Asked("return", form.reason.data or "", form.reason_code.data or "", form.last_on.data)
    return propose(allocation_id, wish, form, "return_form")


@bp.post("/ask/<int:allocation_id>/extension")
@permission(Permission.OWN_ALLOCATION_ASK)
def longer(allocation_id: int) -> Answer:
    form = LongerForm()
    return propose(
        allocation_id, Asked("extension", form.reason.data or "", to_on=form.to_on.data), form, "longer_form"
    )


def propose(allocation_id: int, wish: Asked, form: ReturnForm | LongerForm, word: str) -> Answer:
    session, problems = db_session(), list[Problem]()
    allocation = own_queries.own_allocation(session, own_agency_id(), allocation_id, own_sight())
    if not form.validate_on_submit():
        return ask_page(allocation_id, **{word: form}), 422
    with kept_on_page(problems, "waits"):
        with unit_of_work(session):
            once(form, session)
            given: dict[str, Any] = {"actor": current_actor(), "now": clock().now(), "today": clock().today()}
            ask(session, allocation, wish, side="agency", **given)
        flash("Asked. The bank answers; until then go on as before.", "success")
        return redirect(url_for(".index"))
    session.rollback()
    return ask_page(allocation_id, problems=problems, **{word: form}), 422


@bp.post("/<int:request_id>/withdraw")
@permission(Permission.OWN_ALLOCATION_ASK)
def take_back(request_id: int) -> Answer:
    session, form = db_session(), TakeBackForm()
    with unit_of_work(session):
        once(form, session)
        found = PROPOSALS.load(session, id=request_id, agency_id=own_agency_id(), side="agency")
        withdraw(session, found, actor=current_actor(), now=clock().now())
    flash("Taken back.", "success")
    return redirect(url_for(".index"))
