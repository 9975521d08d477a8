"""The bank's pages of events, adjustments, measures and compromises, and an agency's own: who sees, proposes and decides what."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.casework.models import OneTimeSettlement
from allocations.scorecards.models import AgencyMeasure
from payouts.commission.event_models import EarningEvent, ManualAdjustment
from tests.factories.accrual import World
from tests.factories.earning import card_file
from tests.factories.month import a_bank_detail
from tests.factories.world import a_user, an_agency

MAKER, CHECKER, OWNER, RIVAL = (
    "maker@bank.example",
    "checker@bank.example",
    "owner@shakti.example",
    "owner@vega.example",
)
ONCE = re.compile(r'name="once"[^>]*value="([^"]+)"')


@pytest.fixture
def world(bank_session: Session, now: datetime) -> World:
    """Two agencies, an account of the first, a card that pays for visits, and four people. Committed."""
    world = World(bank_session, now)
    for email, role in ((MAKER, "bank_operator"), (CHECKER, "bank_approver"), ("auditor@bank.example", "auditor")):
        a_user(bank_session, email, role)
    shakti, vega = an_agency(bank_session), an_agency(bank_session, "VEGA", pan="AAPFU0940F")
    a_bank_detail(bank_session, shakti)
    a_user(bank_session, OWNER, "agency_owner", shakti)
    a_user(bank_session, RIVAL, "agency_owner", vega)
    world.allocation(shakti, "LN1", product="2W")
    card_file(world, "d_field.toml")
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
    if expected := re.search(r'name="expected"[^>]*value="([^"]+)"', shown):
        values.setdefault("expected", expected[1])
    return who.post(path or page, {"once": token[1], **values}, follow_redirects=True)


EVENT = {"event": "visit", "occurred_on": "2026-10-12", "loan_account_no": "LN1", "count": "1", "days": "1"}


def propose(browser: Callable[[str], Any], **changes: Any) -> str:
    page = post(browser(MAKER), "/bank/events/new", agency="SHAKTI", **EVENT | changes)
    found = re.search(r"E-SHAKTI-\d+-[0-9A-F]+", page.text)
    assert found, page.text
    return found[0]


def test_a_maker_proposes_and_a_checker_accepts(world: World, browser: Callable[[str], Any]) -> None:
    ref = propose(browser)
    page = browser(MAKER).get(f"/bank/events/{ref}").text
    assert "It waits for another person" in page and "₹150.00" in page
    assert browser(MAKER).post(f"/bank/events/{ref}/accept", {}).status_code == 403
    assert "Accept this event" in browser(CHECKER).get(f"/bank/events/{ref}").text
    page = post(browser(CHECKER), f"/bank/events/{ref}", f"/bank/events/{ref}/accept", reason="Seen.").text
    assert "the next accrual counts it" in page
    world.accrue()
    world.session.commit()
    assert "It is in the books" in browser(MAKER).get(f"/bank/events/{ref}").text
    line = re.search(r"A2610[^\"<]+", browser(MAKER).get(f"/bank/events/{ref}").text)
    assert line and ref in browser(MAKER).get(f"/bank/commission/line/{line[0]}").text
    assert ref in browser(OWNER).get(f"/agency/commission/line/{line[0]}").text
    own = browser(OWNER).get(f"/agency/events/{ref}").text
    assert "It is in your commission" in own and "₹150.00" in own and "checker@bank" not in own


def test_faults_of_an_event_stay_on_its_form(world: World, browser: Callable[[str], Any]) -> None:
    page = post(browser(MAKER), "/bank/events/new", agency="SHAKTI", **EVENT | {"amount": "1.2.3"})
    assert page.status_code == 422 and "It was not proposed" in page.text
    page = post(browser(MAKER), "/bank/events/new", agency="SHAKTI", **EVENT | {"loan_account_no": "LN9"})
    assert "never allocated" in page.text
    other = {"event": "other", "other": "Vehicle tow", "loan_account_no": ""}
    ref = propose(browser, **other)
    assert "Vehicle tow" in browser(MAKER).get(f"/bank/events/{ref}").text
    propose(browser)
    assert "says the same" in post(browser(MAKER), "/bank/events/new", agency="SHAKTI", **EVENT).text


def test_a_selection_shows_what_it_comes_to_before_it_is_accepted(world: World, browser: Callable[[str], Any]) -> None:
    for day in ("2026-10-10", "2026-10-11"):
        propose(browser, occurred_on=day, count="3")
    one = propose(browser, occurred_on="2026-10-13")
    page = browser(CHECKER).get("/bank/events/accept?period=2026-10&status=proposed&gate=passed").text
    assert "Accept 3 events" in page and "₹1,050.00" in page
    assert "Accept 1 event" in browser(CHECKER).get(f"/bank/events/accept?ref={one}").text
    query = {"query": f"ref={one}"}
    done = post(browser(CHECKER), f"/bank/events/accept?ref={one}", "/bank/events/accept", **query)
    assert "1 event accepted as shown" in done.text
    stale = {"query": "period=2026-10", "expected": "0" * 64}
    refused = post(browser(CHECKER), "/bank/events/accept?period=2026-10", "/bank/events/accept", **stale)
    assert refused.status_code == 409 and "Nothing was accepted" in refused.text
    query = {"query": "period=2026-10"}
    done = post(browser(CHECKER), "/bank/events/accept?period=2026-10", "/bank/events/accept", **query)
    assert "2 events accepted as shown" in done.text
    states = world.session.scalars(select(EarningEvent.status).distinct()).all()
    assert states == ["accepted"]
    assert "There is nothing to accept" in browser(CHECKER).get("/bank/events/accept?period=2026-10").text


def test_lists_are_narrowed_and_exported(world: World, browser: Callable[[str], Any]) -> None:
    ref = propose(browser)
    assert ref in browser(CHECKER).get("/bank/events?period=2026-10&agency=SHAKTI&status=proposed&text=LN1").text
    assert "No event fits" in browser(CHECKER).get("/bank/events?agency=VEGA").text
    told = browser(CHECKER).get("/bank/events/export.csv?status=proposed").text
    assert told.splitlines()[0].lstrip("\ufeff").startswith("ref,agency_code,event") and ref in told
    for path in ("adjustments", "measures", "compromises"):
        assert browser(CHECKER).get(f"/bank/{path}/export.csv").status_code == 200
        assert browser("auditor@bank.example").get(f"/bank/{path}").status_code == 200


def test_a_file_and_a_search_propose(world: World, browser: Callable[[str], Any]) -> None:
    file = (io.BytesIO(b"event,occurred_on\nvisit,2026-10-12\nvisit,2026-13-12\n"), "e.csv")
    page = post(browser(MAKER), "/bank/events/import", agency="SHAKTI", file=file, date_order="")
    assert "1 of 2 rows were not stored" in page.text
    page = post(browser(MAKER), "/bank/events", "/bank/events/find", period="2026-10")
    assert "Nothing new in October 2026" in page.text
    slip = {"deposit_slip_no": "S1", "slip_key": "S1", "deposited_on": date(2026, 10, 9)}
    shakti = world.session.scalars(select(Agency).where(Agency.code == "SHAKTI")).one()
    world.collection(shakti, 1_000, date(2026, 10, 5), mode="cash", **slip)
    world.session.commit()
    page = post(browser(MAKER), "/bank/events", "/bank/events/find", period="2026-10")
    assert "1 × cash paid in late" in page.text and "S1" in page.text


def test_an_agency_claims_and_hands_in_again(world: World, browser: Callable[[str], Any]) -> None:
    page = post(browser(OWNER), "/agency/events/new", **EVENT | {"event": "repossession"}).text
    ref = re.findall(r"E-SHAKTI-\d+-[0-9A-F]+", page)[0]
    assert "It waits for the bank" in page and "Take it back" in page
    assert browser(RIVAL).get(f"/agency/events/{ref}").status_code == 404
    page = post(browser(CHECKER), f"/bank/events/{ref}", f"/bank/events/{ref}/reject", reason="No papers.").text
    assert "Rejected by" in page
    page = browser(OWNER).get(f"/agency/events/{ref}").text
    assert "No papers." in page and "Hand it in again" in page
    page = post(browser(OWNER), f"/agency/events/{ref}", f"/agency/events/{ref}/again", note="Papers are in.").text
    assert "Handed in again as" in page and "Take it back" in page
    again = next(each for each in re.findall(r"E-SHAKTI-\d+-[0-9A-F]+", page) if each != ref)
    assert again in browser(OWNER).get("/agency/events").text
    assert "is taken back" in post(browser(OWNER), f"/agency/events/{again}", f"/agency/events/{again}/withdraw").text


def test_an_agency_claims_with_a_file_of_its_own(world: World, browser: Callable[[str], Any]) -> None:
    rows = b"agency_code,event,occurred_on,count\n,parking_day,2026-10-12,3\nVEGA,parking_day,2026-10-13,1\n"
    for said in ("1 new", "1 known already"):
        page = post(browser(OWNER), "/agency/events/import", file=(io.BytesIO(rows), "e.csv"), date_order="").text
        assert "1 of 2 rows were not stored" in page and "Leave the row out" in page and said in page
    back = re.search(r"/agency/events/import/rejected/[0-9a-f]{64}", page)
    assert back
    file = browser(OWNER).get(back[0])
    header, row = file.data.decode("utf-8-sig").splitlines()
    assert header.startswith("agency_code,event,occurred_on,count") and row.startswith("VEGA,parking_day,2026-10-13,1")
    assert "error_code" in header and "rejected-e.csv" in file.headers["Content-Disposition"]
    assert browser(RIVAL).get(back[0]).status_code == 404
    claim = world.session.scalars(select(EarningEvent)).one()
    assert (claim.source, claim.count, claim.proposed_by) == ("agency", 3, OWNER)
    page = post(browser(OWNER), "/agency/events/import", file=(io.BytesIO(b"what\n1\n"), "e.csv"), date_order="")
    assert page.status_code == 422


def test_an_adjustment_is_entered_and_decided(world: World, browser: Callable[[str], Any]) -> None:
    form = {"agency": "SHAKTI", "period": "2026-10", "kind": "penalty", "amount": "1,500", "reason": "Lost keys."}
    page = post(browser(MAKER), "/bank/adjustments/new", **form | {"about_ref": "A9"})
    assert page.status_code == 422 and "no such accrual line" in page.text
    page = post(browser(MAKER), "/bank/adjustments/new", **form).text
    made = world.session.scalars(select(ManualAdjustment)).one()
    assert made.amount_minor == -150_000 and made.ref in page
    path = f"/bank/adjustments/{made.ref}"
    assert browser(MAKER).post(f"{path}/accept", {}).status_code == 403
    assert "is accepted" in post(browser(CHECKER), path, f"{path}/accept", reason="").text
    assert "Lost keys." in browser(OWNER).get("/agency/events").text
    world.accrue()
    world.session.commit()
    page = browser(CHECKER).get(path).text
    line = re.search(r"A2610[^\"<]+", page)
    assert "It is in the books" in page and line
    assert made.ref in browser(CHECKER).get(f"/bank/commission/line/{line[0]}").text
    assert made.ref in browser(CHECKER).get("/bank/adjustments?period=2026-10&status=accepted").text


def test_a_measure_is_entered_and_decided(world: World, browser: Callable[[str], Any]) -> None:
    form = {"agency": "SHAKTI", "period": "2026-10", "measure": "score", "value": "120", "reason": "Scorecard."}
    assert "A score is 0 to 100" in post(browser(MAKER), "/bank/measures/new", **form).text
    post(browser(MAKER), "/bank/measures/new", **form | {"value": "82.50"})
    assert "waits for its second person" in post(browser(MAKER), "/bank/measures/new", **form | {"value": "83"}).text
    made = world.session.scalars(select(AgencyMeasure)).one()
    path = f"/bank/measures/{made.id}"
    assert browser(MAKER).post(f"{path}/approve", {}).status_code == 403
    assert "Approved" in post(browser(CHECKER), path, f"{path}/approve").text
    post(browser(MAKER), "/bank/measures/new", **form | {"value": "90"})
    page = browser(CHECKER).get(f"/bank/measures/{made.id + 1}").text
    assert "82.50 stands until" in page and "82.50 is replaced" in page
    page = post(browser(MAKER), f"/bank/measures/{made.id + 1}", f"/bank/measures/{made.id + 1}/withdraw").text
    assert "Withdrawn" in page


def test_a_compromise_is_entered_decided_and_broken(world: World, browser: Callable[[str], Any]) -> None:
    form = {"loan_account_no": "LN1", "kind": "ots", "amount": "40,000", "from_on": "2026-10-05", "reason": "Letter."}
    assert "Check the number" in post(browser(MAKER), "/bank/compromises/new", **form | {"loan_account_no": "X"}).text
    post(browser(MAKER), "/bank/compromises/new", **form)
    made = world.session.scalars(select(OneTimeSettlement)).one()
    path = f"/bank/compromises/{made.id}"
    assert browser(MAKER).post(f"{path}/approve", {}).status_code == 403
    assert "Approved" in post(browser(CHECKER), path, f"{path}/approve").text
    assert "Another compromise" in post(browser(MAKER), "/bank/compromises/new", **form).text
    late = {"last_on": "2027-01-01", "reason": "Not paid."}
    assert "It broke while it stood" in post(browser(CHECKER), path, f"{path}/break", **late).text
    done = post(browser(CHECKER), path, f"{path}/break", **late | {"last_on": "2026-10-20"}).text
    assert "It is broken" in done and "LN1" in browser(CHECKER).get("/bank/compromises?status=broken").text
