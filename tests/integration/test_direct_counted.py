"""Money paid direct that nobody claimed: counted when its days are over, and what undoes that."""

from datetime import date

import pytest
from sqlalchemy import select

from allocations.collections.models import Collection
from allocations.reconciliation.bench.acts import undo_act
from allocations.reconciliation.bench_models import DirectPayment, HandAct, PayerRule
from allocations.reconciliation.models import Break, MatchLink
from allocations.reconciliation.running import changed
from portal.kernel.audit import Actor
from portal.kernel.errors import Invalid
from tests.factories.direct import links, open_codes, payments
from tests.factories.recon import AT
from tests.factories.world import an_account, an_allocation

ACTOR = Actor(None, "system", "system")
TODAY = date(2026, 11, 10)


# --- counted


def test_it_is_counted_when_its_days_are_over_and_not_a_day_before(book, run, bank_session):
    book.allocate("SHAKTI", "LN00077")
    book.line(5000_00, "2026-11-09", "NEFT UTRX1234567890 LN00077")
    run()
    run(3)
    assert [row[3] for row in payments(bank_session)] == ["found"]
    run(4)
    found = bank_session.scalars(select(DirectPayment)).one()
    assert found.status == "counted"
    row = bank_session.get_one(Collection, found.collection_id)
    assert (row.receipt_no, row.source, row.mode, row.collected_on) == (
        f"DIRECT-{found.id}",
        "direct",
        "neft",
        date(2026, 11, 9),
    )
    assert links(bank_session) == {(row.receipt_no, 5000_00, "direct_payment")}
    assert open_codes(bank_session) == set()


def test_runs_after_it_was_counted_come_to_the_same(book, run, bank_session):
    book.allocate("SHAKTI", "LN00077")
    book.line(5000_00, "2026-11-09", "NEFT UTRX1234567890 LN00077")
    run()
    counted, again = run(4), run(4)
    assert counted.result_hash == again.result_hash
    assert counted.is_new and not again.is_new
    assert len(links(bank_session)) == 1


@pytest.mark.parametrize(
    ("words", "mode"),
    [
        ("UPI/628312345678/LN00077", "upi"),
        ("IMPS LN00077 X", "imps"),
        ("NACH DR LN00077", "auto_debit"),
        ("LN00077", "neft"),
    ],
)
def test_the_way_of_paying_comes_from_the_narrative(book, run, bank_session, words, mode):
    book.allocate("SHAKTI", "LN00077")
    book.line(5000_00, "2026-11-09", words)
    run()
    run(4)
    assert bank_session.scalars(select(Collection.mode)).one() == mode


def test_a_receipt_number_that_is_taken_is_not_taken_again(book, run, bank_session):
    book.allocate("SHAKTI", "LN00077")
    book.line(5000_00, "2026-11-09", "NEFT LN00077")
    run()
    known = bank_session.scalars(select(DirectPayment.id)).one()
    book.receipt(f"DIRECT-{known}", 100_00, "2026-11-09", "LN00099")
    run(4)
    assert f"DIRECT-{known}-B" in {row[0] for row in links(bank_session)}


def test_a_receipt_reported_late_takes_its_place(book, run, bank_session):
    book.allocate("SHAKTI", "LN00077")
    book.line(5000_00, "2026-11-09", "NEFT UTRX1234567890 LN00077")
    run()
    run(4)
    book.receipt("R-1", 5000_00, "2026-11-08", "LN00077", utr="UTRX1234567890", mode="neft")
    late, again = run(5), run(5)
    assert links(bank_session) == {("R-1", 5000_00, "reference_amount")}
    assert [row[3] for row in payments(bank_session)] == ["claimed"]
    undone = bank_session.scalars(select(MatchLink).where(MatchLink.status == "undone")).one()
    assert undone.undo_reason == "The agency reported receipt R-1 for this money."
    direct = bank_session.scalars(select(Collection).where(Collection.source == "direct")).one()
    assert (direct.linked_minor, direct.written_off_minor) == (0, 5000_00)
    assert open_codes(bank_session) == set()
    assert late.result_hash == again.result_hash and not again.is_new


def test_what_core_banking_booked_goes_over_to_the_late_receipt(book, run, bank_session):
    book.allocate("SHAKTI", "LN00077")
    book.line(5000_00, "2026-11-09", "NEFT UTRX1234567890 LN00077")
    book.posting("P1", 5000_00, "2026-11-09", "LN00077", mode="neft")
    run()
    run(4)
    assert len(links(bank_session)) == 2
    book.receipt("R-1", 5000_00, "2026-11-08", "LN00077", utr="UTRX1234567890", mode="neft")
    late, again = run(5), run(5)
    assert {row[0] for row in links(bank_session)} == {"R-1"} and len(links(bank_session)) == 2
    assert open_codes(bank_session) == set()
    assert late.result_hash == again.result_hash


def test_a_receipt_with_another_reference_is_other_money(book, run, bank_session):
    book.allocate("SHAKTI", "LN00077")
    book.line(5000_00, "2026-11-09", "NEFT UTRX1234567890 LN00077")
    run()
    run(4)
    book.receipt("R-1", 5000_00, "2026-11-08", "LN00077", utr="UTRX9999999999", mode="neft")
    run(5)
    assert [row[3] for row in payments(bank_session)] == ["counted"]


def test_a_link_a_statement_rests_on_stays_and_the_receipt_is_a_break(book, run, bank_session, monkeypatch):
    from allocations.reconciliation.running import direct_sql

    book.allocate("SHAKTI", "LN00077")
    book.line(5000_00, "2026-11-09", "NEFT UTRX1234567890 LN00077")
    run()
    run(4)
    settled = direct_sql.GIVES_WAY.replace("portal_link_is_settled(link_id)", "true")
    monkeypatch.setattr(direct_sql, "GIVES_WAY", settled)
    book.receipt("R-1", 5000_00, "2026-11-08", "LN00077", utr="UTRX1234567890", mode="neft")
    run(5)
    assert [row[3] for row in payments(bank_session)] == ["counted"]
    found = bank_session.scalars(select(Break).where(Break.status == "open")).one()
    assert (found.code, found.ref, found.owner) == ("R04", "R-1", "bank_ops")
    assert found.detail["why"] == "Its money was counted as paid direct."


def test_a_bounce_after_it_was_counted_undoes_the_link_and_opens_r09(book, run, bank_session):
    book.allocate("SHAKTI", "LN00077")
    book.line(5000_00, "2026-11-09", "NEFT UTRX1234567890 LN00077")
    run()
    run(4)
    book.line(5000_00, "2026-11-14", "RETURN UTRX1234567890", side="debit", is_reversal=True)
    run(5)
    assert links(bank_session) == set()
    assert {code for code, _ref in open_codes(bank_session)} == {"R09"}


def test_a_link_a_person_takes_apart_leaves_nothing_behind(book, run, bank_session, now):
    book.allocate("SHAKTI", "LN00077")
    book.line(5000_00, "2026-11-09", "NEFT LN00077")
    run()
    run(4)
    link = bank_session.scalars(select(MatchLink)).one()
    link.status, link.undone_by, link.undone_at, link.undo_reason = "undone", "ops@bank.example", now, "Wrong account."
    bank_session.flush()
    run(5)
    assert [row[3] for row in payments(bank_session)] == ["dropped"]
    assert open_codes(bank_session) == {("R02", "ST1/1")}
    run(20)
    assert [row[3] for row in payments(bank_session)] == ["dropped"]


def test_numbers_an_agency_took_beforehand_stop_no_run(book, run, bank_session):
    book.allocate("SHAKTI", "LN00077")
    book.line(5000_00, "2026-11-09", "NEFT LN00077")
    run()
    known = bank_session.scalars(select(DirectPayment.id)).one()
    for number in (f"DIRECT-{known}", f"DIRECT-{known}-B", f"DIRECT-{known}-D"):
        book.receipt(number, 100_00, "2026-11-09", "LN00099")
    run(4)
    assert [row[3] for row in payments(bank_session)] == ["counted"]
    assert f"DIRECT-{known}-C" in {row[0] for row in links(bank_session)}


def test_money_that_bounced_is_counted_no_longer(book, run, bank_session):
    book.allocate("SHAKTI", "LN00077")
    book.line(5000_00, "2026-11-09", "NEFT UTRX1234567890 LN00077")
    run()
    run(4)
    book.line(5000_00, "2026-11-14", "RETURN UTRX1234567890", side="debit", is_reversal=True)
    run(5)
    assert [row[3] for row in payments(bank_session)] == ["dropped"]


def test_an_agency_whose_term_turns_out_to_have_ended_is_not_paid_for_it(book, run, bank_session):
    held = book.allocate("SHAKTI", "LN00077")
    book.line(5000_00, "2026-11-09", "NEFT LN00077")
    run()
    held.to_on = date(2026, 11, 1)
    bank_session.flush()
    run(4)
    assert [row[3] for row in payments(bank_session)] == ["dropped"]


def test_an_account_placed_after_its_money_came_is_found_by_a_daily_run(book, run, bank_session, monkeypatch):
    monkeypatch.setattr(changed, "SHARE", 0.001)
    account = an_account(bank_session, "LN00077")
    book.line(5000_00, "2026-11-09", "NEFT LN00077")
    run()
    an_allocation(bank_session, account, book.agency("SHAKTI"), from_on=date(2026, 11, 1))
    run(1)
    assert payments(bank_session) == [("LN00077", 5000_00, "loan_number", "found")]


def test_the_reversal_of_a_debit_is_nobodys_payment(book, run, bank_session):
    book.allocate("SHAKTI", "LN00077")
    book.line(5000_00, "2026-11-09", "REVERSAL OF NACH DR LN00077", is_reversal=True)
    run()
    assert payments(bank_session) == []


def test_a_payer_believed_no_longer_is_no_sign_any_more(book, run, bank_session):
    account = book.allocate("SHAKTI", "LN00077").loan_account_id
    rule = PayerRule(
        payer_key="VPA:RAVI@OKHDFC", loan_account_id=account, status="approved", proposed_by="a", proposed_at=AT
    )
    rule.decided_by, rule.decided_at = "b", AT
    bank_session.add(rule)
    book.line(5000_00, "2026-11-09", "UPI/RAVI@OKHDFC")
    run()
    rule.status = "retired"
    bank_session.flush()
    run(4)
    assert [row[3] for row in payments(bank_session)] == ["dropped"]


def test_a_posting_that_was_reversed_is_no_sign_any_more(book, run, bank_session):
    book.allocate("SHAKTI", "LN00077")
    book.line(5000_00, "2026-11-09", "UTRX1234567890")
    book.posting("P1", 5000_00, "2026-11-09", "LN00077", utr="UTRX1234567890", mode="rtgs")
    run()
    book.posting("P2", 5000_00, "2026-11-10", "LN00077", mode="rtgs", reverses="P1")
    run(4)
    assert [row[3] for row in payments(bank_session)] == ["dropped"]


def test_what_was_withdrawn_cannot_be_given_back_as_a_receipt(book, run, bank_session, now):
    book.allocate("SHAKTI", "LN00077")
    book.line(5000_00, "2026-11-09", "NEFT LN00077")
    run()
    run(4)
    link = bank_session.scalars(select(MatchLink)).one()
    link.status, link.undone_by, link.undone_at, link.undo_reason = "undone", "ops@bank.example", now, "Wrong account."
    bank_session.flush()
    run(5)
    act = bank_session.scalars(select(HandAct)).one()
    with pytest.raises(Invalid, match="stands_for_nothing"):
        undo_act(bank_session, act.id, reason="Give it back", actor=ACTOR, now=now)
