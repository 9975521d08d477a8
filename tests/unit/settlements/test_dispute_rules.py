"""What a dispute does to money, and what is wrong with one: pure rules."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payouts.settlements.dispute_models import DISPUTE_MOVES
from payouts.settlements.dispute_rules import (
    agreed_minor,
    bounds_of,
    claim_problems,
    decision_problems,
    held_minor,
)
from portal.kernel.proposals import statuses_of

MINOR = st.integers(-10_000_00, 10_000_00)


@pytest.mark.parametrize(
    ("line", "claim", "payable", "agreed", "held"),
    [
        (100_00, 150_00, 1_000_00, 100_00, 0),  # the agency wants more: all of the line is paid
        (100_00, 80_00, 1_000_00, 80_00, 20_00),  # it says the line is too high: what is above is kept
        (100_00, 0, 60_00, 0, 60_00),  # never more than there is to pay
        (100_00, 0, 0, 0, 0),  # paid already: nothing is left to keep
        (-50_00, 0, 1_000_00, -50_00, 0),  # a penalty contested stays taken until it is decided
        (-50_00, -80_00, 1_000_00, -80_00, 30_00),
    ],
)
def test_what_both_agree_on_is_paid_and_the_rest_of_the_line_is_kept(line, claim, payable, agreed, held):
    assert (agreed_minor(line, claim), held_minor(line, claim, payable)) == (agreed, held)


@given(line=MINOR, claim=MINOR, payable=st.integers(0, 20_000_00))
def test_paid_and_kept_are_always_what_there_was_to_pay(line, claim, payable):
    held = held_minor(line, claim, payable)
    assert 0 <= held <= payable
    assert held == 0 or held <= line - claim
    assert (payable - held) + held == payable


@given(line=MINOR, claim=MINOR, share=st.integers(0, 100), payable=st.integers(0, 20_000_00))
def test_after_a_decision_the_line_came_to_what_was_granted(line, claim, share, payable):
    least, most = bounds_of(line, claim)
    granted = least + (most - least) * share // 100
    held = held_minor(line, claim, payable)
    now, released, adjusted = line - held, held, granted - line
    assert now + released + adjusted == granted


def test_every_problem_of_a_claim_is_named_at_once():
    found = [each.code for each in claim_problems("no such", " ", 100, 100, "INR")]
    assert found == ["bad_reason", "comment_needed", "nothing_claimed"]
    assert [each.code for each in claim_problems("other", "It is wrong.", 100, None, "INR")] == ["bad_amount"]


def test_a_decision_lies_between_the_two_sides_and_has_a_reason():
    assert [each.code for each in decision_problems(160, "", 100, 150, "INR")] == ["out_of_bounds", "reason_needed"]
    assert not list(decision_problems(150, "As the slip shows.", 100, 150, "INR"))
    assert [each.column for each in decision_problems(None, "As the slip shows.", 100, 150, "INR")] == ["granted"]


def test_a_disputes_life_is_this_table_and_no_more():
    allowed = {
        (status, action): DISPUTE_MOVES.get((status, action))
        for status, action in itertools.product(statuses_of(DISPUTE_MOVES), ("propose", "decide", "return", "withdraw"))
    }
    assert {key for key, to in allowed.items() if to} == {
        ("open", "propose"),
        ("proposed", "decide"),
        ("proposed", "return"),
        ("open", "withdraw"),
        ("proposed", "withdraw"),
    }
