"""Reports of the month before, made on a day of every month: kept, and told of by a letter with a link and no figures.

A month of a schedule is made once. What fails is written down with its reason and tried again every night, for three months.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import bindparam, select, text
from sqlalchemy.orm import Session

from payouts.reports.asking import Report, label_of, quarter_of, read_question
from payouts.reports.catalogue import REPORTS, find_report
from payouts.reports.models import ReportDelivery, ReportRun, ReportSchedule
from payouts.reports.service import ask, keep
from portal.kernel.audit import Actor, AuditTag, forget_events, pending_events, record_event
from portal.kernel.clock import BANK_ZONE
from portal.kernel.errors import Invalid, NotFound, PortalError, Problem, Refused
from portal.kernel.files import FileStore
from portal.kernel.notices import tell
from portal.kernel.periods import Period, month_of

FORMATS = {"page": "Page", "xlsx": "Workbook (XLSX)", "pdf": "PDF"}
READERS = ("bank_operator", "bank_approver", "bank_admin", "finance", "auditor")
MONTHS_BACK = 3
PEOPLE = text("select lower(email) from users where is_enabled and role = any(:roles) order by 1").bindparams(
    bindparam("roles", list(READERS))
)
DEFECT = "It stopped on a defect of ours; the log has the details."
log = logging.getLogger(__name__)


def readers(session: Session) -> list[str]:
    """Addresses of the people of the bank who may read reports."""
    return list(session.scalars(PEOPLE))


def make_schedule(
    session: Session,
    report: str,
    *,
    agency: str,
    day_of_month: int | None,
    recipients: Sequence[str],
    form: str,
    actor: Actor,
    now: datetime,
) -> ReportSchedule:
    """From now on. Invalid with every problem: no such report, agency, day or form, nobody to tell, or somebody who may not read it."""
    to = sorted({each.strip().lower() for each in recipients if each.strip()})
    problems = list(_problems(session, report, agency, day_of_month, to, form, now))
    if problems:
        raise Invalid(problems)
    assert day_of_month is not None
    row = ReportSchedule(
        report=report,
        agency_code=agency if REPORTS[report].by_agency else "",
        day_of_month=day_of_month,
        recipients=to,
        format=form,
        made_by=actor.email,
        made_at=now,
    )
    session.add(row)
    session.flush()
    _record(session, row, "make", actor, now)
    return row


def _problems(
    session: Session, report: str, agency: str, day: int | None, to: Sequence[str], form: str, now: datetime
) -> list[Problem]:
    found: list[Problem] = []
    if report not in REPORTS:
        found.append(Problem("not_a_choice", "Choose a report.", "Take one of the list.", column="report"))
    elif agency:
        try:
            read_question(session, REPORTS[report], {"agency": agency}, now.astimezone(BANK_ZONE).date())
        except Invalid as wrong:
            found += wrong.problems
    if day is None or not 1 <= day <= 28:
        found.append(Problem("bad_day", "Choose a day every month has.", "1 to 28.", column="day_of_month"))
    if form not in FORMATS:
        found.append(Problem("not_a_choice", "Choose what the link opens.", "Take one of the list.", column="format"))
    if not to:
        found.append(Problem("nobody", "Nobody would be told.", "Choose at least one person.", column="recipients"))
    may = set(readers(session))
    found += [
        Problem("may_not_read", f"{each} may not read reports.", "Choose people of the list.", column="recipients")
        for each in to
        if each not in may
    ]
    return found


def end_schedule(session: Session, schedule_id: int, *, actor: Actor, now: datetime) -> ReportSchedule:
    """No month is made after this; what was made stays. Refused when it is ended already."""
    query = select(ReportSchedule).where(ReportSchedule.id == schedule_id).with_for_update()
    row = session.scalars(query).first()
    if row is None:
        raise NotFound("There is no such schedule.")
    if row.ended_at is not None:
        raise Refused("It is ended already.", code="ended")
    row.ended_by, row.ended_at = actor.email, now
    _record(session, row, "end", actor, now)
    return row


def _record(session: Session, row: ReportSchedule, action: str, actor: Actor, now: datetime) -> None:
    record_event(
        session,
        AuditTag.SCHEDULE_MOVED,
        actor=actor,
        subject_type="report_schedule",
        subject_ref=str(row.id),
        now=now,
        data={
            "action": action,
            "report": row.report,
            "agency": row.agency_code,
            "day": row.day_of_month,
            "format": row.format,
            "recipients": list(row.recipients),
        },
    )


def due_deliveries(session: Session, today: date) -> list[tuple[int, Period]]:
    """(schedule, month) that should be made by today and is not, the oldest month first."""
    schedules = session.scalars(select(ReportSchedule).where(ReportSchedule.ended_at.is_(None))).all()
    made = select(ReportDelivery.schedule_id, ReportDelivery.period_start).where(ReportDelivery.run_id.is_not(None))
    done = {(row.schedule_id, row.period_start) for row in session.execute(made)}
    months, found = [month_of(today).previous()], list[tuple[int, Period]]()
    while len(months) < MONTHS_BACK:
        months.append(months[-1].previous())
    for month in reversed(months):
        for row in sorted(schedules, key=lambda row: row.id):
            if (row.id, month.start) not in done and _is_due(row, month, today):
                found.append((row.id, month))
    return found


def _is_due(row: ReportSchedule, month: Period, today: date) -> bool:
    """Its day of the month after has come, and lies not before the schedule was made; of a quarter only its last month counts."""
    day = month.end.replace(day=row.day_of_month)
    if row.report in REPORTS and REPORTS[row.report].asks == "quarter" and month.end != quarter_of(month.start).end:
        return False
    return row.made_at.astimezone(BANK_ZONE).date() <= day <= today


def question_of(report: Report, month: Period, agency: str) -> dict[str, str]:
    """What a schedule asks for a month: the month, its quarter, or its last day."""
    span = quarter_of(month.start) if report.asks == "quarter" else month
    label = month.last_day.isoformat() if report.asks == "day" else label_of(report.asks, span)
    return {report.asks: label} | ({"agency": agency} if agency else {})


def deliver(
    session: Session,
    store: FileStore,
    schedule_id: int,
    month: Period,
    *,
    actor: Actor,
    now: datetime,
    today: date,
    public_url: str,
) -> ReportDelivery:
    """Make a schedule's month, keep it and tell its people; or write down why it could not be made. A month that is made is left alone."""
    schedule = session.scalars(select(ReportSchedule).where(ReportSchedule.id == schedule_id).with_for_update()).one()
    same = (ReportDelivery.schedule_id == schedule_id, ReportDelivery.period_start == month.start)
    row = session.scalars(select(ReportDelivery).where(*same)).first()
    if row is not None and row.run_id is not None:
        return row
    run, problem, told = None, "", pending_events(session)
    try:
        with session.begin_nested():
            run = _made(session, store, schedule, month, actor=actor, now=now, today=today, public_url=public_url)
    except PortalError as refused:
        problem = str(refused)
    except Exception:
        log.exception("schedule %s of %s failed", schedule_id, month.label)
        problem = DEFECT
    if run is None:
        forget_events(session, told)  # of what was rolled back
    if row is None:
        row = ReportDelivery(schedule_id=schedule_id, period_start=month.start, tries=0)
        session.add(row)
    row.run_id, row.problem, row.tries, row.tried_at = run.id if run else None, problem, row.tries + 1, now
    session.flush()
    return row


def _made(
    session: Session,
    store: FileStore,
    schedule: ReportSchedule,
    month: Period,
    *,
    actor: Actor,
    now: datetime,
    today: date,
    public_url: str,
) -> ReportRun:
    report = find_report(schedule.report)
    to = sorted(set(schedule.recipients) & set(readers(session)))
    if not to:
        raise Refused("Nobody it is for may read reports any more.", cure="End it, and make one for others.")
    answer = ask(session, report.code, question_of(report, month, schedule.agency_code), today=today)
    run = keep(session, store, answer, actor=actor, now=now, form=schedule.format)
    place = f"{public_url}/bank/reports/answers/{run.id}" + (
        "" if schedule.format == "page" else f"/file.{schedule.format}"
    )
    body = f"{report.title}, {answer.content['covers']}, is made. Sign in and open it:\n\n{place}"
    about = f"report schedule {schedule.id}"
    key, subject = f"report:{schedule.id}:{month.label}", f"{report.title}: {month.start:%B %Y}"
    tell(session, key, to, subject, body, about_ref=about, agency_id=None, now=now)
    return run


def list_schedules(session: Session) -> Sequence[ReportSchedule]:
    """Those that run, then those that ended."""
    order = (ReportSchedule.ended_at.is_not(None), ReportSchedule.id.desc())
    return session.scalars(select(ReportSchedule).order_by(*order).limit(200)).all()


def deliveries(
    session: Session, *, after: tuple[Any, ...] | None = None, limit: int = 50
) -> Sequence[tuple[ReportDelivery, ReportSchedule]]:
    """What schedules made, the newest first; `after` is (id,) of the last one shown."""
    query = select(ReportDelivery, ReportSchedule).join(ReportSchedule, ReportSchedule.id == ReportDelivery.schedule_id)
    if after:
        query = query.where(ReportDelivery.id < after[0])
    return [(row[0], row[1]) for row in session.execute(query.order_by(ReportDelivery.id.desc()).limit(limit))]
