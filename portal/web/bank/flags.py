"""Early warnings at the bank: one list over receipts, visits, people and money, and a page of evidence for each."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms import TextAreaField
from wtforms.validators import Length

from allocations.agencies.queries import agency_choices
from allocations.casework.conduct import flags
from allocations.casework.conduct.flag_rules import GROUPS, RULES
from payouts.conduct.flags import find_lately
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, NotFound, Problem
from portal.web.agency.disputes import tab_asked
from portal.web.edge import ActForm, clock, current_actor, db_session, once, page_of

bp = Blueprint("bank_flags", __name__, url_prefix="/bank/flags")
Answer = str | Response | tuple[str, int]
TABS = {"open": "Open", "taken_up": "Taken up", "explained": "Explained", "case": "Cases", "all": "All"}
ACTS = {"take-up": "take_up", "explain": "explain", "reopen": "reopen"}


class LookForm(ActForm):
    """One click."""


class MoveForm(ActForm):
    reason = TextAreaField("What did you find?", [Length(max=500)])


@bp.get("")
@permission(Permission.FLAG_READ)
def index() -> str:
    session, tab = db_session(), tab_asked(TABS)
    asked = {name: request.args.get(name, "").strip()[:60] for name in ("group", "rule", "agency")}
    page = page_of(
        lambda after, limit: flags.list_flags(session, tab=tab, **asked, after=after, limit=limit),
        lambda row: (row.flag.id,),
    )
    return render_template(
        "bank/flags/index.html",
        page=page,
        tab=tab,
        tabs=TABS,
        counts=flags.counts(session),
        groups=list(GROUPS.items()),
        group_words=GROUPS,
        rules=[(code, rule.name) for code, rule in RULES.items()],
        agencies=agency_choices(session),
        look_form=LookForm(formdata=None),
    )


@bp.post("/look")
@permission(Permission.FLAG_FIND)
def look() -> Response:
    """Let every rule look at this month and the one before, now."""
    session, form = db_session(), LookForm()
    if form.validate_on_submit():
        with unit_of_work(session):
            once(form, session)
            looked = find_lately(session, actor=current_actor(), now=clock().now(), today=clock().today())
        flash(f"{looked.count} new." if looked.count else "Nothing new.", "success")
    return redirect(url_for(".index"))


@bp.get("/<int:flag_id>")
@permission(Permission.FLAG_READ)
def show(flag_id: int) -> str:
    return flag_page(flag_id)


def flag_page(flag_id: int, form: MoveForm | None = None, problems: list[Problem] | None = None) -> str:
    row = flags.flag_row(db_session(), flag_id)
    moves = [name for name, action in ACTS.items() if (row.flag.status, action) in row.flag.__moves__]
    given: dict[str, Any] = {"row": row, "flag": row.flag, "moves": moves, "group": GROUPS[row.rule.group]}
    return render_template(
        "bank/flags/show.html", **given, form=form or MoveForm(formdata=None), problems=problems or []
    )


@bp.post("/<int:flag_id>/<act>")
@permission(Permission.FLAG_EDIT)
def move(flag_id: int, act: str) -> Answer:
    """Take it up, explain it, make it a case, or open it again."""
    session, form = db_session(), MoveForm()
    flags.flag_row(session, flag_id)
    if act not in ACTS:
        raise NotFound("There is no such step.")
    if not form.validate_on_submit():
        return flag_page(flag_id, form), 422
    try:
        with unit_of_work(session):
            once(form, session)
            given: dict[str, Any] = {"actor": current_actor(), "now": clock().now()}
            flags.move_flag(session, flag_id, ACTS[act], form.reason.data or "", **given)
    except Invalid as wrong:
        return flag_page(flag_id, form, wrong.problems), 422
    flash("It is on record.", "success")
    return redirect(url_for(".show", flag_id=flag_id))
