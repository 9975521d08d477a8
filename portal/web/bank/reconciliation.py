"""The close board: what stands between us and closing the month, by reason and owner; and the button for a run.

The page comes with what the last run stored, and says so; the sums of now are asked for once it is there.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from flask import Blueprint, jsonify, redirect, render_template, request, url_for
from werkzeug.exceptions import UnprocessableEntity
from werkzeug.wrappers import Response

from allocations.agencies.dated_settings import setting_on
from allocations.reconciliation.bench import board, queries, worklist
from allocations.reconciliation.bench.suspense import money_explained
from allocations.reconciliation.matching.reasons import KINDS
from allocations.reconciliation.running.jobs import ask_for_run
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.jobs import progress_of
from portal.kernel.periods import month_of
from portal.web.bank.reconciliation_forms import DecideForm
from portal.web.edge import clock, current_actor, db_session, once, wants_sums

bp = Blueprint("bank_reconciliation", __name__, url_prefix="/bank/reconciliation")


@bp.get("")
@permission(Permission.RECONCILIATION_READ)
def index() -> str:
    session, today = db_session(), clock().today()
    asked, run = request.args.get("job", type=int), queries.last_run(session)
    is_live = wants_sums() or run is None
    rows = board.blocked(session, today) if is_live else []
    return render_template(
        "bank/reconciliation/index.html",
        run=run,
        is_live=is_live,
        stored=board.at_run(run),
        kinds=KINDS,
        rows=rows,
        owners=board.owners_of(rows),
        bands=board.BANDS,
        trend=board.trend_before(session, today),
        totals=totals_of(rows),
        waiting=worklist.rules_waiting(session) if is_live else [],
        explained=money_explained(session) if is_live else [],
        close=closing_month(),
        job=progress_of(session, asked) if asked else None,
        form=DecideForm(),
    )


@bp.post("/run")
@permission(Permission.RECONCILIATION_RUN)
def run() -> Response:
    """Ask a worker for a run; the board shows it moving."""
    session, form = db_session(), DecideForm()
    if not form.validate_on_submit():
        raise UnprocessableEntity()
    with unit_of_work(session):
        once(form, session)
        progress_id = ask_for_run(session, actor=current_actor(), clock=clock())
    return redirect(url_for(".index", job=progress_id))


@bp.get("/jobs/<int:progress_id>")
@permission(Permission.RECONCILIATION_READ)
def job(progress_id: int) -> Response:
    """How far a run or a bulk act is, for a page's script."""
    found = progress_of(db_session(), progress_id)
    state = {"status": found.status, "done": found.done, "total": found.total, "message": found.message}
    href = url_for(".index") if found.kind == "reconcile" else url_for("bank_bulk.index", job=progress_id)
    return jsonify(state | {"href": href})


def totals_of(rows: list[board.Blocked]) -> list[dict[str, Any]]:
    """Everything that stands open, by currency: count, amount, what is due today and what is overdue."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        sums = found.setdefault(
            row.currency, {"currency": row.currency, "count": 0, "minor": 0, "due": 0, "overdue": 0}
        )
        sums["count"] += row.count
        sums["minor"] += row.amount_minor
        sums["due"] += row.due_minor
        sums["overdue"] += row.overdue_minor
    return list(found.values())


def closing_month() -> dict[str, Any]:
    """The month that is being closed, the last day its settlements may be paid, and how many days are left."""
    today = clock().today()
    month = month_of(today).previous()
    try:
        days = int(setting_on(db_session(), "msme.pay_within_days", month.last_day))
    except KeyError:
        days = 45
    last: date = month.last_day + timedelta(days=days)
    return {"month": month, "pay_by": last, "days": (last - today).days}
