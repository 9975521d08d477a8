"""What becomes of payouts where no file answers: debits in our own account, what people found out, and the stop."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, text

from allocations.agencies.models import AgencyBankDetail
from payouts.rails import debits, findings, stops
from payouts.rails.batches import approve_batch, make_batch, reject_batch
from payouts.rails.debit_queries import awaited, unexpected
from payouts.rails.findings import Found
from payouts.rails.models import Payout
from payouts.rails.moves import load_batch, load_payout
from payouts.rails.sending import start_sending
from payouts.settlements.service import load
from payouts.ties import ledger_ties
from payouts.trace import trace
from payouts.verify import verify
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Forbidden, Invalid, Refused
from tests.factories.month import CHECKER, FINANCE, OCTOBER, SECOND_CHECKER, SYSTEM
from tests.factories.paid_month import a_sent_batch, an_approved_month, an_own_line

SHAKTI, VEGA = 78_400_00, 5_000_00


@pytest.fixture
def sent(bank_session, file_store, now, tmp_path):
    an_approved_month(bank_session, now)
    return a_sent_batch(bank_session, file_store, now, tmp_path)


def seen(session, now):
    with unit_of_work(session):
        found = debits.tie_debits(session, actor=SYSTEM, now=now)
        return {(session.get_one(Payout, tie.payout_id).ref, tie.side, tie.rule) for tie in found.tied}


def ties(session):
    return [tie for tie in ledger_ties(session) if tie.difference_minor]


def status(session, ref):
    session.expire_all()
    return load_payout(session, ref).status


def test_the_debit_closes_the_circle(bank_session, file_store, sent, now):
    """Our reference in a narrative, however it stands there, pays; a line of a statement nobody believes, or over another amount, not."""
    day = now.date()
    with unit_of_work(bank_session):
        an_own_line(bank_session, "D1", SHAKTI, day, "NEFT DR-P2610-0001-SHAKTI RECOVERY", bank_ref="N309261")
        an_own_line(bank_session, "D2", VEGA + 1, day, "NEFT P2610-0002")
        an_own_line(bank_session, "D3", VEGA, day, "NEFT P2610-0002", status="refused")
    assert [row.ref for row in awaited(bank_session, today=day)] == ["P2610-0001", "P2610-0002"]
    assert seen(bank_session, now) == {("P2610-0001", "debit", "reference")}
    assert seen(bank_session, now) == set()
    paid = load_payout(bank_session, "P2610-0001")
    assert (paid.status, paid.provider_ref, paid.paid_on) == ("paid", "N309261", day)
    assert (status(bank_session, "P2610-0002"), load(bank_session, "S2610-SHAKTI").status) == ("sent", "paid")
    assert [line.ref for line in unexpected(bank_session, since=day)] == ["BL-D2"]
    for ref in ("P2610-0001", "BL-D1", "N309261"):
        nodes = {node.key: node for node in trace(bank_session, ref).chain}
        assert "bank_line:BL-D1" in nodes["payout:P2610-0001"].down
        assert "settlement:S2610-SHAKTI" in nodes
    assert not ties(bank_session)
    assert verify(bank_session, file_store).is_clean


def test_money_that_comes_back_into_our_account_is_payable_again(bank_session, file_store, sent, now, tmp_path):
    day = now.date()
    with unit_of_work(bank_session):
        an_own_line(bank_session, "D1", VEGA, day, "NEFT P2610-0002")
        an_own_line(bank_session, "C1", VEGA, day + timedelta(days=1), "RTN NEFT P2610-0002", side="credit")
    assert seen(bank_session, now) == {("P2610-0002", "debit", "reference"), ("P2610-0002", "credit", "reference")}
    assert (status(bank_session, "P2610-0002"), load(bank_session, "S2610-VEGA").status) == ("returned", "returned")
    again = a_sent_batch(bank_session, file_store, now, tmp_path)
    assert (again.count, again.total_minor) == (1, VEGA)
    assert not ties(bank_session)


def test_one_debit_may_show_a_whole_batch_and_a_person_ties_the_rest(bank_session, file_store, sent, now):
    day = now.date()
    with unit_of_work(bank_session):
        an_own_line(bank_session, "D1", SHAKTI + VEGA, day, "BULK UPLOAD B2610-01")
    assert {rule for _, _, rule in seen(bank_session, now)} == {"batch"}
    assert load_batch(bank_session, "B2610-01").status == "closed"
    with unit_of_work(bank_session):
        tie = bank_session.scalar(select(debits.PayoutDebit.id).order_by(debits.PayoutDebit.id))
        debits.untie(bank_session, tie, reason="Another file", actor=FINANCE, now=now)
        an_own_line(bank_session, "D2", SHAKTI, day, "CHEQUE PAID")
    (waiting,) = awaited(bank_session, today=day)
    assert [line.ref for line in waiting.candidates] == ["BL-D2"]
    with pytest.raises(Refused), unit_of_work(bank_session):
        debits.tie_by_hand(bank_session, "P2610-0002", "BL-D2", reason="Looks alike", actor=FINANCE, now=now)
    with unit_of_work(bank_session):
        debits.tie_by_hand(bank_session, "P2610-0001", "BL-D2", reason="Told by the desk", actor=FINANCE, now=now)
    assert not awaited(bank_session, today=day)
    assert [row.field for row in verify(bank_session, file_store).differences] == ["amount_minor"], "half a bulk debit"


def found(session, ref, now, says="paid", utr="UTR9", day=None, actor=FINANCE):
    with unit_of_work(session):
        said = Found(says, "The desk told me", utr, day if day is not None or says != "paid" else now.date())
        return findings.propose_finding(session, ref, said, actor=actor, now=now).id


def decide(session, id_, now, actor=CHECKER, accept=True):
    with unit_of_work(session):
        return findings.decide_finding(session, id_, accept=accept, reason="Seen", actor=actor, now=now)


def test_nobody_pays_what_is_unknown_until_two_people_know(bank_session, file_store, sent, now):
    with unit_of_work(bank_session):
        findings.lose(bank_session, "P2610-0001", "The upload page broke off", actor=FINANCE, now=now)
    with pytest.raises(Refused) as refusal, unit_of_work(bank_session):
        make_batch(bank_session, file_store, OCTOBER, "bank_file", actor=FINANCE, now=now)
    assert refusal.value.code == "nothing_to_pay"
    with pytest.raises(Invalid) as wrong:
        findings.propose_finding(bank_session, "P2610-0001", Found("paid", ""), actor=FINANCE, now=now)
    assert {problem.column for problem in wrong.value.problems} == {"provider_ref", "on_day", "note"}
    bank_session.rollback()
    first = found(bank_session, "P2610-0001", now)
    with pytest.raises(Refused):
        found(bank_session, "P2610-0001", now, says="failed")
    bank_session.rollback()
    with pytest.raises(Forbidden):
        decide(bank_session, first, now, actor=FINANCE)
    bank_session.rollback()
    decide(bank_session, first, now, accept=False)
    assert status(bank_session, "P2610-0001") == "unknown"
    decide(bank_session, found(bank_session, "P2610-0001", now, says="failed"), now)
    assert (status(bank_session, "P2610-0001"), load(bank_session, "S2610-SHAKTI").status) == ("failed", "approved")
    assert not ties(bank_session)
    assert verify(bank_session, file_store).is_clean


def test_what_is_paid_by_hand_is_confirmed_by_two(bank_session, file_store, now, tmp_path):
    an_approved_month(bank_session, now)
    batch = a_sent_batch(bank_session, file_store, now, tmp_path, "manual")
    assert b"Shakti Recovery,50100123450001,HDFC0001234,78400.00,INR" in file_store.read(batch.file_sha256)
    for ref, utr in (("P2610-0001", "CHQ1"), ("P2610-0002", "CHQ2")):
        decide(bank_session, found(bank_session, ref, now, utr=utr), now)
    assert load_batch(bank_session, batch.ref).status == "closed"
    decide(bank_session, found(bank_session, "P2610-0002", now, says="returned"), now)
    assert status(bank_session, "P2610-0002") == "returned"
    assert not ties(bank_session)


def test_a_stop_holds_every_payment_until_two_people_lift_it(bank_session, file_store, now):
    an_approved_month(bank_session, now)

    def made():
        return make_batch(bank_session, file_store, OCTOBER, "bank_file", actor=FINANCE, now=now).batch

    with unit_of_work(bank_session):
        batch = made()
        stop = stops.stop_paying(bank_session, "A wrong account", actor=CHECKER, now=now).id
    for deed in (
        made,
        lambda: approve_batch(bank_session, file_store, batch.ref, actor=CHECKER, now=now),
        lambda: start_sending(bank_session, actor=SYSTEM, now=now),
    ):
        with pytest.raises(Refused) as refusal, unit_of_work(bank_session):
            deed()
        assert refusal.value.code == "paying_stopped"
    with pytest.raises(Refused), unit_of_work(bank_session):
        stops.lift(bank_session, stop, actor=FINANCE, now=now)
    with unit_of_work(bank_session):
        stops.ask_to_lift(bank_session, stop, "It was put right", actor=FINANCE, now=now)
    for nobody in (FINANCE, CHECKER, SYSTEM):
        with pytest.raises(Forbidden), unit_of_work(bank_session):
            stops.lift(bank_session, stop, actor=nobody, now=now)
    with unit_of_work(bank_session):
        stops.lift(bank_session, stop, actor=SECOND_CHECKER, now=now)
        approve_batch(bank_session, file_store, batch.ref, actor=CHECKER, now=now)


def test_what_changed_since_approval_does_not_leave(bank_session, file_store, now):
    """A new account that has not rested, asked at approval and at sending; the batch is taken back and everything payable again."""
    an_approved_month(bank_session, now)
    with unit_of_work(bank_session):
        batch = make_batch(bank_session, file_store, OCTOBER, "bank_file", actor=FINANCE, now=now).batch
        approve_batch(bank_session, file_store, batch.ref, actor=CHECKER, now=now)
        detail = bank_session.scalars(select(AgencyBankDetail).order_by(AgencyBankDetail.id)).first()
        detail.usable_from = now + timedelta(hours=72)
    with pytest.raises(Refused) as refusal, unit_of_work(bank_session):
        start_sending(bank_session, actor=SYSTEM, now=now)
    assert (refusal.value.code, "P2610-0001" in refusal.value.message) == ("basis_changed", True)
    with unit_of_work(bank_session):
        reject_batch(bank_session, batch.ref, actor=CHECKER, now=now, reason="The account changed")
    assert {load(bank_session, ref).status for ref in ("S2610-SHAKTI", "S2610-VEGA")} == {"approved"}
    later = now + timedelta(hours=73)
    with unit_of_work(bank_session):
        assert make_batch(bank_session, file_store, OCTOBER, "bank_file", actor=FINANCE, now=later).batch.count == 2
    assert not ties(bank_session)


@pytest.mark.parametrize("rail", ["pain001", "pain001:03"])
def test_a_file_is_written_again_to_the_same_bytes_or_it_is_named(bank_session, database, file_store, now, rail):
    an_approved_month(bank_session, now)
    database.execute("update lenders set debit_account_no = '000111222333', debit_ifsc = 'UBIN0000001'")
    with unit_of_work(bank_session):
        make_batch(bank_session, file_store, OCTOBER, rail, actor=FINANCE, now=now)
    bank_session.execute(text("update lenders set name = 'Another Name', debit_account_no = '999'"))
    bank_session.execute(text("update agencies set email = 'other@agency.example', legal_name = 'Other'"))
    bank_session.flush()
    assert verify(bank_session, file_store).is_clean, "what the file was made of is frozen"
    bank_session.execute(text("update payouts set request = replace(request, '5000.00', '5001.00') where id = 2"))
    bank_session.execute(text("update payouts set request = replace(request, '500000', '500001') where id = 2"))
    differences = {(row.ref, row.field) for row in verify(bank_session, file_store).differences}
    assert {("B2610-01", "file bytes"), ("P2610-0002", "request amount_minor")} <= differences
    bank_session.rollback()
