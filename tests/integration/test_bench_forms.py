"""The bench's forms: what was typed is there again after a refusal, what waits for a second person is told, and what is left of an
item, or open again, is decided where it stood."""

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


def posted(client, page, path, **data):
    return client.post(path, {"once": once_in(page), **data}, headers={"X-Bench": "1"}).json


def taken_back(client, said, was):
    data = {"once": said["once"], "also": said["also"], "was": was}
    return client.post(said["undo"], data, headers={"X-Bench": "1"}).json["again"]


def test_what_is_left_of_a_receipt_stays_on_the_bench_and_stands_again_when_taken_back(browse, desk, bank_session):
    receipt = desk.receipt("R1", 1_000_00, "2026-10-20", "LN0009", utr="UTR000123456")
    line = desk.line(995_00, "2026-10-20", "NEFT UTR000123456")
    at = f"break-{desk.stands_open(receipt, 'R03').id}"
    bank_session.commit()
    meera, here = browse(MEERA), f"{BENCH}?show=receipts&at="
    data = {"at": at, "collection_id": str(receipt.id), "bank_line_id": str(line.id), "expected": "100000/99500"}
    done = posted(meera, meera.get(here + at).text, "/bank/reconciliation/link", **data, amount="995", reason="Short.")
    assert done["gone"] == [] and done["stays"] == {"was": at, "key": at, "amount_minor": 5_00}
    assert "₹5.00 is still open" in done["says"]
    data = {"at": at, "collection_id": str(receipt.id), "expected": "500", "amount": "5", "reason": "Rounded."}
    page = meera.get(here + at).text
    rest = posted(meera, page, "/bank/reconciliation/write-off", **data)
    assert rest["gone"] == [at] and rest["stays"] is None
    back = taken_back(meera, rest, at)
    assert [(each["was"], each["amount_minor"]) for each in back] == [(at, 5_00)]
    back = taken_back(meera, done, back[0]["key"])
    assert [each["amount_minor"] for each in back] == [1_000_00]
    found = meera.get(here + back[0]["key"]).text
    assert "the link was taken back on the bench" in found and "not the same money" not in found.split("item-list")[0]


def test_a_suggestion_linked_and_taken_back_is_decided_anew_on_its_open_receipt(browse, desk, bank_session):
    link = desk.suggest("S1", 900_00)
    bank_session.commit()
    meera = browse(MEERA)
    page = meera.get(f"{BENCH}?at=link-{link.id}").text
    done = posted(meera, page, f"/bank/reconciliation/links/{link.id}/confirm")
    again = taken_back(meera, done, f"link-{link.id}")
    assert [(each["was"], each["amount_minor"]) for each in again] == [(f"link-{link.id}", 900_00)]
    assert "S1" in meera.get(f"{BENCH}?part=item&at={again[0]['key']}").text


def test_the_sum_of_a_filter_stands_beside_the_sum_of_all(browse, desk, bank_session):
    desk.suggest("S1", 900_00, account="LN0001")
    desk.suggest("S2", 12_34_000_00, account="LN0002", on="2026-10-29")
    bank_session.commit()
    page = browse(MEERA).get(f"{BENCH}?to=1000&sums=1").text
    assert "fit this filter" in page and "₹900.00" in page and "₹12,34,900.00" in page
    assert "fit this filter" not in browse(MEERA).get(f"{BENCH}?sums=1").text
