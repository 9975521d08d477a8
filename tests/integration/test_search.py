"""The box that finds all finds nothing of another agency's."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from payouts.search import search
from portal.kernel.db import PortalSession
from portal.kernel.periods import Period, month_of
from tests.factories.month import a_confirmed_collection
from tests.factories.world import a_user, an_agency

OCTOBER: Period = month_of(date(2026, 10, 1))


@pytest.fixture
def two(bank_session: PortalSession) -> tuple[Any, Any]:
    shakti, other = an_agency(bank_session, "SHAKTI"), an_agency(bank_session, "OTHER")
    a_user(bank_session, "maker@bank.example", "bank_operator")
    a_user(bank_session, "owner@shakti.example", "agency_owner", shakti)
    own = a_confirmed_collection(bank_session, shakti, OCTOBER, 1, 100_00)
    foreign = a_confirmed_collection(bank_session, other, OCTOBER, 2, 200_00)
    bank_session.commit()
    return own, foreign


def test_the_bank_finds_accounts_receipts_and_bank_lines(bank_session: PortalSession, two: tuple[Any, Any]) -> None:
    own, foreign = two
    assert {hit.kind for hit in search(bank_session, own.loan_account_no)} == {"account"}
    assert [hit.ref for hit in search(bank_session, foreign.receipt_no.lower())] == [foreign.receipt_no]
    assert search(bank_session, "x") == [] == search(bank_session, "nothing here")


def test_an_agency_finds_its_own_only(agency_session: Any, two: tuple[Any, Any]) -> None:
    own, foreign = two
    session = agency_session(own.agency_id)
    assert [hit.kind for hit in search(session, own.receipt_no)] == ["receipt"]
    assert search(session, foreign.receipt_no) == [] == search(session, foreign.loan_account_no)


def test_a_single_find_opens_at_once_and_nothing_says_so(browse: Any, two: tuple[Any, Any]) -> None:
    own, foreign = two
    answer = browse("maker@bank.example").get(f"/search?q={own.loan_account_no}")
    assert answer.status_code == 302 and own.loan_account_no in answer.headers["Location"]
    page = browse("owner@shakti.example").get(f"/search?q={foreign.receipt_no}")
    assert page.status_code == 200 and "Nothing here goes by that" in page.text
