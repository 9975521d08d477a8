"""Which accounts are one human being's: an admin says so on the user's page, and another person agrees here."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response
from wtforms import EmailField, StringField
from wtforms.validators import InputRequired, Length

from portal.access import person_ties
from portal.access.guard import check, permission
from portal.access.models import PersonTie
from portal.access.permissions import Permission
from portal.access.users import user_by_id
from portal.kernel.db import unit_of_work
from portal.web.edge import ActForm, clock, current_actor, db_session, identity_here, once

bp = Blueprint("admin_persons", __name__, url_prefix="/admin/persons")
WHY = [InputRequired("Say how you know."), Length(min=3, max=500)]


class PersonForm(ActForm):
    same_as = EmailField(
        "The same person as",
        [Length(max=200)],
        description="The e-mail of their other account. Leave it empty to say that this one is a person of its own.",
    )
    reason = StringField("How do you know?", WHY, description="The person who agrees reads it.")


class TurnDownForm(ActForm):
    reason = StringField("Why not?", WHY)


@bp.get("")
@permission(Permission.PERSON_READ)
def index() -> str:
    return page()


def page(wrong: dict[int, TurnDownForm] | None = None) -> str:
    said = person_ties.ties_about(db_session())
    forms = {tie.id: TurnDownForm(formdata=None) for tie in said if tie.status == "proposed"} | (wrong or {})
    for tie_id, each in forms.items():
        each.reason.id = f"why-not-{tie_id}"
    return render_template("admin/persons/index.html", said=said, form=ActForm(formdata=None), turn_down=forms)


@bp.post("/of/<int:user_id>")
@permission(Permission.PERSON_PROPOSE)
def propose(user_id: int) -> Response:
    """Say that this account is the same person as another, or is none other's."""
    session, form = db_session(), PersonForm()
    user_by_id(session, user_id)
    if not form.validate_on_submit():
        flash(next(iter(form.errors.values()))[0], "error")
        return redirect(url_for("admin_users.show", user_id=user_id))
    with unit_of_work(session):
        once(form, session)
        user = user_by_id(session, user_id)
        given: dict[str, Any] = {"reason": form.reason.data or "", "actor": current_actor(), "now": clock().now()}
        if same_as := (form.same_as.data or "").strip():
            person_ties.propose_tie(session, user, same_as, **given)
        else:
            person_ties.propose_untie(session, user, **given)
    flash("Nothing changes until another person agrees.", "success")
    return redirect(url_for("admin_users.show", user_id=user_id))


@bp.post("/<int:tie_id>/accept")
@permission(Permission.PERSON_DECIDE)
def accept(tie_id: int) -> Response:
    session, form = db_session(), ActForm()
    with unit_of_work(session):
        once(form, session)
        found = checked(tie_id)
        person_ties.decide_tie(session, found, accept=True, actor=current_actor(), now=clock().now())
        said = f"{found.email} is a person of its own."
        if found.kind == "tie":
            said = f"{found.email} and {found.other_email} are one person: what either does counts as done by both."
    flash(said, "success")
    return redirect(url_for(".index"))


@bp.post("/<int:tie_id>/reject")
@permission(Permission.PERSON_DECIDE)
def reject(tie_id: int) -> Response | tuple[str, int]:
    session, form = db_session(), TurnDownForm()
    if not form.validate_on_submit():
        checked(tie_id)
        return page({tie_id: form}), 422
    with unit_of_work(session):
        once(form, session)
        given: dict[str, Any] = {"reason": form.reason.data or "", "actor": current_actor(), "now": clock().now()}
        person_ties.decide_tie(session, checked(tie_id), accept=False, **given)
    flash("It is turned down.", "info")
    return redirect(url_for(".index"))


def checked(tie_id: int) -> PersonTie:
    found = person_ties.load_tie(db_session(), tie_id)
    check(identity_here(), Permission.PERSON_DECIDE, found)
    return found


@bp.post("/<int:tie_id>/withdraw")
@permission(Permission.PERSON_PROPOSE)
def withdraw(tie_id: int) -> Response:
    session, form = db_session(), ActForm()
    with unit_of_work(session):
        once(form, session)
        found = person_ties.load_tie(session, tie_id)
        person_ties.withdraw_tie(session, found, actor=current_actor(), now=clock().now())
    flash("It is taken back.", "info")
    return redirect(url_for(".index"))
