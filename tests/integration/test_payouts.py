"""Payouts: made by one, approved by another, sent once, answered once."""

from __future__ import annotations

import hashlib
import threading

import pytest
from sqlalchemy import func, select

from allocations.agencies.models import Agency, Lender
from payouts.ledger.models import JournalEntry, JournalLine
from payouts.rails.bank_answer import compose_answer
from payouts.rails.batches import approve_batch, load_batch, make_batch, payouts_of, reject_batch
from payouts.rails.models import BankAnswer, Payout
from payouts.rails.profiles import ENET_CSV, UNION_BANK_TEXT
from payouts.rails.sending import confirm, deliver, finish_sending, start_sending, sync
from payouts.settlements.drafting import draft
from payouts.settlements.service import approve, load, submit
from portal.kernel.db import bank_scope, unit_of_work
from portal.kernel.errors import Forbidden, Invalid, PortalError, Refused, Stale
from tests.factories.month import CHECKER, FINANCE, MAKER, OCTOBER, SYSTEM, a_bank_detail, a_month

AMOUNTS = {"SHAKTI": [10_00_000_00, 6_00_000_00], "VEGA": [1_00_000_00]}
TOTAL = 78_400_00 + 5_000_00


@pytest.fixture
def settled(bank_session, now):
    """Two approved settlements of October."""
    with unit_of_work(bank_session):
        month = a_month(bank_session, amounts=AMOUNTS)
        draft(bank_session, OCTOBER, actor=SYSTEM, now=now)
    for ref in ("S2610-SHAKTI", "S2610-VEGA"):
        with unit_of_work(bank_session):
            submit(bank_session, ref, actor=MAKER, now=now)
            approve(bank_session, ref, actor=CHECKER, now=now)
    return month


def made(session, store, now, rail="bank_file"):
    with unit_of_work(session):
        return make_batch(session, store, OCTOBER, rail, actor=FINANCE, now=now).batch


def sent(session, store, now, tmp_path, rail="bank_file"):
    batch = made(session, store, now, rail)
    with unit_of_work(session):
        approve_batch(session, store, batch.ref, actor=CHECKER, now=now, expected_file=batch.file_sha256)
    with unit_of_work(session):
        start_sending(session, actor=SYSTEM, now=now)
    deliver(store, tmp_path / "outbox", batch.file_sha256, batch.file_name)
    with unit_of_work(session):
        return finish_sending(session, batch.ref, actor=SYSTEM, now=now)


def answer(store, batch, profile=ENET_CSV, **fates):
    named = {ref.replace("_", "-"): fate for ref, fate in fates.items()}
    return compose_answer(store.read(batch.file_sha256), profile, named)


def taken_in(session, store, data, now):
    with unit_of_work(session):
        return confirm(session, store, data, name="answer.csv", actor=FINANCE, now=now)


def balances(session):
    total = func.sum(JournalLine.debit_minor - JournalLine.credit_minor)
    rows = session.execute(select(JournalLine.account, total).group_by(JournalLine.account))
    return {account: int(amount) for account, amount in rows if amount}


PAID = ("paid", "UTR1", "")
BACK = ("returned", "", "Account closed")


def test_a_batch_holds_every_payable_settlement_and_its_file(bank_session, settled, file_store, now):
    batch = made(bank_session, file_store, now)
    assert (batch.ref, batch.status, batch.count, batch.total_minor) == ("B2610-01", "made", 2, TOTAL)
    data = file_store.read(batch.file_sha256)
    assert hashlib.sha256(data).hexdigest() == batch.file_sha256
    assert data.decode().splitlines() == [
        "P2610-0001,Shakti Recovery,50100123450001,HDFC0001234,10,78400.00,20261110",
        "P2610-0002,Vega Recovery,50100123450002,HDFC0001234,10,5000.00,20261110",
    ]
    assert {load(bank_session, ref).status for ref in ("S2610-SHAKTI", "S2610-VEGA")} == {"paying"}
    assert balances(bank_session)["payout_clearing"] == -TOTAL
    with pytest.raises(Refused) as refusal:
        made(bank_session, file_store, now)
    assert refusal.value.code == "nothing_to_pay"


def test_the_union_bank_layout_needs_the_lenders_own_account(bank_session, settled, file_store, now):
    with pytest.raises(Invalid):
        made(bank_session, file_store, now, "bank_file:union_bank_text")
    bank_session.rollback()
    with unit_of_work(bank_session):
        lender = bank_session.scalars(select(Lender)).one()
        lender.debit_account_no, lender.debit_ifsc = "000111222333", "UBIN0000001"
    batch = made(bank_session, file_store, now, "bank_file:union_bank_text")
    assert file_store.read(batch.file_sha256).startswith(b"FILEHDR,THEBANK,1,N,B2610-01 N=2 T=83400.00 H=")


def test_an_unknown_rail_and_the_machine_are_refused(bank_session, settled, file_store, now):
    with pytest.raises(Invalid):
        make_batch(bank_session, file_store, OCTOBER, "pigeon", actor=FINANCE, now=now)
    with pytest.raises(Forbidden):
        make_batch(bank_session, file_store, OCTOBER, "bank_file", actor=SYSTEM, now=now)


def test_bank_details_changed_after_approval_keep_a_settlement_out(bank_session, settled, file_store, now):
    with unit_of_work(bank_session):
        a_bank_detail(bank_session, bank_session.get_one(Agency, 1), version=2, account_no="999999999999")
    with unit_of_work(bank_session):
        result = make_batch(bank_session, file_store, OCTOBER, "bank_file", actor=FINANCE, now=now)
    assert [each["settlement"] for each in result.skipped] == ["S2610-SHAKTI"]
    assert result.batch.total_minor == 5_000_00


def test_another_person_approves_exactly_the_file_shown(bank_session, settled, file_store, now):
    batch = made(bank_session, file_store, now)
    for who, shown, error in (
        (FINANCE, batch.file_sha256, Forbidden),
        (SYSTEM, batch.file_sha256, Forbidden),
        (CHECKER, "0" * 64, Stale),
    ):
        with pytest.raises(error), unit_of_work(bank_session):
            approve_batch(bank_session, file_store, batch.ref, actor=who, now=now, expected_file=shown)
    with unit_of_work(bank_session):
        approve_batch(bank_session, file_store, batch.ref, actor=CHECKER, now=now, expected_file=batch.file_sha256)
    assert load_batch(bank_session, batch.ref).status == "approved"


def test_a_batch_whose_file_is_gone_is_not_approved(bank_session, settled, file_store, now):
    batch = made(bank_session, file_store, now)
    file_store.path(batch.file_sha256).unlink()
    with pytest.raises(Refused) as refusal, unit_of_work(bank_session):
        approve_batch(bank_session, file_store, batch.ref, actor=CHECKER, now=now)
    assert refusal.value.code == "altered"


def test_a_rejected_batch_leaves_everything_payable(bank_session, settled, file_store, now):
    batch = made(bank_session, file_store, now)
    with unit_of_work(bank_session):
        reject_batch(bank_session, batch.ref, actor=CHECKER, now=now, reason="Wrong day")
    assert load(bank_session, "S2610-SHAKTI").status == "approved"
    assert "payout_clearing" not in balances(bank_session)
    again = made(bank_session, file_store, now)
    assert [payout.ref for payout in payouts_of(bank_session, again)] == ["P2610-0003", "P2610-0004"]


def test_nothing_is_sent_before_it_is_approved(bank_session, settled, file_store, now):
    batch = made(bank_session, file_store, now)
    with unit_of_work(bank_session):
        assert start_sending(bank_session, actor=SYSTEM, now=now) == []
    with pytest.raises(Refused):
        start_sending(bank_session, actor=SYSTEM, now=now, only=batch.ref)


def test_the_file_leaves_byte_for_byte_and_sending_again_is_harmless(bank_session, settled, file_store, now, tmp_path):
    batch = sent(bank_session, file_store, now, tmp_path)
    out = tmp_path / "outbox" / "B2610-01.csv"
    assert hashlib.sha256(out.read_bytes()).hexdigest() == batch.file_sha256
    assert {payout.status for payout in payouts_of(bank_session, batch)} == {"sent"}
    with unit_of_work(bank_session):
        assert start_sending(bank_session, actor=SYSTEM, now=now) == []
        finish_sending(bank_session, batch.ref, actor=SYSTEM, now=now)
    assert [payout.attempts for payout in payouts_of(bank_session, batch)] == [1, 1]
    assert len(sync(bank_session)) == 2


def test_a_run_that_broke_off_is_taken_up_again(bank_session, settled, file_store, now, tmp_path):
    batch = made(bank_session, file_store, now)
    with unit_of_work(bank_session):
        approve_batch(bank_session, file_store, batch.ref, actor=CHECKER, now=now)
        start_sending(bank_session, actor=SYSTEM, now=now)
    with unit_of_work(bank_session):
        assert [each.ref for each in start_sending(bank_session, actor=SYSTEM, now=now)] == [batch.ref]
    deliver(file_store, tmp_path, batch.file_sha256, batch.file_name)
    with unit_of_work(bank_session):
        finish_sending(bank_session, batch.ref, actor=SYSTEM, now=now)
    assert [(each.status, each.attempts) for each in payouts_of(bank_session, batch)] == [("sent", 1), ("sent", 1)]


def test_an_answer_pays_one_and_returns_the_other(bank_session, settled, file_store, now, tmp_path):
    batch = sent(bank_session, file_store, now, tmp_path)
    result = taken_in(bank_session, file_store, answer(file_store, batch, P2610_0001=PAID, P2610_0002=BACK), now)
    assert [(each.ref, each.status, each.provider_ref) for each in result.moved] == [
        ("P2610-0001", "paid", "UTR1"),
        ("P2610-0002", "returned", None),
    ]
    assert load(bank_session, "S2610-SHAKTI").status == "paid"
    assert load(bank_session, "S2610-VEGA").status == "returned"
    assert load_batch(bank_session, batch.ref).status == "closed"
    assert balances(bank_session) == {
        "commission_expense": 85_000_00,
        "withholding_payable": -1_600_00,
        "payable_to_agency": -5_000_00,
        "bank": -78_400_00,
    }


def test_a_returned_payout_is_paid_by_a_new_one(bank_session, settled, file_store, now, tmp_path):
    batch = sent(bank_session, file_store, now, tmp_path)
    taken_in(bank_session, file_store, answer(file_store, batch, P2610_0001=PAID, P2610_0002=BACK), now)
    second = sent(bank_session, file_store, now, tmp_path)
    assert [(each.ref, each.amount_minor) for each in payouts_of(bank_session, second)] == [("P2610-0003", 5_000_00)]
    taken_in(bank_session, file_store, answer(file_store, second, P2610_0003=("paid", "UTR3", "")), now)
    assert load(bank_session, "S2610-VEGA").status == "paid"
    assert balances(bank_session)["bank"] == -TOTAL


def test_the_same_answer_twice_moves_money_once(bank_session, settled, file_store, now, tmp_path):
    batch = sent(bank_session, file_store, now, tmp_path)
    data = answer(file_store, batch, P2610_0001=PAID, P2610_0002=BACK)
    taken_in(bank_session, file_store, data, now)
    before = balances(bank_session)
    again = taken_in(bank_session, file_store, data, now)
    assert (again.moved, again.known) == ([], 2)
    assert balances(bank_session) == before
    assert bank_session.scalar(select(func.count()).select_from(BankAnswer)) == 1


def test_a_payment_returned_after_it_was_paid_comes_back_into_the_books(
    bank_session, settled, file_store, now, tmp_path
):
    batch = sent(bank_session, file_store, now, tmp_path)
    taken_in(
        bank_session, file_store, answer(file_store, batch, P2610_0001=PAID, P2610_0002=(*PAID[:1], "U2", "")), now
    )
    taken_in(bank_session, file_store, answer(file_store, batch, P2610_0002=BACK), now)
    assert load(bank_session, "S2610-VEGA").status == "returned"
    assert balances(bank_session)["bank"] == -78_400_00
    assert load(bank_session, "S2610-VEGA").paid_on is None


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda data: data.replace(b"78400.00", b"78401.00"), "altered_amount"),
        (lambda data: data.replace(b"P2610-0001", b"P2610-0009"), "unknown_reference"),
        (lambda data: data + data.splitlines(keepends=True)[0], "answered_twice"),
        (lambda data: data[:-30], "wrong_shape"),
    ],
)
def test_an_altered_answer_has_no_effect_at_all(bank_session, settled, file_store, now, tmp_path, change, code):
    batch = sent(bank_session, file_store, now, tmp_path)
    before = balances(bank_session)
    data = change(answer(file_store, batch, P2610_0001=PAID, P2610_0002=BACK))
    with pytest.raises(Invalid) as refusal:
        taken_in(bank_session, file_store, data, now)
    assert code in [problem.code for problem in refusal.value.problems]
    assert balances(bank_session) == before
    assert {each.status for each in payouts_of(bank_session, batch)} == {"sent"}


def test_an_answer_before_sending_is_refused(bank_session, settled, file_store, now):
    batch = made(bank_session, file_store, now)
    with pytest.raises(Invalid) as refusal:
        taken_in(bank_session, file_store, answer(file_store, batch, P2610_0001=PAID), now)
    assert refusal.value.problems[0].code == "illegal_step"


def test_the_union_bank_answer_closes_the_circle(bank_session, settled, file_store, now, tmp_path):
    with unit_of_work(bank_session):
        lender = bank_session.scalars(select(Lender)).one()
        lender.debit_account_no, lender.debit_ifsc = "000111222333", "UBIN0000001"
    batch = sent(bank_session, file_store, now, tmp_path, "union_bank_text")
    data = answer(file_store, batch, UNION_BANK_TEXT, P2610_0001=PAID, P2610_0002=BACK)
    assert len(taken_in(bank_session, file_store, data, now).moved) == 2


def in_threads(count, attempt):
    start, outcomes = threading.Barrier(count), []

    def run():
        start.wait()
        try:
            outcomes.append(attempt())
        except PortalError as refusal:
            outcomes.append(type(refusal).__name__)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def test_eight_makers_at_once_and_one_batch(bank_session, settled, file_store, now, database, clock):
    def attempt():
        with database.logins.session(bank_scope(clock.today())) as session, unit_of_work(session):
            make_batch(session, file_store, OCTOBER, "bank_file", actor=FINANCE, now=now)
        return "made"

    outcomes = in_threads(8, attempt)
    assert outcomes.count("made") == 1
    assert bank_session.scalar(select(func.count()).select_from(Payout)) == 2


def test_eight_copies_of_an_answer_at_once_and_one_effect(
    bank_session, settled, file_store, now, tmp_path, database, clock
):
    batch = sent(bank_session, file_store, now, tmp_path)
    data = answer(file_store, batch, P2610_0001=PAID, P2610_0002=BACK)
    bank_session.rollback()

    def attempt():
        with database.logins.session(bank_scope(clock.today())) as session, unit_of_work(session):
            return len(confirm(session, file_store, data, name="a.csv", actor=FINANCE, now=now).moved)

    outcomes = in_threads(8, attempt)
    assert outcomes.count(2) == 1, outcomes
    entries = select(func.count()).select_from(JournalEntry).where(JournalEntry.kind.in_(("paid", "returned")))
    assert bank_session.scalar(entries) == 2


def test_an_agency_sees_its_own_payouts_and_no_batch(bank_session, settled, file_store, now, agency_session, tmp_path):
    sent(bank_session, file_store, now, tmp_path)
    assert agency_session(2).scalars(select(Payout.ref)).all() == ["P2610-0002"]
