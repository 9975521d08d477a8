"""Accounts placed by a strategy in a browser: a territory manager draws and hands in, a checker approves, an agency sees its own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from allocations.agencies.models import Agency, Agent
from allocations.placements.models import Allocation
from allocations.placements.strategies.staff import save_member
from portal.kernel.db import PortalSession
from tests.factories.placing import CHECKER, MAKER, agencies_and_accounts, an_approved_strategy
from tests.factories.worker import run_jobs
from tests.factories.world import a_user

OWNER = "owner@shakti.example"
REF = "RETAIL-20261101-1"


@pytest.fixture
def bank(bank_session: PortalSession, now: datetime) -> PortalSession:
    """Nilgiri can take four accounts; the one agent of Vega, the challenger, has a certificate that lapsed."""
    agencies_and_accounts(bank_session)
    firms = {each.code: each for each in bank_session.scalars(select(Agency))}
    firms["NILGIRI"].capacity = 4
    someone = bank_session.scalars(select(Agent).where(Agent.agency_id == firms["VEGA"].id)).one()
    someone.certificate_until = date(2026, 10, 31)
    a_user(bank_session, MAKER.email, "territory_manager", name="Priya Deshmukh")
    a_user(bank_session, CHECKER.email, "bank_approver")
    a_user(bank_session, OWNER, "agency_owner", firms["SHAKTI"])
    an_approved_strategy(bank_session, now)
    save_member(bank_session, "CE1", {"name": "Neha Pawar", "pincodes": ["40"]}, actor=MAKER, now=now)
    bank_session.commit()
    return bank_session


@pytest.mark.slow
def test_a_run_goes_from_the_draw_to_the_agency(
    bank: PortalSession, open_page: Callable[..., Any], look: Callable[..., None], app: Any
) -> None:
    priya = open_page("/", email=MAKER.email)
    priya.get_by_role("link", name="RETAIL", exact=True).click()
    priya.get_by_label("First day of the term").fill("2026-11-01")
    priya.get_by_label("Seed").fill("7")
    priya.get_by_role("button", name="Draw it").click()
    expect(priya.get_by_text("Drawing the run").first).to_be_visible()
    run_jobs(app)
    expect(priya.get_by_text("16 of 23 accounts")).to_be_visible(timeout=30_000)
    shares = priya.locator("section", has=priya.get_by_role("heading", name="Shares"))
    expect(shares.get_by_role("row", name="NILGIRI").first).to_contain_text("as many accounts as it can work")
    expect(shares.get_by_role("row", name="VEGA").first).to_contain_text("none of its agents is certified")
    expect(priya.get_by_text("No agent of VEGA has a valid certificate")).to_be_visible()
    priya.get_by_role("button", name="Hand it in").click()
    expect(priya.get_by_text("It waits for another person")).to_be_visible()
    look(f"/bank/strategy-runs/{REF}", "strategy-run", email=CHECKER.email)

    checker = open_page(f"/bank/strategy-runs/{REF}", email=CHECKER.email)
    checker.get_by_role("button", name="Approve and place 16 accounts").click()
    expect(checker.get_by_text("Writing the placement").first).to_be_visible()
    run_jobs(app)
    expect(checker.get_by_text("It is the placement")).to_be_visible(timeout=30_000)

    held = select(Allocation.loan_account_no).join(Agency, Agency.id == Allocation.agency_id)
    mine = set(bank.scalars(held.where(Agency.code == "SHAKTI")))
    owner = open_page("/agency/accounts", email=OWNER)
    shown = owner.get_by_role("rowheader").all_inner_texts()
    assert {words.split()[0] for words in shown} == mine and len(mine) == 12
    look("/bank/strategies/RETAIL/1", "strategy", email=MAKER.email)
    look("/bank/staff/books", "staff-books", email=MAKER.email)
