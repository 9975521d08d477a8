"""A photo's way: handed in by the agency, questioned by the bank, replaced, accepted; the reviewer never touches the mouse."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from allocations.agencies.models import DatedSetting
from portal.stores import file_store_of
from portal.worker import make_worker
from tests.factories.evidence import Field, a_paper, a_photo, at_home
from tests.factories.world import a_user

OWNER, CHECKER = "owner@shakti.example", "checker@bank.example"


@pytest.fixture
def field(bank_session: Any, settings: Any, now: Any) -> Field:
    made = Field(bank_session, file_store_of(settings), now)
    a_user(bank_session, OWNER, "agency_owner", made.agency("SHAKTI"), name="Meera Joshi")
    a_user(bank_session, CHECKER, "bank_approver", name="Arjun Rao")
    rule = [{"mode": "cash", "from_minor": 0, "kinds": ["receipt"]}]
    bank_session.add(
        DatedSetting(code="evidence.required", value=rule, effective_from=date(2026, 11, 1), source="A journey")
    )
    bank_session.flush()
    return made


@pytest.fixture
def work(settings: Any, database: Any, clock: Any, bank_session: Any) -> Callable[[], None]:
    def go() -> None:
        bank_session.commit()
        worker = make_worker(settings, database.logins, clock)
        with ThreadPoolExecutor(1) as aside:  # the browser's own loop runs on this thread
            aside.submit(worker.run, wait=False).result()
        bank_session.expire_all()

    return go


def keep(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def hand_in(page: Page, file: Path) -> None:
    page.get_by_label("Photo, PDF or recording").set_input_files(file)
    page.get_by_role("button", name="Hand it in").click()
    expect(page.get_by_text("Handed in. It is looked into now")).to_be_visible()


def focus_in_view(page: Page) -> bool:
    return bool(page.evaluate("document.activeElement && document.activeElement !== document.body"))


def test_a_photo_is_questioned_replaced_and_accepted(
    field: Field, work: Callable[[], None], open_page: Callable[..., Page], tmp_path: Path
) -> None:
    receipt = field.receipt(reported_by=OWNER)
    other = field.receipt()
    field.hand_in(a_photo(9), other)
    work()
    blurred = keep(tmp_path / "blurred.jpg", a_photo(4))
    clear = keep(tmp_path / "clear.jpg", a_paper("Receipt No. 2", "Rs 5,000", "cash", "10 Nov 2026"))

    # the agency reads what is missing, and hands in a photo
    agency = open_page("/agency/evidence", email=OWNER, size="phone")
    expect(agency.get_by_text("Needs receipt").first).to_be_visible()
    agency.get_by_role("link", name=f"Add it to receipt {receipt.receipt_no}").click()
    hand_in(agency, blurred)
    work()

    # the reviewer, by keyboard alone, passes the first piece and questions this one
    bank = open_page("/bank/evidence", email=CHECKER)
    for key in ("j", "j"):
        bank.keyboard.press(key)
    assert focus_in_view(bank)
    bank.keyboard.press("k")
    bank.keyboard.press("Enter")
    expect(bank.get_by_role("heading", level=1)).to_contain_text("Receipt")
    bank.keyboard.press("a")
    expect(bank.get_by_text(re.compile("^Accepted EV-"))).to_be_visible()
    expect(bank.get_by_alt_text(re.compile("as handed in"))).to_be_visible()
    bank.keyboard.press("q")
    bank.keyboard.type("The amount cannot be read. Take it again in daylight.")
    bank.keyboard.press("Enter")
    expect(bank.get_by_text("the agency reads the reason")).to_be_visible()

    # the agency reads why, and hands in a better one
    agency.goto(f"/agency/collections/{receipt.id}")
    expect(agency.get_by_text("Missing: receipt")).to_be_visible()
    agency.get_by_role("link", name=re.compile("^Receipt EV-SHAKTI")).click()
    expect(agency.get_by_text("Take it again in daylight.")).to_be_visible()
    agency.get_by_role("link", name="Add another").first.click()
    hand_in(agency, clear)
    work()
    agency.goto("/agency/evidence")
    expect(agency.get_by_text("Nothing that was asked for is missing.")).to_be_visible()

    # it is accepted: k goes back, u to the list
    bank.goto("/bank/evidence?state=waiting")
    bank.keyboard.press("j")
    bank.keyboard.press("Enter")
    bank.wait_for_url("**/bank/evidence/EV-*")
    bank.keyboard.press("a")
    expect(bank.get_by_text("That was the last of them.")).to_be_visible()
    agency.goto("/agency/evidence?state=accepted")
    expect(agency.get_by_role("link", name="Receipt", exact=True)).to_have_count(2)


def test_the_way_back_and_forth_is_on_the_keyboard_too(
    field: Field, work: Callable[[], None], open_page: Callable[..., Page]
) -> None:
    first, second = field.hand_in(a_photo(1)), field.hand_in(a_photo(2))
    work()
    page = open_page(f"/bank/evidence/{first.ref}", email=CHECKER)
    page.keyboard.press("j")
    page.wait_for_url(f"**/{second.ref}?*")
    page.keyboard.press("k")
    page.wait_for_url(f"**/{first.ref}?*")
    page.keyboard.press("q")
    page.keyboard.type("jjkka")  # letters of a reason are letters
    expect(page.get_by_label("What is wrong with it?")).to_have_value("jjkka")
    page.keyboard.press("Escape")
    page.keyboard.press("u")
    page.wait_for_url("**/bank/evidence?*")


def test_every_page_of_evidence_is_good_to_look_at(
    field: Field, work: Callable[[], None], look: Callable[..., None], bank_session: Any, now: Any
) -> None:
    mine, theirs = field.receipt("SHAKTI", reported_by=OWNER, agent_code="A7"), field.receipt("VEGA")
    paper = a_paper(
        "Receipt No. 2", "Rs 5,000", "cash", "10 Nov 2026", taken_at="2026:11:10 09:40:00", software="Snapseed"
    )
    again = a_paper(
        "Receipt No. 2", "Rs 5,000", "cash", "10 Nov 2026", taken_at="2026:11:10 11:40:00", software="Snapseed"
    )
    field.hand_in(paper, theirs)
    far = at_home(taken_at=now - timedelta(minutes=12), latitude=Decimal("19.2183"), longitude=Decimal("72.9781"))
    piece = field.hand_in(again, mine, claim=far)
    field.hand_in(a_photo(5), field.receipt("SHAKTI"))
    field.receipt("SHAKTI", reported_by=OWNER)
    work()
    look("/agency/evidence", "agency-evidence", email=OWNER)
    look(f"/agency/evidence/{piece.ref}", "agency-evidence-piece", email=OWNER)
    look(f"/agency/evidence/add?collection={mine.id}", "agency-evidence-add", email=OWNER)
    look(f"/agency/collections/{mine.id}", "agency-collection-evidence", email=OWNER)
    look("/bank/evidence", "bank-evidence", email=CHECKER)
    look(f"/bank/evidence/{piece.ref}", "bank-evidence-piece", email=CHECKER)
