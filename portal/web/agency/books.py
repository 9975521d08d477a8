"""An agency's receipt books: who has which numbers, what became of them, and two people's word on the void and lost ones."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_wtf import FlaskForm
from werkzeug.exceptions import UnprocessableEntity
from werkzeug.wrappers import Response

from allocations.agencies.queries import Sight, find_agent, list_agents
from allocations.collections.models import ReceiptBook, ReceiptMark
from allocations.collections.receipts import book_lists, book_queries
from allocations.collections.receipts import books_service as service
from allocations.collections.receipts.book_lists import BookState
from allocations.collections.receipts.books import stretches
from portal.access.guard import check, permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, NotFound, Problem, Refused, Stale
from portal.web.agency.accounts import own_agency, own_agency_id, own_sight
from portal.web.books_forms import DecideForm, HandForm, MarkForm
from portal.web.edge import clock, current_actor, db_session, identity_here, once, page_of

bp = Blueprint("agency_books", __name__, url_prefix="/agency/books")


@bp.get("")
@permission(Permission.OWN_BOOK_READ)
def index() -> str:
    session, sight = db_session(), own_sight()
    page = page_of(
        lambda after, limit: book_lists.list_books(session, agency_id=own_agency_id(), after=after, limit=limit),
        lambda row: (row.book.id,),
    )
    rows = [row for row in page.rows if sight.everyone or held(row, sight)]
    return render_template(
        "agency/books/index.html",
        page=page if sight.everyone else rows,
        parts=[(row, part) for row in rows for part in row.parts if sight.everyone or part.agent.id == sight.agent_id],
        gaps=sum(row.gap_count for row in rows) if sight.everyone else 0,
        waiting=book_lists.marks_waiting(session, own_agency_id()) if sight.everyone else [],
        sees_all=sight.everyone,
        form=DecideForm(),
        me=identity_here().email,
    )


def held(row: BookState, sight: Sight) -> bool:
    return any(part.agent.id == sight.agent_id for part in row.parts)


@bp.get("/<ref>")
@permission(Permission.OWN_BOOK_READ)
def show(ref: str) -> str:
    return shown(own_book(ref), HandForm(), MarkForm(), [])


def own_book(ref: str) -> ReceiptBook:
    """A book of the agency; for a field agent one they have numbers of."""
    session, sight = db_session(), own_sight()
    book = book_lists.book_by_ref(session, ref, own_agency_id())
    if not sight.everyone and not book_queries.hands_of_user(session, book, identity_here().user_id):
        raise NotFound("There is no such receipt book.")
    return book


def shown(book: ReceiptBook, hand_form: HandForm, mark_form: MarkForm, problems: list[Problem]) -> str:
    session, sight = db_session(), own_sight()
    state = book_lists.book_state(session, book)
    agents = [
        (agent.code, f"{agent.name} · {agent.code}") for agent in list_agents(session, own_agency()) if agent.is_active
    ]
    hand_form.offer(agents)
    own = [(part.range.first_no, part.range.last_no) for part in state.parts if part.agent.id == sight.agent_id]
    numbers = state.states
    if not sight.everyone:
        numbers = {n: said for n, said in numbers.items() if any(first <= n <= last for first, last in own)}
    return render_template(
        "agency/books/show.html",
        state=state,
        book=book,
        numbers=numbers,
        stretches=stretches(numbers, state.hands),
        parts=[part for part in state.parts if sight.everyone or part.agent.id == sight.agent_id],
        marks=[row for row in book_queries.marks_of(session, book) if row.number in numbers],
        hand_form=hand_form,
        mark_form=mark_form,
        form=DecideForm(),
        problems=problems,
        sees_all=sight.everyone,
        me=identity_here().email,
    )


# --- what people do


def checked(form: FlaskForm) -> None:
    if not form.validate_on_submit():
        raise UnprocessableEntity()


@bp.post("/<ref>/hand")
@permission(Permission.OWN_BOOK_HAND)
def hand(ref: str) -> Any:
    """Give a part of the book to an agent."""
    book, form, session = own_book(ref), HandForm(), db_session()
    form.offer([(agent.code, agent.name) for agent in list_agents(session, own_agency())])
    if not form.validate_on_submit():
        return shown(book, form, MarkForm(formdata=None), []), 422
    try:
        with unit_of_work(session):
            once(form, session)
            agent = find_agent(session, own_agency(), form.agent.data)
            service.hand_out(
                session,
                book,
                agent,
                first_no=form.from_no.data or 0,
                last_no=form.to_no.data or 0,
                actor=current_actor(),
                now=clock().now(),
                today=clock().today(),
            )
    except (Invalid, Refused) as error:
        return refused(ref, error, form, MarkForm(formdata=None))
    flash(f"{agent.name} has these numbers from now on.", "success")
    return redirect(url_for(".show", ref=ref))


def refused(ref: str, error: Invalid | Refused, hand_form: HandForm, mark_form: MarkForm) -> tuple[str, int]:
    """The page again, saying what is wrong; a stale form is no such case."""
    if isinstance(error, Stale):
        raise error
    problems = error.problems if isinstance(error, Invalid) else [Problem(error.code, error.message, error.cure)]
    return shown(own_book(ref), hand_form, mark_form, problems), 422 if isinstance(error, Invalid) else 409


@bp.post("/ranges/<int:range_id>/take-back")
@permission(Permission.OWN_BOOK_HAND)
def take_back(range_id: int) -> Response:
    """The agent gives what is left of a range back."""
    session, form = db_session(), DecideForm()
    found = book_lists.range_by_id(session, own_agency_id(), range_id)
    checked(form)
    with unit_of_work(session):
        once(form, session)
        service.take_back(session, found, actor=current_actor(), now=clock().now(), today=clock().today())
        ref = session.get_one(ReceiptBook, found.book_id).ref
    flash("The numbers are taken back.", "success")
    return redirect(url_for(".show", ref=ref))


@bp.post("/<ref>/mark")
@permission(Permission.OWN_BOOK_EDIT)
def mark(ref: str) -> Any:
    """Say that numbers are void or lost; another person of the office confirms it."""
    book, form, session = own_book(ref), MarkForm(), db_session()
    if not form.validate_on_submit():
        return shown(book, HandForm(formdata=None), form, []), 422
    try:
        with unit_of_work(session):
            once(form, session)
            first = form.first_no.data or 0
            service.propose_mark(
                session,
                book,
                first_no=first,
                last_no=form.last_no.data if form.last_no.data is not None else first,
                state=form.state.data,
                reason=form.reason.data or "",
                actor=current_actor(),
                now=clock().now(),
            )
    except (Invalid, Refused) as error:
        return refused(ref, error, HandForm(formdata=None), form)
    flash("Noted. It holds once another person of your office confirms it.", "success")
    return redirect(url_for(".show", ref=ref))


@bp.post("/marks/<int:mark_id>/confirm")
@permission(Permission.OWN_BOOK_CONFIRM)
def confirm(mark_id: int) -> Response:
    return decide(mark_id, True)


@bp.post("/marks/<int:mark_id>/decline")
@permission(Permission.OWN_BOOK_CONFIRM)
def decline(mark_id: int) -> Response:
    return decide(mark_id, False)


def decide(mark_id: int, yes: bool) -> Response:
    """The second person's word."""
    session, form = db_session(), DecideForm()
    found: ReceiptMark = book_lists.mark_by_id(session, own_agency_id(), mark_id)
    check(identity_here(), Permission.OWN_BOOK_CONFIRM, found)
    checked(form)
    with unit_of_work(session):
        once(form, session)
        service.decide_mark(session, found, confirm=yes, actor=current_actor(), now=clock().now())
        number, state = found.receipt_no, found.state
    flash(f"{number} is {state}." if yes else f"{number} is not {state}; it stays as it was.", "success")
    return redirect(url_for(".index"))
