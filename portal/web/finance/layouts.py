"""Payment-file layouts: those built in, and the lender's own, each version proposed with a preview and decided by another person."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from payouts.rails import own_layouts
from payouts.rails.layouts import layout_of, profile_of
from payouts.rails.profiles import PROFILES
from payouts.rails.provider_models import PayoutProfile
from portal.access.guard import check, permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, Problem
from portal.web.edge import clock, current_actor, db_session, identity_here, once
from portal.web.finance.layout_sheet import (
    CHOICES,
    FACTS,
    PART_NOTES,
    PART_WORDS,
    SOURCE_WORDS,
    START,
    acted,
    layout_typed,
    shown_layout,
)
from portal.web.finance.payouts_forms import AgreeForm, LayoutForm, LookForm, TurnDownForm

bp = Blueprint("finance_layouts", __name__, url_prefix="/finance/layouts")
Answer = Response | tuple[str, int]


@bp.get("")
@permission(Permission.PAYOUT_PROFILE_READ)
def index() -> str:
    return render_template(
        "finance/layouts/index.html", rows=own_layouts.list_layouts(db_session()), built_in=PROFILES.values()
    )


@bp.route("/new", methods=["GET", "POST"])
@permission(Permission.PAYOUT_PROFILE_PROPOSE)
def new() -> str | Answer:
    """Write a layout, as a form or as text, see the file it makes, propose it. `?from=` starts from one that is there."""
    form = LayoutForm()
    if request.method == "GET":
        layout = start(form)
        return as_text(form, layout) if request.args.get("as") == "text" else as_form(form, layout)
    return posted_form(form) if "rows/record" in request.form else posted_text(form)


def posted_form(form: LayoutForm) -> str | Answer:
    """One act on the form: look, a row more or less, over to the text, or propose."""
    act = request.form.get("do", "look")
    layout = acted(layout_typed(request.form.to_dict()), act)
    if act == "text":
        return as_text(form, layout)
    del form.layout
    if act == "save" and form.validate_on_submit():
        try:
            return propose(form, layout)
        except Invalid as wrong:
            return as_form(form, layout, wrong.problems), 422
    page = as_form(form, layout)
    return (page, 422) if act == "save" else page


def as_form(form: LayoutForm, layout: Mapping[str, Any], problems: Sequence[Problem] = ()) -> str:
    """The form with the file it makes, or with what is wrong beside each column."""
    preview, found = "", list(problems)
    if not found:
        try:
            preview = own_layouts.preview(
                (form.name.data or "").strip().lower() or "preview",
                layout,
                on=form.effective_from.data or clock().today(),
            )
        except Invalid as wrong:
            found = wrong.problems
    notes: dict[str, list[str]] = {}
    for problem in found:
        notes.setdefault(problem.column, []).append(f"{problem.message} {problem.cure}".strip())
    return render_template(
        "finance/layouts/form.html",
        form=form,
        layout=shown_layout(layout),
        preview=preview,
        problems=found,
        notes=notes,
        choices=CHOICES,
        facts=FACTS,
        source_words=SOURCE_WORDS,
        part_words=PART_WORDS,
        part_notes=PART_NOTES,
    )


def as_text(form: LayoutForm, layout: Mapping[str, Any]) -> str:
    form.layout.data = typed(dict(layout))
    return render_template("finance/layouts/new.html", form=form, problems=[], preview="")


def posted_text(form: LayoutForm) -> str | Answer:
    problems, preview, act = list[Problem](), "", request.form.get("act")
    if act == "form" or form.validate_on_submit():
        try:
            body = own_layouts.read_layout(form.layout.data or "")
            if act == "form":
                return as_form(form, body)
            preview = own_layouts.preview((form.name.data or "").strip().lower(), body, on=form.effective_from.data)
            if act == "propose":
                return propose(form, body)
        except Invalid as wrong:
            problems = wrong.problems
    page = render_template("finance/layouts/new.html", form=form, problems=problems, preview=preview)
    return (page, 422) if form.errors or problems else page


def start(form: LayoutForm) -> dict[str, Any]:
    """The layout to change; its name goes into the form, so that it becomes the next version."""
    asked, version = request.args.get("from", "")[:60], request.args.get("version", "")
    form.effective_from.data = clock().today()
    if asked in PROFILES:
        form.name.data = f"{asked}_own"[:40]
        return layout_of(PROFILES[asked])
    if asked and version.isdigit() and len(version) < 7:
        found = own_layouts.load_layout(db_session(), asked, int(version))
        form.name.data = found.name
        return in_order(found)
    return dict(START)


def in_order(row: PayoutProfile) -> dict[str, Any]:
    """A stored layout with its parts in the order people read them."""
    return layout_of(profile_of(row.name, row.version, row.layout))


def typed(layout: dict[str, Any]) -> str:
    """A layout as text to be changed: one line a column."""
    lines = []
    for key, value in layout.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            rows = ",\n    ".join(json.dumps(each, ensure_ascii=False) for each in value)
            lines.append(f"  {json.dumps(key)}: [\n    {rows}\n  ]")
        else:
            lines.append(f"  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def propose(form: LayoutForm, body: Any) -> Response:
    session = db_session()
    with unit_of_work(session):
        once(form, session)
        made = own_layouts.propose_layout(
            session,
            form.name.data or "",
            body,
            effective_from=form.effective_from.data,
            actor=current_actor(),
            now=clock().now(),
        )
        name, version = made.name, made.version
    flash(f"{name} version {version} is proposed. It may be used once another person accepts it.", "success")
    return redirect(url_for(".show", name=name, version=version))


@bp.get("/<name>/<int:version>")
@permission(Permission.PAYOUT_PROFILE_READ)
def show(name: str, version: int) -> str:
    return layout_page(name, version)


def layout_page(name: str, version: int, **given: Any) -> str:
    row = own_layouts.load_layout(db_session(), name, version)
    forms: dict[str, Any] = {
        "agree_form": AgreeForm(formdata=None),
        "turn_down_form": TurnDownForm(formdata=None),
        "withdraw_form": LookForm(formdata=None),
    }
    try:
        preview = own_layouts.preview(row.name, row.layout, on=row.effective_from)
    except Invalid as wrong:
        preview = str(wrong)
    return render_template(
        "finance/layouts/show.html", row=row, preview=preview, text=typed(in_order(row)), **forms | given
    )


@bp.post("/<name>/<int:version>/accept")
@permission(Permission.PAYOUT_PROFILE_DECIDE)
def accept(name: str, version: int) -> Answer:
    return decide(name, version, AgreeForm(), accept=True)


@bp.post("/<name>/<int:version>/reject")
@permission(Permission.PAYOUT_PROFILE_DECIDE)
def reject(name: str, version: int) -> Answer:
    return decide(name, version, TurnDownForm(), accept=False)


def decide(name: str, version: int, form: AgreeForm | TurnDownForm, *, accept: bool) -> Answer:
    session = db_session()
    check(identity_here(), Permission.PAYOUT_PROFILE_DECIDE, own_layouts.load_layout(session, name, version))
    if not form.validate_on_submit():
        return layout_page(name, version, **{"agree_form" if accept else "turn_down_form": form}), 422
    with unit_of_work(session):
        once(form, session)
        given: dict[str, Any] = {"reason": form.reason.data or "", "actor": current_actor(), "now": clock().now()}
        own_layouts.decide_layout(session, name, version, accept=accept, **given)
    flash(f"{name} version {version} is {'accepted' if accept else 'rejected'}.", "success")
    return redirect(url_for(".show", name=name, version=version))


@bp.post("/<name>/<int:version>/withdraw")
@permission(Permission.PAYOUT_PROFILE_PROPOSE)
def withdraw(name: str, version: int) -> Answer:
    session, form = db_session(), LookForm()
    own_layouts.load_layout(session, name, version)
    if not form.validate_on_submit():
        return layout_page(name, version), 422
    with unit_of_work(session):
        once(form, session)
        own_layouts.withdraw_layout(session, name, version, actor=current_actor(), now=clock().now())
    flash(f"{name} version {version} is withdrawn.", "info")
    return redirect(url_for(".show", name=name, version=version))
