"""Slips of several receipts on the real database: what goes onto one, once, and what the bank then sees of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from allocations.collections.models import Deposit, DepositItem
from allocations.collections.receipts import cash_queries
from allocations.collections.receipts.deposits import RecordedDeposit, record_deposit
from allocations.reconciliation.bench.candidates import slip_of
from allocations.reconciliation.models import Break, MatchLink
from allocations.reconciliation.running.reconcile import reconcile
from payouts.verify import verify
from portal.kernel.db import PortalSession
from portal.kernel.errors import Invalid, Refused
from tests.factories.firm import NOW, TODAY, Firm, a_firm, a_receipt
from tests.factories.recon import ReconBook
from tests.factories.world import SYSTEM

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
    with pytest.raises(Invalid, match="not yours"):
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
    firm.agency.status = "de_empanelled"
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


# --- what the matcher makes of it


def open_breaks(session: PortalSession) -> dict[str, tuple[str, str, int]]:
    rows = session.scalars(select(Break).where(Break.status == "open"))
    return {row.ref: (row.code, row.detail["why"], row.amount_minor) for row in rows}


def test_the_slip_recorded_afterwards_ties_the_receipts_to_the_credit(bank_session: PortalSession, now: Any) -> None:
    book = ReconBook(bank_session)
    receipts = [book.receipt(f"R{n}", amount, "2026-10-05", "LN1", mode="cash") for n, amount in ((1, 500), (2, 700))]
    slipped = book.receipt("R3", 900, "2026-10-05", "LN1", mode="cash", slip="S-9")
    book.line(1_200, "2026-10-07", "CASH DEPOSIT SLIP S-1234")
    first = reconcile(bank_session, through=TODAY, actor=SYSTEM, now=now)
    assert open_breaks(bank_session) == {
        "R1": ("R01", "No slip says that this cash was paid in.", 500),
        "R2": ("R01", "No slip says that this cash was paid in.", 700),
        "R3": ("R01", "No credit carries its reference, slip or receipt number.", 900),
        "ST1/1": ("R02", "No receipt names this credit.", 1_200),
    }
    record_deposit(
        bank_session,
        agency=book.agency("SHAKTI"),
        slip_no="s/1234",
        deposited_on=date(2026, 10, 7),
        amount_minor=1_200,
        collection_ids=[row.id for row in receipts],
        agent_code=None,
        client_id=None,
        actor=SYSTEM,
        now=now,
        today=TODAY,
    )
    second = reconcile(bank_session, through=TODAY, actor=SYSTEM, now=now)
    assert second.input_hash != first.input_hash
    links = bank_session.scalars(select(MatchLink).order_by(MatchLink.collection_id)).all()
    assert [(link.collection_id, link.rule, link.amount_minor) for link in links] == [
        (receipts[0].id, "slip_total", 500),
        (receipts[1].id, "slip_total", 700),
    ]
    assert list(open_breaks(bank_session)) == ["R3"]
    again = reconcile(bank_session, through=TODAY, actor=SYSTEM, now=now)
    assert (again.input_hash, again.result_hash) == (second.input_hash, second.result_hash)
    bank_session.refresh(slipped)
    assert slip_of(bank_session, slipped) == ("S-9", "S9")
    assert slip_of(bank_session, receipts[0]) == ("s/1234", "S1234")


def test_a_slip_the_bank_credits_with_less_shows_the_difference(bank_session: PortalSession, now: Any) -> None:
    book = ReconBook(bank_session)
    receipt = book.receipt("R1", 500, "2026-10-05", "LN1", mode="cash")
    book.line(450, "2026-10-06", "CASH DEPOSIT SLIP S-1234")
    record_deposit(
        bank_session,
        agency=book.agency("SHAKTI"),
        slip_no="S1234",
        deposited_on=date(2026, 10, 6),
        amount_minor=None,
        collection_ids=[receipt.id],
        agent_code=None,
        client_id=None,
        actor=SYSTEM,
        now=now,
        today=TODAY,
    )
    reconcile(bank_session, through=TODAY, actor=SYSTEM, now=now)
    assert open_breaks(bank_session)["R1"][0] == "R03"


# --- verified


def test_a_slip_whose_items_were_touched_by_hand_is_named(
    record: Record, bank_session: PortalSession, firm: Firm, database: Any, file_store: Any
) -> None:
    record(a_receipt(bank_session, firm, "R1"), a_receipt(bank_session, firm, "R2"))
    bank_session.commit()
    clean = verify(bank_session, file_store)
    assert clean.is_clean and clean.checks["deposits"] == 1
    bank_session.rollback()
    database.execute("delete from deposit_items where collection_id = (select max(id) from collections)")
    (found,) = verify(bank_session, file_store).differences
    assert (found.table, found.ref, found.stored, found.recomputed) == ("deposits", "S-77", "100000", "50000")


def test_a_field_agent_learns_nothing_of_a_colleagues_receipts_and_slips(
    record: Record, bank_session: PortalSession, firm: Firm
) -> None:
    own, others = a_receipt(bank_session, firm, "R1"), a_receipt(bank_session, firm, "R77", 77_700, agent_code="A2")
    with pytest.raises(Invalid) as of_receipt:
        record(others, actor=firm.asha)
    with pytest.raises(Invalid) as of_none:
        record(999_999, actor=firm.asha)
    assert of_receipt.value.problems == of_none.value.problems
    record(others, agent_code="A2")
    with pytest.raises(Refused) as of_slip:
        record(own, actor=firm.asha)
    assert of_slip.value.message == "This slip was recorded before."
