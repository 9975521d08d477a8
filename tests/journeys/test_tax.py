"""Finance's tax pages in a browser: a certificate from hand to hand, and every register looked at."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from playwright.sync_api import expect
from sqlalchemy import update
from sqlalchemy.orm import Session

from payouts.settlements.drafting import draft
from payouts.settlements.models import Settlement
from payouts.settlements.service import approve, submit
from portal.kernel.db import unit_of_work
from portal.kernel.periods import month_of
from tests.factories.month import CHECKER, MAKER, OCTOBER, SYSTEM, a_month
from tests.factories.world import a_user

FINANCE, APPROVER, OPERATOR = "finance@bank.example", "checker@bank.example", "maker@bank.example"
AUGUST = month_of(date(2026, 8, 1))


@pytest.fixture
def paid_late(bank_session: Session, now: Any) -> None:
    """August of a small firm was paid in November, October is approved."""
    with unit_of_work(bank_session):
        for email, role in ((FINANCE, "finance"), (APPROVER, "bank_approver"), (OPERATOR, "bank_operator")):
            a_user(bank_session, email, role)
        for period in (AUGUST, OCTOBER):
            a_month(
                bank_session, period, {"SHAKTI": [20_00_000_00]}, msme_class="small", udyam_no="UDYAM-MH-18-0000001"
            )
    for period in (AUGUST, OCTOBER):
        with unit_of_work(bank_session):
            ref = draft(bank_session, period, actor=SYSTEM, now=now).settlements[0].ref
            submit(bank_session, ref, actor=MAKER, now=now)
            approve(bank_session, ref, actor=CHECKER, now=now)
    with unit_of_work(bank_session):
        paid = {"status": "paid", "paid_on": date(2026, 11, 9), "approved_at": datetime(2026, 9, 5, tzinfo=UTC)}
        bank_session.execute(update(Settlement).where(Settlement.period_start == AUGUST.start).values(**paid))


@pytest.mark.usefixtures("paid_late")
@pytest.mark.slow
def test_finance_sees_what_is_due_and_two_people_take_a_certificate_in(
    open_page: Callable[..., Any], look: Callable[..., None]
) -> None:
    finance = open_page("/finance/tax/certificates/new", email=FINANCE)
    finance.get_by_label("Agency", exact=True).select_option("SHAKTI")
    finance.get_by_label("Certificate number").fill("0000123AB26C")
    finance.get_by_label("Section", exact=True).select_option("393(1)")
    finance.get_by_label("Rate in per cent").fill("0.5")
    finance.get_by_label("For credits up to").fill("2,50,000")
    finance.get_by_label("First day").fill("2026-04-01")
    finance.get_by_label("Last day").fill("2027-03-31")
    finance.get_by_role("button", name="Propose this certificate").click()
    expect(finance.get_by_text("It waits for another person")).to_be_visible()
    path = finance.url[finance.url.index("/finance/") :]
    look(path, "certificate", email=APPROVER)
    approver = open_page(path, email=APPROVER)
    approver.get_by_role("button", name="Accept 0.5 % on ₹2,50,000.00").click()
    expect(approver.get_by_text("₹2,50,000.00 of it is left.")).to_be_visible()

    for page, name in (
        ("", "tax"),
        ("/withheld?quarter=2026-Q3", "tax-withheld"),
        ("/charged?month=2026-11", "tax-charged"),
        ("/certificates/new", "certificate-new"),
        ("/rules", "tax-rules"),
    ):
        look(f"/finance/tax{page}", name, email=FINANCE)
    look("/finance/tax/deposits/new?month=2026-10&code=1006", "tax-deposit-new", email=FINANCE)
    look("/finance/layouts/new?from=union_bank_text", "layout-form", email=FINANCE)
    look("/finance/tax/small-firms", "tax-small-firms", email=OPERATOR)
    maker = open_page("/finance/tax/small-firms", email=OPERATOR)
    maker.get_by_role("button", name="Propose it").click()
    expect(maker.get_by_text("Interest on S2608-SHAKTI, paid 25 days late")).to_be_visible()
