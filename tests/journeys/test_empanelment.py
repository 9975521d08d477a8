"""From applicant to empanelled in a browser: papers by one person and another, the owner's own page, and a card at a borrower's door."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy.orm import Session

from allocations.agencies.empanelment_models import AgentPaper
from allocations.agencies.models import Agency
from portal.stores import file_store_of
from tests.factories.empanelled import NEEDED, a_card, a_paper, an_agent
from tests.factories.honest_files import encoded, pdf, photo, saved
from tests.factories.world import a_user

ADMIN, CHECKER, OWNER = "admin@bank.example", "checker@bank.example", "owner@north.example"


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).click()


def applied(page: Page) -> None:
    """The admin takes in an applicant."""
    page.goto("/bank/agencies/new")
    for label, value in {"Code": "NORTH", "Legal name": "Northline Recovery", "PAN": "AAPFU0939F"}.items():
        page.get_by_label(label, exact=False).first.fill(value)
    page.get_by_label("Agreement from").fill("2026-04-01")
    page.get_by_label("Agreement to").fill("2027-03-31")
    press(page, "Add this agency")
    expect(page.get_by_role("heading", name="Northline Recovery")).to_contain_text("Applicant")


def moved(page: Page, open_page: Callable[..., Page], action: str, verb: str) -> Page:
    """The admin proposes, the checker accepts; the checker's page."""
    page.goto("/bank/agencies/NORTH/status")
    page.get_by_label("What is to follow").select_option(action)
    page.get_by_label("Why? The agency may read this").fill("As the committee decided.")
    press(page, "Propose it")
    expect(page.get_by_text("It waits for another person")).to_be_visible()
    second = open_page(email=CHECKER)
    second.goto(page.url)
    press(second, f"{verb}: Northline Recovery")
    return second


@pytest.mark.slow
def test_an_applicant_is_empanelled_and_its_agents_card_is_checked(
    open_page: Callable[..., Page],
    look: Callable[..., None],
    bank_session: Session,
    settings: Any,
    tmp_path: Path,
    now: datetime,
) -> None:
    for email, role in ((ADMIN, "bank_admin"), (CHECKER, "bank_approver")):
        a_user(bank_session, email, role)
    bank_session.commit()
    page = open_page(email=ADMIN)
    applied(page)
    moved(page, open_page, "examine", "Begin due diligence")
    refused = moved(page, open_page, "empanel", "Empanel")
    expect(refused.get_by_text("Service agreement: not on record.").first).to_be_visible()

    north = bank_session.query(Agency).one()
    for each in NEEDED[1:]:
        a_paper(bank_session, north, each, now)
    bank_session.commit()
    scan = tmp_path / "agreement.pdf"
    scan.write_bytes(saved(pdf()))
    page.goto("/bank/agencies/NORTH/papers")
    page.get_by_label("Which paper").select_option("agreement")
    page.get_by_label("Issued on").fill("2026-04-01")
    page.get_by_label("Valid until").fill("2026-12-20")
    page.get_by_label("The paper").set_input_files(scan)
    press(page, "Hand in this paper")
    expect(page.get_by_text("Handed in. It counts once another person accepts it.")).to_be_visible()
    refused.goto("/bank/agencies/NORTH/papers")
    refused.get_by_role("link", name="Service agreement").click()
    press(refused, "Accept this paper")
    refused.goto("/bank/agencies/NORTH/status")
    refused.get_by_role("link", name="Look at it").click()
    press(refused, "Empanel: Northline Recovery")
    expect(refused.get_by_text("Accepted; it holds from now on.")).to_be_visible()

    a_user(bank_session, OWNER, "agency_owner", north)
    picture = file_store_of(settings).put(encoded(photo(3, (240, 320))))
    card: AgentPaper = a_card(bank_session, an_agent(bank_session, north), now, photo=picture)
    bank_session.commit()
    owner = open_page("/agency/papers", email=OWNER)
    expect(owner.get_by_text("Service agreement").first).to_be_visible()
    visitor = open_page(f"/verify-agent/{card.token}")
    expect(visitor.get_by_role("heading", name="This card is genuine")).to_be_visible()
    assert visitor.get_by_alt_text("Photo of Asha Pawar").evaluate("img => img.complete && img.naturalWidth > 0")
    look("/bank/agencies/NORTH/status", "agency-status", email=ADMIN)
    look("/bank/agencies/NORTH/papers", "agency-papers", email=ADMIN)
    look("/agency/papers", "own-papers", email=OWNER)
    look(f"/verify-agent/{card.token}", "agent-card")
