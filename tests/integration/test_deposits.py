"""Slips of several receipts on the real database: what goes onto one, once, and what the bank then sees of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from allocations.collections import cash_queries
from allocations.collections.deposits import RecordedDeposit, record_deposit
from allocations.collections.models import Deposit, DepositItem
from portal.kernel.db import PortalSession
from portal.kernel.errors import Invalid, Refused
from tests.factories.field import NOW, TODAY, Firm, a_firm, a_receipt

Record = Callable[..., RecordedDeposit]


@pytest.fixture
def firm(bank_session: PortalSession) -> Firm:
    return a_firm(bank_session)


@pytest.fixture
def record(bank_session: PortalSession, firm: Firm) -> Record:
    def record(*receipts: Any, **changes: Any) -> RecordedDeposit:
        values: dict[str, Any] = {
            "agency": firm.agency,
            "slip_no": "S-77",
            "deposited_on": TODAY,
            "amount_minor": None,
            "collection_ids": [row if isinstance(row, int) else row.id for row in receipts],
            "agent_code": None,
            "client_id": None,
            "actor": firm.accountant,
            "now": NOW,
            "today": TODAY,
        }
        return record_deposit(bank_session, **values | changes)

    return record


def codes(refused: pytest.ExceptionInfo[Invalid]) -> list[str]:
    return sorted(problem.code for problem in refused.value.problems)


def test_several_receipts_go_in_on_one_slip(record: Record, bank_session: PortalSession, firm: Firm) -> None:
    first, second = a_receipt(bank_session, firm, "R1", 30_000), a_receipt(bank_session, firm, "R2", 20_050)
    assert cash_queries.held_by(bank_session, firm.agency.id, "A1") == 50_050
    made = record(first, second)
    assert (made.deposit.amount_minor, made.deposit.slip_key, made.was_there) == (50_050, "S77", False)
    assert cash_queries.held_by(bank_session, firm.agency.id, "A1") == 0
    assert record(second, first, slip_no="s 77", amount_minor=50_050).was_there
    assert bank_session.scalar(select(func.count()).select_from(Deposit)) == 1
    assert bank_session.scalar(select(func.count()).select_from(DepositItem)) == 2


def test_a_phone_may_send_a_slip_twice(record: Record, bank_session: PortalSession, firm: Firm) -> None:
    receipt = a_receipt(bank_session, firm, "R1")
    assert not record(receipt, client_id="phone-1-slip-1").was_there
    assert record(receipt, client_id="phone-1-slip-1").was_there
    with pytest.raises(Refused, match="recorded before"):
        record(receipt, client_id="phone-1-slip-1", slip_no="S-78")


def test_a_slip_with_another_story_is_refused(record: Record, bank_session: PortalSession, firm: Firm) -> None:
    first, second = a_receipt(bank_session, firm, "R1"), a_receipt(bank_session, firm, "R2")
    record(first)
    with pytest.raises(Refused, match=r"₹500\.00 on 2026-11-10, 1 receipts"):
        record(first, second)


def test_every_fault_of_a_slip_is_told_at_once(record: Record, bank_session: PortalSession, firm: Firm) -> None:
    upi = a_receipt(bank_session, firm, "R1", mode="upi", instrument_ref="426")
    slipped = a_receipt(bank_session, firm, "R2", deposit_slip_no="S-1")
    seen, others = a_receipt(bank_session, firm, "R3"), a_receipt(bank_session, firm, "R4", agent_code="A2")
    seen.linked_minor = seen.amount_minor
    bank_session.flush()
    foreign = a_receipt(bank_session, a_firm(bank_session, "OTHER"), "R1")
    with pytest.raises(Invalid) as refused:
        record(upi, slipped, seen, others, foreign, 999_999, agent_code="A1", amount_minor=1, slip_no="--")
    assert codes(refused) == [
        "bad_slip_no",
        "deposited_before",
        "not_by_slip",
        "other_agent",
        "seen_at_bank",
        "slip_differs",
        "unknown_receipt",
    ]
    assert "2 of these receipts are not yours" in str(refused.value.problems)


def test_a_slip_lies_between_the_collection_and_today(record: Record, bank_session: PortalSession, firm: Firm) -> None:
    receipt = a_receipt(bank_session, firm, "R1")
    for day, code in ((TODAY - timedelta(1), "deposit_before_collection"), (TODAY + timedelta(1), "future_date")):
        with pytest.raises(Invalid) as refused:
            record(receipt, deposited_on=day)
        assert codes(refused) == [code]
    assert record(receipt, deposited_on=TODAY)


def test_an_empty_slip_and_a_receipt_on_two_slips_are_refused(
    record: Record, bank_session: PortalSession, firm: Firm
) -> None:
    with pytest.raises(Invalid) as refused:
        record()
    assert codes(refused) == ["no_receipts"]
    receipt = a_receipt(bank_session, firm, "R1")
    record(receipt)
    with pytest.raises(Invalid, match="on slip S-77 already"):
        record(receipt, slip_no="S-78")


def test_a_field_agent_pays_in_their_own(record: Record, bank_session: PortalSession, firm: Firm) -> None:
    own, others = a_receipt(bank_session, firm, "R1"), a_receipt(bank_session, firm, "R2", agent_code="A2")
    with pytest.raises(Invalid, match="A2's, not A1's"):
        record(own, others, actor=firm.asha)
    with pytest.raises(Refused, match="their own"):
        record(others, actor=firm.asha, agent_code="A2")
    assert record(own, actor=firm.asha).deposit.agent_code == "A1"


def test_paying_in_makes_room_for_the_next_cash_receipt(
    record: Record, bank_session: PortalSession, firm: Firm
) -> None:
    much = a_receipt(bank_session, firm, "R1", 10_000_001)
    with pytest.raises(Invalid, match="carries"):
        a_receipt(bank_session, firm, "R2", loan_account_no="SHAKTI2")
    record(much)
    assert a_receipt(bank_session, firm, "R2", loan_account_no="SHAKTI2")


def test_an_agency_that_is_shut_still_pays_in(record: Record, bank_session: PortalSession, firm: Firm) -> None:
    receipt = a_receipt(bank_session, firm, "R1")
    firm.agency.status = "suspended"
    assert record(receipt).deposit.id


def test_the_register_says_who_carries_what_since_when(record: Record, bank_session: PortalSession, firm: Firm) -> None:
    old = {"collected_at": datetime(2026, 11, 7, 6, tzinfo=UTC), "today": TODAY}
    a_receipt(bank_session, firm, "R1", 70_000, **old)
    a_receipt(bank_session, firm, "R2", 30_000)
    record(a_receipt(bank_session, firm, "R3", 99_000))
    a_receipt(bank_session, firm, "R4", 5_000, agent_code="A2")
    a_receipt(bank_session, firm, "R5", 6_000, agent_code=None)
    found = cash_queries.cash_in_hand(bank_session, firm.agency.id, today=TODAY)
    assert [(each.agent_code, each.amount_minor, each.late_minor, each.since) for each in found] == [
        ("A1", 100_000, 70_000, date(2026, 11, 7)),
        ("", 6_000, 0, TODAY),
        ("A2", 5_000, 0, TODAY),
    ]


def test_an_agency_records_in_its_own_scope(bank_session: PortalSession, agency_session: Any, firm: Firm) -> None:
    receipt = a_receipt(bank_session, firm, "R1")
    other = a_firm(bank_session, "OTHER")
    foreign = a_receipt(bank_session, other, "R1")
    ids = [receipt.id, foreign.id]
    bank_session.commit()
    session = agency_session(firm.agency.id)
    options: dict[str, Any] = {
        "agency": session.get(type(firm.agency), firm.agency.id),
        "slip_no": "S-1",
        "deposited_on": TODAY,
        "amount_minor": None,
        "agent_code": None,
        "client_id": None,
        "actor": firm.accountant,
        "now": NOW,
        "today": TODAY,
    }
    with pytest.raises(Invalid) as refused:
        record_deposit(session, collection_ids=ids, **options)
    assert codes(refused) == ["unknown_receipt"]
    record_deposit(session, collection_ids=ids[:1], **options)
    session.commit()
    assert agency_session(other.agency.id).scalars(select(Deposit)).all() == []
