"""The bench's forms: what was typed is there again after a refusal, and what waits for a second person is told."""

from sqlalchemy import select

from allocations.reconciliation.bench_models import HandAct
from allocations.reconciliation.models import MatchLink
from tests.factories.browser import once_in
from tests.factories.desk import ARUN, BENCH, MEERA


def test_a_refused_write_off_keeps_what_was_typed(browse, desk, bank_session, now):
    link = desk.suggest("S1", 900_00, line=desk.line(800_00, "2026-11-01", "TRF"))
    bank_session.add(part := MatchLink(**half_of(link, now)))
    receipt_id = link.collection_id
    bank_session.flush()
    found = desk.stands_open(bank_session.get(type(desk.receipt("X", 1, "2026-10-01", "LN0001")), receipt_id))
    bank_session.commit()
    meera, at = browse(MEERA), f"break-{found.id}"
    page = meera.get(f"{BENCH}?show=receipts&at={at}").text
    data = {"once": once_in(page), "act": "write_off", "at": at, "collection_id": str(receipt_id), "expected": "10000"}
    typed = {"amount": "99999.00", "reason": "The borrower rounded down."}
    refused = meera.post("/bank/reconciliation/write-off", data | typed, headers={"X-Bench": "1"})
    assert refused.status_code == 422 and part.id
    assert 'value="The borrower rounded down."' in refused.json["item"]
    assert 'value="99999.00"' in refused.json["item"] and "data-bench-write-off open" in refused.json["item"]


def half_of(link, now):
    same = {name: getattr(link, name) for name in ("agency_id", "collection_id", "bank_line_id")}
    made = {"amount_minor": 800_00, "status": "confirmed", "rule": "by_hand", "rule_version": 1, "created_at": now}
    return same | made | {"confirmed_by": ARUN, "confirmed_at": now}


def test_a_link_by_hand_that_waits_is_told_on_both_sides(browse, desk, bank_session, now):
    receipt = desk.receipt("BIG-1", 9_00_000_00, "2026-10-20", "LN0009")
    line = desk.line(9_00_000_00, "2026-10-21", "BY TRANSFER")
    keys = [f"break-{desk.stands_open(receipt).id}", f"break-{desk.stands_open(line, 'R02').id}"]
    bank_session.commit()
    meera = browse(MEERA)
    page = meera.get(f"{BENCH}?show=receipts&at={keys[0]}").text
    assert "Waits for a second person" not in page
    data = {"once": once_in(page), "at": keys[0], "amount": "900000.00", "reason": "The branch called."}
    data |= {"collection_id": str(receipt.id), "bank_line_id": str(line.id), "expected": "90000000/90000000"}
    said = meera.post("/bank/reconciliation/link", data, headers={"X-Bench": "1"}).json
    assert "waits for a second person" in said["says"]
    act = bank_session.scalars(select(HandAct)).one()
    for at in keys:
        page = browse(ARUN).get(f"{BENCH}?part=item&at={at}").text
        assert f"/bank/acts/{act.id}" in page and f"proposed by {MEERA}" in page and "₹9,00,000.00" in page
