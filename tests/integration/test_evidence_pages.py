"""The pages of evidence: an agency hands in and reads what became of it; a reviewer decides, and nobody sees what is not theirs."""

from __future__ import annotations

import io
import re
from datetime import date

import pytest

from allocations.agencies.models import DatedSetting
from allocations.collections.models import Deposit
from portal.stores import file_store_of
from tests.factories.accrual import NOVEMBER, World
from tests.factories.browser import once_in
from tests.factories.evidence import Field, a_photo
from tests.factories.world import a_user

PHOTO = a_photo(1, taken_at="2026:11:10 11:50:00", latitude=19.0761, longitude=72.8777, software="Snapseed")
OWNER, AGENT, OTHER, VEGA = "owner@shakti.example", "agent@shakti.example", "other@shakti.example", "owner@vega.example"
MAKER, CHECKER, AUDITOR = "maker@bank.example", "checker@bank.example", "auditor@bank.example"


@pytest.fixture
def field(bank_session, settings, now):
    made = Field(bank_session, file_store_of(settings), now)
    shakti, vega = made.agency("SHAKTI"), made.agency("VEGA")
    a_user(bank_session, OWNER, "agency_owner", shakti)
    a_user(bank_session, AGENT, "field_agent", shakti)
    a_user(bank_session, OTHER, "field_agent", shakti)
    a_user(bank_session, VEGA, "agency_owner", vega)
    for email, role in ((MAKER, "bank_operator"), (CHECKER, "bank_approver"), (AUDITOR, "auditor")):
        a_user(bank_session, email, role)
    return made


@pytest.fixture
def receipt(field, bank_session):
    row = field.receipt(reported_by=AGENT)
    bank_session.commit()
    return row


def hand_in(browser, path, data=PHOTO, name="IMG_0001.jpg", kind="receipt"):
    page = browser.get(path)
    return browser.post(path, {"once": once_in(page.text), "kind": kind, "file": (io.BytesIO(data), name)})


def decision(page, name):
    """The hidden fields of the reviewer's form as the page has them."""
    found = re.search(rf'name="{name}"[^>]*value="([^"]*)"', page)
    return found[1] if found else ""


def decide(browser, ref, action, **more):
    page = browser.get(f"/bank/evidence/{ref}").text
    given = {"once": once_in(page), "seen": decision(page, "seen"), "next": decision(page, "next")} | more
    return browser.post(f"/bank/evidence/{ref}/{action}", given)


# --- handing in


def test_a_photo_is_handed_in_for_a_receipt_and_shown_when_it_has_been_looked_into(receipt, browse, work, bank_session):
    browser = browse(OWNER)
    answer = hand_in(browser, f"/agency/evidence/add?collection={receipt.id}")
    assert answer.status_code == 302
    assert "Being looked into" in browser.get(answer.location).text
    work()
    page = browser.get(answer.location).text
    assert "To be reviewed" in page and re.search(r'<img src="/files/[^"]+" alt="Receipt EV-SHAKTI-', page)


def test_what_is_wrong_with_a_file_stands_on_the_page(receipt, browse):
    answer = hand_in(browse(OWNER), f"/agency/evidence/add?collection={receipt.id}", b"<svg onload=alert(1)>", "x.jpg")
    assert answer.status_code == 422
    assert "is an SVG drawing" in answer.text and "Take a photo" in answer.text


def test_the_form_offers_what_is_missing_first(field, receipt, browse, bank_session):
    bank_session.add(
        DatedSetting(
            code="evidence.required",
            value=[{"mode": "cash", "from_minor": 0, "kinds": ["premises"]}],
            effective_from=date(2026, 11, 1),
            source="test",
        )
    )
    bank_session.commit()
    page = browse(OWNER).get(f"/agency/evidence/add?collection={receipt.id}").text
    assert "It needs <b>premises</b>" in page and '<option selected value="premises">' in page
    listed = browse(OWNER).get("/agency/evidence").text
    assert "Needs premises" in listed and receipt.receipt_no in listed


def test_a_visit_and_a_deposit_take_evidence_too(field, browse, bank_session):
    visit = field.visit()
    bank_session.commit()
    assert f"/agency/evidence/add?contact={visit.id}" in browse(OWNER).get("/agency/contacts").text
    assert '<option selected value="premises">' in browse(OWNER).get(f"/agency/evidence/add?contact={visit.id}").text
    assert hand_in(browse(OWNER), f"/agency/evidence/add?contact={visit.id}", kind="premises").status_code == 302


@pytest.mark.parametrize("email", [VEGA, OTHER])
def test_a_receipt_of_others_takes_nothing(receipt, browse, email):
    assert browse(email).get(f"/agency/evidence/add?collection={receipt.id}").status_code == 404
    assert browse(email).get("/agency/evidence/add").status_code == 400


# --- seeing it


def test_one_agency_sees_nothing_of_anothers(field, browse, work):
    mine = field.hand_in(PHOTO, field.receipt("SHAKTI"))
    theirs = field.hand_in(PHOTO, field.receipt("VEGA"))
    work()
    page = browse(VEGA).get("/agency/evidence").text
    assert theirs.ref in page and mine.ref not in page
    own = browse(VEGA).get(f"/agency/evidence/{theirs.ref}")
    assert own.status_code == 200
    main = own.text.split("<main", 1)[1]
    assert not [word for word in ("flag", "Look twice", "same", "Snapseed") if word in main]
    foreign, missing = (browse(VEGA).get(f"/agency/evidence/{ref}") for ref in (mine.ref, "EV-NONE"))
    assert re.sub(r'nonce="[^"]*"', "", foreign.text) == re.sub(r'nonce="[^"]*"', "", missing.text)
    assert foreign.status_code == 404


def test_a_field_agent_sees_their_own_pieces_alone(field, browse, work):
    piece = field.hand_in(PHOTO)  # handed in by agent@shakti.example
    work()
    assert piece.ref in browse(AGENT).get("/agency/evidence").text
    assert piece.ref not in browse(OTHER).get("/agency/evidence").text
    assert browse(OTHER).get(f"/agency/evidence/{piece.ref}").status_code == 404


def test_after_a_recall_the_row_stays_and_its_picture_is_closed(field, browse, work, database):
    piece = field.hand_in(PHOTO)
    work()
    database.execute("update allocations set to_on = '2026-11-09'")
    page = browse(OWNER).get(f"/agency/evidence/{piece.ref}").text
    assert "not with you any more" in page and "/files/" not in page
    listed = browse(OWNER).get("/agency/evidence").text
    assert piece.ref in listed and "/files/" not in listed


def test_a_page_of_small_pictures_is_one_line_in_the_log(field, browse, work, database):
    for seed in (1, 2, 3):
        field.hand_in(a_photo(seed))
    work()
    browse(OWNER).get("/agency/evidence")
    rows = database.execute(
        "select actor, body::jsonb #>> '{data,count}' from audit_events where tag = 'evidence:read'"
    )
    assert rows == [(OWNER, "3")]


# --- reviewing


def test_a_question_reaches_the_agency_with_its_reason(field, browse, work):
    piece = field.hand_in(PHOTO)
    work()
    assert decide(browse(MAKER), piece.ref, "question", reason="The amount cannot be read.").status_code == 302
    page = browse(OWNER).get(f"/agency/evidence/{piece.ref}").text
    assert "The bank questions this piece" in page and "The amount cannot be read." in page
    assert "The amount cannot be read." in browse(OWNER).get("/agency/evidence").text


def test_a_question_without_a_reason_stays_on_the_page(field, browse, work):
    piece = field.hand_in(PHOTO)
    work()
    answer = decide(browse(MAKER), piece.ref, "question", reason="  ")
    assert answer.status_code == 422 and "needs its reason" in answer.text
    assert piece.review == "waiting"


def test_deciding_goes_on_to_the_next_piece_of_the_list(field, browse, work):
    first, second = field.hand_in(a_photo(1)), field.hand_in(a_photo(2))
    work()
    browser = browse(CHECKER)
    answer = decide(browser, first.ref, "accept")
    assert answer.location.startswith(f"/bank/evidence/{second.ref}")
    answer = decide(browser, second.ref, "accept")
    assert answer.location.startswith("/bank/evidence?") or answer.location == "/bank/evidence"


def test_a_stale_page_decides_nothing(field, browse, work, bank_session):
    piece = field.hand_in(PHOTO)
    work()
    late = browse(CHECKER)
    page = late.get(f"/bank/evidence/{piece.ref}").text
    decide(browse(MAKER), piece.ref, "accept")
    given = {"once": once_in(page), "seen": "waiting", "next": "", "reason": "No."}
    answer = late.post(f"/bank/evidence/{piece.ref}/question", given)
    assert answer.status_code == 409
    bank_session.expire_all()
    assert piece.review == "accepted"


def test_the_reviewer_sees_flags_claims_and_the_other_piece_beside_it(field, browse, work):
    field.hand_in(PHOTO, field.receipt("VEGA"))
    second = field.hand_in(PHOTO, field.receipt("SHAKTI", mode="cash"))
    work()
    page = browse(MAKER).get(f"/bank/evidence/{second.ref}").text
    for words in ("The very same file", "Vega Recovery", "Saved by Snapseed", "10 Nov 2026, 11:50", "from the address"):
        assert words in page, words
    listed = browse(AUDITOR).get("/bank/evidence?flagged=yes").text
    assert second.ref in listed and "The very same file" in listed


def test_filters_choose_and_reading_roles_cannot_decide(field, browse, work):
    mine, theirs = field.hand_in(a_photo(1), field.receipt("SHAKTI")), field.hand_in(a_photo(2), field.receipt("VEGA"))
    work()
    auditor = browse(AUDITOR)
    listed = auditor.get("/bank/evidence?agency=VEGA&state=waiting").text
    assert theirs.ref in listed and mine.ref not in listed
    assert mine.ref not in auditor.get("/bank/evidence?day=2026-11-09").text
    assert mine.ref not in auditor.get("/bank/evidence?agency=NOBODY").text
    assert "Accept it" not in auditor.get(f"/bank/evidence/{mine.ref}").text
    assert auditor.post(f"/bank/evidence/{mine.ref}/accept", {"once": "x" * 20}).status_code == 403


def test_a_legal_hold_is_set_and_let_go_with_a_reason(field, browse, work, bank_session):
    piece = field.hand_in(PHOTO)
    work()
    browser = browse(CHECKER)

    def send(held, reason):
        page = browser.get(f"/bank/evidence/{piece.ref}").text
        given = {"once": once_in(page), "held": held, "hold_reason": reason}
        answer = browser.post(f"/bank/evidence/{piece.ref}/hold", given)
        bank_session.expire_all()
        return answer.status_code, piece.legal_hold

    assert send("yes", "") == (422, False)
    assert send("yes", "Case 12/2026") == (302, True)
    assert "On legal hold" in browser.get(f"/bank/evidence/{piece.ref}").text
    assert send("no", "Case closed") == (302, False)
    assert browse(MAKER).post(f"/bank/evidence/{piece.ref}/hold", {"once": "x" * 20}).status_code == 403


# --- what it has to do with money


def test_the_home_page_names_missing_evidence_and_leads_to_it(field, bank_session, browse, now):
    world = World(bank_session, now)
    world.card("0.05")
    rule = [{"mode": "cash", "from_minor": 0, "kinds": ["receipt"]}]
    bank_session.add(
        DatedSetting(code="evidence.required", value=rule, effective_from=date(2026, 11, 1), source="test")
    )
    row = world.collection(field.agency("SHAKTI"), mode="cash", day=date(2026, 11, 5))
    world.confirm(row)
    world.accrue(NOVEMBER)
    bank_session.commit()
    home = browse(OWNER).get("/agency?period=2026-11").text
    assert "Its evidence is missing or questioned" in home
    assert 'href="/agency/evidence?period=2026-11">Add it</a>' in home
    page = browse(OWNER).get("/agency/evidence?period=2026-11").text
    assert row.receipt_no in page and f"/agency/evidence/add?collection={row.id}" in page
    assert "Missing: receipt" in browse(OWNER).get(f"/agency/collections/{row.id}").text


def test_a_slip_is_handed_in_once_and_shown_with_its_deposit(field, receipt, browse, work, bank_session, now):
    given = {"agency_id": field.agency("SHAKTI").id, "slip_no": "S9", "slip_key": "S9", "amount_minor": 5_000_00}
    slip = Deposit(**given, currency="INR", deposited_on=date(2026, 11, 10), recorded_by=OWNER, recorded_at=now)
    bank_session.add(slip)
    bank_session.commit()
    browser = browse(OWNER)
    answer = hand_in(browser, f"/agency/evidence/add?deposit={slip.id}", kind="deposit_slip")
    work()
    page = browser.get(f"/agency/deposits/{slip.id}").text
    assert answer.location.rpartition("/")[2] in page and f"/agency/evidence/add?deposit={slip.id}" in page
    assert browse(VEGA).get(f"/agency/evidence/add?deposit={slip.id}").status_code == 404
    assert browse(OTHER).get(f"/agency/evidence/add?deposit={slip.id}").status_code == 404
