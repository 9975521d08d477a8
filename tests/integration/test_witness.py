"""A witness outside: what nobody inside can prove, a log written anew from the first event, is found by the copy of its head."""

from __future__ import annotations

import io
import json
from datetime import timedelta

import pytest

from payouts.difference import Findings
from payouts.witness_files import check_witnesses, lay_down, read_witness, read_witnesses, witness_day
from payouts.witness_job import witness_nightly
from portal.kernel.clock import FixedClock
from portal.kernel.db import bank_scope, unit_of_work
from portal.kernel.errors import Invalid, Refused
from portal.kernel.jobs import JobRun
from portal.kernel.key_ring import KeyRing
from tests.conftest import logins
from tests.factories.month import SYSTEM
from tests.factories.paid_month import a_paid_month
from tests.factories.world import a_user

# The log as somebody would write it who has the database and its code: any event changed, every hash after it made again.
REWRITTEN = """
do $$ declare link record; last text := repeat('0', 64); begin
  set local session_replication_role = replica;
  {edit};
  for link in select id, body from audit_events order by id loop
    update audit_events set prev_hash = last,
           hash = encode(sha256(convert_to(last || chr(10) || link.body, 'UTF8')), 'hex') where id = link.id;
    select hash into last from audit_events where id = link.id;
  end loop;
  update audit_head set last_id = (select max(id) from audit_events), last_hash = last;
end $$
"""
ACCOUNTS_OF_THE_FIRST = ("commission_expense", "payable_to_agency", "withholding_payable")
# What is done behind the portal's back, and what of the witness no longer holds.
DEEDS = {
    "an event forged": (
        "update audit_events set body = replace(body, 'checker@', 'chocker@'), actor = 'chocker@bank.example' where id = 8",
        {("audit_events", "hash")},
    ),
    "a tail cut off": (
        "delete from audit_events where id > 20",
        {
            ("audit_events", "hash"),
            ("audit_events", "events up to it"),
            *(("payouts", f"{status} INR") for status in ("paid", "returned", "sent")),
            *(("settlements", f"{status} INR") for status in ("paid", "returned", "paying")),
        },
    ),
    "two events swapped": (
        """update audit_events e set body = o.body, tag = o.tag, subject_ref = o.subject_ref
             from audit_events o where e.id in (16, 17) and o.id = 33 - e.id""",
        {("audit_events", "hash")},
    ),
    "a payment moved to another day": (
        """update journal_entries set posted_on = posted_on - 1 where kind = 'paid';
           update journal_entries t set seal = seal_of(t)""",
        {("journal_entries", "sha256")},
    ),
    "a commission doubled, balanced and sealed": (
        """update journal_lines set debit_minor = debit_minor * 2, credit_minor = credit_minor * 2 where entry_id = 1;
           update journal_lines t set seal = seal_of(t)""",
        {("journal_entries", "sha256"), *(("journal_lines", f"{account} INR") for account in ACCOUNTS_OF_THE_FIRST)},
    ),
}


@pytest.fixture
def witnessed(bank_session, file_store, database, now, clock, tmp_path):
    """October paid and witnessed on two days; (make, folder)."""
    a_paid_month(bank_session, file_store, now, tmp_path)
    bank_session.rollback()
    folder = tmp_path / "outside"

    def make(days: int = 0, into=folder):
        def unit():
            return unit_of_work(database.logins.session(bank_scope(clock.today())))

        moment = now + timedelta(days=days)
        return witness_day(unit, file_store, into, actor=SYSTEM, now=moment, today=moment.date())

    make()
    make(1)
    return make, folder


def told(session, folder) -> set[tuple[str, str]]:
    session.rollback()
    findings = Findings()
    check_witnesses(session, findings, read_witnesses(folder))
    return {(each.table, each.field) for each in findings.differences}


def test_a_day_is_witnessed_once_signed_and_names_the_day_before(witnessed, file_store):
    make, folder = witnessed
    first, second = read_witnesses(folder)
    assert [each.name for each in (first, second)] == ["witness-2026-11-10.json", "witness-2026-11-11.json"]
    assert (first.said["previous"], second.said["previous"]) == (None, {"day": "2026-11-10", "sha256": first.sha256})
    assert (first.said["audit"]["sequence"], second.said["audit"]["sequence"]) == (26, 27), (
        "the first is an event itself"
    )
    assert [(row["status"], row["count"], row["sum_minor"]) for row in first.said["payouts"]] == [
        ("paid", 1, 78_400_00),
        ("returned", 1, 5_000_00),
    ]
    ledger = {row["account"]: row["credit_minor"] - row["debit_minor"] for row in first.said["ledger"]}
    assert (ledger["bank"], ledger["payable_to_agency"], sum(ledger.values())) == (78_400_00, 5_000_00, 0)
    again, is_new = make(1)
    assert (again.data, is_new) == (second.data, False)
    lay_down(folder, second)
    (folder / second.name).write_bytes(first.data)
    with pytest.raises(Refused, match="another witness"):
        make(1)
    assert (folder / second.name).read_bytes() == first.data, "what lies there is never written over"


def test_what_came_later_leaves_yesterdays_witness_true(witnessed, bank_session, file_store, now):
    """Days on, the payout that was paid comes back: the sums of then are made from the log, not from what is there now."""
    from payouts.rails.moves import conclude, load_payout

    _, folder = witnessed
    with unit_of_work(bank_session):
        payout = load_payout(bank_session, "P2610-0001", locked=True)
        conclude(bank_session, payout, "return", reason="Came back", actor=SYSTEM, now=now)
    assert told(bank_session, folder) == set()


def test_a_log_written_anew_and_totals_made_to_fit_are_found(witnessed, bank_session, database):
    _, folder = witnessed
    assert told(bank_session, folder) == set()
    for table in ("audit_events", "audit_head", "journal_entries", "journal_lines"):
        database.execute(f"create table kept_{table} as table {table}")
    for deed, (edit, expected) in DEEDS.items():
        database.execute(REWRITTEN.format(edit=edit))
        assert told(bank_session, folder) == expected, deed
        for table in ("audit_events", "audit_head", "journal_entries", "journal_lines"):
            restore = f"delete from {table}; insert into {table} overriding system value table kept_{table}"
            database.execute(f"set session_replication_role = replica; {restore}")
    assert told(bank_session, folder) == set()


def test_a_witness_that_was_changed_or_signed_by_somebody_else_proves_nothing(
    witnessed, bank_session, database, now, clock, tmp_path
):
    _, folder = witnessed
    path = folder / "witness-2026-11-10.json"
    kept = path.read_bytes()
    envelope = json.loads(kept)
    spoilt = [
        kept.replace(b'"sequence":26', b'"sequence":25'),
        kept.replace(b'"format"', b'"formal"', 1),
        kept[:-2],
        b"",
        b"[]",
        json.dumps(envelope, indent=1).encode(),
        kept.replace(envelope["key_id"].encode(), b"0" * 16),
    ]
    for data in spoilt:
        with pytest.raises(Invalid, match=r"no witness file|changed since"):
            read_witness(data, "w.json")
    stranger = logins(database.server, database.name)
    stranger.beside["key_ring"] = KeyRing(tmp_path / "other-keys")
    with pytest.raises(Refused, match="private half"):
        witness_day(
            lambda: unit_of_work(stranger.session(bank_scope(clock.today()))),
            None,
            tmp_path / "other",
            actor=SYSTEM,
            now=now + timedelta(days=5),
            today=(now + timedelta(days=5)).date(),
        )
    stranger.dispose()
    database.execute("set session_replication_role = replica; update signing_keys set key_id = 'another'")
    assert told(bank_session, folder) == {("signing_keys", "key")}


def test_the_night_writes_it_and_mails_it_where_it_is_wanted(
    bank_session, file_store, database, clock, settings, tmp_path
):
    from dataclasses import replace

    services = type("Services", (), {})()
    services.settings = replace(settings, witness=tmp_path / "carried", witness_to="Witness@outside.example")
    services.files = file_store
    run = JobRun(0, bank_scope(clock.today()), SYSTEM, database.logins, FixedClock(clock.instant), services)
    first, again = witness_nightly.work(run), witness_nightly.work(run)
    assert (first["new"], again["new"], first["sha256"]) == (True, False, again["sha256"])
    (path,) = (tmp_path / "carried").iterdir()
    ((to, body),) = database.execute("select to_address, body from notices")
    assert to == "witness@outside.example"
    assert body.encode().endswith(path.read_bytes())


def test_the_command_writes_it_and_verify_holds_the_database_against_it(cli, database, bank_session, tmp_path):
    a_user(bank_session, "auditor@bank.example", "auditor")
    bank_session.commit()
    made = cli("witness", tmp_path / "usb")
    assert (made.exit_code, made.json["new"]) == (0, True)
    assert "made before" in cli("witness", tmp_path / "usb", text=True).out
    clean = cli("verify", "--witness", tmp_path / "usb")
    assert (clean.exit_code, clean.json["differences"]) == (0, [])
    assert "Held against 1 witnesses" in cli("verify", "--witness", made.json["file"], text=True).out
    database.execute(
        REWRITTEN.format(edit="update audit_events set body = replace(body, 'system', 'sistem'), actor = 'sistem'")
    )
    found = cli("verify", "--witness", tmp_path / "usb")
    assert found.exit_code == 1
    assert {(each["check"], each["ref"]) for each in found.json["differences"]} >= {
        ("witness", f"witness of {made.json['day']}")
    }
    (tmp_path / "none").mkdir()
    assert cli("verify", "--witness", tmp_path / "none").exit_code == 2


def test_the_page_shows_the_last_witness_and_holds_the_books_against_one(
    witnessed, bank_session, database, browse, app, file_store
):
    app.extensions["portal.files"] = file_store
    a_user(bank_session, "auditor@bank.example", "auditor")
    bank_session.commit()
    _, folder = witnessed
    auditor = browse("auditor@bank.example")
    page = auditor.get("/audit/verify")
    assert "11 Nov 2026" in page.text and "Download it" in page.text
    newest = (folder / "witness-2026-11-11.json").read_bytes()
    assert auditor.get("/audit/verify/witness").data == newest

    def hand_in(data: bytes):
        return auditor.post("/audit/verify/witness", {"file": (io.BytesIO(data), "witness.json")})

    assert "The books are those of the witness" in hand_in(newest).text
    database.execute(REWRITTEN.format(edit=DEEDS["an event forged"][0]))
    held = hand_in(newest).text
    assert "not those of the witness" in held and "Audit events" in held
    spoilt = hand_in(newest.replace(b'"sequence":27', b'"sequence":26'))
    assert (spoilt.status_code, "changed since it was signed" in spoilt.text) == (422, True)
