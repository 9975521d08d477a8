"""Core-banking postings: stored once, reversed by naming the posting, every wrong row given back."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from allocations.placements.models import LoanAccount
from allocations.reconciliation.models import Posting
from allocations.reconciliation.sources.postings import import_postings
from portal.kernel.audit import Actor
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid

MAKER = Actor(None, "maker@bank.example", "bank_operator", via="cli")
HEADER = "posting_no,loan_account_no,amount,posted_on,value_on,mode,instrument_ref,receipt_no,reverses_posting_no\n"


@pytest.fixture
def take_in(bank_session, file_store, now):
    with unit_of_work(bank_session):
        for number in ("LN1", "LN2"):
            bank_session.add(LoanAccount(loan_account_no=number, customer_name="Ravi", product="PL", currency="INR"))

    def run(*rows):
        data = (HEADER + "\n".join(rows) + "\n").encode()
        with unit_of_work(bank_session):
            return import_postings(bank_session, file_store, data, file_name="p.csv", actor=MAKER, now=now)

    return run


def test_postings_are_stored_with_their_keys(take_in, bank_session):
    result = take_in('P1,LN1,"1,23,456.70",2026-11-01,2026-11-01,UPI,utr-001,R-001,')
    assert (result.rows, result.created, result.duplicates, result.rejected) == (1, 1, 0, 0)
    posting = bank_session.scalars(select(Posting)).one()
    assert (posting.amount_minor, posting.instrument_key, posting.receipt_key, posting.mode) == (
        12345670,
        "UTR001",
        "R001",
        "upi",
    )
    assert posting.currency == "INR"


def test_the_same_file_twice_adds_nothing(take_in):
    rows = ["P1,LN1,100.00,2026-11-01,,,,,", "P2,LN2,50.00,2026-11-01,,,,,"]
    take_in(*rows)
    again = take_in(*rows)
    assert (again.created, again.duplicates, again.rejected) == (0, 2, 0)


def test_every_wrong_row_is_named_at_once_and_the_good_ones_are_in(take_in):
    take_in("P0,LN1,10.00,2026-11-01,,,,,")
    result = take_in(
        "P1,LN1,100.00,2026-11-01,,,,,",
        "P2,NOSUCH,100.00,2026-11-01,,,,,",
        "P3,LN1,abc,2026-11-01,,,,,",
        "P4,LN1,100.00,2026-02-30,,,,,",
        "P5,LN1,0.00,2026-11-01,,,,,",
        "P6,LN1,-5.00,2026-11-01,,,,,",
        "P0,LN1,11.00,2026-11-01,,,,,",
        "P7,LN1,5.00,2026-11-01,,,,,NOPE",
    )
    assert (result.rows, result.created, result.rejected) == (8, 1, 7)
    assert {(p.row, p.code) for p in result.problems} >= {
        (3, "unknown_account"), (6, "zero_amount"), (7, "negative_amount"), (8, "posting_differs"), (9, "unknown_posting"),
    }  # fmt: skip
    assert {p.row for p in result.problems} == {3, 4, 5, 6, 7, 8, 9}
    assert all(p.cure for p in result.problems)
    assert b"error_code" in result.rejected_csv


def test_a_reversal_names_the_posting_it_takes_back(take_in, bank_session):
    result = take_in("P1,LN1,100.00,2026-11-01,,cheque,CHQ1,,", "P2,LN1,-100.00,2026-11-03,,cheque,CHQ1,,P1")
    assert (result.created, result.total_minor) == (2, 0)
    back = bank_session.scalars(select(Posting).where(Posting.reverses_posting_no == "P1")).one()
    assert (back.posting_no, back.amount_minor) == ("P2", 10000)


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("P2,LN2,100.00,2026-11-03,,,,,P1", "reversal_differs"),
        ("P2,LN1,100.01,2026-11-03,,,,,P1", "reversal_differs"),
        ("P2,LN1,100.00,2026-11-03,,,,,P2", "reverses_itself"),
    ],
)
def test_a_reversal_of_another_account_or_of_more_money_is_rejected(take_in, row, code):
    take_in("P1,LN1,100.00,2026-11-01,,,,,")
    assert [p.code for p in take_in(row).problems] == [code]


def test_reversals_together_take_back_no_more_than_was_credited(take_in):
    take_in("P1,LN1,100.00,2026-11-01,,,,,", "P2,LN1,60.00,2026-11-02,,,,,P1")
    result = take_in(
        "P2,LN1,60.00,2026-11-02,,,,,P1",  # known, and no second one
        "P3,LN1,60.00,2026-11-03,,,,,P1",
        "P4,LN2,100.00,2026-11-03,,,,,",
        "P5,LN2,100.00,2026-11-03,,,,,P4",
        "P6,LN2,100.00,2026-11-03,,,,,P4",
    )
    assert [(problem.row, problem.code) for problem in result.problems] == [
        (3, "reversed_already"),
        (6, "reversed_already"),
    ]
    assert (result.created, result.duplicates, result.rejected) == (2, 1, 2)
    assert take_in("P7,LN1,40.00,2026-11-03,,,,,P1").created == 1


def test_a_number_twice_in_a_file_is_harmless_only_when_it_says_the_same(take_in):
    result = take_in("P1,LN1,100.00,2026-11-01,,,,,", "P1,LN1,100.00,2026-11-01,,,,,", "P1,LN1,100.01,2026-11-01,,,,,")
    assert (result.created, result.duplicates, result.rejected) == (1, 1, 1)


def test_a_file_without_a_needed_column_is_refused_whole(bank_session, file_store, now):
    with pytest.raises(Invalid) as refused:
        import_postings(bank_session, file_store, b"posting_no,amount\nP1,1\n", file_name="p.csv", actor=MAKER, now=now)
    assert {p.column for p in refused.value.problems} == {"loan_account_no", "posted_on"}


SPLIT = "posting_no,loan_account_no,amount,posted_on,component_principal,component_interest,component_charges,reverses_posting_no\n"


def test_components_are_kept_and_never_exceed_the_posting(take_in, bank_session, file_store, now):
    rows = [
        "P1,LN1,100.00,2026-11-01,60.00,30.00,10.00,",
        "P2,LN1,100.00,2026-11-01,60.00,,,",
        "P3,LN1,100.00,2026-11-01,90.00,30.00,,",
        "P4,LN1,100.00,2026-11-01,-10.00,,,",
        "P5,LN1,-100.00,2026-11-02,-60.00,-30.00,-10.00,P1",
    ]
    import_all = lambda text: import_postings(  # noqa: E731
        bank_session, file_store, text.encode(), file_name="p.csv", actor=MAKER, now=now
    )
    with unit_of_work(bank_session):
        result = import_all(SPLIT + "\n".join(rows) + "\n")
    assert (result.created, [(p.row, p.code) for p in result.problems]) == (
        3,
        [(4, "components_exceed_amount"), (5, "negative_component")],
    )
    stored = bank_session.scalars(select(Posting).order_by(Posting.posting_no)).all()
    split = [(p.component_principal_minor, p.component_interest_minor, p.component_charges_minor) for p in stored]
    assert split == [(6000, 3000, 1000), (6000, None, None), (6000, 3000, 1000)]
    with unit_of_work(bank_session):
        again = import_all(SPLIT + "P1,LN1,100.00,2026-11-01,50.00,40.00,10.00,\n" + rows[1] + "\n")
    assert [p.code for p in again.problems] == ["posting_differs"]
    assert (again.created, again.duplicates) == (0, 1)
    with unit_of_work(bank_session):
        assert take_in("P1,LN1,100.00,2026-11-01,,,,,").duplicates == 1
