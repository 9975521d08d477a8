"""Events at the bank: what rules per event pay for and penalties take for, proposed, found or imported, and decided by a second person."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms.fields.choices import SelectChoice

from allocations.agencies.queries import agency_choices, find_agency
from payouts.commission import event_queries as queries
from payouts.commission import events
from payouts.commission.event_bulk import accept_events
from payouts.commission.event_import import EVENTS, import_events
from payouts.commission.event_models import EarningEvent
from payouts.commission.event_queries import STATUS_CHOICES, Asked, EventRow, Selection
from payouts.commission.event_rules import SOURCE_WORDS, event_words
from payouts.commission.event_worth import NOTHING, Worth, worth_of
from payouts.commission.finding import find_events
from payouts.commission.visits_found import visit_now
from portal.access.guard import check, permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Problem, Refused
from portal.kernel.money import Money
from portal.kernel.periods import Period, parse_month
from portal.web.bank.events_forms import (
    AcceptEventForm,
    AcceptEventsForm,
    BankEventForm,
    EventsFileForm,
    RejectEventForm,
    WithdrawEventForm,
    with_choices,
)
from portal.web.bank.exports import MOST_ROWS, export
from portal.web.bank.imports import header_file, import_page
from portal.web.edge import clock, current_actor, db_session, identity_here, once, page_of
from portal.web.event_told import told_in
from portal.web.month_form import MonthForm, month_asked
from portal.web.typed import as_choices, kept_on_page, recent_months

bp = Blueprint("bank_events", __name__, url_prefix="/bank/events")
FILTERS = ("agency", "event", "status", "source", "gate", "text")
Answer = Response | tuple[str, int]


@bp.get("")
@permission(Permission.EVENT_READ)
def index() -> str:
    session, asked = db_session(), asked_here()
    page = page_of(
        lambda after, limit: queries.list_events(session, asked, after=after, limit=limit),
        lambda row: (row.event.id,),
    )
    return render_template(
        "bank/events/index.html",
        page=page,
        asked=asked,
        waiting=queries.waiting_count(session),
        agencies=agency_choices(session),
        months=recent_months(),
        events=[(code, event_words(code)) for code in queries.event_choices(session)],
        find_form=MonthForm(formdata=None),
        **words(),
    )


def words() -> dict[str, Any]:
    return {"event_words": event_words, "source_words": SOURCE_WORDS, "statuses": as_choices(STATUS_CHOICES)}


def asked_here() -> Asked:
    return asked_in({name: request.args.get(name, "") for name in (*FILTERS, "period")})


def asked_in(values: dict[str, str]) -> Asked:
    chosen = {name: values.get(name, "").strip()[:60] for name in FILTERS}
    return Asked(period=month_or_none(values.get("period", "")), **chosen)


def month_or_none(text: str) -> Period | None:
    try:
        return parse_month(text)
    except ValueError:
        return None


EXPORTED = (
    *("ref", "agency_code", "event", "occurred_on", "loan_account_no", "count", "days", "amount", "currency", "status"),
    *("source", "reasons", "note", "proposed_by", "proposed_at", "decided_by", "decided_at", "decision_reason"),
)


@bp.get("/export.<kind>")
@permission(Permission.EVENT_READ)
def download(kind: str) -> Response:
    """The events the filter shows, as a file."""
    asked = asked_here()
    rows = queries.list_events(db_session(), asked, limit=MOST_ROWS)
    return export("events", kind, EXPORTED, [in_a_row(row) for row in rows], asked.filters)


def in_a_row(row: EventRow) -> list[Any]:
    event = row.event
    amount = None if event.amount_minor is None else Money(event.amount_minor, event.currency)
    told = [event.ref, row.agency_code, event.event, event.occurred_on, event.loan_account_no, event.count, event.days]
    reasons = ", ".join(each["code"] for each in row.reasons)
    decided = [event.proposed_by, event.proposed_at, event.decided_by, event.decided_at, event.decision_reason]
    return [*told, amount, event.currency, event.status, event.source, reasons, event.note, *decided]


# --- proposing


@bp.route("/new", methods=["GET", "POST"])
@permission(Permission.EVENT_PROPOSE)
def new() -> str | Answer:
    """An event told by hand."""
    session, form = db_session(), BankEventForm()
    with_choices(form, [(code, event_words(code)) for code in queries.event_choices(session)])
    form.agency.choices = [SelectChoice("", "Choose"), *(SelectChoice(*each) for each in agency_choices(session))]
    problems: list[Problem] = []
    if form.validate_on_submit():
        with kept_on_page(problems, "event_there"):
            agency = find_agency(session, form.agency.data)
            told = told_in(form, agency.currency)
            with unit_of_work(session):
                once(form, session)
                given: dict[str, Any] = {"actor": current_actor(), "now": clock().now(), "today": clock().today()}
                ref = events.propose_event(session, told, agency=agency, source="bank", **given).ref
            flash(f"{ref} is proposed. It counts once another person accepts it.", "success")
            return redirect(url_for(".show", ref=ref))
    page = render_template("bank/events/new.html", form=form, problems=problems)
    return (page, 422) if form.errors or problems else page


@bp.route("/import", methods=["GET", "POST"])
@permission(Permission.EVENT_PROPOSE)
def import_file() -> Any:
    form = EventsFileForm()
    every = SelectChoice("", "The rows say so")
    form.agency.choices = [every, *(SelectChoice(*each) for each in agency_choices(db_session()))]
    return import_page(form, import_events, EVENTS, "bank/events/import.html", url_for(".index", status="proposed"))


@bp.get("/import/template.csv")
@permission(Permission.EVENT_READ)
def template() -> Response:
    return header_file(EVENTS)


@bp.post("/find")
@permission(Permission.EVENT_PROPOSE)
def find() -> Response:
    """Propose a month's visits, late deposits and missing leaves; again adds nothing."""
    session, form = db_session(), MonthForm()
    period = month_asked(form)
    if isinstance(period, Response):
        return period
    with unit_of_work(session):
        once(form, session)
        given: dict[str, Any] = {"actor": current_actor(), "now": clock().now(), "today": clock().today()}
        found = find_events(session, period, **given)
    if not found.total:
        flash(f"Nothing new in {period.start:%B %Y}: what can be found was proposed before.", "info")
    else:
        parts = [f"{count:,} × {event_words(code).lower()}" for code, count in sorted(found.by_event.items())]
        against = f" {found.failing:,} of them with reasons against them." if found.failing else ""
        flash(f"Proposed: {', '.join(parts)}.{against}", "success")
    return redirect(url_for(".index", period=period.label, status="proposed"))


# --- many at once


@bp.get("/accept")
@permission(Permission.EVENT_READ)
def review() -> str:
    """What a filter or some ticked events would come to, before they are accepted as one."""
    return review_page(request.query_string.decode())


def review_page(query: str, form: AcceptEventsForm | None = None, notice: str = "") -> str:
    session = db_session()
    asked, refs = asked_query(query)
    chosen = queries.selection(session, asked, for_email=current_actor().email, refs=refs)
    worth = worth_of(session, chosen.events)
    form = form or AcceptEventsForm(formdata=None)
    form.expected.data, form.query.data = chosen.sha256, query
    return render_template(
        "bank/events/accept.html",
        asked=asked,
        chosen=chosen,
        worth=worth,
        sums=sums_of(chosen, worth),
        untold=untold_of(worth),
        names=dict(agency_choices(session)),
        form=form,
        notice=notice,
        **words(),
    )


def asked_query(query: str) -> tuple[Asked, list[str]]:
    """A filter and ticked refs out of a query string."""
    found = parse_qs(query[:100_000])
    return asked_in({name: values[0] for name, values in found.items()}), found.get("ref", [])[: queries.MOST_AT_ONCE]


def sums_of(chosen: Selection, worth: Worth) -> list[dict[str, Any]]:
    """By event: how many, how many with reasons against them now, and what the terms come to."""
    by_event: dict[str, list[EarningEvent]] = {}
    for event in chosen.events:
        by_event.setdefault(event.event, []).append(event)
    return [
        {
            "event": code,
            "events": len(found),
            "count": sum(event.count for event in found),
            "failing": sum(event.id in chosen.failing for event in found),
            "minor": worth.of([event.id for event in found]),
            "untold": sum(event.id in worth.untold for event in found),
        }
        for code, found in sorted(by_event.items())
    ]


def untold_of(worth: Worth) -> list[str]:
    """Why nobody can tell what some would come to, and of how many."""
    codes = list(worth.untold.values())
    return [f"{codes.count(code):,} × {NOTHING.get(code, code)}" for code in sorted(set(codes))]


@bp.post("/accept")
@permission(Permission.EVENT_DECIDE)
def accept_many() -> Answer:
    """Exactly what was shown, or nothing: another selection answers with the new one."""
    session, form = db_session(), AcceptEventsForm()
    query = (form.query.data or "")[:100_000]
    if not form.validate_on_submit():
        return review_page(query, form), 422
    asked, refs = asked_query(query)
    try:
        with unit_of_work(session):
            once(form, session)
            done = accept_events(
                session,
                asked,
                expected=form.expected.data or "",
                refs=refs,
                reason=form.reason.data or "",
                allowed=may_decide,
                actor=current_actor(),
                now=clock().now(),
            )
    except Refused as refused:
        session.rollback()
        return review_page(query, notice=refused.message), 409
    flash(f"{done:,} event{'' if done == 1 else 's'} accepted as shown.", "success")
    shown: dict[str, Any] = {**asked.filters, "status": "accepted", "gate": None}
    return redirect(url_for(".index", **shown))


def may_decide(event: EarningEvent) -> None:
    check(identity_here(), Permission.EVENT_DECIDE, event)


# --- one event


@bp.get("/<ref>")
@permission(Permission.EVENT_READ)
def show(ref: str) -> str:
    return event_page(ref)


def event_page(ref: str, **forms: Any) -> str:
    session = db_session()
    row = queries.event_row(session, ref)
    event = row.event
    acts = {
        "accept_form": AcceptEventForm(formdata=None),
        "reject_form": RejectEventForm(formdata=None),
        "withdraw_form": WithdrawEventForm(formdata=None),
    }
    return render_template(
        "bank/events/show.html",
        row=row,
        event=event,
        worth=worth_of(session, [event]) if event.status == "proposed" else None,
        why_nothing=NOTHING,
        visit=visit_of(event),
        became=queries.lines_of(session, event_id=event.id),
        again=queries.resubmission_of(session, event),
        **words(),
        **acts | forms,
    )


def visit_of(event: EarningEvent) -> dict[str, Any] | None:
    """The visit an event was found from, as the gate sees it now."""
    kind, _, number = event.source_key.partition(":")
    if kind != "contact" or not number.isdecimal():
        return None
    found = visit_now(db_session(), int(number), event.occurred_on)
    return found[1] if found else None


@bp.post("/<ref>/accept")
@permission(Permission.EVENT_DECIDE)
def accept(ref: str) -> Answer:
    return decide(ref, AcceptEventForm(), accept=True)


@bp.post("/<ref>/reject")
@permission(Permission.EVENT_DECIDE)
def reject(ref: str) -> Answer:
    return decide(ref, RejectEventForm(), accept=False)


def decide(ref: str, form: AcceptEventForm | RejectEventForm, *, accept: bool) -> Answer:
    session = db_session()
    check(identity_here(), Permission.EVENT_DECIDE, queries.event_row(session, ref).event)
    if not form.validate_on_submit():
        return event_page(ref, **{"accept_form" if accept else "reject_form": form}), 422
    with unit_of_work(session):
        once(form, session)
        event = events.load_event(session, ref)
        given: dict[str, Any] = {"reason": form.reason.data or "", "actor": current_actor(), "now": clock().now()}
        events.decide_event(session, event, accept=accept, **given)
    said = "is accepted: the next accrual counts it." if accept else "is rejected; the agency reads why."
    flash(f"{ref} {said}", "success" if accept else "info")
    return redirect(url_for(".show", ref=ref))


@bp.post("/<ref>/withdraw")
@permission(Permission.EVENT_PROPOSE)
def withdraw(ref: str) -> Answer:
    session, form = db_session(), WithdrawEventForm()
    queries.event_row(session, ref)
    if not form.validate_on_submit():
        return event_page(ref), 422
    with unit_of_work(session):
        once(form, session)
        events.withdraw_event(session, events.load_event(session, ref), actor=current_actor(), now=clock().now())
    flash(f"{ref} is withdrawn.", "info")
    return redirect(url_for(".show", ref=ref))
