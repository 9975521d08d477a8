"""`portal bank` and `portal postings`: JSON keys and exit codes as promised."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import select

from allocations.reconciliation.models import BankAccount
from portal.access.permissions import Role
from portal.access.users import add_user
from portal.cli.main import run
from portal.kernel.audit import Actor
from portal.kernel.db import unit_of_work

SETUP = Actor(None, "system", "system")
SHEET = """Date,Narration,Chq./Ref.No.,Value Dt,Withdrawal Amt.,Deposit Amt.,Closing Balance
15/01/2026,UPI/RAVI/LN1,412345678901,15/01/2026,,500.00,1500.00
16/01/2026,CHQ RET 000123,000123,16/01/2026,200.00,,1300.00
"""


@pytest.fixture
def portal(database, tmp_path, monkeypatch, capsys):
    for name, value in database.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PORTAL_HOME", str(tmp_path / "home"))

    def call(*arguments, text=None, name="hdfc.csv"):
        file = tmp_path / name
        if text is not None:
            file.write_bytes(text if isinstance(text, bytes) else text.encode())
        code = run([*(str(file) if a == "FILE" else a for a in arguments), "--json"])
        return code, json.loads(capsys.readouterr().out)

    return call


@pytest.fixture
def checker(bank_session, now):
    with unit_of_work(bank_session):
        add_user(bank_session, "checker@bank.example", Role.BANK_APPROVER, actor=SETUP, now=now)
    return "checker@bank.example"


def test_read_needs_no_database_and_gives_every_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PORTAL_DATABASE_URL", "postgresql://nobody@localhost:1/none")
    file = tmp_path / "hdfc.csv"
    file.write_text(SHEET)
    assert run(["bank", "read", str(file), "--json"]) == 0
    body = json.loads(capsys.readouterr().out)
    (statement,) = body["statements"]
    assert (statement["opening"], statement["closing"], statement["balanced"]) == ("1000.00", "1300.00", True)
    assert [(line["amount"], line["side"], line["value_on"]) for line in statement["lines"]] == [
        ("500.00", "credit", "2026-01-15"), ("200.00", "debit", "2026-01-16"),
    ]  # fmt: skip
    assert set(body["lines"][0]) >= {
        "value_on",
        "booked_on",
        "amount",
        "side",
        "bank_ref",
        "customer_ref",
        "description",
    }
    assert (body["duplicates"], body["errors"]) == (0, [])


def test_import_stores_once(portal):
    code, body = portal("bank", "import", "FILE", "--account", "50100", text=SHEET)
    assert code == 0
    assert (body["lines"], body["created"], body["duplicates"], body["errors"]) == (2, 2, 0, [])
    (statement,) = body["statements"]
    assert (statement["account"], statement["currency"], statement["balanced"]) == ("50100", "INR", True)
    assert statement["account_added"]
    code, body = portal("bank", "import", "FILE", "--account", "50100")
    assert (code, body["lines"], body["created"], body["duplicates"]) == (0, 2, 0, 2)


def test_a_file_that_names_no_account_asks_for_it_and_makes_none_up(portal, bank_session):
    code, body = portal("bank", "import", "FILE", text=SHEET)
    (error,) = body["errors"]
    assert (code, error["code"]) == (1, "account_missing") and "--account" in error["cure"]
    assert list(bank_session.scalars(select(BankAccount))) == []


def test_a_statement_that_differs_exits_1_is_kept_and_can_be_accepted_by_an_approver(portal, checker):
    wrong = SHEET.replace("200.00,,1300.00", "210.00,,1300.00")
    code, body = portal("bank", "import", "FILE", "--account", "50100", text=wrong)
    assert code == 1
    (statement,) = body["statements"]
    assert (statement["status"], statement["balanced"], statement["difference"]) == ("refused", False, "10.00")
    assert body["errors"][0]["code"] == "statement_differs"
    code, body = portal("bank", "accept", statement["ref"], "--reason", "letter of the bank")
    assert code == 1, "the built-in user accepts nothing"
    code, body = portal("bank", "accept", statement["ref"], "--reason", "letter of the bank", "--as", checker)
    assert (code, body["status"], body["created"]) == (0, "accepted", 2)


def test_an_unreadable_file_exits_2_with_the_reason(portal):
    code, body = portal("bank", "import", "FILE", text=b"\x89PNG....", name="x.csv")
    assert (code, body["errors"][0]["code"], body["errors"][0]["file"]) == (2, "wrong_format", "x.csv")
    code, body = portal("bank", "read", "FILE", "--profile", "nobank", text=SHEET)
    assert (code, body["errors"][0]["code"]) == (2, "unknown_profile")


def test_another_accounts_statement_is_refused(portal):
    assert (
        portal("bank", "import", "FILE", text="Account No: 501000012345\n" + SHEET)[1]["statements"][0]["account"]
        == "501000012345"
    )
    code, body = portal("bank", "import", "FILE", "--account", "501-000-012-345")
    assert (code, body["duplicates"]) == (0, 2)
    code, body = portal("bank", "import", "FILE", "--account", "50100", text="Account No: 501000012345\n" + SHEET)
    assert (code, body["errors"][0]["code"]) == (1, "other_account")


def test_postings_done_in_part_exit_3(portal, database):
    database.execute(
        "insert into loan_accounts (loan_account_no, customer_name, product, currency) values ('LN1', 'R', 'PL', 'INR')"
    )
    text = "posting_no,loan_account_no,amount,posted_on\nP1,LN1,10.00,2026-11-01\nP2,LN9,10.00,2026-11-01\n"
    code, body = portal("postings", "import", "FILE", text=text, name="p.csv")
    assert (code, body["rows"], body["created"], body["updated"], body["rejected"]) == (3, 2, 1, 0, 1)
    assert body["errors"][0]["row"] == 3


FEDERAL = "When,What,Sum,Way,Left\n05.01.2026,PAID AXISN12345,500.00,Cr,1500.00\n06.01.2026,CHQ RET 000123,200.00,Dr,1300.00\n"


def test_a_layout_saved_on_a_page_is_named_by_the_command(portal, bank_session, now):
    from allocations.reconciliation.sources.bank_profiles import save_profile
    from allocations.reconciliation.sources.readers.own_profiles import profile_from

    columns = {"booked_on": "When", "description": "What", "amount": "Sum", "dr_cr": "Way", "balance": "Left"}
    with unit_of_work(bank_session):
        layout = profile_from({"columns": columns, "date_format": "%d.%m.%Y"}, "x")
        save_profile(bank_session, layout, name="Federal Bank", actor=SETUP, now=now)
    code, body = portal("bank", "profiles")
    assert code == 0
    assert {"sbi", "hdfc", "icici", "axis", "kotak"} <= set(body["built_in"])
    assert [(row["profile"], row["version"]) for row in body["profiles"]] == [("federal-bank", 1)]
    code, body = portal("bank", "read", "FILE", "--profile", "federal-bank", text=FEDERAL)
    assert (code, [line["side"] for line in body["lines"]]) == (0, ["credit", "debit"])
    code, body = portal("bank", "import", "FILE", "--profile", "Federal Bank", "--account", "50100")
    assert (code, body["created"], body["statements"][0]["balanced"]) == (0, 2, True)


def test_a_toml_layout_with_faults_says_every_one(portal, tmp_path):
    layout = tmp_path / "mine.toml"
    layout.write_text('reference = "(a+"\ndate_format = "%Q"\n[columns]\nbooked_on = "When"\n')
    code, body = portal("bank", "read", "FILE", "--profile", str(layout), text=FEDERAL)
    assert code == 2
    assert {error["code"] for error in body["errors"]} == {"no_amount_column", "bad_date_format", "bad_reference"}
    assert {error["file"] for error in body["errors"]} == {"mine.toml"}


def test_a_zip_of_statements_comes_in_whole_and_tells_what_is_missing_between_them(portal, tmp_path):
    import io
    import zipfile

    buffer = io.BytesIO()
    later = SHEET.replace("01/2026", "03/2026").replace("1500.00", "2500.00").replace("1300.00", "2300.00")
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("jan.csv", "Account No: 501000012345\n" + SHEET)
        archive.writestr("mar.csv", "Account No: 501000012345\n" + later)
    code, body = portal("bank", "import", "FILE", text=buffer.getvalue(), name="both.zip")
    assert (code, len(body["statements"]), body["created"]) == (0, 2, 4)
    assert "gap" in {flag["code"] for flag in body["statements"][1]["flags"]}
    code, body = portal("bank", "import", "FILE", name="both.zip")
    assert (code, body["created"], body["duplicates"]) == (0, 0, 4)
