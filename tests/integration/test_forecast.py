"""An agency's own forecast: hand-worked, in its own scope, honest about what money alone does not do."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from allocations.agencies.models import Agency
from payouts.commission.forecast import More, forecast
from payouts.rate_cards.service import assign_terms
from portal.kernel.errors import Invalid
from tests.factories.accrual import OCTOBER, World
from tests.factories.earning import approved, ended_at
from tests.factories.month import MAKER
from tests.factories.world import an_agency

HEAD = 'code = "T"\ncurrency = "INR"\neffective_from = 2026-04-01\n'
BY_PRINCIPAL = (
    HEAD
    + """
[[rule]]
id = "cash"
driver = "resolution_pct_pos"
driver_scope = "agency+opening_bucket"
mode = "whole"
slabs = [ {from = 0, rate = "0.04"}, {from = 80, rate = "0.10"} ]
"""
)
MARGINAL = (
    HEAD
    + """
[[rule]]
id = "cash"
driver = "running_total"
driver_scope = "agency"
mode = "marginal"
slabs = [ {from = 0, rate = "0.05"}, {from = 2000, rate = "0.12"} ]
"""
)
LAST = date(2026, 10, 31)


def test_more_in_a_bucket_earns_its_rate(world: World, agency: Agency) -> None:
    world.card("0.12")
    world.earn(agency, 1000)
    world.accrue()
    found = forecast(world.session, agency.id, OCTOBER, [More("31-60", 180_000_00, LAST)])
    assert (found.now_minor, found.gain_minor) == (120_00, 21_600_00)
    assert any("₹1,80,000.00 in 31-60" in step for step in found.steps)


def test_a_month_never_accrued_stands_at_nothing(world: World, agency: Agency) -> None:
    world.card("0.12")
    world.allocation(agency)
    found = forecast(world.session, agency.id, OCTOBER, [More("31-60", 1_000_00, LAST)])
    assert (found.now_minor, found.with_minor) == (0, 120_00)


def test_more_spans_the_slabs_of_a_running_total(world: World, agency: Agency) -> None:
    approved(world, MARGINAL)
    world.earn(agency, 1500)
    world.accrue()
    found = forecast(world.session, agency.id, OCTOBER, [More("31-60", 1000_00, LAST, payments=1)])
    assert found.gain_minor == 25_00 + 60_00  # 500 at 5 %, 500 at 12 %


def test_money_alone_resolves_nothing_but_principal_does(world: World, agency: Agency) -> None:
    approved(world, BY_PRINCIPAL)
    allocations = [world.allocation(agency) for _ in range(4)]
    for allocation, dpd in zip(allocations, (0, 0, 0, 95), strict=True):
        ended_at(world, allocation, dpd)
        world.earn(agency, 1000, allocation=allocation)
    world.accrue()
    money = forecast(world.session, agency.id, OCTOBER, [More("31-60", 1000_00, LAST, payments=1)])
    assert money.gain_minor == 40_00
    assert any("resolves no account" in each for each in money.caveats)
    assert any("not said that any principal" in each for each in money.caveats)
    more = More("31-60", 1000_00, LAST, allocations[3].opening_principal_minor, payments=1)
    resolved = forecast(world.session, agency.id, OCTOBER, [more])
    # 100 % resolved: 10 % on all five payments instead of 4 % on four.
    assert (resolved.own_minor, resolved.before_minor, resolved.gain_minor) == (100_00, 240_00, 340_00)


def test_a_cap_a_line_is_not_hit_by_money_that_comes_in_many_payments(world: World, agency: Agency) -> None:
    world.card("0.10", more='cap = {per = "line", amount = "150"}')
    for _ in range(4):
        world.earn(agency, 1000)
    world.accrue()
    found = forecast(world.session, agency.id, OCTOBER, [More("31-60", 4000_00, LAST)])
    assert found.gain_minor == 400_00
    assert any("4 payments of about ₹1,000.00" in step for step in found.steps)
    assert forecast(world.session, agency.id, OCTOBER, [More("31-60", 4000_00, LAST, payments=1)]).gain_minor == 150_00


def test_every_mistake_is_named_at_once(world: World, agency: Agency) -> None:
    world.allocation(agency)
    bad = [More("31-60", 0, date(2026, 12, 1)), More("NONE", 100, LAST)]
    with pytest.raises(Invalid) as wrong:
        forecast(world.session, agency.id, OCTOBER, bad)
    assert [each.code for each in wrong.value.problems] == ["bad_amount", "bad_day", "no_account"]


def test_an_agency_forecasts_from_its_own_rows_alone(world: World, agency: Agency, agency_session: Any) -> None:
    rival = an_agency(world.session, "VEGA", pan="AAPFU0940F")
    approved(world, BY_PRINCIPAL)
    world.card("0.50", code="OTHER")
    for whose, code in ((agency, "T"), (rival, "OTHER")):
        assign_terms(world.session, whose, code, from_on=date(2026, 4, 1), actor=MAKER, now=world.now)
        for dpd in (0, 0, 95):
            allocation = world.allocation(whose)
            ended_at(world, allocation, dpd)
            world.earn(whose, 1000, allocation=allocation)
    world.accrue()
    more = [More("31-60", 1000_00, LAST, 50_000_00, payments=1)]
    expected = forecast(world.session, agency.id, OCTOBER, more)
    world.session.commit()
    assert forecast(agency_session(agency.id), agency.id, OCTOBER, more) == expected
    assert expected.now_minor == 120_00
    other = forecast(agency_session(rival.id), rival.id, OCTOBER, more)
    assert other.gain_minor == 500_00
