"""A settlement in a browser: the owner proposes it, the maker recommends it, somebody high enough approves it, money keeps it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.placements.models import Allocation
from tests.factories.accrual import World
from tests.factories.settling import TODAY, a_setting, an_npa
from tests.factories.world import a_user, an_agency

MAKER, CHECKER, HEAD, OWNER = (
    "maker@bank.example",
    "checker@bank.example",
    "head@bank.example",
    "owner@shakti.example",
)


@pytest.fixture
def world(bank_session: Session, now: datetime) -> World:
    """An account 200 days past due, its agency, and an approver who stands for the zone."""
    world = World(bank_session, now)
    for email, role in ((MAKER, "bank_operator"), (CHECKER, "bank_approver"), (HEAD, "bank_approver")):
        a_user(bank_session, email, role)
    agency = an_agency(bank_session, legal_name="Shakti Recovery Services")
    a_user(bank_session, OWNER, "agency_owner", agency)
    an_npa(world, agency)
    a_setting(world, "compromise.approvers", {"others": 2, "people": {HEAD: 3}})
    bank_session.commit()
    return world


def test_a_settlement_goes_from_an_agency_s_proposal_to_an_instalment_that_is_kept(
    world: World, open_page: Callable[..., Any], look: Callable[..., None]
) -> None:
    owner = open_page("/agency/borrower-settlements", email=OWNER)
    owner.get_by_role("link", name="Propose a settlement").first.click()
    for label, value in (
        ("Loan account number", "NPA00001"),
        ("Offer", "95,000"),
        ("From", TODAY.isoformat()),
        ("Valid until", "2026-12-31"),
        ("Monthly instalments", "3"),
        ("First one due on", TODAY.isoformat()),
        ("Why can the borrower not pay all of it?", "Lost the shop in a fire; the brother pays."),
    ):
        owner.get_by_label(label, exact=label in ("Offer", "From")).fill(value)
    owner.get_by_role("button", name="Propose this settlement").click()
    owner.get_by_text("Record that the borrower was told").click()
    owner.get_by_label("Told on").fill(TODAY.isoformat())
    owner.get_by_label("What shows it").fill("Letter 12/2026")
    owner.get_by_role("button", name="Keep this").click()
    owner.get_by_text("Letter 12/2026").wait_for()
    path = owner.url.split("/agency/")[1]

    maker = open_page(f"/bank/{path}", email=MAKER)
    maker.get_by_label("Why should the bank take it?").fill("A suit would bring less, and later.")
    maker.get_by_label("Level that sanctioned the loan").select_option("2")
    maker.get_by_label("Who sanctioned it").fill("R. Menon, Pune branch")
    maker.get_by_role("button", name="Recommend it").click()
    maker.get_by_text("It waits for somebody at level 3").wait_for()
    checker = open_page(f"/bank/{path}", email=CHECKER)
    checker.get_by_text("It needs level 3 (Zone); yours is 2 (Region).").wait_for()
    head = open_page(f"/bank/{path}", email=HEAD)
    head.get_by_role("button", name="Approve this settlement").first.click()
    head.get_by_text("Approved: the borrower's money is priced by it").wait_for()

    agency, allocation = (world.session.scalars(select(model)).one() for model in (Agency, Allocation))
    world.earn(agency, 31_667, date(2026, 11, 10), allocation=allocation)
    world.session.commit()
    owner.goto(f"/agency/{path}")
    owner.get_by_role("cell", name="Kept").first.wait_for()
    look(f"/bank/{path}", "borrower-settlement", email=HEAD)
    look("/bank/borrower-settlements/report?quarter=2026-Q3", "borrower-settlements-report", email=HEAD)
    look(f"/agency/{path}", "borrower-settlement-own", email=OWNER)
