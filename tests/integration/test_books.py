"""Receipt books on the real database: issued, handed out, declared void by two people, and what a number may be used for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from allocations.agencies.models import DatedSetting
from allocations.collections.models import ReceiptBook, ReceiptMark
from allocations.collections.receipts import book_queries
from allocations.collections.receipts import books_service as service
from portal.kernel.audit import Actor
from portal.kernel.db import PortalSession
from portal.kernel.errors import Invalid, Refused
from tests.factories.firm import NOW, TODAY, Firm, a_firm, a_receipt

MAKER = Actor(None, "maker@bank.example", "bank_operator")


@pytest.fixture
def firm(bank_session: PortalSession) -> Firm:
    return a_firm(bank_session)


def a_book(session: PortalSession, firm: Firm, first: int = 1, last: int = 50, **changes: Any) -> ReceiptBook:
    options: dict[str, Any] = {"kind": "paper", "prefix": "SHK-", "actor": MAKER, "now": NOW, "today": TODAY}
    return service.issue_book(session, firm.agency, first_no=first, last_no=last, **options | {"width": 4} | changes)


def when(actor: Actor) -> dict[str, Any]:
    return {"actor": actor, "now": NOW, "today": TODAY}


def mark(
    session: PortalSession, book: ReceiptBook, first: int, last: int, by: Actor, state: str = "void"
) -> list[ReceiptMark]:
    return service.propose_mark(
        session, book, first_no=first, last_no=last, state=state, reason="Torn by rain.", actor=by, now=NOW
    )


@pytest.fixture
def ours(bank_session: PortalSession, agency_session: Any, firm: Firm) -> Callable[..., PortalSession]:
    """Commits what the bank did and opens the firm's own session."""

    def ours() -> PortalSession:
        bank_session.commit()
        session: PortalSession = agency_session(firm.agency.id)
        return session

    return ours


def test_a_number_is_issued_once(bank_session: PortalSession, firm: Firm) -> None:
    book = a_book(bank_session, firm)
    assert (book.ref, book.prefix_key, book.width) == ("RB-SHAKTI-0001", "SHK", 4)
    with pytest.raises(Refused, match="issued to this agency before"):
        a_book(bank_session, firm, 50, 99, prefix="shk/")
    assert a_book(bank_session, firm, 51, 99).ref == "RB-SHAKTI-0002"
    other = a_firm(bank_session, "OTHER")
    assert a_book(bank_session, other).agency_id == other.agency.id  # another agency's numbers are its own


def test_every_fault_of_a_book_is_told_at_once(bank_session: PortalSession, firm: Firm) -> None:
    with pytest.raises(Invalid) as refused:
        a_book(bank_session, firm, 9, 1, kind="stone", prefix="x" * 21, width=19)
    assert {problem.code for problem in refused.value.problems} == {"bad_choice", "too_long", "bad_range", "bad_width"}


def test_a_range_is_in_one_pair_of_hands(
    bank_session: PortalSession, ours: Callable[..., PortalSession], firm: Firm
) -> None:
    book_id = a_book(bank_session, firm).id
    session = ours()
    book = session.get_one(ReceiptBook, book_id)
    held = service.hand_out(session, book, firm.a1, first_no=1, last_no=25, **when(firm.owner))
    with pytest.raises(Refused, match="in other hands"):
        service.hand_out(session, book, firm.a2, first_no=25, last_no=50, **when(firm.owner))
    with pytest.raises(Invalid, match="goes from 1 to 50"):
        service.hand_out(session, book, firm.a2, first_no=26, last_no=51, **when(firm.owner))
    session.commit()
    with pytest.raises(Refused, match="still has numbers"):
        service.return_book(bank_session, bank_session.get_one(ReceiptBook, book_id), **when(MAKER))
    service.take_back(session, held, **when(firm.owner))
    service.hand_out(session, book, firm.a2, first_no=20, last_no=30, **when(firm.owner))


def test_a_book_goes_back_once_and_is_handed_out_no_more(
    bank_session: PortalSession, ours: Callable[..., PortalSession], firm: Firm
) -> None:
    book = a_book(bank_session, firm)
    service.return_book(bank_session, book, **when(MAKER))
    with pytest.raises(Refused, match="came back before"):
        service.return_book(bank_session, book, **when(MAKER))
    session = ours()
    with pytest.raises(Refused, match="went back"):
        again = session.get_one(ReceiptBook, book.id)
        service.hand_out(session, again, firm.a1, first_no=1, last_no=2, **when(firm.owner))


def test_an_agent_writes_their_own_numbers_in_order(
    bank_session: PortalSession, ours: Callable[..., PortalSession], firm: Firm
) -> None:
    book_id = a_book(bank_session, firm, kind="electronic", prefix="E", width=5).id
    session = ours()
    book = session.get_one(ReceiptBook, book_id)
    service.hand_out(session, book, firm.a1, first_no=11, last_no=14, **when(firm.owner))
    assert service.next_receipt_no(session, firm.agency.id, firm.a1.id) == "E00011"
    assert service.next_receipt_no(session, firm.agency.id, firm.a1.id, kind="paper") is None
    assert service.next_receipt_no(session, firm.agency.id, firm.a2.id) is None
    a_receipt(session, firm, "E00011")
    a_receipt(session, firm, "e-13", loan_account_no="SHAKTI2")
    (left,) = service.electronic_ranges(session, firm.agency.id, firm.a1.id)
    assert (left.next_no, left.last_no, left.used, left.next_receipt) == (14, 14, [], "E00014")
    mark(session, book, 14, 14, firm.asha)
    (left,) = service.electronic_ranges(session, firm.agency.id, firm.a1.id)
    assert (left.next_no, left.used) == (12, [13, 14])  # the gap is what is left


# --- void and lost


def test_two_people_of_the_office_say_that_a_number_is_void(bank_session: PortalSession, firm: Firm) -> None:
    book = a_book(bank_session, firm)
    (said,) = mark(bank_session, book, 7, 7, firm.accountant)
    with pytest.raises(Refused, match="Another person"):
        service.decide_mark(bank_session, said, confirm=True, actor=firm.accountant, now=NOW)
    service.decide_mark(bank_session, said, confirm=True, actor=firm.owner, now=NOW)
    assert (said.status, said.decided_by, said.receipt_no) == ("confirmed", firm.owner.email, "SHK-0007")
    with pytest.raises(Refused, match="decided before"):
        service.decide_mark(bank_session, said, confirm=False, actor=firm.owner, now=NOW)


def test_the_database_keeps_maker_and_checker_apart(bank_session: PortalSession, firm: Firm) -> None:
    (said,) = mark(bank_session, a_book(bank_session, firm), 7, 7, firm.accountant)
    said.status, said.decided_by = "confirmed", firm.accountant.email
    with pytest.raises(IntegrityError, match="maker_is_not_checker"):
        bank_session.flush()


def test_a_declined_word_leaves_the_number_free_to_be_named_again(bank_session: PortalSession, firm: Firm) -> None:
    book = a_book(bank_session, firm)
    (said,) = mark(bank_session, book, 7, 7, firm.accountant)
    with pytest.raises(Invalid, match="said to be void or lost before"):
        mark(bank_session, book, 6, 8, firm.owner, "lost")
    service.decide_mark(bank_session, said, confirm=False, actor=firm.owner, now=NOW)
    assert len(mark(bank_session, book, 6, 8, firm.owner, "lost")) == 3


def test_a_used_number_is_neither_void_nor_lost(bank_session: PortalSession, firm: Firm) -> None:
    book = a_book(bank_session, firm)
    a_receipt(bank_session, firm, "shk 7")
    with pytest.raises(Invalid, match="SHK-0007 was used"):
        mark(bank_session, book, 6, 8, firm.accountant)


def test_a_field_agent_speaks_of_their_own_numbers(
    bank_session: PortalSession, ours: Callable[..., PortalSession], firm: Firm
) -> None:
    book_id = a_book(bank_session, firm).id
    session = ours()
    book = session.get_one(ReceiptBook, book_id)
    service.hand_out(session, book, firm.a1, first_no=1, last_no=10, **when(firm.owner))
    assert mark(session, book, 10, 10, firm.asha)
    with pytest.raises(Invalid, match="not handed to you"):
        mark(session, book, 9, 11, firm.asha)


# --- what a number may be used for


def refuse_unissued(session: PortalSession) -> None:
    session.add(DatedSetting(code="receipts.unissued", value="refuse", effective_from=TODAY, source="test"))
    session.flush()


def codes_of(refused: pytest.ExceptionInfo[Invalid]) -> list[str]:
    return [problem.code for problem in refused.value.problems]


def test_a_leaf_is_used_once_whatever_its_zeros(bank_session: PortalSession, firm: Firm) -> None:
    a_book(bank_session, firm)
    a_receipt(bank_session, firm, "SHK-0007")
    with pytest.raises(Invalid) as refused:
        a_receipt(bank_session, firm, "SHK-7", loan_account_no="SHAKTI2")
    assert codes_of(refused) == ["receipt_used"] and "SHK-0007" in str(refused.value)


def test_numbers_outside_every_book_are_taken_unless_the_lender_refuses_them(
    bank_session: PortalSession, firm: Firm
) -> None:
    refuse_unissued(bank_session)
    a_receipt(bank_session, firm, "ANY-1")  # no books at all: nothing to compare with
    book = a_book(bank_session, firm)
    (said,) = mark(bank_session, book, 5, 5, firm.accountant)
    (lost,) = mark(bank_session, book, 6, 6, firm.accountant, "lost")
    for each in (said, lost):
        service.decide_mark(bank_session, each, confirm=True, actor=firm.owner, now=NOW)
    found = []
    for receipt in ("ANY-2", "SHK-0051", "SHK-0005", "SHK-0006"):
        with pytest.raises(Invalid) as refused:
            a_receipt(bank_session, firm, receipt)
        found += codes_of(refused)
    assert found == ["unissued_receipt", "unissued_receipt", "void_receipt", "lost_receipt"]
    a_receipt(bank_session, firm, "SHK-0007")
    before = {"today": date(2026, 11, 9), "collected_at": datetime(2026, 11, 9, 6, tzinfo=UTC)}
    a_receipt(bank_session, firm, "ANY-3", **before)  # the day before the rule began


def test_a_number_that_was_used_meanwhile_is_not_declared_void(bank_session: PortalSession, firm: Firm) -> None:
    (said,) = mark(bank_session, a_book(bank_session, firm), 7, 7, firm.owner)
    a_receipt(bank_session, firm, "SHK-0007")
    with pytest.raises(Refused, match="was used"):
        service.decide_mark(bank_session, said, confirm=True, actor=firm.accountant, now=NOW)
    assert service.decide_mark(bank_session, said, confirm=False, actor=firm.accountant, now=NOW).status == "declined"


# --- two agencies


def test_an_agency_sees_and_moves_its_own_books_only(
    bank_session: PortalSession, agency_session: Any, firm: Firm
) -> None:
    other = a_firm(bank_session, "OTHER")
    a_book(bank_session, firm)
    theirs = a_book(bank_session, other, prefix="OTH-")
    bank_session.commit()
    session = agency_session(firm.agency.id)
    (own,) = session.scalars(select(ReceiptBook)).all()
    assert own.prefix == "SHK-"
    held = service.hand_out(session, own, firm.a1, first_no=1, last_no=10, **when(firm.owner))
    (said,) = mark(session, own, 2, 2, firm.accountant)
    service.decide_mark(session, said, confirm=True, actor=firm.owner, now=NOW)
    service.take_back(session, held, **when(firm.owner))
    session.commit()
    foreign = agency_session(other.agency.id)
    assert foreign.scalars(select(ReceiptMark)).all() == []
    assert book_queries.agency_series(foreign, firm.agency.id) == []
    assert [book.id for book in foreign.scalars(select(ReceiptBook))] == [theirs.id]


def test_an_agency_issues_no_book_to_itself(bank_session: PortalSession, agency_session: Any, firm: Firm) -> None:
    bank_session.commit()
    session = agency_session(firm.agency.id)
    with pytest.raises(Exception, match="permission denied"):
        a_book(session, replace(firm, agency=session.get(type(firm.agency), firm.agency.id)))
