"""Breaks that paper shows: numbers not accounted for (R11), splits that differ (R13), hours and days outside the rules (R14)."""

from datetime import date, time

import pytest
from sqlalchemy import select

from allocations.agencies.models import Agent, DatedSetting
from allocations.collections.models import ReceiptBook, ReceiptMark, ReceiptRange
from allocations.reconciliation.matching.breaks import COLUMNS
from allocations.reconciliation.models import Break, MatchLink
from allocations.reconciliation.running.paper import paper_breaks
from allocations.reconciliation.running.reconcile import reconcile
from portal.kernel.audit import Actor
from tests.factories.recon import AT
from tests.factories.world import an_account, an_allocation

THROUGH = date(2026, 11, 10)
ACTOR = Actor(None, "system", "system")


@pytest.fixture
def found(bank_session):
    """(code, side, ref) of what paper shows."""

    def find(through=THROUGH, ids=None, **more):
        bank_session.flush()
        table = paper_breaks(bank_session, through=through, collection_ids=ids, **more)
        assert list(table.columns) == COLUMNS
        return {(row.code, row.side, row.ref) for row in table.itertuples()}

    return find


def detail(session, code):
    table = paper_breaks(session, through=THROUGH, collection_ids=None)
    return table.loc[table["code"] == code, "detail"].iloc[0]


# --- R11


def a_book(book, first=1, last=50, prefix="R-", key="R", issued="2026-10-01", **more):
    agency = book.agency(more.pop("agency", "SHAKTI"))
    row = ReceiptBook(
        agency_id=agency.id, ref=f"BK{first}{key}{agency.id}", kind="paper", prefix=prefix, prefix_key=key, width=4, first_no=first,
        last_no=last, issued_on=date.fromisoformat(issued), issued_by="bank", issued_at=AT, **more,
    )  # fmt: skip
    book.session.add(row)
    book.session.flush()
    return row


@pytest.fixture
def handed(database, bank_session):
    """Hands numbers of a book to an agent; only agencies do that, so it is done behind the bank's back."""

    def hand(book, leaves, first, last):
        agent = Agent(agency_id=leaves.agency_id, code=f"A{leaves.prefix}{first}", name="Asha")
        bank_session.add(agent)
        bank_session.commit()
        database.execute(
            "insert into receipt_ranges (agency_id, book_id, agent_id, first_no, last_no, handed_on, handed_by)"
            " values (%s, %s, %s, %s, %s, '2026-10-02', 'owner')",
            leaves.agency_id, leaves.id, agent.id, first, last,
        )  # fmt: skip
        query = select(ReceiptRange).where(ReceiptRange.book_id == leaves.id, ReceiptRange.first_no == first)
        return bank_session.scalars(query).one()

    return hand


def marked(book, leaves, number, state="void", status="confirmed"):
    row = ReceiptMark(
        agency_id=leaves.agency_id, book_id=leaves.id, number=number, receipt_no=f"R-{number:04}", receipt_key=f"R{number:04}",
        state=state, reason="torn", status=status, proposed_by="a", proposed_at=AT,
    )  # fmt: skip
    if status != "proposed":
        row.decided_by, row.decided_at = "b", AT
    book.session.add(row)
    book.session.flush()


def test_a_number_of_no_book_is_told_and_one_of_a_book_is_not(book, found):
    a_book(book)
    for number in ("R-0001", "R-0050", "R-0051", "X-0001"):
        book.receipt(number, 100_00, "2026-10-05", "LN1")
    told = {ref for code, side, ref in found() if side == "collection" and code == "R11"} - {"SHAKTI/R0050"}
    assert told == {"SHAKTI/R0051", "SHAKTI/X0001"}


def test_an_agency_without_books_and_receipts_before_its_first_book_are_left_alone(book, found):
    book.receipt("Q-1", 100_00, "2026-10-05", "LN1", agency="VEGA")
    a_book(book, issued="2026-10-05")
    book.receipt("Q-2", 100_00, "2026-10-04", "LN2")
    book.receipt("Q-3", 100_00, "2026-10-05", "LN2")
    assert found() == {("R11", "collection", "SHAKTI/Q3")}


def test_a_number_declared_void_or_lost_may_not_be_used(book, found):
    leaves = a_book(book)
    for number, state, status in (
        (1, "void", "confirmed"),
        (2, "lost", "confirmed"),
        (3, "void", "proposed"),
        (4, "void", "declined"),
    ):
        book.receipt(f"R-000{number}", 100_00, "2026-10-05", "LN1")
        marked(book, leaves, number, state, status)
    assert found() == {("R11", "collection", "SHAKTI/R0001"), ("R11", "collection", "SHAKTI/R0002")}


def test_numbers_are_known_in_any_spelling_and_with_prefixes_that_end_in_digits(book, found):
    a_book(book)
    a_book(book, first=1, last=9, prefix="B2/", key="B2")
    book.receipt("r 1", 100_00, "2026-10-05", "LN1")
    book.receipt("B2/0001", 100_00, "2026-10-05", "LN1")
    book.receipt("B3/0001", 100_00, "2026-10-05", "LN1")
    assert found() == {("R11", "collection", "SHAKTI/B30001")}


def test_missing_leaves_of_an_agent_are_one_break_about_the_range(book, found, bank_session, handed):
    leaves = a_book(book)
    held = handed(book, leaves, 1, 10)
    handed(book, leaves, 11, 20)
    for number in (1, 4, 6, 11):
        book.receipt(f"R-{number:04}", 100_00, "2026-10-05", "LN1")
    marked(book, leaves, 5)
    assert found() == {("R11", "range", f"{leaves.ref}/R-0001 to R-0010")}
    assert detail(bank_session, "R11")["missing"] == "R-0002 to R-0003"
    row = paper_breaks(bank_session, through=THROUGH, collection_ids=None).iloc[0]
    assert (row.subject_id, row.amount, row.agency_id, row.owner) == (held.id, 0, leaves.agency_id, "audit")
    assert row.day == date(2026, 10, 5).toordinal()


def test_leaves_behind_the_last_used_one_are_not_missing(book, found, handed):
    leaves = a_book(book)
    handed(book, leaves, 1, 10)
    for number in (1, 2, 3):
        book.receipt(f"R-{number:04}", 100_00, "2026-10-05", "LN1")
    assert found() == set()


def test_a_gap_of_a_book_nobody_was_handed_is_told_of_the_receipt_behind_it(book, found, bank_session):
    a_book(book)
    for number in (1, 4):
        book.receipt(f"R-{number:04}", 100_00, "2026-10-05", "LN1")
    assert found() == {("R11", "collection", "SHAKTI/R0004")}
    assert detail(bank_session, "R11")["missing"] == "R-0002 to R-0003"


def test_a_void_leaf_nobody_confirmed_is_told_until_somebody_does(book, found, handed):
    leaves = a_book(book)
    handed(book, leaves, 1, 10)
    book.receipt("R-0001", 100_00, "2026-10-05", "LN1")
    marked(book, leaves, 2, status="proposed")
    assert {side for _code, side, _ref in found()} == {"range"}
    book.session.query(ReceiptMark).update({"status": "confirmed", "decided_by": "b", "decided_at": AT})
    assert found() == set()


def test_a_book_given_back_is_not_searched_for_gaps(book, found):
    leaves = a_book(book)
    book.receipt("R-0009", 100_00, "2026-10-05", "LN1")
    leaves.returned_on, leaves.returned_by = date(2026, 11, 1), "bank"
    assert found() == set()


def test_only_what_concerns_these_receipts_is_looked_at(book, found, handed):
    first, second = a_book(book), a_book(book, first=1, last=50, prefix="S-", key="S")
    handed(book, first, 1, 10)
    handed(book, second, 1, 10)
    one = book.receipt("R-0003", 100_00, "2026-10-05", "LN1")
    two = book.receipt("S-0003", 100_00, "2026-10-05", "LN1")
    book.receipt("X-9", 100_00, "2026-10-05", "LN1")
    assert found(ids=[one.id]) == {("R11", "range", f"{first.ref}/R-0001 to R-0010")}
    assert found(ids=[two.id]) == {("R11", "range", f"{second.ref}/S-0001 to S-0010")}
    assert len(found()) == 3


def test_a_run_stores_the_break_of_a_range_and_closes_it(book, bank_session, now, handed):
    leaves = a_book(book)
    held = handed(book, leaves, 1, 10)
    book.receipt("R-0002", 100_00, "2026-10-05", "LN1")
    run = lambda: reconcile(bank_session, through=THROUGH, actor=ACTOR, now=now)  # noqa: E731
    first = run()
    row = bank_session.query(Break).filter(Break.code == "R11").one()
    assert (row.receipt_range_id, row.agency_id, row.status) == (held.id, leaves.agency_id, "open")
    assert not run().is_new
    marked(book, leaves, 1)
    book.receipt("R-0003", 100_00, "2026-10-05", "LN1")
    assert run().result_hash != first.result_hash
    bank_session.expire_all()
    assert row.status == "closed"


# --- R13


@pytest.fixture
def split(book, bank_session):
    """A receipt and its posting, with what each says of principal, interest and charges."""

    def make(reported, booked, amount=1000_00):
        row = book.receipt("R-1", 1000_00, "2026-10-05", "LN1", split=reported)
        posting = book.posting("P1", amount, "2026-10-06", "LN1", split=booked)
        link = MatchLink(
            agency_id=row.agency_id, collection_id=row.id, posting_id=posting.id, amount_minor=row.amount_minor
        )
        link.status, link.rule, link.rule_version, link.created_at = "confirmed", "posting_receipt", 1, AT
        bank_session.add(link)
        bank_session.flush()
        return row

    return make


@pytest.mark.parametrize(
    ("booked", "told"),
    [
        ((700_00, 200_00, 100_00), False),
        ((701_00, 199_00, 100_00), False),  # one rupee is rounding
        ((701_01, 198_99, 100_00), True),
        ((700_00, None, None), False),
        ((None, None, None), False),
    ],
)
def test_a_split_core_banking_names_otherwise_is_told_beyond_rounding(split, found, booked, told):
    split((700_00, 200_00, 100_00), booked)
    assert found() == ({("R13", "collection", "SHAKTI/R1")} if told else set())


def test_a_split_break_counts_the_rupees_that_stand_elsewhere(split, bank_session):
    split((700_00, 200_00, 100_00), (600_00, 200_00, 200_00))
    row = paper_breaks(bank_session, through=THROUGH, collection_ids=None).iloc[0]
    assert row.amount == 100_00
    assert row.detail["principal_booked_minor"] == 600_00 and "interest_booked_minor" not in row.detail


def test_a_posting_of_another_amount_is_no_other_split(split, found):
    split((700_00, 200_00, 100_00), (800_00, 200_00, 100_00), amount=1100_00)
    assert found() == set()


# --- R14


def at(book, hour, day="2026-10-05", **more):
    book.numbers["r"] = number = book.numbers.get("r", 0) + 1
    return book.receipt(f"T-{number}", 100_00, day, more.pop("account", "LN1"), at=time.fromisoformat(hour), **more)


@pytest.mark.parametrize(
    ("hour", "told"),
    [("07:59:59", True), ("08:00", False), ("19:00", False), ("19:00:01", True), ("12:00", False), ("23:30", True)],
)
def test_the_hours_of_contact_hold_to_the_second_with_both_ends_inside(book, found, hour, told):
    at(book, hour)
    assert found() == ({("R14", "collection", "SHAKTI/T1")} if told else set())


def test_mandates_money_paid_direct_and_receipts_without_an_hour_are_nobodys_visit(book, found):
    at(book, "23:00", mode="auto_debit")
    at(book, "23:00", source="direct")
    book.receipt("T-9", 100_00, "2026-10-05", "LN1")
    assert found() == set()


def test_hours_are_those_of_the_day_and_the_clock_the_borrowers(book, found, bank_session):
    rule = {"from": "09:00", "to": "18:00", "zones": {"GF": "Asia/Dubai"}}
    bank_session.add(DatedSetting(code="contact.hours", value=rule, effective_from=date(2026, 10, 6), source="a test"))
    book.accounts["GULF"] = an_account(bank_session, "GULF", state="GF")
    at(book, "08:30", "2026-10-05")  # before the new rule
    at(book, "08:30", "2026-10-06")
    at(book, "10:00", "2026-10-06", account="GULF")  # 08:30 in Dubai
    at(book, "10:30", "2026-10-06", account="GULF")  # 09:00 in Dubai
    at(book, "19:30", "2026-10-06", account="GULF")  # 18:00 in Dubai
    assert {ref for _code, _side, ref in found()} == {"SHAKTI/T2", "SHAKTI/T3"}


def test_a_receipt_dated_before_the_allocation_is_told_to_conduct(book, found, bank_session):
    account = book.accounts["LN7"] = an_account(bank_session, "LN7")
    book.allocations["SHAKTI", "LN7"] = an_allocation(
        bank_session, account, book.agency("SHAKTI"), from_on=date(2026, 10, 5)
    )
    book.receipt("T-1", 100_00, "2026-10-04", "LN7")
    book.receipt("T-2", 100_00, "2026-10-05", "LN7")
    assert found() == {("R14", "collection", "SHAKTI/T1")}
    assert detail(bank_session, "R14")["allocated_on"] == "2026-10-05"


def test_what_comes_after_the_day_asked_about_is_not_there_yet(book, found):
    at(book, "23:00", "2026-10-05")
    assert found(through=date(2026, 10, 4)) == set()
    assert found(through=date(2026, 10, 5)) != set()
