"""Many suggestions at once at the bench: previewed, accepted exactly so or not at all, taken back as one."""

import json
import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from allocations.reconciliation.bench.bulk import accept_bulk, bulk_of, packed, preview_bulk, undo_bulk, unpacked
from allocations.reconciliation.bench.worklist import Narrowed
from allocations.reconciliation.models import MatchLink
from portal.kernel.audit import Actor, AuditEvent
from portal.kernel.errors import Refused, Stale
from tests.factories.browser import once_in
from tests.factories.desk import MEERA


def test_a_candidate_of_another_amount_keeps_no_pair_out_of_bulk(desk, bank_session, now):
    differs = {"of_line_id": 1, "of_collection_id": 0, "why": "amount", "gap_minor": 5_00, "days": 1}
    desk.suggest("CLEAR", 100_00, account="LN0001", rivals=[differs])
    desk.suggest("DOUBT", 200_00, account="LN0002", rivals=[differs, differs | {"why": "several", "gap_minor": 0}])
    preview = preview_bulk(bank_session, rule="account_amount_window", asked=Narrowed(), now=now)
    assert [each.receipt_no for each in preview.pairs] == ["CLEAR"]
    assert [each.receipt_no for each in preview.left_out] == ["DOUBT"]


def test_a_preview_says_what_it_would_accept_and_what_it_leaves_out(desk, bank_session, now):
    for number in range(1, 4):
        desk.suggest(f"S{number}", number * 100_00, account=f"LN000{number}")
    desk.suggest("BIG", 90_000_00, account="LN0009")
    near = [{"of_line_id": 1, "of_collection_id": 0, "why": "several", "gap_minor": 0, "days": 1}]
    desk.suggest("RIVAL", 50_00, account="LN0010", rivals=near)
    shared = desk.line(300_00, "2026-11-01", "TWO")
    desk.suggest("T1", 100_00, account="LN0011", line=shared)
    desk.suggest("T2", 200_00, account="LN0012", line=shared, rivals=near)
    preview = preview_bulk(bank_session, rule="account_amount_window", asked=Narrowed(), now=now)
    assert [each.receipt_no for each in preview.pairs] == ["S1", "S2", "S3"]
    assert (preview.count, preview.amounts, preview.oldest.receipt_no) == (3, [("INR", 600_00)], "S1")
    assert {each.receipt_no: each.left_out.split()[0] for each in preview.left_out} == {
        "BIG": "A",
        "RIVAL": "A",
        "T1": "Its",
        "T2": "A",
    }
    assert preview_bulk(bank_session, rule="account_amount_window", asked=Narrowed(), now=now).sha256 == preview.sha256


def test_a_bulk_act_accepts_exactly_its_preview_or_nothing(desk, bank_session, now):
    links = [desk.suggest(f"S{number}", number * 100_00, account=f"LN000{number}") for number in range(1, 4)]
    meera, rule = Actor(1, MEERA, "bank_operator"), "account_amount_window"
    before = preview_bulk(bank_session, rule=rule, asked=Narrowed(), now=now)
    desk.suggest("LATE", 10_00, account="LN0009")
    with pytest.raises(Stale):
        accept_bulk(bank_session, rule=rule, asked=Narrowed(), expected=before.sha256, actor=meera, now=now)
    assert {each.status for each in links} == {"suggested"}
    preview = preview_bulk(bank_session, rule=rule, asked=Narrowed(), now=now)
    done = accept_bulk(bank_session, rule=rule, asked=Narrowed(), expected=preview.sha256, actor=meera, now=now)
    bank_session.commit()
    assert done.count == 4 and {each.status for each in links} == {"confirmed"}
    event = bank_session.scalars(select(AuditEvent).where(AuditEvent.tag == "links:accepted")).one()
    assert json.loads(event.body)["data"]["sha256"] == preview.sha256 == event.subject_ref


def test_a_bulk_act_is_taken_back_as_one_on_its_day_alone(desk, bank_session, now):
    links = [desk.suggest(f"S{number}", number * 100_00, account=f"LN000{number}") for number in range(1, 4)]
    meera, rule = Actor(1, MEERA, "bank_operator"), "account_amount_window"
    preview = preview_bulk(bank_session, rule=rule, asked=Narrowed(), now=now)
    accept_bulk(bank_session, rule=rule, asked=Narrowed(), expected=preview.sha256, actor=meera, now=now)
    bank_session.commit()
    with pytest.raises(Refused, match="own day"):
        undo_bulk(bank_session, preview.sha256, reason="Wrong rule.", actor=meera, now=now + timedelta(days=1))
    assert (
        undo_bulk(bank_session, preview.sha256, reason="Wrong rule.", actor=meera, now=now + timedelta(minutes=5)) == 3
    )
    bank_session.commit()
    assert {each.status for each in links} == {"undone"}
    assert all(each.undone_by is None and MEERA in each.undo_reason for each in links)
    with pytest.raises(Refused):
        bulk_of(bank_session, preview.sha256)


def test_the_bulk_page_previews_accepts_and_takes_back(browse, desk, bank_session):
    links = [desk.suggest(f"S{number}", number * 100_00, account=f"LN000{number}") for number in range(1, 4)]
    bank_session.commit()
    meera = browse(MEERA)
    page = meera.get("/bank/reconciliation/bulk?rule=account_amount_window").text
    assert "₹600.00" in page and "on 3 suggestions" in page
    sha256 = re.search(r'name="expected" value="([0-9a-f]{64})"', page)[1]
    form = {"once": once_in(page), "expected": sha256, "count": "3", "query": "rule=account_amount_window"}
    after = meera.get(meera.post("/bank/reconciliation/bulk", form).headers["Location"]).text
    assert "3 suggestions accepted as shown" in after and "Take 3 back" in after
    stale = meera.post("/bank/reconciliation/bulk", {**form, "once": once_in(after)})
    assert stale.status_code == 409 and "Nothing was accepted" in stale.text
    once = once_in(meera.get("/bank/reconciliation/bulk").text)
    back = meera.post(f"/bank/reconciliation/bulk/{sha256}/undo", {"once": once, "reason": "Wrong rule."})
    assert "3 links taken back" in meera.get(back.headers["Location"]).text
    bank_session.expire_all()
    assert {bank_session.get(MatchLink, each.id).status for each in links} == {"undone"}


def test_more_than_a_page_of_suggestions_is_a_job(browse, desk, bank_session, settings, database, clock, monkeypatch):
    from portal.worker import make_worker

    monkeypatch.setattr("allocations.reconciliation.bench.bulk.AT_ONCE", 2)
    links = [desk.suggest(f"S{number}", number * 100_00, account=f"LN000{number}") for number in range(1, 4)]
    bank_session.commit()
    meera = browse(MEERA)
    page = meera.get("/bank/reconciliation/bulk?rule=account_amount_window").text
    sha256 = re.search(r'name="expected" value="([0-9a-f]{64})"', page)[1]
    form = {"once": once_in(page), "expected": sha256, "count": "3", "query": "rule=account_amount_window"}
    answer = meera.post("/bank/reconciliation/bulk", form)
    assert "job=" in answer.headers["Location"] and "Linking" in meera.get(answer.headers["Location"]).text
    make_worker(settings, database.logins, clock).run(wait=False)
    bank_session.expire_all()
    assert {bank_session.get(MatchLink, each.id).status for each in links} == {"confirmed"}
    job = answer.headers["Location"].rpartition("=")[2]
    assert meera.get(f"/bank/reconciliation/jobs/{job}").json["status"] == "done"


def test_ids_are_kept_as_runs():
    assert packed([7, 1, 2, 3]) == "1-3,7" and unpacked("1-3,7") == [1, 2, 3, 7] and unpacked("") == []
