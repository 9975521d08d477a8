"""The month closes in a browser: an agency reports, the bank reconciles and approves, finance pays, the agency follows its rupee."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from allocations.reconciliation.sources.bank_accounts import add_bank_account
from payouts.rails.bank_answer import compose_answer
from payouts.rails.profiles import ENET_CSV
from portal.kernel.audit import Actor
from tests.factories.month import a_bank_detail
from tests.factories.worker import run_jobs
from tests.factories.world import a_snapshot, a_user, an_account, an_agency, an_allocation

OWNER, RIVAL = "owner@shakti.example", "owner@vega.example"
MAKER, CHECKER, FINANCE, AUDITOR = (f"{name}@bank.example" for name in ("maker", "checker", "finance", "auditor"))
ADMIN = Actor(None, "admin@bank.example", "bank_admin")
RETAIL = Path(__file__).parents[2] / "portal" / "demo" / "retail.toml"

COLLECTIONS = """Rcpt No,LAN,Amt,Collection Date,Payment Mode,UTR,Slip No
SH-001,LN0001,"8,000.00",2026-10-05,UPI,426900000001,
SH-002,LN0002,"12,000.00",2026-10-06,cash,,SLP77
SH-003,LN0003,"5,000.00",2026-10-06,cash,,SLP77
SH-004,LN0004,"9,500.00",2026-10-20,NEFT,SBIN900000000004,
SH-005,LN0009,"1,000.00",2026-10-21,cash,,
SH-006,LN0001,"abc",2026-10-22,cash,,
"""
STATEMENT = """Date,Narration,Chq./Ref.No.,Value Dt,Withdrawal Amt.,Deposit Amt.,Closing Balance
05/10/2026,UPI/426900000001/BORROWER,426900000001,05/10/2026,,8000.00,108000.00
07/10/2026,CASH DEP SLP77 BY AGENT,SLP77,07/10/2026,,17000.00,125000.00
24/10/2026,UPI/777000000777/UNKNOWN,777000000777,24/10/2026,,2500.00,127500.00
"""
POSTINGS = """posting_no,loan_account_no,amount,posted_on,mode,instrument_ref,receipt_no,reverses_posting_no
CBS1,LN0001,8000.00,2026-10-05,upi,426900000001,SH-001,
CBS2,LN0002,12000.00,2026-10-07,cash,,SH-002,
CBS3,LN0003,5000.00,2026-10-07,cash,,SH-003,
"""


@pytest.fixture
def bank(bank_session: Any, now: Any) -> None:
    """Two agencies, four accounts with one of them; the others are the neighbour's."""
    shakti, vega = an_agency(bank_session, "SHAKTI", legal_name="Shakti Recovery"), an_agency(bank_session, "VEGA")
    for agency, owner in ((shakti, OWNER), (vega, RIVAL)):
        a_bank_detail(bank_session, agency)
        a_user(bank_session, owner, "agency_owner", agency)
    for email, role in (
        (MAKER, "bank_operator"),
        (CHECKER, "bank_approver"),
        (FINANCE, "finance"),
        (AUDITOR, "auditor"),
    ):
        a_user(bank_session, email, role)
    for number in range(1, 5):
        account = an_account(bank_session, f"LN000{number}", dpd_days=20, bucket="1-30", asset_class="sma_0")
        an_allocation(bank_session, account, shakti, date(2026, 10, 1), date(2026, 10, 31))
        a_snapshot(bank_session, account, date(2026, 10, 31))
    an_allocation(bank_session, an_account(bank_session, "LN0009"), vega, date(2026, 10, 1), date(2026, 10, 31))
    add_bank_account(bank_session, "50100123456789", "INR", actor=ADMIN, now=now)
    bank_session.commit()


def choose(page: Any, name: str, content: str | bytes) -> None:
    data = content.encode() if isinstance(content, str) else content
    page.locator("input[type=file]").set_input_files({"name": name, "mimeType": "text/csv", "buffer": data})


def the_agency_reports(open_page: Any, app: Any) -> None:
    owner = open_page("/agency", email=OWNER)
    owner.get_by_role("link", name="Hand in collections").first.click()
    choose(owner, "october.csv", COLLECTIONS)
    owner.get_by_role("button", name="Hand in this file").click()
    owner.wait_for_url("**/agency/uploads/UP-*")
    run_jobs(app)
    owner.get_by_role("button", name="Store 4 rows").click()
    owner.get_by_text("are being stored").wait_for()
    run_jobs(app)
    owner.get_by_text("of 6 rows stored").first.wait_for()
    assert "unknown_account" in owner.content() and "₹34,500.00" in owner.content()
    with owner.expect_download() as download:
        owner.get_by_role("link", name="Rejected rows as a file").click()
    assert (
        "SH-005" in Path(download.value.path()).read_text() and "SH-001" not in Path(download.value.path()).read_text()
    )
    owner.goto("/agency/uploads/new")
    choose(owner, "october.csv", COLLECTIONS)
    owner.get_by_role("button", name="Hand in this file").click()
    owner.get_by_text("Nothing changed").first.wait_for()


def the_maker_reconciles(open_page: Any, app: Any) -> None:
    maker = open_page("/bank/statements/new", email=MAKER)
    choose(maker, "october.csv", STATEMENT)
    maker.get_by_label("Bank account").select_option("50100123456789")
    maker.get_by_role("button", name="Import this file").click()
    maker.get_by_text("Ties", exact=True).wait_for()
    maker.goto("/bank/postings/new")
    choose(maker, "postings.csv", POSTINGS)
    maker.get_by_role("button", name="Import this file").click()
    maker.get_by_text("3 postings stored").first.wait_for()
    maker.goto("/bank/reconciliation")
    maker.get_by_role("button", name="Reconcile through today").click()
    maker.wait_for_url("**job=*")
    run_jobs(app)
    maker.goto("/bank/breaks")
    maker.get_by_text("SH-004").first.wait_for()  # reported, not seen at the bank
    assert "SH-001" not in maker.content()


def terms_are_agreed(open_page: Any) -> None:
    maker = open_page("/bank/rate-cards/new", email=MAKER)
    choose(maker, "retail.toml", RETAIL.read_bytes())
    maker.get_by_role("button", name="Hand in").click()
    maker.wait_for_url("**/bank/rate-cards/RETAIL-2026/1")
    assert maker.get_by_role("button", name="in force").count() == 0
    checker = open_page("/bank/rate-cards/RETAIL-2026/1", email=CHECKER)
    checker.get_by_label("Why, for the record").fill("As agreed in the contract of April.")
    checker.get_by_role("button", name="in force").click()
    checker.get_by_text("Approved", exact=True).first.wait_for()


def the_month_is_settled(open_page: Any) -> None:
    maker = open_page("/bank/commission?period=2026-10", email=MAKER)
    maker.get_by_role("button", name="Accrue October 2026").click()
    maker.get_by_text("₹375.00 on 3 lines").wait_for()  # 25,000.00 of confirmed money in 1-30 at 1.5 %
    maker.goto("/bank/settlements")
    maker.get_by_label("Month", exact=True).last.select_option("2026-10")
    maker.get_by_role("button", name="Draft the settlements").click()
    maker.get_by_role("link", name="S2610-SHAKTI").click()
    maker.get_by_role("button", name="Submit").click()
    maker.get_by_text("It waits for another person").wait_for()
    assert maker.get_by_role("button", name="Approve").count() == 0
    checker = open_page("/bank/settlements/S2610-SHAKTI", email=CHECKER)
    checker.get_by_role("button", name="Approve ₹375.00 to Shakti Recovery").dblclick()
    checker.get_by_text("S2610-SHAKTI is approved").wait_for()


def it_is_paid(open_page: Any, tmp_path: Path) -> None:
    finance = open_page("/finance/payouts", email=FINANCE)
    finance.get_by_label("Month").last.select_option("2026-10")
    finance.get_by_role("button", name="Make the batch").click()
    finance.get_by_text("It waits for another person").wait_for()
    checker = open_page("/finance/payouts/B2610-01", email=CHECKER)
    checker.get_by_role("button", name="Approve ₹375.00 in 1 payout").click()
    checker.get_by_text("B2610-01 is approved").wait_for()
    finance.reload()
    finance.get_by_role("button", name="Send ₹375.00 to the bank").click()
    with finance.expect_download() as download:
        finance.get_by_role("link", name="Download").click()
    sent = Path(download.value.path()).read_bytes()
    answer = compose_answer(sent, ENET_CSV, {"P2610-0001": ("paid", "HDFCR52026111000077", "")})
    for said in ("1 answered, 0 known before", "0 answered, 1 known before"):
        finance.goto("/finance/payouts/answer")
        choose(finance, "answer.csv", answer)
        finance.get_by_role("button", name="Take the answer in").click()
        finance.get_by_text(said).wait_for()


def the_agency_follows_its_rupee(open_page: Any) -> None:
    owner = open_page("/agency/statements", email=OWNER)
    owner.get_by_role("link", name="S2610-SHAKTI").click()
    owner.get_by_role("link", name="SH-001").first.click()
    for reference in ("P2610-0001", "S2610-SHAKTI", "RETAIL-2026 v1", "SH-001", "CBS1"):
        owner.get_by_text(reference).first.wait_for()
    rival = open_page("/agency/statements", email=RIVAL)
    rival.get_by_text("No statement has been issued to you yet").wait_for()
    assert rival.goto("/agency/statements/S2610-SHAKTI").status == 404


@pytest.mark.timeout(300)
def test_the_month_closes_in_a_browser(bank: None, open_page: Any, look: Any, app: Any, tmp_path: Path) -> None:
    the_agency_reports(open_page, app)
    the_maker_reconciles(open_page, app)
    terms_are_agreed(open_page)
    the_month_is_settled(open_page)
    it_is_paid(open_page, tmp_path)
    the_agency_follows_its_rupee(open_page)
    auditor = open_page("/audit/verify", email=AUDITOR)
    auditor.get_by_role("button", name="Verify").click()
    auditor.wait_for_url("**job=*")
    run_jobs(app)
    auditor.get_by_text("No difference").first.wait_for()
    for path, name, email in (
        ("/agency?period=2026-10", "agency-home", OWNER),
        ("/agency/accounts", "agency-accounts", OWNER),
        ("/agency/collections?period=2026-10", "agency-collections", OWNER),
        ("/agency/uploads/new", "agency-upload", OWNER),
        ("/agency/breaks", "agency-breaks", OWNER),
        ("/agency/statements/S2610-SHAKTI", "agency-statement", OWNER),
        ("/agency/payouts", "agency-payouts", OWNER),
        ("/agency/team", "agency-team", OWNER),
        ("/agency/company", "agency-company", OWNER),
        ("/bank?period=2026-10", "bank-home", MAKER),
        ("/bank/reconciliation", "reconciliation", MAKER),
        ("/bank/breaks", "breaks", MAKER),
    ):
        look(path, name, email=email)
