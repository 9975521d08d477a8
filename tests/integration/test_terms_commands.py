"""`portal notices|holds|allocations recall|outcomes curves` as a person at a terminal uses them."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from portal.cli.edge import Edge
from portal.cli.main import run
from portal.kernel.clock import FixedClock
from portal.kernel.db import PortalSession
from tests.factories.world import a_user

MAKER = ("--as", "maker@bank.example")
STEPS = [
    (
        ("agencies", "import", "FILE"),
        "agency_code,legal_name,agreement_from,agreement_to\nSHAKTI,Shakti,2026-04-01,2027-03-31\n",
    ),
    (
        ("accounts", "import", "FILE", "--as-of", "2026-09-30"),
        "LAN,Customer,Product,EMI,POS,TOS,Overdue,DPD,Mobile\nLN1,A,PL,1,100,110,1,45,98\nLN2,B,PL,1,100,110,1,0,98\n",
    ),
    (
        ("allocations", "import", "FILE", "--placement", "OCT-26"),
        "LAN,Agency,From,To\nLN1,SHAKTI,2026-10-01,2026-12-31\nLN2,SHAKTI,2026-10-01,2026-12-31\n",
    ),
]


@pytest.fixture
def portal(database: Any, clock: FixedClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Any:
    for name, value in {**database.environ, "PORTAL_HOME": str(tmp_path / "home")}.items():
        monkeypatch.setenv(name, value)

    def portal(*words: str, text: str = "") -> tuple[int, dict[str, Any]]:
        path = tmp_path / "file.csv"
        path.write_text(text)
        code = run([word.replace("FILE", str(path)) for word in words] + ["--json"], Edge(clock=clock))
        return code, json.loads(capsys.readouterr().out)

    return portal


def test_told_held_and_taken_back_from_a_terminal(portal: Any, bank_session: PortalSession, tmp_path: Path) -> None:
    a_user(bank_session, "maker@bank.example", "bank_operator")
    bank_session.commit()
    for words, text in STEPS:
        assert portal(*words, text=text)[0] == 0
    out = tmp_path / "due.csv"
    code, said = portal("notices", "export", "--out", str(out))
    assert (code, said["notices"]) == (0, 2)
    rows = list(csv.DictReader(out.read_text("utf-8-sig").splitlines()))
    assert [(row["loan_account_no"], row["channel"], row["agency_name"]) for row in rows] == [
        ("LN1", "sms", "Shakti"),
        ("LN2", "sms", "Shakti"),
    ]
    answer = "notice_id,loan_account_no,status,sent_on\n" + "".join(
        f"{row['notice_id']},{row['loan_account_no']},delivered,2026-11-09\n" for row in rows
    )
    assert portal("notices", "import", "FILE", text=answer)[1]["updated"] == 2
    assert portal("notices", "export", "--out", str(out))[1] == {"batch": None, "notices": 0, "file": str(out)}
    assert portal("notices", "export", "--out", str(out), "--batch", said["batch"])[1]["notices"] == 2

    held = "loan_account_no,cause,reason,from_on,to_on,effect\nLN1,litigation,Suit 12/26,2026-11-01,,no_work\n"
    assert portal("holds", "import", "FILE", text=held)[0] == 1  # it needs a person
    assert portal("holds", "import", "FILE", *MAKER, text=held)[1]["created"] == 1
    assert [row["cause"] for row in portal("holds", "list")[1]["holds"]] == ["litigation"]

    numbers = "loan_account_no\nLN1\nLN9\n"
    recall = ("allocations", "recall", "FILE", "--on", "2026-11-15", *MAKER)
    code, said = portal(*recall, "--dry-run", text=numbers)
    assert (code, said["accounts"], said["principal"], said["dry_run"]) == (3, 1, "100.00", True)
    assert [each["loan_account_no"] for each in said["left"]] == ["LN9"]
    assert portal(*recall, text=numbers)[0] == 2  # without a reason
    assert portal(*recall, "--reason", "In court", text=numbers)[1]["accounts"] == 1
    assert portal(*recall, "--dry-run", text=numbers)[1]["accounts"] == 0

    code, said = portal("outcomes", "curves", "--period", "2026-11")
    assert code == 0 and said["liquidation"] == [
        {"month_on_book": at, "percent": "0.00", "cumulative_percent": "0.00"} for at in (1, 2)
    ]
    assert (said["vintages"][0]["month"], said["vintages"][0]["placed"]) == ("2026-10", "220.00")
