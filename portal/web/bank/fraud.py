"""The fraud register: confidential to the bank, but for the notice an agency answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms import HiddenField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length

from allocations.casework.conduct import fraud
from allocations.casework.conduct.fraud_models import FraudCase
from allocations.casework.conduct.fraud_rules import FINDINGS, KINDS
from portal.access.guard import check, permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, Problem, Refused
from portal.web.agency.disputes import tab_asked
from portal.web.edge import ActForm, clock, current_actor, db_session, identity_here, once, page_of
from portal.web.handed_files import handed_out
from portal.web.typed import minor_typed

bp = Blueprint("bank_fraud", __name__, url_prefix="/bank/fraud")
Answer = str | Response | tuple[str, int]
TABS = {"open": "Open", "to_report": "To report", "all": "All"}


class OpenForm(ActForm):
    kind = SelectField("What is suspected?", choices=[SelectChoice(*each) for each in KINDS.items()])
    words = TextAreaField("What it rests on", [InputRequired("Say what is suspected."), Length(max=4000)])
    agency = StringField("Agency code", [InputRequired("Say which agency."), Length(max=40)])
    agent = StringField("Agent code", [Length(max=40)])
    account = StringField("Loan account", [Length(max=60)], description="Named: nobody works it from now on.")
    receipts = StringField("Receipts", [Length(max=500)], description="Their numbers.")
    amount = StringField("Amount", [Length(max=40)])
    flag = HiddenField()


class NoticeForm(ActForm):
    notice = TextAreaField("The notice", [InputRequired("Write the notice."), Length(max=4000)])


class ProposeForm(ActForm):
    finding = SelectField("What was it?", choices=[SelectChoice(*each) for each in FINDINGS.items()])
    reason = TextAreaField("What does that rest on?", [InputRequired("Say why."), Length(max=500)], id="propose-reason")


class DecideForm(ActForm):
    expected = HiddenField(validators=[InputRequired()])


class BackForm(ActForm):
    reason = TextAreaField("What must be looked at again?", [InputRequired("Say what."), Length(max=450)], id="back")


class ReportForm(ActForm):
    report_ref = StringField("Number of the report", [InputRequired("Give its number."), Length(max=100)])


@bp.get("")
@permission(Permission.FRAUD_READ)
def index() -> str:
    session, tab = db_session(), tab_asked(TABS)
    page = page_of(
        lambda after, limit: fraud.list_cases(session, tab=tab, after=after, limit=limit), lambda row: (row.case.id,)
    )
    return render_template("bank/fraud/index.html", page=page, tab=tab, tabs=TABS, kinds=KINDS, today=clock().today())


@bp.get("/new")
@permission(Permission.FRAUD_OPEN)
def new() -> str:
    known = {name: request.args.get(name, "")[:60] for name in ("agency", "agent", "flag")}
    return new_page(OpenForm(formdata=None, **known))


def new_page(form: OpenForm, problems: list[Problem] | None = None) -> str:
    return render_template("bank/fraud/new.html", form=form, problems=problems or [])


@bp.post("/new")
@permission(Permission.FRAUD_OPEN)
def add() -> Answer:
    """Write a suspicion down; from a flag, the flag becomes the case."""
    session, form = db_session(), OpenForm()
    if not form.validate_on_submit():
        return new_page(form), 422
    typed = {name: form[name].data or "" for name in ("kind", "words", "receipts")}
    about = {"agency_code": form.agency.data or "", "agent_code": form.agent.data or ""}
    try:
        with unit_of_work(session):
            once(form, session)
            minor = minor_typed(form.amount.data, "INR")
            told = fraud.Told(**typed, **about, account_no=form.account.data or "", amount_minor=minor)
            flag = int(form.flag.data) if str(form.flag.data or "").isdigit() else None
            ref = fraud.open_case(session, told, flag_id=flag, **_acting()).ref
    except Invalid as wrong:
        return new_page(form, wrong.problems), 422
    flash(f"{ref} is in the register.", "success")
    return redirect(url_for(".show", ref=ref))


def _acting() -> dict[str, Any]:
    return {"actor": current_actor(), "now": clock().now(), "today": clock().today()}


@bp.get("/<ref>")
@permission(Permission.FRAUD_READ)
def show(ref: str) -> str:
    return case_page(ref)


def case_page(ref: str, problems: list[Problem] | None = None, **forms: Any) -> str:
    session = db_session()
    row = fraud.case_row(session, ref)
    acts = {
        "notice_form": NoticeForm(formdata=None),
        "propose_form": ProposeForm(formdata=None),
        "decide_form": DecideForm(formdata=None, expected=row.case.finding or ""),
        "back_form": BackForm(formdata=None),
        "report_form": ReportForm(formdata=None),
    }
    given: dict[str, Any] = {"row": row, "c": row.case, "kinds": KINDS, "findings": FINDINGS, "today": clock().today()}
    replies = fraud.replies_of(session, row.case.id)
    return render_template("bank/fraud/show.html", **given, replies=replies, problems=problems or [], **acts | forms)


def _act(ref: str, form: ActForm, name: str, act: Callable[[Session, FraudCase], object], said: str) -> Answer:
    session = db_session()
    fraud.case_row(session, ref)
    if not form.validate_on_submit():
        return case_page(ref, **{name: form}), 422
    try:
        with unit_of_work(session):
            once(form, session)
            act(session, fraud.load(session, ref))
    except Invalid as wrong:
        return case_page(ref, wrong.problems, **{name: form}), 422
    except Refused as refused:
        return case_page(ref, [Problem(refused.code, str(refused), refused.cure)], **{name: form}), 422
    flash(said, "success")
    return redirect(url_for(".show", ref=ref))


@bp.post("/<ref>/notify")
@permission(Permission.FRAUD_OPEN)
def notify(ref: str) -> Answer:
    """Send the show-cause notice."""
    form = NoticeForm()
    text = form.notice.data or ""
    return _act(ref, form, "notice_form", lambda s, c: fraud.notify(s, c, text, **_acting()), "The notice is sent.")


@bp.post("/<ref>/propose")
@permission(Permission.FRAUD_OPEN)
def propose(ref: str) -> Answer:
    """Say what it was; another person decides."""
    form = ProposeForm()
    told = (form.finding.data or "", form.reason.data or "")
    said = "Proposed. Another person decides."
    return _act(ref, form, "propose_form", lambda s, c: fraud.propose(s, c, *told, **_acting()), said)


@bp.post("/<ref>/decide")
@permission(Permission.FRAUD_DECIDE)
def decide(ref: str) -> Answer:
    """Agree to what was proposed and shown; never who proposed it."""
    form = DecideForm()
    check(identity_here(), Permission.FRAUD_DECIDE, fraud.case_row(db_session(), ref).case)
    shown = form.expected.data or ""
    return _act(ref, form, "decide_form", lambda s, c: fraud.decide(s, c, expected=shown, **_acting()), "Decided.")


@bp.post("/<ref>/return")
@permission(Permission.FRAUD_DECIDE)
def send_back(ref: str) -> Answer:
    """Do not agree: it is looked at again."""
    form = BackForm()
    check(identity_here(), Permission.FRAUD_DECIDE, fraud.case_row(db_session(), ref).case)
    given: dict[str, Any] = {"actor": current_actor(), "now": clock().now()}
    reason = form.reason.data or ""
    return _act(ref, form, "back_form", lambda s, c: fraud.send_back(s, c, reason, **given), "It went back.")


@bp.post("/<ref>/report")
@permission(Permission.FRAUD_OPEN)
def report(ref: str) -> Answer:
    """Enter the number under which the regulator was told."""
    form = ReportForm()
    given: dict[str, Any] = {"actor": current_actor(), "now": clock().now()}
    number = form.report_ref.data or ""
    return _act(ref, form, "report_form", lambda s, c: fraud.record_report(s, c, number, **given), "Entered.")


@bp.get("/<ref>/files/<int:reply_id>")
@permission(Permission.FRAUD_READ)
def file(ref: str, reply_id: int) -> Response:
    """A file the agency added to its answer."""
    session = db_session()
    row = fraud.case_row(session, ref)
    found = {each.id: each for each in fraud.replies_of(session, row.case.id)}.get(reply_id)
    return handed_out(found.file_sha256 if found else None, found.file_name if found else None)
