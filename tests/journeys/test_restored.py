"""The morning after a restore: finance sees that paying is stopped, why, and what to find out before it goes on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from payouts.ledger.service import bank_day
from payouts.rails.after_restore import hold_everything
from payouts.rails.batches import approve_batch, make_batch
from portal.kernel.db import unit_of_work
from tests.factories.month import CHECKER, FINANCE, OCTOBER, SYSTEM
from tests.factories.paid_month import an_approved_month, an_own_line
from tests.factories.world import a_user

TREASURER = "treasurer@bank.example"


def test_after_a_restore_finance_sees_what_to_find_out(
    look: Any, open_page: Any, bank_session: Any, file_store: Any, now: Any
) -> None:
    before = now - timedelta(days=1)
    an_approved_month(bank_session, before)
    with unit_of_work(bank_session):
        a_user(bank_session, TREASURER, "finance")
        batch = make_batch(bank_session, file_store, OCTOBER, "bank_file", actor=FINANCE, now=before).batch.ref
    with unit_of_work(bank_session):
        approve_batch(bank_session, file_store, batch, actor=CHECKER, now=before)
    with unit_of_work(bank_session):
        hold_everything(bank_session, taken_at=before, actor=SYSTEM, now=now)
        an_own_line(bank_session, "1", 45_000_00, bank_day(now), "NEFT P2610-0007 YAMUNA RECOVERY")
    look("/finance", "restored-home", email=TREASURER)
    look("/finance/payouts", "restored-payouts", email=TREASURER)
    look("/finance/paying-stop", "restored-stop", email=TREASURER)

    finance = open_page("/finance/paying-stop", email=TREASURER)
    finance.get_by_text("It names P2610-0007").wait_for()
    finance.get_by_role("link", name="Say what became of it").first.click()
    finance.get_by_text("it may have gone to the bank since").first.wait_for()
