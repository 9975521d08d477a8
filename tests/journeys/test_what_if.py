"""A maker tries a draft on closed months and reads who wins and loses; the approver sees it beside the draft; an agency looks ahead."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest
from playwright.sync_api import expect
from sqlalchemy.orm import Session

from payouts.rate_cards.service import import_card
from tests.factories.accrual import NOVEMBER, World
from tests.factories.earning import approved, ended_at
from tests.factories.month import MAKER, a_bank_detail
from tests.factories.worker import run_jobs
from tests.factories.world import a_user, an_agency

CARD = """
code = "PL-2026"
name = "Personal loans"
currency = "INR"
effective_from = {start}
[[rule]]
id = "middle"
when = {{ opening_bucket = ["31-60"] }}
driver = "resolution_pct_pos"
driver_scope = "agency+opening_bucket"
mode = "whole"
slabs = [ {{from = 0, rate = "0.04"}}, {{from = 60, rate = "{middle}"}} ]
[[rule]]
id = "late"
when = {{ opening_bucket = ["61-90"] }}
slabs = [ {{from = 0, rate = "{late}"}} ]
"""
BUCKETS = (("31-60", 45), ("61-90", 75))


@pytest.fixture
def year(bank_session: Session, now: datetime) -> None:
    """Two months of two agencies: one resolves its accounts, the other lives on the late bucket."""
    world = World(bank_session, now)
    agencies = [an_agency(bank_session), an_agency(bank_session, "VEGA", pan="AAPFU0940F")]
    approved(world, CARD.format(start="2026-04-01", middle="0.08", late="0.10"))
    for place, agency in enumerate(agencies):
        a_bank_detail(bank_session, agency)
        for number in range(4):
            bucket, dpd = BUCKETS[(number + place) % 2 if place == 0 else 1]
            allocation = world.allocation(agency, bucket=bucket, dpd_days=dpd)
            ended_at(world, allocation, 0)
            world.earn(agency, 20_000 + 1_000 * number, date(2026, 10, 5 + number), allocation=allocation)
            world.earn(agency, 5_000, date(2026, 11, 3 + number), allocation=allocation)
    world.accrue()
    world.accrue(NOVEMBER)
    import_card(bank_session, CARD.format(start="2027-04-01", middle="0.11", late="0.09"), actor=MAKER, now=now)
    a_user(bank_session, "maker@bank.example", "bank_operator")
    a_user(bank_session, "checker@bank.example", "bank_approver")
    a_user(bank_session, "owner@shakti.example", "agency_owner", agency=agencies[0])
    bank_session.commit()


def test_a_maker_tries_a_draft_and_the_approver_sees_what_came_of_it(
    year: None, open_page: Callable[..., Any], look: Callable[..., None], app: Any
) -> None:
    page = open_page("/bank/rate-cards/PL-2026/2", email="maker@bank.example")
    page.get_by_role("link", name="Try it on closed months").click()
    expect(page.get_by_label("Terms", exact=True)).to_have_value("PL-2026/2")
    page.get_by_label("To", exact=True).select_option("2026-11")
    page.get_by_role("button", name="Try them").click()
    expect(page.get_by_text("Trying the terms")).to_be_visible()
    run_jobs(app)
    expect(page.get_by_text("these terms would have paid").first).to_be_visible(timeout=30_000)
    winners = page.get_by_role("table", name=re.compile("Agencies"))
    expect(winners.get_by_role("row").nth(1)).to_contain_text("SHAKTI")
    expect(winners.get_by_role("row").nth(2)).to_contain_text("VEGA")
    expect(winners.get_by_role("row").nth(2)).to_contain_text("−₹")
    look(page.url.partition("/bank")[1] + page.url.partition("/bank")[2], "what-if", email="maker@bank.example")
    look("/bank/what-if", "what-if-list", email="maker@bank.example")
    look("/bank/what-if/new", "what-if-new", email="maker@bank.example")

    checker = open_page("/bank/rate-cards/PL-2026/2", email="checker@bank.example")
    expect(checker.get_by_text("on exactly this text")).to_be_visible()
    expect(checker.get_by_text("1 agency wins, 1 loses.")).to_be_visible()


def test_an_agency_looks_ahead(year: None, open_page: Callable[..., Any], look: Callable[..., None]) -> None:
    page = open_page("/agency/commission/forecast", email="owner@shakti.example")
    page.get_by_label("In bucket").select_option("61-90")
    page.get_by_label("Collect more, INR").fill("1,80,000")
    page.get_by_role("button", name="Work it out").click()
    expect(page.get_by_text("₹18,000.00 more for November 2026")).to_be_visible()
    expect(page.get_by_text("It counts only once the bank has seen the money")).to_be_visible()
    look(page.url.partition("/agency")[1] + page.url.partition("/agency")[2], "forecast", email="owner@shakti.example")
