"""`portal legal`, `portal letters`, `portal campaigns`: what a script can do and what it is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from portal.kernel.audit import Actor
from tests.factories.honest_files import pdf, saved
from tests.integration.test_legal import MAKER, maker
from tests.integration.test_letters import approved

__all__ = ["maker"]
Run = Callable[..., Any]
AS = ("--as", MAKER)


def test_a_case_is_opened_and_its_facts_entered_by_command(maker: Actor, cli: Run, tmp_path: Path) -> None:
    refused = cli("legal", "open", "LN0001", "s138", "--reason", "Came back.")
    assert refused.exit_code == 1
    opened = cli("legal", "open", "LN0001", "s138", "--reason", "Cheque came back.", *AS)
    assert opened.exit_code == 0 and opened.json["standing"] == "blocked" and opened.json["due_on"] is None
    case, memo = str(opened.json["case"]), tmp_path / "memo.pdf"
    memo.write_bytes(saved(pdf()))
    bad = cli("legal", "fact", case, "memo_on", "yesterday", *AS)
    assert bad.exit_code == 2
    told = cli("legal", "fact", case, "memo_on", "2026-11-02", "--file", str(memo), *AS)
    assert (told.json["due_on"], told.json["days_left"], told.json["next"]) == ("2026-12-02", 22, "notice_sent_on")
    assert [each["case"] for each in cli("legal", "list", "--step", "s138").json["cases"]] == [int(case)]
    assert "notice_sent_on by 2026-12-02" in cli("legal", "list", text=True).out


def test_a_letter_is_made_and_sent_by_command_and_a_segment_counted(
    maker: Actor, cli: Run, bank_session: Session, tmp_path: Path
) -> None:
    assert cli("letters", "make", "agency_authorisation", "LN0001", *AS).exit_code == 1
    approved(bank_session, "agency_authorisation")
    path = tmp_path / "letter.pdf"
    made = cli("letters", "make", "agency_authorisation", "LN0001", "--to", str(path), *AS)
    assert made.json["letter"] == "L2026-000001" and path.read_bytes().startswith(b"%PDF")
    sent = ("--channel", "post", "--sent-on", "2026-11-10")
    assert cli("letters", "dispatch", "L2026-000001", *sent, *AS).exit_code == 0
    register = tmp_path / "register.csv"
    register.write_text("letter,channel,sent_on,outcome\nL2026-000001,post,2026-11-10,delivered\nL1,post,2026-11-10,\n")
    read = cli("letters", "import", str(register), *AS)
    assert (read.exit_code, read.json["outcomes"], len(read.json["problems"])) == (3, 1, 1)
    assert cli("campaigns", "preview", '{"bucket": "31-60"}').json["eligible"] == 1
    assert (
        cli("campaigns", "preview", '{"colour": "red"}').exit_code == 2
        and cli("campaigns", "preview", "x").exit_code == 2
    )
    assert cli("campaigns", "result", "NONE").exit_code == 1 and cli("campaigns", "start", "NONE", *AS).exit_code == 1
