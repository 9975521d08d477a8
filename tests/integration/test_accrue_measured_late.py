"""Accounts first measured after their month was settled: their fee comes into the first open month, once, and says what it is for."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from allocations.agencies.models import Agency
from allocations.placements.models import Allocation
from allocations.placements.outcome_sets import current_set, months_behind
from payouts.commission.jobs import open_months, read_behind
from payouts.commission.line_words import steps_in_words
from payouts.commission.measured_late import not_as_measured
from payouts.commission.verifying import recompute
from payouts.settlements.drafting import draft
from payouts.settlements.models import Settlement, SettlementLine
from payouts.settlements.service import reject, submit
from payouts.settlements.twice import settled_elsewhere
from portal.kernel.audit import AuditTag, flush_events, record_event
from portal.kernel.db import bank_scope, set_scope
from portal.kernel.errors import Refused
from portal.kernel.periods import parse_month
from tests.factories.accrual import NOVEMBER, OCTOBER, World
from tests.factories.earning import HEAD, approved, ended_at
from tests.factories.month import CHECKER, FINANCE, SYSTEM

DECEMBER = parse_month("2026-12")
FEES = (
    HEAD
    + """
[[rule]]
id = "saved"
earns_on = "account"
when = { outcome = ["stabilised"] }
driver = "resolution_pct_count"
slabs = [ {from = 0, amount = "10.00"}, {from = 50, amount = "20.00"}, {from = 75, amount = "50.00"} ]
"""
)
COUNTED = (
    HEAD
    + """
[[rule]]
id = "saved"
earns_on = "account"
when = { outcome = ["stabilised"] }
driver = "account_count"
mode = "marginal"
slabs = [ {from = 0, amount = "10.00"}, {from = 2, amount = "30.00"} ]
cap = { per = "rule", amount = "65.00" }
"""
)


@pytest.fixture
def world(world: World) -> World:
    """In December: November may be settled."""
    set_scope(world.session, bank_scope(date(2026, 12, 5)))
    return world


def seen_late(world: World, allocation: Allocation, dpd_days: int, day: date = date(2026, 10, 31)) -> None:
    """A snapshot that comes in after the month was settled, as an import records it."""
    ended_at(world, allocation, dpd_days, day)
    flush_events(world.session)
    record_event(
        world.session,
        AuditTag.ACCOUNTS_IMPORTED,
        actor=SYSTEM,
        subject_type="accounts",
        subject_ref=day.isoformat(),
        now=world.now,
        data={"file": "late.csv", "rows": 1},
    )
    flush_events(world.session)


def amounts(world: World, period: object = NOVEMBER) -> list[tuple[str, str, int]]:
    run = world.accrue(period).run
    assert recompute(world.session, run) == []
    return [(line.kind, line.rule_id, line.amount_minor) for line in world.lines(run)]


def settled_october(world: World, agency: Agency, *, unseen: int = 2, seen: int = 2) -> list[Allocation]:
    """October settled with some accounts stabilised and some that no snapshot showed; gives those."""
    for _ in range(seen):
        ended_at(world, world.allocation(agency), 45)
    waiting = [world.allocation(agency) for _ in range(unseen)]
    world.accrue()
    world.settle()
    return waiting


def test_an_account_measured_late_earns_in_the_first_open_month_by_the_measures_of_its_own(
    world: World, agency: Agency
) -> None:
    approved(world, FEES)
    first, second = settled_october(world, agency)  # 2 of 4 resolved: 20.00 each
    seen_late(world, first, 45)  # 3 of 4: 50.00
    assert amounts(world) == [("account_fee", "saved", 5_000)]
    (line,) = world.lines(world.accrue(NOVEMBER).run)
    assert line.credited_on == date(2026, 10, 31)
    assert line.facts["for_month"] == "2026-10" and line.facts["drivers"] == {"resolution_pct_count": {"": "75"}}
    said = steps_in_words(line.steps, line.facts, "INR")[0]
    assert "October 2026" in said.sentence and f"account {first.loan_account_no}" in said.sentence
    drafted = draft(world.session, NOVEMBER, actor=SYSTEM, now=world.now).settlements[0]
    words = world.session.scalars(
        select(SettlementLine.description).where(SettlementLine.settlement_id == drafted.id)
    ).first()
    assert words and words.startswith("Account fee measured late, for October 2026 · ")
    submit(world.session, drafted.ref, actor=FINANCE, now=world.now)
    # Once: the next month has only the account that is measured later still.
    seen_late(world, second, 45)
    assert amounts(world, DECEMBER) == [("account_fee", "saved", 5_000)]
    assert list(settled_elsewhere(world.session, drafted)) == []


def test_an_outcome_that_changed_after_its_month_was_settled_moves_nothing(world: World, agency: Agency) -> None:
    approved(world, FEES)
    held = world.allocation(agency)
    ended_at(world, held, 105, date(2026, 10, 30))
    ended_at(world, world.allocation(agency), 45)
    world.accrue()
    world.settle()
    before = current_set(world.session, OCTOBER)
    seen_late(world, held, 45)
    assert amounts(world) == []
    after = current_set(world.session, OCTOBER)
    assert before is not None and after is not None and after.version == before.version + 1
    assert after.summary["difference"]["changed"][0]["accounts"] == 1


def test_what_the_month_counted_and_capped_goes_on_where_it_was_settled(world: World, agency: Agency) -> None:
    approved(world, COUNTED)
    first, second = settled_october(world, agency)  # two at 10.00
    seen_late(world, first, 45)
    seen_late(world, second, 45)
    # The third and the fourth at 30.00 each; 20.00 + 60.00 is 15.00 above the cap.
    assert amounts(world) == [
        ("account_fee", "saved", 3_000),
        ("account_fee", "saved", 3_000),
        ("adjustment", "measured_late", -1_500),
    ]
    world.settle(NOVEMBER)
    # A further one finds the cap full: earlier late fees count with the month.
    third = world.allocation(agency)
    seen_late(world, third, 45)
    assert amounts(world, DECEMBER) == [
        ("account_fee", "saved", 3_000),
        ("adjustment", "measured_late", -3_000),
    ]
    assert recompute(world.session, world.accrue(NOVEMBER).run) == []


def test_a_month_is_not_sent_back_while_a_later_one_pays_for_its_accounts_and_twice_is_refused(
    world: World, agency: Agency
) -> None:
    approved(world, FEES)
    first, second = settled_october(world, agency)
    october = world.session.scalars(select(Settlement)).one()
    seen_late(world, first, 45)
    amounts(world)
    # October is sent back before November is submitted: both would pay for the account, and the second is refused.
    drafted = draft(world.session, NOVEMBER, actor=SYSTEM, now=world.now).settlements[0]
    reject(world.session, october.ref, actor=CHECKER, now=world.now, reason="Again.")
    world.accrue()
    world.settle()
    with pytest.raises(Refused) as refused:
        submit(world.session, drafted.ref, actor=FINANCE, now=world.now)
    assert refused.value.code == "settled_twice"
    assert amounts(world) == []
    again = world.session.scalars(
        select(Settlement).where(Settlement.period_start == OCTOBER.start, Settlement.status == "submitted")
    ).one()
    seen_late(world, second, 45)
    assert amounts(world) == [("account_fee", "saved", 5_000)]
    world.settle(NOVEMBER)
    with pytest.raises(Refused) as leaning:
        reject(world.session, again.ref, actor=CHECKER, now=world.now, reason="Again.")
    assert leaning.value.code == "corrected_later"


def test_verify_finds_a_late_fee_the_outcomes_do_not_bear_out(world: World, agency: Agency) -> None:
    approved(world, FEES)
    first, _ = settled_october(world, agency)
    seen_late(world, first, 45)
    (line,) = world.lines(world.accrue(NOVEMBER).run)
    world.session.expunge(line)
    seen = world.session.scalars(select(Allocation).order_by(Allocation.id)).first()
    assert seen is not None
    true = line.facts
    for changed, said in (
        ({"outcome": "normalised"}, ["stabilised"]),
        ({"outcomes": 1}, ["not measured"]),
        ({"loan_account_no": seen.loan_account_no}, ["measured before it was settled"]),
        ({}, []),
    ):
        line.facts = true | changed
        assert [each for _, each in not_as_measured(world.session, [line])] == said


def test_the_night_reads_settled_months_again_and_comes_back_to_the_month_that_is_open(
    world: World, agency: Agency
) -> None:
    approved(world, FEES)
    first, _ = settled_october(world, agency)
    assert months_behind(world.session) == []
    world.accrue(NOVEMBER)
    seen_late(world, first, 45)
    assert months_behind(world.session) == [OCTOBER]
    assert read_behind(world.session, actor=SYSTEM, now=world.now + timedelta(days=2)) == [OCTOBER]
    flush_events(world.session)
    assert months_behind(world.session) == []
    assert NOVEMBER in open_months(world.session, date(2027, 3, 1))
    # A settled month's own accrual reads it again too, and makes no run.
    seen_late(world, first, 45, date(2026, 10, 30))
    assert not world.accrue(OCTOBER).created
    flush_events(world.session)
    assert months_behind(world.session) == []
