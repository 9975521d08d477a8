"""Case notes: all of them, found by their words, and adding one to an account."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from allocations.casework import notes
from allocations.placements.queries import find_account
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Problem
from portal.web.bank.exports import MOST_ROWS, export
from portal.web.edge import clock, current_actor, db_session, once, page_of
from portal.web.notes_form import BankNoteForm
from portal.web.typed import kept_on_page

bp = Blueprint("bank_notes", __name__, url_prefix="/bank/notes")
HIDDEN = [("no", "The borrower may see"), ("yes", "Not for the borrower")]


def chosen() -> dict[str, str]:
    return {name: request.args.get(name, "").strip()[:100] for name in ("words", "account", "hidden")}


@bp.get("")
@permission(Permission.NOTE_READ)
def index() -> str:
    session, asked = db_session(), chosen()
    page = page_of(
        lambda after, limit: notes.find_notes(session, **asked, after=after, limit=limit), lambda row: (row.note.id,)
    )
    filters = {name: value for name, value in asked.items() if value}
    return render_template("bank/notes/index.html", page=page, filters=filters, hidden=HIDDEN)


EXPORTED = ("loan_account_no", "written_at", "written_by", "agency", "shared", "not_for_borrower", "note")


@bp.get("/export.<kind>")
@permission(Permission.NOTE_READ)
def download(kind: str) -> Response:
    asked: dict[str, Any] = {**chosen()}
    rows = [
        [
            *(row.loan_account_no, row.note.written_at, row.note.written_by, row.agency_name or ""),
            *("yes" if row.note.is_shared else "no", "yes" if row.note.is_hidden else "no", row.note.body),
        ]
        for row in notes.find_notes(db_session(), **asked, limit=MOST_ROWS)
    ]
    return export("notes", kind, EXPORTED, rows, chosen())


@bp.route("/add/<path:loan_account_no>", methods=["GET", "POST"])
@permission(Permission.NOTE_WRITE)
def new(loan_account_no: str) -> str | Response | tuple[str, int]:
    session, form, problems = db_session(), BankNoteForm(), list[Problem]()
    account = find_account(session, loan_account_no)
    if form.validate_on_submit():
        with kept_on_page(problems):
            with unit_of_work(session):
                once(form, session)
                marks = {"is_shared": form.is_shared.data, "is_hidden": form.is_hidden.data}
                given: dict[str, Any] = {**marks, "actor": current_actor(), "now": clock().now()}
                notes.write_note(session, account, form.body.data or "", **given)
            flash("The note is kept.", "success")
            return redirect(url_for("bank_accounts.show", loan_account_no=loan_account_no, _anchor="timeline"))
    page = render_template("bank/notes/new.html", form=form, account=account, problems=problems)
    return (page, 422) if form.errors or problems else page
