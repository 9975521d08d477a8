"""Legal steps judged with literals: both sides of every boundary, month ends, a leap day, and the whole matrix of a case's life."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocations.agencies.setting_shapes import SHAPES
from allocations.casework.legal.catalogue import KINDS, SHARED
from allocations.casework.legal.days import days_after, months_after
from allocations.casework.legal.judging import (
    BLOCKED,
    DEAD,
    DONE,
    LATER,
    MISSING,
    TO_DO,
    TOO_EARLY,
    Account,
    Given,
    Item,
    Readiness,
    judged,
)
from allocations.casework.legal.lifecycle import ACTIONS, ENDED, MOVES, OPEN, after
from portal.kernel.errors import Refused

TODAY = date(2026, 11, 10)
LAKH = 10_000_000
ACCOUNT = Account("INR", as_of=date(2026, 11, 1), is_npa=True, secured=True, total_minor=5 * LAKH, overdue_minor=LAKH)


def stand(
    kind: str, facts: dict[str, Any], *, today: date = TODAY, account: Account = ACCOUNT, **changes: Any
) -> Readiness:
    """The kind judged with the shipped numbers; every fact has its paper unless `proved` says otherwise."""
    found = KINDS[kind]
    numbers = {**SHAPES[found.setting].example, **{name: SHAPES[code].example for name, code in SHARED.items()}}
    numbers |= changes.pop("numbers", {})
    proved = frozenset(changes.pop("proved", facts))
    return judged(found, Given(today, account, facts, numbers, proved, **changes))


def item(found: Readiness, code: str) -> Item:
    return next(each for each in found.items if each.code == code)


# --- counting days


def test_months_end_on_the_same_day_or_the_months_last():
    assert months_after(date(2026, 1, 31), 1) == date(2026, 2, 28)
    assert months_after(date(2028, 1, 31), 1) == date(2028, 2, 29)
    assert months_after(date(2026, 11, 30), 3) == date(2027, 2, 28)
    assert months_after(date(2024, 2, 29), 36) == date(2027, 2, 28)
    assert months_after(date(2026, 12, 15), 1) == date(2027, 1, 15)
    assert days_after(date(2028, 2, 14), 15) == date(2028, 2, 29)


# --- a returned cheque


RETURNED: dict[str, Any] = {
    "is_mandate": False,
    "instrument_on": date(2026, 8, 10),
    "instrument_minor": 1_500_000,
    "presented_on": date(2026, 10, 1),
    "memo_on": date(2026, 10, 3),
    "for_want_of_funds": True,
}
NOTICED = RETURNED | {"notice_sent_on": date(2026, 10, 20), "notice_served_on": date(2026, 10, 23)}


@pytest.mark.parametrize(
    ("kind", "facts", "code", "first_wrong"),
    [
        # three months from 31 August end on 30 November, whatever the number of days
        ("s138", {"is_mandate": False, "instrument_on": date(2026, 8, 31)}, "presented_on", date(2026, 12, 1)),
        ("s138", {"is_mandate": False, "instrument_on": date(2027, 11, 29)}, "presented_on", date(2028, 3, 1)),
        ("s138", RETURNED | {"memo_on": date(2028, 1, 31)}, "notice_sent_on", date(2028, 3, 2)),  # over a leap day
        ("s138", RETURNED | {"memo_on": date(2026, 10, 3)}, "notice_sent_on", date(2026, 11, 3)),
        ("sarfaesi", {"last_acknowledged_on": date(2024, 2, 29)}, "notice_sent_on", date(2027, 3, 1)),
        ("arbitration", {"last_acknowledged_on": date(2023, 11, 9)}, "notice_sent_on", date(2026, 11, 10)),
    ],
)
def test_the_last_day_counts_and_the_day_after_is_too_late(kind, facts, code, first_wrong):
    last = first_wrong - timedelta(days=1)
    for today, entered, state in (
        (last, None, TO_DO),
        (first_wrong, None, DEAD),
        (first_wrong, last, DONE),
        (first_wrong, first_wrong, DEAD),
    ):
        with_day = {key: value for key, value in facts.items() if key != code} | ({code: entered} if entered else {})
        found = item(stand(kind, with_day, today=today), code)
        assert (found.state, found.due_on) == (state, last), (today, entered)


def test_the_complaint_opens_the_day_after_the_time_to_pay_and_shuts_thirty_days_later():
    served = NOTICED["notice_served_on"]
    for days, state in ((15, TOO_EARLY), (16, TO_DO), (45, TO_DO), (46, DEAD)):
        found = stand("s138", NOTICED, today=served + timedelta(days=days))
        assert item(found, "file").state == state, days
    assert not stand("s138", NOTICED, today=date(2026, 11, 7)).is_ready
    ready = stand("s138", NOTICED, today=date(2026, 11, 8))
    assert ready.is_ready and ready.state == "ready" and ready.days_left == 29
    assert ready.next and ready.next.due_on == date(2026, 12, 7) == ready.due_on
    dead = stand("s138", NOTICED, today=date(2026, 12, 8))
    assert dead.state == DEAD and dead.dead and "7 December 2026" in dead.dead.says and not dead.is_ready


def test_money_paid_in_time_ends_it_and_a_day_later_does_not():
    served = NOTICED["notice_served_on"]
    for days, dead in ((15, True), (16, False)):
        found = stand("s138", NOTICED | {"paid_on": served + timedelta(days=days)}, today=date(2026, 11, 10))
        assert (found.state == DEAD) == dead, days


def test_a_mandate_has_no_three_months_but_the_same_other_clocks():
    old = RETURNED | {"is_mandate": True, "instrument_on": date(2026, 1, 5)}
    assert item(stand("s138", old), "presented_on").state == DONE
    assert item(stand("s138", old | {"is_mandate": False}), "presented_on").state == DEAD
    assert item(stand("s138", old), "notice_sent_on").state == DEAD


def test_a_missing_fact_a_missing_paper_and_an_odd_order_each_say_so():
    bare = stand("s138", {})
    assert {each.code for each in bare.blocked} >= {"memo_on", "is_mandate", "for_want_of_funds"}
    assert item(bare, "notice_sent_on").state == LATER and bare.state == BLOCKED and bare.days_left is None
    unproved = stand("s138", NOTICED, proved=set(NOTICED) - {"memo_on"}, today=date(2026, 11, 8))
    assert item(unproved, "memo_on").state == MISSING and "paper" in item(unproved, "memo_on").says
    assert not unproved.is_ready
    swapped = stand("s138", NOTICED | {"notice_served_on": date(2026, 10, 19)}, today=date(2026, 11, 8))
    assert item(swapped, "notice_served_on").state == BLOCKED
    other = stand("s138", NOTICED | {"for_want_of_funds": False}, today=date(2026, 11, 8))
    assert item(other, "for_want_of_funds").state == BLOCKED and other.state == BLOCKED


# --- gates of the account


SECURED: dict[str, Any] = {
    "security_on": date(2022, 5, 1),
    "agricultural": False,
    "loan_and_interest_minor": 20 * LAKH,
    "last_acknowledged_on": date(2025, 6, 30),
}


@pytest.mark.parametrize(
    ("kind", "code", "passes", "fails"),
    [
        ("sarfaesi", "dues", {"total_minor": LAKH + 1}, {"total_minor": LAKH}),
        ("sarfaesi", "npa", {}, {"is_npa": False}),
        ("sarfaesi", "npa", {}, {"is_npa": None}),
        ("sarfaesi", "secured", {}, {"secured": False}),
        ("sarfaesi", "loan_and_interest_minor", {"total_minor": 4 * LAKH}, {"total_minor": 4 * LAKH - 1}),
        ("lok_adalat", "dues", {"total_minor": 20 * LAKH}, {"total_minor": 20 * LAKH + 1}),
        ("civil_suit", "dues", {"total_minor": 20 * LAKH - 1}, {"total_minor": 20 * LAKH}),
        ("drt", "dues", {"total_minor": 20 * LAKH}, {"total_minor": 20 * LAKH - 1}),
        ("s138", "overdue", {"overdue_minor": 1}, {"overdue_minor": 0}),
        ("s138", "balance", {"as_of": date(2026, 10, 10)}, {"as_of": date(2026, 10, 9)}),
        ("drt", "no_stay", {}, {"stays": ("insolvency",)}),
    ],
)
def test_a_gate_stands_open_on_one_side_of_its_limit_and_shut_on_the_other(kind, code, passes, fails):
    for changes, state in ((passes, DONE), (fails, BLOCKED)):
        found = item(stand(kind, SECURED, account=replace(ACCOUNT, **changes)), code)
        assert found.state == state, (changes, found.says)
        assert found.state == DONE or found.cure


@pytest.mark.parametrize(
    ("code", "exactly", "owed", "says"),
    [
        ("dues", "exactly_over", LAKH, "not more than"),
        ("loan_and_interest_minor", "exactly_share", 4 * LAKH, "not more than 20 %"),
    ],
)
def test_whether_exactly_the_limit_of_sarfaesi_is_enough_is_the_lender_s_setting(code, exactly, owed, says):
    account = replace(ACCOUNT, total_minor=owed)
    for is_enough, state in ((True, DONE), (False, BLOCKED)):
        assert not list(SHAPES["legal.sarfaesi"].check(SHAPES["legal.sarfaesi"].example | {exactly: is_enough}))
        found = item(stand("sarfaesi", SECURED, account=account, numbers={exactly: is_enough}), code)
        assert found.state == state and (is_enough or says in found.says)


def test_sarfaesi_waits_sixty_days_and_answers_in_fifteen():
    facts = SECURED | {"notice_sent_on": date(2026, 8, 28), "notice_served_on": date(2026, 9, 1)}
    for today, state in ((date(2026, 10, 31), TOO_EARLY), (date(2026, 11, 1), TO_DO)):
        assert item(stand("sarfaesi", facts, today=today), "file").state == state
    assert stand("sarfaesi", facts).is_ready
    objected = facts | {"objection_on": date(2026, 9, 20)}
    for answered, state in ((None, BLOCKED), (date(2026, 10, 5), DONE), (date(2026, 10, 6), BLOCKED)):
        entered = objected | ({"answered_on": answered} if answered else {})
        assert item(stand("sarfaesi", entered), "answered_on").state == state, answered
    assert stand("sarfaesi", objected | {"late_answer_cleared": True}).is_ready
    assert not stand("sarfaesi", objected | {"late_answer_cleared": True}, proved=set(objected)).is_ready
    assert stand("sarfaesi", facts | {"agricultural": True}).state == BLOCKED
    took = facts | {"possession_on": date(2026, 11, 2), "published_on": date(2026, 11, 9)}
    later = stand("sarfaesi", took, filed_on=date(2026, 11, 1))
    assert item(later, "published_on").state == DONE and item(later, "sold_on").state == LATER
    sold = took | {"sale_notice_on": date(2026, 11, 3), "sold_on": date(2026, 12, 3)}
    for day, state in ((date(2026, 12, 3), BLOCKED), (date(2026, 12, 4), DONE)):
        found = stand("sarfaesi", sold | {"sold_on": day}, filed_on=date(2026, 11, 1), today=date(2026, 12, 10))
        assert item(found, "sold_on").state == state


def test_the_lok_adalat_takes_a_later_sitting():
    facts = {"suit_filed": False, "sitting_on": date(2026, 11, 17)}
    assert item(stand("lok_adalat", facts), "notice_sent_on").state == TO_DO
    late = stand("lok_adalat", facts, today=date(2026, 11, 11))
    assert item(late, "notice_sent_on").state == BLOCKED and late.dead is None
    moved = stand("lok_adalat", facts | {"sitting_on": date(2026, 12, 12)}, today=date(2026, 11, 11))
    assert item(moved, "notice_sent_on").state == TO_DO


def test_arbitration_needs_a_clause_and_somebody_neutral():
    facts: dict[str, Any] = {
        "clause": True,
        "last_acknowledged_on": date(2025, 1, 31),
        "notice_sent_on": date(2026, 10, 5),
        "notice_served_on": date(2026, 10, 10),
    }
    for today, state in ((date(2026, 11, 9), TOO_EARLY), (date(2026, 11, 10), TO_DO)):
        assert item(stand("arbitration", facts, today=today), "file").state == state
    agreed = facts | {"agreed_on": date(2026, 10, 20), "neutral": False}
    assert item(stand("arbitration", agreed), "neutral").state == BLOCKED
    assert stand("arbitration", agreed | {"neutral": True}, today=date(2026, 10, 20)).is_ready
    assert stand("arbitration", facts | {"clause": False}).state == BLOCKED
    pleaded = facts | {"pleadings_on": date(2027, 2, 28)}
    award = item(stand("arbitration", pleaded, filed_on=date(2026, 11, 12), today=date(2027, 3, 1)), "award_on")
    assert award.due_on == date(2028, 2, 28) and award.after_filing


def test_a_suit_dies_with_its_limitation_and_a_demand_is_filed_nowhere():
    facts: dict[str, Any] = {
        "last_acknowledged_on": date(2023, 11, 10),
        "notice_sent_on": date(2026, 10, 1),
        "notice_served_on": date(2026, 10, 5),
    }
    assert stand("civil_suit", facts).is_ready and stand("civil_suit", facts).days_left == 0
    assert stand("civil_suit", facts, today=date(2026, 11, 11)).state == DEAD
    again = facts | {"last_acknowledged_on": date(2026, 1, 15)}
    assert stand("civil_suit", again, today=date(2026, 11, 11)).is_ready
    demand = stand("demand_notice", {"notice_sent_on": date(2026, 10, 1), "notice_served_on": date(2026, 10, 5)})
    assert demand.is_ready and all(each.code != "file" for each in demand.items)


@settings(max_examples=40, deadline=None)
@given(
    memo=st.dates(date(2015, 1, 1), date(2035, 1, 1)),
    after_memo=st.integers(0, 60),
    after_notice=st.integers(0, 60),
    waited=st.integers(0, 120),
)
def test_a_complaint_is_never_ready_outside_its_days(memo, after_memo, after_notice, waited):
    sent = memo + timedelta(days=after_memo)
    served = sent + timedelta(days=after_notice)
    today = served + timedelta(days=waited)
    facts = RETURNED | {"instrument_on": memo, "presented_on": memo, "memo_on": memo}
    facts |= {"notice_sent_on": sent, "notice_served_on": served}
    found = stand("s138", facts, today=today, account=replace(ACCOUNT, as_of=today))
    assert found.is_ready == (after_memo <= 30 and 16 <= waited <= 45)
    assert (found.state == DEAD) == (after_memo > 30 or waited > 45)


def test_every_kind_says_everything_of_an_unknown_account_and_names_each_item_once():
    for code, kind in KINDS.items():
        found = stand(code, {}, account=Account("INR"))
        codes = [each.code for each in found.items]
        assert len(codes) == len(set(codes)) and found.state == BLOCKED and not found.is_ready
        assert all(each.cure for each in found.blocked)
        assert {each.fact for each in found.items if each.fact} <= {each.code for each in kind.facts}


def test_the_life_of_a_case_is_the_whole_matrix():
    for status in (*OPEN, *ENDED):
        for action in ACTIONS:
            if (status, action) in MOVES:
                assert after(status, action) == MOVES[status, action]
            else:
                with pytest.raises(Refused):
                    after(status, action)
    assert {to for (status, _), to in MOVES.items() if status in OPEN} == {*OPEN, *ENDED}
    assert [status for (status, action), to in MOVES.items() if to == "filed"] == ["sent_to_counsel"]
