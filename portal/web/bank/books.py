"""Receipt books for the bank: issued, returned, what became of their numbers, and what stands out in a month's receipts."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.exceptions import UnprocessableEntity
from werkzeug.wrappers import Response

from allocations.agencies.models import Agency
from allocations.agencies.queries import agency_choices, find_agency
from allocations.collections.models import ReceiptBook
from allocations.collections.receipts import book_lists, book_queries
from allocations.collections.receipts import books_service as service
from allocations.collections.receipts.books import stretches
from allocations.collections.receipts.standing_out import KINDS
from allocations.collections.receipts.standing_out_queries import stands_out
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, Problem, Refused, Stale
from portal.web.books_forms import DecideForm, IssueForm
from portal.web.edge import clock, current_actor, db_session, once, page_of
from portal.web.period import chosen_period, recent_periods

bp = Blueprint("bank_books", __name__, url_prefix="/bank/books")


@bp.get("")
@permission(Permission.BOOK_READ)
def index() -> str:
    """The books, the newest first."""
    session, agency = db_session(), chosen_agency()
    page = page_of(
        lambda after, limit: book_lists.list_books(
            session, agency_id=agency.id if agency else None, after=after, limit=limit
        ),
        lambda row: (row.book.id,),
    )
    return render_template("bank/books/index.html", page=page, agencies=agency_choices(session))


def chosen_agency() -> Agency | None:
    code = request.args.get("agency", "")[:60]
    return find_agency(db_session(), code) if code else None


@bp.get("/attention")
@permission(Permission.BOOK_READ)
def attention() -> str:
    """What stands out: one list over books, spellings and cash."""
    session, period = db_session(), chosen_period()
    code = request.args.get("code", "")[:40]
    rows = stands_out(session, period, agency=chosen_agency(), code=code if code in KINDS else "")
    return render_template(
        "bank/books/attention.html",
        rows=rows,
        kinds=[(name, kind.meaning) for name, kind in KINDS.items()],
        period=period,
        periods=recent_periods(),
        agencies=agency_choices(session),
    )


@bp.route("/new", methods=["GET", "POST"])
@permission(Permission.BOOK_ISSUE)
def new() -> Any:
    """Issue a book to an agency."""
    session, form = db_session(), IssueForm()
    form.offer(agency_choices(session))
    problems: list[Problem] = []
    if form.validate_on_submit():
        try:
            book = issue(form)
        except Stale:
            raise
        except Invalid as wrong:
            problems = wrong.problems
        except Refused as refused:
            problems = [Problem(refused.code, refused.message, refused.cure)]
        else:
            flash(f"{book.ref} is issued. The agency hands its numbers to agents.", "success")
            return redirect(url_for(".show", ref=book.ref))
    return render_template("bank/books/new.html", form=form, problems=problems), 422 if problems or form.errors else 200


def issue(form: IssueForm) -> ReceiptBook:
    session = db_session()
    with unit_of_work(session):
        once(form, session)
        return service.issue_book(
            session,
            find_agency(session, form.agency.data),
            kind=form.kind.data,
            prefix=form.prefix.data or "",
            first_no=form.first_no.data or 0,
            last_no=form.last_no.data or 0,
            width=form.width.data,
            actor=current_actor(),
            now=clock().now(),
            today=clock().today(),
        )


@bp.get("/<ref>")
@permission(Permission.BOOK_READ)
def show(ref: str) -> str:
    session = db_session()
    book = book_lists.book_by_ref(session, ref)
    state = book_lists.book_state(session, book)
    return render_template(
        "bank/books/show.html",
        state=state,
        book=book,
        numbers=state.states,
        stretches=stretches(state.states, state.hands),
        marks=book_queries.marks_of(session, book),
        form=DecideForm(),
    )


@bp.post("/<ref>/return")
@permission(Permission.BOOK_ISSUE)
def take_in(ref: str) -> Response:
    """The book came back to the bank."""
    session, form = db_session(), DecideForm()
    book = book_lists.book_by_ref(session, ref)
    if not form.validate_on_submit():
        raise UnprocessableEntity()
    with unit_of_work(session):
        once(form, session)
        service.return_book(session, book, actor=current_actor(), now=clock().now(), today=clock().today())
    flash(f"{ref} is back.", "success")
    return redirect(url_for(".show", ref=ref))
