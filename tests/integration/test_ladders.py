"""The rules of matching as data: proposed with all faults at once, tried, approved by another person, climbed by runs."""

from __future__ import annotations

import copy

import pytest
from sqlalchemy import select

from allocations.reconciliation.bench.ladders import decide_ladder, ladder_on, propose_ladder, try_ladder
from allocations.reconciliation.bench_models import MatchLadder
from allocations.reconciliation.matching.ladder import default_body, default_ladder, ladder_body
from portal.kernel.audit import Actor, AuditEvent
from portal.kernel.errors import Forbidden, Invalid, Refused, Stale
from tests.factories.recon import ReconBook

MAKER = Actor(7, "maker@bank.example", "bank_operator")
CHECKER = Actor(8, "checker@bank.example", "bank_approver")


def body(**fields):
    """The default ladder with its first rule changed and raised by a version."""
    found = copy.deepcopy(default_body())
    found["rules"][0] |= {"version": found["rules"][0]["version"] + 1} | fields
    return found


def proposed(session, now, **fields):
    return propose_ladder(session, body(**fields), reason="Fewer days", actor=MAKER, now=now)


def test_without_a_version_of_ones_own_the_default_is_climbed(bank_session):
    assert ladder_on(bank_session) == default_ladder()


def test_a_version_is_climbed_once_another_person_approves_it(bank_session, now):
    row = proposed(bank_session, now, window=[-1, 4])
    assert (row.version, row.status) == (1, "draft") and ladder_on(bank_session).version == 0
    with pytest.raises(Forbidden):
        decide_ladder(bank_session, 1, approve=True, actor=MAKER, now=now)
    decide_ladder(bank_session, 1, approve=True, actor=CHECKER, now=now, expected_sha256=row.sha256)
    in_force = ladder_on(bank_session)
    assert (in_force.version, in_force.rungs[0].window) == (1, (-1, 4))
    bank_session.commit()
    bodies = bank_session.scalars(select(AuditEvent.body).where(AuditEvent.tag == "ladder:moved")).all()
    assert len(bodies) == 2 and all(row.sha256 in each for each in bodies)


def test_every_fault_comes_at_once_and_nothing_is_stored(bank_session, now):
    wrong = body(window=[5, 1], score=101)
    wrong["rules"][1]["key"] = "amount"
    with pytest.raises(Invalid) as faults:
        propose_ladder(bank_session, wrong, reason=" ", actor=MAKER, now=now)
    assert {"reason", "window", "key"} <= {each.column for each in faults.value.problems}
    assert bank_session.scalars(select(MatchLadder)).all() == []


def test_a_rule_that_means_something_else_is_called_by_a_new_version(bank_session, now):
    same_version = body(window=[-1, 4])
    same_version["rules"][0]["version"] -= 1
    with pytest.raises(Invalid, match="version_not_raised"):
        propose_ladder(bank_session, same_version, reason="Fewer days", actor=MAKER, now=now)


def test_the_rules_in_force_are_not_proposed_again(bank_session, now):
    with pytest.raises(Refused):
        propose_ladder(bank_session, ladder_body(default_ladder()), reason="none", actor=MAKER, now=now)


def test_a_draft_is_decided_once_as_it_was_shown_and_only_on_top_of_what_is_in_force(bank_session, now):
    proposed(bank_session, now, window=[-1, 4])
    proposed(bank_session, now, window=[-1, 5])
    with pytest.raises(Stale):
        decide_ladder(bank_session, 2, approve=True, actor=CHECKER, now=now, expected_sha256="another")
    decide_ladder(bank_session, 2, approve=True, actor=CHECKER, now=now)
    with pytest.raises(Stale):
        decide_ladder(bank_session, 2, approve=False, reason="late", actor=CHECKER, now=now)
    with pytest.raises(Stale, match="in force by now"):
        decide_ladder(bank_session, 1, approve=True, actor=CHECKER, now=now)
    with pytest.raises(Invalid):
        decide_ladder(bank_session, 1, approve=False, reason="", actor=CHECKER, now=now)
    assert decide_ladder(bank_session, 1, approve=False, reason="late", actor=CHECKER, now=now).status == "rejected"


def test_a_try_tells_what_a_version_would_do_and_writes_nothing(bank_session, now):
    ReconBook(bank_session).golden()
    draft = default_ladder()
    without_slips = [rung for rung in draft.rungs if rung.key != "slip_key"]
    told = try_ladder(bank_session, type(draft)(tuple(without_slips)), through=now.date())
    assert [(each.rule, each.outcome, each.before_minor, each.after_minor) for each in told] == [
        ("slip_total", "confirmed", 20_000_00, 0)
    ]
    assert not bank_session.new and not bank_session.dirty
