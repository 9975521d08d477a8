"""Ways money could be paid twice, taken twice or left lying between months: each is tried, none works."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from payouts.commission.models import AccrualRun
from payouts.settlements.drafting import draft
from payouts.settlements.service import reject, submit
from portal.kernel.errors import Refused
from portal.kernel.periods import Period
from tests.factories.accrual import NOVEMBER, OCTOBER, World
from tests.factories.earning import approved
from tests.factories.month import CHECKER, FINANCE, SYSTEM, a_bank_detail
from tests.factories.world import an_agency

HEAD = 'code = "X"\ncurrency = "INR"\neffective_from = 2026-04-01\n'
SEPTEMBER = OCTOBER.previous()


@pytest.fixture
def world(bank_session: Session, now: datetime) -> World:
    return World(bank_session, now)


@pytest.fixture
def agency(bank_session: Session) -> Agency:
    agency = an_agency(bank_session)
    a_bank_detail(bank_session, agency)
    return agency


def drafted(world: World, period: Period) -> str:
    (made,) = draft(world.session, period, actor=SYSTEM, now=world.now).settlements
    return made.ref


def submitted(world: World, ref: str) -> None:
    submit(world.session, ref, actor=FINANCE, now=world.now)


def sums(world: World, run: AccrualRun) -> list[tuple[str, int]]:
    return [(line.kind, line.amount_minor) for line in world.lines(run)]


# --- two months at once


def test_money_that_went_home_to_its_month_is_not_paid_by_the_stale_draft_of_the_next(
    world: World, agency: Agency
) -> None:
    world.card()
    world.earn(agency, 1_000)
    world.accrue()
    world.settle()
    late = world.earn(agency, 2_000, date(2026, 10, 20))
    world.accrue(NOVEMBER)
    stale = drafted(world, NOVEMBER)
    reject(world.session, "S2610-SHAKTI", actor=CHECKER, now=world.now, reason="A line is missing.")
    world.accrue()
    world.accrue(NOVEMBER)
    home = world.accrue().run
    assert late.id in {line.link_id for line in world.lines(home)}
    submitted(world, drafted(world, OCTOBER))
    with pytest.raises(Refused):
        submitted(world, stale)


PROMISE = """
[[rule]]
id = "r"
slabs = [ {rate = "0.10"} ]
[agency]
minimum_guarantee = { amount = "500.00", recoverable = true }
"""


def test_an_advance_is_recovered_by_one_of_two_open_months(world: World, agency: Agency) -> None:
    approved(world, HEAD + PROMISE)
    held = world.allocation(agency, from_on=SEPTEMBER.start)
    world.earn(agency, 1_000, date(2026, 9, 10), allocation=held)
    assert sums(world, world.accrue(SEPTEMBER).run) == [("commission", 10_000), ("guarantee", 40_000)]
    world.settle(SEPTEMBER)
    world.earn(agency, 10_000, date(2026, 10, 10), allocation=held)
    world.earn(agency, 10_000, date(2026, 11, 10), allocation=held)
    runs = [world.accrue(period).run for period in (OCTOBER, NOVEMBER)]
    taken = [amount for run in runs for kind, amount in sums(world, run) if kind == "guarantee"]
    assert taken == [-40_000]
    assert not world.accrue(OCTOBER).created
    assert not world.accrue(NOVEMBER).created


def test_an_advance_recovered_by_a_later_month_is_not_recovered_again_by_an_earlier_one(
    world: World, agency: Agency
) -> None:
    approved(world, HEAD + PROMISE)
    held = world.allocation(agency, from_on=SEPTEMBER.start)
    world.earn(agency, 1_000, date(2026, 9, 10), allocation=held)
    world.accrue(SEPTEMBER)
    world.settle(SEPTEMBER)
    world.earn(agency, 10_000, date(2026, 11, 10), allocation=held)
    assert ("guarantee", -40_000) in sums(world, world.accrue(NOVEMBER).run)
    world.settle(NOVEMBER)
    world.earn(agency, 10_000, date(2026, 10, 10), allocation=held)
    assert sums(world, world.accrue(OCTOBER).run) == [("commission", 100_000)]


# --- taking back


CAPPED = HEAD + '[[rule]]\nid = "r"\nslabs = [ {rate = "0.10"} ]\ncap = { per = "rule", amount = "100.00" }\n'


def test_what_a_cap_gave_back_once_does_not_come_back_through_the_next_return(world: World, agency: Agency) -> None:
    approved(world, CAPPED)
    held = world.allocation(agency, from_on=SEPTEMBER.start)
    day = date(2026, 9, 10)
    first, second, _ = (world.earn(agency, major, day, allocation=held) for major in (600, 600, 400))
    assert world.accrue(SEPTEMBER).total_minor == 10_000
    world.settle(SEPTEMBER)
    back = datetime.fromisoformat("2026-10-05T10:00:00+00:00")
    world.undo(first, back)
    world.undo(second, back)
    # 400.00 at 10 % are left of 100.00 paid.
    assert sum(amount for _, amount in sums(world, world.accrue().run)) == -6_000
    world.settle()
    assert sums(world, world.accrue(NOVEMBER).run) == []
