"""Reports every month: made once a month, told of with a link and no figures, failures kept and tried again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from payouts.reports.catalogue import REPORTS
from payouts.reports.jobs import schedules_nightly
from payouts.reports.models import ReportDelivery, ReportRun, ReportSchedule
from payouts.reports.schedules import deliver, due_deliveries, end_schedule, make_schedule, question_of
from portal.access.models import User
from portal.kernel.audit import AuditEvent
from portal.kernel.errors import Invalid, Refused
from portal.kernel.files import FileStore
from portal.kernel.jobs import NIGHT, enqueue
from portal.kernel.notices import Notice
from portal.kernel.periods import Period, parse_month
from tests.factories.accrual import World
from tests.factories.month import SYSTEM
from tests.factories.world import a_user

ADMIN, AUDITOR, TERRITORY = "admin@bank.example", "auditor@bank.example", "tm@bank.example"
OCTOBER, NOVEMBER = parse_month("2026-10"), parse_month("2026-11")


@pytest.fixture
def people(bank_session: Session) -> Session:
    for email, role in ((ADMIN, "bank_admin"), (AUDITOR, "auditor"), (TERRITORY, "territory_manager")):
        a_user(bank_session, email, role)
    bank_session.commit()
    return bank_session


def scheduled(session: Session, now: datetime, report: str = "recovery", **changes: Any) -> ReportSchedule:
    given: dict[str, Any] = {"agency": "", "day_of_month": 3, "recipients": [AUDITOR], "form": "pdf", "actor": SYSTEM}
    return make_schedule(session, report, **given | changes, now=now)


def made(session: Session, store: FileStore, schedule: ReportSchedule, month: Period, now: datetime) -> ReportDelivery:
    given: dict[str, Any] = {"actor": SYSTEM, "now": now, "today": now.date(), "public_url": "https://portal.example"}
    return deliver(session, store, schedule.id, month, **given)


def test_a_month_is_made_once_kept_and_told_of_without_figures(
    people: Session, world: World, agency: Agency, store: FileStore, now: datetime
) -> None:
    world.earn(agency, 300)
    schedule = scheduled(people, now - timedelta(days=60))
    assert due_deliveries(people, date(2026, 11, 2))[-1][1] != OCTOBER
    assert (schedule.id, OCTOBER) in due_deliveries(people, date(2026, 11, 3))
    first = made(people, store, schedule, OCTOBER, now)
    assert first.run_id and not first.problem
    assert made(people, store, schedule, OCTOBER, now + timedelta(days=1)).tries == 1
    assert (schedule.id, OCTOBER) not in due_deliveries(people, date(2026, 11, 4))
    letter = people.scalars(select(Notice)).one()
    assert letter.to_address == AUDITOR and f"/bank/reports/answers/{first.run_id}/file.pdf" in letter.body
    assert "300" not in letter.subject + letter.body
    end_schedule(people, schedule.id, actor=SYSTEM, now=now)
    assert due_deliveries(people, date(2026, 12, 5)) == []
    with pytest.raises(Refused):
        end_schedule(people, schedule.id, actor=SYSTEM, now=now)


def test_what_fails_is_written_down_and_tried_again(people: Session, store: FileStore, now: datetime) -> None:
    schedule = scheduled(people, now - timedelta(days=60))
    auditor = people.scalars(select(User).where(User.email == AUDITOR)).one()
    auditor.is_enabled = False
    people.flush()
    assert "may read reports any more" in made(people, store, schedule, OCTOBER, now).problem
    auditor.is_enabled = True
    people.flush()
    again = made(people, store, schedule, OCTOBER, now)
    assert again.run_id and (again.tries, again.problem) == (2, "")


def test_a_defect_keeps_nothing_and_is_written_down(
    people: Session, store: FileStore, now: datetime, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It fails after the answer was kept: neither the answer nor the log's word of it stays."""
    schedule = scheduled(people, now - timedelta(days=60))
    people.commit()
    monkeypatch.setattr("payouts.reports.schedules.tell", lambda *given, **named: 1 // 0)
    assert "defect of ours" in made(people, store, schedule, OCTOBER, now).problem
    people.commit()
    assert people.scalars(select(ReportRun)).all() == []
    assert people.scalars(select(AuditEvent).where(AuditEvent.tag == "report:asked")).all() == []


def test_a_quarter_is_asked_after_its_last_month_and_a_day_is_the_months_last(people: Session, now: datetime) -> None:
    quarterly = scheduled(people, now - timedelta(days=200), "compromises")
    due = {month.label for each, month in due_deliveries(people, date(2026, 11, 10)) if each == quarterly.id}
    assert due == {"2026-09"}
    assert question_of(REPORTS["compromises"], parse_month("2026-09"), "") == {"quarter": "2026-Q3"}
    assert question_of(REPORTS["register"], OCTOBER, "VEGA") == {"day": "2026-10-31", "agency": "VEGA"}


def test_everything_wrong_is_said_at_once(people: Session, now: datetime) -> None:
    with pytest.raises(Invalid) as wrong:
        scheduled(people, now, agency="NOBODY", day_of_month=31, recipients=[TERRITORY], form="fax")
    codes = [each.code for each in wrong.value.problems]
    assert codes == ["unknown_agency", "bad_day", "not_a_choice", "may_not_read"]
    with pytest.raises(Invalid):
        scheduled(people, now, "nothing", recipients=[])


def test_an_admin_sets_one_up_and_the_night_makes_what_is_due(
    people: Session, browse: Callable[..., Any], work: Callable[[], None], now: datetime
) -> None:
    admin = browse(ADMIN)
    form = {"report": "register", "agency": "", "format": "page", "recipients": AUDITOR}
    sent = {**form, "once": token_of(admin), "day_of_month": "31"}
    assert admin.post("/bank/reports/schedules", sent).status_code == 422
    sent = {**form, "once": token_of(admin), "day_of_month": "20"}
    assert "It is made from now on." in admin.post("/bank/reports/schedules", sent, follow_redirects=True).text
    auditor = browse(AUDITOR)
    assert auditor.post("/bank/reports/schedules", sent).status_code == 403
    assert "Nothing was made yet." in auditor.get("/bank/reports/schedules").text
    schedule = people.scalars(select(ReportSchedule)).one()
    assert due_deliveries(people, date(2026, 12, 20)) == [(schedule.id, OCTOBER), (schedule.id, NOVEMBER)]
    before = scheduled(people, now - timedelta(days=20), "register", day_of_month=now.day)
    enqueue(people, schedules_nightly, {}, actor=NIGHT, now=now)
    work()
    delivery = people.scalars(select(ReportDelivery)).one()
    assert (delivery.schedule_id, delivery.period_start) == (before.id, OCTOBER.start)
    assert f"/bank/reports/answers/{delivery.run_id}" in auditor.get("/bank/reports/schedules").text
    end = f"/bank/reports/schedules/{before.id}/end"
    assert "Ended." in admin.post(end, {"once": token_of(admin)}, follow_redirects=True).text


def token_of(who: Any) -> str:
    page: str = who.get("/bank/reports/schedules").text
    return page.split('name="once"')[1].split('value="')[1].split('"')[0]
