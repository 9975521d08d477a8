"""An owner gives an account back and a checker accepts; a hold is put, and the field agent sees that it may not be worked."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from allocations.agencies.models import Agent
from allocations.placements.borrower_notices import queue_notices
from allocations.placements.models import Allocation
from allocations.placements.outcome_sets import freeze_outcomes
from allocations.placements.request_rules import Asked
from allocations.placements.requests import ask
from portal.kernel.db import PortalSession, unit_of_work
from portal.kernel.periods import parse_month
from tests.factories.accrual import World
from tests.factories.empanelled import FIT, an_agent
from tests.factories.world import MADE_AT, SYSTEM, a_snapshot, a_user, an_account, an_agency, an_allocation

MAKER, CHECKER = "maker@bank.example", "checker@bank.example"
OWNER, AGENT = "owner@shakti.example", "asha@shakti.example"


@pytest.fixture
def round_(bank_session: PortalSession, now: Any) -> None:
    """Shakti holds LN1 to LN6, LN2 in Asha's round; one is asked for longer already, and October is read."""
    session = bank_session
    maker = a_user(session, MAKER, "bank_operator")
    a_user(session, CHECKER, "bank_approver")
    shakti = an_agency(session, "SHAKTI")
    an_agent(session, an_agency(session, "NILGIRI"), **FIT)
    a_user(session, OWNER, "agency_owner", shakti)
    asha = a_user(session, AGENT, "field_agent", shakti)
    agent = Agent(agency_id=shakti.id, code="A1", name="Asha Devi", user_id=asha.user_id)
    session.add(agent)
    session.flush()
    first: Any = None
    for number in range(1, 7):
        account = an_account(session, f"LN{number}", mobile="9800000001")
        from_on = date(2026, 10 if number < 4 else 11, 1)
        held = an_allocation(session, account, shakti, from_on, agent_id=agent.id if number == 2 else None)
        a_snapshot(session, account, date(2026, 10, 31), dpd_days=20 * number)
        first = held if number == 3 else first
    world = World(session, now)
    for day, major in ((date(2026, 10, 12), 9_000), (date(2026, 11, 5), 6_000)):
        paid = world.collection(shakti, major, day, first)
        world.confirm(paid, day)
    queue_notices(session, held.placement_id, since=MADE_AT, now=now)
    with unit_of_work(session):
        wish = Asked("extension", "Pays when the harvest is sold", to_on=date(2027, 1, 31))
        ask(session, held, wish, side="bank", actor=maker, now=now, today=date(2026, 11, 10))
        freeze_outcomes(session, parse_month("2026-10"), actor=SYSTEM, now=now)


def test_given_back_held_and_seen(round_: None, open_page: Any, look: Any, bank_session: PortalSession) -> None:
    page = open_page("/agency/accounts?text=LN1", email=OWNER)
    page.get_by_role("link", name="LN1").click()
    page.get_by_role("link", name="Give back or keep longer").click()
    page.get_by_label("Why do you give it back?").select_option(label="Untraceable")
    page.get_by_label("Your last day with it").fill("2026-11-10")
    page.get_by_label("In your words").fill("Moved away; nobody knows where")
    page.get_by_role("button", name="Ask to give it back").click()
    page.get_by_text("The bank answers; until then go on as before.").wait_for()

    page = open_page("/bank/requests", email=CHECKER)
    page.get_by_role("link", name="LN1").click()
    page.get_by_text("lose sight of the account the day after").wait_for()
    page.get_by_role("button", name="Accept this return").click()
    page.get_by_text("Accepted, and done.").wait_for()

    page = open_page("/bank/accounts/LN2", email=MAKER)
    page.get_by_label("What brings it about").select_option(label="A complaint")
    page.get_by_label("Why is it on hold?").fill("Complaint of LN2's wife")
    page.get_by_label("What may not happen").select_option(label="No work")
    page.get_by_role("button", name="Put this account on hold").click()
    page.get_by_text("LN2 is on hold.").wait_for()

    bank_session.rollback()
    held = bank_session.scalars(select(Allocation).where(Allocation.loan_account_no == "LN2")).one()
    page = open_page(f"/agency/accounts/{held.id}", email=AGENT, size="phone")
    page.get_by_text("On hold: may not be worked").wait_for()
    assert "wife" not in page.content()

    look("/bank/requests", "allocation-requests", email=CHECKER)
    look("/bank/curves?period=2026-11", "curves", email=MAKER)
    look("/bank/borrower-notices", "borrower-notices", email=MAKER)
