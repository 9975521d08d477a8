"""Money that reaches the bank after its allocation is over: the slab it was held under decides, never another month's."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.collections.models import Collection
from payouts.commission.verifying import recompute
from portal.kernel.periods import month_of
from tests.factories.accrual import World
from tests.factories.world import a_snapshot, an_account, an_agency, an_allocation

NOVEMBER = month_of(date(2026, 11, 1))
SHARE = """
[[rule]]
id = "share"
earns_on = "cash"
when = { opening_bucket = ["61-90"], source = ["agency"] }
driver = "resolution_pct_pos"
driver_scope = "agency+opening_bucket"
slabs = [ {from = 0, rate = "0.04"}, {from = 50, rate = "0.08"} ]
"""


@pytest.fixture
def agency(bank_session: Session) -> Agency:
    return an_agency(bank_session)


def held_in_october(world: World, agency: Agency, *, resolved: bool) -> Collection:
    """An account of October whose money was taken on the 31st; its month-end snapshot says what became of it."""
    account = an_account(world.session, f"OCT{resolved:d}", dpd_days=75, bucket="61-90")
    allocation = an_allocation(world.session, account, agency, date(2026, 10, 1), date(2026, 10, 31))
    a_snapshot(world.session, account, date(2026, 10, 31), dpd_days=40 if resolved else 105)
    return world.collection(agency, 1000, date(2026, 10, 31), allocation)


@pytest.mark.parametrize(("resolved", "paid"), [(True, 8000), (False, 4000)])
def test_late_money_is_priced_by_the_month_its_account_was_held(
    world: World, agency: Agency, resolved: bool, paid: int
) -> None:
    world.card(more=SHARE)
    world.confirm(held_in_october(world, agency, resolved=resolved), date(2026, 11, 2))
    result = world.accrue(NOVEMBER)
    assert [line.amount_minor for line in world.lines(result.run)] == [paid]
    assert recompute(world.session, result.run) == []


def test_a_pool_held_in_the_month_itself_waits_for_its_own_month_end(world: World, agency: Agency) -> None:
    world.card(more=SHARE)
    late = held_in_october(world, agency, resolved=True)
    world.confirm(late, date(2026, 11, 2))
    account = an_account(world.session, "NOV1", dpd_days=75, bucket="61-90", as_of=date(2026, 10, 31))
    allocation = an_allocation(world.session, account, agency, date(2026, 11, 1), date(2026, 11, 30))
    fresh = world.collection(agency, 1000, date(2026, 11, 5), allocation)
    world.confirm(fresh)
    assert world.unpaid(world.accrue(NOVEMBER).run) == {late.id: "not_measured", fresh.id: "not_measured"}
