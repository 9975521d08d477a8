"""An agency's notes on the accounts it holds."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from allocations.casework import notes
from allocations.placements import own_queries
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Problem, Refused
from portal.web.agency.accounts import own_agency_id, own_sight
from portal.web.edge import clock, current_actor, db_session, once
from portal.web.notes_form import NoteForm
from portal.web.typed import kept_on_page

bp = Blueprint("agency_notes", __name__, url_prefix="/agency/accounts")


@bp.route("/<int:allocation_id>/notes/new", methods=["GET", "POST"])
@permission(Permission.OWN_NOTE_WRITE)
def new(allocation_id: int) -> str | Response | tuple[str, int]:
    """Add a note; the bank sees it, an agency that comes later does not."""
    session, form, problems = db_session(), NoteForm(), list[Problem]()
    given: dict[str, Any] = {"today": clock().today(), "sight": own_sight()}
    found = own_queries.own_account(session, own_agency_id(), allocation_id, **given)
    if found.account is None:
        raise Refused("You no longer hold this account.", code="not_held", cure="Its notes stay with the bank.")
    if form.validate_on_submit():
        with kept_on_page(problems):
            with unit_of_work(session):
                once(form, session)
                by: dict[str, Any] = {"agency_id": own_agency_id(), "actor": current_actor(), "now": clock().now()}
                notes.write_note(session, found.account, form.body.data or "", is_hidden=form.is_hidden.data, **by)
            flash("The note is kept. The bank sees it too.", "success")
            return redirect(url_for("agency_accounts.show", allocation_id=allocation_id))
    page = render_template("agency/notes/new.html", form=form, allocation=found.allocation, problems=problems)
    return (page, 422) if form.errors or problems else page
