"""An agency's pages: it sees its accounts only, hands in a file, gets every row error, and the rejected rows back."""

from __future__ import annotations

import io
from datetime import date
from pathlib import Path
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


def test_another_agencys_file_answers_like_a_missing_one(browse: Any, shakti: Agency) -> None:
    """What becomes of a file is told in test_uploads_pages.py."""
    answer = hand_in(browse("owner@shakti.example"), HEADER + "R1,LN1,1000,2026-10-05,upi,426\n")
    assert answer.status_code == 302
    assert browse("owner@shakti.example").get(answer.headers["Location"]).status_code == 200
    assert browse("owner@other.example").get(answer.headers["Location"]).status_code == 404


def test_what_was_reported_is_listed_and_exported(browse: Any, shakti: Agency, cli: Any, tmp_path: Path) -> None:
    who = browse("owner@shakti.example")
    file = tmp_path / "october.csv"
    file.write_text(HEADER + 'R1,LN1,"1,23,456.70",2026-10-05,upi,426\n')
    assert cli("collections", "import", str(file), "--agency", "SHAKTI").exit_code == 0
    page = who.get("/agency/collections?period=2026-10").text
    assert "₹1,23,456.70" in page and "Waits for a bank line" in page
    export = who.get("/agency/collections/export.csv?period=2026-10").data.decode("utf-8-sig")
    assert export.splitlines()[1].startswith("R1,LN1,123456.70,2026-10-05")
    assert "R1" not in who.get("/agency/collections?period=2026-09").text
