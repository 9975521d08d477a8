"""An agency's events: what it claims, what was found, what is taken for it, and what the bank said to each."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.exceptions import UnprocessableEntity
from werkzeug.wrappers import Response

from allocations.placements.queries import rejected_file
from payouts.commission import event_queries as queries
from payouts.commission import events
from payouts.commission.adjustments import KINDS, list_adjustments
from payouts.commission.event_import import EVENTS, import_events
from payouts.commission.event_queries import STATUS_CHOICES, Asked
from payouts.commission.event_rules import SOURCE_WORDS, event_words
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, Problem
from portal.kernel.tables.result import ImportResult
from portal.web.agency.accounts import own_agency, own_agency_id
from portal.web.agency.events_forms import AgainForm, ClaimForm, ClaimsFileForm, TakeBackForm
from portal.web.bank.events_forms import with_choices
from portal.web.bank.imports import header_file, keep, said
from portal.web.downloads import attachment
from portal.web.edge import clock, current_actor, db_session, file_store, once, page_of
from portal.web.event_told import told_in
from portal.web.typed import as_choices, kept_on_page

bp = Blueprint("agency_events", __name__, url_prefix="/agency/events")
Answer = Response | tuple[str, int]
ADJUSTMENTS_SHOWN = 20
# What an agency is paid for; the others are taken from it, and nobody claims those.
CLAIMED = ("visit", "repossession", "parking_day", "stoppage", "cash_pickup", "legal_notice")


@bp.get("")
@permission(Permission.OWN_EVENT_READ)
def index() -> str:
    session, agency_id = db_session(), own_agency_id()
    status = request.args.get("status", "")
    asked = Asked(status=status if status in STATUS_CHOICES else "", event=request.args.get("event", "")[:60])
    page = page_of(
        lambda after, limit: queries.list_events(session, asked, agency_id=agency_id, after=after, limit=limit),
        lambda row: (row.event.id,),
    )
    return render_template(
        "agency/events/index.html",
        page=page,
        asked=asked,
        adjustments=list_adjustments(session, agency_id=agency_id, status="accepted", limit=ADJUSTMENTS_SHOWN),
        adjustment_kinds=KINDS,
        events=[(code, event_words(code)) for code in queries.event_choices(session, agency_id)],
        **words(),
    )


def words() -> dict[str, Any]:
    return {"event_words": event_words, "source_words": SOURCE_WORDS, "statuses": as_choices(STATUS_CHOICES)}


@bp.route("/new", methods=["GET", "POST"])
@permission(Permission.OWN_EVENT_CLAIM)
def new() -> str | Answer:
    """Claim an event the terms pay for."""
    session, form, agency = db_session(), ClaimForm(), own_agency()
    with_choices(form, [(code, event_words(code)) for code in CLAIMED])
    problems: list[Problem] = []
    if form.validate_on_submit():
        with kept_on_page(problems, "event_there"):
            told = told_in(form, agency.currency)
            with unit_of_work(session):
                once(form, session)
                given: dict[str, Any] = {"actor": current_actor(), "now": clock().now(), "today": clock().today()}
                ref = events.propose_event(session, told, agency=agency, source="agency", **given).ref
            flash(f"{ref} is claimed. The bank decides on it.", "success")
            return redirect(url_for(".show", ref=ref))
    page = render_template("agency/events/new.html", form=form, problems=problems)
    return (page, 422) if form.errors or problems else page


@bp.route("/import", methods=["GET", "POST"])
@permission(Permission.OWN_EVENT_CLAIM)
def import_file() -> str | Answer:
    """Claim many events with a file; the same row again changes nothing."""
    form, problems, result, rejected = ClaimsFileForm(), [], None, ""
    if form.validate_on_submit():
        try:
            result, rejected = take_in(form)
        except Invalid as wrong:
            problems = wrong.problems
        if result is not None:
            flash(*said(result))
            if not result.rejected:
                return redirect(url_for(".index", status="proposed"))
            problems, form = result.problems, ClaimsFileForm(formdata=None)
    page = render_template(
        "agency/events/import.html",
        form=form,
        problems=problems,
        result=result,
        columns=EVENTS.columns,
        download=url_for(".rejected_rows", sha256=rejected) if rejected else "",
    )
    return (page, 422) if form.errors or (problems and result is None) else page


def take_in(form: ClaimsFileForm) -> tuple[ImportResult, str]:
    """Take the file in; what became of it, and the sha256 of the rows it gave back."""
    session, data = db_session(), form.file.data.read()
    name = PurePath(form.file.data.filename or "events").name[:150]
    given: dict[str, Any] = {"actor": current_actor(), "now": clock().now(), "today": clock().today()}
    with unit_of_work(session):
        once(form, session)
        result = import_events(
            session,
            data,
            file_name=name,
            agency_code=own_agency().code,
            date_order=form.date_order.data or None,
            all_or_nothing=form.all_or_nothing.data,
            **given,
        )
        return result, keep(session, data, name, result, own_agency_id())


@bp.get("/import/rejected/<sha256>")
@permission(Permission.OWN_EVENT_CLAIM)
def rejected_rows(sha256: str) -> Response:
    """The rows a file of the agency gave back, with their reasons."""
    file = rejected_file(db_session(), sha256, own_agency_id())
    return attachment(file_store().read(file.sha256), file.name, "text/csv")


@bp.get("/import/template.csv")
@permission(Permission.OWN_EVENT_READ)
def template() -> Response:
    return header_file(EVENTS)


@bp.get("/<ref>")
@permission(Permission.OWN_EVENT_READ)
def show(ref: str) -> str:
    return event_page(ref)


def event_page(ref: str, **forms: Any) -> str:
    session = db_session()
    row = queries.event_row(session, ref, own_agency_id())
    acts = {"again_form": AgainForm(formdata=None), "withdraw_form": TakeBackForm(formdata=None)}
    return render_template(
        "agency/events/show.html",
        row=row,
        event=row.event,
        became=queries.lines_of(session, event_id=row.event.id),
        again=queries.resubmission_of(session, row.event),
        may_again=events.why_not_again(session, row.event) is None,
        **words(),
        **acts | forms,
    )


@bp.post("/<ref>/again")
@permission(Permission.OWN_EVENT_CLAIM)
def again(ref: str) -> Answer:
    """Hand a rejected event in once more."""
    session, form = db_session(), AgainForm()
    queries.event_row(session, ref, own_agency_id())
    if not form.validate_on_submit():
        return event_page(ref, again_form=form), 422
    with unit_of_work(session):
        once(form, session)
        event = events.load_event(session, ref, agency_id=own_agency_id())
        given: dict[str, Any] = {"actor": current_actor(), "now": clock().now()}
        made = events.resubmit_event(session, event, note=form.note.data or "", **given).ref
    flash(f"Handed in again as {made}. The bank decides on it once more.", "success")
    return redirect(url_for(".show", ref=made))


@bp.post("/<ref>/withdraw")
@permission(Permission.OWN_EVENT_CLAIM)
def withdraw(ref: str) -> Response:
    """Take a claim back before it is decided."""
    session, form = db_session(), TakeBackForm()
    queries.event_row(session, ref, own_agency_id())
    if not form.validate_on_submit():
        raise UnprocessableEntity()
    with unit_of_work(session):
        once(form, session)
        event = events.load_event(session, ref, agency_id=own_agency_id())
        events.withdraw_event(session, event, actor=current_actor(), now=clock().now())
    flash(f"{ref} is taken back.", "info")
    return redirect(url_for(".show", ref=ref))
