"""Settlements approved by two or three, taken back, and voided by a change of where they are paid."""

from __future__ import annotations

import threading
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from allocations.agencies.bank_details import decide_bank_detail, propose_bank_detail
from allocations.agencies.models import Agency
from payouts.approvals.models import ApprovalLimit, ItemAct
from payouts.ledger.models import JournalEntry, JournalLine
from payouts.rails.batches import approve_batch, make_batch
from payouts.rails.models import Payout
from payouts.rails.sending import start_sending
from payouts.settlements.drafting import draft
from payouts.settlements.models import Settlement
from payouts.settlements.recalling import recall, recall_outdated, why_not_recall
from payouts.settlements.service import approve, load, reject, submit
from portal.kernel.audit import Actor, AuditEvent
from portal.kernel.db import PortalSession, bank_scope, unit_of_work
from portal.kernel.errors import Forbidden, Invalid, PortalError, Refused, Stale
from portal.kernel.notices import Notice
from tests.factories.month import CHECKER, FINANCE, MAKER, OCTOBER, SECOND_CHECKER, SYSTEM, a_month

REF = "S2610-SHAKTI"
THIRD = Actor(109, "checker3@bank.example", "bank_approver")


@pytest.fixture
def month(bank_session: PortalSession, now: Any) -> None:
    """One settlement over 78,400.00 waits for an approver."""
    with unit_of_work(bank_session):
        a_month(bank_session, amounts={"SHAKTI": [10_00_000_00, 6_00_000_00]})
        draft(bank_session, OCTOBER, actor=SYSTEM, now=now)
    with unit_of_work(bank_session):
        submit(bank_session, REF, actor=MAKER, now=now)


@pytest.fixture
def third_key(bank_session: PortalSession, month: None, now: Any) -> None:
    """Above 50,000.00 three people are asked for."""
    with unit_of_work(bank_session):
        limit = {"subject": "settlement", "role": "bank_approver", "currency": "INR", "effective_from": now.date()}
        two = {"proposed_by": "a", "decided_by": "b", "status": "accepted", "proposed_at": now, "reason": "House rule"}
        bank_session.add(ApprovalLimit(ref="L1", third_key_above_minor=50_000_00, **limit, **two))


def balances(session: PortalSession) -> dict[str, int]:
    total = func.sum(JournalLine.debit_minor - JournalLine.credit_minor)
    rows = session.execute(select(JournalLine.account, total).group_by(JournalLine.account))
    return {account: int(minor) for account, minor in rows if minor}


def test_three_people_and_three_different_ones(third_key, bank_session, now):
    session = bank_session
    checked = approve(session, REF, actor=CHECKER, now=now)
    assert (checked.status, checked.checked_by, checked.approved_by) == ("checked", CHECKER.email, None)
    assert balances(session) == {} and checked.statement_text is None, "nothing is issued before the last key"
    for who in (MAKER, CHECKER):
        with pytest.raises(Forbidden):
            approve(session, REF, actor=who, now=now)
    done = approve(session, REF, actor=SECOND_CHECKER, now=now)
    assert (done.status, done.approved_by, done.answer_by_on) == (
        "approved",
        SECOND_CHECKER.email,
        now.date() + timedelta(days=15),
    )
    session.commit()
    for column in ("checked_by", "approved_by"):
        with pytest.raises(IntegrityError, match=r"three_people|maker_is_not_checker"), session.begin_nested():
            session.execute(update(Settlement).values({column: MAKER.email}))


def test_sent_back_after_the_first_key_it_begins_a_round_of_its_own(third_key, bank_session, now):
    approve(bank_session, REF, actor=CHECKER, now=now)
    back = reject(bank_session, REF, actor=SECOND_CHECKER, now=now, reason="The bonus is not agreed.")
    assert (back.status, back.round, back.checked_by) == ("draft", 2, None)
    submit(bank_session, REF, actor=MAKER, now=now)
    assert approve(bank_session, REF, actor=CHECKER, now=now).status == "checked"
    with pytest.raises(Forbidden, match="submitted it"):
        approve(bank_session, REF, actor=Actor(1, MAKER.email, "bank_approver"), now=now)


def test_a_stale_page_is_refused_with_what_has_changed(month, bank_session, now):
    with pytest.raises(Stale, match="is not what your page showed"):
        approve(bank_session, REF, actor=CHECKER, now=now, expected_hash="0" * 64)
    version = load(bank_session, REF).lock_version
    reject(bank_session, REF, actor=CHECKER, now=now, reason="Wait.")
    with pytest.raises(Stale, match="it is draft now"):
        approve(bank_session, REF, actor=CHECKER, now=now, expected_version=version)


def test_edited_after_the_first_key_nobody_turns_the_second(third_key, bank_session, now, database):
    with unit_of_work(bank_session):
        approve(bank_session, REF, actor=CHECKER, now=now)
    database.execute("update settlement_lines set amount_minor = amount_minor + 100 where position = 1")
    with pytest.raises(Refused) as refusal:
        approve(bank_session, REF, actor=SECOND_CHECKER, now=now)
    assert refusal.value.code == "basis_changed"


def test_twelve_second_keys_at_once_and_one_approval(third_key, bank_session, now, database, clock):
    with unit_of_work(bank_session):
        approve(bank_session, REF, actor=CHECKER, now=now)
    start, outcomes = threading.Barrier(12), []

    def attempt(number: int) -> None:
        with database.logins.session(bank_scope(clock.today())) as session:
            start.wait()
            try:
                with unit_of_work(session):
                    approve(session, REF, actor=Actor(number, f"c{number}@bank.example", "bank_approver"), now=now)
                outcomes.append("approved")
            except PortalError as refusal:
                outcomes.append(type(refusal).__name__)

    threads = [threading.Thread(target=attempt, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("approved") == 1 and set(outcomes) <= {"approved", "Refused", "Stale"}
    bank_session.expire_all()
    acts = select(func.count()).select_from(ItemAct).where(ItemAct.act == "approved")
    told = select(func.count()).select_from(AuditEvent).where(AuditEvent.body.contains('"action":"approve"'))
    posted = select(func.count()).select_from(JournalEntry)
    assert [bank_session.scalar(each) for each in (acts, told, posted)] == [2, 1, 1]


def test_an_approval_is_taken_back_before_anything_is_paid(month, bank_session, now):
    session = bank_session
    approve(session, REF, actor=CHECKER, now=now)
    with pytest.raises(Invalid):
        recall(session, REF, actor=CHECKER, now=now, reason=" ")
    fresh = recall(session, REF, actor=CHECKER, now=now, reason="The card was wrong.")
    assert (load(session, REF).status, fresh.ref, fresh.status, fresh.drafted_by) == (
        "void",
        f"{REF}-2",
        "draft",
        "system",
    )
    assert balances(session) == {}, "the ledger's entry is reversed"
    submit(session, fresh.ref, actor=MAKER, now=now)
    assert approve(session, fresh.ref, actor=CHECKER, now=now).status == "approved"
    assert balances(session)["payable_to_agency"] == -78_400_00


def test_what_is_under_way_or_not_approved_is_not_taken_back(month, bank_session, now, file_store):
    with pytest.raises(Refused, match="waiting for approval"):
        recall(bank_session, REF, actor=CHECKER, now=now, reason="Too soon")
    approve(bank_session, REF, actor=CHECKER, now=now)
    make_batch(bank_session, file_store, OCTOBER, "bank_file", actor=FINANCE, now=now)
    with pytest.raises(Refused, match="payment under way"):
        recall(bank_session, REF, actor=CHECKER, now=now, reason="Too late")


def change_account(session: PortalSession, now: Any) -> Agency:
    agency = session.scalars(select(Agency)).one()
    propose_bank_detail(session, agency, "0917", "UTIB0000917", "Shakti", actor=MAKER, now=now)
    version = 2
    decide_bank_detail(session, agency, version, approve=True, reason="Called back.", actor=SECOND_CHECKER, now=now)
    return agency


def test_a_change_of_account_voids_the_approval_and_its_money_waits(month, bank_session, now, file_store):
    session = bank_session
    approve(session, REF, actor=CHECKER, now=now)
    agency = change_account(session, now)
    with pytest.raises(Refused) as unpaid:
        make_batch(session, file_store, OCTOBER, "bank_file", actor=FINANCE, now=now)
    assert "bank details changed after approval" in unpaid.value.cure
    taken, kept = recall_outdated(session, agency.id, actor=SECOND_CHECKER, now=now)
    assert (taken, kept, load(session, REF).status, balances(session)) == ([REF], [], "void", {})
    assert session.scalar(select(Notice.subject).where(Notice.about_ref == REF)) == f"Statement {REF} is void"
    assert recall_outdated(session, agency.id, actor=SECOND_CHECKER, now=now) == ([], [])
    fresh = f"{REF}-2"
    submit(session, fresh, actor=MAKER, now=now)
    with pytest.raises(Forbidden) as refusal:
        approve(session, fresh, actor=SECOND_CHECKER, now=now)
    assert refusal.value.code == "changed_the_payee"
    approve(session, fresh, actor=CHECKER, now=now)
    with pytest.raises(Refused) as resting:
        make_batch(session, file_store, OCTOBER, "bank_file", actor=FINANCE, now=now)
    assert "may be paid to from" in resting.value.cure
    later = now + timedelta(hours=72)
    batch = make_batch(session, file_store, OCTOBER, "bank_file", actor=FINANCE, now=later).batch
    with pytest.raises(Forbidden, match="first money"):
        approve_batch(session, file_store, batch.ref, actor=SECOND_CHECKER, now=later)
    assert approve_batch(session, file_store, batch.ref, actor=THIRD, now=later).status == "approved"
    assert why_not_recall(session, load(session, fresh)) is not None


def test_at_whatever_moment_the_account_changes_nothing_leaves_to_it_too_soon(month, bank_session, now, file_store):
    """Changing before, between and after approving and paying; once without voiding the approvals of before."""
    session = bank_session
    steps: list[Any] = [
        lambda: approve(session, REF, actor=CHECKER, now=now),
        lambda: make_batch(session, file_store, OCTOBER, "bank_file", actor=FINANCE, now=now),
        lambda: approve_batch(session, file_store, "B2610-01", actor=THIRD, now=now),
        lambda: start_sending(session, actor=SYSTEM, now=now),
    ]
    left = {}
    for moment, by_the_door in ((0, True), (1, True), (1, False), (2, True), (3, True), (4, True)):
        nested = session.begin_nested()
        for number, step in enumerate([*steps, None]):
            if number == moment:
                agency = change_account(session, now)
                if by_the_door:
                    recall_outdated(session, agency.id, actor=SECOND_CHECKER, now=now)
            with suppress(PortalError):
                if step:
                    step()
        sending = select(func.count()).select_from(Payout).where(Payout.status == "sending")
        left[moment, by_the_door] = session.scalar(sending)
        nested.rollback()
        session.expire_all()
    assert {moment for moment, count in left.items() if count} == {(4, True)}, (
        "only what left before the change has left"
    )
