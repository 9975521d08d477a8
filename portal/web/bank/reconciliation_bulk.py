"""Accepting many suggestions of one rule: a preview of the rupees, one click for exactly what was shown, and one to take it back."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.exceptions import UnprocessableEntity
from werkzeug.wrappers import Response

from allocations.reconciliation.bench import bulk as bulks
from allocations.reconciliation.bench import queries, worklist
from allocations.reconciliation.bench.bulk_jobs import ask_to_accept, ask_to_take_back
from allocations.reconciliation.matching.ladder import rule_says
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Refused
from portal.kernel.jobs import progress_of
from portal.web.bank.bench_asked import asked_here, asked_in
from portal.web.bank.reconciliation_forms import DecideForm
from portal.web.edge import clock, current_actor, db_session, once

bp = Blueprint("bank_bulk", __name__, url_prefix="/bank/reconciliation/bulk")


@bp.get("")
@permission(Permission.RECONCILIATION_READ)
def index() -> str:
    return preview_page()


def preview_page(query: str | None = None, notice: str = "") -> str:
    """The rules that wait, and the preview of the one that was chosen."""
    session, now = db_session(), clock().now()
    asked = asked_here(show="suggestions") if query is None else asked_in(query, show="suggestions")
    job = request.args.get("job", type=int)
    return render_template(
        "bank/reconciliation/bulk.html",
        asked=asked,
        rules=worklist.rules_waiting(session),
        preview=bulks.preview_bulk(session, rule=asked.rule, asked=asked, now=now) if asked.rule else None,
        agencies=queries.agency_codes(session),
        done=bulks.recent_bulk(session, current_actor().email, now),
        job=progress_of(session, job) if job else None,
        form=DecideForm(formdata=None),
        rule_says=rule_says,
        notice=notice,
        query=request.query_string.decode() if query is None else query,
    )


@bp.post("")
@permission(Permission.MATCH_CONFIRM)
def link_all() -> Response | tuple[str, int]:
    """Exactly what the preview showed, or nothing: a changed set answers with the new preview."""
    session, form = db_session(), checked()
    query, expected = request.form.get("query", "")[:2000], request.form.get("expected", "")[:64]
    asked, count = asked_in(query, show="suggestions"), request.form.get("count", "0")
    try:
        with unit_of_work(session):
            once(form, session)
            if count.isdecimal() and len(count) < 19 and int(count) > bulks.AT_ONCE:
                job = ask_to_accept(
                    session, rule=asked.rule, asked=asked, expected=expected, actor=current_actor(), clock=clock()
                )
                return redirect(url_for(".index", rule=asked.rule, job=job))
            done = bulks.accept_bulk(
                session, rule=asked.rule, asked=asked, expected=expected, actor=current_actor(), now=clock().now()
            )
    except Refused as error:
        session.rollback()
        return preview_page(query, str(error)), 409
    flash(f"{done.count} suggestion{'' if done.count == 1 else 's'} accepted as shown.", "success")
    return redirect(url_for(".index"))


@bp.post("/<sha256>/undo")
@permission(Permission.MATCH_CONFIRM)
def take_back(sha256: str) -> Response:
    """A bulk act of today, as one."""
    session, form = db_session(), checked()
    reason = request.form.get("reason", "").strip()[:500] or "Accepted in bulk by mistake."
    with unit_of_work(session):
        once(form, session)
        count = bulks.bulk_of(session, sha256).count
        if count > bulks.AT_ONCE:
            job = ask_to_take_back(session, sha256=sha256, reason=reason, actor=current_actor(), clock=clock())
            return redirect(url_for(".index", job=job))
        undone = bulks.undo_bulk(session, sha256, reason=reason, actor=current_actor(), now=clock().now())
    flash(f"{undone} link{'' if undone == 1 else 's'} taken back; the next run may suggest them again.", "success")
    return redirect(url_for(".index"))


def checked() -> DecideForm:
    form = DecideForm()
    if not form.validate_on_submit():
        raise UnprocessableEntity()
    return form
