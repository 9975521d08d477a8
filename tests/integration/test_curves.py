"""Curves from confirmed money on the real database: by month of placement, by the bank's own value date, of one agency or all."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from allocations.agencies.models import Agency
from allocations.placements.curve_queries import accounts_behind, curves
from portal.kernel.periods import parse_month
from tests.factories.accrual import World
from tests.factories.world import an_agency

OCTOBER, NOVEMBER = parse_month("2026-10"), parse_month("2026-11")


def test_only_confirmed_money_counts_in_the_month_the_bank_saw_it(world: World, agency: Agency) -> None:
    """Placed in October: two accounts of 1,10,000.00. Confirmed: 11,000.00 in October, 2,200.00 in November."""
    first, second = world.allocation(agency, "LN1"), world.allocation(agency, "LN2")
    world.confirm(world.collection(agency, 11_000, date(2026, 10, 10), first), date(2026, 10, 12))
    late = world.confirm(world.collection(agency, 2_200, date(2026, 10, 30), second), date(2026, 11, 2))
    world.collection(agency, 50_000, date(2026, 10, 20), second)  # reported, and never seen at the bank
    found = curves(world.session, NOVEMBER)
    assert [each.cumulative for each in found.vintages] == [(Decimal("5.00"), Decimal("6.00"))]
    assert [row.percent for row in found.liquidation] == [Decimal("5.00"), Decimal("1.00")]
    assert [each.cash_minor for each in curves(world.session, OCTOBER).vintages] == [(1_100_000,)]
    other = an_agency(world.session, "OTHER")
    assert curves(world.session, NOVEMBER, agency=other.code).vintages == []
    rows = accounts_behind(world.session, OCTOBER, None, 9, month_on_book=2)
    assert [(row.loan_account_no, row.cash_minor) for row in rows] == [("LN2", 220_000)]
    assert [row.cash_minor for row in accounts_behind(world.session, OCTOBER, None, 9)] == [1_100_000, 220_000]
    world.undo(late, world.now)  # it went back: it counts nowhere any more
    assert curves(world.session, NOVEMBER).vintages[0].cumulative == (Decimal("5.00"), Decimal("5.00"))
