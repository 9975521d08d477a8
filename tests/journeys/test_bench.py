"""A day at the bench, by keyboard alone: move, link, take back, search, choose a near miss, accept in bulk; and two people at once."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from allocations.reconciliation.models import MatchLink
from tests.factories.desk import ARUN, BENCH, MEERA, Desk
from tests.factories.world import a_user


@pytest.fixture
def desk(bank_session: Any, now: Any) -> Desk:
    a_user(bank_session, MEERA, "bank_operator")
    a_user(bank_session, ARUN, "bank_operator")
    desk = Desk(bank_session, now)
    for number in range(1, 5):
        desk.suggest(f"S{number}", number * 100_00, account=f"LN000{number}", on=f"2026-10-{20 + number}")
    other = desk.line(900_00, "2026-10-21", "BY TRANSFER")
    desk.line(900_00, "2026-10-22", "NEFT AXISN520261000777 RAVI")
    receipt = desk.receipt("OPEN-1", 900_00, "2026-10-20", "LN0009")
    found = desk.stands_open(receipt)
    found.misses = [
        {"other": "bank", "id": other.id, "ref": other.ref, "why": "amount_alone", "gap_minor": 0, "days": 1}
    ]
    desk.stands_open(other, "R02")
    bank_session.commit()
    return desk


def current(page: Any) -> str:
    return str(page.locator("[data-row][aria-current]").get_attribute("data-row"))


def shows(page: Any, ref: str) -> None:
    page.locator(f'[data-item][aria-label="{ref}"]').wait_for()


def is_told(page: Any, words: str) -> None:
    """What the bench said last: where a screen reader is told, for what the eye is shown goes away after a while."""
    page.locator("[data-bench-status]", has_text=words).wait_for()


def test_a_day_at_the_bench_needs_no_mouse(desk: Desk, open_page: Any, bank_session: Any) -> None:
    page = open_page(BENCH, email=MEERA)
    press = page.keyboard.press
    page.locator('[data-left="INR"]').wait_for()
    shows(page, "S1")
    for key, ref in (("j", "S2"), ("j", "S3"), ("k", "S2")):
        press(key)
        shows(page, ref)
    press("Enter")
    is_told(page, "₹200.00 linked. u takes it back.")
    shows(page, "S3")
    assert page.locator("[data-left-minor]").inner_text() == "₹800.00"
    assert page.locator("[data-left-items]").inner_text() == "3"
    press("u")
    is_told(page, "The link of ₹200.00 is taken apart")
    page.get_by_text("Taken apart by meera@bank.example just now").wait_for()
    press("j")
    shows(page, "S3")
    press("x")
    is_told(page, "Not the same money: ₹300.00 stays open")
    shows(page, "S4")  # the next one stands there before the last comes back: what is spent is not sent again
    press("u")
    is_told(page, "₹300.00 is suggested again.")
    shows(page, "S3")
    assert page.locator("[data-left-minor]").inner_text() == "₹800.00"
    press("x")
    is_told(page, "Not the same money: ₹300.00 stays open")
    press("/")
    page.keyboard.type("S4")
    press("Enter")
    page.wait_for_url("**text=S4**")
    shows(page, "S4")
    press("?")
    assert page.get_by_role("dialog", name="Keys of the bench").get_by_text("take the last act back").is_visible()
    press("Escape")
    page.locator("dialog").wait_for(state="hidden")
    assert page.evaluate("document.activeElement === document.querySelector('[data-row][aria-current]')")
    assert statuses(bank_session) == ["suggested", "undone", "rejected", "suggested"]


def statuses(session: Any) -> list[str]:
    session.expire_all()
    query = select(MatchLink.status).where(MatchLink.rule != "by_hand").order_by(MatchLink.id)
    return list(session.scalars(query))


def test_a_near_miss_is_chosen_by_its_number_and_needs_a_reason(desk: Desk, open_page: Any, bank_session: Any) -> None:
    page = open_page(f"{BENCH}?show=receipts", email=MEERA)
    shows(page, "OPEN-1")
    page.keyboard.press("2")
    is_told(page, "ST1/6 is chosen")
    page.keyboard.press("Enter")
    page.keyboard.type("The borrower sent the bank's message.")
    page.keyboard.press("Enter")
    is_told(page, "₹900.00 linked by hand")
    made = bank_session.scalars(select(MatchLink).where(MatchLink.rule == "by_hand")).one()
    assert made.amount_minor == 900_00 and made.confirmed_by == MEERA


def test_the_second_of_two_people_sees_who_was_first(desk: Desk, open_page: Any) -> None:
    meera, arun = open_page(BENCH, email=MEERA), open_page(BENCH, email=ARUN)
    shows(meera, "S1")
    shows(arun, "S1")
    meera.keyboard.press("Enter")
    is_told(meera, "₹100.00 linked")
    arun.keyboard.press("Enter")
    arun.locator("[data-said]", has_text=f"Linked by {MEERA} just now.").wait_for()
    assert arun.locator("[data-bench-confirm]").count() == 0
    arun.keyboard.press("j")
    shows(arun, "S2")


def test_a_rule_is_accepted_in_bulk_and_taken_back_by_keyboard(desk: Desk, open_page: Any, bank_session: Any) -> None:
    page = open_page(BENCH, email=MEERA)
    page.get_by_role("link", name="Accept in bulk").press("Enter")
    page.get_by_role("link", name="Account amount window").press("Enter")
    page.get_by_role("button", name="Link ₹1,000.00").press("Enter")
    page.get_by_text("4 suggestions accepted as shown.").wait_for()
    assert statuses(bank_session) == ["confirmed"] * 4
    page.get_by_label("Why?").fill("The wrong rule.")
    page.get_by_role("button", name="Take 4 back").press("Enter")
    page.get_by_text("4 links taken back").wait_for()
    assert statuses(bank_session) == ["undone"] * 4


def test_every_page_of_the_bench_is_looked_at(desk: Desk, look: Any, bank_session: Any) -> None:
    link = bank_session.scalars(select(MatchLink.id).order_by(MatchLink.id)).first()
    for path, name in (
        (BENCH, "bench"),
        (f"{BENCH}?show=receipts", "bench-receipts"),
        (f"{BENCH}?show=credits&days=3", "bench-credits"),
        ("/bank/reconciliation", "close-board"),
        ("/bank/reconciliation/bulk?rule=account_amount_window", "bench-bulk"),
        (f"/bank/reconciliation/links/{link}", "link"),
        ("/bank/breaks", "breaks"),
        ("/bank/breaks/1", "break"),
    ):
        look(path, name, email=MEERA)
