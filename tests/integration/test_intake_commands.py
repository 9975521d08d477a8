"""`portal agencies|accounts|allocations import` as a person at a terminal uses them: exit codes and the one JSON object."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from allocations.agencies.models import Agency
from portal.cli.edge import Edge
from portal.cli.main import run
from portal.kernel.clock import FixedClock
from tests.factories.world import a_user

AGENCIES = "agency_code,legal_name,agreement_from,agreement_to\nSHAKTI,Shakti,2026-04-01,2027-03-31\n"
ACCOUNTS = "LAN,Customer,Product,EMI,POS,TOS,Overdue,DPD\nLN1,A,PL,1,1,1,1,45\nLN2,B,PL,1,1,1,1,0\n"
PLACEMENT = "LAN,Agency,From,To\nLN1,SHAKTI,2026-10-01,2026-12-31\n"


@pytest.fixture
def portal(database: Any, clock: FixedClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Any:
    for name, value in {**database.environ, "PORTAL_HOME": str(tmp_path / "home")}.items():
        monkeypatch.setenv(name, value)

    def portal(*words: str, text: str = "", name: str = "file.csv") -> tuple[int, dict[str, Any]]:
        path = tmp_path / name
        path.write_text(text)
        code = run([word.replace("FILE", str(path)) for word in words] + ["--json"], Edge(clock=clock))
        return code, json.loads(capsys.readouterr().out)

    return portal


def test_the_three_files_of_a_placement_come_in_and_change_nothing_a_second_time(portal: Any) -> None:
    steps = [
        (("agencies", "import", "FILE"), AGENCIES, 1),
        (("accounts", "import", "FILE", "--as-of", "2026-09-30"), ACCOUNTS, 2),
        (("allocations", "import", "FILE", "--placement", "OCT-26"), PLACEMENT, 1),
    ]
    for again in (False, True):
        for words, text, rows in steps:
            code, said = portal(*words, text=text)
            assert code == 0
            assert {key: said[key] for key in ("rows", "created", "updated", "rejected", "errors")} == {
                "rows": rows,
                "created": 0 if again else rows,
                "updated": 0,
                "rejected": 0,
                "errors": [],
            }
            assert said["unchanged"] == (rows if again else 0)


def test_rejected_rows_leave_the_good_ones_in_and_go_into_a_file(portal: Any, tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    code, said = portal(
        "accounts",
        "import",
        "FILE",
        "--as-of",
        "2026-09-30",
        "--rejected",
        str(bad),
        text=ACCOUNTS + "LN3,C,PL,x,1,1,1,1\n",
    )
    assert (code, said["created"], said["rejected"]) == (3, 2, 1)
    (error,) = said["errors"]
    assert (error["file"], error["row"], error["column"], error["code"]) == ("file.csv", 4, "emi_amount", "bad_amount")
    assert bad.read_text(encoding="utf-8-sig").splitlines()[1].startswith("LN3,C,PL,x,1,1,1,1,bad_amount,emi_amount,")


def test_when_every_row_is_rejected_the_input_is_invalid(portal: Any) -> None:
    code, said = portal("accounts", "import", "FILE", "--as-of", "2026-09-30", text=ACCOUNTS.replace("PL,1", "PL,x"))
    assert (code, said["created"], said["rejected"]) == (2, 0, 2)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty_file"),
        ("LAN,Customer\n1,2\n", "missing_column"),
        ("<html>", "not_a_sheet"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_every_fault(portal: Any, text: str, code: str) -> None:
    exit_code, said = portal("accounts", "import", "FILE", "--as-of", "2026-09-30", text=text)
    assert exit_code == 2
    assert {error["code"] for error in said["errors"]} == {code}
    assert all(error["file"] == "file.csv" and error["cure"] for error in said["errors"])


def test_bad_usage_and_missing_files_exit_with_two(portal: Any) -> None:
    assert portal("accounts", "import", "FILE", text=ACCOUNTS)[0] == 2
    assert portal("accounts", "import", "FILE", "--as-of", "30.09.2026", text=ACCOUNTS)[0] == 2
    assert portal("agencies", "import", "/no/such/file")[0] == 2


def test_ambiguous_dates_are_refused_until_the_order_is_told(portal: Any) -> None:
    text = AGENCIES.replace("2026-04-01", "01/04/2026").replace("2027-03-31", "01/04/2027")
    code, said = portal("agencies", "import", "FILE", text=text)
    assert (code, said["errors"][0]["code"]) == (2, "ambiguous_dates")
    assert portal("agencies", "import", "FILE", "--date-order", "dmy", text=text)[1]["created"] == 1


def test_the_command_empanels_whoever_runs_it(portal: Any, bank_session: Any) -> None:
    a_user(bank_session, "maker@bank.example", "bank_operator")
    bank_session.commit()
    assert portal("agencies", "import", "FILE", "--as", "maker@bank.example", text=AGENCIES)[0] in (0, 3)
    assert set(bank_session.scalars(select(Agency.status))) == {"empanelled"}


def test_only_those_who_may_import_do(portal: Any, bank_session: Any) -> None:
    a_user(bank_session, "auditor@bank.example", "auditor")
    bank_session.commit()
    code, said = portal("agencies", "import", "FILE", "--as", "auditor@bank.example", text=AGENCIES)
    assert code == 1
    assert said["errors"][0]["code"] == "is_admin_maker_or_machine"
