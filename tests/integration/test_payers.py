"""What a link teaches about its payer: offered, proposed, approved by another person, retired; never believed silently."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from allocations.reconciliation.bench.by_hand import link_by_hand
from allocations.reconciliation.bench.payers import (
    decide_payer,
    list_payers,
    offered_payer,
    propose_payer,
    retire_payer,
    withdraw_payer,
)
from allocations.reconciliation.bench_models import PayerRule
from allocations.reconciliation.models import MatchLink, ReconQueued
from portal.kernel.audit import Actor, AuditEvent
from portal.kernel.errors import Forbidden, Invalid, Refused, Stale

MAKER = Actor(7, "maker@bank.example", "bank_operator")
CHECKER = Actor(8, "checker@bank.example", "bank_approver")


def paid(book, session, now, number, account, payer="ravi@okbank"):
    """A link by hand of a credit that names its payer."""
    taken = book.receipt(f"R{number}", 900_00, "2026-10-05", account)
    seen = book.line(900_00, "2026-10-06", f"UPI/4123456789{number:02}/{payer}")
    act = link_by_hand(session, taken.id, seen.id, 900_00, reason="He called", actor=MAKER, now=now)
    return session.get_one(MatchLink, act.link_id)


def test_a_link_of_a_credit_that_names_its_payer_offers_a_rule(book, bank_session, now):
    offer = offered_payer(bank_session, paid(book, bank_session, now, 1, "LN0001"))
    assert (offer.payer, offer.loan_account_no, offer.times, offer.others) == ("ravi@okbank", "LN0001", 1, [])


def test_a_credit_without_a_payer_offers_nothing(book, bank_session, now):
    taken, seen = book.receipt("R1", 900_00, "2026-10-05", "LN0001"), book.line(900_00, "2026-10-06", "BY TRANSFER")
    act = link_by_hand(bank_session, taken.id, seen.id, 900_00, reason="why", actor=MAKER, now=now)
    link = bank_session.get_one(MatchLink, act.link_id)
    assert offered_payer(bank_session, link) is None
    with pytest.raises(Refused):
        propose_payer(bank_session, link.id, reason="", actor=MAKER, now=now)


def test_a_rule_is_believed_once_another_person_says_so(book, bank_session, now):
    link = paid(book, bank_session, now, 1, "LN0001")
    rule = propose_payer(bank_session, link.id, reason="", actor=MAKER, now=now)
    assert rule.status == "proposed" and offered_payer(bank_session, link) is None
    with pytest.raises(Forbidden):
        decide_payer(bank_session, rule.id, approve=True, actor=MAKER, now=now)
    decide_payer(bank_session, rule.id, approve=True, actor=CHECKER, now=now)
    assert (rule.status, rule.decided_by) == ("approved", CHECKER.email)
    asked = select(ReconQueued.row_id).where(ReconQueued.kind == "account")
    assert rule.loan_account_id in set(bank_session.scalars(asked)), "the next run looks at it again"
    with pytest.raises(Stale):
        decide_payer(bank_session, rule.id, approve=True, actor=CHECKER, now=now)


def test_a_payer_of_several_accounts_is_told_and_asks_a_reason(book, bank_session, now):
    paid(book, bank_session, now, 1, "LN0001")
    link = paid(book, bank_session, now, 2, "LN0002")
    offer = offered_payer(bank_session, link)
    assert [(each.loan_account_no, each.times) for each in offer.others] == [("LN0001", 1)]
    with pytest.raises(Invalid, match="other accounts"):
        propose_payer(bank_session, link.id, reason=" ", actor=MAKER, now=now)
    propose_payer(bank_session, link.id, reason="His wife's loan", actor=MAKER, now=now)
    row = list_payers(bank_session)[0]
    assert (row.loan_account_no, row.times, [each.loan_account_no for each in row.others]) == ("LN0002", 1, ["LN0001"])


def test_a_rule_is_withdrawn_by_whoever_proposed_it_and_offered_again(book, bank_session, now):
    link = paid(book, bank_session, now, 1, "LN0001")
    rule = propose_payer(bank_session, link.id, reason="", actor=MAKER, now=now)
    with pytest.raises(Forbidden):
        withdraw_payer(bank_session, rule.id, actor=CHECKER, now=now)
    withdraw_payer(bank_session, rule.id, actor=MAKER, now=now)
    assert rule.status == "withdrawn" and offered_payer(bank_session, link) is not None
    with pytest.raises(Stale):
        decide_payer(bank_session, rule.id, approve=True, actor=CHECKER, now=now)
    with pytest.raises(Stale):
        withdraw_payer(bank_session, rule.id, actor=MAKER, now=now)


def test_a_refused_rule_is_not_offered_again(book, bank_session, now):
    link = paid(book, bank_session, now, 1, "LN0001")
    rule = propose_payer(bank_session, link.id, reason="", actor=MAKER, now=now)
    with pytest.raises(Invalid):
        decide_payer(bank_session, rule.id, approve=False, reason="", actor=CHECKER, now=now)
    decide_payer(bank_session, rule.id, approve=False, reason="A shop's handle", actor=CHECKER, now=now)
    assert offered_payer(bank_session, link) is None


def test_a_retired_rule_is_believed_no_longer_and_may_be_learned_anew(book, bank_session, now):
    link = paid(book, bank_session, now, 1, "LN0001")
    rule = propose_payer(bank_session, link.id, reason="", actor=MAKER, now=now)
    decide_payer(bank_session, rule.id, approve=True, actor=CHECKER, now=now)
    with pytest.raises(Invalid):
        retire_payer(bank_session, rule.id, reason="", actor=MAKER, now=now)
    retire_payer(bank_session, rule.id, reason="He sold the number", actor=MAKER, now=now)
    assert bank_session.get_one(PayerRule, rule.id).status == "retired"
    assert offered_payer(bank_session, link) is not None
    bank_session.commit()
    tags = bank_session.scalars(select(AuditEvent.tag).where(AuditEvent.tag == "payer_rule:moved")).all()
    assert len(tags) == 3
