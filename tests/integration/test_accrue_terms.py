"""Terms that reach beyond one payment: pools, accounts, grades, orders, caps, guarantees, lines by hand."""

from __future__ import annotations

from datetime import date

from allocations.agencies.models import Agency, Agent
from allocations.placements.models import Allocation, LoanAccount
from payouts.commission.verifying import recompute
from payouts.rate_cards.service import assign_terms
from payouts.settlements.drafting import draft
from tests.factories.accrual import NOVEMBER, OCTOBER, World
from tests.factories.earning import HEAD, a_measure, amounts, an_adjustment, an_event, approved, ended_at
from tests.factories.month import MAKER, SYSTEM
from tests.factories.world import an_allocation

# --- pools


ACCOUNT_POOL = (
    HEAD
    + """
[[rule]]
id = "own"
driver = "resolution_pct_pos"
driver_scope = "account"
slabs = [ {from = 0, rate = "0.01"}, {from = 100, rate = "0.05"} ]
"""
)


def test_a_pool_of_one_account_is_resolved_or_not(world: World, agency: Agency) -> None:
    approved(world, ACCOUNT_POOL)
    for dpd in (20, 80):
        allocation = world.allocation(agency)
        ended_at(world, allocation, dpd)
        world.earn(agency, 1_000, allocation=allocation)
    world.earn(agency, 1_000)
    result = world.accrue()
    assert [line.amount_minor for line in world.lines(result.run)] == [5_000, 1_000]
    assert result.unpaid == {"not_measured": (1, 100_000)}
    assert recompute(world.session, result.run) == []


RULE_POOL = (
    HEAD
    + """
[[rule]]
id = "west"
when = { region = ["West"], mode = ["upi"] }
driver = "resolution_pct_count"
driver_scope = "rule"
slabs = [ {from = 0, rate = "0.01"}, {from = 60, rate = "0.05"} ]
[[rule]]
id = "rest"
driver = "collection_efficiency_pct"
driver_scope = "rule"
slabs = [ {from = 0, rate = "0.02"}, {from = 5, rate = "0.03"} ]
"""
)


def test_a_pool_of_a_rule_is_the_accounts_its_conditions_are_for(world: World, agency: Agency) -> None:
    approved(world, RULE_POOL)
    for region, dpd in (("West", 20), ("West", 45), ("West", 80), ("East", 80), ("East", 80)):
        allocation = world.allocation(agency, region=region)
        ended_at(world, allocation, dpd)
        world.earn(agency, 1_000, allocation=allocation)
    # West: two of three resolved. The other rule is for every account: 5,000 of 75,000 overdue is 6.67 %.
    assert [line[2] for line in amounts(world)] == [5_000, 5_000, 5_000, 3_000, 3_000]


def test_the_accounts_money_came_in_on_are_counted(world: World, agency: Agency) -> None:
    rule = '[[rule]]\nid = "r"\ndriver = "account_count"\nslabs = [ {from = 0, rate = "0.01"}, {from = 2, rate = "0.02"} ]\n'
    approved(world, HEAD + rule)
    one = world.allocation(agency)
    world.earn(agency, 1_000, allocation=one)
    world.earn(agency, 1_000, allocation=one)
    assert [line[2] for line in amounts(world)] == [1_000, 1_000]
    world.earn(agency, 1_000)
    assert [line[2] for line in amounts(world)] == [2_000, 2_000, 2_000]


BALANCE = (
    HEAD
    + """
[[rule]]
id = "b"
driver = "balance_before"
mode = "marginal"
slabs = [ {from = 0, rate = "0.10"}, {from = 100000, rate = "0.20"} ]
"""
)


def test_what_was_owing_before_a_payment_counts_down_from_the_snapshot(world: World, agency: Agency) -> None:
    approved(world, BALANCE)
    allocation = world.allocation(agency)  # 1,10,000.00 owing at the end of September
    world.earn(agency, 6_000, date(2026, 10, 2), allocation=allocation)
    world.earn(agency, 6_000, date(2026, 10, 3), allocation=allocation)
    run = world.accrue().run
    lines = world.lines(run)
    assert [line.facts["balance_before"] for line in lines] == ["110000.00", "104000.00"]
    assert [line.amount_minor for line in lines] == [120_000, 80_000 + 20_000]
    assert lines[0].facts["balance_as_of"] == "2026-09-30"
    assert recompute(world.session, run) == []


# --- accounts, grades, orders


PER_ACCOUNT = (
    HEAD
    + """
[[rule]]
id = "cash"
slabs = [ {rate = "0.01"} ]
[[rule]]
id = "saved"
earns_on = "account"
when = { outcome = ["stabilised"] }
slabs = [ {amount = "75.00"} ]
[[rule]]
id = "better"
earns_on = "account"
when = { outcome = ["rolled_back", "normalised"] }
slabs = [ {rate = "0.001"} ]
"""
)


def test_accounts_earn_by_what_became_of_them_once_that_is_measured(
    world: World, agency: Agency, rival: Agency
) -> None:
    approved(world, PER_ACCOUNT)
    for dpd in (20, 45, 80):
        ended_at(world, world.allocation(agency), dpd)
    unseen = world.allocation(agency)
    recalled = world.allocation(agency, to_on=date(2026, 10, 20))
    ended_at(world, recalled, 45)
    result = world.accrue()
    # 1,00,000.00 of principal rolled back at a tenth of a percent; one stabilised account at 75.00.
    assert amounts(world) == [("account_fee", "better", 10_000), ("account_fee", "saved", 7_500)]
    assert {(each["code"], each["count"]) for each in result.run.summary["untaken"]} == {
        ("not_measured", 1),
        ("no_rule", 1),
    }
    assert [each["refs"] for each in result.run.summary["untaken"] if each["code"] == "not_measured"] == [
        [unseen.loan_account_no]
    ]
    assert {line.credited_on for line in world.lines(result.run)} == {date(2026, 10, 31)}


def test_a_late_snapshot_is_a_new_reading_and_a_new_run(world: World, agency: Agency) -> None:
    approved(world, PER_ACCOUNT)
    allocation = world.allocation(agency)
    first = world.accrue().run
    assert (first.lines, world.lines(first)) == (0, [])
    ended_at(world, allocation, 45)
    second = world.accrue().run
    assert (second.version, second.total_minor) == (2, 7_500)
    assert first.outcome_set_id != second.outcome_set_id
    assert world.lines(first) == []


GRADED = (
    HEAD
    + """
[[rule]]
id = "a"
when = { agency_grade = ["A"], placement_order = ["1"] }
slabs = [ {rate = "0.05"} ]
[[rule]]
id = "second"
when = { placement_order = ["2"] }
slabs = [ {rate = "0.08"} ]
[[rule]]
id = "rest"
slabs = [ {rate = "0.02"} ]
"""
)


def test_grade_and_order_of_placement_choose_the_rule_and_an_unknown_grade_waits(
    world: World, agency: Agency, rival: Agency
) -> None:
    approved(world, GRADED)
    first = world.allocation(rival, from_on=date(2026, 9, 1), to_on=date(2026, 9, 30))
    again = placed_again(world, agency, first.loan_account_id)
    world.earn(agency, 1_000, allocation=again)
    world.earn(agency, 1_000)
    result = world.accrue()
    assert result.unpaid == {"not_measured": (1, 100_000)}
    a_measure(world, agency, "grade", "A")
    assert amounts(world) == [("commission", "second", 8_000), ("commission", "a", 5_000)]
    assert [line.facts["placement_order"] for line in world.lines(world.accrue().run)] == ["2", "1"]


def placed_again(world: World, agency: Agency, account_id: int, from_on: date = date(2026, 10, 1)) -> Allocation:
    return an_allocation(world.session, world.session.get_one(LoanAccount, account_id), agency, from_on=from_on)


# --- what takes away, and the reason it is told with


CAPPED = HEAD + '[[rule]]\nid = "r"\nslabs = [ {rate = "0.10"} ]\ncap = { per = "account", amount = "150.00" }\n'


def test_money_behind_a_full_cap_is_told(world: World, agency: Agency) -> None:
    approved(world, CAPPED)
    allocation = world.allocation(agency)
    for day in (1, 2, 3):
        world.earn(agency, 1_000, date(2026, 10, day), allocation=allocation)
    result = world.accrue()
    assert result.total_minor == 15_000
    assert result.unpaid == {"capped_out": (1, 100_000)}
    assert recompute(world.session, result.run) == []


def test_below_the_qualifier_every_receipt_says_so(world: World, agency: Agency) -> None:
    text = '[[rule]]\nid = "r"\nslabs = [ {rate = "0.10"} ]\n[agency]\nqualifier = { driver = "confirmed_amount", at_least = "3000" }\n'
    approved(world, HEAD + text)
    world.earn(agency, 1_000)
    world.earn(agency, 1_000)
    result = world.accrue()
    assert (result.total_minor, result.unpaid) == (0, {"below_qualifier": (2, 200_000)})
    world.earn(agency, 1_000)
    result = world.accrue()
    assert (result.total_minor, result.unpaid) == (30_000, {})


def test_money_before_the_allocation_and_of_a_lapsed_certificate(world: World, agency: Agency) -> None:
    world.card()
    lapsed = Agent(agency_id=agency.id, code="A1", name="Ravi", certificate_until=date(2026, 10, 9))
    world.session.add(lapsed)
    world.session.flush()
    expected = {
        world.earn(agency, 1_000, date(2026, 9, 30)).collection_id: "before_allocation",
        world.earn(agency, 1_000, agent_code="A1").collection_id: "certificate_lapsed",
    }
    valid = world.earn(agency, 1_000, date(2026, 10, 9), agent_code="A1")
    world.confirm(world.collection(agency, 500, date(2026, 10, 9), agent_code="A1"))
    result = world.accrue(OCTOBER)
    assert world.unpaid(result.run) | world.unpaid(world.accrue(OCTOBER.previous()).run) == expected
    assert valid.id in {line.link_id for line in world.lines(result.run)}


# --- tail


TAIL = '[[rule]]\nid = "r"\nslabs = [ {rate = "0.10"} ]\n[agency]\ntail_days = 5\n'


def test_money_within_the_tail_earns_unless_another_agency_has_the_account(
    world: World, agency: Agency, rival: Agency
) -> None:
    approved(world, HEAD + TAIL)
    ended = [world.allocation(agency, to_on=date(2026, 10, 9)) for _ in range(3)]
    inside = world.earn(agency, 1_000, date(2026, 10, 14), allocation=ended[0])
    after = world.earn(agency, 1_000, date(2026, 10, 15), allocation=ended[1])
    taken = world.earn(agency, 1_000, date(2026, 10, 12), allocation=ended[2])
    placed_again(world, rival, ended[2].loan_account_id, date(2026, 10, 12))
    result = world.accrue()
    (line,) = world.lines(result.run)
    assert (line.link_id, line.amount_minor, line.facts["days_after_term"]) == (inside.id, 10_000, 5)
    assert world.unpaid(result.run) == {after.collection_id: "not_allocated", taken.collection_id: "not_allocated"}
    assert recompute(world.session, result.run) == []


# --- from month to month


PROMISES = """
[[rule]]
id = "r"
slabs = [ {rate = "0.10"} ]
[agency]
minimum_guarantee = { amount = "5000.00" }
holdback = { rate = "0.10", release_after_days = 0 }
"""


def test_a_guarantee_is_paid_without_any_money_to_an_agency_under_its_own_terms(
    world: World, agency: Agency, rival: Agency
) -> None:
    approved(world, HEAD + PROMISES)
    assign_terms(world.session, agency, "X", from_on=date(2026, 4, 1), actor=MAKER, now=world.now)
    world.allocation(agency)
    world.allocation(rival)
    assert amounts(world) == [("guarantee", "minimum_guarantee", 500_000), ("holdback", "holdback", -50_000)]
    assert {code: each.total_minor for code, each in world.accrue().by_agency.items()} == {"SHAKTI": 450_000, "VEGA": 0}


def test_two_versions_of_a_card_promise_once(world: World, agency: Agency) -> None:
    approved(world, HEAD + PROMISES)
    approved(world, (HEAD + PROMISES).replace("2026-04-01", "2026-10-01").replace('"0.10"} ]', '"0.20"} ]'))
    for from_on in (date(2026, 9, 1), date(2026, 10, 1)):
        world.earn(agency, 10_000, allocation=world.allocation(agency, from_on=from_on))
    # 1,000.00 under the first, 2,000.00 under the second: lifted once, by 2,000.00.
    assert amounts(world) == [
        ("commission", "r", 100_000),
        ("commission", "r", 200_000),
        ("guarantee", "minimum_guarantee", 200_000),
        ("holdback", "holdback", -50_000),
    ]


def test_what_is_held_back_is_released_once_and_the_settlements_say_so(world: World, agency: Agency) -> None:
    approved(world, HEAD + PROMISES)
    world.earn(agency, 100_000)
    assert amounts(world) == [("commission", "r", 1_000_000), ("holdback", "holdback", -100_000)]
    world.settle()
    assert amounts(world, NOVEMBER) == [("holdback_release", "holdback", 100_000)]
    made = draft(world.session, NOVEMBER, actor=SYSTEM, now=world.now).settlements[0]
    assert (made.gross_minor, made.adjustments_minor, made.withholding_minor) == (0, 100_000, 0)
    world.settle(NOVEMBER)
    assert world.accrue(NOVEMBER).total_minor == 100_000


# --- by hand, and events


FIELD = """
[[rule]]
id = "visit"
earns_on = "event"
when = { event = ["visit"] }
driver = "event_count"
mode = "marginal"
slabs = [ {from = 0, amount = "100"}, {from = 3, amount = "50"} ]
[[penalty]]
id = "late"
event = "late_deposit"
rate = "0.01"
per_day = true
treatment = "separate_recovery"
[[penalty]]
id = "rude"
event = "visit"
amount = "10"
"""


def test_events_pay_and_cost_and_what_is_recovered_apart_is_no_fee(world: World, agency: Agency) -> None:
    approved(world, HEAD + FIELD)
    visit = an_event(world, agency, "visit", count=4)
    an_event(world, agency, "late_deposit", amount_minor=1_000_000, days=2)
    vague = an_event(world, agency, "late_deposit")
    bonus = an_adjustment(world, agency, "bonus", 7_700)
    an_adjustment(world, agency, "penalty", -700)
    run = world.accrue().run
    assert amounts(world)[:3] == [
        ("event_fee", "visit", 35_000),
        ("penalty", "rude", -4_000),
        ("separate_recovery", "late", -20_000),
    ]
    assert {line[2] for line in amounts(world)[3:]} == {7_700, -700}
    assert [line.event_id for line in world.lines(run)[:2]] == [visit.id, visit.id]
    assert [line.rule_id for line in world.lines(run) if line.kind == "bonus"] == [bonus]
    assert run.summary["untaken"] == [
        {"agency": "SHAKTI", "what": "event", "code": "amount_missing", "count": 1, "refs": [vague.ref]}
    ]
    made = draft(world.session, OCTOBER, actor=SYSTEM, now=world.now).settlements[0]
    assert made.gross_minor == 35_000
    assert made.tax["withholding"]["base_minor"] == 38_000  # the separate recovery does not lower what is taxed


def test_an_event_accepted_late_comes_into_the_first_open_month_and_never_twice(world: World, agency: Agency) -> None:
    approved(world, HEAD + FIELD)
    an_event(world, agency, "visit")
    world.accrue()
    world.settle()
    late = an_event(world, agency, "visit", date(2026, 10, 30))
    adjusted = an_adjustment(world, agency, "adjustment", 500)
    assert not world.accrue().created
    run = world.accrue(NOVEMBER).run
    assert {(line.event_id, line.rule_id) for line in world.lines(run)} == {
        (late.id, "visit"),
        (late.id, "rude"),
        (None, adjusted),
    }
    world.settle(NOVEMBER)
    assert not world.accrue(NOVEMBER).created
