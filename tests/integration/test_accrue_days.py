"""Days of an accrual: noted, rebuilt byte for byte, accrued every night."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from payouts.commission.days import rebuild_day
from payouts.commission.jobs import open_months
from payouts.commission.models import AccrualRun
from portal.kernel.errors import Invalid, NotFound
from portal.kernel.jobs import JOBS, Worker
from portal.kernel.progress import JobProgress
from tests.factories.accrual import NOVEMBER, OCTOBER, World
from tests.factories.earning import an_event, approved

CARD = """
code = "X"
currency = "INR"
effective_from = 2026-04-01
[[rule]]
id = "r"
driver = "running_total"
mode = "marginal"
slabs = [ {from = 0, rate = "0.05"}, {from = 2500, rate = "0.10"} ]
[[rule]]
id = "visit"
earns_on = "event"
slabs = [ {amount = "100"} ]
[agency]
cap = "250.00"
holdback = { rate = "0.10" }
"""


@pytest.fixture
def world(bank_session: Session, now: datetime) -> World:
    world = World(bank_session, now)
    approved(world, CARD)
    return world


@pytest.fixture
def worker(database: Any, clock: Any) -> Worker:
    return Worker(database.logins, clock)


def a_busy_month(world: World, agency: Agency) -> AccrualRun:
    for day in (5, 5, 6, 7):
        world.earn(agency, 1_000, date(2026, 10, day))
    an_event(world, agency, "visit", date(2026, 10, 6))
    return world.accrue().run


def test_each_day_is_noted_and_comes_out_again(world: World, agency: Agency) -> None:
    run = a_busy_month(world, agency)
    days = run.summary["days"]
    assert {day: (each["lines"], each["total_minor"]) for day, each in days.items()} == {
        "2026-10-05": (2, 10_000),
        "2026-10-06": (2, 7_500 + 10_000),
        "2026-10-07": (1, 10_000),
        "2026-10-31": (2, -12_500 - 2_500),
    }
    for day, each in days.items():
        again = rebuild_day(world.session, OCTOBER, date.fromisoformat(day))
        assert (again.lines, again.total_minor, again.hash) == (each["lines"], each["total_minor"], each["hash"])
        assert again.is_same
    assert rebuild_day(world.session, OCTOBER, date(2026, 10, 8)).lines == 0
    with pytest.raises(Invalid):
        rebuild_day(world.session, OCTOBER, date(2026, 11, 8))
    with pytest.raises(NotFound):
        rebuild_day(world.session, NOVEMBER, date(2026, 11, 8))


def test_a_line_edited_by_hand_makes_its_own_day_come_out_otherwise(
    world: World, agency: Agency, database: Any, cli: Any
) -> None:
    run = a_busy_month(world, agency)
    ref = world.lines(run)[2].ref
    world.session.commit()
    database.execute(f"update accrual_lines set amount_minor = amount_minor + 1 where ref = '{ref}'")
    world.session.expire_all()
    assert not rebuild_day(world.session, OCTOBER, date(2026, 10, 6)).is_same
    assert rebuild_day(world.session, OCTOBER, date(2026, 10, 5)).is_same
    world.session.commit()
    wrong = cli("accrue", "--day", "2026-10-06", "--check")
    assert (wrong.exit_code, wrong.json["same"], wrong.json["differences"][0]["ref"]) == (1, False, ref)
    right = cli("accrue", "--period", "2026-10", "--day", "2026-10-05", "--check")
    assert (right.exit_code, right.json["same"], right.json["total"]) == (0, True, "100.00")
    assert cli("accrue", "--day", "2026-10-05").exit_code == 2
    assert cli("accrue").exit_code == 2


def test_facts_changed_behind_a_day_are_found_in_all_they_bear_on(world: World, agency: Agency, database: Any) -> None:
    run = a_busy_month(world, agency)
    first = world.lines(run)[0].ref
    world.session.commit()
    change = "update accrual_lines set facts = jsonb_set(facts, '{amount}', '\"100.00\"') where ref = '%s'"
    database.execute(change % first)
    world.session.expire_all()
    assert not rebuild_day(world.session, OCTOBER, date(2026, 10, 5)).is_same
    assert not rebuild_day(world.session, OCTOBER, date(2026, 10, 6)).is_same


def test_open_months_are_this_one_the_last_and_those_not_settled_for_somebody(world: World, agency: Agency) -> None:
    today = date(2026, 11, 20)
    assert open_months(world.session, today) == []
    world.allocation(agency)
    assert open_months(world.session, today) == [OCTOBER, NOVEMBER]
    september = OCTOBER.previous()
    world.earn(agency, 1_000, september.start, allocation=world.allocation(agency, from_on=september.start))
    world.accrue(september)
    assert open_months(world.session, today) == [september, OCTOBER, NOVEMBER]
    world.settle(september)
    assert open_months(world.session, today) == [OCTOBER, NOVEMBER]


def test_every_open_month_is_accrued_at_night_once_a_day(
    world: World, agency: Agency, worker: Worker, cli: Any
) -> None:
    world.earn(agency, 1_000)
    world.session.commit()
    today = worker.clock.today()
    assert worker.ask_nightly(today) == 0
    nightly = sum(each.nightly for each in JOBS.values())
    assert worker.ask_nightly(today - timedelta(days=1)) == nightly >= 1
    assert worker.ask_nightly(today - timedelta(days=1)) == 0
    worker.run(wait=False)
    world.session.rollback()
    done = world.session.scalars(select(JobProgress).where(JobProgress.kind == "accrue_open_months")).one()
    assert (done.status, done.result["months"]["2026-10"]) == ("done", {"created": True, "lines": 2})
    told = cli("accrue", "--open")
    assert [(each["period"], each["created"]) for each in told.json["months"]][-2:] == [
        ("2026-10", False),
        ("2026-11", False),
    ]
    assert world.session.scalar(select(func.count()).select_from(AccrualRun)) == len(told.json["months"])


def test_the_command_tells_of_events_no_rule_takes(world: World, agency: Agency, cli: Any) -> None:
    an_event(world, agency, "visit")
    tea = an_event(world, agency, "visit", currency="KES")
    world.session.commit()
    told = cli("accrue", "--period", "2026-10").json["untaken"]
    assert told == [{"agency": "SHAKTI", "what": "event", "code": "no_rule", "count": 1, "refs": [tea.ref]}]
