"""Core-banking postings: what was credited to loan accounts, and handing in a file of them."""

from __future__ import annotations

from datetime import date

from flask import Blueprint, flash, render_template, request
from werkzeug.wrappers import Response

from allocations.reconciliation.sources import bank_queries as queries
from allocations.reconciliation.sources.postings import PostingImport, import_postings
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, Problem
from portal.web.downloads import attachment
from portal.web.edge import clock, current_actor, db_session, file_store, once, page_of
from portal.web.sheet_forms import DatedFileForm

bp = Blueprint("bank_postings", __name__, url_prefix="/bank/postings")


@bp.get("")
@permission(Permission.POSTING_READ)
def index() -> str:
    session = db_session()
    account, day = request.args.get("account", "").strip()[:60], day_asked()
    page = page_of(
        lambda after, limit: queries.postings_page(session, after, limit, loan_account_no=account, day=day),
        lambda row: (row.Posting.posted_on, row.Posting.id),
    )
    return render_template("bank/postings/index.html", page=page)


def day_asked() -> date | None:
    try:
        return date.fromisoformat(request.args.get("on", ""))
    except ValueError:
        return None


@bp.route("/new", methods=["GET", "POST"])
@permission(Permission.POSTING_IMPORT)
def new() -> str | tuple[str, int]:
    """Hand in a file; the page itself says what became of it, with every rejected row."""
    form, problems, result = DatedFileForm(), list[Problem](), None
    if form.validate_on_submit():
        try:
            result = take_in(form)
        except Invalid as wrong:
            problems = wrong.problems
        else:
            problems = result.problems
            flash(*said(result))
    fresh = DatedFileForm(formdata=None) if result else form
    page = render_template("bank/postings/new.html", form=fresh, problems=problems, result=result)
    return page, 422 if form.errors or (problems and result is None) else 200


@bp.get("/rejected/<sha256>.csv")
@permission(Permission.POSTING_READ)
def rejected(sha256: str) -> Response:
    """The rejected rows of a file, in its own layout, with the reason beside each."""
    data = queries.rejected_postings(db_session(), file_store(), sha256)
    return attachment(data, f"rejected-postings-{sha256[:8]}.csv", "text/csv")


def take_in(form: DatedFileForm) -> PostingImport:
    session = db_session()
    with unit_of_work(session):
        once(form, session)
        return import_postings(
            session,
            file_store(),
            form.file.data.read(),
            file_name=(form.file.data.filename or "postings")[:200],
            actor=current_actor(),
            now=clock().now(),
            date_order=form.date_order.data or None,
        )


def said(result: PostingImport) -> tuple[str, str]:
    known = f" {result.duplicates} were known already." if result.duplicates else ""
    if result.rejected:
        return (
            f"{result.created} of {result.rows} postings stored.{known} {result.rejected} came back with their reasons.",
            "warning",
        )
    if not result.created:
        return f"All {result.rows} postings were known already. Nothing changed.", "info"
    return f"{result.created} postings stored.{known}", "success"
