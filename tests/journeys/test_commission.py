"""Commission in a browser: an agency follows its money from the sum to the step, and both sides read a day as it was known."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import expect
from sqlalchemy.orm import Session

from tests.factories.accrual import NOVEMBER, World
from tests.factories.earning import an_adjustment
from tests.factories.month import a_bank_detail
from tests.factories.world import a_user, an_agency

CARD = """
[[rule]]
id = "early"
when = { opening_bucket = ["1-30"] }
driver = "confirmed_amount"
mode = "marginal"
driver_scope = "agency+opening_bucket"
slabs = [ {from = 0, rate = "0.02"}, {from = 50000, rate = "0.03"} ]
[agency]
holdback = { rate = "0.05", release_after_days = 60 }
"""
MAKER, OWNER = "maker@bank.example", "owner@shakti.example"


@pytest.fixture
def yesterday(bank_session: Session, now: datetime) -> str:
    """Two agencies in November; a day ago less was known of it."""
    world = World(bank_session, now)
    a_user(bank_session, MAKER, "bank_operator")
    agencies = [
        an_agency(bank_session, legal_name="Shakti Recovery"),
        an_agency(bank_session, "VEGA", legal_name="Vega Collections", pan="AAPFU0940F"),
    ]
    a_user(bank_session, OWNER, "agency_owner", agencies[0])
    world.card(more=CARD)
    for agency in agencies:
        a_bank_detail(bank_session, agency)
        world.earn(agency, 20_000, date(2026, 10, 10))
    world.accrue()
    world.now -= timedelta(days=1)

    def earn(number: int, day: int, **changes: Any) -> None:
        held = world.allocation(
            agencies[number % 2],
            bucket=("31-60", "1-30")[number // 2 % 2],
            from_on=NOVEMBER.start,
            to_on=NOVEMBER.last_day,
        )
        world.earn(agencies[number % 2], 4_000 + 750 * number, date(2026, 11, day), allocation=held, **changes)

    for number in range(12):
        earn(number, 2 + number // 2)
    waiting = world.allocation(agencies[0], from_on=NOVEMBER.start, to_on=NOVEMBER.last_day)
    world.collection(agencies[0], 7_500, date(2026, 11, 3), allocation=waiting)
    world.accrue(NOVEMBER)
    world.now += timedelta(days=1)
    for number in range(12, 16):
        earn(number, 9, reported_at=world.now)
    an_adjustment(world, agencies[0], "bonus", 2_500_00, NOVEMBER.start)
    world.accrue(NOVEMBER)
    bank_session.commit()
    return (now - timedelta(days=1)).date().isoformat()


def test_an_agency_follows_its_money_from_the_sum_to_the_step(
    yesterday: str, open_page: Callable[..., Any], look: Callable[..., None]
) -> None:
    page = open_page("/agency/commission?period=2026-11", email=OWNER)
    expect(page.get_by_text("more in 1-30 by 30 Nov")).to_be_visible()
    page.get_by_role("link", name="early").first.click()
    page.locator("tbody th a").first.click()
    expect(page.get_by_text("lies in the slab from")).to_be_visible()
    line = page.url.removeprefix(re.match(r"https?://[^/]+", page.url)[0])  # type: ignore[index]
    page.get_by_role("link", name="Trace to the bank line").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Trace of")
    for path, name in [
        ("/agency/commission?period=2026-11", "own-commission"),
        (f"/agency/commission?period=2026-11&on={yesterday}", "own-commission-known-on"),
        (f"/agency/commission/2026-11/since?on={yesterday}", "own-commission-since"),
        ("/agency/commission/2026-11/lines", "own-commission-lines"),
        ("/agency/commission/2026-11/unpaid", "own-commission-unpaid"),
        ("/agency/commission?period=2026-08", "own-commission-none"),
        (line, "own-commission-line"),
    ]:
        look(path, name, email=OWNER)


def test_the_bank_reads_what_moved_and_what_a_day_did_not_know(
    yesterday: str, open_page: Callable[..., Any], look: Callable[..., None]
) -> None:
    page = open_page("/bank/commission?period=2026-11", email=MAKER)
    expect(page.get_by_role("heading", name="What moved")).to_be_visible()
    page.get_by_role("textbox", name="Day").fill(yesterday)
    page.get_by_role("button", name="Show").click()
    page.get_by_role("link", name="What has changed since").click()
    page.get_by_role("link", name="Shakti Recovery").click()
    expect(page.get_by_text("reported after that.").first).to_be_visible()
    page.get_by_role("link", name="reported after that.").first.click()
    expect(page.get_by_text("Those of one cause.")).to_be_visible()
    for path, name in [
        ("/bank/commission?period=2026-11", "commission-board"),
        (f"/bank/commission?period=2026-11&on={yesterday}", "commission-known-on"),
        ("/bank/commission/2026-11/difference?earlier=1&later=2", "commission-changes"),
        ("/bank/commission/2026-11/difference?earlier=1&later=2&agency=SHAKTI", "commission-changes-agency"),
        ("/bank/commission/2026-11/days/2026-11-09", "commission-day"),
        ("/bank/commission/2026-11/lines", "commission-lines"),
    ]:
        look(path, name, email=MAKER)
