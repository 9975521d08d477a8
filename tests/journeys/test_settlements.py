"""From draft to paid in a browser, by four people; every page is looked at, at a desk and on a phone."""

from __future__ import annotations

from typing import Any

import pytest

from payouts.rails.bank_answer import compose_answer
from payouts.rails.batches import make_batch
from payouts.rails.profiles import ENET_CSV
from payouts.rails.sending import confirm
from payouts.settlements.drafting import draft
from payouts.settlements.service import approve, submit
from portal.kernel.db import unit_of_work
from portal.kernel.periods import month_of
from tests.factories.month import CHECKER as CHECKER_ACTOR
from tests.factories.month import FINANCE as FINANCE_ACTOR
from tests.factories.month import MAKER as MAKER_ACTOR
from tests.factories.month import OCTOBER, SYSTEM, a_month, an_unpaid
from tests.factories.paid_month import a_sent_batch
from tests.factories.world import a_user

MAKER, CHECKER, FINANCE, TREASURER, AUDITOR = (
    f"{name}@bank.example" for name in ("maker", "checker", "finance", "treasurer", "auditor")
)


@pytest.fixture
def months(bank_session: Any, now: Any) -> None:
    """September settled, October accrued."""
    with unit_of_work(bank_session):
        for email, role in (
            (MAKER, "bank_operator"),
            (CHECKER, "bank_approver"),
            (FINANCE, "finance"),
            (TREASURER, "finance"),
            (AUDITOR, "auditor"),
        ):
            a_user(bank_session, email, role)
        september = month_of(OCTOBER.start).previous()
        a_month(bank_session, september, {"SHAKTI": [18_00_000_00], "VEGA": [1_50_000_00]})
        draft(bank_session, september, actor=SYSTEM, now=now)
    for ref in ("S2609-SHAKTI", "S2609-VEGA"):
        with unit_of_work(bank_session):
            submit(bank_session, ref, actor=MAKER_ACTOR, now=now)
            approve(bank_session, ref, actor=CHECKER_ACTOR, now=now)
    with unit_of_work(bank_session):
        october = a_month(bank_session, OCTOBER, {"SHAKTI": [10_00_000_00, 6_50_000_00], "VEGA": [1_00_000_00]})
        an_unpaid(bank_session, october, october.collections["SHAKTI"][0], 42_500_00)


def test_a_month_is_drafted_approved_paid_and_answered(months: None, open_page: Any, tmp_path: Any) -> None:
    maker = open_page("/bank/settlements", email=MAKER)
    maker.get_by_label("Month", exact=True).last.select_option("2026-10")
    maker.get_by_role("button", name="Draft the settlements").click()
    maker.get_by_text("2 settlements of October 2026 drafted").wait_for()
    maker.get_by_role("link", name="S2610-SHAKTI").click()
    maker.get_by_role("button", name="Submit ₹80,850.00 to Shakti Recovery").click()
    maker.get_by_text("It waits for another person").wait_for()
    checker = open_page("/bank/settlements/S2610-SHAKTI", email=CHECKER)
    checker.get_by_role("button", name="Approve ₹80,850.00 to Shakti Recovery").click()
    checker.get_by_text("S2610-SHAKTI is approved").wait_for()

    finance = open_page("/finance/payouts", email=FINANCE)
    finance.get_by_label("Month").last.select_option("2026-10")
    finance.get_by_role("button", name="Make the batch").click()
    finance.get_by_text("It waits for another person").wait_for()
    treasurer = open_page("/finance/payouts/B2610-01", email=TREASURER)
    treasurer.get_by_role("button", name="Approve ₹80,850.00 in 1 payout").click()
    treasurer.get_by_role("button", name="Send ₹80,850.00 to the bank").click()
    treasurer.get_by_text("With the bank").first.wait_for()
    with treasurer.expect_download() as download:
        treasurer.get_by_role("link", name="Download").click()
    file = tmp_path / "batch.csv"
    download.value.save_as(file)
    answer = compose_answer(file.read_bytes(), ENET_CSV, {"P2610-0001": ("paid", "HDFCR52026111000077", "")})
    finance.goto("/finance/payouts/answer")
    chosen = {"name": "answer.csv", "mimeType": "text/csv", "buffer": answer}
    finance.locator("input[type=file]").set_input_files(chosen)
    finance.get_by_role("button", name="Take the answer in").click()
    finance.get_by_text("1 answered, 0 known before").wait_for()
    finance.goto("/audit/trace?ref=HDFCR52026111000077")
    finance.get_by_role("link", name="R-2610001001").first.wait_for()


@pytest.mark.timeout(300)
def test_the_banks_pages_are_looked_at(months: None, look: Any, bank_session: Any, now: Any) -> None:
    with unit_of_work(bank_session):
        draft(bank_session, OCTOBER, actor=SYSTEM, now=now)
        submit(bank_session, "S2610-SHAKTI", actor=MAKER_ACTOR, now=now)
    look("/bank/settlements/S2610-VEGA", "settlement-draft", email=MAKER)
    look("/bank/settlements", "settlements", email=MAKER)
    look("/bank/settlements/S2610-SHAKTI", "settlement-submitted", email=CHECKER)


@pytest.fixture
def paid(months: None, bank_session: Any, file_store: Any, now: Any, tmp_path: Any) -> None:
    """September paid to one agency and sent back to the other; a batch of October waits for its second person."""
    september = month_of(OCTOBER.start).previous()
    batch = a_sent_batch(bank_session, file_store, now, tmp_path, period=september)
    fates = {"P2609-0001": ("paid", "HDFCR52026111000077", ""), "P2609-0002": ("returned", "", "Account closed")}
    data = compose_answer(file_store.read(batch.file_sha256 or ""), ENET_CSV, fates)
    with unit_of_work(bank_session):
        confirm(bank_session, file_store, data, name="answer.csv", actor=FINANCE_ACTOR, now=now)
        make_batch(bank_session, file_store, september, "bank_file", actor=FINANCE_ACTOR, now=now)


@pytest.mark.timeout(300)
def test_the_pages_of_finance_are_looked_at(paid: None, look: Any) -> None:
    look("/finance", "finance-home", email=FINANCE)
    look("/finance/payouts", "batches", email=FINANCE)
    look("/finance/payouts/B2609-01", "batch-closed", email=FINANCE)
    look("/finance/payouts/B2609-02", "batch-to-approve", email=TREASURER)
    look("/finance/payouts/answer", "bank-answer", email=FINANCE)
    look("/finance/settlements", "finance-settlements", email=FINANCE)


@pytest.mark.timeout(300)
def test_the_ledger_and_the_proof_are_looked_at(paid: None, look: Any) -> None:
    look("/finance/ledger", "ledger", email=FINANCE)
    look("/finance/ledger/accounts/payable_to_agency", "ledger-account", email=FINANCE)
    look("/finance/ledger/entries/J-S2609-SHAKTI", "ledger-entry", email=FINANCE)
    look("/audit", "audit-home", email=AUDITOR)
    look("/audit/log", "audit-log", email=AUDITOR)
    look("/audit/verify", "verify", email=AUDITOR)
    look("/audit/trace?ref=P2609-0001", "trace", email=AUDITOR)
