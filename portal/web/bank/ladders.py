"""The rules of matching: those in force in words, versions proposed and tried, decided by a second person."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, jsonify, redirect, render_template, request, url_for
from werkzeug.exceptions import UnprocessableEntity
from werkzeug.wrappers import Response

from allocations.reconciliation.bench import ladders
from allocations.reconciliation.bench.jobs import ask_to_try, last_try
from allocations.reconciliation.bench.ladder_edits import body_of_text, ladder_text, with_rule, without_rule
from allocations.reconciliation.bench.ladder_words import MEASURE_WORDS, changes, rules_in_words
from allocations.reconciliation.matching.ladder import parse_ladder
from allocations.reconciliation.matching.rungs import Rung
from portal.access.guard import check, permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, NotFound, Problem, Refused, Stale
from portal.kernel.jobs import progress_of
from portal.web.bank.ladders_forms import ApproveLadderForm, RejectLadderForm, RuleForm, TextForm, TryForm
from portal.web.edge import clock, current_actor, db_session, identity_here, once

bp = Blueprint("bank_ladders", __name__, url_prefix="/bank/ladders")
Answer = Response | tuple[str, int]


@bp.get("")
@permission(Permission.LADDER_READ)
def index() -> str:
    """The rules in force, in words, and every version there was."""
    session = db_session()
    ladder = ladders.ladder_on(session)
    return render_template(
        "bank/ladders/index.html",
        ladder=ladder,
        row=ladders.approved_row(session),
        rules=rules_in_words(ladder),
        measures=[(MEASURE_WORDS[name], getattr(ladder, name)) for name in MEASURE_WORDS],
        versions=ladders.list_ladders(session),
    )


@bp.get("/new")
@permission(Permission.LADDER_READ)
def new() -> str:
    """The whole text, to propose another version from."""
    return text_page(TextForm(formdata=None, text=ladder_text(ladders.ladder_on(db_session()))))


def text_page(form: TextForm, problems: Any = ()) -> str:
    return render_template("bank/ladders/new.html", form=form, problems=problems)


@bp.post("/new")
@permission(Permission.LADDER_PROPOSE)
def propose() -> Answer:
    form = TextForm()
    if not form.validate_on_submit():
        return text_page(form), 422
    try:
        return proposed(form, body_of_text(form.text.data or ""))
    except Invalid as wrong:
        again = TextForm(formdata=None, text=form.text.data, reason=form.reason.data)
        return text_page(again, wrong.problems), 422


@bp.get("/rules/<rule>")
@permission(Permission.LADDER_READ)
def rule(rule: str) -> str:
    """One rule by fields."""
    place, found = rule_of(rule)
    return rule_page(rule, filled(found, place))


@bp.post("/rules/<rule>")
@permission(Permission.LADDER_PROPOSE)
def propose_rule(rule: str) -> Answer:
    rule_of(rule)
    form = RuleForm()
    if not form.validate_on_submit():
        return rule_page(rule, form), 422
    ladder = ladders.ladder_on(db_session())
    body = without_rule(ladder, rule) if form.drop.data else with_rule(ladder, rule, fields_of(form), form.place.data)
    try:
        return proposed(form, body)
    except Invalid as wrong:
        return rule_page(rule, again(form), wrong.problems), 422


def rule_page(name: str, form: RuleForm, problems: Any = ()) -> str:
    words = rules_in_words(ladders.ladder_on(db_session()))
    shown = next(each for each in words if each.name == name)
    return render_template("bank/ladders/rule.html", rule=shown, form=form, problems=problems)


def rule_of(name: str) -> tuple[int, Rung]:
    """A rule in force and its place from 1. NotFound otherwise."""
    for place, rung in enumerate(ladders.ladder_on(db_session()).rungs, 1):
        if rung.name == name:
            return place, rung
    raise NotFound("There is no such rule.")


def filled(rung: Rung, place: int) -> RuleForm:
    return RuleForm(
        formdata=None,
        confirms="yes" if rung.confirms else "no",
        place=place,
        window_from=rung.window[0],
        window_to=rung.window[1],
        reach_from=rung.reach[0],
        reach_to=rung.reach[1],
        tolerance_major=rung.tolerance_major,
        score=rung.score,
        modes=list(rung.modes),
        second=list(rung.second),
    )


def again(form: RuleForm) -> RuleForm:
    """The same form with a token that has not been spent."""
    return RuleForm(formdata=None, **{name: value for name, value in form.data.items() if name != "once"})


def fields_of(form: RuleForm) -> dict[str, Any]:
    return {
        "confirms": form.confirms.data == "yes",
        "window": [form.window_from.data, form.window_to.data],
        "reach": [form.reach_from.data, form.reach_to.data],
        "tolerance_major": form.tolerance_major.data,
        "score": form.score.data,
        "modes": list(form.modes.data or []),
        "second": list(form.second.data or []),
    }


def proposed(form: TextForm | RuleForm, body: dict[str, Any]) -> Response:
    """Store a draft and show what it changes. Raises Invalid with every fault."""
    session = db_session()
    try:
        with unit_of_work(session):
            once(form, session)
            given: dict[str, Any] = {"actor": current_actor(), "now": clock().now()}
            version = ladders.propose_ladder(session, body, reason=form.reason.data or "", **given).version
    except Stale:
        raise
    except Refused as refused:
        raise Invalid(Problem(refused.code, refused.message, refused.cure)) from None
    flash(f"Version {version} is a draft. See what it changes, try it, and let another person decide.", "success")
    return redirect(url_for(".show", version=version))


@bp.get("/<int:version>")
@permission(Permission.LADDER_READ)
def show(version: int) -> str:
    return version_page(version)


def version_page(version: int, **forms: Any) -> str:
    session = db_session()
    row = ladders.load_ladder(session, within(version))
    ladder, before = parse_ladder(row.body, row.version), ladders.ladder_before(session, row)
    asked = request.args.get("job", type=int)
    job = progress_of(session, asked) if asked else last_try(session, row.version)
    tried = (job.result or {}).get("rows") if job is not None and job.status == "done" else None
    given = {
        "approve_form": ApproveLadderForm(formdata=None, expected_sha256=row.sha256),
        "reject_form": RejectLadderForm(formdata=None, expected_sha256=row.sha256),
        "try_form": TryForm(formdata=None),
    }
    return render_template(
        "bank/ladders/show.html",
        row=row,
        before=before,
        changes=changes(before, ladder),
        rules=rules_in_words(ladder),
        job=job,
        tried=tried,
        is_mine=row.proposed_by == current_actor().email,
        **given | forms,
    )


def within(version: int) -> int:
    """A version number the database can hold; a larger one names nothing."""
    return version if version < 2**31 else -1


@bp.post("/<int:version>/try")
@permission(Permission.LADDER_TRY)
def try_it(version: int) -> Response:
    """Ask a worker to climb both ladders on what is open; nothing is written."""
    session, form = db_session(), TryForm()
    ladders.load_ladder(session, within(version))
    if not form.validate_on_submit():
        raise UnprocessableEntity()
    with unit_of_work(session):
        once(form, session)
        progress_id = ask_to_try(session, version, actor=current_actor(), clock=clock())
    return redirect(url_for(".show", version=version, job=progress_id))


@bp.get("/jobs/<int:progress_id>")
@permission(Permission.LADDER_READ)
def job(progress_id: int) -> Response:
    """How far a try is, for the page's script."""
    found = progress_of(db_session(), progress_id)
    state = {"status": found.status, "done": found.done, "total": found.total, "message": found.message}
    return jsonify(state)


@bp.post("/<int:version>/approve")
@permission(Permission.LADDER_DECIDE)
def approve(version: int) -> Answer:
    """The next run climbs exactly what was shown."""
    return decide(version, ApproveLadderForm(), approve=True)


@bp.post("/<int:version>/reject")
@permission(Permission.LADDER_DECIDE)
def reject(version: int) -> Answer:
    return decide(version, RejectLadderForm(), approve=False)


def decide(version: int, form: ApproveLadderForm | RejectLadderForm, *, approve: bool) -> Answer:
    session = db_session()
    check(identity_here(), Permission.LADDER_DECIDE, ladders.load_ladder(session, within(version)))
    if not form.validate_on_submit():
        return version_page(version, **{"approve_form" if approve else "reject_form": form}), 422
    with unit_of_work(session):
        once(form, session)
        given: dict[str, Any] = {"reason": form.reason.data or "", "actor": current_actor(), "now": clock().now()}
        ladders.decide_ladder(session, version, approve=approve, expected_sha256=form.expected_sha256.data, **given)
    said = "is in force: the next run climbs it" if approve else "is rejected; its maker reads why"
    flash(f"Version {version} {said}.", "success" if approve else "info")
    return redirect(url_for(".show", version=version))
