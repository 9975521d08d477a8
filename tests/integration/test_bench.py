"""The bench: what a person sees and decides there, alone and beside somebody else."""

import pytest
from sqlalchemy import select

from allocations.reconciliation.bench.candidates import credits_for, receipts_for
from allocations.reconciliation.bench.deciding import confirm_seen, reject_seen, undo_rejection
from allocations.reconciliation.bench.explaining import compare
from allocations.reconciliation.bench.items import link_item
from allocations.reconciliation.bench.worklist import Narrowed, work_page
from allocations.reconciliation.models import Break, MatchLink
from portal.access.models import SavedFilter
from portal.kernel.audit import Actor
from portal.kernel.errors import Stale
from tests.factories.browser import once_in
from tests.factories.desk import ARUN, AUDITOR, BENCH, MEERA, act

# --- two people at once


def test_of_two_people_on_one_suggestion_one_wins_and_the_other_sees_who_did(browse, desk, bank_session):
    link = desk.suggest("S1", 900_00)
    bank_session.commit()
    meera, arun = browse(MEERA), browse(ARUN)
    first, second = meera.get(BENCH).text, arun.get(BENCH).text
    path = f"/bank/reconciliation/links/{link.id}/confirm"
    won = act(meera, first, path).json
    assert won["ok"] and won["gone"] == [f"link-{link.id}"] and "₹900.00 linked" in won["says"]
    lost = act(arun, second, path)
    assert lost.status_code == 409
    assert lost.json["says"] == f"Linked by {MEERA} just now." and not lost.json["open"]
    assert f"Linked by {MEERA}" in lost.json["item"] and "data-bench-confirm" not in lost.json["item"]


def test_without_a_script_the_loser_gets_the_bench_with_the_fresh_state(browse, desk, bank_session):
    link = desk.suggest("S1", 900_00)
    bank_session.commit()
    meera, arun = browse(MEERA), browse(ARUN)
    page = arun.get(BENCH).text
    act(meera, meera.get(BENCH).text, f"/bank/reconciliation/links/{link.id}/confirm")
    answer = arun.post(f"/bank/reconciliation/links/{link.id}/confirm", {"once": once_in(page)})
    assert answer.status_code == 409 and f"Linked by {MEERA} just now." in answer.text and "Work list" in answer.text
    assert f"{BENCH}?at=" in answer.text or "Nothing waits" in answer.text
    assert "/confirm?" not in answer.text


def test_what_is_open_having_moved_stops_a_decision(desk, bank_session, now):
    link = desk.suggest("S1", 900_00)
    seen = link_item(bank_session, link.id, now=now).seen
    line = desk.line(100_00, "2026-11-01", "PART")
    part = MatchLink(
        agency_id=link.agency_id,
        collection_id=link.collection_id,
        bank_line_id=line.id,
        amount_minor=100_00,
        status="confirmed",
        rule="by_hand",
        rule_version=1,
        created_at=now,
        confirmed_by=ARUN,
        confirmed_at=now,
    )
    bank_session.add(part)
    bank_session.flush()
    with pytest.raises(Stale):
        confirm_seen(bank_session, link.id, seen, actor=Actor(1, MEERA, "bank_operator"), now=now)


def test_receipts_that_make_up_one_credit_are_linked_together(browse, desk, bank_session):
    line = desk.line(500_00, "2026-11-01", "CASH DEP SHAKTI")
    links = [desk.suggest(f"P{n}", amount, line=line, rule="batch_guess") for n, amount in ((1, 200_00), (2, 300_00))]
    bank_session.commit()
    meera = browse(MEERA)
    page = meera.get(f"{BENCH}?at=link-{links[1].id}").text
    assert "2 receipts, one credit" in page and "₹500.00" in page
    said = act(meera, page, f"/bank/reconciliation/links/{links[1].id}/confirm").json
    assert "linked on 2 receipts" in said["says"] and len(said["gone"]) == 2
    back = meera.post(said["undo"], {"once": said["once"], "also": said["also"]}, headers={"X-Bench": "1"}).json
    assert back["ok"] and "₹500.00 is taken apart" in back["says"]
    bank_session.expire_all()
    assert {bank_session.get(MatchLink, each.id).status for each in links} == {"undone"}


def test_a_set_with_a_refused_receipt_is_no_set_any_more(browse, desk, bank_session):
    line = desk.line(500_00, "2026-11-01", "CASH DEP SHAKTI")
    links = [desk.suggest(f"P{n}", amount, line=line, rule="batch_guess") for n, amount in ((1, 200_00), (2, 300_00))]
    bank_session.commit()
    meera = browse(MEERA)
    page = meera.get(f"{BENCH}?at=link-{links[0].id}").text
    said = act(meera, page, f"/bank/reconciliation/links/{links[0].id}/reject").json
    assert sorted(said["gone"]) == sorted(f"link-{each.id}" for each in links)
    bank_session.expire_all()
    assert [bank_session.get(MatchLink, each.id).status for each in links] == ["rejected", "undone"]
    refused = bank_session.get(MatchLink, links[1].id)
    assert refused.undone_by is None and "refused" in refused.undo_reason  # the matcher may suggest it elsewhere


def test_a_refusal_is_taken_back_with_the_set_that_went_with_it(browse, desk, bank_session):
    line = desk.line(500_00, "2026-11-01", "CASH DEP SHAKTI")
    links = [desk.suggest(f"P{n}", amount, line=line, rule="batch_guess") for n, amount in ((1, 200_00), (2, 300_00))]
    bank_session.commit()
    meera = browse(MEERA)
    page = meera.get(f"{BENCH}?at=link-{links[0].id}").text
    said = act(meera, page, f"/bank/reconciliation/links/{links[0].id}/reject").json
    again = {"once": said["once"], "also": said["also"]}
    back = meera.post(said["undo"], again, headers={"X-Bench": "1"}).json
    assert "suggested again" in back["says"]
    assert {each["key"] for each in back["again"]} == {f"link-{each.id}" for each in links}
    bank_session.expire_all()
    assert [bank_session.get(MatchLink, each.id).status for each in links] == ["suggested", "suggested"]
    assert not list(bank_session.scalars(select(Break).where(Break.status == "open")))
    once = {"once": "another", "also": said["also"]}
    assert meera.post(said["undo"], once, headers={"X-Bench": "1"}).status_code == 409


def test_a_refusal_stays_once_its_money_is_anothers(desk, bank_session, now):
    line = desk.line(900_00, "2026-11-01", "TRF")
    link = desk.suggest("S1", 900_00, line=line)
    meera = Actor(1, MEERA, "bank_operator")
    reject_seen(bank_session, link.id, "", actor=meera, now=now)
    desk.suggest("S2", 900_00, line=line)
    with pytest.raises(Stale):
        undo_rejection(bank_session, link.id, actor=meera, now=now)


def test_a_refused_pair_says_so_where_it_comes_near_again(desk, bank_session, now):
    link = desk.suggest("S1", 900_00)
    link.status = "rejected"
    bank_session.flush()
    receipt = bank_session.get_one(type(desk.receipt("X", 1, "2026-10-01", "LN0001")), link.collection_id)
    found = credits_for(bank_session, receipt)
    assert "A person has said that these are not the same money." in found[0].against and found[0].score == 1


# --- candidates, both ways


def test_a_receipt_finds_its_credit_by_reference_account_and_amount_and_each_says_why_not(desk, bank_session):
    receipt = desk.receipt("R1", 900_00, "2026-10-20", "LN0001", utr="AXISN520261000001")
    desk.line(900_00, "2026-10-21", "TRANSFER WITHOUT WORDS")
    desk.line(850_00, "2026-10-22", "NEFT AXISN520261000001")
    far = desk.line(900_00, "2026-11-20", "TRANSFER")
    found = {each.ref: each for each in credits_for(bank_session, receipt)}
    assert far.ref not in found
    assert "Only the amount agrees" in found["ST1/1"].against[0]
    assert found["ST1/2"].signs[0] == "Same payment reference: AXISN520261000001."
    assert "The credit is ₹50.00 less." in found["ST1/2"].against


def test_a_credit_finds_its_receipts_the_other_way_round(desk, bank_session):
    desk.receipt("R1", 900_00, "2026-10-20", "LN0001", utr="AXISN520261000001")
    desk.receipt("R2", 700_00, "2026-10-20", "LN0002")
    desk.receipt("R3", 400_00, "2026-10-20", "LN0003")
    line = desk.line(700_00, "2026-10-21", "NEFT AXISN520261000001")
    found = [(each.ref, each.shares) for each in receipts_for(bank_session, line)]
    assert found == [("R1", True), ("R2", False)]


def test_candidates_that_are_equally_likely_say_so(desk, bank_session):
    receipt = desk.receipt("R1", 900_00, "2026-10-20", "LN0001")
    for _ in range(3):
        desk.line(900_00, "2026-10-21", "TRANSFER")
    assert all("2 others fit equally well." in each.against for each in credits_for(bank_session, receipt))


def test_an_open_receipt_is_linked_by_hand_and_the_next_form_is_stale(browse, desk, bank_session):
    receipt, line = desk.receipt("R1", 900_00, "2026-10-20", "LN0001"), desk.line(900_00, "2026-10-21", "TRANSFER")
    found = desk.stands_open(receipt)
    bank_session.commit()
    meera, arun = browse(MEERA), browse(ARUN)
    where = f"{BENCH}?show=receipts&at=break-{found.id}"
    first, second = meera.get(where).text, arun.get(where).text
    more = {
        "collection_id": receipt.id,
        "bank_line_id": line.id,
        "expected": "90000/90000",
        "amount": "900.00",
        "reason": "The borrower called.",
        "at": f"break-{found.id}",
    }
    assert act(meera, first, "/bank/reconciliation/link", **more).json["ok"]
    lost = act(arun, second, "/bank/reconciliation/link", **more)
    assert lost.status_code == 409 and lost.json["says"] == f"Linked by {MEERA} just now."


def test_a_link_without_a_reason_says_what_is_missing_and_changes_nothing(browse, desk, bank_session):
    receipt, line = desk.receipt("R1", 900_00, "2026-10-20", "LN0001"), desk.line(900_00, "2026-10-21", "TRANSFER")
    found = desk.stands_open(receipt)
    bank_session.commit()
    meera = browse(MEERA)
    page = meera.get(f"{BENCH}?show=receipts").text
    more = {"collection_id": receipt.id, "bank_line_id": line.id, "expected": "90000/90000", "amount": "900.00"}
    answer = act(meera, page, "/bank/reconciliation/link", at=f"break-{found.id}", reason="", **more)
    assert answer.status_code == 422 and answer.json["says"] == "Say why." and answer.json["open"]


@pytest.mark.parametrize("amount", ["900.001", "Infinity", "NaN", "-1"])
def test_an_amount_that_is_none_is_told_and_changes_nothing(browse, desk, bank_session, amount):
    receipt, line = desk.receipt("R1", 900_00, "2026-10-20", "LN0001"), desk.line(900_00, "2026-10-21", "TRANSFER")
    found = desk.stands_open(receipt)
    bank_session.commit()
    meera = browse(MEERA)
    page = meera.get(f"{BENCH}?show=receipts").text
    more = {"collection_id": receipt.id, "bank_line_id": line.id, "expected": "90000/90000", "reason": "They called."}
    answer = act(meera, page, "/bank/reconciliation/link", at=f"break-{found.id}", amount=amount, **more)
    assert answer.status_code == 422 and answer.json["open"]


# --- the list and its filters


def test_the_list_is_narrowed_by_rule_agency_amount_age_mode_and_search(desk, bank_session, now):
    desk.suggest("S1", 900_00, utr="AXISN520261000001")
    desk.suggest("S2", 5000_00, account="LN0002", agency="VEGA", rule="reference_late", on="2026-09-01")
    today = now.date()

    def shown(**asked):
        return [row.ref for row in work_page(bank_session, Narrowed(**asked), today=today)]

    assert shown() == ["S1", "S2"]
    assert (
        shown(rule="reference_late")
        == shown(agency="VEGA")
        == shown(at_least_minor=1000_00)
        == shown(days=30)
        == ["S2"]
    )
    assert shown(text="axisn-520261000001") == shown(account="LN0001") == shown(at_most_minor=1000_00) == ["S1"]
    assert shown(text="s2") == shown(text="LN0002") == ["S2"]
    assert shown(text="ST1/1") == ["S1"]
    assert shown(mode="cash") == shown(agency="NOBODY") == shown(text="nothing like it") == []


def test_open_credits_and_receipts_are_lists_of_their_own(browse, desk, bank_session):
    desk.stands_open(desk.receipt("R1", 900_00, "2026-10-20", "LN0001"))
    desk.stands_open(desk.line(700_00, "2026-10-21", "BY TRANSFER"), "R02")
    bank_session.commit()
    meera = browse(MEERA)
    receipts, credits = meera.get(f"{BENCH}?show=receipts").text, meera.get(f"{BENCH}?show=credits&sums=1").text
    assert "R01 Reported, not seen at the bank" in receipts and "BY TRANSFER" not in receipts
    assert "BY TRANSFER" in credits and "₹700.00" in credits and "left on" in credits


def test_a_part_of_the_page_is_the_item_alone(browse, desk, bank_session):
    link = desk.suggest("S1", 900_00)
    bank_session.commit()
    part = browse(MEERA).get(f"{BENCH}?part=item&at=link-{link.id}").text
    assert part.lstrip().startswith("<article") and "S1" in part and "<html" not in part
    assert "Nothing is chosen" in browse(MEERA).get(f"{BENCH}?part=item&at=link-999999").text


def test_an_auditor_looks_and_decides_nothing(browse, desk, bank_session):
    link = desk.suggest("S1", 900_00)
    bank_session.commit()
    page = browse(AUDITOR).get(BENCH).text
    assert "S1" in page and "data-bench-confirm" not in page and "Accept in bulk" not in page
    assert browse(AUDITOR).post(f"/bank/reconciliation/links/{link.id}/confirm").status_code == 403


# --- kept filters, breaks in hands


def test_a_kept_filter_is_ones_own(browse, desk, bank_session):
    bank_session.commit()
    meera, arun = browse(MEERA), browse(ARUN)
    page = meera.get(f"{BENCH}?show=receipts&owner=agency").text
    form = {"once": once_in(page), "page": BENCH, "name": "Mine", "query": "show=receipts&owner=agency&at=break-7"}
    answer = meera.post("/bank/filters", form)
    assert answer.headers["Location"] == f"{BENCH}?show=receipts&owner=agency"
    assert ">Mine<" in meera.get(BENCH).text and ">Mine<" not in arun.get(BENCH).text
    kept = bank_session.scalars(select(SavedFilter)).one()
    once = once_in(meera.get("/bank/reconciliation").text)
    assert arun.post(f"/bank/filters/{kept.id}/delete", {"once": once}).status_code == 404
    assert meera.post(f"/bank/filters/{kept.id}/delete", {"once": once}).status_code == 302
    assert ">Mine<" not in meera.get(BENCH).text


def test_a_filter_without_a_name_or_for_another_page_is_not_kept(browse, desk, bank_session):
    bank_session.commit()
    meera = browse(MEERA)
    once = once_in(meera.get(f"{BENCH}?rule=x").text)
    refused = meera.post("/bank/filters", {"once": once, "page": "//evil", "name": " ", "query": "rule=x"})
    assert refused.status_code == 422


def test_a_break_is_given_to_a_person_once(browse, desk, bank_session):
    found = desk.stands_open(desk.receipt("R1", 900_00, "2026-10-20", "LN0001"))
    bank_session.commit()
    meera, arun = browse(MEERA), browse(ARUN)
    path = f"/bank/breaks/{found.id}"
    first, second = meera.get(path).text, arun.get(path).text
    assert meera.post(f"{path}/assign", {"once": once_in(first), "seen": "", "to": ARUN}).status_code == 302
    lost = arun.post(f"{path}/assign", {"once": once_in(second), "seen": "", "to": MEERA})
    assert lost.status_code == 409 and "changed hands" in lost.text and f"in {ARUN}'s hands" in lost.text
    assert "R1" in meera.get(f"/bank/breaks?assigned={ARUN}").text
    assert meera.post(f"{path}/assign", {"once": once_in(first) + "x", "seen": ARUN, "to": "x@y"}).status_code == 422


def test_every_figure_of_the_board_opens_its_rows(browse, desk, bank_session):
    desk.stands_open(desk.receipt("R1", 900_00, "2026-10-20", "LN0001"))
    desk.stands_open(desk.receipt("R2", 400_00, "2026-11-09", "LN0002"))
    bank_session.commit()
    meera = browse(MEERA)
    late = meera.get("/bank/breaks?code=R01&due=overdue&band=8 to 30 days").text
    assert ">R1<" in late and ">R2<" not in late
    young = meera.get("/bank/breaks?code=R01&band=up to 1 day").text
    assert ">R2<" in young and ">R1<" not in young


def test_a_link_is_explained_in_words(browse, desk, bank_session):
    other = desk.line(900_00, "2026-11-02", "TRF OTHER")
    near = [{"of_line_id": other.id, "of_collection_id": 0, "why": "several", "gap_minor": 0, "days": 3}]
    link = desk.suggest("S1", 900_00, rivals=near)
    bank_session.commit()
    meera = browse(MEERA)
    page = meera.get(f"/bank/reconciliation/links/{link.id}").text
    said = "It fits as well as another one does."
    for words in ("Account amount window, version 2", "may only suggest", "scores 60 of 100", said, other.ref,
                  "3 days later", "Credited 2 days later", "Equal", "LN0001", "Decide on the bench"):  # fmt: skip
        assert words in page, words
    assert meera.get("/bank/reconciliation/links/999999").status_code == 404


def test_a_reference_read_with_other_letters_is_shown_as_the_bank_wrote_it(desk, bank_session, now):
    line = desk.line(900_00, "2026-11-01", "UPI/928103271280/RAVI")
    link = desk.suggest("S1", 900_00, utr="9281O327I28O", line=line, rule="reference_misread")
    met = {each.what: each for each in compare(link_item(bank_session, link.id, now=now))}["Payment reference"]
    assert met.theirs == "928103271280" and met.agrees and "a letter for a digit" in met.verdict


def test_money_two_receipts_point_at_is_never_linked_by_one_key_alone(browse, desk, bank_session):
    first = desk.receipt("R1", 900_00, "2026-10-20", "LN0001", utr="AXISN520261000001")
    desk.receipt("R1A", 900_00, "2026-10-20", "LN0001", utr="AXISN520261000001")
    desk.line(900_00, "2026-10-20", "NEFT AXISN520261000001")
    found = desk.stands_open(first, "R04")
    bank_session.commit()
    part = browse(MEERA).get(f"{BENCH}?part=item&at=break-{found.id}&show=receipts").text
    assert "Same payment reference" in part and "R1A bears the same number or reference" in part
    assert "data-clear" not in part and 'name="reason" required minlength="3" maxlength="500" value=""' in part


def test_another_side_is_looked_for_by_hand(browse, desk, bank_session):
    found = desk.stands_open(desk.receipt("R1", 900_00, "2026-10-20", "LN0001"))
    far = desk.line(450_00, "2026-06-01", "UPI/999988887777/SOMEBODY")
    bank_session.commit()
    meera, where = browse(MEERA), f"{BENCH}?part=item&at=break-{found.id}&show=receipts"
    assert far.ref not in meera.get(where).text
    seen = meera.get(f"{where}&look=999988887777").text
    assert far.ref in seen and "The credit is ₹450.00 less." in seen
