"""A change of an agency's terms that waits for its second person."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from allocations.agencies import changes, queries
from allocations.agencies.empanelment_models import AgencyChange
from allocations.agencies.models import Agency
from portal.access.guard import check, permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Problem
from portal.kernel.money import shown
from portal.web.bank.empanelment_forms import AcceptForm, OneClickForm, RejectForm
from portal.web.edge import clock, current_actor, db_session, identity_here, once
from portal.web.typed import kept_on_page

bp = Blueprint("bank_changes", __name__, url_prefix="/bank/agencies/<code>/changes")
Answer = str | Response | tuple[str, int]
ON_PAGE = ("changed_meanwhile", "is_not_the_maker", "not_open")


def find(code: str, change_id: int) -> tuple[Agency, AgencyChange]:
    agency = queries.find_agency(db_session(), code)
    return agency, changes.PROPOSALS.load(db_session(), locked=False, id=change_id, agency_id=agency.id)


@bp.get("/<int:change_id>")
@permission(Permission.AGENCY_READ)
def show(code: str, change_id: int) -> str:
    return change_page(code, change_id)


def change_page(code: str, change_id: int, problems: list[Problem] | None = None, **forms: Any) -> str:
    agency, found = find(code, change_id)
    acts = {"accept_form": AcceptForm(formdata=None), "reject_form": RejectForm(formdata=None)}
    rows = [
        (word, *(_said(agency, name, value) for value in found.changes[name]))
        for name, word in changes.TERMS.items()
        if name in found.changes
    ]
    return render_template(
        "bank/agencies/change.html",
        agency=agency,
        made=found,
        rows=rows,
        problems=problems or [],
        **acts | {"withdraw_form": OneClickForm(formdata=None)} | forms,
    )


def _said(agency: Agency, name: str, value: Any) -> str:
    if value is None:
        return "no end" if name == "agreement_to" else "no limit"
    if name == "exposure_cap_minor":
        return shown(value, agency.currency)
    return ", ".join(value) if isinstance(value, list) else f"{value:,}" if isinstance(value, int) else str(value)


@bp.post("/<int:change_id>/accept")
@permission(Permission.AGENCY_MOVE_DECIDE)
def accept(code: str, change_id: int) -> Answer:
    return decide(code, change_id, AcceptForm(), accept=True)


@bp.post("/<int:change_id>/reject")
@permission(Permission.AGENCY_MOVE_DECIDE)
def reject(code: str, change_id: int) -> Answer:
    return decide(code, change_id, RejectForm(), accept=False)


def decide(code: str, change_id: int, form: AcceptForm | RejectForm, *, accept: bool) -> Answer:
    session, problems = db_session(), list[Problem]()
    check(identity_here(), Permission.AGENCY_MOVE_DECIDE, find(code, change_id)[1])
    if form.validate_on_submit():
        with kept_on_page(problems, *ON_PAGE):
            with unit_of_work(session):
                once(form, session)
                locked = changes.PROPOSALS.load(session, id=change_id)
                given: dict[str, Any] = {"reason": form.reason.data or "", "actor": current_actor()}
                changes.decide_change(session, locked, accept=accept, now=clock().now(), **given)
            flash("Accepted; it holds from now on." if accept else "Rejected. Everything stays as it is.", "success")
            return redirect(url_for(".show", code=code, change_id=change_id))
    return change_page(code, change_id, problems, **{"accept_form" if accept else "reject_form": form}), 422


@bp.post("/<int:change_id>/withdraw")
@permission(Permission.AGENCY_EDIT)
def withdraw(code: str, change_id: int) -> Answer:
    session, form = db_session(), OneClickForm()
    find(code, change_id)
    if form.validate_on_submit():
        with unit_of_work(session):
            once(form, session)
            locked = changes.PROPOSALS.load(session, id=change_id)
            changes.PROPOSALS.move(session, locked, "withdraw", actor=current_actor(), now=clock().now())
        flash("Withdrawn.", "success")
        return redirect(url_for("bank_agencies.show", code=code))
    return change_page(code, change_id), 422
