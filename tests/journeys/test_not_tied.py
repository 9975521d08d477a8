"""What could not be tied and what was paid direct, as the agency and the bank see them. Every page looked at."""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import Any

import pytest

from allocations.reconciliation.running.reconcile import reconcile
from portal.kernel.audit import Actor
from portal.kernel.db import unit_of_work
from tests.conftest import NOW
from tests.factories.month import a_bank_detail
from tests.factories.recon import ReconBook
from tests.factories.world import a_user

MAKER, OWNER, RIVAL = "maker@bank.example", "owner@shakti.example", "owner@vega.example"
TODAY = date(2026, 11, 10)
ACTOR = Actor(None, "system", "system")


@pytest.fixture
def month(bank_session: Any) -> Any:
    session, book = bank_session, ReconBook(bank_session)
    a_user(session, MAKER, "bank_operator")
    shakti, vega = book.agency("SHAKTI"), book.agency("VEGA")
    a_user(session, OWNER, "agency_owner", shakti)
    a_user(session, RIVAL, "agency_owner", vega)
    a_bank_detail(session, shakti)
    for number in ("LN00077", "LN00078"):
        book.allocate("SHAKTI", number)
    book.allocate("VEGA", "LN00090")
    book.allocate("VEGA", "LN00016", stream="tele")
    book.receipt("R-0001", 8_500_00, "2026-11-08", "LN00012", mode="cash", at=time(11, 15))
    book.receipt("R-0002", 3_000_00, "2026-11-09", "LN00013", mode="cash")
    book.receipt("R-0003", 12_400_00, "2026-11-06", "LN00014", utr="UTRB1234567890", mode="neft")
    book.line(12_000_00, "2026-11-07", "NEFT UTRB1234567890 LN00014")
    book.receipt("R-0004", 5_000_00, "2026-11-05", "LN00015", utr="445566", mode="cheque")
    book.line(5_000_00, "2026-11-06", "CHQ 445566")
    book.line(5_000_00, "2026-11-09", "RETURN CHQ 445566", side="debit", is_reversal=True)
    book.receipt("R-0005", 6_000_00, "2026-11-06", "LN00016", utr="UTRC1234567890", mode="upi", at=time(21, 40))
    book.line(6_000_00, "2026-11-06", "UPI UTRC1234567890")
    book.receipt("R-0005", 6_000_00, "2026-11-06", "LN00016", agency="VEGA", utr="UTRC1234567890")
    book.line(7_500_00, "2026-11-09", "NEFT FROM RAVI LN00077")
    book.line(2_250_00, "2026-11-02", "UPI/628312345678/LN00078")
    book.line(9_900_00, "2026-11-09", "NEFT LN00090")
    for days in (-5, 0):
        day = TODAY + timedelta(days=days)
        reconcile(session, through=day, actor=ACTOR, now=NOW + timedelta(days=days))
    with unit_of_work(session):
        pass
    return book


def test_an_agency_reads_what_happened_what_cures_it_and_until_when(month: Any, open_page: Any) -> None:
    page = open_page("/agency/breaks", email=OWNER)
    cash = page.get_by_role("row", name="R-0001")
    assert cash.get_by_text("Carried for 48 hours; it was due by 9 Nov, 11:15.").is_visible()
    assert cash.get_by_text("Pay the cash in and record its slip").is_visible()
    short = page.get_by_role("row", name="R-0003")
    assert short.get_by_text("A credit with this number shows ₹400.00 less than you reported.").is_visible()
    assert page.get_by_role("row", name="R-0004").get_by_text("Returned on 9 Nov 2026.").is_visible()
    assert page.get_by_text("21:40").is_visible()
    assert "VEGA" not in page.content() and "other agency" not in page.content().lower()


def test_what_was_paid_direct_is_told_at_home_and_only_to_its_agency(month: Any, open_page: Any) -> None:
    page = open_page("/agency", email=OWNER)
    assert page.get_by_text("₹7,500.00 on LN00077, 9 Nov 2026: the payer named the loan account.").is_visible()
    page.get_by_role("link", name="See what was paid direct").click()
    assert page.get_by_role("row", name="LN00077").get_by_text("The payer named the loan account").is_visible()
    page.get_by_role("link", name="All", exact=True).click()
    assert page.get_by_role("row", name="LN00078").get_by_text("DIRECT-").is_visible()
    assert "LN00090" not in page.content() and "ST1/" not in page.content()
    page = open_page("/agency/direct", email=RIVAL)
    assert page.get_by_role("row", name="LN00090").is_visible()
    assert "LN00077" not in page.content()


def test_the_bank_sees_which_credit_it_is(month: Any, open_page: Any) -> None:
    page = open_page("/bank/direct?agency=SHAKTI", email=MAKER)
    assert page.get_by_role("row", name="LN00077").get_by_text("NEFT FROM RAVI LN00077").is_visible()
    assert "LN00090" not in page.content()


PAGES = [
    ("/agency", "home-paid-direct", OWNER),
    ("/agency/breaks", "not-tied", OWNER),
    ("/agency/breaks?owner=yours", "not-tied-for-you", OWNER),
    ("/agency/breaks?code=R13", "not-tied-none", OWNER),
    ("/agency/direct", "paid-direct", OWNER),
    ("/agency/direct?status=claimed", "paid-direct-none", OWNER),
    ("/agency/accounts/1", "account-paid-direct", OWNER),
    ("/bank/direct?sums=1", "bank-paid-direct", MAKER),
    ("/bank/accounts/LN00077", "bank-account-paid-direct", MAKER),
]


def test_the_pages_are_good_to_look_at(month: Any, look: Any) -> None:
    for path, name, email in PAGES:
        look(path, name, email=email)
