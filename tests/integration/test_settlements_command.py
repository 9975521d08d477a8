"""`portal settlements` and `portal payouts` from draft to paid, as people and scripts run them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from portal.kernel.db import unit_of_work
from tests.factories.month import OCTOBER, a_month
from tests.factories.world import a_user

MAKER, CHECKER, FINANCE = "maker@bank.example", "checker@bank.example", "finance@bank.example"


@pytest.fixture
def month(bank_session):
    with unit_of_work(bank_session):
        for email, role in ((MAKER, "bank_operator"), (CHECKER, "bank_approver"), (FINANCE, "finance")):
            a_user(bank_session, email, role)
        return a_month(bank_session, OCTOBER, {"SHAKTI": [10_00_000_00, 6_00_000_00], "VEGA": [1_00_000_00]})


def test_the_whole_way_from_draft_to_paid(cli, month, tmp_path, settings):
    drafted = cli("settlements", "draft", "--period", "2026-10").json["settlements"]
    assert [
        (each["ref"], each["agency"], each["status"], each["gross"], each["withholding"], each["net"])
        for each in drafted
    ] == [
        ("S2610-SHAKTI", "SHAKTI", "draft", "80000.00", "1600.00", "78400.00"),
        ("S2610-VEGA", "VEGA", "draft", "5000.00", "0.00", "5000.00"),
    ]
    for each in drafted:
        assert cli("settlements", "submit", each["ref"], as_email=MAKER).json["settlements"][0]["status"] == "submitted"
        done = cli("settlements", "approve", each["ref"], "--expect-hash", each["hash"], as_email=CHECKER)
        assert (done.exit_code, done.json["settlements"][0]["status"]) == (0, "approved")
    batch = cli("payouts", "batch", "--period", "2026-10", "--rail", "bank_file", as_email=FINANCE).json
    assert (batch["total"], batch["status"], len(batch["payouts"])) == ("83400.00", "made", 2)
    approved = cli("payouts", "approve", batch["batch"], "--expect-file", batch["file_sha256"], as_email=CHECKER)
    assert approved.json["status"] == "approved"
    sent = cli("payouts", "send").json
    data = Path(sent["file"]).read_bytes()
    assert hashlib.sha256(data).hexdigest() == batch["file_sha256"]
    assert {each["status"] for each in sent["payouts"]} == {"sent"}
    assert len(cli("payouts", "sync").json["payouts"]) == 2
    answer = tmp_path / "answer.csv"
    lines = data.decode().splitlines()
    answer.write_text(f"{lines[0]},UTR77,E,\n{lines[1]},,R,Account closed\n")
    confirmed = cli("payouts", "confirm", answer).json
    assert [(each["ref"], each["status"], each["provider_ref"]) for each in confirmed["payouts"]] == [
        ("P2610-0001", "paid", "UTR77"),
        ("P2610-0002", "returned", None),
    ]
    again = cli("payouts", "confirm", answer)
    assert (again.exit_code, again.json["payouts"], again.json["known"]) == (0, [], 2)
    assert [each["status"] for each in cli("settlements", "list").json["settlements"]] == ["paid", "returned"]


def test_rules_are_refused_with_one_and_bad_usage_with_two(cli, month):
    cli("settlements", "draft", "--period", "2026-10")
    refused = [
        cli("settlements", "draft", "--period", "2026-11"),
        cli("settlements", "submit", "S2610-SHAKTI"),
        cli("settlements", "submit", "S2610-SHAKTI", as_email=CHECKER),
        cli("settlements", "approve", "S2610-SHAKTI", as_email=CHECKER),
        cli("settlements", "show", "S2610-NOBODY"),
        cli("payouts", "batch", "--period", "2026-10", "--rail", "bank_file", as_email=FINANCE),
        cli("payouts", "approve", "B2610-01", as_email=CHECKER),
    ]
    assert [each.exit_code for each in refused] == [1] * len(refused)
    assert all(each.json["errors"][0]["message"] for each in refused)
    wrong = [
        cli("settlements", "draft", "--period", "October"),
        cli("settlements", "draft"),
        cli("payouts", "batch", "--period", "2026-10", "--rail", "pigeon", as_email=FINANCE),
        cli("payouts", "confirm", "/no/such/file"),
    ]
    assert [each.exit_code for each in wrong] == [2] * len(wrong)


def test_a_statement_is_written_as_the_text_that_was_hashed(cli, month, tmp_path):
    cli("settlements", "draft", "--period", "2026-10")
    out = tmp_path / "statement.json"
    result = cli("statement", "S2610-SHAKTI", "--json", out).json
    assert hashlib.sha256(out.read_bytes()).hexdigest() == result["hash"]


def test_people_read_words(cli, month):
    text = cli("settlements", "draft", "--period", "2026-10", text=True).out
    assert "S2610-SHAKTI" in text
    assert "₹78,400.00" in text
    assert "commission" in cli("settlements", "show", "S2610-SHAKTI", text=True).out
