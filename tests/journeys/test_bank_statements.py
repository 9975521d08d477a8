"""The bank operator imports statements in a browser, an approver accepts the one that differs; every page is looked at."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from allocations.reconciliation.models import BankStatement
from allocations.reconciliation.sources.bank_accounts import add_bank_account
from allocations.reconciliation.sources.postings import import_postings
from portal.kernel.audit import Actor
from portal.kernel.db import unit_of_work
from tests.factories.world import a_user, an_account
from tests.journeys.conftest import check_accessibility, check_width, take_picture

ADMIN = Actor(None, "admin@bank.example", "bank_admin")
MAKER, CHECKER = "maker@bank.example", "checker@bank.example"
HEADER = "Date,Narration,Chq./Ref.No.,Value Dt,Withdrawal Amt.,Deposit Amt.,Closing Balance\n"
OCTOBER = HEADER + (
    "05/10/2026,UPI/RAVI KUMAR/LN0001234/EMI,412345678901,05/10/2026,,18500.00,1018500.00\n"
    "06/10/2026,CASH DEPOSIT SLIP S-77 ANDHERI,S-77,06/10/2026,,142000.00,1160500.00\n"
    "07/10/2026,CHQ RET 000123 FUNDS INSUFFICIENT,000123,07/10/2026,9000.00,,1151500.00\n"
)
NOVEMBER = HEADER + "02/11/2026,NEFT AXISN12345 MEENA,AXISN12345,02/11/2026,,7000.00,1168500.00\n"
DECEMBER = HEADER + "08/12/2026,NEFT AXISN99999 ASHA,AXISN99999,08/12/2026,,5000.00,1300000.00\n"
OWN = """FEDERAL BANK,,,,,
When,What happened,Sum,Way,Left,VAN
05.01.2026,PAID UTR No: AXISN12345 RAVI KUMAR,500.00,Cr,1500.00,LEND0001
06.01.2026,CHQ RET 000123 FUNDS INSUFFICIENT,200.00,Dr,1300.00,
"""


@pytest.fixture
def bank(bank_session: Any, file_store: Any, now: Any) -> None:
    a_user(bank_session, MAKER, "bank_operator")
    a_user(bank_session, CHECKER, "bank_approver")
    an_account(bank_session, "LN0001234")
    with unit_of_work(bank_session):
        add_bank_account(bank_session, "50100123456789", "INR", actor=ADMIN, now=now)
    rows = "P1,LN0001234,18500.00,2026-10-05,upi,412345678901,R-001,\nP2,LN0001234,18500.00,2026-10-09,,,,P1\n"
    data = f"posting_no,loan_account_no,amount,posted_on,mode,instrument_ref,receipt_no,reverses_posting_no\n{rows}".encode()
    with unit_of_work(bank_session):
        import_postings(bank_session, file_store, data, file_name="p.csv", actor=ADMIN, now=now)


def hand_in(page: Any, name: str, text: str) -> None:
    page.goto("/bank/statements/new")
    page.locator("input[type=file]").set_input_files({"name": name, "mimeType": "text/csv", "buffer": text.encode()})
    page.get_by_label("Bank account").select_option("50100123456789")
    page.get_by_role("button", name="Import this file").click()
    page.wait_for_url("**/bank/statements/BS-*")


def test_statements_come_in_tie_or_wait_for_an_approver(
    bank: None, open_page: Any, look: Any, bank_session: Any
) -> None:
    page = open_page("/bank/statements", email=MAKER)
    hand_in(page, "october.csv", OCTOBER)
    assert page.get_by_text("Ties", exact=True).is_visible()
    hand_in(page, "november.csv", NOVEMBER + "03/11/2026,UPI,U2,03/11/2026,,500.00,1168000.00\n")
    assert page.get_by_role("button", name="Accept").count() == 0
    by_name = {row.file_name: row.ref for row in bank_session.scalars(select(BankStatement))}
    look("/bank/statements", "bank-statements", email=MAKER)
    look("/bank/statements/new", "bank-statement-new", email=MAKER)
    look(f"/bank/statements/{by_name['october.csv']}", "bank-statement", email=MAKER)
    look(f"/bank/statements/{by_name['november.csv']}", "bank-statement-refused", email=CHECKER)
    look("/bank/postings", "bank-postings", email=MAKER)
    look("/bank/postings/new", "bank-postings-new", email=MAKER)

    hand_in(page, "december.csv", DECEMBER)
    assert page.get_by_text("Something may be missing").is_visible()
    look(page.url.removeprefix(page.url.split("/bank")[0]), "bank-statement-gap", email=MAKER)
    with page.expect_download() as download:
        page.get_by_role("link", name="The file as it came").click()
    assert download.value.path().read_text() == DECEMBER

    checker = open_page(f"/bank/statements/{by_name['november.csv']}", email=CHECKER)
    checker.get_by_label("Why is it accepted as it is?").fill("The bank confirmed a rounding fault by letter.")
    checker.get_by_role("button", name="Accept").click()
    checker.get_by_text("2 lines count from now on").wait_for()


def test_a_layout_is_made_from_a_sample_without_any_script(bank: None, open_page: Any, look: Any) -> None:
    page = open_page("/bank/statements/layouts/new", email=MAKER)
    look("/bank/statements/layouts/new", "bank-layout-new", email=MAKER)
    page.locator("input[type=file]").set_input_files(
        {"name": "federal.csv", "mimeType": "text/csv", "buffer": OWN.encode()}
    )
    page.get_by_role("button", name="Look at this file").click()
    page.wait_for_url("**/layouts/draft/**")
    here = page.url.removeprefix(page.url.split("/bank")[0])
    look(here, "bank-layout-draft-first", email=MAKER)
    page.get_by_label("Rows above the headings").fill("1")
    page.get_by_role("button", name="Take the headings from there").click()
    answers = {
        "Booking date": "When", "Narrative": "What happened", "Amount": "Sum", "Dr/Cr flag": "Way",
        "Running balance": "Left", "Virtual account": "VAN",
    }  # fmt: skip
    for label, heading in answers.items():
        page.get_by_label(label, exact=True).select_option(label=heading)
    page.get_by_label("Dates are written like").select_option("%d.%m.%Y")
    page.get_by_label("behind these words").check()
    page.get_by_label("The words").fill("UTR No")
    page.get_by_role("button", name="Show what it reads now").click()
    page.get_by_text("It proves itself").wait_for()
    page.get_by_label("Name of the layout").fill("Federal Bank")
    page.evaluate("scrollTo(0, 0)")  # what a bar of the screen covers in part counts as too small to touch
    take_picture(page, "bank-layout-draft-desk-light")
    check_accessibility(page)
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme="dark")
    page.evaluate("scrollTo(0, 0)")
    take_picture(page, "bank-layout-draft-phone-dark")
    check_accessibility(page)
    check_width(page)
    page.get_by_role("button", name="Save this layout").click()
    page.wait_for_url("**/layouts/federal-bank")
    look("/bank/statements/layouts/federal-bank", "bank-layout", email=MAKER)
    look("/bank/statements/layouts", "bank-layouts", email=MAKER)
