"""A daily run comes to what a run over everything comes to, also where a rule, a book or a mark has changed and no row of money has."""

from datetime import date, time

import pytest
from sqlalchemy import select, text

from allocations.agencies.models import Agent, DatedSetting
from allocations.collections.models import ReceiptBook, ReceiptMark
from allocations.reconciliation.models import ReconQueued
from allocations.reconciliation.running import changed
from allocations.reconciliation.running.reconcile import reconcile
from portal.kernel.audit import Actor
from tests.factories.recon import AT

ACTOR = Actor(None, "system", "system")
THROUGH = date(2026, 11, 10)


@pytest.fixture(autouse=True)
def _always_a_part(monkeypatch):
    monkeypatch.setattr(changed, "SHARE", 0.001)


@pytest.fixture
def agrees(bank_session, now):
    """Runs once as every day and once, taken back, over everything; the two must come to the same."""

    def run(through=THROUGH):
        def one(**more):
            result = reconcile(bank_session, through=through, actor=ACTOR, now=now, **more)
            bank_session.expire_all()
            return result, open_breaks(bank_session)

        with bank_session.begin_nested() as kept:
            whole, wanted = one(full=True)
            kept.rollback()
        bank_session.expire_all()
        part, found = one()
        assert found == wanted
        assert (part.result_hash, part.currencies) == (whole.result_hash, whole.currencies)
        return part, found

    return run


def open_breaks(session):
    query = "select code, side, ref, due_on, owner, detail::text from breaks where status = 'open' order by 1, 2, 3, 6"
    return [tuple(row) for row in session.execute(text(query))]


def a_rule(session, code, value, since="2026-01-01"):
    session.add(DatedSetting(code=code, value=value, effective_from=date.fromisoformat(since), source="a test"))
    session.flush()


def a_book(book, prefix="R-", issued="2026-10-01", agency="SHAKTI"):
    key = prefix.replace("-", "")
    row = ReceiptBook(
        agency_id=book.agency(agency).id, ref=f"BK{key}", kind="paper", prefix=prefix, prefix_key=key, width=4, first_no=1,
        last_no=50, issued_on=date.fromisoformat(issued), issued_by="bank", issued_at=AT,
    )  # fmt: skip
    book.session.add(row)
    book.session.flush()
    return row


def a_mark(book, leaves, number, status="confirmed"):
    row = ReceiptMark(
        agency_id=leaves.agency_id, book_id=leaves.id, number=number, receipt_no=f"{leaves.prefix}{number:04}",
        receipt_key=f"{leaves.prefix_key}{number:04}", state="void", reason="torn", status=status, proposed_by="a",
        proposed_at=AT,
    )  # fmt: skip
    if status != "proposed":
        row.decided_by, row.decided_at = "b", AT
    book.session.add(row)
    book.session.flush()
    return row


@pytest.fixture
def handed(database, bank_session):
    """Hands numbers of a book to an agent; only agencies do that, so it is done behind the bank's back."""

    def hand(leaves, first, last):
        agent = Agent(agency_id=leaves.agency_id, code=f"A{leaves.prefix_key}{first}", name="Asha")
        bank_session.add(agent)
        bank_session.commit()
        database.execute(
            "insert into receipt_ranges (agency_id, book_id, agent_id, first_no, last_no, handed_on, handed_by)"
            " values (%s, %s, %s, %s, %s, '2026-10-02', 'owner')",
            leaves.agency_id, leaves.id, agent.id, first, last,
        )  # fmt: skip

    return hand


def test_days_until_cash_is_paid_in_are_asked_anew_of_cash_that_is_out(book, bank_session, agrees):
    book.receipt("C-1", 900_00, "2026-11-01", "LN1", mode="cash")
    _, standing = agrees()
    a_rule(bank_session, "cash.deposit_within_days", 5, since="2026-10-01")
    after, moved = agrees()
    assert (after.mode, standing != moved) == ("full", True)
    assert agrees()[0].run_id == after.run_id


def test_hours_of_contact_are_asked_anew_of_receipts_already_there(book, bank_session, agrees):
    book.receipt("T-1", 900_00, "2026-11-01", "LN1", at=time(18, 30))
    assert "R14" not in {row[0] for row in agrees()[1]}
    a_rule(bank_session, "contact.hours", {"from": "09:00", "to": "18:00"}, since="2026-10-01")
    assert "R14" in {row[0] for row in agrees()[1]}


def test_a_rule_that_no_run_asks_for_makes_no_run_a_full_one(book, bank_session, agrees):
    book.receipt("C-1", 900_00, "2026-11-01", "LN1", mode="cash")
    agrees()
    a_rule(bank_session, "promise.grace_days", 5, since="2026-10-01")
    book.receipt("C-2", 500_00, "2026-11-02", "LN2", mode="cash")
    assert agrees()[0].mode == "daily"


def test_a_first_book_and_one_more_are_asked_of_receipts_already_there(book, bank_session, agrees):
    for number in ("R-0001", "R-0004", "S-0001"):
        book.receipt(number, 100_00, "2026-10-05", "LN1")
    assert not [row for row in agrees()[1] if row[0] == "R11"]
    a_book(book)
    part, found = agrees()
    assert part.mode == "daily" and [row[2] for row in found if row[0] == "R11"] == ["R-0004", "S-0001"]
    a_book(book, "S-")
    assert [row[2] for row in agrees()[1] if row[0] == "R11"] == ["R-0004"]


def test_a_book_that_is_to_come_waits_for_its_day(book, bank_session, agrees):
    book.receipt("R-0003", 100_00, "2026-11-05", "LN1")
    agrees(date(2026, 11, 6))
    a_book(book, issued="2026-11-05")
    a_book(book, "S-", issued="2026-11-09")
    agrees(date(2026, 11, 6))
    assert bank_session.scalars(select(ReconQueued.kind)).all() == ["book"]
    agrees(date(2026, 11, 10))
    assert bank_session.scalars(select(ReconQueued.kind)).all() == []


def test_marks_and_ranges_are_asked_of_receipts_already_there(book, bank_session, agrees, handed):
    first, second = a_book(book), a_book(book, "S-")
    for number in ("R-0001", "R-0004", "S-0002", "S-0005"):
        book.receipt(number, 100_00, "2026-10-05", "LN1")
    agrees()
    marks = [a_mark(book, first, 2), a_mark(book, first, 4), a_mark(book, second, 1, "proposed")]
    agrees()
    marks[2].status, marks[2].decided_by, marks[2].decided_at = "confirmed", "b", AT
    agrees()
    handed(first, 1, 10)
    agrees()
    handed(second, 1, 3)
    agrees()
    first.returned_on, first.returned_by = date(2026, 11, 1), "bank"
    bank_session.flush()
    part, _ = agrees()
    assert part.mode == "daily"


def test_a_daily_run_leaves_gaps_of_other_books_standing_and_closes_those_that_were_filled(
    book, bank_session, agrees, handed
):
    first, _ = a_book(book), a_book(book, "S-")
    handed(first, 1, 10)
    for number in ("R-0003", "S-0004", "S-0008"):
        book.receipt(number, 100_00, "2026-10-05", "LN1")
    agrees()
    book.receipt("S-0002", 100_00, "2026-10-05", "LN9")
    part, found = agrees()
    assert part.mode == "daily" and ("range" in {row[1] for row in found})
    for number in ("S-0001", "S-0003"):
        book.receipt(number, 100_00, "2026-10-05", "LN9")
    agrees()
    book.receipt("R-0002", 100_00, "2026-10-05", "LN9")
    agrees()
