"""Month-end outcomes in a browser: a late snapshot is read as a new version; the pages look right at both widths, light and dark."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest
from playwright.sync_api import expect
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.placements.import_accounts import import_accounts
from allocations.placements.models import LoanAccount
from allocations.placements.outcome_sets import freeze_outcomes
from portal.kernel.db import unit_of_work
from portal.kernel.periods import parse_month
from tests.factories.world import SYSTEM, a_snapshot, a_user, an_account, an_agency, an_allocation

OCTOBER, MONTH_END = parse_month("2026-10"), date(2026, 10, 31)
OPENINGS = [("1-30", 12), ("31-60", 45), ("61-90", 75), ("91-180", 120)]
CLOSINGS = (0, 3, 12, 45, 45, 75, 75, 120, 200, None)
LATE = """loan_account_no,customer_name,product,emi_amount,principal_outstanding,total_outstanding,overdue_amount,dpd_days
LN0009,Borrower LN0009,PL,7500.00,100000.00,110000.00,15000.00,0
LN0019,Borrower LN0019,TW,7500.00,100000.00,110000.00,15000.00,40
"""


@pytest.fixture
def month(bank_session: Session, now: datetime) -> LoanAccount:
    """Three agencies with forty accounts from four buckets, read once; then two snapshots that came late."""
    for email, role in (("maker@bank.example", "bank_operator"), ("checker@bank.example", "bank_approver")):
        a_user(bank_session, email, role)
    names = {
        "SHAKTI": "Shakti Recovery",
        "VEGA": "Vega Collections",
        "NORTH": "Northstar Field Services Private Limited",
    }
    agencies = [
        an_agency(bank_session, code, legal_name=name, pan=f"AAPF{code[0]}0939F") for code, name in names.items()
    ]
    a_user(bank_session, "owner@shakti.example", "agency_owner", agencies[0])
    accounts = [held(bank_session, number, agencies[number % 3]) for number in range(40)]
    bank_session.commit()
    with unit_of_work(bank_session):
        freeze_outcomes(bank_session, OCTOBER, actor=SYSTEM, now=now)
    with unit_of_work(bank_session):
        import_accounts(bank_session, LATE.encode(), as_of=MONTH_END, file_name="late.csv", actor=SYSTEM, now=now)
    return accounts[0]


def held(session: Session, number: int, agency: Agency) -> LoanAccount:
    bucket, dpd = OPENINGS[number % 4]
    product = ("PL", "TW", "CC")[number % 3]
    owes = {"bucket": bucket, "dpd_days": dpd, "principal_minor": 4_000_000 + number * 1_234_567}
    account = an_account(session, f"LN{number:04}", product=product, **owes)
    an_allocation(session, account, agency)
    closing = CLOSINGS[number % 10]
    if closing is not None:
        a_snapshot(session, account, MONTH_END, dpd_days=closing)
    return account


def test_a_maker_reads_the_month_again_and_is_told_what_changed(
    month: LoanAccount, open_page: Callable[..., Any], look: Callable[..., None]
) -> None:
    look("/bank/outcomes?period=2026-10", "outcomes-newer", email="maker@bank.example")
    page = open_page("/bank/outcomes?period=2026-10", email="maker@bank.example")
    expect(page.get_by_text("There are newer snapshots")).to_be_visible()
    page.get_by_role("button", name="Read the month's snapshots again").click()
    expect(page.get_by_role("status")).to_contain_text("1 account went from not measured to normalised.")
    expect(page.get_by_text("There are newer snapshots")).to_have_count(0)
    page.get_by_text("Its accounts").click()
    page.get_by_role("link", name="Every account this changed").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("What version 2 changed")
    for path, name in [
        ("/bank/outcomes?period=2026-10", "outcomes"),
        ("/bank/outcomes?period=2026-10&agency=SHAKTI", "outcomes-agency"),
        ("/bank/outcomes?period=2026-09", "outcomes-none"),
        ("/bank/outcomes/2026-10/accounts?outcome=rolled_forward", "outcome-accounts"),
        ("/bank/outcomes/2026-10/changes", "outcome-changes"),
        (f"/bank/accounts/{month.loan_account_no}", "outcome-account"),
    ]:
        look(path, name, email="maker@bank.example")


def test_an_agency_sees_what_became_of_its_own_account(month: LoanAccount, look: Callable[..., None]) -> None:
    look(f"/agency/accounts/{month.id}", "outcome-own-account", email="owner@shakti.example")
