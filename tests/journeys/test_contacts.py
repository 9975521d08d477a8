"""A tele-caller logs a call outside the hours and is told; the owner sees the promise; the bank sees the flag. Every page looked at."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from allocations.agencies.models import Agent
from allocations.collections.field.contacts import ContactEntry, PromiseMade, record_contact
from portal.kernel.audit import Actor
from portal.kernel.db import unit_of_work
from tests.conftest import NOW
from tests.factories.world import a_user, an_account, an_agency, an_allocation

MAKER, OWNER, CALLER, AGENT = (
    "maker@bank.example",
    "owner@shakti.example",
    "calls@shakti.example",
    "asha@shakti.example",
)
TODAY = date(2026, 11, 10)


@pytest.fixture
def firm(bank_session: Any) -> None:
    session = bank_session
    a_user(session, MAKER, "bank_operator")
    shakti, north = an_agency(session, "SHAKTI"), an_agency(session, "NORTH", legal_name="Northline Associates")
    owner = a_user(session, OWNER, "agency_owner", shakti)
    a_user(session, CALLER, "agency_accountant", shakti)
    asha = a_user(session, AGENT, "field_agent", shakti)
    agent = Agent(
        agency_id=shakti.id, code="A1", name="Asha Devi", user_id=asha.user_id, certificate_until=date(2026, 11, 1)
    )
    session.add(agent)
    session.flush()
    for number in range(1, 7):
        account = an_account(
            session, f"LN000{number}", customer_name=f"Bala Rao {number}", mobile="9000000001", city="Pune"
        )
        an_allocation(session, account, shakti, agent_id=agent.id if number < 3 else None)
        if number == 1:
            an_allocation(session, account, north, stream="tele")
    for number, person, code, days in ((2, "borrower", "PTP", 4), (3, "family", "LFT", 1), (4, "borrower", "PTP", 0)):
        promised = (PromiseMade(750_000 * number, TODAY - timedelta(days=max(0, days - 2))),) if code == "PTP" else ()
        entry = ContactEntry(
            f"LN000{number}", "visit" if number == 2 else "call", NOW - timedelta(days=days, hours=2), person, code,
            agent_code="A1" if number == 2 else None, remarks="Shop opens at ten", promises=promised,
        )  # fmt: skip
        record_contact(session, entry, agency=shakti, actor=owner, now=NOW, today=TODAY, source="page")
    for firm, count in ((shakti, 2), (north, 3)):
        for minutes in range(count):
            entry = ContactEntry("LN0001", "call", NOW - timedelta(minutes=minutes + 10), "nobody", "RNR")
            who = Actor(owner.user_id, f"owner@{firm.code.lower()}.example", "agency_owner", firm.id)
            record_contact(session, entry, agency=firm, actor=who, now=NOW, today=TODAY, source="page")
    with unit_of_work(session):
        pass


def test_a_call_outside_the_hours_is_told_and_its_promise_and_flag_reach_those_who_ask(
    firm: None, open_page: Any
) -> None:
    page = open_page("/agency/accounts?text=LN0005", email=CALLER)
    page.get_by_role("link", name="LN0005").click()
    page.get_by_role("link", name="Log a contact").click()
    page.get_by_label("When").fill("2026-11-09T19:45")
    page.get_by_label("What came of it").select_option(label="Promised to pay")
    page.get_by_role("button", name="Record this contact").click()
    page.get_by_text("How much was promised, and by when?").wait_for()
    page.get_by_label("Amount promised").fill("7,500")
    page.locator("#due_on").fill("2026-11-10")
    page.get_by_role("button", name="Record this contact").click()
    page.get_by_text("Recorded, with a promise of ₹7,500.00.").wait_for()
    assert page.get_by_text("It was 19:45 at the borrower's").first.is_visible()

    page = open_page("/agency/promises", email=OWNER)
    row = page.get_by_role("row", name="LN0005")
    assert row.get_by_text("Due today").is_visible() and row.get_by_text("₹7,500.00").is_visible()

    page = open_page("/bank/contacts?flag=outside_hours", email=MAKER)
    row = page.get_by_role("row", name="LN0005")
    assert row.get_by_text("Outside the hours").is_visible() and row.get_by_text("calls@shakti.example").is_visible()
    page.get_by_text("Disturbed by several agencies").wait_for()  # the counts come after the list


def test_a_field_agent_meets_their_own_round_alone(firm: None, open_page: Any) -> None:
    page = open_page("/agency/promises", email=AGENT)
    assert page.get_by_text("LN0002").is_visible() and page.get_by_text("LN0004").is_visible()
    page.goto(page.url.replace("/agency/promises", "/agency/accounts"))
    assert page.get_by_text("LN0001").is_visible() and page.get_by_text("LN0006").is_visible()


PAGES = [
    ("/agency/contacts", "contacts", OWNER),
    ("/agency/promises", "promises", OWNER),
    ("/agency/promises?view=coming", "promises-none", OWNER),
    ("/agency/accounts/3", "account-with-contacts", OWNER),
    ("/agency/accounts/3/contact", "contact-new", OWNER),
    ("/agency/team", "team", OWNER),
    ("/bank/contacts?sums=1", "bank-contacts", MAKER),
    ("/bank/accounts/LN0002", "bank-account-with-contacts", MAKER),
    ("/bank/agencies/SHAKTI/agents/1", "bank-agent", MAKER),
]


def test_the_pages_are_good_to_look_at(firm: None, look: Any) -> None:
    for path, name, email in PAGES:
        look(path, name, email=email)
