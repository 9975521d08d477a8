"""Money leaves and is seen leaving: made by one, approved by another, sent, confirmed by the bank, found in its statement."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from payouts.rails import findings, own_layouts, stops
from payouts.rails.bank_answer import compose_answer
from payouts.rails.layouts import layout_of
from payouts.rails.profiles import ENET_CSV, UNION_BANK_TEXT
from portal.kernel.db import unit_of_work
from tests.factories.month import CHECKER as CHECKER_ACTOR
from tests.factories.month import FINANCE as FINANCE_ACTOR
from tests.factories.paid_month import a_sent_batch, an_approved_month, an_own_line
from tests.factories.world import a_user

CHECKER, FINANCE, TREASURER = (f"{name}@bank.example" for name in ("checker", "finance", "treasurer"))


@pytest.fixture
def approved(bank_session: Any, now: Any) -> None:
    """Two approved settlements, and the people who pay them."""
    an_approved_month(bank_session, now)
    with unit_of_work(bank_session):
        for email, role in ((CHECKER, "bank_approver"), (FINANCE, "finance"), (TREASURER, "finance")):
            a_user(bank_session, email, role)


def test_a_batch_is_made_approved_sent_answered_and_seen(
    approved: None, open_page: Any, bank_session: Any, now: Any, settings: Any
) -> None:
    finance = open_page("/finance/payouts", email=FINANCE)
    finance.get_by_text("Stripe does not pay out in Indian rupees").wait_for()
    finance.get_by_label("How it is paid").last.select_option("bank_file:enet_csv")
    finance.get_by_role("button", name="Make the batch").click()
    finance.get_by_text("It waits for another person").wait_for()

    checker = open_page("/finance/payouts/B2610-01", email=CHECKER)
    shown = checker.locator("form.panel", has_text="Approve this file").first.inner_text()
    stored = bank_session.connection().exec_driver_sql("select file_sha256 from payout_batches").scalar()
    assert all(each in shown for each in ("₹83,400.00", "2 payouts", stored)), "count, total and hash are on the screen"
    checker.get_by_role("button", name="Approve ₹83,400.00 in 2 payouts").click()
    checker.get_by_text("B2610-01 is approved").wait_for()

    finance.reload()
    finance.get_by_role("button", name="Send ₹83,400.00 to the bank").click()
    finance.get_by_text("With the bank").first.wait_for()
    sent = (settings.home / "outbox" / "bank" / "B2610-01.csv").read_bytes()
    answer = compose_answer(sent, ENET_CSV, {"P2610-0001": ("paid", "HDFCR52026111000077", "")})
    finance.goto("/finance/payouts/answer")
    chosen = {"name": "answer.csv", "mimeType": "text/csv", "buffer": answer}
    finance.locator("input[type=file]").set_input_files(chosen)
    finance.get_by_role("button", name="Take the answer in").click()
    finance.get_by_text("1 answered, 0 known before, 1 still waiting").wait_for()

    bank_session.rollback()
    with unit_of_work(bank_session):
        an_own_line(bank_session, "D1", 78_400_00, now.date(), "NEFT DR HDFCR52026111000077 SHAKTI")
        an_own_line(bank_session, "D2", 5_000_00, now.date(), "NEFT DR P2610-0002 VEGA", bank_ref="N77")
    finance.goto("/finance/debits")
    finance.get_by_role("button", name="Look through the statements").click()
    finance.get_by_text("2 found in the bank's statements; 1 payout moved on").wait_for()
    finance.goto("/finance/payout/P2610-0002")
    finance.get_by_text("Seen leaving our account").wait_for()
    finance.get_by_role("link", name="BL-D2").click()
    finance.get_by_role("link", name="S2610-VEGA").first.wait_for()


@pytest.fixture
def under_way(approved: None, bank_session: Any, file_store: Any, now: Any, tmp_path: Any) -> None:
    """Two payouts with the bank: one unknown, with a finding that waits; one whose debit may be a line without a reference."""
    a_sent_batch(bank_session, file_store, now - timedelta(days=5), tmp_path)
    with unit_of_work(bank_session):
        findings.lose(bank_session, "P2610-0001", "The upload page broke off", actor=FINANCE_ACTOR, now=now)
        found = findings.Found("paid", "Told by the bank's desk, Mr Iyer", "HDFCR52026111000077", now.date())
        findings.propose_finding(bank_session, "P2610-0001", found, actor=FINANCE_ACTOR, now=now)
        an_own_line(bank_session, "D1", 5_000_00, now.date(), "BY CHEQUE 000123 PAID TO VEGA RECOVERY SERVICES")
        an_own_line(bank_session, "D2", 1_180_00, now.date(), "CMS CHARGES OCT 2026 INCL GST")
        layout = layout_of(UNION_BANK_TEXT) | {"label": "Union Bank, our branch"}
        own_layouts.propose_layout(
            bank_session, "union_ours", layout, effective_from=now.date(), actor=FINANCE_ACTOR, now=now
        )


@pytest.mark.timeout(300)
def test_the_pages_of_paying_are_looked_at(
    under_way: None, look: Any, open_page: Any, bank_session: Any, now: Any
) -> None:
    look("/finance/payouts", "payouts-unknown", email=TREASURER)
    look("/finance/payout/P2610-0001", "payout-unknown", email=TREASURER)
    look("/finance/debits", "debits", email=TREASURER)
    look("/finance/debits?tab=unexpected", "debits-unexpected", email=TREASURER)
    look("/finance/layouts", "layouts", email=TREASURER)
    look("/finance/layouts/union_ours/1", "layout-proposed", email=TREASURER)
    look("/finance/layouts/new?from=enet_csv", "layout-new", email=TREASURER)
    with unit_of_work(bank_session):
        stop = stops.stop_paying(bank_session, "Two agencies share an account", actor=CHECKER_ACTOR, now=now)
        stops.ask_to_lift(bank_session, stop.id, "The account was put right", actor=FINANCE_ACTOR, now=now)
    look("/finance/paying-stop", "paying-stop", email=TREASURER)

    treasurer = open_page("/finance/layouts/new?from=enet_csv", email=TREASURER)
    treasurer.get_by_role("button", name="Look at the file").click()
    treasurer.get_by_text("P2611-0001,Shakti Recovery Services").wait_for()
    treasurer.goto("/finance/paying-stop")
    treasurer.get_by_role("button", name="Lift the stop").click()
    treasurer.get_by_text("The stop is lifted").wait_for()
