"""Reports at the bank: the list, a report asked of the books as they are, and answers that were kept."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms.fields.choices import SelectChoice

from allocations.agencies.queries import agency_choices
from payouts.reports import service
from payouts.reports.asking import Report, label_of, quarter_of
from payouts.reports.catalogue import REPORTS, find_report
from payouts.reports.models import ReportRun
from payouts.reports.paper import Stamp, pdf, workbook
from payouts.reports.shape import drawn, in_words, question_in_words, told
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.audit import AuditTag, record_event
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, NotFound, Problem
from portal.web.bank.exports import XLSX
from portal.web.bank.reports_forms import KeepForm
from portal.web.charts import bars
from portal.web.downloads import attachment
from portal.web.edge import clock, current_actor, db_session, file_store, once, page_of
from portal.web.typed import recent_months

bp = Blueprint("bank_reports", __name__, url_prefix="/bank/reports")
QUARTERS_SHOWN, BARS_SHOWN = 8, 15
MEDIA = {"xlsx": XLSX, "pdf": "application/pdf", "json": "application/json"}


@bp.get("")
@permission(Permission.REPORT_READ)
def index() -> str:
    """What can be asked, and what was kept."""
    session, report = db_session(), request.args.get("report", "")[:60]
    page = page_of(
        lambda after, limit: service.list_runs(session, report=report, after=after, limit=limit), lambda run: (run.id,)
    )
    return render_template("bank/reports/index.html", reports=REPORTS, page=page, of=REPORTS.get(report))


@bp.get("/<code>")
@permission(Permission.REPORT_READ)
def ask(code: str) -> str | tuple[str, int]:
    """The report as the books stand now; nothing is kept by looking."""
    session, report = db_session(), find_report(code)
    answer, problems = None, list[Problem]()
    try:
        answer = service.ask(session, code, asked_here(), today=clock().today())
    except Invalid as wrong:
        problems = wrong.problems
    page = render_template(
        "bank/reports/report.html",
        report=report,
        answer=answer,
        content=answer.content if answer else None,
        problems=problems,
        form=KeepForm(formdata=None),
        asked_at=clock().now(),
        choices=choices_of(report),
        agencies=agency_choices(session) if report.by_agency else [],
        **pictures(),
    )
    return page, 422 if problems else 200


def choices_of(report: Report) -> list[SelectChoice] | list[tuple[str, str]]:
    """Months or quarters to choose from, the newest first; a day is typed."""
    if report.asks == "month":
        return recent_months()
    if report.asks == "day":
        return []
    quarter, found = quarter_of(clock().today()), list[SelectChoice]()
    for _ in range(QUARTERS_SHOWN):
        found.append(SelectChoice(label_of("quarter", quarter), f"{quarter.start:%B} to {quarter.last_day:%B %Y}"))
        quarter = quarter_of(quarter.start - timedelta(days=1))
    return found


def pictures() -> dict[str, Any]:
    """What the shared template draws a section with."""

    def picture(section: Mapping[str, Any]) -> list[Any]:
        rows = drawn(section)[:BARS_SHOWN]
        return list(zip(rows, bars([max(0, length) for _, _, length in rows]), strict=True)) if len(rows) > 1 else []

    return {"picture": picture, "picture_words": told, "in_words": in_words, "question_in_words": question_in_words}


@bp.post("/<code>")
@permission(Permission.REPORT_KEEP)
def keep(code: str) -> Response:
    """Keep what the question of the address is answered now; then it can be had as a file."""
    session, form = db_session(), KeepForm()
    if not form.validate_on_submit():
        flash("This form has expired. Try again.", "error")
        return redirect(url_for(".ask", code=code, **asked_here()))
    given, now = asked_here(), clock().now()
    with unit_of_work(session):
        once(form, session)
        answer = service.ask(session, code, given, today=clock().today())
        run = service.keep(session, file_store(), answer, actor=current_actor(), now=now, form="page")
        number, is_new = run.id, run.asked_at == now
    flash("Kept." if is_new else "The same question was answered the same before; that answer stands.", "success")
    return redirect(url_for(".show", number=number))


def asked_here() -> dict[str, Any]:
    """The question of the address."""
    return {name: request.args[name] for name in ("month", "quarter", "day", "agency") if name in request.args}


@bp.get("/answers/<int:number>")
@permission(Permission.REPORT_READ)
def show(number: int) -> str:
    """A kept answer; with ?again=1 beside what the books say today."""
    session, run = db_session(), service.find_run(db_session(), number)
    content = service.content_of(file_store(), run)
    again = service.recheck(session, run, today=clock().today()) if request.args.get("again") else None
    return render_template(
        "bank/reports/show.html",
        run=run,
        content=content,
        report=REPORTS.get(run.report),
        again=again,
        changed=service.changed(content, again.content) if again else [],
        **pictures(),
    )


@bp.get("/answers/<int:number>/file.<way>")
@permission(Permission.REPORT_READ)
def file(number: int, way: str) -> Response:
    """A kept answer as a file; that it went out stands in the log."""
    run = service.find_run(db_session(), number)
    data = written(run, way)
    with unit_of_work(db_session()) as session:
        record_event(
            session,
            AuditTag.EXPORTED,
            actor=current_actor(),
            subject_type="report",
            subject_ref=str(number),
            now=clock().now(),
            data={"what": f"{run.report}.{way}", "filters": run.parameters, "rows": run.row_count},
        )
    return attachment(data, f"{run.report}-{'-'.join(run.parameters.values())}-{number}.{way}", MEDIA[way])


def written(run: ReportRun, way: str) -> bytes:
    """The bytes of a kept answer in one of the forms; NotFound for any other."""
    if way not in MEDIA:
        raise NotFound("There is no such file.")
    content = service.content_of(file_store(), run)
    if way == "json":
        return file_store().read(run.content_sha256)
    stamp = Stamp(run.id, run.asked_at, run.content_sha256)
    return workbook(content, stamp) if way == "xlsx" else pdf(content, stamp)
