"""Who may approve what, many settlements at once, and a changed account: walked in a browser by the people it takes."""

from __future__ import annotations

from typing import Any

import pytest

from allocations.agencies.queries import find_agency
from payouts.settlements.drafting import draft
from payouts.settlements.service import approve, submit
from portal.kernel.db import unit_of_work
from portal.kernel.periods import month_of
from tests.factories.month import CHECKER as CHECKER_ACTOR
from tests.factories.month import MAKER as MAKER_ACTOR
from tests.factories.month import OCTOBER, SYSTEM, a_month
from tests.factories.world import a_user

ADMIN, MAKER, CHECKER, SECOND = (f"{name}@bank.example" for name in ("admin", "maker", "checker", "checker2"))
OWNER = "owner@shakti.example"
DETAILS = "/bank/agencies/SHAKTI/bank-details"


@pytest.fixture
def months(bank_session: Any, now: Any) -> None:
    """September approved, October submitted."""
    people = {ADMIN: "bank_admin", MAKER: "bank_operator", CHECKER: "bank_approver", SECOND: "bank_approver"}
    with unit_of_work(bank_session):
        for email, role in people.items():
            a_user(bank_session, email, role)
        september = month_of(OCTOBER.start).previous()
        a_month(bank_session, september, {"SHAKTI": [18_00_000_00], "VEGA": [1_50_000_00]})
        draft(bank_session, september, actor=SYSTEM, now=now)
        for agency in ("SHAKTI", "VEGA"):
            submit(bank_session, f"S2609-{agency}", actor=MAKER_ACTOR, now=now)
            approve(bank_session, f"S2609-{agency}", actor=CHECKER_ACTOR, now=now)
    with unit_of_work(bank_session):
        a_month(bank_session, OCTOBER, {"SHAKTI": [10_00_000_00, 6_50_000_00], "VEGA": [1_00_000_00]})
        draft(bank_session, OCTOBER, actor=SYSTEM, now=now)
        for agency in ("SHAKTI", "VEGA"):
            submit(bank_session, f"S2610-{agency}", actor=MAKER_ACTOR, now=now)


@pytest.mark.timeout(300)
def test_a_third_person_is_asked_for_and_a_changed_account_rests(
    months: None, open_page: Any, look: Any, bank_session: Any
) -> None:
    admin = open_page("/bank/limits", email=ADMIN)
    admin.get_by_role("link", name="Propose a limit").click()
    admin.get_by_label("A third person above").fill("50,000")
    admin.get_by_label("From", exact=True).fill("2026-11-10")
    admin.get_by_label("Why?").fill("Large payments want three people.")
    admin.get_by_role("button", name="Propose this limit").click()
    admin.get_by_text("It waits for another person").wait_for()
    checker = open_page(admin.url, email=CHECKER)
    checker.get_by_role("button", name="Let every bank approver approve any amount").click()
    checker.get_by_text("a third person too").wait_for()
    look("/bank/limits", "limits", email=ADMIN)

    checker.goto("/bank/settlements")
    checker.get_by_role("link", name="Approve many").click()
    look("/bank/settlements/bulk?period=2026-10", "settlements-bulk", email=SECOND)
    for ref in ("S2610-SHAKTI", "S2610-VEGA"):
        checker.get_by_label(ref).check()
    checker.get_by_role("button", name="Approve what is ticked").click()
    checker.get_by_text("A third person must agree").wait_for()
    checker.get_by_text("S2610-VEGA is approved").wait_for()
    look("/bank/settlements/S2610-SHAKTI", "settlement-third-key", email=SECOND)

    owner_of(bank_session)
    owner = open_page("/agency/company/bank-details", email=OWNER)
    owner.get_by_label("Account number").fill("091702003499")
    owner.get_by_label("IFSC").fill("UTIB0000917")
    owner.get_by_label("Account holder").fill("Shakti Recovery")
    owner.get_by_role("button", name="Ask to be paid there").click()
    owner.get_by_text("waits for the bank").wait_for()
    look(DETAILS, "bank-details-to-decide", email=CHECKER)
    checker.goto(DETAILS)
    checker.get_by_text("Say what the bank's look-up found").click()
    checker.get_by_label("What the bank said").select_option("exact")
    checker.get_by_label("Name at the bank").fill("SHAKTI RECOVERY")
    checker.get_by_role("button", name="Keep what the bank said").click()
    checker.get_by_role("button", name="Pay to account 091702003499").click()
    checker.get_by_text("The approval of S2609-SHAKTI is void").wait_for()
    checker.get_by_text("3 days left").first.wait_for()
    look(DETAILS, "bank-details-resting", email=CHECKER)
    look("/agency/company/bank-details", "own-bank-details", email=OWNER)


def owner_of(session: Any) -> None:
    """Whoever signs in for the agency."""
    with unit_of_work(session):
        a_user(session, OWNER, "agency_owner", find_agency(session, "SHAKTI"))
