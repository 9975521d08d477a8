"""A maker edits a slab, tries it and hands the draft in; a checker sees the difference and approves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect
from sqlalchemy.orm import Session

from payouts.rate_cards.service import approve, import_card
from tests.factories.month import CHECKER, MAKER
from tests.factories.world import a_user
from tests.journeys.conftest import check_accessibility, check_width, take_picture

RETAIL = (Path(__file__).parents[2] / "portal" / "demo" / "retail.toml").read_text()
HOUSE = (Path(__file__).parents[1] / "cards" / "house.toml").read_text()
EDIT = "/bank/rate-cards/RETAIL-2026/1/edit"


def settled(page: Any) -> None:
    """The last look has come back and stands on the page."""
    expect(page.locator("form.is-looking")).to_have_count(0)


@pytest.fixture
def cards(bank_session: Session, now: datetime) -> None:
    a_user(bank_session, "maker@bank.example", "bank_operator")
    a_user(bank_session, "checker@bank.example", "bank_approver")
    import_card(bank_session, RETAIL, actor=MAKER, now=now)
    approve(bank_session, "RETAIL-2026", 1, actor=CHECKER, now=now, comment="As agreed in March.")
    import_card(bank_session, HOUSE, actor=MAKER, now=now)
    import_card(bank_session, HOUSE.replace('rate = "0.08"', 'rate = "0.09"'), actor=MAKER, now=now)
    bank_session.commit()


@pytest.mark.slow
def test_a_maker_edits_tries_and_hands_in_and_a_checker_approves(cards: None, open_page: Callable[..., Any]) -> None:
    page = open_page("/bank/rate-cards/RETAIL-2026/1", email="maker@bank.example")
    page.get_by_role("link", name="Edit as a new version").click()
    expect(page.get_by_text("It could not be approved for these days")).to_be_visible()
    page.get_by_label("First day").fill("2027-04-01")
    settled(page)
    page.get_by_label("Slab 4 of rule middle, per cent").fill("8")
    page.get_by_label("Slab 4 of rule middle, per cent").press("Tab")
    picture = page.get_by_role("img", name="from 70 % 8 %")
    expect(picture).to_be_visible()  # the curve followed without a click
    settled(page)
    box = page.get_by_role("region", name="Try it")
    box.get_by_label("Share of principal resolved").fill("72")
    settled(page)
    box.get_by_label("Priced by").first.select_option("middle")
    settled(page)
    box.get_by_label("Money", exact=True).first.fill("1,00,000")
    settled(page)
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_text("the slab from 70 % on pays 8 %")).to_be_visible()
    take_picture(page, "rate-card-tried-desk-light")
    check_accessibility(page)
    page.get_by_role("button", name="Keep it as an example").click()
    expect(page.locator("#f-case-3")).to_contain_text("Agrees")
    page.get_by_role("button", name="Hand in this draft").first.click()
    expect(page.get_by_text("RETAIL-2026 version 2 is a draft; another person approves it.")).to_be_visible()

    checker = open_page("/bank/rate-cards/RETAIL-2026/2", email="checker@bank.example")
    expect(checker.get_by_text("Rule middle, from 70 %: 7.5 % becomes 8 %.")).to_be_visible()
    checker.get_by_label("Why, for the record").fill("As agreed for the new year.")
    checker.get_by_role("button", name="Put RETAIL-2026 version 2 in force").click()
    expect(checker.get_by_text("RETAIL-2026 version 2 is in force.")).to_be_visible()


def test_slabs_are_added_and_moved_where_they_stand(cards: None, open_page: Callable[..., Any]) -> None:
    page = open_page(EDIT, email="maker@bank.example")
    page.get_by_role("button", name="Add a slab to rule early").click()
    expect(page.get_by_label("Slab 4 of rule early, from")).to_have_value("800000")
    page.get_by_role("button", name="Move rule middle up").click()
    expect(page.locator("#f-rule-0")).to_contain_text("middle")
    page.get_by_role("button", name="Take rule early out").click()
    expect(page.get_by_role("article", name="rule early")).to_have_count(0)
    expect(page.locator("pre.file")).not_to_contain_text('id = "early"')


def test_mistakes_stand_beside_their_fields(cards: None, open_page: Callable[..., Any]) -> None:
    page = open_page(EDIT, email="maker@bank.example", size="phone", theme="dark")
    page.get_by_label("Slab 2 of rule middle, from").fill("60")
    settled(page)
    page.get_by_label("Slab 3 of rule middle, per cent").fill("500")
    settled(page)
    page.get_by_role("button", name="Hand in this draft").first.click()
    expect(page.locator("#f-rule-1-slabs-2-from-said")).to_contain_text("does not come after 60")
    expect(page.get_by_label("Slab 3 of rule middle, per cent")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_role("link", name="Rule middle, slab 3, rate")).to_be_visible()
    expect(page.locator("#f-rule-1-slabs-2-rate-said")).to_contain_text("at most 100 %")
    take_picture(page, "rate-card-mistakes-phone-dark")
    check_accessibility(page)
    check_width(page)


PAGES = [
    (EDIT, "rate-card-edit"),
    ("/bank/rate-cards/PL-UNSEC-2026/1/edit", "rate-card-edit-house"),
    ("/bank/rate-cards/start", "rate-card-start"),
    ("/bank/rate-cards/start?from=field", "rate-card-start-field"),
]


@pytest.mark.slow
def test_pages_of_editing_look_right(cards: None, look: Callable[..., Any]) -> None:
    for path, name in PAGES:
        look(path, name, email="maker@bank.example")
    look("/bank/rate-cards/PL-UNSEC-2026/2", "rate-card-decide", email="checker@bank.example")
