"""An agency's disputes: those that wait, what was written to each, and what became of it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.exceptions import UnprocessableEntity
from werkzeug.wrappers import Response

from payouts.settlements import dispute_messages, disputes
from payouts.settlements import dispute_queries as queries
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, Problem
from portal.web.agency.answers_forms import TakeBackForm, WriteForm
from portal.web.edge import clock, current_actor, db_session, once, page_of
from portal.web.handed_files import handed_out, kept_file

bp = Blueprint("agency_disputes", __name__, url_prefix="/agency/disputes")
Answer = Response | tuple[str, int]
TABS = {"waiting": "With the bank", "decided": "Decided", "withdrawn": "Taken back", "all": "All"}


def tab_asked(tabs: dict[str, str]) -> str:
    asked = request.args.get("state", "")
    return asked if asked in tabs else next(iter(tabs))


@bp.get("")
@permission(Permission.OWN_DISPUTE_READ)
def index() -> str:
    session, tab = db_session(), tab_asked(TABS)
    page = page_of(
        lambda after, limit: queries.list_disputes(session, tab=tab, after=after, limit=limit),
        lambda row: queries.key_of(row, tab),
    )
    today = clock().today()
    standing = queries.standing(session, today)
    return render_template("agency/disputes/index.html", page=page, tab=tab, tabs=TABS, standing=standing, today=today)


@bp.get("/<ref>")
@permission(Permission.OWN_DISPUTE_READ)
def show(ref: str) -> str:
    return dispute_page(ref)


def dispute_page(ref: str, problems: list[Problem] | None = None, **forms: Any) -> str:
    session = db_session()
    row = queries.dispute_row(session, ref)
    acts = {"write_form": WriteForm(formdata=None), "withdraw_form": TakeBackForm(formdata=None)}
    return render_template(
        "agency/disputes/show.html",
        row=row,
        dispute=row.dispute,
        messages=dispute_messages.messages_of(session, row.dispute.id),
        outcome=queries.outcome_of(session, row.dispute),
        today=clock().today(),
        problems=problems or [],
        **acts | forms,
    )


@bp.post("/<ref>/write")
@permission(Permission.OWN_DISPUTE_WRITE)
def write(ref: str) -> Answer:
    """Add words or a file."""
    session, form = db_session(), WriteForm()
    row = queries.dispute_row(session, ref)
    if not form.validate_on_submit():
        return dispute_page(ref, write_form=form), 422
    try:
        with unit_of_work(session):
            once(form, session)
            file = kept_file(form.file, row.dispute.agency_id)
            given: dict[str, Any] = {"actor": current_actor(), "now": clock().now(), "side": "agency"}
            dispute_messages.write(session, disputes.load_own(session, ref), form.body.data or "", file=file, **given)
    except Invalid as wrong:
        return dispute_page(ref, wrong.problems, write_form=form), 422
    flash("Sent to the bank.", "success")
    return redirect(url_for(".show", ref=ref))


@bp.post("/<ref>/withdraw")
@permission(Permission.OWN_DISPUTE_WRITE)
def withdraw(ref: str) -> Response:
    """Take it back: the line stands."""
    session, form = db_session(), TakeBackForm()
    queries.dispute_row(session, ref)
    if not form.validate_on_submit():
        raise UnprocessableEntity()
    with unit_of_work(session):
        once(form, session)
        disputes.withdraw_dispute(session, ref, actor=current_actor(), now=clock().now())
    flash(f"{ref} is taken back: the line stands as it is.", "info")
    return redirect(url_for(".show", ref=ref))


@bp.get("/<ref>/files/<int:message_id>")
@permission(Permission.OWN_DISPUTE_READ)
def file(ref: str, message_id: int) -> Response:
    """A file either side added."""
    session = db_session()
    row = queries.dispute_row(session, ref)
    found = dispute_messages.message_with_file(session, row.dispute.id, message_id)
    return handed_out(found.file_sha256, found.file_name)
