"""Reports at the demo bank: a few answers and the auditor's pack of the last whole month, and two that are made every month."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

from payouts.reports.pack import keep_pack, make_pack
from payouts.reports.schedules import make_schedule
from payouts.reports.service import ask, keep
from portal.config import Settings
from portal.demo.scores import person
from portal.kernel.db import Database, bank_scope, unit_of_work
from portal.kernel.periods import month_of
from portal.stores import file_store_of

ADMIN, AUDITOR, CHECKER = "admin@bank.example", "auditor@bank.example", "checker@bank.example"
KEPT = ("recovery", "cost", "portfolio")
EVERY_MONTH = (("conduct", 3, "page"), ("msme-dues", 5, "pdf"))


def keep_reports(settings: Settings, database: Database, today: date) -> None:
    """The checker keeps three answers, the admin sets two reports up for the checker and the auditor, who keeps a pack."""
    store, period = file_store_of(settings), month_of(today).previous()
    month = period.label
    given: dict[str, Any] = {"now": datetime.combine(today, time(10), UTC)}
    with database.session(bank_scope(today)) as session, unit_of_work(session):
        for code in KEPT:
            answer = ask(session, code, {"month": month}, today=today)
            keep(session, store, answer, actor=person(session, CHECKER), form="page", **given)
        for code, day, form in EVERY_MONTH:
            told: dict[str, Any] = {"recipients": [AUDITOR, CHECKER], "form": form, "actor": person(session, ADMIN)}
            make_schedule(session, code, agency="", day_of_month=day, **told, **given)
    with database.session(bank_scope(today)) as session:
        pack = make_pack(session, store, period)
    with database.session(bank_scope(today)) as session, unit_of_work(session):
        keep_pack(session, store, pack, actor=person(session, AUDITOR), **given)
