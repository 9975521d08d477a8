"""Money that went back after its month was settled: what comes back of what it had brought, and what is priced anew."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from tests.factories.accrual import NOVEMBER, OCTOBER, World
from tests.factories.earning import HEAD, a_measure, amounts, approved

WHOLE = (
    HEAD
    + """
[[rule]]
id = "r"
driver = "confirmed_amount"
slabs = [ {from = 0, rate = "0.05"}, {from = 10000, rate = "0.10"} ]
[agency]
clawback = { rate = "as_paid", reprice_slab = true }
"""
)


def test_a_return_that_takes_the_month_below_its_slab_reprices_the_rest(world: World, agency: Agency) -> None:
    approved(world, WHOLE)
    gone, kept = world.earn(agency, 4_000), world.earn(agency, 6_000)
    assert world.accrue().total_minor == 100_000
    world.settle()
    world.undo(gone, world.now)
    # 400.00 back at the rate paid; what is left would have earned 5 %: 300.00 where 600.00 was paid.
    assert amounts(world, NOVEMBER) == [("clawback", "r", -40_000), ("adjustment", "reprice", -30_000)]
    line = world.lines(world.accrue(NOVEMBER).run)[1]
    assert line.steps[0] | {"step": "reprice"} == {
        "step": "reprice",
        "without": 1,
        "paid": "1000.00",
        "would_be": "300.00",
        "taken_back": "400.00",
        "amount": "-300.00",
    }
    assert kept.status == "confirmed"


def test_without_repricing_only_the_rate_paid_comes_back(world: World, agency: Agency) -> None:
    approved(world, WHOLE.replace("reprice_slab = true", "reprice_slab = false"))
    gone = world.earn(agency, 4_000)
    world.earn(agency, 6_000)
    world.accrue()
    world.settle()
    world.undo(gone, world.now)
    assert amounts(world, NOVEMBER) == [("clawback", "r", -40_000)]


CAPPED = HEAD + '[[rule]]\nid = "r"\nslabs = [ {rate = "0.10"} ]\ncap = { per = "account", amount = "150.00" }\n'


def test_no_more_comes_back_than_the_money_had_brought(world: World, agency: Agency) -> None:
    approved(world, CAPPED)
    held = world.allocation(agency)
    first, second, third = (world.earn(agency, major, allocation=held) for major in (1_000, 1_000, 1_000))
    assert world.accrue().total_minor == 15_000
    world.settle()
    world.undo(third, world.now)
    assert amounts(world, NOVEMBER) == []  # the cap had left nothing of it
    world.undo(second, world.now)
    assert amounts(world, NOVEMBER) == [("clawback", "r", -5_000)]
    world.settle(NOVEMBER)
    assert world.accrue(NOVEMBER).total_minor == -5_000
    assert first.status == "confirmed"


EXTRAS = """
[[rule]]
id = "r"
slabs = [ {rate = "0.10"} ]
[[bonus]]
id = "much"
condition = { driver = "confirmed_amount", at_least = 1500 }
rate = "0.02"
[agency]
multiplier = { driver = "score", slabs = [ {from = 0, factor = "0.5"}, {from = 90, factor = "1.5"} ] }
"""


def test_bonus_and_multiplier_come_back_with_the_money_they_were_for(world: World, agency: Agency) -> None:
    approved(world, HEAD + EXTRAS)
    a_measure(world, agency, "score", "95")
    gone = world.earn(agency, 1_000)
    world.earn(agency, 1_000)
    # (2,000 x 10 % + 2,000 x 2 %) x 1.5
    assert world.accrue().total_minor == 36_000
    world.settle()
    world.undo(gone, world.now)
    assert amounts(world, NOVEMBER) == [("clawback", "r", -18_000)]
    line = world.lines(world.accrue(NOVEMBER).run)[0]
    assert (line.steps[0]["paid"], line.steps[0]["brought"]) == ("100.00", "180.00")


def test_what_was_below_the_qualifier_is_not_taken_back(world: World, agency: Agency) -> None:
    text = '[[rule]]\nid = "r"\nslabs = [ {rate = "0.10"} ]\n[agency]\nqualifier = { driver = "confirmed_amount", at_least = "3000" }\n'
    approved(world, HEAD + text)
    gone = world.earn(agency, 1_000)
    assert world.accrue().total_minor == 0
    world.settle()
    world.undo(gone, world.now)
    assert amounts(world, NOVEMBER) == []


def test_a_return_after_a_return_reprices_what_is_left(world: World, agency: Agency, bank_session: Session) -> None:
    approved(world, WHOLE)
    september = OCTOBER.previous()
    held = world.allocation(agency, from_on=september.start)
    gone, later, kept = (world.earn(agency, major, september.start, allocation=held) for major in (4_000, 5_000, 6_000))
    assert world.accrue(september).total_minor == 150_000
    world.settle(september)
    back = datetime.fromisoformat("2026-10-05T10:00:00+00:00")
    world.undo(gone, back)
    # 11,000 is still above the step: only the rate paid comes back.
    assert amounts(world) == [("clawback", "r", -40_000)]
    world.settle()
    world.undo(later, world.now)
    # 6,000 are left and would have earned 300.00 where 600.00 was paid.
    assert amounts(world, NOVEMBER) == [("clawback", "r", -50_000), ("adjustment", "reprice", -30_000)]
    assert kept.status == "confirmed"
