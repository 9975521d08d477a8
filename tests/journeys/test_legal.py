"""A legal case in a browser: opened, blocked by a missing fact, freed with its day, its notice made and sent; and the pages looked at."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect
from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.casework.letters import templates
from allocations.casework.letters.models import LetterTemplate
from portal.kernel.db import unit_of_work
from tests.factories.honest_files import pdf, saved
from tests.factories.world import a_user, an_account, an_agency, an_allocation

MAKER, CHECKER = "maker@bank.example", "checker@bank.example"


@pytest.fixture
def account(bank_session: Session, now: datetime) -> None:
    """An account in arrears with an agency, and the notice's text approved."""
    with unit_of_work(bank_session):
        checker = a_user(bank_session, CHECKER, "bank_approver")
        a_user(bank_session, MAKER, "bank_operator")
        address = {"address": "1, MG Road", "city": "Pune", "pincode": "411001"}
        found = an_account(bank_session, as_of=date(2026, 10, 31), **address)
        an_allocation(bank_session, found, an_agency(bank_session))
        query = select(LetterTemplate).where(LetterTemplate.kind == "s138_notice", LetterTemplate.language == "en")
        text = bank_session.scalars(query).one()
        templates.decide_template(bank_session, text, approve=True, actor=checker, now=now)


def enter(page: Any, label: str, day: str = "", answer: str = "", amount: str = "", file: Path | None = None) -> None:
    page.get_by_role("link", name=f"Enter {label}").click()
    if day:
        page.get_by_label("Day").fill(day)
    if answer:
        page.get_by_label("Answer").select_option(answer)
    if amount:
        page.get_by_label("Sum").fill(amount)
    if file:
        page.get_by_label("Paper that shows it").set_input_files(file)
    page.get_by_role("button", name="Enter it").click()


@pytest.mark.slow
def test_a_returned_cheque_goes_from_a_missing_fact_to_a_notice_on_its_way(
    account: None, open_page: Callable[..., Any], look: Callable[..., None], tmp_path: Path
) -> None:
    memo = tmp_path / "memo.pdf"
    memo.write_bytes(saved(pdf()))
    page = open_page("/bank/accounts/LN0001", email=MAKER)
    page.get_by_role("link", name="Open a case").click()
    page.get_by_label("Step").select_option("s138")
    page.get_by_label("Why?").fill("The October cheque came back.")
    page.get_by_role("button", name="Open this case").click()
    expect(page.get_by_text("Blocked because")).to_be_visible()
    enter(page, "It was a mandate (NACH), not a cheque", answer="no")
    enter(page, "Date on the cheque, or of the debit", day="2026-10-05")
    enter(page, "Sum of the cheque or debit", amount="15,000")
    enter(page, "Presented at the bank", day="2026-10-28")
    enter(page, "The bank's return memo was received", day="2026-11-02", file=memo)
    expect(page.get_by_text("by 2 Dec 2026, 22 days left")).to_be_visible()
    enter(page, "Returned for want of funds, or over what was arranged", answer="yes")
    page.get_by_role("link", name="Make a letter").click()
    page.get_by_label("Letter").select_option("s138_notice")
    page.get_by_role("button", name="Make this letter").click()
    expect(page.get_by_text("It has not been sent.")).to_be_visible()
    letter = page.url.partition("/bank/")[2]
    page.get_by_label("Sent on").fill("2026-11-10")
    page.get_by_label("Tracking number").fill("EM123456789IN")
    page.get_by_role("button", name="Enter into the register").click()
    expect(page.get_by_text("It is under way.")).to_be_visible()
    page.get_by_role("link", name="LC").first.click()
    expect(page.get_by_text("On 10 November 2026.")).to_be_visible()
    case = page.url.partition("/bank/")[2]
    look(f"/bank/{case}", "legal-case", email=MAKER)
    look("/bank/legal", "legal-cases", email=MAKER)
    look(f"/bank/{letter}", "letter", email=MAKER)
    look("/bank/campaigns/new", "campaign-new", email=MAKER)
