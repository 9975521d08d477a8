"""The clock of small firms: 45 days and 15, ten days before and three, and interest to the paisa."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from payouts.tax.msme import Terms, accepted_on, alert, days_to_pay, interest, is_protected, owed, standing

TERMS = Terms()
DUE = date(2026, 11, 30)


def five_and_a_half(day):
    return Decimal("0.055")


@pytest.mark.parametrize(
    ("agreed", "written", "protected", "days"),
    [
        (30, True, True, 30),
        (45, True, True, 45),
        (46, True, True, 45),
        (90, True, True, 45),
        (30, False, True, 15),
        (10, False, True, 15),
        (90, True, False, 90),
        (90, False, False, 90),
    ],
)
def test_the_days_to_pay_are_those_agreed_within_45_and_15_when_nothing_is_written(agreed, written, protected, days):
    assert days_to_pay(Terms(agreed_days=agreed), protected=protected, is_agreed=written) == days
    assert days_to_pay(TERMS, protected=protected, is_agreed=written, agreed_days=agreed) == days


@pytest.mark.parametrize(
    ("country", "firm", "expected"),
    [
        ("IN", "micro", True),
        ("IN", "Small", True),
        ("IN", "medium", False),
        ("IN", None, False),
        ("KE", "micro", False),
    ],
)
def test_micro_and_small_firms_of_india_are_protected(country, firm, expected):
    assert is_protected(country, firm) is expected


LAST = date(2026, 10, 31)


@pytest.mark.parametrize(
    ("accepted", "approved", "expected"),
    [
        ("rendered", None, LAST),
        ("rendered", date(2026, 11, 9), LAST),
        ("approval", None, date(2026, 11, 15)),
        ("approval", date(2026, 11, 9), date(2026, 11, 9)),
        ("approval", date(2026, 11, 15), date(2026, 11, 15)),
        ("approval", date(2026, 11, 16), date(2026, 11, 15)),
        ("approval", date(2026, 10, 30), LAST),
    ],
)
def test_a_service_is_accepted_when_rendered_or_when_approved_or_after_fifteen_days(accepted, approved, expected):
    assert accepted_on(Terms(accepted=accepted), LAST, approved) == expected


@pytest.mark.parametrize(
    ("left", "word"),
    [(11, ""), (10, "soon"), (4, "soon"), (3, "urgent"), (0, "urgent"), (-1, "late")],
)
def test_it_stands_out_ten_and_three_days_before(left, word):
    assert alert(TERMS, DUE, DUE - timedelta(days=left)) == word


def test_worked_example_h_to_the_paisa():
    rests = interest(1_45_400_00, DUE, DUE + timedelta(days=40), five_and_a_half)
    assert [(each.days, each.opening_minor, each.interest_minor) for each in rests] == [
        (30, 1_45_400_00, 1_999_25),
        (10, 1_47_399_25, 666_33),
    ]
    assert owed(rests) == 2_665_58
    assert (rests[0].from_on, rests[0].to_on, rests[1].from_on, rests[1].to_on) == (
        date(2026, 12, 1),
        date(2026, 12, 30),
        date(2026, 12, 31),
        date(2027, 1, 9),
    )


@pytest.mark.parametrize(("late", "expected"), [(-1, 0), (0, 0), (1, 65_73), (29, 1_906_13), (30, 1_999_25)])
def test_in_time_costs_nothing_and_the_first_late_day_costs_one(late, expected):
    assert owed(interest(1_45_400_00, DUE, DUE + timedelta(days=late), five_and_a_half)) == expected


def test_how_broken_periods_count_is_the_houses():
    until = DUE + timedelta(days=40)
    thirtieths = interest(1_45_400_00, DUE, until, five_and_a_half, Terms(broken="thirtieths"))
    assert owed(thirtieths) == 1_999_25 + 675_58
    calendar = interest(1_45_400_00, DUE, until, five_and_a_half, Terms(rest="calendar_month"))
    assert [each.days for each in calendar] == [30, 10]
    end_of_january = interest(
        1_00_000_00, date(2027, 1, 31), date(2027, 3, 31), five_and_a_half, Terms(rest="calendar_month")
    )
    assert [(each.to_on, each.days) for each in end_of_january] == [(date(2027, 2, 28), 28), (date(2027, 3, 31), 31)]


def test_a_rest_bears_the_bank_rate_of_its_first_day():
    def rate(day):
        return Decimal("0.0575") if day < date(2026, 12, 31) else Decimal("0.055")

    first, second = interest(1_00_000_00, DUE, DUE + timedelta(days=60), rate)
    assert (str(first.rate), str(second.rate)) == ("0.1725", "0.165")
    later = interest(1_00_000_00, DUE + timedelta(days=1), DUE + timedelta(days=61), rate)
    assert [str(each.rate) for each in later] == ["0.1725", "0.165"]
    earlier = interest(1_00_000_00, DUE - timedelta(days=1), DUE + timedelta(days=59), rate)
    assert [str(each.rate) for each in earlier] == ["0.1725", "0.1725"]


@pytest.mark.parametrize(
    ("paid", "half_ends", "word"),
    [
        (date(2026, 12, 15), date(2027, 3, 31), "paid_in_time"),
        (date(2026, 12, 16), date(2027, 3, 31), "paid_late"),
        (None, date(2026, 12, 15), "open"),
        (None, date(2026, 12, 16), "overdue"),
        (date(2027, 4, 1), date(2027, 3, 31), "overdue"),
    ],
)
def test_the_half_yearly_list_counts_45_days_from_acceptance(paid, half_ends, word):
    assert standing(LAST, paid, half_ends) == word
