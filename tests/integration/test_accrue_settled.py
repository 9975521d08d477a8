"""Months that are settled: what is late, what came back, what is never in two months."""

from __future__ import annotations

import threading
from datetime import date
from typing import Any

import pytest
from sqlalchemy import text

from allocations.agencies.models import Agency
from payouts.commission.service import accrue
from payouts.commission.verifying import recompute
from payouts.settlements.service import reject as reject_settlement
from portal.kernel.errors import Refused
from portal.kernel.periods import parse_month
from tests.factories.accrual import NOVEMBER, OCTOBER, World
from tests.factories.month import CHECKER, SYSTEM


def test_a_settled_month_does_not_move_and_what_is_late_goes_to_the_next(world: World, agency: Agency) -> None:
    world.card()
    world.earn(agency, 1000)
    before = world.accrue()
    world.settle()
    late = world.earn(agency, 2000, date(2026, 10, 20))
    after = world.accrue()
    assert (after.created, after.total_minor, after.run.id) == (False, before.total_minor, before.run.id)
    november = world.accrue(NOVEMBER)
    assert [(line.link_id, line.amount_minor) for line in world.lines(november.run)] == [(late.id, 10000)]


def test_one_agency_settled_and_the_other_open(world: World, agency: Agency, rival: Agency) -> None:
    world.card()
    world.earn(agency, 1000)
    first = world.accrue()
    world.settle()
    assert not world.accrue().created
    world.earn(rival, 3000)
    second = world.accrue()
    assert second.created
    assert {code: each.total_minor for code, each in second.by_agency.items()} == {"SHAKTI": 5000, "VEGA": 15000}
    assert second.by_agency["SHAKTI"].is_settled
    assert len(world.lines(first.run)) == 1
    assert (second.lines, second.run.lines) == (2, 1)
    assert not world.accrue().created


def test_money_returned_after_it_was_paid_is_taken_back_at_the_rate_paid(world: World, agency: Agency) -> None:
    world.card("0.05")
    link, kept = world.earn(agency, 1000), world.earn(agency, 3000)
    paid = world.accrue()
    world.settle()
    world.undo(link, world.now)
    world.card("0.10", start="2026-11-01")
    november = world.accrue(NOVEMBER)
    (line,) = world.lines(november.run)
    original = next(each for each in world.lines(paid.run) if each.link_id == link.id)
    assert (line.kind, line.amount_minor, line.base_minor) == ("clawback", -5000, -100000)
    assert (line.clawback_of_id, line.link_id) == (original.id, link.id)
    assert line.facts["of"] == original.ref
    assert world.unpaid(november.run) == {link.collection_id: "reversed"}
    assert recompute(world.session, november.run) == []
    assert kept.status == "confirmed"


def test_money_is_taken_back_once(world: World, agency: Agency) -> None:
    world.card()
    link = world.earn(agency, 1000)
    world.earn(agency, 500, date(2026, 11, 3))
    world.accrue()
    world.settle()
    world.undo(link, world.now)
    assert world.accrue(NOVEMBER).total_minor == 2500 - 5000
    world.settle(NOVEMBER)
    assert not world.accrue(NOVEMBER).created


def test_money_returned_before_the_month_is_settled_just_goes(world: World, agency: Agency) -> None:
    world.card()
    link = world.earn(agency, 1000)
    world.accrue()
    world.undo(link, world.now)
    result = world.accrue()
    assert (result.total_minor, world.unpaid(result.run)) == (0, {link.collection_id: "reversed"})


def test_money_returned_after_the_window_is_not_taken_back(world: World, agency: Agency) -> None:
    world.card(more="[agency]\nclawback = { window_days = 20 }")
    link, other = world.earn(agency, 1000), world.earn(agency, 1000, date(2026, 10, 30))
    world.accrue()
    world.settle()
    for each in (link, other):
        world.undo(each, world.now)
    assert [line.link_id for line in world.lines(world.accrue(NOVEMBER).run)] == [other.id]


def test_what_a_settled_month_said_earns_nothing_is_not_said_again(world: World, agency: Agency) -> None:
    world.card()
    world.earn(agency, 1000)
    world.earn(agency, 1000, mode="auto_debit")
    world.accrue()
    world.settle()
    world.earn(agency, 1000, date(2026, 11, 2))
    assert world.accrue(NOVEMBER).unpaid == {}


def test_a_settlement_sent_back_opens_its_month_and_no_money_is_ever_in_two(
    world: World, agency: Agency, rival: Agency
) -> None:
    world.card()
    world.earn(agency, 1000)
    world.accrue()
    world.settle()
    late = world.earn(agency, 2000, date(2026, 10, 20))
    world.earn(rival, 500)
    assert world.accrue().total_minor == 5000 + 2500
    assert [line.link_id for line in world.lines(world.accrue(NOVEMBER).run)] == [late.id]
    reject_settlement(world.session, "S2610-SHAKTI", actor=CHECKER, now=world.now, reason="A line is missing.")
    again = world.accrue()
    assert {code: each.total_minor for code, each in again.by_agency.items()} == {"SHAKTI": 5000, "VEGA": 2500}
    assert recompute(world.session, again.run) == []
    assert world.accrue(NOVEMBER).lines == 0
    home = world.accrue()
    assert (home.created, home.by_agency["SHAKTI"].total_minor) == (True, 15000)
    assert late.id in {line.link_id for line in world.lines(home.run)}
    assert not world.accrue(NOVEMBER).created


# --- robustness


def test_a_month_that_has_not_begun_is_refused(world: World) -> None:
    with pytest.raises(Refused):
        world.accrue(parse_month("2026-12"))


def test_a_hand_edited_line_is_found_and_named(world: World, agency: Agency, database: Any) -> None:
    world.card()
    world.earn(agency, 1000)
    run = world.accrue().run
    ref = world.lines(run)[0].ref
    world.session.commit()
    database.execute("update accrual_lines set amount_minor = amount_minor + 1")
    world.session.expire_all()
    found = recompute(world.session, run)
    assert (ref, "amount_minor", "5001", "5000") in {
        (each.ref, each.field, each.stored, each.computed) for each in found
    }


def test_two_accruals_at_once_are_one(world: World, agency: Agency, database: Any, clock: Any) -> None:
    from portal.kernel.db import bank_scope, unit_of_work

    world.card()
    world.earn(agency, 1000)
    world.session.commit()
    made: list[bool] = []

    def go() -> None:
        with database.logins.session(bank_scope(clock.today())) as session, unit_of_work(session):
            made.append(accrue(session, OCTOBER, actor=SYSTEM, now=clock.now()).created)

    threads = [threading.Thread(target=go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == [False, False, False, True]
    assert world.session.scalar(text("select count(*) from accrual_lines")) == 1


def test_the_command_says_lines_totals_hashes_and_reasons(world: World, agency: Agency, cli: Any) -> None:
    world.card()
    world.earn(agency, 1000)
    world.collection(agency, 500)
    world.session.commit()
    result = cli("accrue", "--period", "2026-10")
    assert result.exit_code == 0
    said = result.json
    assert (said["lines"], said["total"], said["currency"], said["created"]) == (1, "50.00", "INR", True)
    assert said["by_agency"]["SHAKTI"]["total"] == "50.00"
    assert said["unpaid"] == {"no_bank_line": {"count": 1, "amount": "500.00"}}
    again = cli("accrue", "--period", "2026-10").json
    assert (again["created"], again["input_hash"], again["result_hash"]) == (
        False,
        said["input_hash"],
        said["result_hash"],
    )
    assert cli("accrue", "--period", "October").exit_code == 2
    assert cli("accrue", "--period", "2027-10").exit_code == 1
