"""What a person decides: confirm, refuse, link, take apart, accept; afresh, once, and on record."""

from datetime import date

import pytest
from sqlalchemy import select

from allocations.collections.models import Collection
from allocations.reconciliation.bench.acts import decide_act
from allocations.reconciliation.bench.by_hand import (
    accept_break,
    confirm_suggestion,
    link_by_hand,
    reject_suggestion,
    undo_link,
)
from allocations.reconciliation.bench_models import HandAct
from allocations.reconciliation.models import BankLine, Break, MatchLink
from allocations.reconciliation.running.reconcile import reconcile
from portal.kernel.audit import Actor, AuditEvent
from portal.kernel.db import bank_scope
from portal.kernel.errors import Invalid, NotFound, Refused, Stale
from tests.factories.recon import ReconBook

MAKER = Actor(7, "maker@bank.example", "bank_operator")
CHECKER = Actor(8, "checker@bank.example", "bank_approver")
THROUGH = date(2026, 11, 9)


@pytest.fixture
def book(bank_session, now):
    book = ReconBook(bank_session)
    book.golden()
    reconcile(bank_session, through=THROUGH, actor=MAKER, now=now)
    bank_session.expire_all()
    return book


@pytest.fixture
def again(bank_session, now):
    def run():
        result = reconcile(bank_session, through=THROUGH, actor=MAKER, now=now)
        bank_session.expire_all()
        return result

    return run


def suggestion(session):
    return session.scalars(select(MatchLink).where(MatchLink.status == "suggested")).one()


def confirm(session, link_id, now):
    """Sixty thousand rupees are above the limit: one person confirms, another agrees."""
    link = confirm_suggestion(session, link_id, actor=MAKER, now=now)
    assert link.status == "suggested"
    act = session.scalars(select(HandAct).where(HandAct.status == "proposed")).one()
    decide_act(session, act.id, approve=True, actor=CHECKER, now=now)
    return link


def receipt(session, number):
    return session.scalars(select(Collection).where(Collection.receipt_no == number)).first()


def credit(session, number):
    return session.scalars(select(BankLine).where(BankLine.line_no == number)).one()


def open_codes(session, **subject):
    query = select(Break.code).where(Break.status == "open").filter_by(**subject)
    return set(session.scalars(query))


def test_a_confirmed_suggestion_counts_and_the_next_run_leaves_it(book, again, bank_session, now):
    link = confirm(bank_session, suggestion(bank_session).id, now)
    assert (link.status, link.confirmed_by) == ("confirmed", CHECKER.email)
    assert receipt(bank_session, "R6").linked_minor == 60000_00
    again()
    assert bank_session.get(MatchLink, link.id).status == "confirmed"


def test_a_suggestion_decided_by_somebody_else_meanwhile_is_stale(book, bank_session, now):
    link = suggestion(bank_session)
    confirm(bank_session, link.id, now)
    for act in (confirm_suggestion, reject_suggestion):
        with pytest.raises(Stale):
            act(bank_session, link.id, actor=MAKER, now=now)


def test_two_people_at_once_confirm_once(book, bank_session, database, clock, now):
    link = suggestion(bank_session)
    bank_session.commit()
    with database.logins.session(bank_scope(clock.today())) as first:
        confirm_suggestion(first, link.id, actor=MAKER, now=now)
        first.commit()
    with database.logins.session(bank_scope(clock.today())) as second, pytest.raises(Stale):
        confirm_suggestion(second, link.id, actor=MAKER, now=now)


def test_a_refused_pair_is_open_on_both_sides_and_never_suggested_again(book, again, bank_session, now):
    link = reject_suggestion(bank_session, suggestion(bank_session).id, actor=MAKER, now=now)
    bank_session.flush()
    assert open_codes(bank_session, collection_id=link.collection_id) == {"R01"}
    assert open_codes(bank_session, bank_line_id=link.bank_line_id) == {"R02"}
    again()
    assert bank_session.scalars(select(MatchLink).where(MatchLink.status == "suggested")).all() == []


def test_a_link_by_hand_cures_the_breaks_of_both_sides(book, again, bank_session, now):
    taken, money = receipt(bank_session, "R4"), credit(bank_session, 5)
    made = link_by_hand(bank_session, taken.id, money.id, 7500_00, reason="The borrower called", actor=MAKER, now=now)
    link = bank_session.get(MatchLink, made.link_id)
    assert (made.kind, made.status) == ("link", "done") and (link.rule, link.amount_minor) == ("by_hand", 7500_00)
    bank_session.flush()
    assert open_codes(bank_session, bank_line_id=money.id) == set()
    left = bank_session.scalars(select(Break).where(Break.collection_id == taken.id, Break.status == "open")).one()
    assert left.amount_minor == 17500_00
    again()
    assert bank_session.get(MatchLink, link.id).status == "confirmed"
    assert open_codes(bank_session, collection_id=taken.id) == {"R01"}


def test_every_reason_against_a_link_comes_at_once(book, bank_session, now):
    taken, money = receipt(bank_session, "R4"), credit(bank_session, 5)
    with pytest.raises(Invalid) as wrong:
        link_by_hand(bank_session, taken.id, money.id, 26000_00, reason=" ", actor=MAKER, now=now)
    assert {each.code for each in wrong.value.problems} == {"reason_missing", "more_than_receipt", "more_than_credit"}


def test_a_link_by_hand_on_old_figures_is_stale(book, bank_session, now):
    taken, money = receipt(bank_session, "R4"), credit(bank_session, 5)
    seen = (taken.amount_minor, money.amount_minor)
    link_by_hand(bank_session, taken.id, money.id, 5000_00, reason="first", actor=MAKER, now=now, expected=seen)
    with pytest.raises(Stale):
        link_by_hand(bank_session, taken.id, money.id, 2500_00, reason="second", actor=MAKER, now=now, expected=seen)


def test_a_link_taken_apart_stays_on_record_and_apart(book, again, bank_session, now):
    link = bank_session.scalars(select(MatchLink).where(MatchLink.rule == "reference_amount")).first()
    undo_link(bank_session, link.id, reason="Not his money", actor=MAKER, now=now)
    bank_session.flush()
    assert (link.status, link.undone_by, link.undo_reason) == ("undone", MAKER.email, "Not his money")
    assert bank_session.get(Collection, link.collection_id).linked_minor == 0
    assert open_codes(bank_session, collection_id=link.collection_id) == {"R01"}
    again()
    live = select(MatchLink).where(MatchLink.collection_id == link.collection_id, MatchLink.status == "confirmed")
    assert bank_session.scalars(live).all() == []


def test_a_link_is_not_taken_apart_without_a_reason(book, bank_session, now):
    link = bank_session.scalars(select(MatchLink).where(MatchLink.status == "confirmed")).first()
    with pytest.raises(Invalid):
        undo_link(bank_session, link.id, reason="  ", actor=MAKER, now=now)
    with pytest.raises(NotFound):
        undo_link(bank_session, 999_999, reason="why", actor=MAKER, now=now)


def test_a_remark_may_be_accepted_and_does_not_come_back(book, again, bank_session, now):
    book.receipt("L1", 900_00, "2026-10-31", "LN0031", utr="AXISN99990001")
    book.line(900_00, "2026-11-06", "NEFT AXISN99990001")
    again()
    late = bank_session.scalars(select(Break).where(Break.code == "R05")).one()
    accept_break(bank_session, late.id, reason="Counts in November", actor=MAKER, now=now)
    book.line(1_00, "2026-11-06", "NEW MONEY")
    again()
    assert bank_session.scalars(select(Break).where(Break.code == "R05", Break.status == "open")).all() == []


def test_missing_money_is_not_cured_by_a_signature(book, bank_session, now):
    missing = bank_session.scalars(select(Break).where(Break.code == "R01")).one()
    with pytest.raises(Refused):
        accept_break(bank_session, missing.id, reason="please", actor=MAKER, now=now)


def test_every_act_is_in_the_audit_log(book, bank_session, now):
    link = confirm(bank_session, suggestion(bank_session).id, now)
    apart = undo_link(bank_session, link.id, reason="wrong", actor=MAKER, now=now)
    decide_act(bank_session, apart.id, approve=True, actor=CHECKER, now=now)
    bank_session.commit()
    bodies = bank_session.scalars(select(AuditEvent.body).where(AuditEvent.tag == "link:changed")).all()
    assert ['"action":"confirm"' in body for body in bodies] == [True, False]
    moves = bank_session.scalars(select(AuditEvent.body).where(AuditEvent.tag == "hand_act:moved")).all()
    assert [[word for word in ("propose", "approve") if f'"action":"{word}"' in body] for body in moves] == [
        ["propose"],
        ["approve"],
    ] * 2
