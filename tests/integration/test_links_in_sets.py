"""What links promise is kept a statement at a time, and what a run left can be computed again."""

from datetime import date

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from allocations.reconciliation.models import Break, MatchLink, ReconQueued
from allocations.reconciliation.running.reconcile import reconcile
from payouts.difference import Findings
from payouts.verify_reconciliation import check_reconciliation
from portal.kernel.audit import Actor

THROUGH = date(2026, 11, 9)


def run(session, now, **more):
    return reconcile(session, through=THROUGH, actor=Actor(None, "system", "system"), now=now, **more)


def differences(session):
    session.flush()
    findings = Findings()
    check_reconciliation(session, findings)
    return [(each.table, each.field) for each in findings.differences]


@pytest.mark.parametrize(
    ("column", "constraint"),
    [
        ("agency_id", "fk_match_links_agency_id_collection_id"),
        ("collection_id", "fk_match_links_agency_id_collection_id"),
        ("bank_line_id", "fk_match_links_bank_line_id"),
        ("run_id", "fk_match_links_run_id"),
    ],
)
@pytest.mark.parametrize("status", ["confirmed", "suggested"])
def test_a_link_to_nothing_is_refused_by_name(book, bank_session, now, column, constraint, status):
    receipt, line = book.receipt("R1", 1000, "2026-10-05", "LN1"), book.line(1000, "2026-10-05", "X")
    values = {
        "agency_id": receipt.agency_id,
        "collection_id": receipt.id,
        "bank_line_id": line.id,
        "amount_minor": 1000,
        "status": status,
        "rule": "by_hand",
        "rule_version": 1,
        "created_at": now,
    }
    bank_session.add(MatchLink(**values | {column: 999_999}))
    with pytest.raises(IntegrityError) as refused:
        bank_session.flush()
    assert refused.value.orig.diag.constraint_name == constraint


@pytest.mark.parametrize(
    ("column", "side"),
    [
        ("agency_id", "agency_id_collection_id"),
        ("collection_id", "agency_id_collection_id"),
        ("bank_line_id", "bank_line_id"),
        ("posting_id", "posting_id"),
        ("run_id", "run_id"),
    ],
)
def test_a_break_about_nothing_is_refused_by_name(book, bank_session, column, side):
    receipt = book.receipt("R1", 1000, "2026-10-05", "LN1")
    about = {} if column.endswith(("line_id", "posting_id")) else {"collection_id": receipt.id}
    values = {"code": "R01", "side": "collection", "ref": "R1", "agency_id": receipt.agency_id, "amount_minor": 1}
    values |= {"currency": "INR", "opened_on": THROUGH, "owner": "agency", "cure": "Pay it in.", **about}
    bank_session.add(Break(**values | {column: 999_999}))
    with pytest.raises(IntegrityError) as refused:
        bank_session.flush()
    assert refused.value.orig.diag.constraint_name == f"fk_breaks_{side}"


def test_a_break_stays_with_what_it_is_about(book, bank_session, now, database):
    book.golden()
    run(bank_session, now)
    bank_session.commit()
    with pytest.raises(Exception, match="about what it was opened for"):
        database.execute("update breaks set agency_id = 999999 where collection_id is not null")
    with pytest.raises(Exception, match="breaks names a row"):
        database.execute("delete from bank_lines where id in (select bank_line_id from breaks)")


def test_what_a_link_ties_cannot_be_taken_away(book, bank_session, now, database):
    book.golden()
    run(bank_session, now)
    bank_session.commit()
    with pytest.raises(Exception, match="match_links names a row"):
        database.execute("delete from bank_lines where linked_minor > 0")


def test_what_comes_in_waits_in_the_queue_until_a_run_has_looked(book, bank_session, now):
    book.golden()
    assert bank_session.scalars(select(ReconQueued.kind)).all()
    assert run(bank_session, now).mode == "full"
    assert not bank_session.scalars(select(ReconQueued)).all()
    book.line(100, "2026-12-24", "LATER")
    assert not run(bank_session, now).is_new or True
    (waits,) = bank_session.scalars(select(ReconQueued)).all()
    assert waits.kind == "line"


def test_the_result_of_the_last_run_can_be_computed_again(book, bank_session, now):
    book.golden()
    result = run(bank_session, now)
    assert differences(bank_session) == []
    assert run(bank_session, now, full=True).result_hash == result.result_hash


def test_a_link_edited_behind_the_runs_back_is_named(book, bank_session, now, database):
    book.golden()
    run(bank_session, now)
    bank_session.commit()
    database.execute("alter table match_links disable trigger links_moved")
    try:
        database.execute("update match_links set rule = 'by_hand' where id = (select min(id) from match_links)")
    finally:
        database.execute("alter table match_links enable trigger links_moved")
    assert differences(bank_session) == [("match_links", "mark")]


def test_a_break_that_vanished_shows_in_the_sum(book, bank_session, now, database):
    book.golden()
    run(bank_session, now)
    bank_session.commit()
    database.execute("delete from breaks where id = (select min(id) from breaks)")
    assert differences(bank_session) == [("recon_runs", "result_hash")]


def test_what_a_person_changed_since_is_no_difference_and_the_next_run_accounts_for_it(book, bank_session, now):
    book.golden()
    run(bank_session, now)
    link = bank_session.scalars(select(MatchLink).where(MatchLink.status == "confirmed").limit(1)).one()
    link.status, link.undone_by, link.undone_at = "undone", "maker@bank.example", now
    assert differences(bank_session) == []
    result = run(bank_session, now)
    assert differences(bank_session) == []
    bank_session.execute(text("select 1"))
    assert run(bank_session, now, full=True).result_hash == result.result_hash
