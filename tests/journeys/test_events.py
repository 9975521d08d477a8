"""An event on its way in browsers: proposed, accepted by another person, a line of the month, read by its agency; pages at both widths."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest
from playwright.sync_api import expect
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.casework.compromises import Agreed, propose_compromise
from allocations.scorecards.measures import propose_measure
from payouts.commission.adjustments import Entry, propose_adjustment
from payouts.commission.event_rules import Told
from payouts.commission.events import decide_event, propose_event
from payouts.commission.finding import find_events
from portal.kernel.db import unit_of_work
from tests.factories.accrual import OCTOBER, World
from tests.factories.earning import card_file
from tests.factories.evidence import HOME, Field
from tests.factories.month import CHECKER as CHECKER_ACTOR
from tests.factories.month import MAKER as MAKER_ACTOR
from tests.factories.month import SYSTEM, a_bank_detail
from tests.factories.world import a_user, an_agency

MAKER, CHECKER, OWNER = "maker@bank.example", "checker@bank.example", "owner@shakti.example"
TODAY = date(2026, 11, 10)


@pytest.fixture
def shakti(bank_session: Session, file_store: Any, now: datetime) -> dict[str, Any]:
    """An agency with visits, late cash, a rejected claim, an adjustment, a measure and a compromise that wait."""
    for email, role in ((MAKER, "bank_operator"), (CHECKER, "bank_approver")):
        a_user(bank_session, email, role)
    world, agency = World(bank_session, now), an_agency(bank_session, legal_name="Shakti Recovery Services")
    a_bank_detail(bank_session, agency)
    owner = a_user(bank_session, OWNER, "agency_owner", agency)
    world.allocation(agency, "LN1", product="2W")
    card_file(world, "d_field.toml")
    slip = {"deposit_slip_no": "SB-4471", "slip_key": "SB4471", "deposited_on": date(2026, 10, 9)}
    world.collection(agency, 18_500, date(2026, 10, 5), mode="cash", **slip)
    field = Field(bank_session, file_store, now, made=100, agencies={"SHAKTI": agency})
    at = datetime.fromisoformat("2026-10-12T10:00+05:30")
    for place in ({}, {"latitude": HOME[0], "longitude": HOME[1], "accuracy_m": 10}):
        field.visit(at=at, disposition="RPC", **place)
    find_events(bank_session, OCTOBER, actor=SYSTEM, now=now, today=TODAY)
    given: dict[str, Any] = {"now": now, "today": TODAY}
    claim = Told("parking_day", date(2026, 10, 20), count=11, note="Yard of Pune.")
    rejected = propose_event(bank_session, claim, agency=agency, source="agency", actor=owner, **given)
    decide_event(
        bank_session, rejected, accept=False, reason="The yard's slip is missing.", actor=CHECKER_ACTOR, now=now
    )
    refs = waiting(bank_session, agency, now)
    bank_session.commit()
    return refs | {"rejected": rejected.ref, "world": world}


def waiting(session: Session, agency: Agency, now: datetime) -> dict[str, Any]:
    acting: dict[str, Any] = {"actor": MAKER_ACTOR, "now": now}
    bonus = Entry(OCTOBER, "penalty", -1_50_000, "Keys of two vehicles were lost in the yard.")
    score = {"measure": "score", "value": "82.50", "reason": "Scorecard of October."}
    agreed = Agreed("LN1", "ots", 40_000_00, date(2026, 10, 5), None, "Letter of 4 October.")
    return {
        "adjustment": propose_adjustment(session, bonus, agency=agency, **acting).ref,
        "measure": propose_measure(session, agency=agency, period=OCTOBER, **score, **acting).id,
        "compromise": propose_compromise(session, agreed, **acting).id,
    }


def test_an_event_goes_from_a_proposal_to_a_line_its_agency_reads(
    shakti: dict[str, Any], open_page: Callable[..., Any], bank_session: Session
) -> None:
    maker = open_page("/bank/events", email=MAKER)
    maker.get_by_role("link", name="Enter an event").click()
    maker.get_by_label("Agency", exact=True).select_option("SHAKTI")
    maker.get_by_label("What happened?").select_option("repossession")
    maker.get_by_label("When", exact=True).fill("2026-10-14")
    maker.get_by_label("Loan account number").fill("LN1")
    maker.get_by_role("button", name="Propose this event").click()
    expect(maker.get_by_text("It waits for another person")).to_be_visible()
    path = maker.url[maker.url.index("/bank/") :]
    checker = open_page(path, email=CHECKER)
    expect(checker.get_by_text("₹3,500.00").first).to_be_visible()
    checker.get_by_role("button", name="Accept this event").click()
    expect(checker.get_by_role("status")).to_contain_text("the next accrual counts it")
    with unit_of_work(bank_session):
        shakti["world"].accrue()
    checker.reload()
    checker.get_by_role("link", name="A2610").first.click()
    expect(checker.get_by_text("₹3,500.00").first).to_be_visible()
    agency = open_page(path.replace("/bank/", "/agency/"), email=OWNER)
    expect(agency.get_by_text("It is in your commission")).to_be_visible()
    expect(agency.get_by_text("₹3,500.00").first).to_be_visible()


def test_many_are_accepted_as_they_were_shown(shakti: dict[str, Any], open_page: Callable[..., Any]) -> None:
    checker = open_page("/bank/events?status=proposed", email=CHECKER)
    checker.get_by_role("checkbox").first.check()
    checker.get_by_role("checkbox").nth(1).check()
    checker.get_by_role("button", name="Accept the ticked ones").click()
    expect(checker.get_by_role("heading", level=1)).to_have_text("Accept 2 events")
    checker.get_by_role("button", name="Accept 2 events").click()
    expect(checker.get_by_role("status")).to_contain_text("2 events accepted as shown")


@pytest.mark.slow
def test_the_banks_pages_are_fit_to_be_looked_at(
    shakti: dict[str, Any], look: Callable[..., None], open_page: Callable[..., Any]
) -> None:
    page = open_page("/bank/events?gate=failed", email=CHECKER)
    failing = page.get_by_role("table").get_by_role("link").first.get_attribute("href")
    for path, name, email in [
        ("/bank/events", "events", MAKER),
        ("/bank/events?status=proposed", "events-proposed", CHECKER),
        ("/bank/events?text=none", "events-none", MAKER),
        ("/bank/events/new", "events-new", MAKER),
        ("/bank/events/import", "events-import", MAKER),
        ("/bank/events/accept?status=proposed", "events-accept", CHECKER),
        (failing, "event-failing", CHECKER),
        ("/bank/adjustments", "adjustments", MAKER),
        ("/bank/adjustments/new", "adjustments-new", MAKER),
        (f"/bank/adjustments/{shakti['adjustment']}", "adjustment", CHECKER),
        ("/bank/measures", "measures", MAKER),
        ("/bank/measures/new", "measures-new", MAKER),
        (f"/bank/measures/{shakti['measure']}", "measure", CHECKER),
        ("/bank/compromises", "compromises", MAKER),
        ("/bank/compromises/new", "compromises-new", MAKER),
        (f"/bank/compromises/{shakti['compromise']}", "compromise", CHECKER),
    ]:
        look(path, name, email=email)


def test_the_agencys_pages_are_fit_to_be_looked_at(shakti: dict[str, Any], look: Callable[..., None]) -> None:
    look("/agency/events", "own-events", email=OWNER)
    look("/agency/events/new", "own-events-new", email=OWNER)
    look("/agency/events/import", "own-events-import", email=OWNER)
    look(f"/agency/events/{shakti['rejected']}", "own-event-rejected", email=OWNER)
