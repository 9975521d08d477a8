"""What earns beside confirmed money: accepted events, approved measures, adjustments by hand, compromises; and cards from files."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from allocations.agencies.models import Agency
from allocations.casework.models import OneTimeSettlement
from allocations.placements.models import Allocation, LoanAccount
from allocations.scorecards.models import AgencyMeasure
from payouts.commission.event_models import EarningEvent, ManualAdjustment
from payouts.commission.verifying import recompute
from payouts.rate_cards.service import approve, import_card
from tests.factories.accrual import OCTOBER, World
from tests.factories.month import CHECKER, MAKER
from tests.factories.world import MADE_AT, a_snapshot

HEAD = 'code = "X"\ncurrency = "INR"\neffective_from = 2026-04-01\n'
CARDS = Path(__file__).parents[1] / "cards"
DECIDED = {"proposed_by": "maker@x", "proposed_at": MADE_AT, "decided_by": "checker@x", "decided_at": MADE_AT}


def approved(world: World, text: str) -> None:
    """The card of a text, imported by one and approved by another."""
    version = import_card(world.session, text, actor=MAKER, now=world.now)
    code = text.split('code = "')[1].split('"')[0] if 'code = "' in text else text.split('"code": "')[1].split('"')[0]
    approve(world.session, code, version.version, actor=CHECKER, now=world.now, comment="As agreed.")


def card_file(world: World, name: str) -> None:
    approved(world, (CARDS / name).read_text())


def amounts(world: World, period: Any = OCTOBER) -> list[tuple[str, str, int]]:
    """(kind, rule, minor units) of the run in force; which comes out again to the last byte."""
    run = world.accrue(period).run
    assert recompute(world.session, run) == []
    return [(line.kind, line.rule_id, line.amount_minor) for line in world.lines(run)]


def an_event(world: World, agency: Agency, event: str, day: date = date(2026, 10, 12), **changes: Any) -> EarningEvent:
    world.made += 1
    allocation: Allocation | None = changes.pop("allocation", None)
    values: dict[str, Any] = {
        "ref": f"E{world.made:05d}",
        "agency_id": agency.id,
        "event": event,
        "occurred_on": day,
        "currency": "INR",
        "source": "bank",
        "source_key": f"test:{world.made}",
        "status": "accepted",
        **DECIDED,
    }
    if allocation is not None:
        values |= {"allocation_id": allocation.id, "loan_account_no": allocation.loan_account_no}
    if changes.get("status", "accepted") != "accepted":
        values |= {"decided_by": None, "decided_at": None}
    made = EarningEvent(**values | changes)
    world.session.add(made)
    world.session.flush()
    return made


def a_measure(world: World, agency: Agency, measure: str, value: str, month: date = date(2026, 10, 1)) -> None:
    row = AgencyMeasure(
        agency_id=agency.id,
        period_start=month,
        measure=measure,
        value=value,
        reason="Scorecard.",
        status="approved",
        **DECIDED,
    )
    world.session.add(row)
    world.session.flush()


def an_adjustment(world: World, agency: Agency, kind: str, minor: int, month: date = date(2026, 10, 1)) -> str:
    world.made += 1
    row = ManualAdjustment(
        ref=f"J{world.made:05d}",
        agency_id=agency.id,
        period_start=month,
        kind=kind,
        amount_minor=minor,
        currency="INR",
        reason="Agreed by letter.",
        status="accepted",
        **DECIDED,
    )
    world.session.add(row)
    world.session.flush()
    return row.ref


def a_compromise(
    world: World,
    allocation: Allocation,
    kind: str,
    from_on: date,
    to_on: date | None = None,
    agreed_minor: int = 100_00,
) -> None:
    row = OneTimeSettlement(
        loan_account_id=allocation.loan_account_id,
        kind=kind,
        agreed_minor=agreed_minor,
        currency="INR",
        from_on=from_on,
        to_on=to_on,
        reason="Agreed.",
        status="approved",
        **DECIDED,
    )
    world.session.add(row)
    world.session.flush()


def ended_at(world: World, allocation: Allocation, dpd_days: int, day: date = date(2026, 10, 31)) -> None:
    """The account's month-end snapshot."""
    account = world.session.get_one(LoanAccount, allocation.loan_account_id)
    a_snapshot(world.session, account, day, dpd_days=dpd_days)
