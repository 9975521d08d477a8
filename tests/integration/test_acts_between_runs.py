"""What people did between two runs is told: a run takes no word of theirs back, and no act of theirs counts twice."""

from datetime import date

from allocations.reconciliation.bench.acts import decide_act, tie_debit
from allocations.reconciliation.bench.by_hand import link_by_hand
from allocations.reconciliation.bench.suspense import Part, assign_credit, return_credit, split_credit
from allocations.reconciliation.running.reconcile import reconcile
from portal.kernel.audit import Actor
from tests.factories.world import an_account

MAKER = Actor(7, "maker@bank.example", "bank_operator")
CHECKER = Actor(8, "checker@bank.example", "bank_approver")


def test_parts_of_a_split_that_agencies_held_are_approved_one_after_the_other(book, bank_session, now):
    for number in ("LN0001", "LN0002"):
        book.allocate("SHAKTI", number)
    seen = book.line(900_000_00, "2026-10-06", "BY TRANSFER")
    parts = [Part("LN0001", 400_000_00), Part("LN0002", 500_000_00)]
    made = split_credit(bank_session, seen.id, parts, reason="The branch named both", actor=MAKER, now=now)
    for act in made:
        decide_act(bank_session, act.id, approve=True, actor=CHECKER, now=now)
    assert seen.linked_minor == 900_000_00


def test_a_debit_tied_to_a_return_takes_no_other_credit_back(book, bank_session, now):
    refunded = book.line(5000_00, "2026-11-08", "BY TRANSFER")
    receipt = book.receipt("R-1", 5000_00, "2026-11-09", "LN00078", utr="UTRX1234567890", mode="neft")
    book.line(5000_00, "2026-11-09", "NEFT UTRX1234567890")
    reconcile(bank_session, through=date(2026, 11, 10), actor=MAKER, now=now)
    act = return_credit(bank_session, refunded.id, amount_minor=5000_00, reason="Not ours", actor=MAKER, now=now)
    decide_act(bank_session, act.id, approve=True, actor=CHECKER, now=now)
    debit = book.line(5000_00, "2026-11-10", "REFUND UTRX1234567890", side="debit", is_reversal=True)
    tie_debit(bank_session, act.id, debit.id, actor=MAKER, now=now)
    for full in (False, True):
        reconcile(bank_session, through=date(2026, 11, 10), actor=MAKER, now=now, full=full)
        bank_session.refresh(receipt)
        assert receipt.linked_minor == 5000_00


def test_a_part_tied_and_a_part_assigned_are_no_way_round_the_limit(book, bank_session, now):
    an_account(bank_session, "LN9001")
    taken, seen = book.receipt("R1", 30_000_00, "2026-10-05", "LN0001"), book.line(60_000_00, "2026-10-06", "TRF")
    by = {"reason": "The branch named both", "actor": MAKER, "now": now}
    first = link_by_hand(bank_session, taken.id, seen.id, 30_000_00, **by)
    second = assign_credit(bank_session, seen.id, loan_account_no="LN9001", amount_minor=30_000_00, **by)
    assert (first.status, second.status) == ("done", "proposed")
