"""A complaint in browsers: it comes, account and money wait, the agency answers, two people decide, and all is let go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect
from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.placements.models import Hold
from portal.kernel.db import unit_of_work
from tests.factories.disputed import Issued, an_issued_month
from tests.factories.world import a_user

MAKER, CHECKER, OWNER = "maker@bank.example", "checker@bank.example", "owner@shakti.example"


@pytest.fixture
def issued(bank_session: Session, agency_session: Any, now: Any) -> Issued:
    found = an_issued_month(bank_session, agency_session, now)
    with unit_of_work(bank_session):
        a_user(bank_session, MAKER, "bank_operator")
        a_user(bank_session, CHECKER, "bank_approver")
        a_user(bank_session, OWNER, "agency_owner", found.shakti())
    return found


def test_a_complaint_holds_account_and_money_until_it_is_closed(
    issued: Issued, open_page: Callable[..., Any], look: Callable[..., None], bank_session: Session
) -> None:
    account = issued.month.collections["SHAKTI"][0].loan_account_no
    borrower = open_page("/complain", size="phone")
    borrower.get_by_label("What is it about?").select_option("third_party")
    borrower.get_by_label("What happened?").fill("He told my neighbour of the loan on 3 November.")
    borrower.get_by_label("Your name").fill("Asha Rao")
    borrower.get_by_label("Phone or e-mail").fill("98200 00000")
    borrower.get_by_label("Loan account number").fill(account)
    borrower.get_by_role("button", name="Send it").click()
    expect(borrower.get_by_text("C-2026-00001")).to_be_visible()
    assert issued.settlement().disputed_minor == 0, "nothing waits on anybody's word alone"

    maker = open_page("/bank/complaints", email=MAKER)
    maker.get_by_role("link", name="Spoke to somebody else").click()
    maker.get_by_role("button", name="Acknowledge it").click()
    maker.get_by_role("button", name="Attach it").click()
    expect(maker.get_by_text("₹50,000.00 of a line on an issued statement is kept")).to_be_visible()
    maker.get_by_label("What must the agency answer?").fill("Somebody beside the borrower was told on 3 November.")
    maker.get_by_role("button", name="Ask ").click()
    expect(maker.get_by_text("Being looked into")).to_be_visible()
    with unit_of_work(bank_session):
        assert bank_session.scalars(select(Hold)).one().to_on is None

    agency = open_page("/agency/statements/S2610-SHAKTI", email=OWNER, size="phone")
    expect(agency.get_by_text("₹50,000.00 is kept while a complaint is open")).to_be_visible()
    agency.get_by_role("link", name="C-2026-00001").click()
    assert "Asha" not in agency.content() and "neighbour" not in agency.content()
    agency.get_by_label("Your answer").fill("Our agent was at the other end of town.")
    agency.get_by_role("button", name="Send it to the bank").click()
    expect(agency.get_by_text("With the bank")).to_be_visible()
    look("/agency/complaints/C-2026-00001", "agency-complaint", email=OWNER)

    maker.reload()
    expect(maker.get_by_text("Answered by the agency")).to_be_visible()
    maker.get_by_label("What was found?").select_option("not_substantiated")
    maker.get_by_label("What does that rest on?").fill("The day list says so.")
    maker.get_by_role("button", name="Propose it").click()
    expect(maker.get_by_text("It waits for another person")).to_be_visible()
    look("/bank/complaints/C-2026-00001", "bank-complaint", email=MAKER)

    checker = open_page("/bank/complaints?state=to_decide", email=CHECKER)
    look("/bank/complaints", "bank-complaints", email=CHECKER)
    checker.get_by_role("link", name="Spoke to somebody else").click()
    checker.get_by_role("button", name="Decide: not found true").click()
    checker.get_by_role("button", name="Close it").click()
    expect(checker.get_by_text("went back to it")).to_be_visible()
    with unit_of_work(bank_session):
        bank_session.expire_all()
        assert bank_session.scalars(select(Hold)).one().to_on is not None
        assert issued.settlement().disputed_minor == 0
    agency.reload()
    expect(agency.get_by_text("What waited for it is let go")).to_be_visible()
