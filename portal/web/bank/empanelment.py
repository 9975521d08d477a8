"""An agency's status at the bank: what it lacks, every change with who said it, and the next one, which two people make."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import Blueprint, flash, jsonify, redirect, render_template, url_for
from werkzeug.wrappers import Response

from allocations.agencies import moves, queries
from allocations.agencies.empanelment_models import AgencyMove
from allocations.agencies.lifecycle import ACTION_WORDS, ENDED, MEANS, actions_from, needs_papers
from allocations.agencies.models import Agency
from allocations.agencies.papers import missing_of
from allocations.placements.taking_back import ToTell, borrowers_to_tell
from payouts import ending
from portal.access.guard import check, permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import NotFound, Problem
from portal.kernel.jobs import progress_of
from portal.web.bank.empanelment_forms import AcceptForm, MoveForm, OneClickForm, RejectForm
from portal.web.bank.exports import MOST_ROWS, export
from portal.web.edge import clock, current_actor, db_session, identity_here, once, page_of
from portal.web.handed_files import PAPERS, handed_out, kept_file
from portal.web.typed import kept_on_page

bp = Blueprint("bank_empanelment", __name__, url_prefix="/bank/agencies/<code>")
Answer = str | Response | tuple[str, int]
ON_PAGE = ("move_waits", "status_moved_on", "too_early", "is_not_the_maker", "not_open")


@bp.get("/status")
@permission(Permission.AGENCY_READ)
def status(code: str) -> str:
    """Where an agency stands, what it lacks to be empanelled, and every change so far."""
    return status_page(queries.find_agency(db_session(), code))


def status_page(agency: Agency, form: MoveForm | None = None, problems: list[Problem] | None = None) -> str:
    session, today = db_session(), clock().today()
    form = form or MoveForm(formdata=None, from_on=today).offer(agency.status)
    return render_template(
        "bank/empanelment/status.html",
        agency=agency,
        means=MEANS,
        action_words=ACTION_WORDS,
        may_follow=actions_from(agency.status),
        missing=missing_of(session, agency, today),
        waiting=moves.waiting(session, agency),
        history=moves.moves_of(session, agency),
        form=form,
        problems=problems or [],
    )


@bp.post("/moves")
@permission(Permission.AGENCY_MOVE_PROPOSE)
def propose(code: str) -> Answer:
    session, problems = db_session(), list[Problem]()
    agency = queries.find_agency(session, code)
    form = MoveForm().offer(agency.status)
    if form.validate_on_submit():
        with kept_on_page(problems, *ON_PAGE):
            with unit_of_work(session):
                once(form, session)
                given: dict[str, Any] = {"reason": form.reason.data or "", "from_on": form.from_on.data}
                # The bank's own paper about it: kept as nobody's, so that no session of the agency has a line of it.
                given |= {"file": kept_file(form.file, None, PAPERS), "actor": current_actor()}
                made = moves.propose_move(session, agency, form.action.data, now=clock().now(), **given)
                move_id = made.id
            flash("Proposed. It holds once another person accepts it.", "success")
            return redirect(url_for(".move", code=code, move_id=move_id))
    return status_page(queries.find_agency(session, code), form, problems), 422


@bp.get("/moves/<int:move_id>")
@permission(Permission.AGENCY_READ)
def move(code: str, move_id: int) -> str:
    """One change: what it means, what it does, and the second person's word."""
    return move_page(code, move_id)


def find_move(code: str, move_id: int) -> tuple[Agency, AgencyMove]:
    session = db_session()
    agency = queries.find_agency(session, code)
    return agency, moves.PROPOSALS.load(session, locked=False, id=move_id, agency_id=agency.id)


def move_page(code: str, move_id: int, problems: list[Problem] | None = None, **forms: Any) -> str:
    session, today = db_session(), clock().today()
    agency, found = find_move(code, move_id)
    is_open, ends = found.status == "proposed", found.to_status == ENDED
    acts = {
        "accept_form": AcceptForm(formdata=None),
        "reject_form": RejectForm(formdata=None),
        "withdraw_form": OneClickForm(formdata=None),
        "carry_on_form": OneClickForm(formdata=None),
    }
    return render_template(
        "bank/empanelment/move.html",
        agency=agency,
        made=found,
        means=MEANS,
        action_words=ACTION_WORDS,
        missing=missing_of(session, agency, today) if is_open and needs_papers(found.to_status) else [],
        ending=ending.what_ends(session, agency, today) if is_open and ends else None,
        has_ended=found.status == "accepted" and ends,
        job=progress_of(session, found.effect["job"]) if ending.is_unfinished(found) else None,
        problems=problems or [],
        **acts | forms,
    )


@bp.post("/moves/<int:move_id>/accept")
@permission(Permission.AGENCY_MOVE_DECIDE)
def accept(code: str, move_id: int) -> Answer:
    return decide(code, move_id, AcceptForm(), accept=True)


@bp.post("/moves/<int:move_id>/reject")
@permission(Permission.AGENCY_MOVE_DECIDE)
def reject(code: str, move_id: int) -> Answer:
    return decide(code, move_id, RejectForm(), accept=False)


def decide(code: str, move_id: int, form: AcceptForm | RejectForm, *, accept: bool) -> Answer:
    session, problems = db_session(), list[Problem]()
    check(identity_here(), Permission.AGENCY_MOVE_DECIDE, find_move(code, move_id)[1])
    if form.validate_on_submit():
        with kept_on_page(problems, *ON_PAGE):
            with unit_of_work(session):
                once(form, session)
                locked = moves.PROPOSALS.load(session, id=move_id)
                given: dict[str, Any] = {"reason": form.reason.data or "", "actor": current_actor()}
                ending.decide(session, locked, accept=accept, now=clock().now(), **given)
            flash("Accepted; it holds from now on." if accept else "Rejected. The status stays as it is.", "success")
            return redirect(url_for(".move", code=code, move_id=move_id))
    return move_page(code, move_id, problems, **{"accept_form" if accept else "reject_form": form}), 422


@bp.post("/moves/<int:move_id>/withdraw")
@permission(Permission.AGENCY_MOVE_PROPOSE)
def withdraw(code: str, move_id: int) -> Answer:
    session, form = db_session(), OneClickForm()
    find_move(code, move_id)
    if form.validate_on_submit():
        with unit_of_work(session):
            once(form, session)
            locked = moves.PROPOSALS.load(session, id=move_id)
            moves.withdraw_move(session, locked, actor=current_actor(), now=clock().now())
        flash("Withdrawn.", "success")
        return redirect(url_for(".status", code=code))
    return move_page(code, move_id), 422


@bp.get("/moves/<int:move_id>/state")
@permission(Permission.AGENCY_READ)
def state(code: str, move_id: int) -> Response:
    """How far the end of an agency's work is."""
    agency, found = ended_move(code, move_id)
    told = {"status": "done", "done": 0, "total": 0, "message": ""}
    if ending.is_unfinished(found):
        job = progress_of(db_session(), found.effect["job"])
        told = {"status": job.status, "done": job.done, "total": job.total, "message": job.message}
    return jsonify(told | {"href": url_for(".move", code=agency.code, move_id=move_id)})


@bp.post("/moves/<int:move_id>/carry-on")
@permission(Permission.AGENCY_MOVE_PROPOSE)
def carry_on(code: str, move_id: int) -> Answer:
    """Do the rest of what two people agreed on, after its job was given up: it decides nothing."""
    session, form, problems = db_session(), OneClickForm(), list[Problem]()
    ended_move(code, move_id)
    if form.validate_on_submit():
        with kept_on_page(problems, "is_done", "under_way"):
            with unit_of_work(session):
                once(form, session)
                found = moves.PROPOSALS.load(session, id=move_id)
                ending.carry_on(session, found, actor=current_actor(), now=clock().now())
            return redirect(url_for(".move", code=code, move_id=move_id))
    return move_page(code, move_id, problems), 422


@bp.get("/moves/<int:move_id>/file")
@permission(Permission.PAPER_READ)
def move_file(code: str, move_id: int) -> Response:
    found = find_move(code, move_id)[1]
    return handed_out(found.file_sha256, found.file_name)


# --- whom to tell once an agency is let go

HEADER = ("loan_account_no", "customer_name", "mobile", "email", "address", "city", "pincode", "last_day")


def ended_move(code: str, move_id: int) -> tuple[Agency, AgencyMove]:
    agency, found = find_move(code, move_id)
    if found.status != "accepted" or found.to_status != ENDED:
        raise NotFound("This change brought no account back.")
    return agency, found


@bp.get("/moves/<int:move_id>/borrowers")
@permission(Permission.AGENCY_READ)
def borrowers(code: str, move_id: int) -> str:
    """Borrowers who are to be told that the agency does not act for the bank any more."""
    agency, found = ended_move(code, move_id)
    page = page_of(
        lambda after, limit: _to_tell(agency, found, after[0] if after else 0, limit), lambda row: (row.allocation_id,)
    )
    return render_template("bank/empanelment/borrowers.html", agency=agency, made=found, page=page)


@bp.get("/moves/<int:move_id>/borrowers.<kind>")
@permission(Permission.AGENCY_READ)
def borrowers_file(code: str, move_id: int, kind: str) -> Response:
    agency, found = ended_move(code, move_id)
    rows = ([getattr(each, name) for name in HEADER] for each in _all(agency, found))
    return export(f"borrowers-to-tell-{code}", kind, HEADER, rows, {"move": str(move_id)})


def _all(agency: Agency, found: AgencyMove) -> Iterator[ToTell]:
    yield from _to_tell(agency, found, 0, MOST_ROWS)


def _to_tell(agency: Agency, found: AgencyMove, after: int, limit: int) -> list[ToTell]:
    assert found.decided_at is not None
    return list(borrowers_to_tell(db_session(), agency.id, found.decided_at, after, limit))
