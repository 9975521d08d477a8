"""The texts of letters: proposed by one person, approved by another, in versions."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from allocations.casework.letters import templates
from allocations.casework.letters.models import LetterTemplate
from allocations.casework.letters.starting import KINDS
from allocations.casework.letters.words import NAMES, holes, paragraphs
from portal.access.guard import check, permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Problem
from portal.web.bank.letters_forms import LANGUAGE_WORDS, ApproveTemplateForm, RejectTemplateForm, TemplateForm
from portal.web.edge import clock, current_actor, db_session, identity_here, once
from portal.web.typed import kept_on_page

bp = Blueprint("bank_letter_templates", __name__, url_prefix="/bank/letter-templates")
Answer = Response | tuple[str, int]
LANGUAGES = dict(LANGUAGE_WORDS)


@bp.get("")
@permission(Permission.LETTER_READ)
def index() -> str:
    rows = templates.list_templates(db_session())
    return render_template("bank/letter_templates/index.html", rows=rows, kinds=KINDS, languages=LANGUAGES)


@bp.route("/new", methods=["GET", "POST"])
@permission(Permission.LETTER_TEMPLATE_PROPOSE)
def new() -> str | Answer:
    session, problems = db_session(), list[Problem]()
    form = TemplateForm(**begun_from(request.args.get("from", "")))
    if form.validate_on_submit():
        with kept_on_page(problems):
            with unit_of_work(session):
                once(form, session)
                text = (form.kind.data or "", form.language.data or "", form.subject.data or "", form.body.data or "")
                given: dict[str, Any] = {"actor": current_actor(), "now": clock().now()}
                made = templates.propose_template(session, *text, reason=form.reason.data or "", **given).id
            flash("Proposed. It is used once another person approves it.", "success")
            return redirect(url_for(".show", template_id=made))
    page = render_template("bank/letter_templates/new.html", form=form, problems=problems, names=NAMES)
    return (page, 422) if form.errors or problems else page


def begun_from(number: str) -> dict[str, Any]:
    """A new version begins with the words of the one it is made from."""
    if not (number.isascii() and number.isdigit() and len(number) < 12):
        return {}
    old = templates.PROPOSALS.load(db_session(), locked=False, id=int(number))
    return {"kind": old.kind, "language": old.language, "subject": old.subject, "body": old.body}


@bp.get("/<int:template_id>")
@permission(Permission.LETTER_READ)
def show(template_id: int) -> str:
    return template_page(template_id)


def template_page(template_id: int, problems: list[Problem] | None = None, **forms: Any) -> str:
    found = templates.PROPOSALS.load(db_session(), locked=False, id=template_id)
    acts = {
        "accept_form": ApproveTemplateForm(formdata=None),
        "reject_form": RejectTemplateForm(formdata=None),
    }
    used = [(name, NAMES[name].word) for name in holes(f"{found.subject} {found.body}")]
    given: dict[str, Any] = {"found": found, "kinds": KINDS, "languages": LANGUAGES, "used": used}
    parts = paragraphs(found.body)
    return render_template(
        "bank/letter_templates/show.html", **given, parts=parts, problems=problems or [], **acts | forms
    )


@bp.post("/<int:template_id>/approve")
@permission(Permission.LETTER_TEMPLATE_DECIDE)
def approve(template_id: int) -> Answer:
    return decide(template_id, ApproveTemplateForm(), approve=True)


@bp.post("/<int:template_id>/reject")
@permission(Permission.LETTER_TEMPLATE_DECIDE)
def reject(template_id: int) -> Answer:
    return decide(template_id, RejectTemplateForm(), approve=False)


def decide(template_id: int, form: ApproveTemplateForm | RejectTemplateForm, *, approve: bool) -> Answer:
    session, problems = db_session(), list[Problem]()
    forms = {"accept_form" if approve else "reject_form": form}
    found: LetterTemplate = templates.PROPOSALS.load(session, locked=False, id=template_id)
    check(identity_here(), Permission.LETTER_TEMPLATE_DECIDE, found)
    if not form.validate_on_submit():
        return template_page(template_id, **forms), 422
    with kept_on_page(problems, "is_not_the_maker"):
        with unit_of_work(session):
            once(form, session)
            found = templates.PROPOSALS.load(session, id=template_id)
            given: dict[str, Any] = {"actor": current_actor(), "now": clock().now()}
            templates.decide_template(session, found, approve=approve, reason=form.reason.data or "", **given)
        flash("Approved: letters are made from it from now on." if approve else "Rejected.", "success")
        return redirect(url_for(".show", template_id=template_id))
    return template_page(template_id, problems, **forms), 422
