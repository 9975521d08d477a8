"""The worked examples A to G as accruals: from accounts, receipts and events at the bank to lines and a settlement."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime

import pytest
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.placements.models import Allocation, LoanAccount
from payouts.commission.models import AccrualRun
from payouts.commission.verifying import recompute
from portal.kernel.periods import parse_month
from tests.factories.accrual import NOVEMBER, OCTOBER, World
from tests.factories.earning import a_compromise, a_measure, an_event, card_file, ended_at
from tests.factories.world import an_agency

SEPTEMBER = parse_month("2026-09")


def by_kind(world: World, run: AccrualRun) -> dict[str, int]:
    """Kind → minor units; and the run comes out again to the last byte."""
    sums: dict[str, int] = defaultdict(int)
    for line in world.lines(run):
        sums[line.kind] += line.amount_minor
    assert recompute(world.session, run) == []
    return dict(sums)


def resolved_at_73_5(world: World, agency: Agency) -> dict[str, Allocation]:
    """Two crore allocated: 18 lakh rolled back, 1.29 crore stabilised, 53 lakh rolled forward."""
    made = {}
    for name, principal, dpd in (("rb", 1_800_000, 20), ("st", 12_900_000, 45), ("fw", 5_300_000, 80)):
        made[name] = world.allocation(agency, opening_principal_minor=principal * 100)
        ended_at(world, made[name], dpd)
    return made


def test_a_whole_slab_with_bonus_and_penalties(world: World, agency: Agency) -> None:
    card_file(world, "a_whole.toml")
    held = resolved_at_73_5(world, agency)
    world.earn(agency, 520_000, allocation=held["rb"])
    world.earn(agency, 1_320_000, allocation=held["st"])
    an_event(world, agency, "late_deposit", count=2)
    an_event(world, agency, "missing_receipt")
    an_event(world, agency, "complaint")
    result = world.accrue()
    assert by_kind(world, result.run) == {"commission": 14_720_000, "bonus": 520_000, "penalty": -700_000}
    assert result.total_minor == 14_540_000
    assert {step["value"] for line in world.lines(result.run) for step in line.steps if step.get("rate") == "0.08"} == {
        "73.5"
    }


def test_a_marginal_slabs_fill_payment_by_payment(world: World, agency: Agency) -> None:
    card_file(world, "a_marginal.toml")
    for day, major in ((1, 900_000), (2, 900_000), (3, 40_000)):
        world.earn(agency, major, date(2026, 10, day))
    result = world.accrue()
    assert [line.amount_minor for line in world.lines(result.run)] == [5_400_000, 7_600_000, 400_000]
    assert by_kind(world, result.run) == {"commission": 13_400_000}


VINTAGES = (
    (date(2025, 11, 20), 350_000),
    (date(2025, 9, 1), 210_000),
    (date(2024, 9, 1), 140_000),
    (date(2023, 9, 1), 80_000),
)


def test_b_written_off_by_vintage_with_a_contest_and_a_bounced_cheque(world: World, agency: Agency) -> None:
    card_file(world, "b_written_off.toml")
    cheque = written_off(world, agency, date(2025, 9, 1), from_on=date(2026, 9, 1))
    bounced = world.earn(agency, 40_000, date(2026, 9, 15), allocation=cheque)
    assert world.accrue(SEPTEMBER).total_minor == 880_000
    world.settle(SEPTEMBER)
    world.undo(bounced, datetime.fromisoformat("2026-10-05T10:00:00+00:00"))
    for since, major in VINTAGES:
        world.earn(agency, major, allocation=written_off(world, agency, since))
    result = world.accrue()
    assert by_kind(world, result.run) == {"commission": 16_960_000, "bonus": 780_000, "clawback": -880_000}
    assert result.total_minor == 16_860_000


def written_off(world: World, agency: Agency, since: date, from_on: date = date(2026, 10, 1)) -> Allocation:
    allocation = world.allocation(agency, from_on=from_on)
    world.session.get_one(LoanAccount, allocation.loan_account_id).written_off_on = since
    world.session.flush()
    return allocation


def test_c_npa_grid_capped_by_account_and_half_the_rate_at_lok_adalat(world: World, agency: Agency) -> None:
    card_file(world, "c_bank_npa.toml")
    for asset_class, amounts in (
        ("D1", [600_000]),
        ("D2", [500_000, 400_000]),
        ("D3", [300_000]),
        ("written_off", [450_000]),
    ):
        allocation = world.allocation(agency, opening_asset_class=asset_class)
        for major in amounts:
            world.earn(agency, major, allocation=allocation)
    settled = world.allocation(agency, opening_asset_class="D2")
    a_compromise(world, settled, "lok_adalat", date(2026, 10, 10))
    world.earn(agency, 250_000, date(2026, 10, 10), allocation=settled)
    result = world.accrue()
    assert by_kind(world, result.run) == {"commission": 20_550_000 + 1_000_000, "cap": -2_200_000 - 1_750_000}
    assert result.total_minor == 16_600_000 + 1_000_000


def test_a_compromise_prices_only_the_days_it_is_for(world: World, agency: Agency) -> None:
    card_file(world, "c_bank_npa.toml")
    allocation = world.allocation(agency, opening_asset_class="D2")
    a_compromise(world, allocation, "lok_adalat", date(2026, 10, 10), date(2026, 10, 12))
    for day in (9, 10, 12, 13):
        world.earn(agency, 1_000, date(2026, 10, day), allocation=allocation)
    lines = world.lines(world.accrue().run)
    assert [(line.rule_id, line.amount_minor) for line in lines] == [
        ("d2", 8_000),
        ("lok-adalat", 4_000),
        ("lok-adalat", 4_000),
        ("d2", 8_000),
    ]


def test_d_fees_for_accepted_visits_repossessions_and_parking(world: World, agency: Agency) -> None:
    card_file(world, "d_field.toml")
    an_event(world, agency, "visit", count=200)
    an_event(world, agency, "visit", count=20, status="proposed")
    an_event(world, agency, "repossession", count=3, allocation=world.allocation(agency, product="2W"))
    an_event(world, agency, "repossession", count=2, allocation=world.allocation(agency, product="CAR"))
    an_event(world, agency, "parking_day", count=11)
    lorry = an_event(world, agency, "repossession", allocation=world.allocation(agency, product="LORRY"))
    result = world.accrue()
    assert [line.amount_minor for line in world.lines(result.run)] == [3_000_000, 1_050_000, 1_800_000, 110_000]
    assert by_kind(world, result.run) == {"event_fee": 5_960_000}
    assert result.run.summary["untaken"] == [
        {"agency": "SHAKTI", "what": "event", "code": "no_rule", "count": 1, "refs": [lorry.ref]}
    ]


@pytest.mark.parametrize(("score", "total", "by"), [("92", 31_500_000, 1_500_000), ("71", 25_500_000, -4_500_000)])
def test_e_the_approved_score_multiplies(world: World, agency: Agency, score: str, total: int, by: int) -> None:
    card_file(world, "e_quality.toml")
    world.earn(agency, 3_000_000)
    assert world.accrue().unpaid == {"not_measured": (1, 300_000_000)}
    a_measure(world, agency, "score", score)
    result = world.accrue()
    held = -total // 20
    assert by_kind(world, result.run) == {"commission": 30_000_000, "adjustment": by, "holdback": held}
    assert result.total_minor == total + held


def test_e_the_lift_to_the_guarantee_comes_back_next_month_and_the_holdback_on_its_day(
    world: World, agency: Agency
) -> None:
    card_file(world, "e_quality.toml")
    august = parse_month("2026-08")
    for month, major in ((august, 623_000), (SEPTEMBER, 980_000), (OCTOBER, 1_000_000)):
        a_measure(world, agency, "score", "80", month.start)
        world.earn(agency, major, month.start, allocation=world.allocation(agency, from_on=month.start))
    assert by_kind(world, world.accrue(august).run) == {
        "commission": 6_230_000,
        "guarantee": 1_270_000,
        "holdback": -375_000,
    }
    world.settle(august)
    assert by_kind(world, world.accrue(SEPTEMBER).run) == {
        "commission": 9_800_000,
        "guarantee": -1_270_000,
        "holdback": -426_500,
    }
    world.settle(SEPTEMBER)
    october = world.accrue()
    assert by_kind(world, october.run) == {"commission": 10_000_000, "holdback": -500_000, "holdback_release": 375_000}
    release = next(line for line in world.lines(october.run) if line.kind == "holdback_release")
    assert (release.credited_on, release.facts["settlement"]) == (date(2026, 10, 30), "S2608-SHAKTI")
    world.settle()
    assert by_kind(world, world.accrue(NOVEMBER).run) == {"holdback_release": 426_500}


def test_the_house_card_with_everything_it_says(world: World, agency: Agency) -> None:
    """73.5 % resolved and 9 % rolled back of two crore; 18.4 lakh in, 5.2 lakh of it on accounts that got better."""
    card_file(world, "house.toml")
    for name, count, principal, dpd, major in (
        ("rolled back", 16, 112_500, 20, 32_500),
        ("stabilised", 40, 322_500, 45, 33_000),
        ("rolled forward", 10, 530_000, 80, 0),
    ):
        for _ in range(count):
            allocation = world.allocation(agency, opening_principal_minor=principal * 100)
            ended_at(world, allocation, dpd)
            if major:
                world.earn(agency, major, allocation=allocation)
        assert name
    an_event(world, agency, "late_deposit", count=2)
    assert world.accrue().unpaid["not_measured"][0] == 56  # the score is not approved yet
    a_measure(world, agency, "score", "85")
    result = world.accrue()
    sums = {"commission": 14_720_000, "bonus": 520_000, "penalty": -100_000, "holdback": -757_000}
    assert by_kind(world, result.run) == sums
    assert result.total_minor == 15_140_000 - 757_000


def test_f_contingency_on_what_was_collected_and_paid_direct(world: World, bank_session: Session) -> None:
    agency = an_agency(bank_session, "EAGLE", currency="USD")
    card_file(world, "f_contingency.toml")
    world.earn(agency, 18_500, currency="USD")
    world.earn(agency, 4_200, currency="USD", source="direct")
    result = world.accrue()
    assert (result.currency, by_kind(world, result.run)) == ("USD", {"commission": 681_000})


def test_g_a_kenyan_month(world: World, bank_session: Session) -> None:
    agency = an_agency(bank_session, "SIMBA", currency="KES")
    card_file(world, "g_kenya.json")
    world.earn(agency, 1_250_000, currency="KES")
    result = world.accrue()
    assert (result.currency, result.total_minor) == ("KES", 18_750_000)
