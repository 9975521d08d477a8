"""The demo bank goes to law, writes letters and runs a campaign: cases that are blocked, near their day and ready, and one read out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.taking_in import NO_FILE, KeptFile
from allocations.casework.campaigns import service as campaigns
from allocations.casework.legal.models import LegalCase
from allocations.casework.legal.service import enter_fact, open_case
from allocations.casework.legal.tasks import ask_paper, holders_today
from allocations.casework.letters import dispatching, making, templates
from allocations.casework.letters.models import LetterTemplate
from allocations.casework.segments import Segment
from allocations.placements.models import LoanAccount
from portal.config import Settings
from portal.demo.keys import CHECKER, MAKER
from portal.demo.scores import person
from portal.kernel.db import Database, bank_scope, unit_of_work
from portal.kernel.files import store_file
from portal.stores import file_store_of

APPROVED = (("demand_notice", "en"), ("demand_notice", "hi"), ("s138_notice", "en"), ("agency_authorisation", "en"))
PLANS = ("s138", "s138", "demand_notice", "lok_adalat", "sarfaesi")


def go_to_law(settings: Settings, database: Database, day: date) -> None:
    """Five cases on the accounts that owe longest, with two notices and one paper asked of an agency."""
    now = datetime.combine(day, time(12), UTC)
    with database.session(bank_scope(day)) as session, unit_of_work(session):
        maker, store = person(session, MAKER), file_store_of(settings)
        for template in session.scalars(select(LetterTemplate)):
            if (template.kind, template.language) in APPROVED:
                reason = "Checked by counsel."
                who = person(session, CHECKER)
                templates.decide_template(session, template, approve=True, reason=reason, actor=who, now=now)
        given: dict[str, Any] = {"actor": maker, "now": now, "today": day}
        desk = making.Desk(store, maker, now, day)
        cases = [
            open_case(session, account.loan_account_no, kind, reason="Nothing came in for months.", **given)
            for account, kind in zip(longest(session, len(PLANS)), PLANS, strict=True)
        ]
        kept: dict[str, Any] = {"media_type": "text/plain", "agency_id": None, "actor": maker, "now": now}
        file = store_file(session, store, b"Return memo: funds insufficient.\n", name="memo.txt", **kept)
        returned(session, cases[0], day, KeptFile(file.sha256, file.name), given)
        for case, kind in ((cases[0], "s138_notice"), (cases[2], "demand_notice")):
            noticed(session, case, kind, desk, given)
        sitting = (day + timedelta(days=21)).isoformat()
        enter_fact(session, cases[3], "sitting_on", sitting, note="By the authority's calendar.", **given)
        for agency in list(holders_today(session, cases[4].loan_account_id, day))[:1]:
            due_on = day + timedelta(days=10)
            ask_paper(session, cases[4], agency, paper="Copy of the registered mortgage", due_on=due_on, **given)


def longest(session: Session, count: int) -> Sequence[LoanAccount]:
    query = select(LoanAccount).where(LoanAccount.latest_overdue_minor > 0)
    return session.scalars(query.order_by(LoanAccount.latest_dpd_days.desc(), LoanAccount.id).limit(count)).all()


def returned(session: Session, case: LegalCase, day: date, memo: KeptFile, given: dict[str, Any]) -> None:
    """A cheque that came back eight days ago."""
    days = {"instrument_on": 40, "presented_on": 11, "memo_on": 8}
    said = {"is_mandate": "no", "instrument_minor": "1250000", "for_want_of_funds": "yes"}
    said |= {code: (day - timedelta(days=ago)).isoformat() for code, ago in days.items()}
    for code, value in said.items():
        enter_fact(session, case, code, value, paper=memo if code == "memo_on" else NO_FILE, **given)


def noticed(session: Session, case: LegalCase, kind: str, desk: making.Desk, given: dict[str, Any]) -> None:
    """A notice that went by post today."""
    account = session.get_one(LoanAccount, case.loan_account_id)
    letter = making.make_letter(session, templates.current(session, kind, "en"), account, desk, case=case)
    tracking_no = f"EM{letter.number:09}IN"
    dispatching.dispatch(session, letter, "post", sent_on=desk.today, tracking_no=tracking_no, **given)


def begin_campaign(database: Database, day: date) -> None:
    """On the first day of the open month, so that what comes in later can be read against those left alone."""
    now = datetime.combine(day, time(9), UTC)
    with database.session(bank_scope(day)) as session, unit_of_work(session):
        maker = person(session, MAKER)
        plan = campaigns.Plan(
            code=f"REMIND-{day:%Y-%m}",
            name=f"A reminder in {day:%B}",
            segment=Segment(dpd_from=1),
            offer="reminder",
            channel="sms",
            from_on=day,
            to_on=day + timedelta(days=60),
            budget_minor=50_000_00,
            target_minor=20_00_000_00,
            control_percent=20,
            seed=f"demo {day:%Y-%m}",
            creative="Dear {borrower_name}, {overdue} is overdue on loan {loan_account_no}. Please pay, or call us. {lender_name}",
            reason="Do reminders bring in more than they cost?",
        )
        given: dict[str, Any] = {"actor": maker, "now": now}
        made = campaigns.propose_campaign(session, plan, **given, today=day)
        campaigns.decide_campaign(session, made, approve=True, actor=person(session, CHECKER), now=now)
        campaigns.start_campaign(session, made, **given, today=day)
