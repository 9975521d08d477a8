"""The pages of suspense, second person, learned payers and matching rules: who may do what, and what they say."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from allocations.reconciliation.bench.by_hand import link_by_hand
from allocations.reconciliation.bench_models import HandAct, MatchLadder, PayerRule
from allocations.reconciliation.models import Break, MatchLink
from portal.kernel.audit import Actor
from tests.conftest import NOW
from tests.factories.browser import once_in
from tests.factories.recon import ReconBook
from tests.factories.world import a_user, an_account

MAKER, CHECKER, AUDITOR = "maker@bank.example", "checker@bank.example", "auditor@bank.example"


@pytest.fixture
def book(bank_session):
    for email, role in ((MAKER, "bank_operator"), (CHECKER, "bank_approver"), (AUDITOR, "auditor")):
        a_user(bank_session, email, role)
    book = ReconBook(bank_session)
    an_account(bank_session, "LN9001")
    an_account(bank_session, "LN9002")
    bank_session.commit()
    return book


def unclaimed(book, session, amount, on="2026-10-06", text="BY TRANSFER FROM A FRIEND"):
    line = book.line(amount, on, text)
    session.add(
        Break(
            code="R02",
            side="bank",
            ref=line.ref,
            bank_line_id=line.id,
            amount_minor=amount,
            currency="INR",
            opened_on=line.value_on,
            owner="bank_ops",
            cure="Find who paid.",
        )
    )
    session.commit()
    return line


def sent(browser, page, action, **fields):
    """Fill in the form of a page and send it to an action; the page it leads to."""
    answer = browser.post(action, {"once": once_in(browser.get(page).text), **fields})
    return browser.get(answer.headers["Location"]) if answer.status_code == 302 else answer


def assigned(browser, line, *parts, expected=None):
    fields = {"expected": expected or line.amount_minor, "reason": "The branch named the payer"}
    for place, (account, amount) in enumerate(parts):
        fields |= {f"parts-{place}-account": account, f"parts-{place}-amount": amount}
    page = f"/bank/suspense/{line.id}"
    return sent(browser, page, f"{page}/assign", **fields)


# --- suspense


def test_suspense_tells_each_credit_with_its_age_and_who_is_asked(browse, book, bank_session):
    unclaimed(book, bank_session, 900_00, on="2026-11-09", text="NEW MONEY")
    unclaimed(book, bank_session, 7_000_00, on="2026-10-20", text="OLDER MONEY")
    unclaimed(book, bank_session, 8_000_00, on="2026-09-20", text="OLDEST MONEY")
    page = browse(AUDITOR).get("/bank/suspense").text
    assert page.index("OLDEST MONEY") < page.index("OLDER MONEY") < page.index("NEW MONEY")
    assert "Head of collections" in page and "Finance, for the general ledger" in page and "Bank operations" in page
    assert "OLDER MONEY" not in browse(MAKER).get("/bank/suspense?stage=new").text
    assert "NEW MONEY" not in browse(MAKER).get("/bank/suspense?q=older").text
    added = browse(MAKER).get("/bank/suspense?sums=1").text
    assert "Ties" in added and "₹15,900.00" in added


def test_a_small_credit_is_assigned_at_once_and_a_split_names_every_fault(browse, book, bank_session):
    line, maker = unclaimed(book, bank_session, 900_00), browse(MAKER)
    wrong = assigned(maker, line, ("NOBODY", "400"), ("LN9001", "500"))
    assert wrong.status_code == 422 and "There is no such account" in wrong.text and 'value="500.00"' in wrong.text
    done = assigned(maker, line, ("LN9001", "400"), ("LN9002", "500"))
    assert "₹900.00 assigned" in done.text and "All of ₹900.00 is accounted for" in done.text


def test_the_first_account_is_asked_for_and_a_refused_return_keeps_its_words(browse, book, bank_session):
    line, maker = unclaimed(book, bank_session, 900_00), browse(MAKER)
    page = maker.get(f"/bank/suspense/{line.id}").text
    assert re.search(r'<label for="parts-0-account">Loan account</label>', page)
    assert re.search(r'<label for="parts-1-account">Loan account <span class="optional">', page)
    assert "Say which account." in assigned(maker, line, ("", "400")).text
    typed = {"expected": line.amount_minor, "amount": "5000", "debit": "0", "reason": "Sent to us by mistake."}
    refused = sent(maker, f"/bank/suspense/{line.id}", f"/bank/suspense/{line.id}/return", **typed)
    assert refused.status_code == 422 and "Sent to us by mistake." in refused.text and 'value="5000' in refused.text


def test_figures_of_yesterday_are_refused(browse, book, bank_session):
    line, maker = unclaimed(book, bank_session, 900_00), browse(MAKER)
    assigned(maker, line, ("LN9001", "400"))
    assert assigned(maker, line, ("LN9002", "100"), expected=900_00).status_code == 409


def test_an_auditor_reads_and_does_nothing(browse, book, bank_session):
    line, auditor = unclaimed(book, bank_session, 900_00), browse(AUDITOR)
    page = auditor.get(f"/bank/suspense/{line.id}")
    assert page.status_code == 200 and "Assign it" not in page.text
    assert auditor.post(f"/bank/suspense/{line.id}/assign").status_code == 403
    assert auditor.get("/bank/suspense/999999").status_code == 404


# --- the second person


def test_a_return_is_proposed_by_one_and_approved_by_another_who_sees_what_it_does(browse, book, bank_session):
    line, maker, checker = unclaimed(book, bank_session, 900_00), browse(MAKER), browse(CHECKER)
    page = f"/bank/suspense/{line.id}"
    fields = {"expected": line.amount_minor, "amount": "900", "debit": "0", "reason": "Paid by mistake"}
    told = sent(maker, page, f"{page}/return", **fields)
    assert "waits for a second person" in told.text
    act = bank_session.scalars(select(HandAct)).one()
    where = f"/bank/acts/{act.id}"
    assert "Withdraw it" in maker.get(where).text and "Approve" not in maker.get(where).text
    assert maker.post(f"{where}/approve").status_code == 403
    seen = checker.get(where).text
    assert "Approve ₹900.00" in seen and "Paid by mistake" in seen and "return under way" in seen
    assert "₹900.00" in checker.get("/bank/acts").text
    done = sent(checker, where, f"{where}/approve", reason="")
    assert "Return under way" in done.text
    assert line.ref in checker.get("/bank/suspense/returns").text
    refund = book.line(900_00, "2026-10-09", "REFUND", side="debit")
    bank_session.commit()
    complete = sent(maker, where, f"{where}/debit", debit=refund.id)
    assert f"The debit {refund.ref}" in complete.text


def test_what_waits_is_shown_on_both_sides_and_reserves_neither(browse, book, bank_session):
    line = unclaimed(book, bank_session, 90_000_00)
    taken = book.receipt("R1", 90_000_00, "2026-10-05", "LN0001")
    missing = Break(
        code="R01",
        side="collection",
        ref="R1",
        collection_id=taken.id,
        agency_id=taken.agency_id,
        amount_minor=90_000_00,
        currency="INR",
        opened_on=taken.collected_on,
        owner="agency",
        cure="Send the slip.",
    )
    bank_session.add(missing)
    actor = Actor(7, MAKER, "bank_operator")
    link_by_hand(bank_session, taken.id, line.id, 90_000_00, reason="He called", actor=actor, now=NOW)
    bank_session.commit()
    found = bank_session.scalars(select(Break.id).where(Break.bank_line_id == line.id)).one()
    for page in (f"/bank/breaks/{missing.id}", f"/bank/breaks/{found}", f"/bank/suspense/{line.id}"):
        assert "aits for a second person" in browse(MAKER).get(page).text, page
    assert "waits for a second person" in browse(MAKER).get("/bank/suspense").text
    assert (line.linked_minor, taken.linked_minor) == (0, 0)


def test_an_act_that_no_longer_fits_cannot_be_approved(browse, book, bank_session):
    line, maker, checker = unclaimed(book, bank_session, 90_000_00), browse(MAKER), browse(CHECKER)
    assigned(maker, line, ("LN9001", "60000"))
    act = bank_session.scalars(select(HandAct)).one()
    assigned(maker, line, ("LN9002", "10"))
    page = checker.get(f"/bank/acts/{act.id}").text
    assert "can no longer be approved" in page and "Approve ₹" not in page
    answer = checker.post(f"/bank/acts/{act.id}/approve", {"once": once_in(page)})
    assert answer.status_code == 409
    rejected = sent(checker, f"/bank/acts/{act.id}", f"/bank/acts/{act.id}/reject", reason="Propose it anew")
    assert "Propose it anew" in rejected.text


def test_what_was_done_can_be_taken_back(browse, book, bank_session):
    line, maker = unclaimed(book, bank_session, 900_00), browse(MAKER)
    assigned(maker, line, ("LN9001", "900"))
    act = bank_session.scalars(select(HandAct)).one()
    where = f"/bank/acts/{act.id}"
    taken = sent(maker, where, f"{where}/undo", reason="Another account")
    assert "taken back" in taken.text
    again = maker.post(f"{where}/undo", {"once": once_in(maker.get(f"/bank/suspense/{line.id}").text), "reason": "xxx"})
    assert again.status_code == 409


# --- contested credits


def test_two_claims_stand_side_by_side_and_one_is_decided_for(browse, book, bank_session):
    mine = book.receipt("R1", 900_00, "2026-10-05", "LN0001", utr="AXISN1234567")
    book.allocate("VEGA", "LN0002", stream="tele")
    theirs = book.receipt("V1", 900_00, "2026-10-05", "LN0002", utr="AXISN1234567", agency="VEGA")
    line = book.line(900_00, "2026-10-06", "NEFT AXISN1234567")
    for receipt in (mine, theirs):
        bank_session.add(
            Break(
                code="R04",
                side="collection",
                ref=receipt.receipt_no,
                collection_id=receipt.id,
                agency_id=receipt.agency_id,
                amount_minor=900_00,
                currency="INR",
                opened_on=receipt.collected_on,
                owner="fraud_review",
                cure="Send the deposit proof.",
                misses=[{"other": "bank", "id": line.id, "ref": line.ref, "why": "contested"}],
            )
        )
    a_user(bank_session, "owner@shakti.example", "agency_owner", book.agencies["SHAKTI"])
    bank_session.commit()
    maker = browse(MAKER)
    assert line.ref in maker.get("/bank/suspense/contested").text
    where = f"/bank/suspense/{line.id}/claims"
    assert all(word in maker.get(where).text for word in ("R1", "V1", "Shakti Recovery", "Vega Recovery"))
    assert browse("owner@shakti.example").get(where).status_code == 403
    fields = {"collection_id": mine.id, "expected": "90000/90000", "amount": "900", "reason": "The slip is theirs"}
    told = sent(maker, where, where, **fields)
    assert "₹900.00 linked" in told.text
    bank_session.expire_all()
    assert bank_session.scalars(select(Break.status).where(Break.collection_id == theirs.id)).all() == ["open"]
    assert bank_session.scalars(select(Break.status).where(Break.collection_id == mine.id)).all() == ["closed"]
    assert "No credit is contested" in maker.get("/bank/suspense/contested").text


# --- learned payers


def test_a_payer_is_learned_by_two(browse, book, bank_session):
    taken = book.receipt("R1", 900_00, "2026-10-05", "LN0001")
    seen = book.line(900_00, "2026-10-06", "UPI/412345678901/ravi@okbank")
    actor = Actor(7, MAKER, "bank_operator")
    act = link_by_hand(bank_session, taken.id, seen.id, 900_00, reason="He called", actor=actor, now=NOW)
    bank_session.commit()
    maker, checker = browse(MAKER), browse(CHECKER)
    assert "ravi@okbank" in maker.get(f"/bank/acts/{act.id}").text
    where = f"/bank/payers/learn/{act.link_id}"
    told = sent(maker, where, where, reason="")
    assert "ravi@okbank" in told.text and "Waits for a second person" in told.text
    first = bank_session.scalars(select(PayerRule)).one()
    assert "Withdraw it" not in checker.get(f"/bank/payers/{first.id}").text
    taken_back = sent(maker, f"/bank/payers/{first.id}", f"/bank/payers/{first.id}/withdraw")
    assert "Nobody decides on it any more" in taken_back.text and "Withdrawn" in taken_back.text
    sent(maker, where, where, reason="")
    rule = bank_session.scalars(select(PayerRule).where(PayerRule.status == "proposed")).one()
    assert maker.post(f"/bank/payers/{rule.id}/approve").status_code == 403
    believed = sent(checker, f"/bank/payers/{rule.id}", f"/bank/payers/{rule.id}/approve", reason="")
    assert "Believed" in believed.text
    assert "ravi@okbank" in checker.get("/bank/payers?status=approved").text
    retired = sent(maker, f"/bank/payers/{rule.id}", f"/bank/payers/{rule.id}/retire", reason="Sold the number")
    assert "Retired" in retired.text
    link = bank_session.get_one(MatchLink, act.link_id)
    assert link.status == "confirmed"


# --- matching rules

RULE = {
    "confirms": "yes",
    "place": "1",
    "window_from": "-1",
    "window_to": "4",
    "reach_from": "-40",
    "reach_to": "120",
    "tolerance_major": "1",
    "score": "100",
}


def test_the_rules_stand_in_words(browse, book):
    page = browse(AUDITOR).get("/bank/ladders").text
    assert "Reference amount" in page and "only suggest" in page and "Propose another version" not in page


def test_one_rule_is_changed_by_fields_tried_and_approved_by_another(
    browse, book, bank_session, settings, database, clock
):
    from portal.worker import make_worker

    maker, checker = browse(MAKER), browse(CHECKER)
    where = "/bank/ladders/rules/reference_amount"
    draft = sent(maker, where, where, **RULE, reason="Banks are quicker now")
    assert "−3 to +10 days → −1 to +4 days" in draft.text
    asked = sent(maker, "/bank/ladders/1", "/bank/ladders/1/try")
    assert "Climbing both ladders" in asked.text
    make_worker(settings, database.logins, clock).run(wait=False)
    assert "It would do the same" in maker.get(asked.request.full_path).text
    assert "It would do the same" in checker.get("/bank/ladders/1").text, "who decides sees what the maker saw"
    assert maker.post("/bank/ladders/1/approve").status_code == 403
    sha = bank_session.scalars(select(MatchLadder.sha256)).one()
    done = sent(checker, "/bank/ladders/1", "/bank/ladders/1/approve", expected_sha256=sha, reason="")
    assert "is in force" in done.text and "Version 1 is in force" in maker.get("/bank/ladders").text


def test_the_whole_text_is_linted_with_every_fault_at_once(browse, book, bank_session):
    maker = browse(MAKER)
    page = maker.get("/bank/ladders/new").text
    assert "[[rules]]" in page
    text = 'format = 1\n[[rules]]\nname = "amount"\nkey = "amount"\n'
    wrong = sent(maker, "/bank/ladders/new", "/bank/ladders/new", text=text, reason="Simpler")
    assert wrong.status_code == 422 and "nothing was stored" in wrong.text and wrong.text.count("missing_field") > 3
    unreadable = sent(maker, "/bank/ladders/new", "/bank/ladders/new", text="= =", reason="Simpler")
    assert "neither TOML nor JSON" in unreadable.text
    assert maker.get("/bank/ladders/99").status_code == 404
    assert maker.get("/bank/ladders/rules/nothing").status_code == 404
    assert bank_session.scalars(select(MatchLadder)).all() == []
