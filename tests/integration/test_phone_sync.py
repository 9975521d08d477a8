"""What a phone sends: exactly once, each entry by itself, refused in words, and never as somebody else."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest

from allocations.placements.models import Allocation
from portal.access.users import disable_user, find_user
from portal.kernel.clock import FixedClock
from portal.kernel.db import PortalSession, unit_of_work
from tests.factories.browser import Browser
from tests.factories.field import (
    AGENT,
    COLLEAGUE,
    OWNER,
    Phone,
    Street,
    a_collection,
    a_photo,
    a_street,
    a_visit,
    an_id,
    hand_out,
)
from tests.factories.world import MADE_AT, SYSTEM

CONTACT = {"how": "visit", "person": "borrower", "disposition": "PART_PAID"}


@pytest.fixture
def street(bank_session: PortalSession) -> Street:
    return a_street(bank_session)


@pytest.fixture
def phone(street: Street, browse: Callable[..., Browser]) -> Phone:
    return Phone(browse(AGENT))


def count(database: Any, table: str) -> int:
    return database.execute(f"select count(*) from {table}")[0][0]


# --- the day's list


def test_the_list_holds_the_agents_own_accounts_and_nobodys(phone: Phone) -> None:
    day = phone.day().json
    assert {row["no"] for row in day["accounts"]} == {"LN1", "LN2", "LN4"}
    assert day["agent"] == {"code": "A1", "name": "Asha Pawar"} and day["bank"] == "Gramin Vikas Bank"
    assert day["ranges"] == [{"prefix": "E-", "width": 4, "next": 1, "last": 50, "used": []}]
    assert {"code", "word", "kinds", "persons", "asks"} == set(day["outcomes"][0])


def test_the_office_gets_the_agencys_list_and_no_other(street: Street, browse: Callable[..., Browser]) -> None:
    day = Phone(browse(OWNER)).day().json
    assert {row["no"] for row in day["accounts"]} == {"LN1", "LN2", "LN3", "LN4"} and day["ranges"] == []


def test_a_field_agent_whom_nobody_listed_gets_no_borrower_and_is_told(
    street: Street, browse: Callable[..., Browser], database: Any
) -> None:
    database.execute("update agents set user_id = null where code = 'A1'")
    day = Phone(browse(AGENT)).day().json
    assert day["accounts"] == [] and "Ask your office" in day["note"]


def test_an_agent_who_left_gets_no_borrower_any_more_and_what_they_did_is_still_taken_in(
    street: Street, phone: Phone, database: Any
) -> None:
    database.execute("update agents set is_active = false where code = 'A1'")
    day = phone.day().json
    assert day["accounts"] == [] and "no longer work" in day["note"]
    money, visit = phone.results(a_collection(), a_visit())
    assert (money["state"], visit["state"]) == ("stored", "stored")
    assert any("not active" in said for said in visit["said"])


def test_a_list_that_is_still_the_same_is_not_sent_again(phone: Phone) -> None:
    first = phone.day(headers={"Accept-Encoding": "gzip"})
    again = phone.day(headers={"If-None-Match": first.headers["ETag"]})
    assert (first.status_code, again.status_code, again.data) == (200, 304, b"")
    assert first.headers["Content-Encoding"] == "gzip" and first.headers["Cache-Control"] == "no-store"


def test_a_recalled_account_is_off_the_list_and_later_money_on_it_is_refused_in_words(
    phone: Phone, bank_session: PortalSession
) -> None:
    held = bank_session.query(Allocation).filter_by(loan_account_no="LN1").one()
    held.to_on, held.recalled_at, held.recall_reason = date(2026, 11, 9), MADE_AT, "Borrower paid at the branch"
    bank_session.commit()
    assert {row["no"] for row in phone.day().json["accounts"]} == {"LN2", "LN4"}
    late, before = phone.results(
        a_collection(), a_collection(receipt_no="E-0002", at="2026-11-09T06:00:00Z", mode="upi", instrument_ref="426")
    )
    assert late["state"] == "refused" and "did not hold this account on 2026-11-10" in late["problems"][0]["message"]
    assert before["state"] == "stored"


def test_a_disabled_agent_gets_nothing_and_sends_nothing(
    phone: Phone, bank_session: PortalSession, database: Any
) -> None:
    user_id = phone.user_id
    with unit_of_work(bank_session):
        disable_user(bank_session, find_user(bank_session, AGENT), actor=SYSTEM, now=MADE_AT)
    assert phone.day(headers={"Accept": "application/json"}).status_code == 401
    assert phone.sync(a_collection(), user_id=user_id).status_code == 401
    assert count(database, "collections") == 0


def test_a_phone_asleep_in_a_pocket_stays_signed_in_for_the_day_and_no_longer(
    phone: Phone, street: Street, browse: Callable[..., Browser], clock: FixedClock
) -> None:
    office, json_only = browse(OWNER), {"headers": {"Accept": "application/json"}}
    clock.instant += timedelta(hours=5)
    assert phone.day().status_code == 200
    assert office.get("/agency/field/day.json", **json_only).status_code == 401, "a desk is left alone for half an hour"
    clock.instant += timedelta(hours=8)
    assert phone.day(**json_only).status_code == 401


# --- exactly once


def test_an_entry_sent_again_and_again_is_stored_once(phone: Phone, database: Any) -> None:
    entry = a_collection(contact={**CONTACT, "client_id": an_id()})
    states = [phone.results(entry)[0]["state"] for _ in range(3)]
    assert states == ["stored", "already", "already"]
    assert (count(database, "collections"), count(database, "contacts")) == (1, 1)


def test_three_phones_sending_the_same_seven_times_at_once_store_one(
    street: Street, browse: Callable[..., Browser], database: Any
) -> None:
    entries = [
        a_collection(contact={**CONTACT, "client_id": an_id()}),
        a_visit(loan_account_no="LN2", disposition="PTP", promises=[{"amount_minor": 50_000, "due_on": "2026-11-12"}]),
    ]
    phones = [Phone(browse(AGENT)) for _ in range(3)]

    user_id = phones[0].user_id

    def send_seven_times(phone: Phone) -> list[str]:
        answers = [phone.sync(*entries, user_id=user_id) for _ in range(7)]
        assert {answer.status_code for answer in answers} == {200}, [answer.text for answer in answers]
        return [result["state"] for answer in answers for result in answer.json["results"]]

    with ThreadPoolExecutor(3) as threads:
        states = Counter(state for states in threads.map(send_seven_times, phones) for state in states)
    assert states == {"stored": 2, "already": 40}
    assert [count(database, table) for table in ("collections", "contacts", "promises")] == [1, 2, 1]


def test_one_refused_entry_keeps_no_other_waiting(phone: Phone, database: Any) -> None:
    batch = [
        a_collection(amount_minor=0),
        a_visit(),
        "no entry",
        a_collection(receipt_no="E-0002", contact={**CONTACT, "disposition": "NC", "client_id": an_id()}),
        a_collection(receipt_no="E-0003"),
    ]
    states = [result["state"] for result in phone.results(*batch)]
    assert states == ["refused", "stored", "refused", "refused", "stored"]
    assert (count(database, "collections"), count(database, "contacts")) == (1, 1), "a half-stored entry"
    tags = Counter(row[0] for row in database.execute("select tag from audit_events where tag like 'co%'"))
    assert tags == {"collection:reported": 1, "contact:recorded": 1}


def test_a_number_that_another_phone_used_is_refused_in_words(phone: Phone) -> None:
    phone.results(a_collection())
    [clash] = phone.results(a_collection(loan_account_no="LN2", amount_minor=10_000))
    assert clash["state"] == "refused"
    assert [problem["column"] for problem in clash["problems"]] == ["receipt_no"]
    assert "₹4,200.00" in clash["problems"][0]["message"]
    [renumbered] = phone.results({**a_collection(loan_account_no="LN2", amount_minor=10_000), "receipt_no": "E-0002"})
    assert renumbered["state"] == "stored"
    assert phone.day().json["ranges"][0]["next"] == 3


def test_the_same_receipt_from_elsewhere_answers_with_its_row_and_code(phone: Phone) -> None:
    [first] = phone.results(a_collection(check_code="0123456789"))
    [again] = phone.results(a_collection(check_code="9876543210"))
    assert again["state"] == "already" and again["check_code"] == "0123456789"
    assert again["supports"] == first["supports"]


def test_another_agencys_account_answers_like_one_that_does_not_exist(phone: Phone) -> None:
    def told(no: str, make: Callable[..., dict[str, Any]]) -> str:
        [result] = phone.results(make(loan_account_no=no, client_id="phone-0001"))
        return json.dumps(result).replace(no, "LN?")

    for make in (a_collection, a_visit):
        assert told("LN9", make) == told("LN777", make) == told("LN3", make), "a colleague's, a stranger's and nobody's"
        assert '"refused"' in told("LN9", make)


# --- whose it is


def test_a_queue_is_sent_by_its_maker_alone(street: Street, browse: Callable[..., Browser], database: Any) -> None:
    mine, theirs = Phone(browse(AGENT)), Phone(browse(COLLEAGUE))
    answer = theirs.sync(a_collection(), user_id=mine.user_id)
    assert answer.status_code == 409 and "somebody else" in answer.json["detail"]
    assert count(database, "collections") == 0


def test_an_entry_belongs_to_the_agent_who_signed_in_whatever_it_says(phone: Phone, database: Any) -> None:
    phone.results(a_collection(agent_code="B1", agency_id=2, source="file", linked_minor=420_000, reported_by="x"))
    row = database.execute("select agent_code, source, linked_minor, reported_by from collections")
    assert row == [("A1", "phone", 0, AGENT)]


def test_without_its_token_or_from_another_site_nothing_comes_in(phone: Phone, database: Any) -> None:
    body = {"user_id": phone.user_id, "entries": [a_collection()]}
    assert phone.browser.open("/agency/field/sync", method="POST", json=body).status_code == 400
    token = {"X-CSRFToken": phone.browser.csrf_token(), "Sec-Fetch-Site": "cross-site"}
    assert phone.browser.open("/agency/field/sync", method="POST", json=body, headers=token).status_code == 403
    assert count(database, "collections") == 0


def test_a_fresh_token_is_there_for_the_asking(phone: Phone) -> None:
    token = phone.browser.get("/agency/field/hello.json").json["csrf"]
    body = {"user_id": phone.user_id, "entries": []}
    answer = phone.browser.open("/agency/field/sync", method="POST", json=body, headers={"X-CSRFToken": token})
    assert answer.json == {"results": []}


# --- hostile input


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"null", b'{"entries": 1}', b"{" * 50_000, b"[" * 100_000, b"NaN", b'{"entries": [NaN]}', b"\xff\xfe",
        json.dumps({"entries": [{}] * 51}).encode(), b"x" * 1_000_001,
    ],
    ids=lambda body: f"{body[:12]!r}{len(body)}",
)  # fmt: skip
def test_what_is_no_batch_is_refused(phone: Phone, body: bytes) -> None:
    answer = phone.send("/agency/field/sync", data=body, content_type="application/json")
    assert answer.status_code in (409, 422), answer.text


VALUES = [
    None, True, 0, -1, 10**30, 1.5, 10**400, "", "\0", "\ud800", "x" * 5000, "\n\r\t", [], [[]], {}, {"a": 1}, "9999-12-31T23:59:59Z",
    "0001-01-01", "2026-02-30", "'; drop table collections;--", "=1+1", "🎈",
]  # fmt: skip


@pytest.mark.parametrize(
    "make",
    [
        a_collection,
        a_visit,
        lambda **more: (
            {"client_id": an_id(), "kind": "deposit", "slip_no": "S1", "deposited_on": "2026-11-10", "items": []} | more
        ),
    ],
    ids=["collection", "visit", "deposit"],
)
def test_no_value_in_any_field_is_ever_an_error_of_ours(phone: Phone, make: Callable[..., dict[str, Any]]) -> None:
    fields = [*make(), "contact", "promises", "next_on", "remarks", "items", "accuracy_m"]
    for field in fields:
        for start in range(0, len(VALUES), 11):
            batch = [
                make(**{"client_id": an_id(), "receipt_no": f"Q-{an_id()}", field: value})
                for value in VALUES[start : start + 11]
            ]
            if "receipt_no" not in make():
                batch = [{key: value for key, value in entry.items() if key != "receipt_no"} for entry in batch]
            answer = phone.sync(*batch)
            assert answer.status_code == 200, f"{field}: {answer.text}"
            assert {result["state"] for result in answer.json["results"]} <= {"stored", "already", "refused", "later"}


# --- deposits and pictures


def test_a_slip_waits_for_its_receipts_and_then_takes_them(phone: Phone, database: Any) -> None:
    receipts = [a_collection(), a_collection(receipt_no="E-0002", loan_account_no="LN2", amount_minor=80_000)]
    items = [{"client_id": entry["client_id"]} for entry in receipts]
    slip = {"client_id": an_id(), "kind": "deposit", "slip_no": "DS-7", "deposited_on": "2026-11-10", "items": items}
    slip["amount_minor"] = 500_000
    assert phone.results(receipts[0], slip)[1]["state"] == "later"
    assert [row["receipt_no"] for row in phone.day().json["cash"]] == ["E-0001"]
    assert [result["state"] for result in phone.results(receipts[1], slip, slip)] == ["stored", "stored", "already"]
    assert phone.day().json["cash"] == [] and count(database, "deposit_items") == 2


def test_a_picture_waits_for_its_entry_and_comes_in_once(phone: Phone, database: Any) -> None:
    entry, client_id = a_collection(), an_id()
    assert phone.photo(entry["client_id"], client_id=client_id).json["state"] == "later"
    phone.results(entry)
    states = [
        phone.photo(entry["client_id"], client_id=client_id, latitude="18.5", longitude="73.8").json["state"]
        for _ in range(2)
    ]
    assert states == ["stored", "already"]
    assert database.execute("select kind, loan_account_no, agent_code from evidence") == [("receipt", "LN1", "A1")]


def test_a_picture_is_refused_in_words_when_it_is_none(phone: Phone) -> None:
    entry = a_visit()
    phone.results(entry)
    answer = phone.photo(entry["client_id"], b"MZ\x90\x00 no picture", kind="premises")
    assert answer.status_code == 422 and answer.json["errors"][0]["message"]
    assert phone.send("/agency/field/evidence", data={"user_id": str(phone.user_id)}).status_code == 422


def test_nobody_adds_a_picture_to_a_colleagues_entry(
    phone: Phone, street: Street, browse: Callable[..., Browser], bank_session: PortalSession
) -> None:
    hand_out(bank_session, street.agency, street.bala, 1, 9, "B-")
    entry = a_collection(loan_account_no="LN3", receipt_no="B-0001")
    [stored] = Phone(browse(COLLEAGUE)).results(entry)
    assert stored["state"] == "stored"
    assert phone.photo(entry["client_id"], a_photo()).json["state"] == "later"
    assert phone.photo(an_id(), a_photo(), **stored["supports"]).json["state"] == "later"


def test_an_entry_the_database_refuses_leaves_nothing_of_it_in_the_log(
    phone: Phone, database: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    database.execute("alter table collections add constraint odd check (remarks is distinct from 'Meera is away')")
    try:
        (told,) = phone.results(a_collection(remarks="Meera is away"))
    finally:
        database.execute("alter table collections drop constraint odd")
    written = capsys.readouterr().err
    assert told["problems"][0]["code"] == "not_stored"
    assert "entry_not_stored" in written and "odd" in written
    assert "Meera" not in written and "LN1" not in written
