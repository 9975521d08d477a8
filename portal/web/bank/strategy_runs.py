"""Runs of strategies: drawn by one person, previewed, approved by another, and then a placement."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from allocations.placements.strategies import queries, runs, service
from allocations.placements.strategies.jobs import approve_job, draw_job
from allocations.placements.strategies.models import Strategy, StrategyRun
from allocations.placements.strategies.reasons import cure_of, words_of
from allocations.placements.strategies.wording import bound_words
from portal.access.guard import check, permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, NotFound
from portal.kernel.jobs import enqueue, progress_of
from portal.kernel.money import Money
from portal.kernel.progress import JobProgress
from portal.kernel.proposals import statuses_of
from portal.web.bank.exports import MOST_ROWS, export
from portal.web.bank.strategies import Answer, strategy_page, within
from portal.web.bank.strategies_forms import AcceptForm, DrawForm, OneClickForm, RejectForm
from portal.web.charts import share
from portal.web.edge import clock, current_actor, db_session, identity_here, once, page_of
from portal.web.filters import words

bp = Blueprint("bank_strategy_runs", __name__, url_prefix="/bank/strategy-runs")
JOBS = {draw_job.name: "Drawing the run", approve_job.name: "Writing the placement"}


@bp.get("")
@permission(Permission.STRATEGY_READ)
def index() -> str:
    asked = {name: request.args.get(name, "").strip()[:40] for name in ("code", "status")}
    page = page_of(
        lambda after, limit: queries.list_runs(db_session(), after, limit, **asked), lambda row: (row.StrategyRun.id,)
    )
    codes = [(each.code, each.code) for each in service.list_strategies(db_session())]
    return render_template(
        "bank/strategy_runs/index.html",
        page=page,
        codes=codes,
        statuses=[(each, words(each)) for each in statuses_of(StrategyRun.__moves__)],
    )


@bp.post("/draw/<code>/<int:version>")
@permission(Permission.STRATEGY_RUN)
def draw(code: str, version: int) -> Answer:
    """Ask for a draft; the page shows how far it is."""
    session, form = db_session(), DrawForm()
    strategy = service.PROPOSALS.load(session, locked=False, code=code, version=within(version))
    if not form.validate_on_submit() or form.from_on.data is None:
        return strategy_page(code, version, draw_form=form), 422
    try:
        runs.check_asked(form.from_on.data, form.to_on.data, form.seed.data or 0)
    except Invalid as wrong:
        form.to_on.errors = [str(problem.message) for problem in wrong.problems]
        return strategy_page(code, version, draw_form=form), 422
    given = {
        "code": strategy.code,
        "from_on": str(form.from_on.data),
        "to_on": str(form.to_on.data) if form.to_on.data else None,
        "seed": form.seed.data or 0,
    }
    about = " ".join(str(given[key]) for key in ("code", "from_on", "to_on", "seed"))
    return _asked(form, draw_job, given, f"strategy {strategy.code}", about)


def _asked(form: Any, job: Any, given: dict[str, Any], lock: str, about: str) -> Response:
    """Asked for twice from two pages, or by two people, while the first is under way: both look at the first."""
    session = db_session()
    with unit_of_work(session):
        once(form, session)
        number = enqueue(session, job, given, actor=current_actor(), now=clock().now(), lock=lock, about=about)
    return redirect(url_for(".job", number=number))


def _progress(number: int) -> JobProgress:
    found = progress_of(db_session(), number)
    if found.kind not in JOBS:
        raise NotFound("There is no such job.")
    return found


@bp.get("/jobs/<int:number>")
@permission(Permission.STRATEGY_READ)
def job(number: int) -> Answer:
    """How far a drawing or an approval is; done, its run."""
    found = _progress(number)
    if found.status == "done" and found.result:
        return redirect(url_for(".show", ref=found.result["ref"]))
    return render_template("bank/strategy_runs/job.html", job=found, title=JOBS[found.kind])


@bp.get("/jobs/<int:number>/state")
@permission(Permission.STRATEGY_READ)
def job_state(number: int) -> Response:
    found = _progress(number)
    state = {"status": found.status, "done": found.done, "total": found.total, "message": found.message}
    return jsonify(state | {"href": url_for(".job", number=number)})


@bp.get("/<ref>")
@permission(Permission.STRATEGY_READ)
def show(ref: str) -> str:
    return run_page(ref)


def run_page(ref: str, **forms: Any) -> str:
    session = db_session()
    run, strategy = queries.find_run(session, ref)
    asked = {name: request.args.get(name, "").strip()[:60] for name in ("q", "taker", "reason")}
    page = page_of(
        lambda after, limit: queries.list_choices(session, run, after, limit, **asked),
        lambda row: (row.loan_account_id,),
    )
    acts = {
        "accept_form": AcceptForm(formdata=None),
        "reject_form": RejectForm(formdata=None),
        "click_form": OneClickForm(formdata=None),
    }
    return render_template(
        "bank/strategy_runs/show.html",
        run=run,
        strategy=strategy,
        page=page,
        asked=any(asked.values()),
        months=queries.read_out(session, run),
        **shown_of(run) | {"words_of": words_of, "cure_of": cure_of, "bound_words": bound_words} | acts | forms,
    )


def first_day(bucket: str) -> tuple[int, str]:
    """Buckets as people read them: what is not due yet, by the first day past due ("91-180" after "61-90"), then none."""
    began = re.match(r"\d+", bucket)
    return (int(began.group()) if began else 0 if bucket else 10**6, bucket)


def shown_of(run: StrategyRun) -> dict[str, Any]:
    """The preview: each taker's row by bucket with its share of all that is placed, and what it loses or keeps."""
    buckets = sorted({row[1] for row in run.summary["takers"]}, key=first_day)
    names = {each["code"]: each["name"] for each in run.takers}
    changes = {each["code"]: each for each in run.summary["changes"]}
    rows: dict[str, dict[str, Any]] = {}
    for code, bucket, accounts, minor in run.summary["takers"]:
        row = rows.setdefault(
            code,
            {"code": code, "name": names.get(code, code), "by": {}, "accounts": 0, "minor": 0, "change": changes[code]},
        )
        row["by"][bucket] = (accounts, minor)
        row["accounts"] += accounts
        row["minor"] += minor
    most = max((row["minor"] for row in rows.values()), default=0)
    placed = {"accounts": sum(r["accounts"] for r in rows.values()), "minor": sum(r["minor"] for r in rows.values())}
    return {
        "takers": [row | {"width": share(row["minor"], most)} for row in rows.values()],
        "buckets": buckets,
        "placed": placed,
        "stopped": [each for each in run.takers if each["stops"]],
        "currency": run.summary["currency"],
        "taker_choices": [(code, f"{names.get(code, code)}, {code}") for code in rows],
        "reason_choices": [(row[0], words_of(row[0])) for row in run.summary["unplaced"]],
    }


@bp.get("/<ref>/preview.<kind>")
@permission(Permission.STRATEGY_READ)
def preview(ref: str, kind: str) -> Response:
    """What each would get by bucket, and what stays behind by reason, as a file."""
    run, _ = queries.find_run(db_session(), ref)
    currency = run.summary["currency"]
    rows = [[taker, bucket, "", n, Money(minor, currency)] for taker, bucket, n, minor in run.summary["takers"]]
    rows += [["", "", reason, n, Money(minor, currency)] for reason, n, minor in run.summary["unplaced"]]
    return export("placement-preview", kind, ("taker", "bucket", "reason", "accounts", "principal"), rows, {"run": ref})


@bp.get("/<ref>/accounts.<kind>")
@permission(Permission.STRATEGY_READ)
def download(ref: str, kind: str) -> Response:
    """The accounts the filter shows, each with who gets it or why nobody does."""
    session = db_session()
    run, _ = queries.find_run(session, ref)
    asked = {name: request.args.get(name, "").strip()[:60] for name in ("q", "taker", "reason")}
    rows = [in_a_row(row, run) for row in queries.list_choices(session, run, None, MOST_ROWS, **asked)]
    return export("placement-run", kind, EXPORTED, rows, {**asked, "run": ref})


EXPORTED = (
    "loan_account_no", "product", "bucket", "dpd_days", "principal", "state", "pincode", "held_before", "rule", "arm", "taker", "reason",
)  # fmt: skip


def in_a_row(row: Any, run: StrategyRun) -> list[Any]:
    owed = Money(row.principal_minor, run.summary["currency"])
    facts = [row.loan_account_no, row.product, row.bucket, row.dpd_days, owed, row.state, row.pincode, row.before]
    return [*facts, row.rule or None, row.arm, row.taker, row.reason]


# --- acts


def _loaded(ref: str) -> tuple[StrategyRun, Strategy]:
    return queries.find_run(db_session(), ref)


def moved(ref: str, act: Callable[..., None], words: str, kind: str) -> Answer:
    """One click on a run: what it does, and what is said of it."""
    session, form = db_session(), OneClickForm()
    if not form.validate_on_submit():
        return run_page(ref), 422
    with unit_of_work(session):
        once(form, session)
        act(session, runs.PROPOSALS.load(session, ref=ref), actor=current_actor(), now=clock().now())
    flash(words, kind)
    return redirect(url_for(".show", ref=ref))


@bp.post("/<ref>/submit")
@permission(Permission.STRATEGY_RUN)
def submit(ref: str) -> Answer:
    words = "Handed in. Another person approves it; until then nobody is given an account."
    return moved(ref, runs.submit_run, words, "success")


@bp.post("/<ref>/withdraw")
@permission(Permission.STRATEGY_RUN)
def withdraw(ref: str) -> Answer:
    return moved(ref, runs.withdraw_run, "Withdrawn.", "info")


@bp.post("/<ref>/approve")
@permission(Permission.STRATEGY_RUN_DECIDE)
def approve(ref: str) -> Answer:
    """Ask every gate anew and write the placement, as a job: many accounts take a while."""
    session, form = db_session(), AcceptForm()
    run, _ = _loaded(ref)
    check(identity_here(), Permission.STRATEGY_RUN_DECIDE, run)
    if not form.validate_on_submit():
        return run_page(ref, accept_form=form), 422
    runs.may_approve(session, run, actor=current_actor())
    return _asked(form, approve_job, {"ref": run.ref, "reason": form.reason.data or ""}, f"approve {run.ref}", run.ref)


@bp.post("/<ref>/reject")
@permission(Permission.STRATEGY_RUN_DECIDE)
def reject(ref: str) -> Answer:
    session, form = db_session(), RejectForm()
    run, _ = _loaded(ref)
    check(identity_here(), Permission.STRATEGY_RUN_DECIDE, run)
    if not form.validate_on_submit():
        return run_page(ref, reject_form=form), 422
    with unit_of_work(session):
        once(form, session)
        given: dict[str, Any] = {"reason": form.reason.data or "", "actor": current_actor(), "now": clock().now()}
        runs.decide_run(session, runs.PROPOSALS.load(session, ref=ref), approve=False, **given)
    flash("Rejected.", "info")
    return redirect(url_for(".show", ref=ref))
