"""Borrowers' notices: what is due, out to the letter house as a file, and its answer back."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from allocations.agencies.queries import agency_choices
from allocations.placements import borrower_notice_queries
from allocations.placements.borrower_notice_answers import NOTICES, import_answers
from allocations.placements.borrower_notice_rules import CAUSE_WORDS, STATUSES
from allocations.placements.borrower_notices import EXPORTED, batch_rows, export_due, notice_terms
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import NotFound
from portal.web.bank.exports import export
from portal.web.bank.imports import ImportForm, header_file, import_page
from portal.web.bank.requests_forms import OneClickForm
from portal.web.edge import clock, current_actor, db_session, once, page_of
from portal.web.typed import as_choices

bp = Blueprint("bank_borrower_notices", __name__, url_prefix="/bank/borrower-notices")
FILTERS = ("status", "agency", "batch", "q")


@bp.get("")
@permission(Permission.BORROWER_NOTICE_READ)
def index() -> str:
    session, today = db_session(), clock().today()
    chosen = {name: request.args.get(name, "").strip()[:60] for name in FILTERS}
    page = page_of(
        lambda after, limit: borrower_notice_queries.list_notices(session, after, limit, **chosen),
        lambda row: (row.BorrowerNotice.id,),
    )
    return render_template(
        "bank/borrower_notices/index.html",
        page=page,
        standing=borrower_notice_queries.standing(session, today),
        terms=notice_terms(session, today),
        causes=CAUSE_WORDS,
        statuses=as_choices(STATUSES),
        agencies=agency_choices(session),
        narrowed=any(chosen.values()),
        form=OneClickForm(formdata=None),
    )


@bp.post("/export")
@permission(Permission.BORROWER_NOTICE_SEND)
def send() -> Response:
    """Take everything that is due into one batch."""
    session, form = db_session(), OneClickForm()
    with unit_of_work(session):
        once(form, session)
        batch = export_due(session, actor=current_actor(), now=clock().now())
    if not batch.ref:
        flash("Nothing is due.", "info")
        return redirect(url_for(".index"))
    flash(f"Batch {batch.ref}: {len(batch.rows):,} notices. Fetch its file for the letter house.", "success")
    return redirect(url_for(".index", batch=batch.ref))


@bp.get("/batches/<batch>.<kind>")
@permission(Permission.BORROWER_NOTICE_SEND)
def download(batch: str, kind: str) -> Response:
    """A batch as the letter house gets it; fetched twice it is the same."""
    found = batch_rows(db_session(), batch)
    if not found.rows:
        raise NotFound("There is no such batch.")
    return export("borrower-notices", kind, EXPORTED, found.rows, {"batch": batch})


@bp.route("/import", methods=["GET", "POST"])
@permission(Permission.BORROWER_NOTICE_SEND)
def new() -> Any:
    return import_page(ImportForm(), import_answers, NOTICES, "bank/borrower_notices/new.html", url_for(".index"))


@bp.get("/import/template.csv")
@permission(Permission.BORROWER_NOTICE_READ)
def template() -> Response:
    return header_file(NOTICES)
