"""Settlements and notes in the browser: an agency proposes, the maker recommends, somebody high enough approves; each sees its own."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.casework.note_models import CaseNote
from allocations.casework.offer_models import CompromiseOffer
from allocations.casework.plan_models import Referral, RepaymentPlan
from allocations.placements.models import Allocation
from tests.factories.accrual import World
from tests.factories.honest_files import pdf, saved
from tests.factories.settling import an_npa
from tests.factories.world import a_user, an_agency

MAKER, CHECKER, OWNER, RIVAL = (
    "maker@bank.example",
    "checker@bank.example",
    "owner@shakti.example",
    "owner@vega.example",
)
ONCE = re.compile(r'name="once"[^>]*value="([^"]+)"')
OFFER = {
    "amount": "95,000",
    "charges": "2,000",
    "from_on": "2026-11-10",
    "valid_until": "2026-12-31",
    "count": "3",
    "first_on": "2026-11-20",
    "reason": "Lost the shop in a fire.",
}


@pytest.fixture
def world(bank_session: Session, now: datetime) -> World:
    """Two agencies, an account of the first that is 200 days past due, and four people. Committed."""
    world = World(bank_session, now)
    for email, role in ((MAKER, "bank_operator"), (CHECKER, "bank_approver")):
        a_user(bank_session, email, role)
    shakti, vega = an_agency(bank_session), an_agency(bank_session, "VEGA", pan="AAPFU0940F")
    a_user(bank_session, OWNER, "agency_owner", shakti)
    a_user(bank_session, RIVAL, "agency_owner", vega)
    an_npa(world, shakti)
    bank_session.commit()
    return world


@pytest.fixture
def browser(browse: Callable[..., Any]) -> Callable[[str], Any]:
    opened: dict[str, Any] = {}

    def one(email: str) -> Any:
        if email not in opened:
            opened[email] = browse(email)
        return opened[email]

    return one


def post(who: Any, page: str, path: str = "", **values: Any) -> Any:
    """Send the form of a page, with its token."""
    shown = who.get(page).text
    token = ONCE.search(shown)
    assert token, shown
    return who.post(path or page, {"once": token[1], **values}, follow_redirects=True)


def test_a_settlement_goes_its_whole_way_in_the_browser(world: World, browser: Callable[[str], Any]) -> None:
    owner, maker, checker, rival = (browser(each) for each in (OWNER, MAKER, CHECKER, RIVAL))
    offer = OFFER | {"loan_account_no": "NPA00001"}
    assert "There is no such loan account" in post(rival, "/agency/borrower-settlements/new", **offer).text
    bad = post(owner, "/agency/borrower-settlements/new", **offer | {"schedule": "tomorrow 5"}).text
    assert "is no day" in bad
    assert "The bank decides" in post(owner, "/agency/borrower-settlements/new", **offer).text
    made = world.session.scalars(select(CompromiseOffer)).one()
    own, bank = f"/agency/borrower-settlements/{made.id}", f"/bank/borrower-settlements/{made.id}"
    assert rival.get(own).status_code == 404 and owner.get(bank).status_code == 403
    told = {"told_on": "2026-11-10", "how": "letter", "proof": "Letter 7"}
    assert "Letter 7" in post(owner, own, f"{own}/told", **told).text
    view = {
        "words": "More than a suit would bring.",
        "sanctioned_level": "1",
        "sanctioned_by": "R. Menon",
        "borrower": "ordinary",
    }
    page = post(maker, bank, f"{bank}/recommend", **view | {"security": "80,000"}).text
    assert (
        "Recommended." in page and "level 2 (Region)" in page and maker.post(f"{bank}/approve", {}).status_code == 403
    )
    assert "Take it back" not in owner.get(own).text and "suit would bring" not in owner.get(own).text
    assert "Approved:" in post(checker, bank, f"{bank}/approve", reason="Agreed.").text
    assert "approved" in owner.get("/agency/borrower-settlements").text.lower()
    for path in ("", "/watched", "/report", "/report.csv", "/watched.xlsx", "/export.csv", "/closings.csv"):
        assert checker.get(f"/bank/borrower-settlements{path}").status_code == 200, path
    assert "1,10,000" in checker.get("/bank/borrower-settlements/report?quarter=2026-Q3").text
    assert checker.get("/bank/borrower-settlements/report?quarter=now").status_code == 422
    assert "OTS-" in maker.get("/bank/accounts/NPA00001").text


def test_who_stands_too_low_is_told_who_may(world: World, browser: Callable[[str], Any]) -> None:
    maker, checker = browser(MAKER), browser(CHECKER)
    letter = saved(pdf())
    paper = (io.BytesIO(letter), "letter.pdf")
    post(maker, "/bank/borrower-settlements/new", **OFFER | {"loan_account_no": "NPA00001", "file": paper})
    made = world.session.scalars(select(CompromiseOffer)).one()
    bank = f"/bank/borrower-settlements/{made.id}"
    assert made.evidence_name == "letter.pdf" and maker.get(f"{bank}/evidence").data == letter
    view = {"words": "Best there is.", "sanctioned_level": "3", "sanctioned_by": "R. Menon", "borrower": "ordinary"}
    post(maker, bank, f"{bank}/recommend", **view)
    assert "has not been told" in checker.get(bank).text
    post(maker, bank, f"{bank}/told", told_on="2026-11-10", how="message", proof="SMS 88")
    page = checker.get(bank).text
    assert "It needs level 4 (Head office committee); yours is 2 (Region)." in page
    assert post(checker, bank, f"{bank}/approve", reason="").status_code == 422
    assert "Rejected." in post(checker, bank, f"{bank}/reject", reason="Too little.").text


def test_notes_are_written_seen_and_found(world: World, browser: Callable[[str], Any]) -> None:
    owner, maker, rival = browser(OWNER), browser(MAKER), browser(RIVAL)
    allocation = world.session.scalars(select(Allocation)).one()
    own, bank = f"/agency/accounts/{allocation.id}/notes/new", "/bank/notes/add/NPA00001"
    assert "There seems to be a phone number" in post(owner, own, body="Call 98200 12345").text
    assert "The note is kept" in post(owner, own, body="The brother will pay on Friday.").text
    post(maker, bank, body="Branch suspects the shop was insured.", is_hidden="y")
    post(maker, bank, body="Ask him about the insurance.", is_shared="y")
    seen = owner.get(f"/agency/accounts/{allocation.id}").text
    assert "brother will pay" in seen and "Ask him about" in seen and "suspects" not in seen and MAKER not in seen
    assert rival.get(own).status_code == 404
    page = maker.get("/bank/accounts/NPA00001").text
    assert "brother will pay" in page and "suspects" in page
    found = maker.get("/bank/notes?words=insurance").text
    assert "Ask him" in found and "suspects" not in found and "brother" not in found
    assert "suspects" not in maker.get("/bank/notes?hidden=no").text
    assert maker.get("/bank/notes/export.csv?words=friday").text.count("\n") == 2
    # The account goes to another agency: nothing of the first one's notes goes with it.
    world.session.refresh(allocation)
    allocation.to_on = date(2026, 11, 9)
    world.session.flush()
    world.session.commit()
    assert "brother will pay" not in owner.get(f"/agency/accounts/{allocation.id}").text
    assert len(world.session.scalars(select(CaseNote.id)).all()) == 3


def test_a_plan_and_a_referral_go_their_way(world: World, browser: Callable[[str], Any]) -> None:
    owner, maker, checker = browser(OWNER), browser(MAKER), browser(CHECKER)
    plan = {"loan_account_no": "NPA00001", "amount": "15,000", "from_on": "2026-11-10", "count": "3"}
    plan |= {"first_on": "2026-11-13", "mode": "upi", "reason": "From the next salary."}
    page = post(owner, "/agency/plans/new", **plan | {"amount": "100"}).text
    assert "A plan pays all that is overdue" in page
    assert "the bank accepts it" in post(owner, "/agency/plans/new", **plan).text
    made = world.session.scalars(select(RepaymentPlan)).one()
    assert "Accepted: it runs" in post(maker, f"/bank/plans/{made.id}", f"/bank/plans/{made.id}/accept").text
    assert "5,000.00" in owner.get(f"/agency/plans/{made.id}").text
    assert "To be reminded today" in maker.get("/bank/plans").text
    assert (
        "NPA00001" in maker.get("/bank/plans/reminders.csv").text
        and "NPA00001" in maker.get("/bank/plans/export.csv").text
    )
    ended = post(checker, f"/bank/plans/{made.id}", f"/bank/plans/{made.id}/cancel", reason="Moved.").text
    assert "It ended" in ended and "cancelled" in owner.get("/agency/plans").text.lower()
    ask = {"loan_account_no": "NPA00001", "kind": "hardship", "partner": "Disha", "consent_on": "2026-11-09"}
    ask |= {"consent_how": "letter", "reason": "In hospital."}
    assert "Asked for" in post(owner, "/agency/referrals/new", **ask).text
    asked = world.session.scalars(select(Referral)).one()
    path = f"/bank/referrals/{asked.id}"
    assert "put on hold: illness" in post(maker, path, f"{path}/accept", hold_cause="medical").text
    assert "On hold" in maker.get("/bank/accounts/NPA00001").text
    assert "Closed." in post(maker, path, f"{path}/close", outcome="Works again.").text
    assert "Works again." in owner.get("/agency/referrals").text
    assert "Disha" in maker.get("/bank/referrals/export.csv").text
    for page in ("/bank/plans/new", "/bank/referrals/new", "/bank/referrals"):
        assert maker.get(page).status_code == 200
