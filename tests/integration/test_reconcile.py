"""A reconciliation on a real database: what it stores, that it is done once, and that it keeps what it has decided."""

import threading
from datetime import date

import pytest
from sqlalchemy import func, select, text

from allocations.collections.models import Collection
from allocations.reconciliation.models import BankLine, Break, MatchLink, ReconRun
from allocations.reconciliation.running.reconcile import reconcile
from portal.kernel.audit import Actor, AuditEvent
from portal.kernel.db import bank_scope, unit_of_work
from tests.factories.world import an_allocation

THROUGH = date(2026, 11, 9)
ACTOR = Actor(None, "system", "system")


@pytest.fixture
def run(bank_session, now):
    def run_now(through=THROUGH, **changes):
        result = reconcile(bank_session, through=through, actor=ACTOR, now=now, **changes)
        bank_session.expire_all()
        return result

    return run_now


def linked(session, status="confirmed"):
    query = (
        select(Collection.receipt_no, MatchLink.amount_minor)
        .join(Collection, Collection.id == MatchLink.collection_id)
        .where(MatchLink.status == status, MatchLink.bank_line_id.is_not(None))
    )
    return {tuple(row) for row in session.execute(query)}


def open_breaks(session):
    query = select(Break.code, Break.side, Break.ref, Break.amount_minor).where(Break.status == "open")
    return {tuple(row) for row in session.execute(query)}


def test_the_golden_set_comes_out_as_the_domain_notes_say(book, run, bank_session):
    book.golden()
    result = run()
    assert linked(bank_session) == {("R1", 12000_00), ("R2", 8000_00), ("R5", 4999_60), ("R8", 15000_00)}
    assert linked(bank_session, "suggested") == {("R6", 60000_00)}
    assert open_breaks(bank_session) == {
        ("R04", "collection", "R2", 8000_00),
        ("R01", "collection", "R4", 25000_00),
        ("R02", "bank", "ST1/5", 7500_00),
    }
    (inr,) = result.currencies
    assert (inr.matched_count, inr.matched_minor, inr.suggested_minor) == (4, 39999_60, 60000_00)
    assert inr.matched_minor + inr.suspense_minor + inr.returned_minor == inr.credits_minor == 107500_00


def test_every_link_says_why(book, run, bank_session):
    book.golden()
    run()
    evidence = bank_session.scalars(select(MatchLink.evidence).where(MatchLink.rule == "slip_total")).first()
    assert evidence == {"key": "SLIP501"}, "all else is told by the rows themselves"


def test_linked_amounts_stand_on_both_sides(book, run, bank_session):
    book.golden()
    run()
    assert bank_session.scalar(select(func.sum(Collection.linked_minor))) == 39999_60
    assert bank_session.scalar(select(func.sum(BankLine.linked_minor))) == 39999_60


def test_a_second_run_with_nothing_new_adds_no_row(book, run, bank_session):
    book.golden()
    first = run()
    counts = [bank_session.scalar(select(func.count()).select_from(each)) for each in (MatchLink, Break, ReconRun)]
    second = run()
    assert (second.input_hash, second.result_hash) == (first.input_hash, first.result_hash)
    assert not second.is_new and second.run_id == first.run_id
    again = [bank_session.scalar(select(func.count()).select_from(each)) for each in (MatchLink, Break, ReconRun)]
    assert again == counts


def test_tomorrows_lines_change_nothing_confirmed_and_cured_breaks_close(book, run, bank_session):
    book.golden()
    run()
    before = {
        row.id: row.seal for row in bank_session.scalars(select(MatchLink).where(MatchLink.status == "confirmed"))
    }
    book.line(25000_00, "2026-10-09", "CLG CHQ 445566")
    run()
    after = {row.id: row.seal for row in bank_session.scalars(select(MatchLink).where(MatchLink.status == "confirmed"))}
    assert before.items() <= after.items() and len(after) == len(before) + 1
    assert ("R01", "collection", "R4", 25000_00) not in open_breaks(bank_session)
    closed = bank_session.scalars(select(Break).where(Break.code == "R01")).one()
    assert closed.status == "closed" and closed.closed_at is not None


def test_an_open_break_keeps_its_age_and_its_row(book, run, bank_session):
    book.golden()
    run()
    before = {(row.code, row.ref): (row.id, row.opened_on) for row in bank_session.scalars(select(Break))}
    book.line(1_00, "2026-11-08", "NEW MONEY")
    run()
    after = {(row.code, row.ref): (row.id, row.opened_on) for row in bank_session.scalars(select(Break))}
    assert before.items() <= after.items()


def test_a_returned_cheque_undoes_its_link_and_opens_r09(book, run, bank_session):
    book.receipt("R1", 5000_00, "2026-10-05", "LN0001", utr="445566", mode="cheque")
    book.line(5000_00, "2026-10-07", "CLG CHQ 445566")
    run()
    assert linked(bank_session) == {("R1", 5000_00)}
    book.line(5000_00, "2026-10-12", "RET CHQ 445566", side="debit", is_reversal=True)
    result = run()
    assert result.undone == 1 and linked(bank_session) == set()
    link = bank_session.scalars(select(MatchLink)).one()
    assert (link.status, link.undo_reason) == ("undone", "The bank returned the money.")
    assert open_breaks(bank_session) == {("R09", "collection", "R1", 5000_00)}
    assert bank_session.scalar(select(Collection.linked_minor)) == 0
    assert run().result_hash == result.result_hash
    assert open_breaks(bank_session) == {("R09", "collection", "R1", 5000_00)}


def test_a_refused_statement_counts_for_nothing_until_it_is_accepted(book, run, bank_session):
    book.receipt("R1", 5000_00, "2026-10-05", "LN0001", utr="AXISN52026100")
    statement = book.new_statement("refused")
    book.line(5000_00, "2026-10-07", "AXISN52026100", statement=statement)
    run()
    assert linked(bank_session) == set()
    statement.status, statement.accepted_by = "accepted", "checker@bank.example"
    bank_session.flush()
    run()
    assert linked(bank_session) == {("R1", 5000_00)}


def test_an_earlier_day_leaves_what_came_later_alone(book, run, bank_session):
    book.golden()
    run()
    before = open_breaks(bank_session), linked(bank_session)
    run(through=date(2026, 10, 6))
    assert (open_breaks(bank_session), linked(bank_session)) == before


def test_two_agencies_on_one_credit_are_told_apart_by_who_held_the_account(book, run, bank_session):
    book.allocate("SHAKTI", "LN0001", to_on=date(2026, 9, 30))
    book.receipt("A1", 5000_00, "2026-10-05", "LN0001", utr="AXISN52026100")
    second = book.accounts["LN0001"]
    book.allocations[("VEGA", "LN0001")] = an_allocation(
        bank_session, second, book.agency("VEGA"), from_on=date(2026, 10, 1)
    )
    book.receipt("B1", 5000_00, "2026-10-05", "LN0001", utr="AXISN52026100", agency="VEGA")
    book.line(5000_00, "2026-10-06", "NEFT AXISN52026100")
    run()
    assert linked(bank_session) == {("B1", 5000_00)}
    assert ("R04", "collection", "A1", 5000_00) in open_breaks(bank_session)


def test_an_agency_sees_its_own_breaks_and_nothing_of_the_other(book, run, bank_session, agency_session):
    for code in ("SHAKTI", "VEGA"):
        book.receipt(f"{code}-1", 5000_00, "2026-10-05", f"LN-{code}", utr="AXISN52026100", agency=code)
    book.line(5000_00, "2026-10-06", "NEFT AXISN52026100")
    run()
    bank_session.commit()
    session = agency_session(book.agencies["SHAKTI"].id)
    rows = session.scalars(select(Break)).all()
    assert [row.ref for row in rows] == ["SHAKTI-1"]
    assert "VEGA" not in f"{rows[0].cure} {rows[0].detail}"
    assert session.scalars(select(BankLine)).all() == []


def test_two_runs_at_once_do_the_work_once(book, bank_session, database, now, clock):
    book.golden()
    bank_session.commit()
    results = []

    def one():
        with database.logins.session(bank_scope(clock.today())) as session, unit_of_work(session):
            results.append(reconcile(session, through=THROUGH, actor=ACTOR, now=now))

    threads = [threading.Thread(target=one) for _ in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len({each.result_hash for each in results}) == 1
    assert sorted(each.is_new for each in results) == [False, False, True]
    assert linked(bank_session) == {("R1", 12000_00), ("R2", 8000_00), ("R5", 4999_60), ("R8", 15000_00)}


def test_a_run_is_in_the_audit_log(book, run, bank_session):
    book.golden()
    result = run()
    bank_session.commit()
    event = bank_session.scalars(select(AuditEvent).where(AuditEvent.tag == "reconciliation:ran")).one()
    assert result.result_hash in event.body


def test_nothing_at_all_is_reconciled_without_complaint(run):
    result = run()
    assert result.currencies == []


def test_the_database_itself_refuses_a_link_beyond_the_amount(book, run, bank_session):
    book.golden()
    run()
    link = bank_session.scalars(select(MatchLink).where(MatchLink.status == "confirmed")).first()
    with pytest.raises(Exception, match="never_linked_beyond_its_amount"):
        bank_session.execute(
            text(
                "insert into match_links (agency_id, collection_id, bank_line_id, amount_minor, status, rule, rule_version,"
                " created_at) select agency_id, collection_id, bank_line_id, amount_minor, 'confirmed', 'x', 1, created_at"
                " from match_links where id = :id"
            ),
            {"id": link.id},
        )
