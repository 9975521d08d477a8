"""Complaints at the bank: the register by the day an answer is due, and one complaint with what it holds, its words and its decision."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from allocations.agencies.queries import agency_choices
from allocations.casework.conduct import complaints, queries
from allocations.casework.conduct.complaints import Decision, Told
from allocations.casework.conduct.lifecycle import CATEGORIES
from allocations.casework.conduct.models import Complaint
from payouts.conduct import complaints as money
from payouts.conduct.queries import money_of
from portal.access.guard import check, permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, Problem
from portal.web.agency.disputes import tab_asked
from portal.web.bank.complaints_forms import (
    AsideForm,
    AttachForm,
    BackForm,
    DecideForm,
    OpenForm,
    ProposeForm,
    StepForm,
    TellForm,
    WriteForm,
)
from portal.web.edge import ActForm, clock, current_actor, db_session, identity_here, once, page_of
from portal.web.handed_files import handed_out, kept_file
from portal.web.typed import minor_typed

bp = Blueprint("bank_complaints", __name__, url_prefix="/bank/complaints")
Answer = str | Response | tuple[str, int]
TABS = {
    "open": "Open",
    "new": "New",
    "with_agency": "With the agency",
    "to_find": "To look into",
    "to_decide": "To decide",
    "ended": "Ended",
    "all": "All",
}
SOON = timedelta(days=7)


@bp.get("")
@permission(Permission.COMPLAINT_READ)
def index() -> str:
    session, tab, today = db_session(), tab_asked(TABS), clock().today()
    asked = {name: request.args.get(name, "").strip()[:60] for name in ("agency", "category", "text")}
    page = page_of(
        lambda after, limit: queries.list_complaints(session, tab=tab, **asked, after=after, limit=limit),
        lambda row: queries.key_of(row, tab),
    )
    return render_template(
        "bank/complaints/index.html",
        page=page,
        tab=tab,
        tabs=TABS,
        agencies=agency_choices(session),
        categories=list(CATEGORIES.items()),
        standing=queries.standing(session, today, today + SOON),
        today=today,
    )


@bp.get("/new")
@permission(Permission.COMPLAINT_OPEN)
def new() -> str:
    return new_page(OpenForm(formdata=None, account=request.args.get("account", "")))


def new_page(form: OpenForm, problems: list[Problem] | None = None) -> str:
    return render_template("bank/complaints/new.html", form=form, problems=problems or [])


ABOUT = (("account", "no"), ("agency", "code"), ("agent", "code"))


@bp.post("/new")
@permission(Permission.COMPLAINT_OPEN)
def add() -> Answer:
    """Write one down; with an account it holds at once."""
    session, form = db_session(), OpenForm()
    if not form.validate_on_submit():
        return new_page(form), 422
    try:
        with unit_of_work(session):
            once(form, session)
            made = money.open_complaint(session, _told(form), **_acting())
            _file(session, made, form)
            ref = made.ref
    except Invalid as wrong:
        return new_page(form, wrong.problems), 422
    flash(f"{ref} is in the register.", "success")
    return redirect(url_for(".show", ref=ref))


def _told(form: OpenForm) -> Told:
    names = ("channel", "category", "severity", "words", "complainant", "contact")
    typed: dict[str, Any] = {name: form[name].data or "" for name in names}
    typed |= {f"{name}_{part}": form[name].data or "" for name, part in ABOUT}
    return Told(**typed)


def _file(session: Session, made: Complaint, form: OpenForm) -> None:
    file = kept_file(form.file, None)
    if file.sha256:
        given: dict[str, Any] = {"side": "bank", "file": file, "actor": current_actor(), "now": clock().now()}
        complaints.write(session, complaints.subject_of(made), "Handed in with the complaint.", **given)


def _acting() -> dict[str, Any]:
    return {"actor": current_actor(), "now": clock().now(), "today": clock().today()}


@bp.get("/<ref>")
@permission(Permission.COMPLAINT_READ)
def show(ref: str) -> str:
    return complaint_page(ref)


def complaint_page(ref: str, problems: list[Problem] | None = None, **forms: Any) -> str:
    session = db_session()
    row = queries.complaint_row(session, ref)
    found = row.complaint
    acts = {
        "step_form": StepForm(formdata=None),
        "attach_form": AttachForm(formdata=None, account=found.told_account_no),
        "tell_form": TellForm(formdata=None),
        "write_form": WriteForm(formdata=None),
        "propose_form": ProposeForm(formdata=None),
        "decide_form": DecideForm(formdata=None, expected=found.finding or ""),
        "back_form": BackForm(formdata=None),
        "aside_form": AsideForm(formdata=None),
    }
    return render_template(
        "bank/complaints/show.html",
        row=row,
        c=found,
        money=money_of(session, found),
        messages=queries.messages_of(session, found.id),
        today=clock().today(),
        problems=problems or [],
        **acts | forms,
    )


def _act(ref: str, form: ActForm, name: str, act: Callable[[Session, Complaint], object], said: str) -> Answer:
    """One step of a complaint: done whole, or the page again with everything that is wrong."""
    session = db_session()
    queries.complaint_row(session, ref)
    if not form.validate_on_submit():
        return complaint_page(ref, **{name: form}), 422
    try:
        with unit_of_work(session):
            once(form, session)
            act(session, complaints.load(session, ref))
    except Invalid as wrong:
        return complaint_page(ref, wrong.problems, **{name: form}), 422
    flash(said, "success")
    return redirect(url_for(".show", ref=ref))


def _on(today: bool = True) -> dict[str, Any]:
    given = _acting()
    return given if today else {"actor": given["actor"], "now": given["now"]}


@bp.post("/<ref>/acknowledge")
@permission(Permission.COMPLAINT_OPEN)
def acknowledge(ref: str) -> Answer:
    said = "Acknowledged. Say which account it is about, then look into it."
    return _act(ref, StepForm(), "step_form", lambda s, c: complaints.acknowledge(s, c, **_on(False)), said)


@bp.post("/<ref>/attach")
@permission(Permission.COMPLAINT_OPEN)
def attach(ref: str) -> Answer:
    """Say which account, agency and agent it is about: it holds from now on."""
    form = AttachForm()
    about = [form[name].data or "" for name in ("account", "agency", "agent")]
    said = "Attached. The account is on hold and its money waits."
    return _act(ref, form, "attach_form", lambda s, c: money.attach(s, c, *about, **_on()), said)


@bp.post("/<ref>/investigate")
@permission(Permission.COMPLAINT_OPEN)
def investigate(ref: str) -> Answer:
    """Begin, and tell the agency what it must answer."""
    form = TellForm()
    told = form.told.data or ""
    return _act(ref, form, "tell_form", lambda s, c: complaints.investigate(s, c, told, **_on()), "It is looked into.")


@bp.post("/<ref>/write")
@permission(Permission.COMPLAINT_OPEN)
def write(ref: str) -> Answer:
    """Add words or a file, for the bank alone or for the agency too."""
    form = WriteForm()

    def act(session: Session, found: Complaint) -> None:
        for_agency = bool(form.for_agency.data) and found.told_at is not None
        file = kept_file(form.file, found.agency_id if for_agency else None)
        given: dict[str, Any] = {"side": "bank", "for_agency": for_agency, "file": file}
        complaints.write(session, complaints.subject_of(found), form.body.data or "", **given, **_on(False))

    return _act(ref, form, "write_form", act, "Added.")


@bp.post("/<ref>/propose")
@permission(Permission.COMPLAINT_OPEN)
def propose(ref: str) -> Answer:
    """Say what was found; another person decides."""
    form = ProposeForm()

    def act(session: Session, found: Complaint) -> None:
        minor = minor_typed(form.compensation.data, found.currency) or 0
        words = {name: form[name].data or "" for name in ("finding", "reason", "root_cause", "action")}
        complaints.propose_decision(session, found, Decision(**words, compensation_minor=minor), **_on(False))

    return _act(ref, form, "propose_form", act, "Proposed. Another person decides.")


@bp.post("/<ref>/decide")
@permission(Permission.COMPLAINT_DECIDE)
def decide(ref: str) -> Answer:
    """Decide what was proposed and shown; never by who proposed it."""
    form = DecideForm()
    check(identity_here(), Permission.COMPLAINT_DECIDE, queries.complaint_row(db_session(), ref).complaint)
    given: dict[str, Any] = {"expected": form.expected.data or "", "reason": form.reason.data or ""}
    said = "Decided. Tell the complainant, then close it."
    return _act(ref, form, "decide_form", lambda s, c: money.decide(s, c, **given, **_on()), said)


@bp.post("/<ref>/return")
@permission(Permission.COMPLAINT_DECIDE)
def send_back(ref: str) -> Answer:
    """Do not agree: it is looked into again."""
    form = BackForm()
    check(identity_here(), Permission.COMPLAINT_DECIDE, queries.complaint_row(db_session(), ref).complaint)
    reason = form.reason.data or ""
    return _act(ref, form, "back_form", lambda s, c: complaints.send_back(s, c, reason, **_on(False)), "It went back.")


@bp.post("/<ref>/close")
@permission(Permission.COMPLAINT_CLOSE)
def close(ref: str) -> Answer:
    """End it: account and money are let go."""
    said = f"{ref} is closed. What it held is let go."
    return _act(ref, StepForm(), "step_form", lambda s, c: money.close(s, c, **_on()), said)


@bp.post("/<ref>/aside")
@permission(Permission.COMPLAINT_OPEN)
def aside(ref: str) -> Answer:
    """It is none of ours."""
    form = AsideForm()
    reason = form.reason.data or ""
    return _act(ref, form, "aside_form", lambda s, c: money.set_aside(s, c, reason, **_on()), f"{ref} is set aside.")


@bp.get("/<ref>/files/<int:message_id>")
@permission(Permission.COMPLAINT_READ)
def file(ref: str, message_id: int) -> Response:
    """A file somebody added."""
    session = db_session()
    row = queries.complaint_row(session, ref)
    found = queries.message_with_file(session, row.complaint.id, message_id)
    return handed_out(found.file_sha256, found.file_name)
