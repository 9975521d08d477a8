"""Money nobody claims: assigned, split, returned, taken back; and after any walk of acts every rupee is still told once."""

from __future__ import annotations

import random
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from allocations.reconciliation.bench.acts import decide_act, tie_debit, undo_act, withdraw_act
from allocations.reconciliation.bench.by_hand import link_by_hand, undo_link, write_off
from allocations.reconciliation.bench.suspense import (
    Part,
    assign_credit,
    money_explained,
    return_credit,
    split_credit,
)
from allocations.reconciliation.bench.suspense_queries import claims_of, contested_lines, unclaimed_page
from allocations.reconciliation.bench_models import DirectPayment, HandAct
from allocations.reconciliation.models import BankLine, Break, MatchLink
from allocations.reconciliation.running.reconcile import reconcile
from portal.kernel.audit import Actor
from portal.kernel.errors import Invalid, PortalError, Stale
from tests.factories.recon import ReconBook
from tests.factories.world import an_account

MAKER = Actor(7, "maker@bank.example", "bank_operator")
CHECKER = Actor(8, "checker@bank.example", "bank_approver")


@pytest.fixture
def book(bank_session):
    book = ReconBook(bank_session)
    for number in ("LN9001", "LN9002"):  # the bank's own: no agency holds them
        an_account(bank_session, number)
    return book


def left_of(session, line):
    session.refresh(line)
    return line.amount_minor - line.linked_minor - line.settled_minor


def by(now, actor=MAKER):
    return {"actor": actor, "now": now, "reason": "The branch named the payer"}


def told(session):
    """The one currency's figures; they always tie."""
    found = money_explained(session)[0]
    assert found.difference_minor == 0 and found.suspense_minor >= 0
    return found


def test_a_credit_is_money_for_an_account_of_the_banks_own(book, bank_session, now):
    seen = book.line(900_00, "2026-10-06", "BY TRANSFER")
    act = assign_credit(bank_session, seen.id, loan_account_no="LN9001", amount_minor=900_00, **by(now))
    assert (act.kind, act.status, act.direct_payment_id) == ("assign", "done", None)
    assert left_of(bank_session, seen) == 0
    assert (told(bank_session).assigned_minor, told(bank_session).suspense_minor) == (900_00, 0)


def test_money_for_an_account_an_agency_held_that_day_is_counted_as_paid_direct(book, bank_session, now):
    held = book.allocate("SHAKTI", "LN0001")
    seen = book.line(900_00, "2026-10-06", "BY TRANSFER")
    act = assign_credit(bank_session, seen.id, loan_account_no="LN0001", amount_minor=900_00, **by(now))
    paid = bank_session.get_one(DirectPayment, act.direct_payment_id)
    assert (paid.agency_id, paid.status, act.status) == (held.agency_id, "counted", "done")
    assert (seen.linked_minor, seen.settled_minor) == (900_00, 0)
    assert (told(bank_session).matched_minor, told(bank_session).assigned_minor) == (900_00, 0)
    with pytest.raises(Invalid, match="receipt_made"):
        undo_act(bank_session, act.id, reason="no", actor=MAKER, now=now)


def test_money_that_stands_with_an_agency_is_not_given_to_anybody_else(book, bank_session, now):
    held = book.allocate("SHAKTI", "LN0001")
    seen = book.line(900_00, "2026-10-06", "LN0001")
    bank_session.add(
        DirectPayment(
            agency_id=held.agency_id,
            allocation_id=held.id,
            loan_account_id=held.loan_account_id,
            loan_account_no="LN0001",
            bank_line_id=seen.id,
            amount_minor=900_00,
            currency="INR",
            value_on=seen.value_on,
            sign="loan_number",
            found_on=seen.value_on,
            told_at=now,
            claim_until=seen.value_on,
        )
    )
    with pytest.raises(Invalid, match="with_agency"):
        assign_credit(bank_session, seen.id, loan_account_no="LN9001", amount_minor=900_00, **by(now))
    with pytest.raises(Invalid, match="with_agency"):
        return_credit(bank_session, seen.id, amount_minor=900_00, **by(now))
    sure = assign_credit(bank_session, seen.id, loan_account_no="LN0001", amount_minor=900_00, **by(now))
    assert sure.direct_payment_id is not None


def test_a_part_of_a_credit_leaves_the_rest_in_suspense(book, bank_session, now):
    seen = book.line(900_00, "2026-10-06", "BY TRANSFER")
    assign_credit(bank_session, seen.id, loan_account_no="LN9001", amount_minor=400_00, expected=900_00, **by(now))
    assert left_of(bank_session, seen) == 500_00
    with pytest.raises(Stale):
        assign_credit(bank_session, seen.id, loan_account_no="LN9001", amount_minor=1_00, expected=900_00, **by(now))
    with pytest.raises(Invalid, match="more_than_credit"):
        assign_credit(bank_session, seen.id, loan_account_no="LN9001", amount_minor=500_01, **by(now))


def test_a_split_is_all_parts_or_none(book, bank_session, now):
    seen = book.line(900_00, "2026-10-06", "BY TRANSFER")
    with pytest.raises(Invalid) as wrong:
        parts = [Part("LN9001", 500_00), Part("NOBODY", 0), Part("LN9001", 1_00)]
        split_credit(bank_session, seen.id, parts, **by(now))
    assert {each.code for each in wrong.value.problems} == {"no_such_account", "amount_not_positive", "twice"}
    with pytest.raises(Invalid, match="more_than_credit"):
        split_credit(bank_session, seen.id, [Part("LN9001", 500_00), Part("LN9002", 500_00)], **by(now))
    assert bank_session.scalars(select(HandAct)).all() == []
    split_credit(bank_session, seen.id, [Part("LN9001", 500_00), Part("LN9002", 400_00)], **by(now))
    assert left_of(bank_session, seen) == 0


def test_a_split_above_the_limit_waits_as_a_whole_and_its_parts_are_approved_in_any_order(book, bank_session, now):
    seen = book.line(90_000_00, "2026-10-06", "BY TRANSFER")
    parts = [Part("LN9001", 45_000_00), Part("LN9002", 45_000_00)]
    acts = split_credit(bank_session, seen.id, parts, **by(now))
    assert [act.status for act in acts] == ["proposed", "proposed"] and left_of(bank_session, seen) == 90_000_00
    for act in reversed(acts):
        decide_act(bank_session, act.id, approve=True, actor=CHECKER, now=now)
    assert left_of(bank_session, seen) == 0


def test_money_goes_back_to_its_payer_by_two_people_and_is_under_way_until_the_debit_is_seen(book, bank_session, now):
    seen = book.line(50_00, "2026-10-06", "WRONG ACCOUNT")
    act = return_credit(bank_session, seen.id, amount_minor=50_00, **by(now))
    assert act.status == "proposed" and left_of(bank_session, seen) == 50_00
    decide_act(bank_session, act.id, approve=True, actor=CHECKER, now=now)
    assert (told(bank_session).returned_minor, act.debit_line_id) == (50_00, None)
    early = book.line(50_00, "2026-10-05", "REFUND", side="debit")
    credit = book.line(50_00, "2026-10-08", "REFUND")
    for wrong, code in ((early, "debit_before_credit"), (credit, "not_a_debit")):
        with pytest.raises(Invalid, match=code):
            tie_debit(bank_session, act.id, wrong.id, actor=MAKER, now=now)
    refund = book.line(50_00, "2026-10-08", "REFUND", side="debit")
    tie_debit(bank_session, act.id, refund.id, actor=MAKER, now=now)
    assert act.debit_line_id == refund.id
    with pytest.raises(Invalid, match="money_gone"):
        undo_act(bank_session, act.id, reason="oh", actor=MAKER, now=now)


def test_one_debit_shows_no_more_than_its_amount(book, bank_session, now):
    refund = book.line(50_00, "2026-10-08", "REFUND", side="debit")
    first, second = book.line(50_00, "2026-10-06", "A"), book.line(50_00, "2026-10-06", "B")
    act = return_credit(bank_session, first.id, amount_minor=50_00, debit_line_id=refund.id, **by(now))
    decide_act(bank_session, act.id, approve=True, actor=CHECKER, now=now)
    with pytest.raises(Invalid, match="more_than_debit"):
        return_credit(bank_session, second.id, amount_minor=50_00, debit_line_id=refund.id, **by(now))


def test_taking_a_return_back_needs_two_people_as_well(book, bank_session, now):
    seen = book.line(50_00, "2026-10-06", "WRONG ACCOUNT")
    act = return_credit(bank_session, seen.id, amount_minor=50_00, **by(now))
    decide_act(bank_session, act.id, approve=True, actor=CHECKER, now=now)
    undo = undo_act(bank_session, act.id, reason="The payer was found", actor=MAKER, now=now)
    assert (undo.status, act.status) == ("proposed", "done")
    decide_act(bank_session, undo.id, approve=True, actor=CHECKER, now=now)
    assert act.status == "undone" and left_of(bank_session, seen) == 50_00


def test_money_of_a_refused_statement_is_nobodys(book, bank_session, now):
    seen = book.line(50_00, "2026-10-06", "X", statement=book.new_statement("refused"))
    with pytest.raises(Invalid, match="statement_refused"):
        assign_credit(bank_session, seen.id, loan_account_no="LN9001", amount_minor=50_00, **by(now))
    with pytest.raises(Invalid, match="statement_refused"):
        return_credit(bank_session, seen.id, amount_minor=50_00, **by(now))
    assert money_explained(bank_session) == []


def test_what_is_assigned_cannot_be_linked_too(book, bank_session, now):
    seen, taken = book.line(900_00, "2026-10-06", "T"), book.receipt("R1", 900_00, "2026-10-05", "LN0001")
    assign_credit(bank_session, seen.id, loan_account_no="LN9001", amount_minor=400_00, **by(now))
    with pytest.raises(Invalid, match="more_than_credit"):
        link_by_hand(bank_session, taken.id, seen.id, 900_00, **by(now))
    link_by_hand(bank_session, taken.id, seen.id, 500_00, **by(now))
    assert left_of(bank_session, seen) == 0


# --- every rupee, whatever people do


@pytest.mark.parametrize("seed", [1, 2])
def test_after_any_walk_of_two_hundred_acts_every_rupee_is_told_once(book, bank_session, now, seed):
    chance = random.Random(seed)
    amounts = [chance.choice((10_00, 99_50, 5_000_00, 60_000_00)) for _ in range(12)]
    for number, amount in enumerate(amounts):
        book.receipt(f"R{number}", amount, "2026-10-05", f"LN{number:04}")
        book.line(amount + chance.choice((0, 5_00)), "2026-10-06", f"TRF {number}")
    done = 0
    for step in range(200):
        moment = now + timedelta(minutes=step)
        try:
            with bank_session.begin_nested():
                walk(bank_session, chance, moment)
                done += 1
        except PortalError:
            pass
        bank_session.expire_all()
        if step % 20 == 0:
            told(bank_session)
    found = told(bank_session)
    assert done > 60 and found.matched_minor and found.assigned_minor
    for line in bank_session.scalars(select(BankLine)):
        assert 0 <= line.linked_minor + line.settled_minor <= line.amount_minor


def walk(session, chance, now):
    """One act at random; many are refused, which is as it should be."""
    line = chance.choice(session.scalars(select(BankLine).order_by(BankLine.id)).all())
    amount = chance.choice((1_00, line.amount_minor // 2, line.amount_minor))
    given = by(now)
    acts = session.scalars(select(HandAct).order_by(HandAct.id)).all()
    match chance.randrange(8):
        case 0 | 1:
            link_by_hand(session, line.id, line.id, amount, **given)  # receipts and lines were numbered alike
        case 2:
            live = select(MatchLink).where(MatchLink.status == "confirmed").order_by(MatchLink.id)
            undo_link(session, chance.choice(session.scalars(live).all() or [MatchLink(id=0)]).id, **given)
        case 3:
            assign_credit(
                session, line.id, loan_account_no=chance.choice(("LN9001", "LN9002")), amount_minor=amount, **given
            )
        case 4:
            return_credit(session, line.id, amount_minor=amount, **given)
        case 5:
            write_off(session, bank_line_id=line.id, amount_minor=chance.choice((1_00, 5_00)), **given)
        case 6 if acts:
            undo_act(session, chance.choice(acts).id, **given)
        case 7 if acts:
            act = chance.choice(acts)
            if chance.random() < 0.2:
                withdraw_act(session, act.id, actor=MAKER, now=now)
            else:
                decide_act(session, act.id, approve=chance.random() < 0.8, reason="ok", actor=CHECKER, now=now)


# --- beside a run


def reconciled(session, now):
    reconcile(session, through=date(2026, 11, 9), actor=MAKER, now=now)
    session.expire_all()


def test_a_run_leaves_what_people_settled_and_counts_it_as_they_do(book, bank_session, now):
    seen = book.line(900_00, "2026-10-06", "NEFT AXISN1234567")
    book.receipt("R1", 900_00, "2026-10-05", "LN0001", utr="AXISN1234567", mode="neft")
    assign_credit(bank_session, seen.id, loan_account_no="LN9001", amount_minor=900_00, **by(now))
    reconciled(bank_session, now)
    assert (seen.linked_minor, seen.settled_minor) == (0, 900_00)
    assert (told(bank_session).assigned_minor, told(bank_session).suspense_minor) == (900_00, 0)


def test_the_refund_of_a_return_is_not_counted_twice(book, bank_session, now):
    seen = book.line(900_00, "2026-10-06", "NEFT AXISN1234567")
    act = return_credit(bank_session, seen.id, amount_minor=900_00, **by(now))
    decide_act(bank_session, act.id, approve=True, actor=CHECKER, now=now)
    book.line(900_00, "2026-10-08", "REFUND AXISN1234567", side="debit")
    reconciled(bank_session, now)
    assert (seen.settled_minor, seen.returned_minor) == (900_00, 0)
    assert told(bank_session).returned_minor == 900_00


def test_money_the_bank_took_back_is_nobodys(book, bank_session, now):
    seen = book.line(900_00, "2026-10-06", "CHQ AXISN1234567")
    book.line(900_00, "2026-10-08", "RETURN AXISN1234567", side="debit")
    reconciled(bank_session, now)
    found = told(bank_session)
    assert (found.bank_returned_minor, found.suspense_minor) == (900_00, 0)
    with pytest.raises(Invalid, match="more_than_credit"):
        assign_credit(bank_session, seen.id, loan_account_no="LN9001", amount_minor=900_00, **by(now))


def test_a_run_leads_two_claims_of_one_credit_to_a_person(book, bank_session, now):
    book.receipt("R1", 900_00, "2026-10-05", "LN0001", utr="AXISN1234567", mode="neft")
    book.allocate("VEGA", "LN0002", stream="tele")
    book.receipt("V1", 900_00, "2026-10-05", "LN0002", utr="AXISN1234567", mode="neft", agency="VEGA")
    seen = book.line(900_00, "2026-10-06", "NEFT AXISN1234567")
    reconciled(bank_session, now)
    found = contested_lines(bank_session)
    assert [(each.line.id, each.claims) for each in found] == [(seen.id, [("SHAKTI", "R1"), ("VEGA", "V1")])]
    mine, theirs = claims_of(bank_session, seen)
    assert (mine.held, theirs.held, mine.keys) == (True, True, ["AXISN1234567"])
    link_by_hand(bank_session, mine.collection.id, seen.id, 900_00, **by(now))
    assert contested_lines(bank_session) == []
    reconciled(bank_session, now)
    left = bank_session.scalars(
        select(Break).where(Break.collection_id == theirs.collection.id, Break.status == "open")
    )
    words = [f"{each.cure} {each.detail}" for each in left]
    assert words and all("SHAKTI" not in each and "R1" not in each for each in words), "neither learns of the other"


def test_unclaimed_credits_of_a_run_stand_in_suspense_with_their_age(book, bank_session, now):
    seen = book.line(900_00, "2026-10-06", "BY TRANSFER")
    reconciled(bank_session, now)
    row = unclaimed_page(bank_session, today=date(2026, 11, 10))[0]
    assert (row.line.id, row.open_minor, row.age_days, row.stage.code) == (seen.id, 900_00, 35, "general_ledger")
    assert unclaimed_page(bank_session, today=date(2026, 11, 10), after=(row.opened_on, row.break_id)) == []
    assign_credit(bank_session, seen.id, loan_account_no="LN9001", amount_minor=900_00, **by(now))
    assert unclaimed_page(bank_session, today=date(2026, 11, 10)) == []
