"""A restored database pays nobody, tells nobody twice, and lets nobody in, until people have found out what happened meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import select, text

from payouts.ledger.service import bank_day
from payouts.rails import debits, findings, stops
from payouts.rails.after_restore import hold_everything
from payouts.rails.batches import approve_batch, make_batch, reject_batch
from payouts.rails.findings import Found
from payouts.rails.lost_transfers import began, lost_transfers
from payouts.rails.models import Payout, PayoutBatch
from payouts.rails.open_intents import open_intents, unknown_debits
from payouts.rails.protocol import Made
from payouts.rails.sending import finish_sending, start_sending
from payouts.ties import ledger_ties
from payouts.verify import verify
from portal.access.links import make_link, open_link
from portal.access.models import UserSession
from portal.access.sessions import start_session
from portal.access.users import find_user
from portal.backups.afterwards import WHY_HELD, settle_restored
from portal.backups.manifest import Contents, Manifest
from portal.kernel.db import unit_of_work
from portal.kernel.errors import NotFound, Refused
from portal.kernel.jobs import enqueue
from portal.kernel.notice_jobs import send_notices
from portal.kernel.notices import Notice, next_waiting, tell
from tests.factories.browser import ONCE
from tests.factories.month import CHECKER, FINANCE, OCTOBER, SECOND_CHECKER, SYSTEM
from tests.factories.paid_month import a_sent_batch, an_approved_month, an_own_line
from tests.factories.world import a_user

FIRST, SECOND = "P2610-0001", "P2610-0002"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def month(bank_session, now):
    return an_approved_month(bank_session, now)


@pytest.fixture
def restored(now):
    """The instant of the restore; the backup is a day older."""
    return now + timedelta(days=1)


def held(session, restored):
    with unit_of_work(session):
        stop, doubted = hold_everything(session, taken_at=restored - timedelta(days=1), actor=SYSTEM, now=restored)
    return stop.id, doubted


def a_batch(session, store, now, rail="bank_file"):
    with unit_of_work(session):
        return make_batch(session, store, OCTOBER, rail, actor=FINANCE, now=now).batch.ref


def approved(session, store, ref, now):
    with unit_of_work(session):
        approve_batch(session, store, ref, actor=CHECKER, now=now)
    return ref


def acts(session, stop):
    return {each.ref: each.act for each in open_intents(session, stops.load_stop(session, stop))}


def said(session, ref, says, now):
    """Two people agree on what became of a payout."""
    with unit_of_work(session):
        found = Found(
            says, "The bank said so", f"UTR-{ref}" if says == "paid" else "", bank_day(now) if says == "paid" else None
        )
        made = findings.propose_finding(session, ref, found, actor=FINANCE, now=now)
        findings.decide_finding(session, made.id, accept=True, reason="", actor=CHECKER, now=now)


def lifted(session, stop, now):
    with unit_of_work(session):
        stops.ask_to_lift(session, stop, "Everything is known", actor=FINANCE, now=now)
    with unit_of_work(session):
        return stops.lift(session, stop, actor=SECOND_CHECKER, now=now)


def refused(session, stop, now):
    with pytest.raises(Refused) as refusal:
        lifted(session, stop, now)
    session.rollback()
    return refusal.value.code


def status(session, ref):
    return session.scalar(select(Payout.status).where(Payout.ref == ref))


def test_an_approved_file_may_have_gone_so_nobody_knows_until_the_bank_or_two_people_say(
    bank_session, file_store, month, now, restored
):
    ref = approved(bank_session, file_store, a_batch(bank_session, file_store, now), now)
    stop, doubted = held(bank_session, restored)
    assert (doubted, acts(bank_session, stop)) == ([FIRST, SECOND], {FIRST: "say", SECOND: "say"})
    assert refused(bank_session, stop, restored + MINUTE) == "open_intents"
    for deed in (
        lambda: start_sending(bank_session, actor=SYSTEM, now=restored),
        lambda: make_batch(bank_session, file_store, OCTOBER, "bank_file", actor=FINANCE, now=restored),
    ):
        with pytest.raises(Refused), unit_of_work(bank_session):
            deed()
    said(bank_session, FIRST, "paid", restored + MINUTE)
    said(bank_session, SECOND, "failed", restored + MINUTE)
    assert bank_session.scalar(select(PayoutBatch.status).where(PayoutBatch.ref == ref)) == "closed"
    assert lifted(bank_session, stop, restored + MINUTE).lifted_by == SECOND_CHECKER.email
    assert [row for row in ledger_ties(bank_session) if row.difference_minor] == []
    assert [str(each) for each in verify(bank_session, file_store).differences] == []
    with unit_of_work(bank_session):
        again = make_batch(bank_session, file_store, OCTOBER, "bank_file", actor=FINANCE, now=restored).batch
    assert (again.ref, again.count) == ("B2610-0G5ZE002", 1)  # no number is given twice, not even one that was lost
    assert status(bank_session, "P2610-0G5ZE0003") == "queued"


def test_a_file_that_was_only_made_is_taken_back_before_paying_goes_on(bank_session, file_store, month, now, restored):
    ref = a_batch(bank_session, file_store, now)
    stop, doubted = held(bank_session, restored)
    assert (doubted, acts(bank_session, stop)) == ([], {FIRST: "reject", SECOND: "reject"})
    with pytest.raises(Refused), unit_of_work(bank_session):
        approve_batch(bank_session, file_store, ref, actor=CHECKER, now=restored)
    assert refused(bank_session, stop, restored + MINUTE) == "open_intents"
    with unit_of_work(bank_session):
        reject_batch(bank_session, ref, actor=CHECKER, now=restored + MINUTE, reason="The bank never got it")
    lifted(bank_session, stop, restored + MINUTE)


def test_what_was_with_the_bank_is_asked_about_again(bank_session, file_store, month, now, restored, tmp_path):
    a_sent_batch(bank_session, file_store, now, tmp_path)
    stop, doubted = held(bank_session, restored)
    assert (doubted, acts(bank_session, stop)) == ([], {FIRST: "answer", SECOND: "answer"})
    said(bank_session, FIRST, "paid", restored + MINUTE)
    with unit_of_work(bank_session):
        findings.lose(bank_session, SECOND, "The bank does not say", actor=FINANCE, now=restored + MINUTE)
    assert acts(bank_session, stop) == {SECOND: "say"}
    with unit_of_work(bank_session):
        found = Found("sent", "It lies with the bank")
        findings.propose_finding(bank_session, SECOND, found, actor=FINANCE, now=restored + MINUTE)
    assert acts(bank_session, stop) == {SECOND: "agree"}
    with unit_of_work(bank_session):
        waiting = findings.waiting_finding(
            bank_session, bank_session.scalar(select(Payout.id).where(Payout.ref == SECOND))
        )
        findings.decide_finding(bank_session, waiting.id, accept=True, reason="", actor=CHECKER, now=restored + MINUTE)
    lifted(bank_session, stop, restored + MINUTE)


def test_what_was_paid_in_the_lost_time_is_seen_in_the_account_and_recorded_by_hand(
    bank_session, file_store, month, now, restored
):
    """The backup knows of no payout; the bank's statement shows one. By hand it is recorded, and nothing leaves."""
    stop, _ = held(bank_session, restored)
    after = restored + MINUTE
    with unit_of_work(bank_session):
        line = an_own_line(bank_session, "1", 78_400_00, bank_day(restored), f"NEFT {FIRST} SHAKTI").ref
        an_own_line(bank_session, "2", 5_00, bank_day(restored), "CHARGES")
        an_own_line(bank_session, "3", 7_00, bank_day(restored), "THEIR ORDER P2024-15")
    assert [each.names for each in unknown_debits(bank_session, stops.load_stop(bank_session, stop))] == [FIRST]
    assert refused(bank_session, stop, after) == "unknown_payments"
    by_hand = approved(bank_session, file_store, a_batch(bank_session, file_store, after, "manual"), after)
    assert acts(bank_session, stop) == {"P2610-0G5ZE0001": "send", "P2610-0G5ZE0002": "send"}
    with unit_of_work(bank_session):
        start_sending(bank_session, actor=FINANCE, now=after, only=by_hand)
        finish_sending(bank_session, by_hand, actor=FINANCE, now=after)
    assert acts(bank_session, stop) == {"P2610-0G5ZE0001": "say", "P2610-0G5ZE0002": "say"}
    said(bank_session, "P2610-0G5ZE0001", "paid", after)
    said(bank_session, "P2610-0G5ZE0002", "failed", after)
    with unit_of_work(bank_session):
        debits.tie_by_hand(bank_session, "P2610-0G5ZE0001", line, reason="The lost payout", actor=FINANCE, now=after)
    lifted(bank_session, stop, after)
    assert [str(each) for each in verify(bank_session, file_store).differences] == []


def test_a_file_taken_back_here_though_the_bank_paid_it_in_one_sum_is_not_paid_again(
    bank_session, file_store, month, now, restored
):
    """It was only made at the backup, sent in the lost time, and rejected here unasked. The account shows one debit over all of it."""
    ref = a_batch(bank_session, file_store, now)
    total = bank_session.scalar(select(PayoutBatch.total_minor).where(PayoutBatch.ref == ref))
    stop, _ = held(bank_session, restored)
    after = restored + MINUTE
    with unit_of_work(bank_session):
        reject_batch(bank_session, ref, actor=CHECKER, now=after, reason="The bank never got it")
        line = an_own_line(bank_session, "1", total, bank_day(restored), f"BULK {ref}").ref
    assert refused(bank_session, stop, after) == "unknown_payments"
    by_hand = approved(bank_session, file_store, a_batch(bank_session, file_store, after, "manual"), after)
    with unit_of_work(bank_session):
        start_sending(bank_session, actor=FINANCE, now=after, only=by_hand)
        finish_sending(bank_session, by_hand, actor=FINANCE, now=after)
    for payout in ("P2610-0G5ZE0003", "P2610-0G5ZE0004"):
        said(bank_session, payout, "paid", after)
    with unit_of_work(bank_session):
        debits.tie_by_hand(bank_session, "P2610-0G5ZE0003", line, reason="The whole file", actor=FINANCE, now=after)
    lifted(bank_session, stop, after)
    assert [str(each) for each in verify(bank_session, file_store).differences] == []


def test_what_a_provider_paid_in_the_lost_time_is_listed_and_nothing_else(
    bank_session, file_store, month, now, restored
):
    a_batch(bank_session, file_store, now)
    held(bank_session, restored)
    since = began(each.lost_since for each in stops.standing_stops(bank_session))
    assert since == now and began([None]) is None
    gone = Made("tr_2", "P2610-0009", 5_000_00, "INR", "acct_9", now + MINUTE)
    ours, unnamed = replace(gone, provider_ref="tr_1", ref=FIRST), replace(gone, provider_ref="tr_3", ref="")
    found = lost_transfers(bank_session, [unnamed, gone, ours])
    assert [(each.made.provider_ref, each.agency_id) for each in found] == [("tr_2", None), ("tr_3", None)]


def test_two_restores_within_an_hour_give_no_number_twice(bank_session, file_store, month, now, restored):
    """The second restore is of a backup older than the first: what was given between them is lost, and looks as if never given."""
    held(bank_session, restored)
    with unit_of_work(bank_session):
        first = stops.restore_mark(bank_session)
        between = make_batch(
            bank_session, file_store, OCTOBER, "manual", actor=FINANCE, now=restored + MINUTE
        ).batch.ref
    lost = {between, *bank_session.scalars(select(Payout.ref))}
    with unit_of_work(bank_session):
        reject_batch(bank_session, between, actor=CHECKER, now=restored + MINUTE, reason="As if it had never been")
    held(bank_session, restored + 2 * MINUTE)
    with unit_of_work(bank_session):
        second = stops.restore_mark(bank_session)
        again = make_batch(
            bank_session, file_store, OCTOBER, "manual", actor=FINANCE, now=restored + 3 * MINUTE
        ).batch.ref
    given = {again, *bank_session.scalars(select(Payout.ref))} - lost
    assert (first[:4], len(first), len(second)) == (second[:4], 6, 6) and first < second
    assert all(second in ref and len(ref) <= 15 for ref in given), "and a bank's file has room for it"
    assert all(first in ref for ref in lost)


def test_an_ordinary_stop_asks_nothing_about_files(bank_session, file_store, month, now):
    a_batch(bank_session, file_store, now)
    with unit_of_work(bank_session):
        stop = stops.stop_paying(bank_session, "A wrong account", actor=CHECKER, now=now).id
    assert acts(bank_session, stop) == {}
    with pytest.raises(Refused), unit_of_work(bank_session):
        make_batch(bank_session, file_store, OCTOBER, "manual", actor=FINANCE, now=now)
    lifted(bank_session, stop, now)


MANIFEST = Manifest("2026-11-09T06:30:00+00:00", 18, Contents("0006", 7, "a" * 64, {}, {}), "b" * 64, 1, 0, "c" * 64)


def settled(session, now, **given):
    with unit_of_work(session):
        options = {"send_letters": False, "revision": "0006", "actor": SYSTEM, "now": now, **given}
        return settle_restored(session, MANIFEST, **options)


def test_doors_are_shut_letters_held_and_work_half_done_begins_again(bank_session, database, now):
    with unit_of_work(bank_session):
        a_user(bank_session, "asha@bank.example", "finance")
        asha = find_user(bank_session, "asha@bank.example")
        lasts = timedelta(hours=9)
        start_session(bank_session, asha, now=now, lasts=lasts, most=3, address="::1", browser="test")
        token = make_link(bank_session, asha, lasts=lasts, actor=SYSTEM, now=now)
        tell(bank_session, "one", ["asha@bank.example"], "Hello", "Hello", about_ref="X", agency_id=None, now=now)
        enqueue(bank_session, send_notices, {}, actor=SYSTEM, now=now)
    database.execute("insert into queue.procrastinate_workers default values")
    database.execute(
        "update queue.procrastinate_jobs set status = 'doing', worker_id = (select id from queue.procrastinate_workers)"
    )
    done = settled(bank_session, now)
    assert (done.sessions, done.links, done.letters, done.jobs) == (1, 1, 1, 1)
    assert bank_session.scalars(select(UserSession.revoked_at)).all() == [now]
    with pytest.raises(NotFound):
        open_link(bank_session, token, now=now)
    assert next_waiting(bank_session) is None
    assert bank_session.scalar(select(Notice.error)) == WHY_HELD
    assert bank_session.execute(text("select status::text from queue.procrastinate_jobs")).all() == [("todo",)]
    assert stops.standing_stops(bank_session)[0].lost_since.date() == date(2026, 11, 9)


def test_who_knows_that_nothing_was_lost_may_have_the_letters_sent(bank_session, now):
    with unit_of_work(bank_session):
        tell(bank_session, "one", ["asha@bank.example"], "Hello", "Hello", about_ref="X", agency_id=None, now=now)
    assert settled(bank_session, now, send_letters=True).letters == 0
    assert next_waiting(bank_session) is not None


def test_the_command_backs_up_checks_and_says_what_is_open(cli, tmp_path, database):
    made = cli("backup", tmp_path / "backup")
    assert (made.exit_code, made.json["missing"], made.json["keys"]) == (0, [], "not in it")
    checked = cli("restore", tmp_path / "backup", "--check", "--expect", made.json["hash"])
    assert (checked.exit_code, checked.json["hash"]) == (0, made.json["hash"])
    refused = cli("restore", tmp_path / "backup")
    assert (refused.exit_code, refused.json["error"]["code"]) == (1, "database_not_empty")
    assert cli("restore", tmp_path / "nowhere").exit_code == 2
    assert cli("backup", tmp_path / "backup").json["error"]["code"] == "not_empty"
    assert cli("payouts", "stops").json == {"stopped": False, "stops": [], "agencies": []}
    tags = database.execute("select tag from audit_events where tag = 'backup:made'")
    assert tags == [("backup:made",)]


def test_the_command_stops_asks_and_lifts_by_two(cli, bank_session, now):
    with unit_of_work(bank_session):
        for email, role in (
            ("fin@bank.example", "finance"),
            ("bela@bank.example", "bank_approver"),
            ("op@bank.example", "bank_operator"),
        ):
            a_user(bank_session, email, role)
    assert cli("payouts", "stop", "--reason", "A wrong account").exit_code == 1
    assert cli("payouts", "stop", "--reason", "A wrong account", as_email="op@bank.example").exit_code == 1
    stop = cli("payouts", "stop", "--reason", "A wrong account", as_email="fin@bank.example").json["stop"]
    assert cli("payouts", "stops").json["stops"][0]["reason"] == "A wrong account"
    early = cli("payouts", "lift", stop, as_email="bela@bank.example")
    assert (early.exit_code, early.json["error"]["code"]) == (1, "not_asked")
    assert cli("payouts", "ask", stop, "--reason", "It was put right", as_email="fin@bank.example").exit_code == 0
    own = cli("payouts", "lift", stop, as_email="fin@bank.example")
    assert (own.exit_code, own.json["error"]["code"]) == (1, "maker_is_checker")
    assert cli("payouts", "lift", stop, as_email="bela@bank.example").json["lifted_by"] == "bela@bank.example"
    assert cli("payouts", "stops", text=True).out == "Payments may be made.\n"


def test_finance_has_the_provider_asked_from_the_page(bank_session, browse, month, now):
    with unit_of_work(bank_session):
        a_user(bank_session, "fin@bank.example", "finance")
        stop = hold_everything(bank_session, taken_at=now - timedelta(hours=1), actor=SYSTEM, now=now)[0].id
    finance = browse("fin@bank.example")
    page = finance.get("/finance/paying-stop").text
    assert "Restored from a backup of 10 Nov 2026, 11:00" in page
    assert "look-up" not in page  # nothing is with a provider
    asked = finance.post("/finance/paying-stop/look-up", {"once": ONCE.findall(page)[0]})
    assert (asked.status_code, asked.location) == (302, "/finance/paying-stop")
    assert bank_session.execute(text("select args ->> 'job' from queue.procrastinate_jobs")).all() == [
        ("providers_daily",)
    ]
    assert stops.load_stop(bank_session, stop).lifted_at is None
