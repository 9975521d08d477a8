"""Instalments: they add up, and money keeps them in order."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from allocations.casework.offer_models import CompromiseOffer
from allocations.casework.offers import PROPOSALS
from allocations.casework.plan_models import Referral, RepaymentPlan
from allocations.casework.schedules import Instalment, as_rows, even, from_rows, is_broken, problems_of, watch
from portal.kernel.errors import Refused
from portal.kernel.proposals import statuses_of

FIRST = date(2026, 1, 31)
DAY = date(2026, 3, 1)
THREE = even(300_00, 3, date(2026, 1, 10))


@given(st.integers(1, 10**12), st.integers(1, 60))
@settings(max_examples=60)
def test_even_instalments_add_up_and_differ_by_a_paisa_at_most(total: int, count: int) -> None:
    made = even(total, count, FIRST)
    amounts = [each.amount_minor for each in made]
    assert sum(amounts) == total and max(amounts) - min(amounts) <= 1 and from_rows(as_rows(made)) == made
    assert (list(problems_of(made, total, FIRST)) == []) == (min(amounts) > 0)


def test_every_fault_of_a_schedule_is_told() -> None:
    wrong = [Instalment(date(2026, 2, 1), 0), Instalment(date(2026, 1, 1), 50)]
    found = [each.code for each in problems_of(wrong, 100, date(2026, 1, 5))]
    assert found == ["bad_amount", "not_in_order", "too_early", "does_not_add_up"]
    assert [each.code for each in problems_of([], 100, FIRST)] == ["no_instalments"]
    assert "too_many" in [each.code for each in problems_of(even(6_100, 61, FIRST), 6_100, FIRST)]


def states(*receipts: Any, today: date = DAY, grace: int = 5) -> list[str]:
    return [each.state for each in watch(THREE, receipts, today, grace).instalments]


def test_money_keeps_instalments_in_order() -> None:
    assert states() == ["missed", "missed", "coming"]
    assert states((date(2026, 1, 15), 100_00)) == ["kept", "missed", "coming"]  # the last day of grace
    assert states((date(2026, 1, 16), 100_00)) == ["late", "missed", "coming"]
    assert states((date(2026, 1, 12), 150_00)) == ["kept", "short", "coming"]
    assert states((date(2026, 1, 12), 300_00)) == ["kept", "kept", "kept"]
    assert states((date(2026, 3, 2), 300_00)) == ["missed", "missed", "coming"]  # not yet
    assert states(today=date(2026, 1, 15)) == ["coming"] * 3 and states(today=date(2026, 1, 16))[0] == "missed"
    found = watch(THREE, [(date(2026, 1, 12), 150_00)], DAY, 5)
    assert (found.paid_minor, found.missing_minor, [each.number for each in found.behind]) == (150_00, 50_00, [2])
    assert is_broken(found, 0) and not is_broken(found, 1) and found.next_due and found.next_due.number == 3


MONEY = st.lists(st.tuples(st.integers(0, 120), st.integers(1, 200_00)), max_size=8)


@given(MONEY, st.integers(0, 150), st.integers(0, 10))
@settings(max_examples=60)
def test_the_order_of_money_changes_nothing_and_shares_tie(rows: list[Any], days: int, grace: int) -> None:
    money = [(date(2026, 1, 1) + timedelta(days=day), minor) for day, minor in rows]
    today = date(2026, 1, 1) + timedelta(days=days)
    found = watch(THREE, money, today, grace)
    assert found == watch(THREE, list(reversed(money)), today, grace)
    assert sum(each.paid_minor for each in found.instalments) == min(found.paid_minor, 300_00)
    assert all((each.met_on is None) == (each.missing_minor > 0) for each in found.instalments)
    assert found.is_paid == (found.paid_minor >= 300_00) and (found.paid_on is not None) == found.is_paid
    more = watch(THREE, [*money, (today, 1)], today, grace)
    assert more.missing_minor <= found.missing_minor


OFFER = {
    "proposed": {"recommend": "recommended", "reject": "rejected", "withdraw": "withdrawn", "lapse": "lapsed"},
    "recommended": {"approve": "approved", "reject": "rejected", "lapse": "lapsed"},
    "approved": {"fulfil": "fulfilled", "break": "broken"},
}
PLAN = {
    "proposed": {"accept": "active", "reject": "rejected", "withdraw": "withdrawn"},
    "active": {"keep": "kept", "break": "broken", "cancel": "cancelled"},
}
REFERRAL = {
    "proposed": {"accept": "accepted", "reject": "rejected", "withdraw": "withdrawn"},
    "accepted": {"close": "closed"},
}


def test_the_whole_matrix_of_every_lifecycle() -> None:
    for model, table in ((CompromiseOffer, OFFER), (RepaymentPlan, PLAN), (Referral, REFERRAL)):
        actions = {action for _, action in model.__moves__}
        for status in statuses_of(model.__moves__):
            for action in sorted(actions):
                to = table.get(status, {}).get(action)
                row = model(id=7, status=status)
                if to is not None:
                    assert PROPOSALS.next_status(row, action) == to  # type: ignore[arg-type]
                    continue
                try:
                    PROPOSALS.next_status(row, action)  # type: ignore[arg-type]
                except Refused as refused:
                    assert refused.code == "not_open"
                else:
                    raise AssertionError((model, status, action))
