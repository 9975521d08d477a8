"""A line disputed in browsers: the agency says so, the bank proposes, another person decides, the next draft has the lines."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from playwright.sync_api import expect
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.agencies.taking_in import KeptFile
from payouts.commission.service import accrue
from payouts.settlements.drafting import draft
from payouts.settlements.invoice_rules import Told
from payouts.settlements.invoices import hand_in, raise_self_invoice
from portal.kernel.db import bank_scope, set_scope, unit_of_work
from portal.kernel.periods import parse_month
from tests.factories.disputed import (
    GSTIN,
    TODAY,
    Issued,
    a_stored_file,
    an_issued_month,
    an_issued_statement,
    an_unpaid_receipt,
)
from tests.factories.month import MAKER as MAKER_ACTOR
from tests.factories.month import SYSTEM
from tests.factories.world import a_user

MAKER, CHECKER, OWNER = "maker@bank.example", "checker@bank.example", "owner@shakti.example"
NOVEMBER = parse_month("2026-11")


def people(session: Session, agency: Agency) -> None:
    with unit_of_work(session):
        a_user(session, MAKER, "bank_operator")
        a_user(session, CHECKER, "bank_approver")
        a_user(session, OWNER, "agency_owner", agency)


@pytest.fixture
def issued(bank_session: Session, agency_session: Any, now: Any) -> Issued:
    found = an_issued_month(bank_session, agency_session, now)
    people(bank_session, found.shakti())
    return found


def test_a_disputed_line_is_decided_by_two_and_is_a_line_of_the_next_statement(
    issued: Issued, open_page: Callable[..., Any], bank_session: Session
) -> None:
    agency = open_page("/agency/statements/S2610-SHAKTI", email=OWNER, size="phone")
    agency.get_by_role("link", name="Dispute line 1").click()
    agency.get_by_label("What is wrong?").select_option("not_ours")
    agency.get_by_label("What should it come to?").fill("45,000")
    agency.get_by_label("Why?").fill("Five receipts were Vega's.")
    agency.get_by_role("button", name="Send it to the bank").click()
    expect(agency.get_by_text("The bank has your words now")).to_be_visible()
    path = agency.url[agency.url.index("/agency/") :].replace("/agency/", "/bank/")

    maker = open_page("/bank/disputes", email=MAKER)
    maker.get_by_role("link", name="It is not ours").click()
    maker.get_by_label("Your words").fill("Which receipts?")
    maker.get_by_role("button", name="Send it to the agency").click()
    maker.get_by_label("What does it come to?").fill("47,000")
    maker.get_by_label("Why?").fill("Three of them were.")
    maker.get_by_role("button", name="Propose it").click()
    expect(maker.get_by_text("It waits for another person")).to_be_visible()
    agency.reload()
    expect(agency.get_by_text("Which receipts?")).to_be_visible()
    assert "47,000" not in agency.content(), "nobody reads a decision before it is made"

    checker = open_page(path, email=CHECKER)
    checker.get_by_role("button", name="Decide: ₹47,000.00 to").click()
    expect(checker.get_by_role("status")).to_contain_text("the line comes to ₹47,000.00")
    agency.reload()
    expect(agency.get_by_text("Three of them were.")).to_be_visible()
    set_scope(bank_session, bank_scope(date(2026, 12, 1)))
    with unit_of_work(bank_session):
        accrue(bank_session, NOVEMBER, actor=SYSTEM, now=issued.now)
        draft(bank_session, NOVEMBER, actor=SYSTEM, now=issued.now)
    checker.reload()
    checker.get_by_role("link", name="S2611-SHAKTI").first.click()
    expect(checker.get_by_text("Released: kept of S2610-SHAKTI").first).to_be_visible()
    expect(checker.get_by_text("₹5,000.00").first).to_be_visible()
    expect(checker.get_by_text("−₹3,000.00").first).to_be_visible()


@pytest.fixture
def talked(bank_session: Session, agency_session: Any, now: Any) -> dict[str, str]:
    """Disputes in every state, an invoice to decide, and one of the bank's own."""
    issued = an_issued_statement(bank_session, agency_session, now)
    people(bank_session, issued.shakti())
    receipt = an_unpaid_receipt(issued)
    told = issued.claim(2, 24_000_00, comment="Six receipts belong to Vega.\nThe slips are with you since 3 November.")
    refs = {"open": issued.dispute(told), "decided": issued.dispute(issued.claim(1, 55_000_00))}
    refs["proposed"] = issued.dispute(issued.claim(None, 720_00, collection_id=receipt, reason="not_counted"))
    issued.propose(refs["decided"], 52_500_00, reason="Half of the accounts were in the higher slab.")
    issued.decide(refs["decided"], 52_500_00)
    issued.propose(refs["proposed"], 720_00, reason="The receipt was tied on 6 November.")
    with unit_of_work(issued.agency):
        invoice = Told("SH/26-27/0042", date(2026, 11, 2), 79_999_60, 0, GSTIN, True)
        given: dict[str, Any] = {"actor": issued.owner, "now": now, "today": TODAY}
        file = KeptFile("0" * 64, "invoice-0042.pdf")
        a_stored_file(issued.agency, file, issued.owner, now)
        refs["invoice"] = str(hand_in(issued.agency, "S2610-SHAKTI", invoice, file=file, **given).id)
    with unit_of_work(bank_session):
        raised = raise_self_invoice(bank_session, "S2610-VEGA", actor=MAKER_ACTOR, now=now)
        refs["own"] = str(raised.id)
    return refs


@pytest.mark.timeout(300)
@pytest.mark.slow
def test_the_pages_are_fit_to_be_looked_at(
    talked: dict[str, str], look: Callable[..., None], bank_session: Session
) -> None:
    for path, name, email in [
        ("/agency/statements/S2610-SHAKTI?sums=1", "own-statement-disputed", OWNER),
        ("/agency/statements/S2610-SHAKTI/dispute?line=1", "own-dispute-new", OWNER),
        ("/agency/statements/S2610-SHAKTI/unpaid", "own-unpaid", OWNER),
        ("/agency/disputes?state=all", "own-disputes", OWNER),
        (f"/agency/disputes/{talked['open']}", "own-dispute", OWNER),
        (f"/agency/disputes/{talked['decided']}", "own-dispute-decided", OWNER),
        ("/bank/disputes", "disputes", MAKER),
        (f"/bank/disputes/{talked['open']}", "dispute-open", MAKER),
        (f"/bank/disputes/{talked['proposed']}", "dispute-proposed", CHECKER),
        ("/bank/invoices", "invoices", MAKER),
        (f"/bank/invoices/{talked['invoice']}", "invoice", CHECKER),
        (f"/bank/invoices/{talked['own']}", "invoice-own", CHECKER),
    ]:
        look(path, name, email=email)
