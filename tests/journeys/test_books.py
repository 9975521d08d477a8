"""A receipt book's life in a browser: the bank issues it, the office hands it out, two people void a number, a receipt is added, its
money goes onto a slip; every page is looked at."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from allocations.agencies.models import Agency
from allocations.collections.models import ReceiptBook
from allocations.collections.receipts import books_service
from allocations.collections.receipts.deposits import record_deposit
from portal.kernel.db import PortalSession, unit_of_work
from tests.factories.firm import NOW, TODAY, Firm, a_firm, a_receipt
from tests.factories.world import SYSTEM, a_user

MAKER, OWNER, ACCOUNTANT = "maker@bank.example", "owner@shakti.example", "accountant@shakti.example"
ASHA = "asha@shakti.example"
BOOK = "/agency/books/RB-SHAKTI-0001"


@pytest.fixture
def firm(bank_session: PortalSession) -> Firm:
    with unit_of_work(bank_session):
        a_user(bank_session, MAKER, "bank_operator")
        return a_firm(bank_session, accounts=4)


def issue(open_page: Any) -> None:
    page = open_page("/bank/books/new", email=MAKER)
    page.get_by_label("Agency", exact=True).select_option("SHAKTI")
    page.get_by_label("Prefix").fill("SHK-")
    page.get_by_label("First number").fill("1")
    page.get_by_label("Last number").fill("100")
    page.get_by_label("Digits").fill("4")
    page.get_by_role("button", name="Issue this book").click()
    page.wait_for_url("**/bank/books/RB-SHAKTI-0001")


def hand_out(open_page: Any) -> None:
    page = open_page("/agency/books", email=OWNER)
    page.get_by_role("link", name="RB-SHAKTI-0001").click()
    page.get_by_label("Agent", exact=True).select_option("A1")
    panel = page.locator("form", has=page.get_by_role("heading", name="Hand out numbers"))
    panel.get_by_label("From", exact=True).fill("1")
    panel.get_by_label("To", exact=True).fill("40")
    page.get_by_role("button", name="Hand them out").click()
    page.get_by_text("has these numbers from now on").wait_for()


def void(open_page: Any) -> None:
    page = open_page(BOOK, email=ACCOUNTANT)
    panel = page.locator("form", has=page.get_by_role("heading", name="Void or lost"))
    panel.get_by_label("From", exact=True).fill("3")
    panel.get_by_label("Why").fill("Torn out by the rain; the leaf is kept.")
    panel.get_by_role("button", name="Say so").click()
    page.get_by_text("another person of your office").first.wait_for()
    page.goto("/agency/books")
    page.get_by_text("Another person confirms").wait_for()
    owner = open_page("/agency/books", email=OWNER)
    owner.get_by_role("button", name="It is void").click()
    owner.get_by_text("SHK-0003 is void.").wait_for()


def add_receipt(open_page: Any) -> None:
    page = open_page("/agency/collections/new", email=ACCOUNTANT, size="phone")
    page.get_by_label("Loan account or name").fill("SHAKTI2")
    page.get_by_role("button", name="Show").click()
    page.get_by_role("link", name="SHAKTI2").click()
    page.get_by_label("Amount", exact=True).fill("12,500")
    page.get_by_label("How it was paid").select_option("cash")
    page.get_by_label("Taken by").select_option("A1")
    page.get_by_label("Receipt number").fill("SHK-0001")
    page.get_by_role("button", name="Store this receipt").click()
    page.get_by_text("The receipt is stored.").wait_for()
    assert page.get_by_text("₹12,500.00").first.is_visible()
    page.get_by_role("link", name="See what it shows").click()
    page.get_by_role("heading", name="This receipt is genuine").wait_for()


def pay_in(open_page: Any) -> None:
    page = open_page("/agency/deposits", email=ACCOUNTANT)
    page.locator("tr", has_text="Asha Rao").get_by_role("link", name="Record a slip").click()
    page.get_by_label("SHK-0001").check()
    page.get_by_label("SHK-0004").check()
    page.get_by_label("Slip number").fill("PIS/2026/77")
    page.get_by_role("button", name="Record this slip").click()
    page.get_by_text("Slip PIS/2026/77 over ₹20,000.00 is recorded.").wait_for()


@pytest.mark.slow
def test_a_book_from_the_bank_to_the_slip(firm: Firm, open_page: Any, bank_session: PortalSession) -> None:
    issue(open_page)
    hand_out(open_page)
    void(open_page)
    add_receipt(open_page)
    odd_receipts(bank_session, firm)
    pay_in(open_page)
    attention = open_page("/bank/books/attention", email=MAKER).locator("table")
    for words in ("In no book", "Looks like another number", "SHK-0002"):
        assert attention.get_by_text(words).first.is_visible()


def odd_receipts(session: PortalSession, firm: Firm) -> None:
    """One more for the slip, a look-alike, and one in no book that takes its agent over the limit."""
    with unit_of_work(session):
        a_receipt(session, firm, "SHK-0004", 750_000, loan_account_no="SHAKTI3")
        a_receipt(session, firm, "SHK-OO04", 90_000, agent_code="A2")
        a_receipt(session, firm, "ZZ-9", 10_500_000, agent_code="A2", loan_account_no="SHAKTI4")


@pytest.fixture
def world(firm: Firm, bank_session: PortalSession, agency_session: Any) -> None:
    """What the journey above leaves behind, made by the services."""
    when: dict[str, Any] = {"now": NOW, "today": TODAY}
    with unit_of_work(bank_session):
        books_service.issue_book(
            bank_session,
            firm.agency,
            kind="paper",
            prefix="SHK-",
            first_no=1,
            last_no=100,
            width=4,
            actor=SYSTEM,
            **when,
        )
    session = agency_session(firm.agency.id)
    with unit_of_work(session):
        book = session.scalars(select(ReceiptBook)).one()
        books_service.hand_out(session, book, firm.a1, first_no=1, last_no=40, actor=firm.owner, **when)
        say: dict[str, Any] = {
            "reason": "Torn out by the rain; the leaf is kept.",
            "actor": firm.accountant,
            "now": NOW,
        }
        (void,) = books_service.propose_mark(session, book, first_no=3, last_no=3, state="void", **say)
        books_service.decide_mark(session, void, confirm=True, actor=firm.owner, now=NOW)
        books_service.propose_mark(session, book, first_no=7, last_no=8, state="lost", **say)
    with unit_of_work(bank_session):
        first = a_receipt(bank_session, firm, "SHK-0001", 1_250_000, loan_account_no="SHAKTI2")
        first_id = first.id
    odd_receipts(bank_session, firm)
    with unit_of_work(session):
        record_deposit(
            session,
            agency=session.get_one(Agency, firm.agency.id),
            slip_no="PIS/2026/77",
            deposited_on=TODAY,
            amount_minor=None,
            collection_ids=[first_id],
            agent_code="A1",
            client_id=None,
            actor=firm.accountant,
            **when,
        )


PAGES = [
    ("/bank/books", "bank-books", MAKER),
    ("/bank/books/attention", "bank-books-attention", MAKER),
    ("/bank/books/new", "bank-book-new", MAKER),
    ("/bank/books/RB-SHAKTI-0001", "bank-book", MAKER),
    ("/bank/cash", "bank-cash", MAKER),
    ("/agency/books", "agency-books", OWNER),
    (BOOK, "agency-book", OWNER),
    (BOOK, "agency-book-field-agent", ASHA),
    ("/agency/collections/new", "collection-choose", ACCOUNTANT),
    ("/agency/collections/new?allocation=2", "collection-new", ACCOUNTANT),
    ("/agency/collections/1", "collection-receipt", ACCOUNTANT),
    ("/agency/deposits", "deposits", ACCOUNTANT),
    ("/agency/deposits/new", "deposit-new", ACCOUNTANT),
    ("/agency/deposits/1", "deposit", ACCOUNTANT),
]


@pytest.mark.slow
def test_every_page_of_books_and_slips_is_good_to_look_at(world: None, look: Any) -> None:
    for path, name, email in PAGES:
        look(path, name, email=email)
