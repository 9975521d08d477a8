"""An accountant hands in a messy file, sees it before it counts, gets back what is wrong; the bank decides on a correction."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from allocations.agencies.models import Agency
from tests.factories.worker import worker_at_work
from tests.factories.world import a_user, an_account, an_agency, an_allocation

ACCOUNTANT, MAKER = "accounts@shakti.example", "maker@bank.example"
MESSY = """Shakti Recovery Services;;;;;;
Collections of the week;;;;;;

Rcpt No;Loan A/c;Kitna;Kab mila;Pay Mode;UTR;Colour
SH-101;LN0001;"8,000.00";03/11/2026;UPI;426900000001;blue
SH-102;LN0002;"12,000.50";04/11/2026;cash;;red
SH-103;LN0003;Rs. 5,000/-;09/11/2026;Cheque;000123;
SH-104;LN0009;1,000.00;05/11/2026;cash;;
SH-105;LN0001;abc;06/11/2026;cash;;
Total;;"26,000.50";;;;
"""


@pytest.fixture
def shakti(bank_session: Any) -> Agency:
    shakti = an_agency(bank_session, "SHAKTI", legal_name="Shakti Recovery")
    for number in range(1, 5):
        an_allocation(bank_session, an_account(bank_session, f"LN000{number}"), shakti)
    a_user(bank_session, ACCOUNTANT, "agency_accountant", shakti)
    a_user(bank_session, MAKER, "bank_operator")
    bank_session.commit()
    return shakti


def hand_in(page: Any, text: str, name: str) -> None:
    page.goto("/agency/uploads/new")
    page.locator("input[type=file]").set_input_files(
        {"name": name, "mimeType": "text/csv", "buffer": text.encode("utf-8")}
    )
    page.get_by_role("button", name="Hand in this file").click()
    page.wait_for_url("**/agency/uploads/UP-*")


def path_of(page: Any) -> str:
    return "/" + page.url.split("/", 3)[3]


@pytest.mark.timeout(400)
def test_a_messy_file_comes_in_clean(shakti: Agency, open_page: Any, look: Any, database: Any, app: Any) -> None:
    with worker_at_work(database, app.extensions["portal.settings"].home):
        the_file_comes_in(open_page, look)


def the_file_comes_in(open_page: Any, look: Any) -> None:
    page = open_page("/agency/uploads/new", email=ACCOUNTANT)
    hand_in(page, MESSY, "week.csv")
    first = path_of(page)
    page.get_by_text("Which column of your file is which").wait_for()  # the page looked again by itself
    look(first, "upload-asking", email=ACCOUNTANT)
    page.get_by_label("Amount", exact=True).select_option("Kitna")
    page.get_by_label("Day of collection").select_option("Kab mila")
    page.get_by_role("button", name="Read it like this").click()
    page.get_by_text("the day comes first").wait_for()
    page.get_by_label("3 Nov 2026").check()
    page.get_by_role("button", name="Read it like this").click()
    page.get_by_role("button", name="Store 3 rows").wait_for()
    assert "unknown_account" in page.content() and "bad_amount" in page.content() and "₹25,000.50" in page.content()
    look(first, "upload-checked", email=ACCOUNTANT)
    with page.expect_download() as download:
        page.get_by_role("link", name="Rejected rows as a file").click()
    back = Path(download.value.path()).read_text(encoding="utf-8-sig")
    assert "SH-104" in back and "SH-101" not in back and "Kab mila" in back
    page.get_by_role("button", name="Store 3 rows").click()
    page.get_by_text("of 5 rows stored").wait_for()
    look(first, "upload-stored", email=ACCOUNTANT)

    hand_in(page, back.replace("LN0009", "LN0004").replace("abc", "600"), "week-corrected.csv")
    page.get_by_role("button", name="Store 2 rows").click()
    page.get_by_text("of 2 rows stored").wait_for()

    hand_in(page, MESSY.replace("12,000.50", "12,500.50"), "week-again.csv")
    page.get_by_text("₹12,000.50 → ₹12,500.50").wait_for()
    assert page.get_by_text("Read like your upload of").count() == 1
    look(path_of(page), "upload-correction", email=ACCOUNTANT)
    page.get_by_role("button", name="Propose 1 correction").click()
    page.get_by_role("link", name="COR-SHAKTI").click()
    page.get_by_role("button", name="Withdraw this correction").wait_for()

    maker = open_page("/bank/corrections", email=MAKER)
    maker.get_by_role("link", name="COR-SHAKTI").click()
    look(path_of(maker), "bank-correction", email=MAKER)
    maker.get_by_label("Why, for the record").fill("The slip says so.")
    maker.get_by_role("button", name="Accept this correction").click()
    maker.get_by_text("counts as proposed, and is kept as it was").wait_for()
    page.reload()
    page.get_by_text("Accepted", exact=True).first.wait_for()

    hand_in(page, MESSY, "week.csv")
    page.get_by_text("You handed in this file before").wait_for()
    for path, name, email in (
        ("/agency/uploads", "uploads", ACCOUNTANT),
        ("/bank/uploads", "bank-uploads", MAKER),
    ):
        look(path, name, email=email)
