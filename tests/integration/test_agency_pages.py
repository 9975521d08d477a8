"""An agency's pages: it sees its accounts only, hands in a file, gets every row error, and the rejected rows back."""

from __future__ import annotations

import io
from datetime import date
from typing import Any

import pytest

from allocations.agencies.models import Agency
from portal.kernel.db import PortalSession
from tests.factories.browser import once_in
from tests.factories.world import a_user, an_account, an_agency, an_allocation

HEADER = "receipt_no,loan_account_no,amount,collected_on,mode,instrument_ref\n"


@pytest.fixture
def shakti(bank_session: PortalSession) -> Agency:
    shakti, other = an_agency(bank_session, "SHAKTI"), an_agency(bank_session, "OTHER")
    a_user(bank_session, "owner@shakti.example", "agency_owner", shakti)
    a_user(bank_session, "owner@other.example", "agency_owner", other)
    an_allocation(bank_session, an_account(bank_session, "LN1"), shakti)
    an_allocation(bank_session, an_account(bank_session, "LN3"), other)
    an_allocation(bank_session, an_account(bank_session, "LN4"), shakti, date(2026, 9, 1), date(2026, 9, 30))
    bank_session.commit()
    return shakti


def hand_in(who: Any, text: str) -> Any:
    once = once_in(who.get("/agency/uploads/new").text)
    return who.post("/agency/uploads/new", {"once": once, "file": (io.BytesIO(text.encode()), "oct.csv")})


def test_the_worklist_holds_todays_accounts_and_nobody_elses(browse: Any, shakti: Agency) -> None:
    page = browse("owner@shakti.example").get("/agency/accounts").text
    assert "LN1" in page and "LN3" not in page and "LN4" not in page


def test_another_agencys_account_answers_like_a_missing_one(
    browse: Any, shakti: Agency, bank_session: PortalSession
) -> None:
    who = browse("owner@shakti.example")
    foreign, missing = who.get("/agency/accounts/2"), who.get("/agency/accounts/999999")
    assert foreign.status_code == missing.status_code == 404
    assert who.get("/agency/accounts/1").status_code == 200


def test_a_file_comes_in_and_its_bad_rows_go_back_as_a_file(browse: Any, shakti: Agency) -> None:
    who = browse("owner@shakti.example")
    answer = hand_in(
        who, HEADER + "R1,LN1,1000,2026-10-05,upi,426\nR2,LN3,5,2026-10-05,cash,\nR3,LN1,x,2026-10-05,cash,\n"
    )
    assert answer.status_code == 302
    page = who.get(answer.headers["Location"]).text
    assert "unknown_account" in page and "₹1,000.00" in page
    rejected = who.get(answer.headers["Location"] + "/rejected.csv")
    assert rejected.status_code == 200 and b"R2" in rejected.data and b"R1" not in rejected.data
    again = hand_in(
        who, HEADER + "R1,LN1,1000,2026-10-05,upi,426\nR2,LN3,5,2026-10-05,cash,\nR3,LN1,x,2026-10-05,cash,\n"
    )
    assert "Nothing changed" in who.get(again.headers["Location"]).text
    assert browse("owner@other.example").get(answer.headers["Location"]).status_code == 404


def test_a_file_that_cannot_be_read_says_all_that_is_wrong_and_stores_nothing(browse: Any, shakti: Agency) -> None:
    who = browse("owner@shakti.example")
    answer = hand_in(who, "receipt,amout\n1,2\n")
    assert answer.status_code == 422 and answer.text.count("missing_column") >= 3
    assert "Nothing handed in yet" in who.get("/agency/uploads").text


def test_what_was_reported_is_listed_and_exported(browse: Any, shakti: Agency) -> None:
    who = browse("owner@shakti.example")
    hand_in(who, HEADER + 'R1,LN1,"1,23,456.70",2026-10-05,upi,426\n')
    page = who.get("/agency/collections?period=2026-10").text
    assert "₹1,23,456.70" in page and "Waits for a bank line" in page
    export = who.get("/agency/collections/export.csv?period=2026-10").data.decode("utf-8-sig")
    assert export.splitlines()[1].startswith("R1,LN1,123456.70,2026-10-05")
    assert "R1" not in who.get("/agency/collections?period=2026-09").text
