"""The bank takes in agencies, accounts and a placement in a browser; every page is looked at, in both themes and at phone width."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from portal.kernel.db import unit_of_work
from tests.factories.world import a_snapshot, a_user, an_account, an_agency, an_allocation

MAKER, CHECKER = "maker@bank.example", "checker@bank.example"
ROWS = "LN0001,Asha Devi,PL,7500,100000,110000.50,15000,45\nLN0002,Bala Rao,PL,1,2,3,x,0\nLN0003,,AL,1,2,3,4,5\n"
ACCOUNTS = "LAN,Customer,Product,EMI,POS,TOS,Overdue,DPD,Colour\n" + ROWS.replace("\n", ",blue\n")


@pytest.fixture
def bank(bank_session: Any) -> None:
    a_user(bank_session, MAKER, "bank_operator")
    a_user(bank_session, CHECKER, "bank_approver")
    shakti = an_agency(bank_session, "SHAKTI", capacity=500, gstin="27AAPFU0939F1ZV", email="office@shakti.example")
    an_agency(bank_session, "NORTH", legal_name="Northline Associates", status="watch_list")
    a_user(bank_session, "owner@shakti.example", "agency_owner", shakti)
    for number in range(8):
        account = an_account(bank_session, f"PL-2026-{number:05d}", as_of=date(2026, 9, 30), city="Pune", mobile="98")
        a_snapshot(bank_session, account, date(2026, 8, 31), dpd_days=14, bucket="1-30")
        an_allocation(bank_session, account, shakti)
    with unit_of_work(bank_session):
        pass


def test_the_bank_takes_in_a_month_by_file(bank: None, open_page: Any, look: Any) -> None:
    page = open_page("/bank/accounts/import", email=MAKER)
    page.get_by_label("The day the file speaks of").fill("2026-10-31")
    page.locator("input[type=file]").set_input_files(
        {"name": "accounts.csv", "mimeType": "text/csv", "buffer": ACCOUNTS.encode()}
    )
    page.get_by_role("button", name="Import these accounts").click()
    page.get_by_text("2 of 3 rows were not stored").wait_for()
    assert page.get_by_text("Colour").is_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Rejected rows as a file").click()
    assert b"LN0002" in download.value.path().read_bytes()


PAGES = [
    ("/bank/agencies", "agencies"),
    ("/bank/agencies/SHAKTI", "agency"),
    ("/bank/agencies/SHAKTI/edit", "agency-edit"),
    ("/bank/agencies/SHAKTI/agents/new", "agent-new"),
    ("/bank/accounts", "portfolio"),
    ("/bank/accounts/PL-2026-00003", "account"),
    ("/bank/accounts/import", "accounts-import"),
    ("/bank/placements", "placements"),
    ("/bank/placements/P1", "placement"),
    ("/bank/placements/import", "placement-import"),
]


def test_the_pages_are_good_to_look_at(bank: None, look: Any) -> None:
    for path, name in PAGES:
        look(path, name, email=MAKER)


def test_an_account_is_recalled_after_what_it_means_was_shown(bank: None, open_page: Any, look: Any) -> None:
    page = open_page("/bank/placements/P1", email=MAKER)
    page.get_by_role("link", name="Recall").first.click()
    look("/" + page.url.split("/", 3)[3], "recall", email=MAKER)
    page.get_by_label("Why is it taken back?").fill("Paid in full")
    page.get_by_role("button", name="Recall it from").click()
    page.wait_for_url("**/bank/placements/P1")
    assert page.get_by_text("is taken back").is_visible()
