"""A month's commission: from confirmed links to lines, and a reason for everything else."""

from __future__ import annotations

from datetime import date

import pytest

from allocations.agencies.models import Agency
from allocations.collections.models import Collection
from allocations.placements.models import Hold
from allocations.reconciliation.models import Break, MatchLink
from payouts.commission.verifying import recompute
from payouts.rate_cards.service import approve, assign_terms, import_card
from portal.kernel.periods import parse_month
from tests.factories.accrual import CARD, World
from tests.factories.month import CHECKER, MAKER, a_bank_line
from tests.factories.world import MADE_AT, a_snapshot


def test_confirmed_money_earns_its_rate_and_says_how(world: World, agency: Agency) -> None:
    world.card()
    link = world.earn(agency, 1234)
    result = world.accrue()
    assert (result.created, result.lines, result.total_minor, result.unpaid) == (True, 1, 6170, {})
    (line,) = world.lines(result.run)
    assert (line.kind, line.rule_id, line.base_minor, line.amount_minor) == ("commission", "cash", 123400, 6170)
    assert (line.link_id, line.collection_id) == (link.id, link.collection_id)
    assert line.ref == "A2610.1-00001"
    assert line.facts["opening_bucket"] == "31-60"
    assert [step["step"] for step in line.steps] == ["base", "slab", "round"]
    assert line.steps[1]["rate"] == "0.05"
    assert recompute(world.session, result.run) == []


def test_the_same_inputs_make_no_new_run(world: World, agency: Agency) -> None:
    world.card()
    world.earn(agency)
    first, again = world.accrue(), world.accrue()
    assert (again.created, again.run.id) == (False, first.run.id)
    world.earn(agency)
    third = world.accrue()
    assert (third.created, third.run.version, third.lines) == (True, 2, 2)
    world.session.refresh(first.run)
    assert not first.run.is_current


def test_neighbours_with_other_rates_and_months_do_not_meet(world: World, agency: Agency, rival: Agency) -> None:
    world.card("0.05", "T")
    world.card("0.11", "U")
    assign_terms(world.session, rival, "U", from_on=date(2026, 4, 1), actor=MAKER, now=world.now)
    world.earn(agency, 1000, date(2026, 10, 31))
    world.earn(rival, 1000, date(2026, 10, 31))
    world.earn(agency, 7000, date(2026, 9, 30), allocation=world.allocation(agency, from_on=date(2026, 9, 1)))
    world.earn(agency, 9000, date(2026, 11, 1))
    result = world.accrue()
    assert {code: each.total_minor for code, each in result.by_agency.items()} == {"SHAKTI": 5000, "VEGA": 11000}


def test_without_terms_of_its_own_an_agency_is_paid_by_the_first_card_that_fits(world: World, agency: Agency) -> None:
    world.card("0.07", "B")
    world.card("0.05", "A")
    world.earn(agency)
    (line,) = world.lines(world.accrue().run)
    assert line.amount_minor == 5000


@pytest.mark.parametrize(
    ("by", "before", "after"),
    [
        ("allocation", {"from_on": date(2026, 9, 30)}, {"from_on": date(2026, 10, 1)}),
        ("collection", {"collected": date(2026, 9, 30)}, {"collected": date(2026, 10, 1)}),
        ("confirmation", {"confirmed": date(2026, 9, 30)}, {"confirmed": date(2026, 10, 1)}),
    ],
)
def test_the_version_in_force_is_picked_by_the_date_the_card_names(
    world: World, agency: Agency, by: str, before: dict[str, date], after: dict[str, date]
) -> None:
    world.card("0.05", by=by)
    world.card("0.10", start="2026-10-01", by=by)
    rates = []
    for days in (before, after):
        allocation = world.allocation(agency, from_on=days.get("from_on", date(2026, 9, 1)))
        confirmed = days.get("confirmed", date(2026, 10, 5))
        collected = days.get("collected", min(date(2026, 10, 1), confirmed))
        link = world.confirm(world.collection(agency, 1000, collected, allocation), confirmed)
        run = world.accrue(parse_month(f"{confirmed:%Y-%m}")).run
        rates += [line.amount_minor for line in world.lines(run) if line.link_id == link.id]
    assert rates == [5000, 10000]


MORE_RULES = """
[[rule]]
id = "pct"
when = { opening_bucket = ["61-90"] }
driver = "resolution_pct_pos"
slabs = [ {from = 0, rate = "0.05"} ]
[[rule]]
id = "part"
when = { opening_bucket = ["91-180"] }
components = ["principal"]
slabs = [ {from = 0, rate = "0.05"} ]
lag = [ {within_days = 1, factor = "1"}, {factor = "0"} ]
"""


def test_every_reason_why_a_collection_earns_nothing(world: World, agency: Agency) -> None:
    world.card(more=MORE_RULES)
    expected: dict[int, str] = {}

    def expect(code: str, collection: Collection) -> Collection:
        expected[collection.id] = code
        return collection

    expect("no_bank_line", world.collection(agency))
    for break_code, code in (("R03", "amount_differs"), ("R04", "duplicate_claim"), ("R09", "reversed")):
        a_break(world, expect(code, world.collection(agency)), break_code)
    waiting = expect("suggestion_waits", world.collection(agency))
    line = a_bank_line(world.session, "SUGGESTED", waiting.amount_minor, waiting.collected_on)
    suggested = {"rule": "account_and_amount", "rule_version": 1, "created_at": MADE_AT, "bank_line_id": line.id}
    world.session.add(
        MatchLink(
            agency_id=agency.id,
            collection_id=waiting.id,
            amount_minor=waiting.amount_minor,
            status="suggested",
            **suggested,
        )
    )
    world.session.flush()
    world.undo(world.confirm(expect("reversed", world.collection(agency))), world.now)
    recalled = world.allocation(agency, to_on=date(2026, 10, 9))
    world.confirm(expect("not_allocated", world.collection(agency, allocation=recalled)))
    world.confirm(expect("auto_debit", world.collection(agency, mode="auto_debit")))
    held = expect("hold", world.collection(agency))
    hold(world, held, "no_accrual", date(2026, 10, 10), date(2026, 10, 10))
    world.confirm(held)
    stopped = expect("hold", world.collection(agency))
    hold(world, stopped, "both", date(2026, 10, 10), date(2026, 10, 10))
    world.confirm(stopped)
    worked = world.collection(agency)
    hold(world, worked, "no_work", date(2026, 10, 10), None)
    hold(world, worked, "both", date(2026, 10, 11), None)
    world.confirm(worked)
    world.confirm(expect("no_rule", world.collection(agency, allocation=world.allocation(agency, bucket="1-30"))))
    world.confirm(expect("not_measured", world.collection(agency, allocation=world.allocation(agency, bucket="61-90"))))
    old = [world.allocation(agency, bucket="91-180") for _ in range(2)]
    world.confirm(expect("components_missing", world.collection(agency, allocation=old[0])))
    split = {"component_principal_minor": 60000, "component_interest_minor": 40000}
    late = world.collection(agency, allocation=old[1], **split)
    world.confirm(expect("late_deposit", late), date(2026, 10, 12))
    result = world.accrue()
    assert world.unpaid(result.run) == expected
    earned = {line.collection_id: line.amount_minor for line in world.lines(result.run)}
    assert earned == {worked.id: 5000, late.id: 0}
    assert result.unpaid["reversed"] == (2, 200000)
    assert recompute(world.session, result.run) == []


def a_break(world: World, collection: Collection, code: str) -> None:
    world.session.add(
        Break(
            code=code,
            side="collection",
            ref=collection.receipt_no,
            collection_id=collection.id,
            agency_id=collection.agency_id,
            amount_minor=collection.amount_minor,
            currency="INR",
            opened_on=collection.collected_on,
            owner="agency",
            cure="Mend it.",
        )
    )
    world.session.flush()


def hold(world: World, collection: Collection, effect: str, from_on: date, to_on: date | None) -> None:
    row = Hold(
        loan_account_id=collection.loan_account_id,
        reason="grievance",
        from_on=from_on,
        to_on=to_on,
        effect=effect,
        created_by="x",
        created_at=MADE_AT,
    )
    world.session.add(row)
    world.session.flush()


def test_a_partly_confirmed_receipt_earns_on_what_the_bank_saw_and_waits_for_the_rest(
    world: World, agency: Agency
) -> None:
    world.card()
    half, rounding = world.collection(agency, 1000), world.collection(agency, 1000)
    world.confirm(half, minor=40000)
    world.confirm(rounding, minor=99900)
    result = world.accrue()
    assert sorted(line.amount_minor for line in world.lines(result.run)) == [2000, 4995]
    assert result.unpaid == {"no_bank_line": (1, 60000)}


def test_lag_days_count_from_taking_the_money_to_the_bank_having_it(world: World, agency: Agency) -> None:
    world.card(more='lag = [ {within_days = 1, factor = "1"}, {within_days = 3, factor = "0.90"}, {factor = "0"} ]')
    for days in (0, 1, 2, 3, 4):
        world.confirm(world.collection(agency, 1000), date(2026, 10, 10 + days))
    amounts = [line.amount_minor for line in world.lines(world.accrue().run)]
    assert amounts == [5000, 5000, 4500, 4500, 0]


PCT = """driver = "resolution_pct_pos"
driver_scope = "agency+opening_bucket"
"""


def test_resolution_is_measured_on_the_frozen_opening_over_the_pool(
    world: World, agency: Agency, rival: Agency
) -> None:
    card = CARD.format(code="T", rate="0.05", start="2026-04-01", by="allocation", more=PCT)
    card = card.replace('rate = "0.05"} ]', 'rate = "0.05"}, {from = 60, rate = "0.10"} ]')
    version = import_card(world.session, card, actor=MAKER, now=world.now)
    approve(world.session, "T", version.version, actor=CHECKER, now=world.now, comment="As agreed.")
    for who, closing in ((agency, [0, 20, 45, 70, None]), (rival, [70, 70, 45, 0, None])):
        for dpd in closing:
            allocation = world.allocation(who)
            account = allocation.loan_account_id
            if dpd is not None:
                a_snapshot_of(world, account, date(2026, 10, 31), dpd)
                a_snapshot_of(world, account, date(2026, 10, 15), 200)
        world.earn(who, 1000, allocation=allocation)
    result = world.accrue()
    assert {code: each.total_minor for code, each in result.by_agency.items()} == {"SHAKTI": 10000, "VEGA": 5000}
    steps = {line.agency_id: line.steps[1] for line in world.lines(result.run)}
    assert (steps[agency.id]["value"], steps[agency.id]["pool"], steps[agency.id]["rate"]) == ("60", "31-60", "0.1")
    assert steps[rival.id]["value"] == "40"
    assert recompute(world.session, result.run) == []


def a_snapshot_of(world: World, account_id: int, day: date, dpd_days: int) -> None:
    from allocations.placements.models import LoanAccount

    account = world.session.get(LoanAccount, account_id)
    assert account is not None
    a_snapshot(world.session, account, day, dpd_days=dpd_days)


def test_caps_over_an_account_and_bonuses_are_lines_of_their_own(world: World, agency: Agency) -> None:
    more = """cap = { per = "account", amount = "60.00" }
[[bonus]]
id = "volume"
condition = { driver = "confirmed_amount", at_least = 1500 }
rate = "0.01"
"""
    world.card(more=more)
    allocation = world.allocation(agency)
    world.earn(agency, 1000, allocation=allocation)
    world.earn(agency, 1000, allocation=allocation)
    result = world.accrue()
    found = [(line.kind, line.rule_id, line.amount_minor) for line in world.lines(result.run)]
    assert found == [
        ("commission", "cash", 5000),
        ("commission", "cash", 5000),
        ("cap", "cash", -4000),
        ("bonus", "volume", 2000),
    ]
    assert result.total_minor == 8000
    assert recompute(world.session, result.run) == []


def test_a_running_total_fills_in_the_order_of_the_bank(world: World, agency: Agency) -> None:
    card = CARD.format(
        code="T", rate="0.05", start="2026-04-01", by="allocation", more='driver = "running_total"\nmode = "marginal"'
    )
    card = card.replace('rate = "0.05"} ]', 'rate = "0.05"}, {from = 1500, rate = "0.10"} ]')
    version = import_card(world.session, card, actor=MAKER, now=world.now)
    approve(world.session, "T", version.version, actor=CHECKER, now=world.now, comment="As agreed.")
    second = world.earn(agency, 1000, date(2026, 10, 20))
    first = world.earn(agency, 1000, date(2026, 10, 5))
    amounts = {line.link_id: line.amount_minor for line in world.lines(world.accrue().run)}
    assert amounts == {first.id: 5000, second.id: 7500}


# --- months that are settled
