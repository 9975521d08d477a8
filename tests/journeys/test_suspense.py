"""Money nobody claims, in a browser: the maker assigns a part and proposes to return the rest, the checker approves what is shown; a payer
is learned and a rule of matching changed, each by two people. Every page is looked at."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from allocations.reconciliation.bench.by_hand import link_by_hand
from allocations.reconciliation.bench_models import HandAct
from allocations.reconciliation.models import Break
from portal.kernel.audit import Actor
from portal.kernel.db import PortalSession
from tests.conftest import NOW
from tests.factories.recon import ReconBook
from tests.factories.world import a_user, an_account

MAKER, CHECKER = "maker@bank.example", "checker@bank.example"
BY_MAKER = Actor(7, MAKER, "bank_operator")
FRIEND = "NEFT KKBKN52026101234 SUNITA DEVI TOWARDS LOAN"


@pytest.fixture
def book(bank_session: PortalSession) -> ReconBook:
    a_user(bank_session, MAKER, "bank_operator")
    a_user(bank_session, CHECKER, "bank_approver")
    book = ReconBook(bank_session)
    for number in ("LN9001", "LN9002"):
        an_account(bank_session, number)
    misses = [{"other": "collection", "id": 1, "ref": "R7", "why": "amount", "gap_minor": 2_500_00, "days": 2}]
    unclaimed(book, 82_500_00, "2026-10-06", FRIEND, misses)
    unclaimed(book, 7_500_00, "2026-10-29", "BY TRANSFER")
    unclaimed(book, 1_200_00, "2026-11-09", "UPI/412345678901/meena@okbank")
    contested(book)
    learned_from(book)
    bank_session.commit()
    return book


def unclaimed(book: ReconBook, amount: int, on: str, text: str, misses: Any = ()) -> None:
    line = book.line(amount, on, text)
    about: dict[str, Any] = {"side": "bank", "ref": line.ref, "bank_line_id": line.id, "opened_on": line.value_on}
    book.session.add(a_break("R02", amount, "bank_ops", misses=list(misses), **about))


def a_break(code: str, amount: int, owner: str, **about: Any) -> Break:
    return Break(code=code, amount_minor=amount, currency="INR", owner=owner, cure="Find out.", **about)


def contested(book: ReconBook) -> None:
    line = book.line(9_000_00, "2026-10-08", "NEFT AXISN1234567")
    book.allocate("VEGA", "LN0002", stream="tele")
    for number, account, agency in (("R1", "LN0001", "SHAKTI"), ("V1", "LN0002", "VEGA")):
        taken = book.receipt(number, 9_000_00, "2026-10-07", account, utr="AXISN1234567", agency=agency, mode="neft")
        about: dict[str, Any] = {"side": "collection", "ref": number, "collection_id": taken.id}
        miss = {"other": "bank", "id": line.id, "ref": line.ref, "why": "contested"}
        about |= {"agency_id": taken.agency_id, "opened_on": taken.collected_on, "misses": [miss]}
        book.session.add(a_break("R04", 9_000_00, "fraud_review", **about))


def learned_from(book: ReconBook) -> None:
    """Two links by hand of one payer, for two accounts."""
    for place, account in ((1, "LN0003"), (2, "LN0004")):
        taken = book.receipt(f"P{place}", 900_00, "2026-10-05", account)
        seen = book.line(900_00, "2026-10-06", f"UPI/51234567890{place}/ravi@okbank")
        link_by_hand(book.session, taken.id, seen.id, 900_00, reason="He called", actor=BY_MAKER, now=NOW)


def test_money_nobody_claims_is_given_its_place_by_two_people(
    open_page: Any, look: Any, book: ReconBook, bank_session: PortalSession
) -> None:
    look("/bank/suspense?sums=1", "suspense", email=MAKER)
    page = open_page("/bank/suspense", email=MAKER)
    page.get_by_text("Ties").first.wait_for()  # added up by a script
    page.get_by_role("link", name="ST1/1").click()
    look("/bank/suspense/1", "suspense-credit", email=MAKER)
    assign(page)
    give_back(page)
    approve(open_page, look, bank_session)
    look("/bank/suspense/returns", "suspense-returns", email=MAKER)


def assign(page: Any) -> None:
    panel = page.locator("form", has=page.get_by_role("heading", name="It is money for an account"))
    panel.get_by_label("Loan account").first.fill("LN9001")
    panel.get_by_label("Amount").first.fill("32500")
    panel.get_by_label("How is it known").fill("The branch named the borrower's sister")
    panel.get_by_role("button", name="Assign it").click()
    page.get_by_text("₹32,500.00 assigned.").wait_for()


def give_back(page: Any) -> None:
    page.get_by_text("Return it to who paid it").click()
    panel = page.locator("form", has=page.get_by_role("heading", name="Return it"))
    panel.get_by_label("Why does it go back?").fill("The rest was paid by mistake")
    panel.get_by_role("button", name="Propose to return it").click()
    page.get_by_text("₹50,000.00 waits for a second person").first.wait_for()


def approve(open_page: Any, look: Any, session: PortalSession) -> None:
    act_id = session.scalars(select(HandAct.id).where(HandAct.status == "proposed")).one()
    look(f"/bank/acts/{act_id}", "act-maker", email=MAKER)
    look("/bank/acts", "acts", email=CHECKER)
    look(f"/bank/acts/{act_id}", "act-checker", email=CHECKER)
    page = open_page("/bank/acts", email=CHECKER)
    page.get_by_role("link", name="Return to the payer").click()
    page.get_by_role("button", name="Approve ₹50,000.00").click()
    page.get_by_text("Return under way").first.wait_for()


def test_two_claims_of_one_credit_are_decided_by_a_person(open_page: Any, look: Any, book: ReconBook) -> None:
    look("/bank/suspense/contested", "suspense-contested", email=MAKER)
    page = open_page("/bank/suspense/contested", email=MAKER)
    page.get_by_role("link", name="ST1/4").click()
    look("/bank/suspense/4/claims", "suspense-claims", email=MAKER)
    panel = page.locator("article", has=page.get_by_role("heading", name="Shakti Recovery"))
    panel.get_by_label("Why is it theirs?").fill("The slip is in their hand")
    panel.get_by_role("button", name="It paid R1 of SHAKTI").click()
    page.get_by_text("₹9,000.00 linked.").wait_for()


def test_a_payer_is_learned_by_two_people(
    open_page: Any, look: Any, book: ReconBook, bank_session: PortalSession
) -> None:
    act = bank_session.scalars(select(HandAct).order_by(HandAct.id)).first()
    assert act is not None
    look(f"/bank/acts/{act.id}", "act-teaches", email=MAKER)
    page = open_page(f"/bank/acts/{act.id}", email=MAKER)
    page.get_by_role("link", name="Propose it as a rule").click()
    look(f"/bank/payers/learn/{act.link_id}", "payer-learn", email=MAKER)
    page.get_by_label("Why, for the record").fill("It is his own number")
    page.get_by_role("button", name="Propose that ravi@okbank is LN0003").click()
    page.get_by_text("Waits for a second person").first.wait_for()
    look("/bank/payers", "payers", email=MAKER)
    look("/bank/payers/1", "payer", email=CHECKER)
    checker = open_page("/bank/payers/1", email=CHECKER)
    checker.get_by_role("button", name="This payer is LN0003").click()
    checker.get_by_text("Runs take this payer for a sign of the account").wait_for()


def test_a_rule_of_matching_is_changed_by_two_people(open_page: Any, look: Any, book: ReconBook) -> None:
    look("/bank/ladders", "ladders", email=MAKER)
    look("/bank/ladders/new", "ladders-text", email=MAKER)
    look("/bank/ladders/rules/reference_amount", "ladders-rule", email=MAKER)
    page = open_page("/bank/ladders/rules/reference_amount", email=MAKER)
    page.get_by_label("Usual days, from").fill("-1")
    page.get_by_label("Usual days, to").fill("4")
    page.get_by_label("Why does it change?").fill("Banks are quicker now")
    page.get_by_role("button", name="Propose this change").click()
    page.get_by_text("−3 to +10 days → −1 to +4 days").wait_for()
    look("/bank/ladders/1", "ladders-version", email=CHECKER)
    checker = open_page("/bank/ladders/1", email=CHECKER)
    checker.get_by_role("button", name="Put version 1 in force").click()
    checker.get_by_text("Version 1 is in force").first.wait_for()
