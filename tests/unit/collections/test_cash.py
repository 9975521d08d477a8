"""Rules about cash without a database, on both sides of each limit and date."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocations.collections.receipts.cash import (
    CashRow,
    Dated,
    Held,
    beyond_day_limit,
    beyond_hand_limit,
    in_hand,
    is_late,
    is_over_hand_limit,
    lag_days,
    reaches_day_limit,
)

LIMIT = 20_000_000
DAY = date(2026, 11, 10)


@pytest.mark.parametrize(
    ("before", "amount", "too_much"),
    [(0, LIMIT - 1, False), (0, LIMIT, True), (LIMIT - 1, 1, True), (LIMIT - 2, 1, False), (LIMIT, 1, True)],
)
def test_at_the_limit_of_a_day_is_too_much(before: int, amount: int, too_much: bool) -> None:
    assert reaches_day_limit(before, amount, LIMIT) is too_much
    assert not reaches_day_limit(before, amount, None)


@pytest.mark.parametrize(("held", "blocked"), [(0, False), (LIMIT, False), (LIMIT + 1, True)])
def test_above_the_limit_in_hand_the_next_receipt_waits(held: int, blocked: bool) -> None:
    assert is_over_hand_limit(held, LIMIT) is blocked


def test_the_newest_row_that_holds_decides_and_an_ended_one_does_not() -> None:
    law = date(2017, 4, 1)
    dated = Dated(((law, None, 1), (date(2026, 1, 1), date(2026, 6, 30), 2)))
    days = [law - timedelta(days=1), law, date(2025, 12, 31), date(2026, 1, 1), date(2026, 6, 30), date(2026, 7, 1)]
    assert [dated.on(day) for day in days] == [None, 1, 1, 2, 2, 1]


def test_a_refused_row_makes_room_for_a_smaller_one() -> None:
    rows = [CashRow(n, "LN1", amount, LIMIT) for n, amount in enumerate([15_000_000, 6_000_000, 4_000_000, 1_000_000])]
    assert [(each.pos, each.before_minor) for each in beyond_day_limit(rows, {})] == [(1, 15_000_000), (3, 19_000_000)]


rows = st.lists(
    st.builds(lambda who, amount: (who, amount), st.sampled_from("ABC"), st.integers(1, LIMIT + 5)), max_size=25
)


@given(rows, st.dictionaries(st.sampled_from("ABC"), st.integers(0, LIMIT)))
def test_what_is_taken_never_reaches_the_limit(taken: list[tuple[str, int]], stored: dict[str, int]) -> None:
    made = [CashRow(n, who, amount, LIMIT) for n, (who, amount) in enumerate(taken)]
    refused = {each.pos for each in beyond_day_limit(made, stored)}
    for who in "ABC":
        kept = sum(row.amount_minor for row in made if row.who == who and row.pos not in refused)
        assert kept == 0 or stored.get(who, 0) + kept < LIMIT


@given(rows, st.dictionaries(st.sampled_from("ABC"), st.integers(0, LIMIT * 2)))
def test_nothing_is_taken_by_somebody_over_the_limit(taken: list[tuple[str, int]], held: dict[str, int]) -> None:
    made = [CashRow(n, who, amount, LIMIT) for n, (who, amount) in enumerate(taken)]
    refused = {each.pos for each in beyond_hand_limit(made, held)}
    carried = dict(held)
    for row in made:
        assert (row.pos in refused) == (carried.get(row.who, 0) > LIMIT)
        if row.pos not in refused:
            carried[row.who] = carried.get(row.who, 0) + row.amount_minor


@pytest.mark.parametrize(("deposited", "late"), [(DAY, False), (DAY + timedelta(1), False), (DAY + timedelta(2), True)])
def test_cash_is_late_after_its_day(deposited: date, late: bool) -> None:
    assert is_late(DAY, deposited, today=deposited, within_days=1) is late
    assert is_late(DAY, None, today=deposited, within_days=1) is late
    assert lag_days(DAY, deposited) == (deposited - DAY).days


def test_what_each_agent_carries() -> None:
    held = [Held("A1", DAY - timedelta(days=3), 500), Held("A1", DAY, 700), Held("A2", DAY - timedelta(days=1), 2_000)]
    within, limit = Dated(((date(2000, 1, 1), None, 1),)), Dated(((date(2000, 1, 1), None, 1_200),))
    first, second = in_hand(held, today=DAY, within=within, limit=limit)
    assert (first.agent_code, first.amount_minor, first.late_count, first.is_blocked) == ("A2", 2_000, 0, True)
    assert (second.count, second.since, second.late_minor, second.is_blocked) == (
        2,
        DAY - timedelta(days=3),
        500,
        False,
    )
