"""Where an agency is paid, at the bank: every version, what the bank's look-up said, and the second person's word."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from allocations.agencies import bank_details, call_backs, queries
from allocations.agencies.call_backs import Called
from allocations.agencies.models import Agency, AgencyBankDetail
from payouts.settlements.recalling import recall_outdated
from portal.access.guard import check, permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, Problem
from portal.kernel.notices import notices_about
from portal.web.bank.bank_details_forms import (
    OUTCOME_WORDS,
    ApproveDetailForm,
    BankDetailForm,
    CallBackForm,
    NameCheckForm,
    RejectDetailForm,
)
from portal.web.bank_detail_story import told
from portal.web.edge import ActForm, clock, current_actor, db_session, identity_here, once, settings

bp = Blueprint("bank_details", __name__, url_prefix="/bank/agencies/<code>/bank-details")
Answer = str | Response | tuple[str, int]


@bp.get("")
@permission(Permission.BANK_DETAIL_READ)
def show(code: str) -> str:
    return page(queries.find_agency(db_session(), code))


def page(agency: Agency, **forms: Any) -> str:
    session, now = db_session(), clock().now()
    stories = told(bank_details.versions(session, agency.id), now)
    waiting = next((each for each in stories if each.detail.status == "proposed"), None)
    empty: dict[str, Any] = {
        "propose_form": BankDetailForm(formdata=None),
        "check_form": NameCheckForm(formdata=None),
        "call_form": CallBackForm(formdata=None, number=agency.phone or ""),
        "approve_form": ApproveDetailForm(formdata=None),
        "reject_form": RejectDetailForm(formdata=None),
    }
    return render_template(
        "bank/bank_details/show.html",
        agency=agency,
        stories=stories,
        paid_to=next((each for each in stories if each.is_paid_to), None),
        waiting=waiting,
        calls=call_backs.calls_about(session, agency.id),
        outcome_words=OUTCOME_WORDS,
        uncalled=not_called(session, waiting.detail, is_first=not any(each.is_paid_to for each in stories))
        if waiting
        else None,
        sharers={each.detail.id: bank_details.shared_with(session, each.detail) for each in stories},
        needs_reason=bank_details.why_reason(session, waiting.detail) if waiting else "",
        notices={
            each.detail.version: notices_about(session, bank_details.notice_ref(agency, each.detail))
            for each in stories
        },
        has_mail=bool(settings().smtp_url),
        **empty | forms,
    )


@bp.post("")
@permission(Permission.AGENCY_EDIT)
def propose(code: str) -> Answer:
    """Add a version; after the first a checker must agree."""
    session, form = db_session(), BankDetailForm()
    agency = queries.find_agency(session, code)
    if form.validate_on_submit():
        try:
            said = proposed(session, agency, form)
            flash(*said)
            return redirect(url_for(".show", code=code))
        except Invalid as wrong:
            agency = queries.find_agency(session, code)
            pin(form, wrong.problems)
    return page(agency, propose_form=form), 422


def proposed(session: Session, agency: Agency, form: BankDetailForm) -> tuple[str, str]:
    """Propose what the form says; what to tell the person, with its tone. Raises Invalid."""
    with unit_of_work(session):
        once(form, session)
        parts = (form.account_no.data or "", form.ifsc.data or "", form.account_holder.data or "")
        given: dict[str, Any] = {"actor": current_actor(), "now": clock().now(), "reason": form.reason.data or ""}
        detail = bank_details.propose_bank_detail(session, agency, *parts, **given)
        waits = detail is not None and detail.status == "proposed"
    if detail is None:
        return "These are the bank details already; nothing changed.", "info"
    return ("Saved. A bank approver must agree before it is used." if waits else "Saved."), "success"


def pin(form: ActForm, problems: list[Problem]) -> None:
    """Put each problem at the field it is about."""
    for problem in problems:
        name = problem.column.removeprefix("bank_")
        field = form[name] if name in form else next(iter(form))
        field.errors = [*field.errors, f"{problem.message} {problem.cure}".strip()]


@bp.post("/<int:version>/name-check")
@permission(Permission.BANK_DETAIL_CHECK)
def name_check(code: str, version: int) -> Answer:
    """Keep what the beneficiary's bank said of account and name."""
    session, form = db_session(), NameCheckForm()
    agency = queries.find_agency(session, code)
    queries.bank_detail(session, agency, version)
    if form.validate_on_submit():
        try:
            with unit_of_work(session):
                once(form, session)
                said = (form.result.data, form.name_at_bank.data or "")
                given: dict[str, Any] = {"actor": current_actor(), "now": clock().now()}
                bank_details.record_name_check(session, agency, version, *said, **given)
            flash("What the bank said is kept.", "success")
            return redirect(url_for(".show", code=code))
        except Invalid as wrong:
            agency = queries.find_agency(session, code)
            pin(form, wrong.problems)
    return page(agency, check_form=form), 422


def not_called(session: Session, detail: AgencyBankDetail, *, is_first: bool) -> tuple[str, str] | None:
    return call_backs.why_not_called(session, detail, clock().today(), is_first=is_first)


@bp.post("/<int:version>/called")
@permission(Permission.BANK_DETAIL_CHECK)
def called(code: str, version: int) -> Answer:
    """Keep a call to the agency about what waits."""
    session, form = db_session(), CallBackForm()
    agency = queries.find_agency(session, code)
    queries.bank_detail(session, agency, version)
    if form.validate_on_submit():
        told_so = Called(
            spoke_to=form.spoke_to.data or "",
            number=form.number.data or "",
            known_from=form.known_from.data or "",
            outcome=form.outcome.data,
            note=form.note.data or "",
        )
        try:
            with unit_of_work(session):
                once(form, session)
                detail = bank_details.waiting(session, agency, version)
                call_backs.record_call_back(session, agency, detail, told_so, actor=current_actor(), now=clock().now())
            flash("The call is kept.", "success")
            return redirect(url_for(".show", code=code))
        except Invalid as wrong:
            agency = queries.find_agency(session, code)
            pin(form, wrong.problems)
    return page(agency, call_form=form), 422


@bp.post("/<int:version>/approve")
@permission(Permission.BANK_DETAIL_APPROVE)
def approve(code: str, version: int) -> Answer:
    """A checker agrees: approvals that stand on the details of before are void with it."""
    return decide(code, version, ApproveDetailForm(), approve=True)


@bp.post("/<int:version>/reject")
@permission(Permission.BANK_DETAIL_APPROVE)
def reject(code: str, version: int) -> Answer:
    return decide(code, version, RejectDetailForm(), approve=False)


def decide(code: str, version: int, form: ApproveDetailForm | RejectDetailForm, *, approve: bool) -> Answer:
    session = db_session()
    agency = queries.find_agency(session, code)
    check(identity_here(), Permission.BANK_DETAIL_APPROVE, queries.bank_detail(session, agency, version))
    if form.validate_on_submit():
        try:
            for said in decided(session, agency, version, form.reason.data or "", form, approve=approve):
                flash(*said)
            return redirect(url_for(".show", code=code))
        except Invalid as wrong:
            agency = queries.find_agency(session, code)
            pin(form, wrong.problems)
    return page(agency, **{"approve_form" if approve else "reject_form": form}), 422


def decided(
    session: Session, agency: Agency, version: int, reason: str, form: ActForm, *, approve: bool
) -> list[tuple[str, str]]:
    """Decide, and in the same transaction void the approvals that named the other account. What to tell, each with its tone."""
    given: dict[str, Any] = {"actor": current_actor(), "now": clock().now()}
    with unit_of_work(session):
        once(form, session)
        bank_details.decide_bank_detail(session, agency, version, approve=approve, reason=reason, **given)
        taken, kept = recall_outdated(session, agency.id, **given) if approve else ([], [])
    told_so = [(f"Version {version} is {'approved' if approve else 'turned down'}.", "success")]
    if taken:
        told_so.append(
            (f"The approval of {', '.join(taken)} is void: the month is drafted anew, for two people.", "info")
        )
    told_so += [
        (f"{ref} cannot be paid: its approval names the account of before. {why}", "warning") for ref, why in kept
    ]
    return told_so
