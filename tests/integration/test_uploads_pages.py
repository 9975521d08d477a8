"""The upload pages as an accountant uses them, with a worker behind; and what the bank sees and decides."""

from __future__ import annotations

import io
from typing import Any

import pytest
from sqlalchemy import select

from allocations.agencies.models import Agency
from allocations.collections.models import Collection, CollectionCorrection, Upload
from portal.kernel.clock import FixedClock
from portal.kernel.db import PortalSession
from portal.kernel.jobs import Worker
from portal.worker import JobServices, make_worker
from tests.factories.browser import once_in
from tests.factories.world import a_user, an_account, an_agency, an_allocation

HEADER = "receipt_no,loan_account_no,amount,collected_on,mode,instrument_ref"
GOOD = f"{HEADER}\nR1,LN1,100,2026-11-09,cash,\nR2,LN2,250.50,2026-11-09,UPI,UTR9\n"
ACCOUNTANT, MAKER = "accounts@shakti.example", "maker@bank.example"


@pytest.fixture
def shakti(bank_session: PortalSession) -> Agency:
    shakti = an_agency(bank_session, "SHAKTI")
    for no in ("LN1", "LN2", "LN3"):
        an_allocation(bank_session, an_account(bank_session, no), shakti)
    a_user(bank_session, ACCOUNTANT, "agency_accountant", shakti)
    a_user(bank_session, MAKER, "bank_operator")
    bank_session.commit()
    return shakti


@pytest.fixture
def work(app: Any, settings: Any, database: Any, clock: FixedClock, shakti: Agency) -> Any:
    """A worker comes and goes."""
    make_worker(settings, database.logins, clock)
    services = JobServices(settings, app.extensions["portal.files"])
    return lambda: Worker(database.logins, clock, services, heartbeat_seconds=0.2).run(wait=False)


@pytest.fixture
def accountant(browse: Any, shakti: Agency) -> Any:
    return browse(ACCOUNTANT)


def hand_in(who: Any, text: str, name: str = "october.csv") -> str:
    """Hand in a file; where the page goes."""
    once = once_in(who.get("/agency/uploads/new").text)
    answer = who.post("/agency/uploads/new", {"once": once, "file": (io.BytesIO(text.encode()), name)})
    assert answer.status_code == 302
    return str(answer.headers["Location"])


def press(who: Any, at: str, act: str, **fields: Any) -> Any:
    return who.post(f"{at}/{act}", {"once": once_in(who.get(at).text), **fields})


def test_a_file_is_read_seen_and_stored(accountant: Any, work: Any, bank_session: PortalSession) -> None:
    at = hand_in(accountant, GOOD + "R3,LN9,5,2026-11-09,cash,\n")
    page = accountant.get(at).text
    assert f'data-job="{at}/job"' in page and "Nothing is stored yet" in page
    assert accountant.get(f"{at}/job").json["status"] == "waiting"
    work()
    assert accountant.get(f"{at}/job").json["status"] == "done"
    page = accountant.get(at).text
    assert "2</b> of 3 rows would be stored" in page and "₹350.50" in page and "unknown_account" in page
    assert "Store 2 rows" in page and "Correct and hand in again" in page and "Drop this file" in page
    assert b"LN9" in accountant.get(f"{at}/rejected.csv").data
    assert bank_session.scalars(select(Collection)).all() == []
    assert press(accountant, at, "store").status_code == 302
    assert "are being stored" in accountant.get(at).text
    work()
    page = accountant.get(at).text
    assert "2</b> of 3 rows stored" in page and "R2" in page and "Check it again" in page
    assert "1 comes back" in page
    assert "66.7 %" in accountant.get("/agency/uploads").text


def test_the_same_file_twice_is_said_at_once(accountant: Any, work: Any) -> None:
    at = hand_in(accountant, GOOD)
    assert hand_in(accountant, GOOD, "again.csv") == at
    assert "You handed in this file before" in accountant.get(at).text
    work()
    press(accountant, at, "store")
    work()
    assert hand_in(accountant, GOOD) == at
    assert "Nothing changed" in accountant.get(at).text


def test_a_double_click_hands_in_and_stores_once(accountant: Any, work: Any, bank_session: PortalSession) -> None:
    once = once_in(accountant.get("/agency/uploads/new").text)
    sent = [
        accountant.post("/agency/uploads/new", {"once": once, "file": (io.BytesIO(GOOD.encode()), "a.csv")})
        for _ in (1, 2)
    ]
    assert [answer.status_code for answer in sent] == [302, 409]
    work()
    at = sent[0].headers["Location"]
    token = once_in(accountant.get(at).text)
    assert [accountant.post(f"{at}/store", {"once": token}).status_code for _ in (1, 2)] == [302, 409]
    work()
    bank_session.rollback()
    assert len(bank_session.scalars(select(Collection)).all()) == 2


def test_columns_and_dates_are_asked_on_the_page(accountant: Any, work: Any) -> None:
    text = "slip;kya;kitna;kab;kaise\nR1;LN1;100;03/10/2026;cash\n"
    at = hand_in(accountant, text)
    work()
    page = accountant.get(at).text
    assert "<b>3 Oct 2026</b>: the day comes first" not in page, "no column of dates is known yet"
    assert "kitna (100)" in page and "Choose one" in page
    columns = {"map-receipt_no": "slip", "map-loan_account_no": "kya", "map-amount": "kitna", "map-collected_on": "kab"}
    wrong = press(accountant, at, "answer", about="columns", **columns, **{"map-mode": "kitna"})
    assert wrong.status_code == 422 and "is chosen for amount and mode" in wrong.text
    assert press(accountant, at, "answer", about="columns", **columns, **{"map-mode": ""}).status_code == 422
    columns["map-mode"] = "kaise"
    assert press(accountant, at, "answer", about="columns", **columns).status_code == 302
    work()
    page = accountant.get(at).text
    assert "<b>3 Oct 2026</b>: the day comes first" in page and "<b>10 Mar 2026</b>: the month comes first" in page
    press(accountant, at, "answer", about="columns", date_order="dmy", **columns)
    work()
    page = accountant.get(at).text
    assert "1</b> of 1 row would be stored" in page and "3 Oct 2026" in page
    assert "map-amount" in accountant.get(f"{at}/layout").text
    press(accountant, at, "store")
    work()
    again = hand_in(accountant, text.replace("R1", "R2"))
    work()
    assert "Read like your upload of 10 Nov 2026" in accountant.get(again).text


def test_the_table_is_found_where_a_person_says(accountant: Any, work: Any) -> None:
    at = hand_in(accountant, GOOD)
    work()
    token = once_in(accountant.get(at).text)
    for wrong in ({"header_row": "0"}, {"header_row": "x"}, {"sheet": "March"}, {"encoding": "klingon"}):
        answer = accountant.post(f"{at}/answer", {"once": token, "about": "places", **wrong})
        assert answer.status_code == 422
    assert accountant.post(f"{at}/answer", {"once": token, "about": "places", "header_row": "1"}).status_code == 302
    work()
    assert "Store 2 rows" in accountant.get(at).text


def test_a_dropped_file_is_gone_and_can_come_again(accountant: Any, work: Any) -> None:
    at = hand_in(accountant, GOOD)
    work()
    assert press(accountant, at, "drop").headers["Location"] == "/agency/uploads"
    assert "dropped" in accountant.get(at).text
    assert hand_in(accountant, GOOD) != at


def test_a_correction_is_proposed_seen_and_decided(
    accountant: Any, browse: Any, work: Any, bank_session: PortalSession
) -> None:
    first = hand_in(accountant, GOOD)
    work()
    press(accountant, first, "store")
    work()
    at = hand_in(accountant, GOOD.replace("LN1,100", "LN1,120"))
    work()
    page = accountant.get(at).text
    assert "₹100.00 → <b>₹120.00</b>" in page and "Propose 1 correction" in page
    press(accountant, at, "store")
    work()
    bank_session.rollback()
    ref = bank_session.scalars(select(CollectionCorrection.ref)).one()
    assert ref in accountant.get(at).text and ref in accountant.get("/agency/corrections").text
    assert "Withdraw this correction" in accountant.get(f"/agency/corrections/{ref}").text
    maker = browse(MAKER)
    assert ref in maker.get("/bank/corrections").text
    path = f"/bank/corrections/{ref}"
    assert "As reported" in maker.get(path).text
    assert press(maker, path, "decline", reason="").status_code == 422
    assert press(maker, path, "accept", reason="As on the slip").status_code == 302
    page = maker.get(path).text
    assert "is accepted" in page and "Version 1" in page
    bank_session.rollback()
    assert bank_session.scalars(select(Collection.amount_minor).where(Collection.receipt_no == "R1")).one() == 12_000
    assert "Accepted on" in accountant.get(f"/agency/corrections/{ref}").text


def test_an_agency_withdraws_its_own_correction(accountant: Any, work: Any, bank_session: PortalSession) -> None:
    for text in (GOOD, GOOD.replace("LN1,100", "LN1,120")):
        at = hand_in(accountant, text)
        work()
        press(accountant, at, "store")
        work()
    ref = bank_session.scalars(select(CollectionCorrection.ref)).one()
    path = f"/agency/corrections/{ref}"
    token = once_in(accountant.get(path).text)
    assert accountant.post(f"{path}/withdraw", {"once": token}).status_code == 302
    assert "Withdrawn" in accountant.get(path).text
    assert accountant.post(f"{path}/withdraw", {"once": token}).status_code == 409


def test_the_bank_sees_every_agencys_files_and_grades(
    accountant: Any, browse: Any, work: Any, bank_session: PortalSession
) -> None:
    at = hand_in(accountant, GOOD + "R3,LN9,5,2026-11-09,cash,\n")
    work()
    press(accountant, at, "store")
    work()
    maker = browse(MAKER)
    page = maker.get("/bank/uploads").text
    assert "66.7 %" in page and "october.csv" in page
    assert "october.csv" not in maker.get("/bank/uploads?agency=NONE").text
    assert "october.csv" in maker.get("/bank/uploads?problems=1&status=stored_in_part").text
    ref = bank_session.scalars(select(Upload.ref)).one()
    assert "unknown_account" in maker.get(f"/bank/uploads/{ref}").text
    assert maker.get("/bank/uploads/NONE").status_code == 404


def test_files_are_the_offices_business_and_no_field_agents(
    accountant: Any, browse: Any, bank_session: PortalSession, shakti: Agency
) -> None:
    """A file holds everybody's receipts, also those of accounts a field agent is not to see."""
    at = hand_in(accountant, GOOD)
    a_user(bank_session, "asha@shakti.example", "field_agent", shakti)
    bank_session.commit()
    asha = browse("asha@shakti.example")
    for path in (
        at,
        f"{at}/job",
        f"{at}/rejected.csv",
        "/agency/uploads",
        "/agency/uploads/new",
        "/agency/corrections",
    ):
        assert asha.get(path).status_code == 403, path
    assert "/agency/uploads" not in asha.get("/agency/collections").text
