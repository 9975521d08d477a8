"""Layouts made on a page: from a sample, with a preview, saved by version, used by page and command."""

from __future__ import annotations

import io
from typing import Any

import pytest
from sqlalchemy import select

from allocations.reconciliation.bench_models import BankProfile
from allocations.reconciliation.models import BankStatement
from allocations.reconciliation.sources import bank_profiles as service
from allocations.reconciliation.sources.bank_accounts import add_bank_account
from allocations.reconciliation.sources.readers.own_profiles import profile_from
from portal.kernel.audit import Actor
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, Refused
from tests.factories.browser import once_in
from tests.factories.world import a_user

ADMIN = Actor(None, "admin@bank.example", "bank_admin")
MAKER, AUDITOR = "maker@bank.example", "auditor@bank.example"
FEDERAL = (
    "FEDERAL BANK,,,,,\n"
    "When,What happened,Sum,Way,Left,VAN\n"
    "05.01.2026,PAID UTR No: AXISN12345 RAVI,500.00,Cr,1500.00,LEND0001\n"
    "06.01.2026,CHQ RET 000123,200.00,Dr,1300.00,\n"
)
ANSWERS = {
    "name": "Federal Bank", "skip_rows": "1", "has_header": "y", "date_format": "%d.%m.%Y", "currency": "INR",
    "positive": "credit", "look_in": "after", "reference_after": "UTR No", "map-booked_on": "When",
    "map-description": "What happened", "map-amount": "Sum", "map-dr_cr": "Way", "map-balance": "Left", "map-virtual_account": "VAN",
}  # fmt: skip


@pytest.fixture
def people(bank_session: Any, now: Any) -> None:
    a_user(bank_session, MAKER, "bank_operator")
    a_user(bank_session, AUDITOR, "auditor")
    with unit_of_work(bank_session):
        add_bank_account(bank_session, "50100", "INR", actor=ADMIN, now=now)


def send(who: Any, path: str, data: dict[str, Any]) -> Any:
    return who.post(path, {"once": once_in(who.get(path).text), **data})


def sample(who: Any, text: str = FEDERAL, path: str = "/bank/statements/layouts/new") -> Any:
    return send(who, path, {"file": (io.BytesIO(text.encode()), "federal.csv")})


def test_a_layout_is_made_from_a_sample_previewed_saved_and_used(browse: Any, people: None, bank_session: Any) -> None:
    maker = browse(MAKER)
    there = sample(maker).headers["Location"]
    first = maker.get(there)
    assert first.status_code == 200 and "What happened" in first.text
    shown = send(maker, there, {**ANSWERS, "act": "preview"})
    assert shown.status_code == 200
    for said in ("2 lines", "AXISN12345", "It proves itself", "₹500.00", "VA LEND0001"):
        assert said in shown.text, said
    assert bank_session.scalars(select(BankProfile)).all() == []
    done = send(maker, there, {**ANSWERS, "act": "save"})
    assert done.headers["Location"].endswith("/bank/statements/layouts/federal-bank")
    assert "Federal Bank" in maker.get("/bank/statements/layouts").text
    assert "Federal Bank" in maker.get("/bank/statements/new").text
    taken = send(
        maker,
        "/bank/statements/new",
        {"file": (io.BytesIO(FEDERAL.encode()), "oct.csv"), "account": "50100", "profile": "federal-bank"},
    )
    assert taken.status_code == 302
    statement = bank_session.scalars(select(BankStatement)).one()
    assert (statement.status, statement.lines, statement.closing_minor) == ("proved", 2, 130000)


def test_what_cannot_be_read_is_told_with_row_column_code_and_cure(browse: Any, people: None) -> None:
    maker = browse(MAKER)
    there = sample(maker).headers["Location"]
    wrong = send(maker, there, {**ANSWERS, "date_format": "%d/%m/%Y", "act": "preview"})
    assert "bad_date" in wrong.text and "05.01.2026" in wrong.text
    assert "no_amount_column" in send(maker, there, {**ANSWERS, "map-amount": "", "act": "preview"}).text
    refused = send(maker, there, {**ANSWERS, "date_format": "%d/%m/%Y", "act": "save"})
    assert refused.status_code == 422
    assert send(maker, there, {**ANSWERS, "name": "HDFC", "act": "save"}).status_code == 422
    assert send(maker, there, {**ANSWERS, "name": "", "act": "save"}).status_code == 422
    assert send(maker, there, {**ANSWERS, "skip_rows": "99", "act": "preview"}).status_code == 422


def test_other_headings_are_taken_from_another_row(browse: Any, people: None) -> None:
    maker = browse(MAKER)
    there = sample(maker, FEDERAL.replace("FEDERAL BANK,,,,,\n", "A,B,C,D,E,F\n")).headers["Location"]
    moved = send(maker, there, {**ANSWERS, "skip_rows": "0", "act": "headings"})
    assert moved.status_code == 200
    assert '<option value="A"' in moved.text


def test_what_is_no_sheet_makes_no_layout(browse: Any, people: None) -> None:
    maker = browse(MAKER)
    assert sample(maker, ":20:R\n:25:A\n:60F:C260101INR1,00\n:62F:C260101INR1,00\n-").status_code == 422
    assert sample(maker, "").status_code == 422


def test_only_bank_staff_make_layouts(browse: Any, people: None) -> None:
    auditor = browse(AUDITOR)
    assert auditor.get("/bank/statements/layouts").status_code == 200
    assert auditor.get("/bank/statements/layouts/new").status_code == 403
    assert browse(MAKER).get("/bank/statements/layouts/nowhere").status_code == 404
    assert browse(MAKER).get(f"/bank/statements/layouts/draft/{'0' * 64}").status_code == 404


def test_a_change_is_a_new_version_and_the_old_one_stays(
    bank_session: Any, now: Any, browse: Any, people: None
) -> None:
    columns = {"booked_on": "When", "amount": "Sum", "dr_cr": "Way", "balance": "Left", "description": "What happened"}
    one = profile_from({"columns": columns, "date_format": "%d.%m.%Y", "skip_rows": 1}, "x")
    two = profile_from({"columns": columns, "date_format": "%d.%m.%Y", "skip_rows": 1, "reference_digits": 5}, "x")
    with unit_of_work(bank_session):
        service.save_profile(bank_session, one, name="Federal Bank", actor=ADMIN, now=now)
        same = service.save_profile(bank_session, one, name="Federal Bank", code="federal-bank", actor=ADMIN, now=now)
        assert same.version == 1
    with pytest.raises(Refused, match="already"), unit_of_work(bank_session):
        service.save_profile(bank_session, two, name="federal  BANK", actor=ADMIN, now=now)
    with unit_of_work(bank_session):
        service.save_profile(bank_session, two, name="Federal Bank", code="federal-bank", actor=ADMIN, now=now)
    versions = service.profile_versions(bank_session, "federal-bank")
    assert [(row.version, row.is_active) for row in versions] == [(2, True), (1, False)]
    named = service.named_profile(bank_session, "Federal Bank")
    assert not isinstance(named, str) and named.reference_digits == 5
    with pytest.raises(Invalid, match="no profile"):
        service.named_profile(bank_session, "nobody")
    page = browse(MAKER).get("/bank/statements/layouts/federal-bank").text
    assert "Version 2" in page and "Version 1" in page
    there = sample(browse(MAKER), path="/bank/statements/layouts/new?change=federal-bank").headers["Location"]
    assert "change=federal-bank" in there
    assert "federal-bank" in browse(MAKER).get(there).text
