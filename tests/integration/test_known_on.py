"""A month as it was known on a day, and what has come since: every rupee of the difference has a cause."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.collections.models import Collection
from allocations.placements.models import Hold
from payouts import closing
from payouts.commission.known_on import Difference, changed_lines, changes_by_agency, difference, known_on
from payouts.commission.models import LINE_KINDS, AccrualLine, AccrualRun
from payouts.commission.queries import RunHead, run_in_force, run_numbered, runs_of
from payouts.settlements.service import reject as reject_settlement
from portal.kernel.clock import BANK_ZONE
from tests.factories.accrual import OCTOBER, World
from tests.factories.earning import a_measure, an_adjustment, an_event, ended_at
from tests.factories.month import CHECKER, a_run
from tests.factories.world import an_agency

DAY = timedelta(days=1)


def next_day(world: World) -> None:
    world.now += DAY


def today(world: World) -> date:
    return world.now.astimezone(BANK_ZONE).date()


def since(world: World, day: date, agency: Agency) -> Difference:
    earlier, later = known_on(world.session, OCTOBER, day, agency.id), run_in_force(world.session, OCTOBER)
    assert earlier and later
    found = difference(world.session, earlier, later, agency.id)
    assert sum(cause.minor for cause in found.causes) == found.minor
    lines = changed_lines(world.session, earlier, later, agency.id, limit=1000)
    assert sum(line.minor for line in lines) == found.minor
    assert all("{" not in cause.sentence and cause.sentence.endswith(".") for cause in found.causes)
    return found


def causes(found: Difference) -> dict[str, int]:
    return {cause.what: cause.minor for cause in found.causes}


def test_the_run_in_force_at_the_end_of_a_day_is_what_was_known(world: World, agency: Agency) -> None:
    world.card()
    world.earn(agency, 1000)
    first, day = world.accrue().run, today(world)
    next_day(world)
    next_day(world)
    world.earn(agency, 500)
    second = world.accrue().run
    known = [known_on(world.session, OCTOBER, day + n * DAY) for n in (-1, 0, 1, 2, 30)]
    assert [each and each.id for each in known] == [None, first.id, first.id, second.id, second.id]
    assert [each.is_current for each in known if each] == [False, False, True, True]


def test_a_run_a_minute_after_midnight_at_the_bank_belongs_to_the_new_day(world: World, agency: Agency) -> None:
    world.card()
    world.earn(agency, 1000)
    world.now = datetime(2026, 11, 6, 0, 1, tzinfo=BANK_ZONE)
    world.accrue()
    assert known_on(world.session, OCTOBER, date(2026, 11, 5)) is None
    assert known_on(world.session, OCTOBER, date(2026, 11, 6)) is not None


def test_what_came_late_says_whether_the_receipt_the_bank_line_or_the_match_was_late(
    world: World, agency: Agency, database: Any
) -> None:
    world.card()
    world.earn(agency, 1000)
    waiting = world.collection(agency, 300)
    world.accrue()
    day = today(world)
    next_day(world)
    world.earn(agency, 2000, reported_at=world.now)
    late_line = world.earn(agency, 400)
    world.session.commit()
    line = f"(select statement_id from bank_lines where id = {late_line.bank_line_id})"
    database.execute(f"update bank_statements set imported_at = '{world.now.isoformat()}' where id = {line}")
    world.confirm(waiting)
    next_day(world)
    world.accrue()
    found = since(world, day, agency)
    assert causes(found) == {"reported_late": 10000, "bank_line_late": 2000, "matched_late": 1500}
    assert {cause.group for cause in found.causes} == {"came"}


def test_what_went_says_what_became_of_it(world: World, agency: Agency) -> None:
    world.card()
    link, kept = world.earn(agency, 1000), world.earn(agency, 3000)
    held = world.earn(agency, 500)
    world.accrue()
    day = today(world)
    next_day(world)
    world.undo(link, world.now)
    account = world.session.get_one(Collection, held.collection_id).loan_account_id
    hold = Hold(
        loan_account_id=account,
        reason="Dispute.",
        from_on=OCTOBER.start,
        effect="no_accrual",
        created_by="maker",
        created_at=world.now,
    )
    world.session.add(hold)
    world.accrue()
    found = since(world, day, agency)
    assert causes(found) == {"undone": -5000, "earns_nothing_now": -2500}
    assert {cause.group for cause in found.causes} == {"went"}
    assert any("the account was on hold" in cause.sentence for cause in found.causes)
    assert kept.status == "confirmed"


SLABS = """
[[rule]]
id = "slabbed"
when = { opening_bucket = ["1-30"] }
driver = "confirmed_amount"
driver_scope = "agency+opening_bucket"
slabs = [ {from = 0, rate = "0.02"}, {from = 5000, rate = "0.03"} ]
"""


def test_another_slab_says_what_it_pays_now(world: World, agency: Agency) -> None:
    world.card(more=SLABS)
    world.earn(agency, 2000, allocation=world.allocation(agency, bucket="1-30"))
    world.accrue()
    day = today(world)
    next_day(world)
    world.earn(agency, 4000, allocation=world.allocation(agency, bucket="1-30"), reported_at=world.now)
    next_day(world)
    world.accrue()
    found = since(world, day, agency)
    assert causes(found) == {"reported_late": 12000, "other_slab": 2000}
    (cause,) = found.of_group("changed")
    assert cause.sentence == (
        "The confirmed money in 1-30 reached the slab from ₹5,000.00 instead of ₹0.00: 3 % instead of 2 % on one line."
    )


def test_a_snapshot_that_came_late_and_other_terms(world: World, agency: Agency) -> None:
    world.card(
        more='[[rule]]\nid = "back"\nearns_on = "account"\nwhen = { outcome = ["normalised"] }\nslabs = [ {from = 0, amount = "200"} ]'
    )
    allocation = world.allocation(agency, dpd_days=45, bucket="31-60")
    world.earn(agency, 1000, allocation=allocation)
    world.accrue()
    day = today(world)
    next_day(world)
    ended_at(world, allocation, 0)
    world.accrue()
    assert causes(since(world, day, agency)) == {"outcome_late": 20000}
    next_day(world)
    world.card("0.06", start="2026-10-01")
    world.accrue()
    found = since(world, day, agency)
    assert found.minor == sum(causes(found).values())
    assert any("T v2 instead of T v1" in cause.sentence for cause in found.causes)


def test_an_event_and_an_entry_by_hand(world: World, agency: Agency) -> None:
    world.card(
        more='[[rule]]\nid = "visit"\nearns_on = "event"\nwhen = { event = ["visit"] }\nslabs = [ {from = 0, amount = "100"} ]'
    )
    world.earn(agency, 1000)
    world.accrue()
    day = today(world)
    next_day(world)
    an_event(world, agency, "visit")
    an_adjustment(world, agency, "bonus", 700_00)
    a_measure(world, agency, "score", "82")
    world.accrue()
    assert causes(since(world, day, agency)) == {"event_accepted": 10000, "by_hand": 70000}


def test_a_settled_month_keeps_its_lines_whatever_day_is_asked(world: World, agency: Agency) -> None:
    rival = an_agency(world.session, "VEGA", pan="AAPFU0940F")
    world.card()
    world.earn(agency, 1000)
    world.accrue()
    day = today(world)
    world.settle()
    next_day(world)
    world.earn(rival, 3000)
    world.accrue()
    found = since(world, day, agency)
    assert (found.minor, found.causes, found.later_minor) == (0, [], 5000)
    earlier, later = (run_numbered(world.session, OCTOBER, version) for version in (1, 2))
    assert earlier and later
    (change,) = changes_by_agency(world.session, earlier, later)
    assert (change.code, change.was_minor, change.now_minor) == ("VEGA", 0, 15000)
    assert [(row.head.version, row.total_minor, row.change_minor) for row in runs_of(world.session, OCTOBER)] == [
        (2, 20000, 15000),
        (1, 5000, None),
    ]


def test_a_month_opened_again_is_told_from_the_settled_run(world: World, agency: Agency) -> None:
    rival = an_agency(world.session, "VEGA", pan="AAPFU0940F")
    world.card()
    world.earn(agency, 1000)
    world.accrue()
    world.settle()
    next_day(world)
    world.earn(rival, 500)
    world.accrue()
    day = today(world)
    next_day(world)
    reject_settlement(world.session, "S2610-SHAKTI", actor=CHECKER, now=world.now, reason="A line is missing.")
    world.earn(agency, 2000, reported_at=world.now)
    next_day(world)
    world.accrue()
    assert causes(since(world, day, agency)) == {"reported_late": 10000}


def test_an_agency_reads_the_same_difference_and_nobody_elses(
    world: World, agency: Agency, agency_session: Any
) -> None:
    rival = an_agency(world.session, "VEGA", pan="AAPFU0940F")
    world.card()
    world.earn(agency, 1000)
    world.earn(rival, 1000)
    world.accrue()
    day = today(world)
    next_day(world)
    world.earn(agency, 2000, reported_at=world.now)
    next_day(world)
    world.accrue()
    bank = since(world, day, agency)
    world.session.commit()
    session = agency_session(agency.id)
    earlier, later = known_on(session, OCTOBER, day, agency.id), run_in_force(session, OCTOBER)
    assert earlier and later
    own = difference(session, earlier, later, agency.id)
    assert (own.minor, causes(own)) == (bank.minor, causes(bank))
    theirs = difference(session, earlier, later, rival.id)
    assert (theirs.minor, theirs.earlier_minor, list(theirs.causes)) == (0, 0, [])


# --- the sums hold whatever two runs say

PIECE = st.tuples(st.sampled_from(LINE_KINDS), st.integers(0, 3), st.integers(-500, 500), st.booleans())


@pytest.fixture
def two_runs(bank_session: Session, agency: Agency) -> tuple[AccrualRun, AccrualRun]:
    first, second = a_run(bank_session), a_run(bank_session)
    bank_session.flush()
    return first, second


def fill(session: Session, run: AccrualRun, agency: Agency, pieces: Sequence[tuple[str, int, int, bool]]) -> None:
    for number, (kind, name, minor, has_name) in enumerate(pieces):
        facts = {"loan_account_no": f"LN{name}", "of": f"A{name}", "card": f"T v{name % 2}"} if has_name else {}
        session.add(
            AccrualLine(
                ref=f"A{run.id}-{number}",
                run_id=run.id,
                agency_id=agency.id,
                kind=kind,
                rule_id=f"r{name}",
                base_minor=0,
                amount_minor=minor,
                currency="INR",
                credited_on=date(2026, 10, 31),
                facts=facts,
                steps=[{"step": "slab", "from": str(name), "rate": "0.1"}] if minor % 2 else [],
            )
        )
    session.flush()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PIECE, max_size=12), st.lists(PIECE, max_size=12))
def test_the_causes_sum_to_the_difference_of_any_two_runs(
    two_runs: tuple[AccrualRun, AccrualRun],
    bank_session: Session,
    agency: Agency,
    was: list[tuple[str, int, int, bool]],
    now: list[tuple[str, int, int, bool]],
) -> None:
    place = bank_session.begin_nested()
    first, second = two_runs
    fill(bank_session, first, agency, was)
    fill(bank_session, second, agency, now)
    heads = [RunHead(run.id, OCTOBER, run.version, "INR", run.run_at) for run in two_runs]
    heads[0] = RunHead(first.id, OCTOBER, first.version, "INR", first.run_at, False)
    found = difference(bank_session, *heads, agency.id)
    assert found.minor == sum(each[2] for each in now) - sum(each[2] for each in was)
    assert sum(cause.minor for cause in found.causes) == found.minor
    assert sum(line.minor for line in changed_lines(bank_session, *heads, agency.id, limit=100)) == found.minor
    place.rollback()


def test_first_pages_say_what_a_settled_agency_earned_after_a_later_run(world: World, agency: Agency) -> None:
    rival = an_agency(world.session, "VEGA", pan="AAPFU0940F")
    world.card()
    world.earn(agency, 1000)
    world.earn(agency, 700, mode="auto_debit")
    world.accrue()
    world.settle()
    next_day(world)
    world.earn(rival, 3000)
    world.accrue()
    assert [closing.standing(world.session, OCTOBER, each).earned_minor for each in (agency.id, rival.id, None)] == [
        5000,
        15000,
        20000,
    ]
    assert [each.code for each in closing.unpaid_by_reason(world.session, OCTOBER, agency.id)] == ["auto_debit"]
    assert {each.code: each.earned_minor for each in closing.agencies_in(world.session, OCTOBER)} == {
        "SHAKTI": 5000,
        "VEGA": 15000,
    }
