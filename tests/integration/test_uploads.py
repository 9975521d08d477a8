"""A file on the pages' way in: kept, checked without storing, asked about, stored by a worker, harmless a second time."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from allocations.agencies.models import Agency
from allocations.collections.models import (
    Collection,
    CollectionCorrection,
    Deposit,
    Upload,
    UploadLayout,
    UploadProblem,
)
from allocations.collections.uploads import service as uploads
from allocations.collections.uploads.grades import grade, grades
from portal.kernel.audit import AuditEvent
from portal.kernel.clock import FixedClock
from portal.kernel.db import PortalSession, unit_of_work
from portal.kernel.errors import Refused
from portal.kernel.periods import month_of
from portal.kernel.progress import JobProgress
from portal.kernel.tables.layout import Layout
from tests.factories.handed_in import HEADER, Counter
from tests.factories.world import a_user, an_account, an_agency, an_allocation

GOOD = f"{HEADER}\nR1,LN1,100,2026-10-05,cash,\nR2,LN2,250.50,2026-11-09,UPI,UTR9\n"


@pytest.fixture
def shakti(bank_session: PortalSession) -> Agency:
    shakti = an_agency(bank_session, "SHAKTI")
    for no in ("LN1", "LN2", "LN3"):
        an_allocation(bank_session, an_account(bank_session, no), shakti)
    bank_session.commit()
    return shakti


@pytest.fixture
def counter(
    database: Any,
    settings: Any,
    clock: FixedClock,
    file_store: Any,
    bank_session: PortalSession,
    shakti: Agency,
    tmp_path: Path,
) -> Counter:
    who = a_user(bank_session, "accounts@shakti.example", "agency_accountant", shakti)
    bank_session.commit()
    return Counter(database, settings, clock, file_store, shakti.id, who, tmp_path)


def collections(session: PortalSession) -> list[tuple[str, int]]:
    session.rollback()
    query = select(Collection.receipt_no, Collection.amount_minor).order_by(Collection.receipt_no)
    return [tuple(row) for row in session.execute(query)]


def codes(session: PortalSession) -> list[tuple[int | None, str]]:
    session.rollback()
    query = select(UploadProblem.row_no, UploadProblem.code).order_by(UploadProblem.id)
    return [tuple(row) for row in session.execute(query)]


def test_a_dry_run_tells_everything_and_stores_nothing(counter: Counter, bank_session: PortalSession) -> None:
    upload = counter.check(GOOD + "R3,LN9,5,2026-10-05,cash,\nTotal,,355.50,,,\n")
    assert (upload.status, upload.rows, upload.rejected, upload.created) == ("checked", 3, 1, 0)
    assert upload.totals["fresh"] == [2, 35_050] and upload.totals["stated_minor"] == 35_550
    assert upload.totals["by_mode"] == [["cash", 2, 10_500, 1, 10_000], ["upi", 1, 25_050, 1, 25_050]]
    assert upload.totals["by_day"] == [["2026-10-05", 2, 10_500, 1, 10_000], ["2026-11-09", 1, 25_050, 1, 25_050]]
    assert upload.late == 1, "five weeks after the day it was collected"
    assert upload.totals["sample"][0]["receipt_no"] == "R1" and upload.notes[0]["code"] == "total_row"
    assert codes(bank_session) == [(4, "unknown_account")]
    assert b"LN9" in counter.store.read(upload.rejected_sha256)
    assert collections(bank_session) == []


def test_what_was_seen_is_stored_when_a_person_says_so(counter: Counter, bank_session: PortalSession) -> None:
    upload = counter.store_it(counter.check(GOOD).ref)
    assert (upload.status, upload.created, upload.total_minor, upload.late) == ("stored", 2, 35_050, 1)
    assert collections(bank_session) == [("R1", 10_000), ("R2", 25_050)]
    assert bank_session.scalars(select(Collection.reported_by)).first() == "accounts@shakti.example"
    tags = bank_session.scalars(select(AuditEvent.tag).where(AuditEvent.subject_ref == upload.ref)).all()
    assert set(tags) == {"upload:moved", "collections:uploaded"}


def test_the_same_bytes_again_lead_to_the_upload_that_is_there(counter: Counter, bank_session: PortalSession) -> None:
    first = counter.store_it(counter.check(GOOD).ref)
    assert counter.hand_in(GOOD, "another-name.csv") == (first.ref, True)
    assert bank_session.scalar(select(func.count()).select_from(Upload)) == 1


def test_a_file_that_says_nothing_new_is_done_at_once(counter: Counter, bank_session: PortalSession) -> None:
    counter.store_it(counter.check(GOOD).ref)
    upload = counter.check(GOOD.replace("100", "100.00"))
    assert (upload.status, upload.created, upload.duplicates) == ("stored", 0, 2)
    assert len(collections(bank_session)) == 2


def test_a_file_of_bad_rows_only_is_refused_and_can_be_read_again_once_the_world_has_changed(
    counter: Counter, bank_session: PortalSession, shakti: Agency
) -> None:
    upload = counter.check(f"{HEADER}\nR1,LN7,1,2026-10-05,cash,\n")
    assert upload.status == "refused" and codes(bank_session) == [(2, "unknown_account")]
    an_allocation(bank_session, an_account(bank_session, "LN7"), bank_session.get_one(Agency, shakti.id))
    bank_session.commit()
    counter.act(uploads.check_again, upload.ref)
    counter.work()
    assert counter.upload(upload.ref).status == "checked" and codes(bank_session) == []


def test_a_file_that_cannot_be_read_is_refused_with_its_reason(counter: Counter, bank_session: PortalSession) -> None:
    upload = counter.check(b"%PDF-1.7 nothing for us", "scan.pdf")
    assert upload.status == "refused" and codes(bank_session) == [(None, "not_a_sheet")]


def test_dates_that_can_be_read_two_ways_are_asked_and_the_answer_is_remembered(
    counter: Counter, bank_session: PortalSession
) -> None:
    text = f"{HEADER}\nR1,LN1,100,03/10/2026,cash,\n"
    upload = counter.check(text)
    assert upload.status == "asking" and upload.layout["questions"][0]["code"] == "ambiguous_dates"
    counter.act(uploads.answer, upload.ref, Layout(date_order="dmy"))
    counter.work()
    assert counter.upload(upload.ref).status == "checked"
    counter.store_it(upload.ref)
    bank_session.rollback()
    assert bank_session.scalars(select(Collection.collected_on)).one() == date(2026, 10, 3)
    again = counter.check(text.replace("R1", "R2"))
    assert again.status == "checked" and again.layout["remembered"]["by"] == "accounts@shakti.example"


def test_columns_under_strange_names_are_asked_and_remembered_for_this_header_alone(
    counter: Counter, bank_session: PortalSession
) -> None:
    text = "slip,kya,kitna,kab,kaise\nR1,LN1,100,2026-10-05,cash\n"
    upload = counter.check(text)
    assert upload.status == "asking"
    told = {"receipt_no": "slip", "loan_account_no": "kya", "amount": "kitna", "collected_on": "kab", "mode": "kaise"}
    counter.act(uploads.answer, upload.ref, Layout(columns=told))
    counter.work()
    assert counter.store_it(upload.ref).status == "stored"
    assert counter.check(text.replace("R1", "R9")).status == "checked"
    assert counter.check(text.replace("R1", "R8").replace("slip", "number")).status == "asking"
    assert bank_session.scalar(select(func.count()).select_from(UploadLayout)) == 1


def test_rows_given_back_and_corrected_are_read_like_the_file_they_came_from(
    counter: Counter, bank_session: PortalSession
) -> None:
    upload = counter.check("slip,kya,kitna,kab,kaise\nR1,LN1,100,03/10/2026,cash\nR2,LN9,100,03/10/2026,cash\n")
    told = {"receipt_no": "slip", "loan_account_no": "kya", "amount": "kitna", "collected_on": "kab", "mode": "kaise"}
    counter.act(uploads.answer, upload.ref, Layout(columns=told, date_order="dmy"))
    counter.work()
    back = counter.store.read(counter.store_it(upload.ref).rejected_sha256)
    again = counter.check(back.replace(b"LN9", b"LN2"), "rejected.csv")
    assert (again.status, again.rows, again.rejected) == ("checked", 1, 0)
    assert collections(bank_session) == [("R1", 10_000)]


def test_a_receipt_told_otherwise_is_a_correction_proposed_when_stored(
    counter: Counter, bank_session: PortalSession
) -> None:
    counter.store_it(counter.check(GOOD).ref)
    upload = counter.check(GOOD.replace("LN1,100", "LN1,120"))
    assert (upload.status, upload.corrections, upload.duplicates) == ("checked", 1, 1)
    assert bank_session.scalar(select(func.count()).select_from(CollectionCorrection)) == 0
    stored = counter.store_it(upload.ref)
    assert (stored.status, stored.corrections, stored.created) == ("stored", 1, 0)
    bank_session.rollback()
    (correction,) = bank_session.scalars(select(CollectionCorrection))
    assert (correction.was, correction.proposed) == ({"amount_minor": 10_000}, {"amount_minor": 12_000})
    assert correction.upload_id == stored.id and correction.row_no == 2


def test_a_slip_told_later_is_a_deposit(counter: Counter, bank_session: PortalSession) -> None:
    head = HEADER + ",deposit_slip_no,deposited_on"
    counter.store_it(counter.check(f"{HEADER}\nR1,LN1,100,2026-10-05,cash,\nR2,LN2,50,2026-10-05,cash,\n").ref)
    later = f"{head}\nR1,LN1,100,2026-10-05,cash,,SLIP1,2026-10-06\nR2,LN2,50,2026-10-05,cash,,SLIP1,2026-10-06\n"
    upload = counter.check(later)
    assert (upload.status, upload.totals["deposits"], upload.duplicates) == ("checked", 1, 2)
    assert bank_session.scalar(select(func.count()).select_from(Deposit)) == 0
    counter.store_it(upload.ref)
    bank_session.rollback()
    deposit = bank_session.scalars(select(Deposit)).one()
    assert (deposit.slip_no, deposit.amount_minor, deposit.upload_id) == ("SLIP1", 15_000, upload.id)
    assert bank_session.scalars(select(AuditEvent.tag).where(AuditEvent.tag.like("deposit%"))).all() == [
        "deposit:recorded"
    ]


def test_a_slip_that_cannot_be_is_an_error_of_its_rows_and_one_that_says_nothing_is_none(
    counter: Counter, bank_session: PortalSession
) -> None:
    head = HEADER + ",deposit_slip_no,deposited_on"
    counter.store_it(counter.check(f"{HEADER}\nR1,LN1,100,2026-10-05,cash,\nR2,LN2,50,2026-10-05,upi,U7\n").ref)
    later = f"{head}\nR1,LN1,100,2026-10-05,cash,,SLIP1,2026-11-12\nR2,LN2,50,2026-10-05,upi,U7,SLIP1,2026-11-09\n"
    upload = counter.check(later)
    assert (upload.status, upload.duplicates, upload.rejected) == ("refused", 1, 1)
    assert [row for row, _ in codes(bank_session)] == [2]
    assert bank_session.scalars(select(AuditEvent.tag).where(AuditEvent.tag.like("deposit%"))).all() == []


def test_all_or_nothing_stores_nothing_while_a_row_is_wrong(counter: Counter, bank_session: PortalSession) -> None:
    upload = counter.check(GOOD + "R3,LN9,5,2026-10-05,cash,\n", all_or_nothing=True)
    assert counter.store_it(upload.ref).status == "refused" and collections(bank_session) == []


def test_a_job_that_runs_twice_does_its_work_once(counter: Counter, bank_session: PortalSession, database: Any) -> None:
    upload = counter.check(GOOD)
    counter.act(uploads.ask_to_store, upload.ref, agency=type("Open", (), {"status": "empanelled"}))
    again = (
        "insert into queue.procrastinate_jobs (queue_name, task_name, priority, lock, queueing_lock, args, status, scheduled_at, attempts)"
        " select queue_name, task_name, priority, lock, null, args, 'todo', null, 0 from queue.procrastinate_jobs"
    )
    database.execute(again)
    counter.work()
    assert counter.upload(upload.ref).created == 2 and len(collections(bank_session)) == 2


def test_a_defect_leaves_the_upload_stopped_with_its_file_and_a_way_on(
    counter: Counter, bank_session: PortalSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref, _ = counter.hand_in(GOOD)
    with monkeypatch.context() as patch:
        patch.setattr("allocations.collections.uploads.work.judge", lambda *a, **k: 1 / 0)
        counter.work()
    stopped = counter.upload(ref)
    assert stopped.status == "failed" and "your file is kept" in stopped.notes[-1]["message"]
    counter.act(uploads.check_again, ref)
    counter.work()
    assert counter.upload(ref).status == "checked"


def test_a_job_given_up_can_be_asked_for_again(counter: Counter, bank_session: PortalSession) -> None:
    ref, _ = counter.hand_in(GOOD)
    with pytest.raises(Refused):
        counter.act(uploads.check_again, ref)
    with unit_of_work(bank_session):
        bank_session.scalars(select(JobProgress)).one().status = "failed"
    counter.act(uploads.check_again, ref)
    counter.work()
    assert counter.upload(ref).status == "checked"


def test_a_shut_agency_hands_in_nothing_and_stores_nothing(
    counter: Counter, bank_session: PortalSession, shakti: Agency
) -> None:
    upload = counter.check(GOOD)
    bank_session.get_one(Agency, shakti.id).status = "de_empanelled"
    bank_session.commit()
    with pytest.raises(Refused, match="may not report"):
        counter.hand_in(GOOD.replace("R1", "R7"))
    with pytest.raises(Refused, match="may not report"):
        counter.store_it(upload.ref)


def test_the_order_of_rows_changes_nothing(counter: Counter, bank_session: PortalSession) -> None:
    rows = [
        "R1,LN1,100,2026-10-05,cash,",
        "R1,LN2,100,2026-10-05,cash,",
        "r-1,LN1,100.00,2026-10-05,cash,",
        "R2,LN2,70,2026-10-06,upi,U1",
        "R3,LN9,70,2026-10-06,upi,U2",
    ]
    seen = set()
    for turn in range(len(rows)):
        upload = counter.check("\n".join([HEADER, *rows[turn:], *rows[:turn]]))
        sums = (upload.rows, upload.rejected, upload.duplicates, *upload.totals["fresh"])
        seen.add((sums, tuple(sorted(code for _, code in codes(bank_session)))))
        counter.act(uploads.drop, upload.ref)
        bank_session.rollback()
        for problem in bank_session.scalars(select(UploadProblem)):
            bank_session.delete(problem)
        bank_session.commit()
    assert seen == {((5, 2, 1, 2, 17_000), ("duplicate_receipt", "unknown_account"))}


def test_late_is_counted_from_the_rule_of_the_day(counter: Counter, bank_session: PortalSession) -> None:
    """Two days are in time, the third is late; the grade adds uploads up by the month they were handed in."""
    rows = (f"R{n},LN1,1,2026-11-{n:02d},cash," for n in range(6, 11))
    upload = counter.check("\n".join([HEADER, *rows, "R9x,LN9,1,2026-11-09,cash,"]))
    assert upload.late == 2
    counter.store_it(upload.ref)
    counter.check(
        f"{HEADER}\nR6,LN1,1,2026-11-06,cash,\nR20,LN1,1,2026-11-10,cash,\n"
    )  # seen, not stored: counts nothing
    november, october = month_of(date(2026, 11, 10)), month_of(date(2026, 10, 1))
    found = grade(bank_session, counter.agency_id, november)
    assert (found.uploads, found.rows, found.stored, found.rejected, found.late) == (1, 6, 5, 1, 2)
    assert (found.right_first_time, found.late_share) == (Fraction(5, 6), Fraction(2, 5))
    assert grade(bank_session, counter.agency_id, october).right_first_time is None
    assert [(each.code, each.grade) for each in grades(bank_session, november)] == [("SHAKTI", found)]
