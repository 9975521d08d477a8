"""The reconciliation pages and commands: where things stand, the bench, breaks with their evidence."""

from datetime import date

import pytest
from sqlalchemy import select

from allocations.reconciliation.bench.queries import last_run
from allocations.reconciliation.bench_models import HandAct
from allocations.reconciliation.matching.ageing import Carried
from allocations.reconciliation.models import Break, MatchLink
from allocations.reconciliation.running.reconcile import reconcile
from portal.kernel.audit import Actor
from portal.kernel.money import shown
from portal.web.bank.breaks import age_words
from portal.web.filters import when
from tests.conftest import NOW
from tests.factories.browser import once_in
from tests.factories.recon import ReconBook
from tests.factories.world import a_user

MAKER, CHECKER, AUDITOR = "maker@bank.example", "checker@bank.example", "auditor@bank.example"


@pytest.fixture
def book(bank_session, now):
    a_user(bank_session, MAKER, "bank_operator")
    a_user(bank_session, CHECKER, "bank_approver")
    a_user(bank_session, AUDITOR, "auditor")
    book = ReconBook(bank_session)
    book.golden()
    reconcile(bank_session, through=date(2026, 11, 9), actor=Actor(None, "system", "system"), now=now)
    a_user(bank_session, "owner@shakti.example", "agency_owner", book.agencies["SHAKTI"])
    bank_session.commit()
    return book


def test_the_board_says_where_the_money_is(browse, book):
    page = browse(MAKER).get("/bank/reconciliation?sums=1").text
    for words in (
        "₹39,999.60",
        "₹1,07,500.00",
        "₹60,000.00 on 1 suggestion",
        "₹25,000.00",
        "Ties",
        "Reconcile through today",
    ):
        assert words in page
    assert "Reconcile through today" not in browse(AUDITOR).get("/bank/reconciliation").text


def test_the_board_and_the_breaks_come_with_what_the_run_stored_and_say_of_when_it_is(browse, book, bank_session):
    maker, run = browse(MAKER), last_run(bank_session)
    count, minor = map(sum, zip(*run.summary["INR"]["breaks"].values(), strict=True))
    for path, stored, live in (
        ("/bank/reconciliation", "stood in the way", "stands in the way"),
        ("/bank/breaks", "stood open", "open now"),
    ):
        first, asked = maker.get(path).text, maker.get(f"{path}?sums=1").text
        assert stored in first and f"as of the run of {when(run.run_at)}" in first and shown(minor, "INR") in first
        assert live in asked and shown(minor, "INR") in asked and "as of the run" not in asked
    left = bank_session.scalars(select(Break).where(Break.status == "open").order_by(Break.amount_minor)).first()
    left.status, left.closed_at = "closed", run.run_at
    bank_session.commit()
    assert shown(minor - left.amount_minor, "INR") in maker.get("/bank/breaks?sums=1").text
    assert shown(minor, "INR") in maker.get("/bank/breaks").text and count > 1


def test_the_board_before_the_first_run_says_what_to_do(browse, bank_session):
    a_user(bank_session, MAKER, "bank_operator")
    bank_session.commit()
    assert "Import collections and bank statements" in browse(MAKER).get("/bank/reconciliation").text


def test_a_run_asked_for_on_the_board_is_done_by_the_worker(browse, book, bank_session, settings, database, clock):
    from portal.worker import make_worker

    maker = browse(MAKER)
    book.receipt("N1", 100_00, "2026-11-01", "LN0099", utr="AXISN77770001")
    book.line(100_00, "2026-11-02", "AXISN77770001")
    bank_session.commit()
    answer = maker.post("/bank/reconciliation/run", {"once": once_in(maker.get("/bank/reconciliation").text)})
    assert answer.status_code == 302
    board = answer.headers["Location"]
    assert "Reconciling" in maker.get(board).text
    make_worker(settings, database.logins, clock).run(wait=False)
    state = maker.get(f"/bank/reconciliation/jobs/{board.split('=')[-1]}").json
    assert state["status"] == "done"
    assert bank_session.scalar(select(MatchLink.id).where(MatchLink.amount_minor == 100_00)) is not None


def test_a_suggestion_above_the_limit_waits_for_a_second_person(browse, book, bank_session):
    maker, checker = browse(MAKER), browse(CHECKER)
    bench = maker.get("/bank/reconciliation/bench").text
    assert "R6" in bench and "Same loan account and amount" in bench
    link_id = bank_session.scalars(select(MatchLink.id).where(MatchLink.status == "suggested")).one()
    form = {"once": once_in(bench)}
    answer = maker.post(f"/bank/reconciliation/links/{link_id}/confirm", form)
    assert "₹60,000.00 waits for a second person" in maker.get(answer.headers["Location"]).text
    assert maker.post(f"/bank/reconciliation/links/{link_id}/confirm", form).status_code == 409
    act_id = bank_session.scalars(select(HandAct.id)).one()
    page = checker.get(f"/bank/acts/{act_id}").text
    checker.post(f"/bank/acts/{act_id}/approve", {"once": once_in(page)})
    bank_session.expire_all()
    assert bank_session.get(MatchLink, link_id).status == "confirmed"


def test_a_suggestion_within_the_limit_is_confirmed_once_and_can_be_taken_back(browse, book, bank_session):
    taken = book.receipt("S1", 900_00, "2026-10-30", "LN0061", mode="neft")
    seen = book.line(900_00, "2026-11-06", "TRF")
    link = MatchLink(
        agency_id=taken.agency_id,
        collection_id=taken.id,
        bank_line_id=seen.id,
        amount_minor=900_00,
        status="suggested",
        rule="account_amount_window",
        rule_version=2,
        created_at=NOW,
    )
    bank_session.add(link)
    bank_session.commit()
    maker = browse(MAKER)
    form = {"once": once_in(maker.get("/bank/reconciliation/bench").text)}
    answer = maker.post(f"/bank/reconciliation/links/{link.id}/confirm", form)
    assert answer.status_code == 302
    after = maker.get(answer.headers["Location"]).text
    assert maker.post(f"/bank/reconciliation/links/{link.id}/confirm", form).status_code == 409
    assert "Take the last link back" in after and "₹900.00 linked" in after
    maker.post(f"/bank/reconciliation/links/{link.id}/undo", {"once": once_in(after)})
    bank_session.expire_all()
    assert bank_session.get(MatchLink, link.id).status == "undone"


def test_a_suggestion_can_be_refused(browse, book, bank_session):
    maker = browse(MAKER)
    link_id = bank_session.scalars(select(MatchLink.id).where(MatchLink.status == "suggested")).one()
    once = once_in(maker.get("/bank/reconciliation/bench").text)
    assert maker.post(f"/bank/reconciliation/links/{link_id}/reject", {"once": once}).status_code == 302
    assert "Nothing waits for a decision" in maker.get("/bank/reconciliation/bench").text


def test_an_auditor_sees_the_bench_and_decides_nothing(browse, book, bank_session):
    auditor = browse(AUDITOR)
    page = auditor.get("/bank/reconciliation/bench").text
    assert "R6" in page and "data-bench-confirm" not in page
    link_id = bank_session.scalars(select(MatchLink.id).where(MatchLink.status == "suggested")).one()
    assert auditor.post(f"/bank/reconciliation/links/{link_id}/confirm").status_code == 403


def test_breaks_are_narrowed_by_reason_owner_and_agency(browse, book):
    maker = browse(MAKER)
    page = maker.get("/bank/breaks").text
    assert all(ref in page for ref in ("R4", "ST1/5"))
    assert "Bank operations" in page and "(today)" not in page
    only = maker.get("/bank/breaks?code=R02").text
    assert "ST1/5" in only and ">R4<" not in only
    assert "ST1/5" not in maker.get("/bank/breaks?agency=SHAKTI").text
    assert ">R4<" in maker.get("/bank/breaks?owner=agency").text
    assert "No break fits" in maker.get("/bank/breaks?agency=NOBODY").text


def test_cash_carried_for_weeks_says_its_hours_and_its_weeks():
    assert age_words(Carried(2001, NOW, True, True), 84) == "at least 2,001 hours (12 weeks)"
    assert age_words(Carried(1, NOW, False, False), 0) == "1 hour"


def test_a_break_opens_with_its_cure_evidence_and_rivals(browse, book, bank_session):
    maker = browse(MAKER)
    rival = bank_session.scalars(select(Break).where(Break.code == "R04")).one()
    page = maker.get(f"/bank/breaks/{rival.id}").text
    assert rival.cure in page and "Other receipts with the same number" in page and "SHAKTI" in page
    line = bank_session.scalars(select(Break).where(Break.code == "R02")).one()
    assert "BY TRANSFER" in maker.get(f"/bank/breaks/{line.id}").text
    assert maker.get("/bank/breaks/999999").status_code == 404
    assert browse("owner@shakti.example").get(f"/bank/breaks/{rival.id}").status_code in (403, 404)


def test_a_near_miss_is_linked_by_hand_from_the_breaks_page(browse, book, bank_session):
    book.receipt("H1", 7500_00, "2026-10-10", "LN0077")
    reconcile_again(book, bank_session)
    maker = browse(MAKER)
    found = bank_session.scalars(select(Break).where(Break.ref == "H1")).one()
    page = maker.get(f"/bank/breaks/{found.id}").text
    assert "Only the amount agrees" in page
    line_id = bank_session.scalars(select(Break.bank_line_id).where(Break.code == "R02")).one()
    form = {
        "once": once_in(page),
        "collection_id": found.collection_id,
        "bank_line_id": line_id,
        "expected": "750000/750000",
        "amount": "7500.00",
        "reason": "The borrower called",
    }
    answer = maker.post("/bank/reconciliation/link", form)
    assert "linked by hand" in maker.get(answer.headers["Location"]).text
    bank_session.expire_all()
    assert bank_session.get(Break, found.id).status == "closed"


def reconcile_again(book, session):
    reconcile(session, through=date(2026, 11, 9), actor=Actor(None, "system", "system"), now=NOW)
    session.commit()


def test_the_commands_keep_their_promises(cli, book):
    found = cli("reconcile", "--through", "2026-11-09").json
    assert (found["matched"], found["matched_amount"], found["suggested"]) == (4, "39999.60", 1)
    assert found["breaks"] == {
        "R01": {"count": 1, "amount": "25000.00"},
        "R02": {"count": 1, "amount": "7500.00"},
        "R04": {"count": 1, "amount": "8000.00"},
    }
    assert found["currency"] == "INR" and len(found["input_hash"]) == len(found["result_hash"]) == 64
    listed = cli("breaks", "--code", "R01").json["breaks"]
    assert [(row["ref"], row["agency"], row["amount"], row["owner"]) for row in listed] == [
        ("R4", "SHAKTI", "25000.00", "agency")
    ]
    assert listed[0]["age_days"] == 35
    assert cli("breaks", "--code", "R99").exit_code == 2
    assert "R4" in cli("breaks", text=True).out
    assert "nothing has changed" in cli("reconcile", "--through", "2026-11-09", text=True).out
