"""Disputes in a real database: what is paid, what is kept, who decides, and where the money lands."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import make_transient

from allocations.agencies.taking_in import NO_FILE
from payouts.commission.event_models import ManualAdjustment
from payouts.commission.service import accrue
from payouts.ledger.models import JournalLine
from payouts.settlements.answering import accept_statement, deem_accepted
from payouts.settlements.dispute_messages import messages_of, write
from payouts.settlements.dispute_models import Dispute
from payouts.settlements.dispute_queries import dispute_row, list_disputes, outcome_of, standing
from payouts.settlements.dispute_releases import releases
from payouts.settlements.disputes import (
    answer_agency,
    load_dispute,
    load_own,
    propose_decision,
    send_back,
    withdraw_dispute,
)
from payouts.settlements.drafting import draft
from payouts.settlements.models import Settlement, SettlementLine
from payouts.settlements.queries import payable_minor
from portal.kernel.audit import AuditEvent
from portal.kernel.db import bank_scope, set_scope, unit_of_work
from portal.kernel.errors import Invalid, NotFound, Refused, Stale
from portal.kernel.notices import notices_about
from portal.kernel.periods import parse_month
from tests.factories.disputed import (
    SHAKTI,
    TODAY,
    VEGA,
    Issued,
    an_issued_month,
    an_issued_statement,
    an_unpaid_receipt,
)
from tests.factories.month import CHECKER, MAKER, SECOND_CHECKER, SYSTEM, a_run, an_accrual

NOVEMBER = parse_month("2026-11")


@pytest.fixture
def issued(bank_session, agency_session, now) -> Issued:
    return an_issued_statement(bank_session, agency_session, now)


@pytest.fixture
def lived(bank_session, agency_session, now) -> Issued:
    return an_issued_month(bank_session, agency_session, now)


def balance(session, account):
    total = func.coalesce(func.sum(JournalLine.credit_minor - JournalLine.debit_minor), 0)
    return session.scalar(select(total).where(JournalLine.account == account))


def test_a_line_that_should_be_more_is_paid_as_it_stands(issued):
    issued.dispute()
    settlement = issued.settlement()
    assert (settlement.disputed_minor, payable_minor(settlement)) == (0, 78_400_00)
    assert (settlement.answer, settlement.answered_by) == ("disputed", "owner@shakti.example")


def test_what_a_line_is_above_the_claim_is_kept_in_the_books(issued):
    ref = issued.dispute(issued.claim(claimed=45_000_00, reason="not_ours"))
    settlement = issued.settlement()
    assert (settlement.disputed_minor, payable_minor(settlement)) == (5_000_00, 73_400_00)
    assert balance(issued.bank, "disputed") == 5_000_00
    assert balance(issued.bank, "payable_to_agency") == 73_400_00 + 5_000_00, "the other agency's too"
    found = dispute_row(issued.bank, ref)
    assert (found.line_ref, found.dispute.due_on) == (f"{SHAKTI}/1", TODAY + timedelta(days=21))


def test_every_problem_of_a_claim_is_told_at_once_and_nothing_is_kept(issued):
    with pytest.raises(Invalid) as wrong:
        issued.dispute(issued.claim(claimed=50_000_00, reason="", comment=""))
    assert [each.code for each in wrong.value.problems] == ["bad_reason", "comment_needed", "nothing_claimed"]
    assert issued.settlement().answer == ""


@pytest.mark.parametrize(
    ("told", "ref", "code"),
    [
        ({"position": 3}, SHAKTI, "follows"),  # the tax withheld
        ({"position": 99}, SHAKTI, None),
        ({"position": 1}, VEGA, None),  # another agency's statement is no statement
        ({"position": None, "collection_id": 7_777}, SHAKTI, None),
    ],
)
def test_only_lines_that_stand_by_themselves_are_disputed(issued, told, ref, code):
    with pytest.raises((Refused, NotFound)) as refusal:
        issued.dispute(issued.claim(**told), ref)
    assert getattr(refusal.value, "code", None) == code


def test_a_line_is_disputed_once_until_it_is_taken_back(issued):
    ref = issued.dispute()
    with pytest.raises(Refused) as refusal:
        issued.dispute()
    assert refusal.value.code == "disputed_already"
    with unit_of_work(issued.agency):
        withdraw_dispute(issued.agency, ref, actor=issued.owner, now=issued.now)
    assert issued.settlement().answer == ""
    assert issued.dispute() != ref


def test_late_disputes_are_refused_and_silence_is_consent(issued):
    with unit_of_work(issued.bank):
        issued.settlement().answer_by_on = TODAY
    issued.dispute(today=TODAY)
    with pytest.raises(Refused, match="could be disputed until 10 November 2026") as refusal:
        issued.dispute(issued.claim(position=2), today=TODAY + timedelta(days=1))
    assert refusal.value.code == "too_late"
    with unit_of_work(issued.bank):
        issued.settlement(VEGA).answer_by_on = TODAY
    for day, deemed in ((TODAY, []), (TODAY + timedelta(days=1), [VEGA]), (TODAY + timedelta(days=2), [])):
        with unit_of_work(issued.bank):
            assert deem_accepted(issued.bank, day, actor=SYSTEM, now=issued.now) == deemed
    assert (issued.settlement(VEGA).answer, issued.settlement().answer) == ("deemed", "disputed")


def test_what_was_accepted_is_not_disputed(issued):
    shown = issued.settlement().hash
    with pytest.raises(Stale), unit_of_work(issued.agency):
        accept_statement(issued.agency, SHAKTI, expected_hash="x", actor=issued.owner, now=issued.now)
    with unit_of_work(issued.agency):
        accept_statement(issued.agency, SHAKTI, expected_hash=shown, actor=issued.owner, now=issued.now)
    assert issued.settlement().answer == "accepted"
    with pytest.raises(Refused, match="You accepted S2610-SHAKTI on 10 November 2026"):
        issued.dispute()
    with pytest.raises(Refused), unit_of_work(issued.agency):
        accept_statement(issued.agency, SHAKTI, actor=issued.owner, now=issued.now)


def test_a_disputed_statement_is_not_accepted_as_a_whole(issued):
    issued.dispute()
    with pytest.raises(Refused) as refusal, unit_of_work(issued.agency):
        accept_statement(issued.agency, SHAKTI, actor=issued.owner, now=issued.now)
    assert refusal.value.code == "disputed"


def test_taken_back_before_payment_the_money_goes_back_to_the_statement(issued):
    ref = issued.dispute(issued.claim(claimed=45_000_00))
    with unit_of_work(issued.agency):
        withdraw_dispute(issued.agency, ref, actor=issued.owner, now=issued.now)
    settlement = issued.settlement()
    assert (settlement.disputed_minor, balance(issued.bank, "disputed")) == (0, 0)
    assert releases(issued.bank, settlement.agency_id, NOVEMBER) == []


def next_draft(issued) -> Settlement:
    """November accrued and drafted."""
    set_scope(issued.bank, bank_scope(date(2026, 12, 1)))
    with unit_of_work(issued.bank):
        accrue(issued.bank, NOVEMBER, actor=SYSTEM, now=issued.now)
        made = draft(issued.bank, NOVEMBER, actor=SYSTEM, now=issued.now).settlements
        return next(each for each in made if each.ref == "S2611-SHAKTI")


def kinds(issued, settlement):
    query = select(SettlementLine.kind, SettlementLine.amount_minor, SettlementLine.description)
    query = query.where(SettlementLine.settlement_id == settlement.id).order_by(SettlementLine.position)
    return [tuple(row) for row in issued.bank.execute(query)]


def test_a_decision_is_proposed_by_one_and_made_by_another(issued):
    ref = issued.dispute(issued.claim(claimed=45_000_00))
    with pytest.raises(Invalid):
        issued.propose(ref, 60_000_00)
    issued.propose(ref, 47_000_00)
    with pytest.raises(Refused) as refusal:
        issued.decide(ref, 47_000_00, by=MAKER)
    assert refusal.value.code == "is_not_the_maker"
    with pytest.raises(Refused, match="Another amount"):
        issued.decide(ref, 46_000_00)
    done = issued.decide(ref, 47_000_00)
    assert (done.granted_minor, done.decided_by, done.decision_reason) == (
        47_000_00,
        CHECKER.email,
        "As the slab says.",
    )
    adjustment = issued.bank.scalars(select(ManualAdjustment)).one()
    assert (adjustment.amount_minor, adjustment.about_ref, adjustment.status) == (-3_000_00, ref, "accepted")
    assert (adjustment.proposed_by, adjustment.decided_by) == (MAKER.email, CHECKER.email)
    with pytest.raises(Refused):
        issued.decide(ref, 47_000_00, by=SECOND_CHECKER)


def test_the_money_of_a_decision_lands_in_the_next_statement_once(lived):
    issued = lived
    ref = issued.dispute(issued.claim(claimed=45_000_00))
    issued.propose(ref, 47_000_00)
    issued.decide(ref, 47_000_00)
    november = next_draft(issued)
    found = kinds(issued, november)
    assert [(kind, amount) for kind, amount, _ in found if kind != "withholding"] == [
        ("adjustment", -3_000_00),
        ("dispute_release", 5_000_00),
    ]
    assert "47,000.00 instead of" in found[0][2] and ref in found[1][2]
    again = next_draft(issued)
    assert (again.id, kinds(issued, again)) == (november.id, found), "drafting again changes nothing"
    outcome = outcome_of(issued.bank, load_dispute(issued.bank, ref))
    assert (outcome.released_in, outcome.adjustment_minor) == ("S2611-SHAKTI", -3_000_00)
    assert [line.settlement_ref for line in outcome.lines] == ["S2611-SHAKTI"]


def test_a_receipt_that_earned_nothing_is_disputed_and_granted(issued):
    receipt = an_unpaid_receipt(issued)
    ref = issued.dispute(issued.claim(None, 600_00, collection_id=receipt, reason="not_counted"))
    found = dispute_row(issued.agency, ref)
    assert (found.dispute.line_minor, found.dispute.held_minor, found.receipt_no[:6]) == (0, 0, "R-2610")
    issued.propose(ref, 600_00)
    with unit_of_work(issued.bank):  # meanwhile it has earned by itself
        line = an_accrual(issued.bank, issued.month, issued.shakti(), 600_00)
        make_transient(line)
        line.id, line.ref, line.collection_id = None, f"{line.ref}-R", receipt
        issued.bank.add(line)
    with pytest.raises(Refused) as refusal:
        issued.decide(ref, 600_00)
    assert refusal.value.code == "earned_since"
    with unit_of_work(issued.bank):
        a_run(issued.bank)  # and then it has not, by a newer run
    made = issued.decide(ref, 600_00)
    assert issued.bank.scalars(select(ManualAdjustment)).one().ref == made.adjustment_ref


def test_a_proposal_is_sent_back_with_a_reason(issued):
    ref = issued.dispute()
    issued.propose(ref, 55_000_00)
    with unit_of_work(issued.bank):
        send_back(issued.bank, load_dispute(issued.bank, ref), "Look at the slab.", actor=CHECKER, now=issued.now)
    found = load_dispute(issued.bank, ref)
    assert (found.status, found.proposed_minor) == ("open", None)
    assert found.proposal_reason == "Sent back by checker@bank.example: Look at the slab."
    issued.propose(ref, 60_000_00)
    assert issued.decide(ref, 60_000_00).granted_minor == 60_000_00


def test_both_sides_write_until_it_is_decided(issued):
    ref = issued.dispute()
    with unit_of_work(issued.bank):
        found = load_dispute(issued.bank, ref)
        answer_agency(issued.bank, found, "Which slip?", file=NO_FILE, actor=MAKER, now=issued.now)
    with unit_of_work(issued.agency):
        mine = load_own(issued.agency, ref)
        write(issued.agency, mine, "SB-4471.", side="agency", actor=issued.owner, now=issued.now)
    with pytest.raises(DBAPIError, match="row-level security"), unit_of_work(issued.agency):
        write(issued.agency, load_own(issued.agency, ref), "Agreed.", side="bank", actor=issued.owner, now=issued.now)
    said = [(each.side, each.body) for each in messages_of(issued.bank, load_dispute(issued.bank, ref).id)]
    assert said == [("agency", "Six per cent was agreed."), ("bank", "Which slip?"), ("agency", "SB-4471.")]
    issued.propose(ref, 60_000_00)
    issued.decide(ref, 60_000_00)
    with pytest.raises(Refused, match="is decided"), unit_of_work(issued.agency):
        write(issued.agency, load_own(issued.agency, ref), "Thanks", side="agency", actor=issued.owner, now=issued.now)
    letters = [(each.to_address, each.subject) for each in notices_about(issued.bank, ref)]
    assert letters == [
        ("owner@shakti.example", f"Dispute {ref} is decided: it comes to ₹60,000.00"),
        ("owner@shakti.example", f"Dispute {ref} has an answer from the bank"),
    ]


def test_an_agency_sees_no_proposal_before_the_decision_and_nothing_of_another(issued, agency_session):
    ref = issued.dispute()
    issued.propose(ref, 51_000_00)
    for column in ("proposed_minor", "proposal_reason", "proposed_by", "decided_by"):
        with pytest.raises(DBAPIError, match="denied"), issued.agency.begin_nested():
            issued.agency.execute(text(f"select {column} from disputes"))
    row = dispute_row(issued.agency, ref)
    assert (row.dispute.status, row.dispute.granted_minor) == ("proposed", None)
    rival = agency_session(issued.settlement(VEGA).agency_id)
    assert list_disputes(rival, tab="all") == [] and messages_of(rival, row.dispute.id) == []
    with pytest.raises(NotFound):
        dispute_row(rival, ref)
    with pytest.raises(NotFound):
        withdraw_dispute(rival, ref, actor=issued.owner, now=issued.now)


def test_an_agency_writes_nothing_into_the_books_and_asks_for_its_own_money_once(issued):
    ref = issued.dispute(issued.claim(claimed=45_000_00))
    line = "insert into journal_lines (entry_id, account, agency_id, debit_minor, currency)"
    line += " select id, 'disputed', (select id from agencies), 1, 'INR' from journal_entries"
    entry = "insert into journal_entries (ref, posted_on, kind, subject_ref, posted_by, posted_at)"
    entry += f" values ('J-{ref}-W', '2026-11-10', 'dispute', '{ref}', 'x', now())"
    post = (
        "select portal_post_disputed(d, 'J-X', 'disputed', 'bank', 'x', 'x', now()) from (select null::disputes as d) x"
    )
    for act, why in (
        (line, "permission denied"),
        (entry, "permission denied"),
        (post, "permission denied"),
        ("update settlements set disputed_minor = 0", "permission denied"),
        ("update disputes set freed_at = now()", "permission denied"),
        (f"select portal_keep_disputed('{ref}', 'x', now())", "another amount|uq_journal_entries_ref"),
        (f"select portal_free_disputed('{ref}', 'x', now())", "nothing to give back"),
        ("select portal_keep_disputed('D-VEGA-1', 'x', now())", "no such dispute"),
    ):
        with pytest.raises(DBAPIError, match=why), issued.agency.begin_nested():
            issued.agency.execute(text(act))
    assert {row.account for row in issued.agency.execute(text("select account from journal_lines"))} == {
        "payable_to_agency",
        "disputed",
    }


def test_every_step_is_in_the_audit_log(issued):
    ref = issued.dispute()
    issued.propose(ref, 60_000_00)
    issued.decide(ref, 60_000_00)
    bodies = issued.bank.scalars(select(AuditEvent.body).where(AuditEvent.subject_ref == ref).order_by(AuditEvent.id))
    assert [body.split('"action":"')[1].split('"')[0] for body in bodies] == ["open", "propose", "decide"]
    assert [(each.count, each.late) for each in standing(issued.bank, TODAY)] == []


def test_the_worklist_stands_by_the_day_an_answer_is_due(issued):
    first = issued.dispute()
    second = issued.dispute(issued.claim(position=2, claimed=10_000_00))
    rows = list_disputes(issued.bank)
    assert [row.dispute.ref for row in rows] == [first, second]
    (sums,) = standing(issued.bank, TODAY + timedelta(days=22))
    assert (sums.count, sums.late, sums.at_stake_minor, sums.held_minor) == (2, 2, 30_000_00, 20_000_00)
    assert list_disputes(issued.bank, tab="decided") == []
    assert issued.bank.scalar(select(func.count()).select_from(Dispute)) == 2


def test_a_proposal_after_a_withdrawal_is_refused(issued):
    ref = issued.dispute()
    with unit_of_work(issued.agency):
        withdraw_dispute(issued.agency, ref, actor=issued.owner, now=issued.now)
    with pytest.raises(Refused, match="is withdrawn"):
        propose_decision(
            issued.bank, load_dispute(issued.bank, ref), 55_000_00, "As it is.", actor=MAKER, now=issued.now
        )
