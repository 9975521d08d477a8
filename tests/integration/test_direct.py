"""Money a borrower paid the bank direct: found and told the same day, claimed by a receipt, or counted when nobody claims it."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from allocations.placements.models import LoanAccount
from allocations.reconciliation.bench_models import DirectPayment, PayerRule
from allocations.reconciliation.models import MatchLink, ReconRun
from allocations.reconciliation.running.direct import direct_payment_by_hand
from portal.kernel.audit import Actor
from portal.kernel.db import agency_scope
from portal.kernel.errors import Refused
from tests.factories.direct import links, october, open_codes, payments
from tests.factories.recon import AT

ACTOR = Actor(None, "system", "system")
TODAY = date(2026, 11, 10)


# --- found


def test_a_credit_that_names_an_allocated_account_is_found_the_day_it_comes(book, run, bank_session):
    book.allocate("SHAKTI", "LN00077")
    book.line(5000_00, "2026-11-09", "NEFT FROM RAVI LN00077")
    run()
    assert payments(bank_session) == [("LN00077", 5000_00, "loan_number", "found")]
    found = bank_session.scalars(select(DirectPayment)).one()
    assert (found.found_on, found.claim_until) == (TODAY, TODAY + timedelta(days=3))
    assert links(bank_session) == set()


def test_a_second_run_of_the_day_finds_nothing_new(book, run, bank_session):
    book.allocate("SHAKTI", "LN00077")
    book.line(5000_00, "2026-11-09", "NEFT FROM RAVI LN00077")
    first, second = run(), run()
    assert first.result_hash == second.result_hash and not second.is_new
    assert len(payments(bank_session)) == 1


@pytest.mark.parametrize(("sign", "words"), [("virtual_account", "NEFT VAPL99001"), ("payer", "UPI/RAVI@OKHDFC")])
def test_a_virtual_account_and_a_known_payer_are_signs(book, run, bank_session, sign, words):
    account = book.allocate("SHAKTI", "LN00077").loan_account_id
    row = bank_session.get_one(LoanAccount, account)
    row.virtual_account_no, row.virtual_account_key = "VAPL-99001", "VAPL99001"
    rule = PayerRule(
        payer_key="VPA:RAVI@OKHDFC", loan_account_id=account, status="approved", proposed_by="a", proposed_at=AT
    )
    rule.decided_by, rule.decided_at = "b", AT
    bank_session.add(rule)
    book.line(5000_00, "2026-11-09", words)
    run()
    assert payments(bank_session) == [("LN00077", 5000_00, sign, "found")]


def test_a_rule_nobody_approved_yet_is_no_sign(book, run, bank_session):
    account = book.allocate("SHAKTI", "LN00077").loan_account_id
    bank_session.add(PayerRule(payer_key="VPA:RAVI@OKHDFC", loan_account_id=account, proposed_by="a", proposed_at=AT))
    book.line(5000_00, "2026-11-09", "UPI/RAVI@OKHDFC")
    run()
    assert payments(bank_session) == []


def test_a_posting_of_the_same_reference_and_amount_is_a_sign_and_one_of_another_amount_is_none(
    book, run, bank_session
):
    for number in ("LN00077", "LN00078"):
        book.allocate("SHAKTI", number)
    book.line(5000_00, "2026-11-09", "UTRX1234567890")
    book.line(4000_00, "2026-11-09", "UTRX1234567891")
    book.posting("P1", 5000_00, "2026-11-09", "LN00077", utr="UTRX1234567890", mode="rtgs")
    book.posting("P2", 4100_00, "2026-11-09", "LN00078", utr="UTRX1234567891")
    run()
    assert payments(bank_session) == [("LN00077", 5000_00, "posting", "found")]


def test_signs_of_two_accounts_leave_it_to_a_person(book, run, bank_session):
    book.allocate("SHAKTI", "LN00077")
    book.allocate("SHAKTI", "LN00078")
    book.line(5000_00, "2026-11-09", "NEFT LN00077 LN00078")
    run()
    assert payments(bank_session) == []


@pytest.mark.parametrize(
    ("value_on", "found"), [("2026-11-05", 1), ("2026-11-06", 0), ("2026-10-01", 1), ("2026-09-30", 0)]
)
def test_the_agency_of_the_value_date_counts_to_the_day(book, run, bank_session, value_on, found):
    october(book)
    book.line(5000_00, value_on, "NEFT LN00077")
    run()
    assert len(payments(bank_session)) == found


def test_an_account_two_agencies_hold_is_left_to_a_person(book, run, bank_session):
    book.allocate("SHAKTI", "LN00077")
    book.allocate("VEGA", "LN00077", stream="tele")
    book.line(5000_00, "2026-11-09", "NEFT LN00077")
    run()
    assert payments(bank_session) == []


def test_a_credit_that_bears_no_account_is_suspense_alone(book, run, bank_session):
    book.allocate("SHAKTI", "LN00077")
    book.line(5000_00, "2026-11-09", "BY TRANSFER")
    run()
    assert payments(bank_session) == []
    assert ("R02", "ST1/1") in open_codes(bank_session)


# --- claimed


def test_a_receipt_reported_in_time_claims_it(book, run, bank_session):
    book.allocate("SHAKTI", "LN00077")
    book.line(5000_00, "2026-11-09", "NEFT UTRX1234567890 LN00077")
    run()
    book.receipt("R-1", 5000_00, "2026-11-08", "LN00077", utr="UTRX1234567890", mode="neft")
    run(1)
    assert payments(bank_session) == [("LN00077", 5000_00, "loan_number", "claimed")]
    assert links(bank_session) == {("R-1", 5000_00, "reference_amount")}
    run(9)
    assert [row[3] for row in payments(bank_session)] == ["claimed"]
    assert len(links(bank_session)) == 1


def test_money_that_stands_with_another_account_is_dropped(book, run, bank_session, now):
    book.allocate("SHAKTI", "LN00077")
    line = book.line(5000_00, "2026-11-09", "NEFT LN00077")
    run()
    other = book.receipt("R-1", 5000_00, "2026-11-08", "LN00078", mode="neft")
    link = MatchLink(agency_id=other.agency_id, collection_id=other.id, bank_line_id=line.id, amount_minor=5000_00)
    link.status, link.rule, link.rule_version, link.created_at = "confirmed", "by_hand", 1, now
    link.confirmed_by, link.confirmed_at = "ops@bank.example", now
    bank_session.add(link)
    bank_session.flush()
    run(1)
    assert [row[3] for row in payments(bank_session)] == ["dropped"]


def test_a_credit_that_went_back_is_dropped(book, run, bank_session):
    book.allocate("SHAKTI", "LN00077")
    book.line(5000_00, "2026-11-09", "NEFT UTRX1234567890 LN00077")
    run()
    book.line(5000_00, "2026-11-10", "RETURN UTRX1234567890", side="debit", is_reversal=True)
    run(1)
    assert [row[3] for row in payments(bank_session)] == ["dropped"]


# --- by hand


def test_what_a_person_assigns_is_counted_at_once(book, run, bank_session, now):
    book.allocate("SHAKTI", "LN00077")
    line = book.line(5000_00, "2026-11-09", "BY TRANSFER")
    run()
    ops = Actor(None, "ops@bank.example", "bank_operator")
    payment = direct_payment_by_hand(bank_session, line, book.accounts["LN00077"], 3000_00, actor=ops, now=now)
    assert payment.status == "counted" and payment.sign == "by_hand"
    assert (line.linked_minor, line.amount_minor) == (3000_00, 5000_00)
    assert bank_session.scalars(select(MatchLink)).one().confirmed_by == "ops@bank.example"
    with pytest.raises(Refused):
        direct_payment_by_hand(bank_session, line, book.accounts["LN00077"], 2000_00, actor=ops, now=now)


def test_money_for_an_account_nobody_held_is_the_banks_own(book, bank_session, now):
    october(book)
    line = book.line(5000_00, "2026-11-09", "BY TRANSFER")
    account = book.accounts["LN00077"]
    assert direct_payment_by_hand(bank_session, line, account, 5000_00, actor=ACTOR, now=now) is None


# --- who may


def test_an_agency_cannot_say_that_money_was_paid_direct(book, bank_session, database):
    book.receipt("R-1", 5000_00, "2026-11-08", "LN00077")
    agency = book.agency("SHAKTI")
    bank_session.commit()
    columns = (
        "agency_id, allocation_id, loan_account_id, loan_account_no, receipt_no, receipt_key, amount_minor, currency,"
        " collected_on, mode, reported_at, source"
    )
    values = columns.replace("receipt_no", "'X-9'").replace("receipt_key", "'X9'")
    for source, allowed in (("'page'", True), ("'direct'", False)):
        taken = values[: values.rindex("source")] + source
        with database.logins.session(agency_scope(agency.id, TODAY)) as session:
            statement = text(f"insert into collections ({columns}) select {taken} from collections")
            if allowed:
                session.execute(statement)
            else:
                with pytest.raises(DBAPIError, match="row-level security"):
                    session.execute(statement)


def test_an_agency_sees_its_own_direct_payments_and_no_bank_line(book, run, bank_session, database):
    book.allocate("SHAKTI", "LN00077")
    book.allocate("VEGA", "LN00078")
    book.line(5000_00, "2026-11-09", "NEFT LN00077")
    book.line(4000_00, "2026-11-09", "NEFT LN00078")
    run()
    mine = book.agency("SHAKTI").id
    bank_session.commit()
    with database.logins.session(agency_scope(mine, TODAY)) as session:
        seen = session.execute(text("select loan_account_no, amount_minor from direct_payments")).all()
        assert [tuple(row) for row in seen] == [("LN00077", 5000_00)]
    for column in ("bank_line_id", "*"):
        with (
            database.logins.session(agency_scope(mine, TODAY)) as session,
            pytest.raises(DBAPIError, match="permission denied"),
        ):
            session.execute(text(f"select {column} from direct_payments"))


def test_one_run_a_day_stays_one_row(book, run, bank_session):
    book.allocate("SHAKTI", "LN00077")
    book.line(5000_00, "2026-11-09", "NEFT LN00077")
    for _ in range(3):
        run()
    assert len(bank_session.scalars(select(ReconRun)).all()) == 1
