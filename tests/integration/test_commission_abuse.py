"""Ways money could be paid twice, taken twice or left lying between months: each is tried, none works."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from allocations.agencies.models import Agency
from payouts.commission.event_models import EarningEvent
from payouts.commission.event_rules import Told
from payouts.commission.events import decide_event, propose_event, resubmit_event
from payouts.commission.jobs import open_months
from payouts.commission.models import AccrualRun
from payouts.settlements.drafting import draft
from payouts.settlements.service import reject, submit
from portal.kernel.audit import Actor
from portal.kernel.db import bank_scope, set_scope
from portal.kernel.errors import Refused
from portal.kernel.periods import Period
from tests.factories.accrual import NOVEMBER, OCTOBER, World
from tests.factories.earning import HEAD, an_adjustment, an_event, approved
from tests.factories.month import CHECKER, FINANCE, SYSTEM

SEPTEMBER = OCTOBER.previous()
FIELD = Actor(201, "field@agency.example", "agency_admin")


def drafted(world: World, period: Period) -> str:
    (made,) = draft(world.session, period, actor=SYSTEM, now=world.now).settlements
    return made.ref


def submitted(world: World, ref: str) -> None:
    set_scope(world.session, bank_scope(NOVEMBER.end))  # each month is over
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
    with pytest.raises(Refused) as refused:
        submitted(world, stale)
    assert refused.value.code == "settled_twice"


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


def test_money_undone_after_midnight_at_the_bank_comes_back_in_the_new_month(world: World, agency: Agency) -> None:
    world.card()
    held = world.allocation(agency, from_on=SEPTEMBER.start)
    link = world.earn(agency, 1_000, date(2026, 9, 10), allocation=held)
    world.accrue(SEPTEMBER)
    world.settle(SEPTEMBER)
    world.undo(link, datetime.fromisoformat("2026-10-31T19:00:00+00:00"))
    assert sums(world, world.accrue().run) == []
    assert sums(world, world.accrue(NOVEMBER).run) == [("clawback", -5_000)]


# --- left lying


def test_a_month_nobody_had_earned_in_is_accrued_again_when_money_for_it_is_late(world: World, agency: Agency) -> None:
    world.card()
    held = world.allocation(agency, from_on=date(2026, 8, 1))
    august = SEPTEMBER.previous()
    world.accrue(august)
    late = world.earn(agency, 1_000, date(2026, 8, 20), allocation=held)
    late.confirmed_at = world.now
    world.session.flush()
    today = date(2026, 11, 30)
    assert august in open_months(world.session, today)
    assert [line.link_id for line in world.lines(world.accrue(august).run)] == [late.id]


def test_a_month_never_accrued_is_accrued_once_an_event_of_it_is_accepted(world: World, agency: Agency) -> None:
    world.allocation(agency, from_on=date(2026, 8, 1))
    an_event(world, agency, "visit", date(2026, 8, 20))
    assert SEPTEMBER.previous() in open_months(world.session, date(2026, 11, 30))


# --- counted once


COUNTED = """
[[rule]]
id = "r"
driver = "event_count"
slabs = [ {from = 0, rate = "0.01"}, {from = 2, rate = "0.05"} ]
"""


def test_an_event_counts_towards_one_months_slab(world: World, agency: Agency) -> None:
    approved(world, HEAD + COUNTED)
    an_event(world, agency, "visit", date(2026, 10, 5))
    an_event(world, agency, "visit", date(2026, 10, 6))
    world.earn(agency, 1_000)
    assert sums(world, world.accrue().run) == [("commission", 5_000)]
    world.settle()
    world.earn(agency, 1_000, date(2026, 11, 10))
    assert sums(world, world.accrue(NOVEMBER).run) == [("commission", 1_000)]


# --- events that say the same


def claimed(world: World, agency: Agency, no: str, note: str = "") -> EarningEvent:
    told = Told("visit", date(2026, 10, 12), no, note=note)
    return propose_event(
        world.session, told, agency=agency, source="agency", actor=FIELD, now=world.now, today=NOVEMBER.start
    )


def decided(world: World, event: EarningEvent, *, accept: bool) -> None:
    decide_event(world.session, event, accept=accept, reason="No photo of it.", actor=CHECKER, now=world.now)


def test_a_rejected_event_told_anew_and_accepted_is_not_accepted_as_resubmitted_too(
    world: World, agency: Agency
) -> None:
    no = world.allocation(agency).loan_account_no
    first = claimed(world, agency, no)
    decided(world, first, accept=False)
    decided(world, claimed(world, agency, no), accept=True)
    with pytest.raises(Refused):
        resubmit_event(world.session, first, note="Here is the photo.", actor=FIELD, now=world.now)


def test_a_visit_claimed_and_found_is_accepted_once(world: World, agency: Agency) -> None:
    allocation = world.allocation(agency)
    found = an_event(world, agency, "visit", allocation=allocation, source="visit", status="proposed")
    proposed = an_event(world, agency, "visit", allocation=allocation, status="proposed")
    decided(world, found, accept=True)
    with pytest.raises(Refused) as refused:
        decided(world, proposed, accept=True)
    assert refused.value.code == "event_there"
    decided(world, proposed, accept=False)


# --- debts


def test_a_debt_a_later_month_took_is_not_taken_again_by_an_earlier_one(world: World, agency: Agency) -> None:
    world.card()
    held = world.allocation(agency, from_on=SEPTEMBER.start)
    an_adjustment(world, agency, "penalty", -50_000, SEPTEMBER.start)
    world.accrue(SEPTEMBER)
    world.settle(SEPTEMBER)
    nets = []
    for month in (NOVEMBER, OCTOBER):
        world.earn(agency, 20_000, month.start, allocation=held)
        world.accrue(month)
        (made,) = draft(world.session, month, actor=SYSTEM, now=world.now).settlements
        submitted(world, made.ref)
        nets.append(made.gross_minor + made.adjustments_minor)
    assert nets == [50_000, 100_000]


def test_what_a_later_settlement_corrects_is_not_sent_back_beneath_it(world: World, agency: Agency) -> None:
    world.card()
    held = world.allocation(agency, from_on=SEPTEMBER.start)
    gone = world.earn(agency, 1_000, date(2026, 9, 10), allocation=held)
    world.accrue(SEPTEMBER)
    world.settle(SEPTEMBER)
    world.undo(gone, datetime.fromisoformat("2026-10-05T10:00:00+00:00"))
    world.earn(agency, 4_000, allocation=held)
    world.accrue()
    later = drafted(world, OCTOBER)
    submitted(world, later)
    with pytest.raises(Refused) as refused:
        reject(world.session, "S2609-SHAKTI", actor=CHECKER, now=world.now, reason="Look again.")
    assert (refused.value.code, later in refused.value.message) == ("corrected_later", True)
    for ref in (later, "S2609-SHAKTI"):
        reject(world.session, ref, actor=CHECKER, now=world.now, reason="Look again.")
    assert sums(world, world.accrue(SEPTEMBER).run) == []
    assert sums(world, world.accrue().run) == [("commission", 20_000)]
