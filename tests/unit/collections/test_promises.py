"""Promises judged from confirmed money: every boundary, and that no rupee counts for two."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocations.collections.field.promises import Given, Terms, instalments, judge, replaced_by, terms_from

MADE, DUE = date(2026, 11, 2), date(2026, 11, 10)
TERMS = terms_from({"promise.kept_share": "0.95", "promise.grace_days": 1})
ONE = Given(1, 10_000, MADE, DUE, terms=TERMS)


def state(promise: Given = ONE, money: object = (), today: date = date(2026, 12, 1)) -> str:
    return judge([promise], money, today)[0].state  # type: ignore[arg-type]


@pytest.mark.parametrize("amount, found", [
    (10_000, "kept"), (9_500, "kept"), (9_499, "partly_kept"), (1, "partly_kept"), (20_000, "kept"),
])  # fmt: skip
def test_kept_from_its_share_of_the_amount(amount, found):
    assert state(money=[(DUE, amount)]) == found


@pytest.mark.parametrize("day, found", [
    (MADE - timedelta(days=1), "broken"), (MADE, "kept"), (DUE, "kept"), (DUE + timedelta(days=1), "kept"),
    (DUE + timedelta(days=2), "broken"),
])  # fmt: skip
def test_money_counts_from_the_day_it_was_made_through_the_grace(day, found):
    assert state(money=[(day, 10_000)]) == found


@pytest.mark.parametrize("today, found", [
    (DUE - timedelta(days=1), "coming"), (DUE, "due_today"), (DUE + timedelta(days=1), "in_grace"),
    (DUE + timedelta(days=2), "broken"),
])  # fmt: skip
def test_it_is_broken_only_when_the_grace_is_over(today, found):
    assert state(today=today) == found
    assert state(today=today, money=[(MADE, 10_000)]) == "kept"


def test_a_replaced_promise_is_neither_kept_nor_broken_unless_it_was_kept_by_then():
    replaced = replace(ONE, replaced_on=date(2026, 11, 8))
    assert state(replaced) == "replaced"
    assert state(replaced, [(date(2026, 11, 8), 10_000)]) == "kept"
    assert state(replaced, [(date(2026, 11, 9), 10_000)]) == "replaced"


def test_instalments_take_money_in_order_of_their_day():
    plan = [Given(n, 1_000, MADE, DUE + timedelta(days=7 * n), terms=TERMS) for n in range(3)]
    verdicts = judge(plan, [(DUE, 1_500), (DUE + timedelta(days=8), 400)], DUE + timedelta(days=60))
    assert [(v.confirmed_minor, v.state) for v in verdicts] == [(1_000, "kept"), (900, "partly_kept"), (0, "broken")]


def test_late_money_for_one_instalment_counts_for_the_next():
    plan = [Given(n, 1_000, MADE, DUE + timedelta(days=7 * n), terms=TERMS) for n in range(2)]
    verdicts = judge(plan, [(DUE + timedelta(days=3), 1_000)], DUE + timedelta(days=60))
    assert [v.state for v in verdicts] == ["broken", "kept"]


def test_a_newer_promise_replaces_what_is_open_and_leaves_what_is_over():
    older = [
        replace(ONE, id=1, due_on=date(2026, 11, 5)),  # over with its grace on the 6th
        replace(ONE, id=2, due_on=date(2026, 11, 6)),  # its grace is the 7th
        replace(ONE, id=3),
        replace(ONE, id=4, replaced_on=date(2026, 11, 4)),
        replace(ONE, id=5, made_on=date(2026, 11, 8)),
    ]
    assert replaced_by(older, date(2026, 11, 7)) == [2, 3]


def test_terms_without_settings_ask_for_all_of_it_on_the_day():
    assert terms_from({}) == Terms(Fraction(1), 0)


DAYS = st.dates(date(2026, 11, 1), date(2026, 12, 15))


@st.composite
def promises(draw: st.DrawFn) -> list[Given]:
    found = []
    for number in range(draw(st.integers(1, 6))):
        made = draw(DAYS)
        due = made + timedelta(days=draw(st.integers(0, 20)))
        ended = draw(st.none() | st.integers(0, 25))
        terms = Terms(Fraction(draw(st.integers(1, 100)), 100), draw(st.integers(0, 3)))
        replaced = made + timedelta(days=ended) if ended is not None else None
        found.append(Given(number, draw(st.integers(1, 5_000)), made, due, replaced, terms))
    return found


MONEY = st.lists(st.tuples(DAYS, st.integers(1, 4_000)), max_size=8)
TODAY = date(2027, 3, 1)


@given(promises(), MONEY)
def test_no_rupee_counts_for_two(given_promises, money):
    verdicts = judge(given_promises, money, TODAY)
    assert sum(v.confirmed_minor for v in verdicts) <= sum(amount for _, amount in money)
    assert all(0 <= v.confirmed_minor <= v.promise.amount_minor for v in verdicts)
    for first in sorted({p.made_on for p in given_promises}):  # nor money from before a promise was made
        later = [v for v in verdicts if v.promise.made_on >= first]
        assert sum(v.confirmed_minor for v in later) <= sum(amount for day, amount in money if day >= first)


@given(promises(), MONEY, st.tuples(DAYS, st.integers(1, 4_000)))
def test_more_money_never_takes_from_a_promise(given_promises, money, more):
    before = {v.promise.id: v.confirmed_minor for v in judge(given_promises, money, TODAY)}
    after = {v.promise.id: v.confirmed_minor for v in judge(given_promises, [*money, more], TODAY)}
    assert all(after[number] >= minor for number, minor in before.items())


@given(promises(), MONEY, st.randoms())
def test_the_order_of_the_input_changes_nothing(given_promises, money, random):
    expected = judge(given_promises, money, TODAY)
    random.shuffle(given_promises)
    random.shuffle(money)
    assert judge(given_promises, money, TODAY) == expected


@given(promises(), MONEY, DAYS, st.integers(0, 40))
def test_what_is_settled_stays_settled_as_days_go_by(given_promises, money, today, days):
    before = judge(given_promises, money, today)
    after = judge(given_promises, money, today + timedelta(days=days))
    for was, now in zip(before, after, strict=True):
        if was.state in ("kept", "broken", "partly_kept", "replaced"):
            assert now.state == was.state


@pytest.mark.parametrize(
    "every, days",
    [
        ("week", ["2027-01-31", "2027-02-07", "2027-02-14"]),
        ("fortnight", ["2027-01-31", "2027-02-14", "2027-02-28"]),
        ("month", ["2027-01-31", "2027-02-28", "2027-03-31"]),
    ],
)
def test_a_plan_keeps_its_rhythm(every, days):
    plan = instalments(500, date(2027, 1, 31), 3, every)
    assert [(amount, day.isoformat()) for amount, day in plan] == [(500, day) for day in days]


def test_a_plan_of_a_total_ends_with_what_remains():
    plan = instalments(500, date(2026, 12, 5), 3, "month", total_minor=1_250)
    assert [amount for amount, _ in plan] == [500, 500, 250] and plan[-1][1] == date(2027, 2, 5)
