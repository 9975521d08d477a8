"""Bank statement and posting pages: the operator imports, the tie-out shows, a second person accepts, all as by command."""

from __future__ import annotations

import io

import pytest

from portal.kernel.audit import Actor
from portal.kernel.db import unit_of_work
from tests.factories.browser import once_in
from tests.factories.world import a_user, an_account

SHEET = """Date,Narration,Chq./Ref.No.,Value Dt,Withdrawal Amt.,Deposit Amt.,Closing Balance
15/01/2026,UPI/RAVI/LN1,412345678901,15/01/2026,,500.00,1500.00
16/01/2026,CHQ RET 000123,000123,16/01/2026,200.00,,1300.00
"""
ALTERED = SHEET.replace("200.00,,1300.00", "210.00,,1300.00")
MAKER, CHECKER = "maker@bank.example", "checker@bank.example"


@pytest.fixture
def people(bank_session, now):
    from allocations.reconciliation.sources.bank_accounts import add_bank_account

    a_user(bank_session, MAKER, "bank_operator")
    a_user(bank_session, CHECKER, "bank_approver")
    a_user(bank_session, "auditor@bank.example", "auditor")
    with unit_of_work(bank_session):
        add_bank_account(bank_session, "501001", "INR", actor=Actor(None, "admin@bank.example", "bank_admin"), now=now)


def hand_in(who, text, path="/bank/statements/new", name="oct.csv", **fields):
    once = once_in(who.get(path).text)
    chosen = {"account": "", "profile": "", "date_order": "", **fields}
    return who.post(path, {"once": once, "file": (io.BytesIO(text.encode()), name), **chosen})


def test_an_operator_imports_a_statement_and_sees_that_it_ties(browse, people):
    maker = browse(MAKER)
    answer = hand_in(maker, SHEET, account="501001")
    assert answer.status_code == 302
    page = maker.get(answer.headers["Location"]).text
    assert all(text in page for text in ("₹1,000.00", "₹500.00", "₹200.00", "₹1,300.00", "Ties", "CHQ RET 000123"))
    assert answer.headers["Location"].split("/")[-1] in maker.get("/bank/statements").text
    again = hand_in(maker, SHEET, account="501001")
    assert "Nothing changed" in maker.get(again.headers["Location"]).text


def test_an_account_that_is_not_ours_is_refused_with_the_cure(browse, people):
    answer = hand_in(browse(MAKER), "Account No: 999000111\n" + SHEET)
    assert answer.status_code == 422
    assert "unknown_account" in answer.text
    assert "Ask an admin" in answer.text
    nameless = hand_in(browse(MAKER), SHEET)
    assert (nameless.status_code, "account_missing" in nameless.text) == (422, True)


def test_a_statement_that_differs_waits_for_another_person(browse, people, database):
    maker, checker = browse(MAKER), browse(CHECKER)
    place = hand_in(maker, ALTERED, account="501001").headers["Location"]
    seen = maker.get(place).text
    assert "Differs by" in seen and "₹10.00" in seen and "Accept it as it is" not in seen
    assert maker.post(f"{place}/accept", {"reason": "mine"}).status_code == 403
    assert "does not tie" in checker.get("/bank/statements").text
    once = once_in(checker.get(place).text)
    assert checker.post(f"{place}/accept", {"once": once, "reason": ""}).status_code == 422
    assert checker.post(f"{place}/accept", {"once": once, "reason": "letter of the bank"}).status_code == 302
    assert checker.post(f"{place}/accept", {"once": once, "reason": "letter of the bank"}).status_code == 409
    assert "letter of the bank" in maker.get(place).text
    assert database.execute("select count(*) from bank_lines") == [(2,)]


def test_an_auditor_reads_and_changes_nothing(browse, people):
    place = hand_in(browse(MAKER), ALTERED, account="501001").headers["Location"]
    auditor = browse("auditor@bank.example")
    assert auditor.get("/bank/statements").status_code == auditor.get(place).status_code == 200
    assert auditor.get("/bank/statements/new").status_code == 403
    assert auditor.post(f"{place}/accept", {"reason": "no"}).status_code == 403


def test_a_missing_statement_is_not_there(browse, people):
    assert browse(MAKER).get("/bank/statements/BS-20260101-00000000").status_code == 404


def test_a_bad_file_says_every_reason_and_keeps_nothing(browse, people, database):
    answer = hand_in(
        browse(MAKER), SHEET.replace("500.00", "5e2").replace("16/01/2026,CHQ", "36/01/2026,CHQ"), account="501001"
    )
    assert answer.status_code == 422
    assert "bad_amount" in answer.text and "bad_date" in answer.text
    assert database.execute("select count(*) from bank_statements") == [(0,)]


def test_long_statements_come_a_page_at_a_time(browse, people):
    rows = "".join(f"15/01/2026,UPI {at},R{at:05d},15/01/2026,,1.00,{1000 + at}.00\n" for at in range(1, 131))
    maker = browse(MAKER)
    place = hand_in(maker, SHEET.split("\n")[0] + "\n" + rows, account="501001").headers["Location"]
    first = maker.get(place).text
    assert "R00050" in first and "R00051" not in first
    assert maker.get(f"{place}?show=open").status_code == maker.get(f"{place}?show=linked").status_code == 200


def test_postings_come_in_and_bad_rows_go_back_as_a_file(browse, people, bank_session):
    with unit_of_work(bank_session):
        an_account(bank_session, "LN1")
    maker = browse(MAKER)
    answer = hand_in(
        maker,
        "posting_no,loan_account_no,amount,posted_on\nP1,LN1,500.00,2026-11-01\nP2,LN9,1.00,2026-11-01\n",
        "/bank/postings/new",
        "p.csv",
    )
    assert answer.status_code == 200
    assert "unknown_account" in answer.text
    link = answer.text.split('href="/bank/postings/rejected/')[1].split('"')[0]
    rejected = maker.get(f"/bank/postings/rejected/{link}")
    assert b"P2" in rejected.data and b"P1" not in rejected.data
    page = maker.get("/bank/postings?account=LN1").text
    assert "P1" in page and "₹500.00" in page
    assert maker.get("/bank/postings/rejected/" + "0" * 64 + ".csv").status_code == 404


def test_an_admin_adds_a_bank_account_and_its_statements_are_taken_in(browse, people, bank_session):
    a_user(bank_session, "admin@bank.example", "bank_admin")
    bank_session.commit()
    admin = browse("admin@bank.example")
    for number, answer in (("501-001", 422), ("999000111", 302)):
        once = once_in(admin.get("/bank/statements/accounts").text)
        sent = admin.post(
            "/bank/statements/accounts", {"once": once, "account_no": number, "currency": "INR", "name": ""}
        )
        assert sent.status_code == answer
    assert hand_in(browse(MAKER), "Account No: 999000111\n" + SHEET).status_code == 302
    assert browse(MAKER).get("/bank/statements/accounts").status_code == 403
