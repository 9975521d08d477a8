"""Commission at the bank: a month by agency, rule and reason, what moved, its runs and days; its lines; one line with its steps."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, flash, jsonify, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from allocations.placements.outcome_sums import change_words
from payouts.commission import line_queries, queries
from payouts.commission.check_day import ask_to_check, last_check
from payouts.commission.kind_words import BY_HAND, KINDS, kind_of, rule_of
from payouts.commission.known_on import changed_lines, changes_by_agency, difference
from payouts.commission.known_on_words import GROUP_WORDS
from payouts.commission.line_queries import Asked
from payouts.commission.movers import movers
from payouts.commission.queries import RunHead
from payouts.commission.read_since import read_since
from payouts.commission.reasons import REASONS
from payouts.commission.service import accrue as accrue_month
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.money import Money, shown
from portal.kernel.periods import Period
from portal.web import commission_story as story
from portal.web.bank.commission_forms import CheckForm
from portal.web.bank.exports import MOST_ROWS, export
from portal.web.edge import clock, current_actor, db_session, once, page_of, wants_sums
from portal.web.month_form import MonthForm, month_asked
from portal.web.period import chosen_period, recent_periods

bp = Blueprint("bank_commission", __name__, url_prefix="/bank/commission")


@bp.get("")
@permission(Permission.ACCRUAL_READ)
def index() -> str:
    """The board of a month, as it stands or as it was known on a day."""
    session, period = db_session(), chosen_period()
    looked = story.looked_at(session, period)
    run = looked.run
    return render_template(
        "bank/commission/index.html",
        period=period,
        periods=recent_periods(),
        looked=looked,
        board=queries.board(session, run) if run else None,
        runs=queries.runs_of(session, period),
        days=story.days_of(queries.noted_days(session, run), period) if run else [],
        moved=movers(session, run) if run and wants_sums() else None,
        is_summed=wants_sums(),
        reread=read_since(session, period),
        change_words=change_words,
        today=clock().today(),
        form=MonthForm(period=period.label),
        kind_of=kind_of,
        rule_of=rule_of,
    )


@bp.post("")
@permission(Permission.ACCRUAL_RUN)
def accrue() -> Response:
    """Compute the month now; the same inputs change nothing."""
    session, form = db_session(), MonthForm()
    period = month_asked(form)
    if isinstance(period, Response):
        return period
    with unit_of_work(session):
        once(form, session)
        result = accrue_month(session, period, actor=current_actor(), now=clock().now())
        total, created, lines = shown(result.total_minor, result.currency), result.created, result.lines
    said = (
        f"{period.start:%B %Y}: {total} on {lines} {'line' if lines == 1 else 'lines'}."
        if created
        else "Nothing changed since the last run."
    )
    flash(said, "success" if created else "info")
    return redirect(url_for(".index", period=period.label))


# --- lines and what earns nothing


def asked_lines() -> Asked:
    agency, rule, kind, bucket = (
        request.args.get(key, "").strip()[:60] for key in ("agency", "rule", "kind", "bucket")
    )
    return Asked(agency=agency, rule=rule, kind=kind, bucket=bucket, day=story.day_asked("day"))


@bp.get("/<label>/lines")
@permission(Permission.ACCRUAL_READ)
def lines(label: str) -> str:
    session, asked = db_session(), asked_lines()
    looked = story.run_or_404(session, label)
    assert looked.run
    run = looked.run
    page = page_of(
        lambda after, limit: line_queries.list_lines(session, run, asked, after=after, limit=limit),
        lambda row: (row.id,),
    )
    return render_template(
        "bank/commission/lines.html", run=run, looked=looked, page=page, kinds=KINDS, kind_of=kind_of, rule_of=rule_of
    )


LINE_HEADER = (
    "line",
    "agency",
    "kind",
    "rule",
    "card",
    "receipt_no",
    "loan_account_no",
    "bucket",
    "credited_on",
    "base",
    "amount",
)


@bp.get("/<label>/lines.<ending>")
@permission(Permission.ACCRUAL_READ)
def lines_file(label: str, ending: str) -> Response:
    """Exactly the lines the filter shows, all pages of it."""
    session, asked = db_session(), asked_lines()
    run = story.run_or_404(session, label).run
    assert run
    rows = line_queries.list_lines(session, run, asked, limit=MOST_ROWS)
    filters = {"month": label, **request.args.to_dict()}
    return export(f"commission-{label}", ending, LINE_HEADER, (line_cells(row) for row in rows), filters)


def rule_in_file(rule_id: str) -> str:
    """As on the page, and the reference of what was entered by hand: a file has no link to lead there."""
    said = rule_of(rule_id)
    return f"{said}: {rule_id}" if BY_HAND.fullmatch(rule_id) else said


def line_cells(row: line_queries.LineRow) -> list[Any]:
    return [
        *(row.ref, row.agency_code, kind_of(row.kind), rule_in_file(row.rule_id), row.card, row.receipt_no or ""),
        *(row.loan_account_no or "", row.bucket, row.credited_on),
        *(Money(row.base_minor, row.currency), Money(row.amount_minor, row.currency)),
    ]


@bp.get("/<label>/unpaid")
@permission(Permission.ACCRUAL_READ)
def unpaid(label: str) -> str:
    session = db_session()
    looked = story.run_or_404(session, label)
    assert looked.run
    run = looked.run
    agency, code = (request.args.get(key, "").strip()[:60] for key in ("agency", "code"))
    page = page_of(
        lambda after, limit: line_queries.list_unpaid(session, run, code=code, agency=agency, after=after, limit=limit),
        lambda row: (row.id,),
    )
    return render_template("bank/commission/unpaid.html", run=run, looked=looked, page=page, reasons=REASONS)


UNPAID_HEADER = ("receipt_no", "agency", "loan_account_no", "collected_on", "code", "why", "amount", "owner", "cure")


@bp.get("/<label>/unpaid.<ending>")
@permission(Permission.ACCRUAL_READ)
def unpaid_file(label: str, ending: str) -> Response:
    """Exactly the receipts the filter shows, all pages of it."""
    session = db_session()
    run = story.run_or_404(session, label).run
    assert run
    agency, code = (request.args.get(key, "").strip()[:60] for key in ("agency", "code"))
    rows = line_queries.list_unpaid(session, run, code=code, agency=agency, limit=MOST_ROWS)
    cells = (
        [
            *(row.receipt_no, row.agency_code, row.loan_account_no, row.collected_on, row.code, row.meaning),
            *(Money(row.amount_minor, row.currency), row.owner, row.cure),
        ]
        for row in rows
    )
    return export(f"unpaid-{label}", ending, UNPAID_HEADER, cells, {"month": label, **request.args.to_dict()})


@bp.get("/line/<ref>")
@permission(Permission.ACCRUAL_READ)
def line(ref: str) -> str:
    """One line: what it is made of, step by step."""
    detail = line_queries.line_detail(db_session(), ref)
    return render_template(
        "bank/commission/line.html", detail=detail, story=story.story_of(detail), kind_of=kind_of, rule_of=rule_of
    )


# --- what one run says that another did not


def two_runs(session: Session, period: Period) -> tuple[RunHead, RunHead]:
    """`?earlier=1&later=2` by number; without them what was known on `?on=` and the run in force."""
    numbers = [request.args.get(name, type=int) for name in ("earlier", "later")]
    if None in numbers:
        looked = story.looked_at(session, period)
        found = [looked.run, looked.now]
    else:
        found = [queries.run_numbered(session, period, number or 0) for number in numbers]
    earlier, later = found
    if earlier is None or later is None or earlier.version > later.version:
        raise NotFound()
    return earlier, later


@bp.get("/<label>/difference")
@permission(Permission.ACCRUAL_READ)
def changes(label: str) -> str:
    """Two runs of a month side by side: by agency, and of one agency every cause with its lines."""
    session, period = db_session(), story.month_or_404(label)
    earlier, later = two_runs(session, period)
    code = request.args.get("agency", "")[:60]
    agency = queries.agency_called(session, code)
    if agency is None:
        moved = changes_by_agency(session, earlier, later)
        return render_template(
            "bank/commission/changes.html", period=period, earlier=earlier, later=later, moved=moved, agency=None
        )
    what, rule = (request.args.get(key, "")[:60] for key in ("what", "rule"))
    page = page_of(
        lambda after, limit: changed_lines(
            session, earlier, later, agency.id, what=what, rule=rule, after=after, limit=limit
        ),
        lambda row: (row.line_id,),
    )
    return render_template(
        "bank/commission/changes.html",
        period=period,
        earlier=earlier,
        later=later,
        agency=agency,
        found=difference(session, earlier, later, agency.id),
        page=page,
        group_words=GROUP_WORDS,
        rule_of=rule_of,
    )


# --- one day


def day_or_404(period: Period, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as wrong:
        raise NotFound() from wrong


@bp.get("/<label>/days/<day>")
@permission(Permission.ACCRUAL_READ)
def one_day(label: str, day: str) -> str:
    """What a day of the run in force comes to, and the last time it was computed again."""
    session, period = db_session(), story.month_or_404(label)
    run, on = queries.run_in_force(session, period), day_or_404(period, day)
    if run is None:
        raise NotFound()
    noted = next((each for each in story.days_of(queries.noted_days(session, run), period) if each.day == on), None)
    if noted is None:
        raise NotFound()
    check = last_check(session, request.args.get("job", 0, type=int))
    return render_template(
        "bank/commission/day.html",
        period=period,
        run=run,
        noted=noted,
        check=check,
        form=CheckForm(),
        today=clock().today(),
    )


@bp.post("/<label>/days/<day>")
@permission(Permission.ACCRUAL_RUN)
def check_day(label: str, day: str) -> Response:
    """Ask a worker to compute the day again and compare byte for byte."""
    session, period = db_session(), story.month_or_404(label)
    run, on, form = queries.run_in_force(session, period), day_or_404(period, day), CheckForm()
    if run is None:
        raise NotFound()
    progress_id = None
    if form.validate_on_submit():
        with unit_of_work(session):
            once(form, session)
            progress_id = ask_to_check(session, period, on, actor=current_actor(), clock=clock())
    return redirect(url_for(".one_day", label=period.label, day=on.isoformat(), job=progress_id))


@bp.get("/checks/<int:progress_id>")
@permission(Permission.ACCRUAL_READ)
def check(progress_id: int) -> Response:
    """How far a check is, for the page's script."""
    found = last_check(db_session(), progress_id)
    if found is None:
        raise NotFound()
    return jsonify({"status": found.status, "done": found.done, "total": found.total, "message": found.message})
