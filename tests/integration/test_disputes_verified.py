"""Disputes over many lives: paid and kept are always the net, a decision comes to what was granted, and tampering is named."""

from __future__ import annotations

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from payouts.commission.event_models import ManualAdjustment
from payouts.difference import Findings
from payouts.ledger.models import JournalLine
from payouts.settlements.dispute_models import Dispute
from payouts.settlements.dispute_releases import releases
from payouts.settlements.disputes import withdraw_dispute
from payouts.settlements.models import Settlement
from payouts.settlements.queries import payable_minor
from payouts.verify_decided import check_decided
from payouts.verify_disputes import check_disputes
from portal.kernel.db import unit_of_work
from portal.kernel.periods import parse_month
from tests.factories.disputed import Issued, a_further_statement, an_issued_statement

NOVEMBER = parse_month("2026-11")
NET, LINES = 78_400_00, {1: 50_000_00, 2: 30_000_00}


@pytest.fixture
def issued(bank_session, agency_session, now) -> Issued:
    return an_issued_statement(bank_session, agency_session, now)


def found(session) -> list[tuple[str, str, str]]:
    findings = Findings()
    check_disputes(session, findings)
    check_decided(session, findings, None)
    return [(each.table, each.ref, each.field) for each in findings.differences if each.table != "accrual_runs"]


STEP = st.tuples(
    st.sampled_from([1, 2]),
    st.integers(0, 60_000_00),  # the claim
    st.integers(0, 100),  # what is granted of the way from the line to the claim
    st.sampled_from(["decide", "withdraw", "leave"]),
    st.booleans(),  # whether the statement is paid before the end of it
)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEP, min_size=1, max_size=4))
def test_paid_and_kept_are_the_net_and_all_decisions_together_what_was_granted(issued, agency_session, steps):
    one = a_further_statement(issued, agency_session)
    paid, expected = None, dict(LINES)
    for line, claim, share, ending, pays in steps:
        if claim == LINES[line] or is_taken(one, line):
            continue
        ref = one.dispute(one.claim(line, claim))
        paid = pay(one) if pays and paid is None else paid
        if ending == "decide":
            expected[line] = LINES[line] + (claim - LINES[line]) * share // 100
            one.propose(ref, expected[line])
            one.decide(ref, expected[line])
        elif ending == "withdraw":
            with unit_of_work(one.agency):
                withdraw_dispute(one.agency, ref, actor=one.owner, now=one.now)
        settlement = one.settlement()
        assert payable_minor(settlement) + settlement.disputed_minor == settlement.net_minor == NET
        assert paid in (None, payable_minor(settlement)), "what was paid does not change any more"
    settlement = one.settlement()
    assert balance(one.bank, settlement.agency_id) == settlement.disputed_minor
    assert found(one.bank) == []
    later, kept = next_month(one, settlement)
    assert payable_minor(settlement) + later + kept == NET + sum(expected.values()) - sum(LINES.values())


def is_taken(one: Issued, line: int) -> bool:
    query = select(func.count()).where(Dispute.settlement_id == one.settlement().id, Dispute.status != "withdrawn")
    return bool(one.bank.scalar(query.where(Dispute.line_minor == LINES[line])))


def pay(one: Issued) -> int:
    with unit_of_work(one.bank):
        settlement = one.settlement()
        settlement.status = "paid"
        return payable_minor(settlement)


def balance(session, agency_id):
    total = func.coalesce(func.sum(JournalLine.credit_minor - JournalLine.debit_minor), 0)
    return session.scalar(select(total).where(JournalLine.account == "disputed", JournalLine.agency_id == agency_id))


def next_month(one: Issued, settlement: Settlement) -> tuple[int, int]:
    """What the next statement has of it, and what is kept because nobody has decided yet."""
    released = sum(amount for _, _, amount in releases(one.bank, settlement.agency_id, NOVEMBER))
    amounts = select(ManualAdjustment.amount_minor).where(ManualAdjustment.agency_id == settlement.agency_id)
    open_ones = select(Dispute.held_minor).where(Dispute.settlement_id == settlement.id, Dispute.status == "open")
    return released + sum(one.bank.scalars(amounts)), sum(one.bank.scalars(open_ones))


EDITS = {
    "update disputes set granted_minor = 49_000_00, decision_reason = 'Others.', decided_by = 'other@bank.example'": {
        ("disputes", "adjustment"),
        ("disputes", "decision_reason"),
        ("disputes", "decided_by"),
    },
    "update settlements set disputed_minor = 0, answer = 'accepted' where answer <> ''": {
        ("settlements", "disputed_minor"),
        ("settlements", "answer"),
    },
}


def test_every_edited_row_is_named(issued, database):
    ref = issued.dispute(issued.claim(1, 45_000_00))
    issued.propose(ref, 47_000_00)
    issued.decide(ref, 47_000_00)
    assert found(issued.bank) == []
    issued.bank.rollback()
    with psycopg.connect(database.owner_url, autocommit=True) as connection:
        for edit in EDITS:
            connection.execute(edit)
    assert {(table, name) for table, _, name in found(issued.bank)} == set.union(*EDITS.values())
