"""What a person meets who knows the commands from their description alone, and gets things wrong."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from portal.cli.main import run
from portal.kernel.db import make_engine, unit_of_work
from portal.setup import current_revision
from tests.factories.month import OCTOBER, a_month
from tests.factories.world import a_user, an_account, an_agency, an_allocation

MT940 = ":20:REF1\n:25:12345678\n:28C:{number}/1\n:60F:C261001INR1000,00\n{lines}:62F:C261031INR{closing}\n"
LINE = ":61:2610{day:02d}10{day:02d}C{amount}NTRF{ref}\n:86:deposit {ref}\n"


def statement(*lines: tuple[int, str, str], closing: str, number: int = 7) -> str:
    texts = [LINE.format(day=day, amount=amount, ref=ref) for day, amount, ref in lines]
    return MT940.format(number=number, lines="".join(texts), closing=closing)


@pytest.fixture
def held(bank_session):
    """SHAKTI holds LN1 from October; LN2 is another's."""
    with unit_of_work(bank_session):
        shakti, vega = an_agency(bank_session), an_agency(bank_session, "VEGA")
        an_allocation(bank_session, an_account(bank_session, "LN1"), shakti)
        an_allocation(bank_session, an_account(bank_session, "LN2"), vega)


def faults(result) -> list[tuple[int, str, str]]:
    return [(error["row"], error["column"], error["code"]) for error in result.json["errors"]]


def test_a_collection_with_several_faults_tells_them_all_at_once(cli, held, tmp_path):
    file = tmp_path / "collections.csv"
    file.write_text(
        "receipt_no,loan_account_no,amount,collected_on,mode\n"
        "R1,LN9,0,2026-10-40,cash\n"
        "R2,LN2,5,2026-10-05,pigeon\n"
        "R3,LN1,abc,2026-09-05,cash\n"
        "R4,LN1,-1,2027-12-01,cash\n"
    )
    done = cli("collections", "import", file, "--agency", "SHAKTI")
    assert done.exit_code == 2
    assert faults(done) == [
        (2, "amount", "amount_zero"), (2, "collected_on", "impossible_date"), (2, "loan_account_no", "unknown_account"),
        (3, "mode", "not_a_choice"), (3, "loan_account_no", "unknown_account"),
        (4, "amount", "bad_amount"), (4, "loan_account_no", "not_allocated"),
        (5, "amount", "amount_negative"), (5, "collected_on", "future_date"), (5, "loan_account_no", "not_allocated"),
    ]  # fmt: skip


def test_an_allocation_with_several_faults_tells_them_all_at_once(cli, held, tmp_path):
    file = tmp_path / "allocations.csv"
    file.write_text("loan_account_no,agency_code,from_on,to_on,stream\nLN9,NOBODY,2026-11-01,2026-10-01,boat\n")
    done = cli("allocations", "import", file, "--placement", "P2")
    assert sorted(code for _row, _column, code in faults(done)) == [
        "not_a_choice", "term_backwards", "unknown_account", "unknown_agency",
    ]  # fmt: skip


def test_a_posting_with_several_faults_tells_them_all_at_once(cli, held, tmp_path):
    file = tmp_path / "postings.csv"
    file.write_text("posting_no,loan_account_no,amount,posted_on\nP1,LN9,0,2026-10-40\n")
    done = cli("postings", "import", file)
    assert sorted(code for _row, _column, code in faults(done)) == ["impossible_date", "unknown_account", "zero_amount"]


def test_a_statement_that_was_altered_is_refused_though_it_adds_up(cli, tmp_path):
    file = tmp_path / "statement.sta"
    file.write_text(statement((5, "100,00", "S1"), (6, "200,00", "S2"), closing="1300,00"))
    assert cli("bank", "import", file).exit_code == 0
    file.write_text(statement((5, "150,00", "S1"), (6, "200,00", "S2"), closing="1350,00"))
    done = cli("bank", "import", file)
    (said,) = done.json["statements"]
    assert (done.exit_code, said["status"], said["created"]) == (1, "refused", 0)
    assert "lacks or changes a line" in said["reasons"][0]
    assert cli("verify").json["differences"] == []


def test_the_same_days_downloaded_again_with_more_lines_are_taken_in(cli, tmp_path):
    file = tmp_path / "statement.sta"
    file.write_text(statement((5, "100,00", "S1"), closing="1100,00"))
    assert cli("bank", "import", file).exit_code == 0
    file.write_text(statement((5, "100,00", "S1"), (6, "200,00", "S2"), closing="1300,00"))
    done = cli("bank", "import", file)
    assert (done.exit_code, done.json["created"], done.json["duplicates"]) == (0, 1, 1)


def test_a_file_that_cannot_be_written_is_told_before_anything_is_stored(cli, held, database, tmp_path):
    file = tmp_path / "collections.csv"
    file.write_text("receipt_no,loan_account_no,amount,collected_on,mode\nR1,LN1,5,2026-10-05,cash\nR2,LN1,0,x,cash\n")
    done = cli("collections", "import", file, "--agency", "SHAKTI", "--rejected", tmp_path / "no" / "folder.csv")
    assert (done.exit_code, done.json["error"]["code"]) == (2, "usage")
    assert database.execute("select count(*) from collections") == [(0,)]
    assert cli("statement", "S2610-SHAKTI", "--json", tmp_path / "no" / "folder.json").exit_code == 2


@pytest.mark.parametrize("url", ["nonsense", "mysql://someone:secret@host/name", "postgresql://host:port/name"])
def test_an_address_that_is_no_postgresql_database_is_bad_usage(url, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PORTAL_HOME", str(tmp_path))
    assert run(["verify", "--json", "--database-url", url]) == 2
    said = capsys.readouterr()
    assert "bad_database_url" in said.out
    assert "secret" not in said.out + said.err


def test_a_home_that_cannot_be_made_is_named(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("")
    for name in ("PORTAL_DATABASE_URL", "PORTAL_SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PORTAL_HOME", str(tmp_path / "file" / "home"))
    assert run(["init", "--json"]) == 4
    assert str(tmp_path / "file") in capsys.readouterr().out


def test_a_server_without_our_database_is_not_set_up_rather_than_down(database):
    engine = make_engine(database.bank_url.replace(database.name, "portal_nowhere"))
    assert current_revision(engine) is None
    engine.dispose()


def test_a_batch_says_where_its_file_can_be_read(cli, bank_session):
    with unit_of_work(bank_session):
        for email, role in (
            ("m@b.example", "bank_operator"),
            ("c@b.example", "bank_approver"),
            ("f@b.example", "finance"),
        ):
            a_user(bank_session, email, role)
        a_month(bank_session, OCTOBER, {"SHAKTI": [10_00_000_00]})
    cli("settlements", "draft", "--period", "2026-10")
    cli("settlements", "submit", "S2610-SHAKTI", as_email="m@b.example")
    cli("settlements", "approve", "S2610-SHAKTI", as_email="c@b.example")
    made = cli("payouts", "batch", "--period", "2026-10", "--rail", "bank_file", as_email="f@b.example").json
    assert hashlib.sha256(Path(made["file"]).read_bytes()).hexdigest() == made["file_sha256"]
    assert made["file_name"].startswith("B2610-01")


def test_a_statement_named_without_a_file_goes_to_the_screen(cli, bank_session):
    with unit_of_work(bank_session):
        a_month(bank_session, OCTOBER, {"SHAKTI": [10_00_000_00]})
    cli("settlements", "draft", "--period", "2026-10")
    shown = cli("statement", "S2610-SHAKTI", "--json")
    assert (shown.exit_code, shown.json["agency"]["code"]) == (0, "SHAKTI")
