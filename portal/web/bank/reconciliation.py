"""Reconciliation: the board that says where things stand, and the bench where a person decides on suggestions."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, jsonify, redirect, render_template, request, url_for
from werkzeug.exceptions import UnprocessableEntity
from werkzeug.wrappers import Response

from allocations.reconciliation.bench import by_hand as manual
from allocations.reconciliation.bench import queries as queries
from allocations.reconciliation.matching.ladder import RUNGS
from allocations.reconciliation.models import MatchLink
from allocations.reconciliation.running.jobs import ask_for_run
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.jobs import progress_of
from portal.kernel.money import Money, shown
from portal.web.bank.reconciliation_forms import DecideForm, LinkForm
from portal.web.edge import clock, current_actor, db_session, once, page_of, wants_sums

bp = Blueprint("bank_reconciliation", __name__, url_prefix="/bank/reconciliation")
UNDONE_ON_BENCH = "Taken back on the bench."
WAITS = "waits for a second person: nothing happens until then"


@bp.get("")
@permission(Permission.RECONCILIATION_READ)
def index() -> str:
    session = db_session()
    asked = request.args.get("job", type=int)
    return render_template(
        "bank/reconciliation/index.html",
        run=queries.last_run(session),
        reasons=queries.breaks_by_reason(session),
        waiting=queries.suggestions_waiting(session),
        job=progress_of(session, asked) if asked else None,
        form=DecideForm(),
    )


@bp.post("/run")
@permission(Permission.RECONCILIATION_RUN)
def run() -> Response:
    """Ask a worker for a run; the board shows it moving."""
    session = db_session()
    with unit_of_work(session):
        once(checked(DecideForm()), session)
        progress_id = ask_for_run(session, actor=current_actor(), clock=clock())
    return redirect(url_for(".index", job=progress_id))


@bp.get("/jobs/<int:progress_id>")
@permission(Permission.RECONCILIATION_READ)
def job(progress_id: int) -> Response:
    """How far a run is, for the board's script."""
    found = progress_of(db_session(), progress_id)
    state = {"status": found.status, "done": found.done, "total": found.total, "message": found.message}
    return jsonify(state | {"href": url_for(".index")})


@bp.get("/bench")
@permission(Permission.RECONCILIATION_READ)
def bench() -> str:
    session = db_session()
    rule = request.args.get("rule", "")
    page = page_of(
        lambda after, limit: queries.suggestions_page(session, after=after, limit=limit, rule=rule),
        lambda row: (row.id,),
    )
    return render_template(
        "bank/reconciliation/bench.html",
        page=page,
        waiting=queries.suggestions_waiting(session) if wants_sums() else None,
        rules=[(name, rung.says) for name, rung in RUNGS.items() if not rung.confirms],
        undo=request.args.get("undo", type=int),
        form=DecideForm(),
    )


@bp.post("/links/<int:link_id>/confirm")
@permission(Permission.MATCH_CONFIRM)
def confirm(link_id: int) -> Response:
    link = decide(link_id, manual.confirm_suggestion)
    if link.status == "suggested":
        flash(f"{amount_of(link)} waits for a second person.", "info")
        return back_to_bench()
    flash(f"{amount_of(link)} linked.", "success")
    return back_to_bench(undo=link.id)


@bp.post("/links/<int:link_id>/reject")
@permission(Permission.MATCH_CONFIRM)
def reject(link_id: int) -> Response:
    link = decide(link_id, manual.reject_suggestion)
    flash(f"Not the same money: {amount_of(link)} stays open on both sides.", "info")
    return back_to_bench()


@bp.post("/links/<int:link_id>/undo")
@permission(Permission.MATCH_CONFIRM)
def undo(link_id: int) -> Response:
    """Take a link apart; from the bench without further words, from elsewhere with a reason."""
    form = checked(DecideForm())
    reason = request.form.get("reason", "").strip()[:500] or UNDONE_ON_BENCH
    session = db_session()
    with unit_of_work(session):
        once(form, session)
        act = manual.undo_link(session, link_id, reason=reason, actor=current_actor(), now=clock().now())
        said = f"The link of {shown(act.amount_minor, act.currency)}"
        done = act.status == "done"
    flash(f"{said} {'is taken apart; the row stays on record' if done else WAITS}.", "success" if done else "info")
    return back_to_bench()


@bp.post("/link")
@permission(Permission.MATCH_CONFIRM)
def link() -> Response:
    """Link a receipt and a credit by hand, from a break's page."""
    session, form = db_session(), LinkForm()
    if not form.validate_on_submit():
        flash(" ".join(str(error) for errors in form.errors.values() for error in errors), "error")
        return redirect(url_for("bank_breaks.index"))
    collection_id, line_id = int(form.collection_id.data or 0), int(form.bank_line_id.data or 0)
    seen = tuple(int(part) for part in str(form.expected.data).split("/"))
    currency = queries.currency_of(session, collection_id)
    with unit_of_work(session):
        once(form, session)
        made = manual.link_by_hand(
            session,
            collection_id,
            line_id,
            Money.from_major(form.amount.data or 0, currency).minor,
            reason=form.reason.data or "",
            expected=(seen[0], seen[1]),
            actor=current_actor(),
            now=clock().now(),
        )
        said, done = shown(made.amount_minor, made.currency), made.status == "done"
    flash(f"{said} {'linked by hand' if done else WAITS}.", "success" if done else "info")
    return redirect(url_for("bank_breaks.index"))


def decide(link_id: int, act: Any) -> MatchLink:
    """One decision on a suggestion, once."""
    session = db_session()
    with unit_of_work(session):
        once(checked(DecideForm()), session)
        found: MatchLink = act(session, link_id, actor=current_actor(), now=clock().now())
        return found


def checked(form: DecideForm) -> DecideForm:
    if not form.validate_on_submit():
        raise UnprocessableEntity()
    return form


def amount_of(made: MatchLink) -> str:
    return shown(made.amount_minor, queries.currency_of(db_session(), made.collection_id))


def back_to_bench(**more: Any) -> Response:
    return redirect(url_for(".bench", rule=request.args.get("rule") or None, **more))
