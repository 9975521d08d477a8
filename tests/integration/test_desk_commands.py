"""The commands finance and admins have for what the pages do: limits, delegations, findings, layouts, debits, deposits, papers."""

from __future__ import annotations

import json

import pytest

from payouts.rails.debit_jobs import ask_to_look, look_for_debits
from payouts.rails.layouts import layout_of
from payouts.rails.moves import load_payout
from payouts.rails.profiles import ENET_CSV
from portal.kernel.clock import FixedClock
from portal.kernel.db import bank_scope, unit_of_work
from portal.kernel.jobs import NIGHT, JobRun
from portal.kernel.progress import JobProgress
from tests.factories.month import CHECKER, FINANCE, MAKER
from tests.factories.paid_month import a_sent_batch, an_approved_month, an_own_line
from tests.factories.world import a_user

ADMIN, ADMIN_2 = "admin@bank.example", "admin2@bank.example"


@pytest.fixture
def people(bank_session):
    with unit_of_work(bank_session):
        for email, role in (
            (ADMIN, "bank_admin"),
            (ADMIN_2, "bank_admin"),
            (MAKER.email, "bank_operator"),
            (CHECKER.email, "bank_approver"),
            (FINANCE.email, "finance"),
        ):
            a_user(bank_session, email, role)


def test_limits_and_delegations_are_set_by_one_and_decided_by_another(cli, people):
    words = ("limits", "set", "settlement", "bank_approver", "--up-to", "5,00,000", "--third-key-above", "2,00,000")
    dated = ("--from", "2026-11-10", "--reason", "Board note 12")
    made = cli(*words, *dated, as_email=ADMIN)
    assert made.exit_code == 0, made.out
    row = made.json["limits"][0]
    assert (row["up_to"], row["third_key_above"], row["status"]) == ("500000.00", "200000.00", "proposed")
    assert cli("limits", "accept", row["ref"], as_email=ADMIN).exit_code == 1, "who proposed it does not decide"
    assert cli("limits", "accept", row["ref"], as_email=ADMIN_2).json["limits"][0]["status"] == "accepted"
    assert [each["ref"] for each in cli("limits", "list", as_email=ADMIN).json["limits"]] == [row["ref"]]
    wrong = cli("limits", "set", "settlement", "finance", "--from", "2020-01-01", "--reason", "x", as_email=ADMIN)
    assert wrong.exit_code == 2
    assert [each["code"] for each in wrong.json["errors"]] == ["bad_role", "in_the_past", "reason_needed"]
    days = ("--from", "2026-11-10", "--to", "2026-11-20", "--reason", "On leave")
    other = cli("delegations", "set", MAKER.email, FINANCE.email, *days, as_email=ADMIN).json["delegations"][0]
    gone = cli("delegations", "withdraw", other["ref"], as_email=ADMIN).json["delegations"][0]
    assert (other["of"], other["stands_in"], gone["status"]) == (MAKER.email, FINANCE.email, "withdrawn")
    assert FINANCE.email in cli("delegations", "list", as_email=ADMIN, text=True).out


def test_a_layout_is_checked_proposed_and_accepted(cli, people, tmp_path):
    file = tmp_path / "own.json"
    file.write_text(json.dumps(layout_of(ENET_CSV)))
    checked = cli("payouts", "layouts", "check", file, "--name", "own_csv", "--out", tmp_path / "made.csv")
    assert checked.exit_code == 0, checked.out
    assert (tmp_path / "made.csv").read_bytes().decode() == checked.json["preview"]
    file.write_text("label = 'x'")
    broken = cli("payouts", "layouts", "check", file)
    assert broken.exit_code == 2 and len(broken.json["errors"]) > 2
    file.write_text(json.dumps(layout_of(ENET_CSV)))
    made = cli("payouts", "layouts", "propose", "own_csv", file, as_email=FINANCE.email).json["layouts"][0]
    assert (made["name"], made["version"], made["status"]) == ("own_csv", 1, "proposed")
    assert cli("payouts", "layouts", "accept", "own_csv", 1, as_email=FINANCE.email).exit_code == 1
    assert cli("payouts", "layouts", "accept", "own_csv", 1, as_email=CHECKER.email).exit_code == 0
    listed = cli("payouts", "layouts", "list", as_email=FINANCE.email).json
    assert [each["status"] for each in listed["layouts"]] == ["accepted"] and listed["built_in"]


def test_a_debit_is_found_after_the_statement_came_in_and_by_hand_and_findings_by_two(
    cli, people, bank_session, database, file_store, now, tmp_path
):
    with unit_of_work(bank_session):
        assert not ask_to_look(bank_session, now=now), "nobody looks while no payout is under way"
    an_approved_month(bank_session, now)
    a_sent_batch(bank_session, file_store, now, tmp_path)
    expected = cli("payouts", "debits", "list", as_email=FINANCE.email).json["expected"]
    assert {each["payout"] for each in expected} == {"P2610-0001", "P2610-0002"}
    with unit_of_work(bank_session):
        an_own_line(bank_session, "out", 78_400_00, now.date(), "NEFT P2610-0001 SHAKTI")
        assert ask_to_look(bank_session, now=now)
    run = JobRun(0, bank_scope(now.date()), NIGHT, database.logins, FixedClock(now))
    assert look_for_debits.work(run) == {"tied": 1, "moved": 1}
    bank_session.expire_all()
    assert load_payout(bank_session, "P2610-0001").status == "paid"
    assert {each.kind: each.created_by for each in bank_session.query(JobProgress)}["look_for_debits"] == "system"
    assert cli("payouts", "debits", "look").json == {"seen": 0, "moved": []}
    words = ("payouts", "findings", "propose", "P2610-0002", "paid", "--utr", "UTR9", "--note", "Seen on its screen")
    missing = cli(*words, as_email=FINANCE.email)
    assert missing.exit_code == 2 and missing.json["errors"][0]["code"] == "missing_day"
    made = cli(*words, "--on", now.date(), as_email=FINANCE.email).json["findings"][0]
    assert cli("payouts", "findings", "accept", made["id"], as_email=FINANCE.email).exit_code == 1
    done = cli("payouts", "findings", "accept", made["id"], as_email=CHECKER.email).json["findings"][0]
    assert (done["status"], done["payout_status"]) == ("accepted", "paid")
    assert [each["id"] for each in cli("payouts", "findings", "list", as_email=FINANCE.email).json["findings"]] == [
        made["id"]
    ]


def test_tax_is_paid_over_and_told_of_by_command(cli, people, bank_session, now, tmp_path):
    an_approved_month(bank_session, now)
    (month,) = cli("tax", "months", "--quarter", "2026-Q3", as_email=FINANCE.email).json["months"]
    assert (month["withheld"], month["open"], month["state"]) == ("1600.00", "1600.00", "overdue")
    assert cli("tax", "near", as_email=FINANCE.email).json["near"][0]["stage"] == "late"
    words = ("tax", "deposit", "propose", "2026-10", "1006", "--challan", "77", "--bsr", "0510308")
    wrong = cli(*words, "--amount", "1,500", "--on", "2026-11-06", as_email=FINANCE.email)
    assert wrong.exit_code == 2 and wrong.json["errors"][0]["code"] == "wrong_amount"
    made = cli(*words, "--amount", "1,600", "--on", "2026-11-06", as_email=FINANCE.email).json["deposits"][0]
    assert cli("tax", "deposit", "accept", made["ref"], as_email=FINANCE.email).exit_code == 1
    assert (
        cli("tax", "deposit", "accept", made["ref"], as_email=CHECKER.email).json["deposits"][0]["status"] == "accepted"
    )
    (row,) = cli("tax", "withheld", "--quarter", "2026-Q3", as_email=FINANCE.email).json["rows"]
    assert (row["challan_bsr"], row["challan_serial"]) == ("0510308", "77")
    assert cli("tax", "papers", as_email=FINANCE.email).json == {"papers": []}
    assert cli("tax", "paper", "SI2627-00001", "--pdf", tmp_path / "x.pdf", as_email=FINANCE.email).exit_code == 1
    assert cli("tax", "deposit", "cancel", made["ref"], as_email=CHECKER.email).exit_code == 1
    for act in ("ask-cancel", "keep", "ask-cancel"):
        said = cli("tax", "deposit", act, made["ref"], "--reason", "Another month's.", as_email=FINANCE.email)
        assert said.json["deposits"][0]["status"] == "accepted"
    gone = cli("tax", "deposit", "cancel", made["ref"], as_email=CHECKER.email)
    assert gone.json["deposits"][0]["status"] == "cancelled"
    assert len(cli("tax", "deposit", "list", as_email=FINANCE.email).json["deposits"]) == 1
