"""Verify names whatever a hand changes in what issue commission: every kind of line, events, adjustments, measures, compromises."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from allocations.casework import compromises
from allocations.casework.models import OneTimeSettlement
from allocations.scorecards import measures
from allocations.scorecards.models import AgencyMeasure
from payouts.commission import adjustments, events
from payouts.commission.event_models import EarningEvent, ManualAdjustment
from payouts.commission.models import AccrualLine
from payouts.commission.what_if import simulate
from payouts.commission.what_if_service import ask, keep
from payouts.difference import Difference, Findings
from payouts.rate_cards.parsing import read_card
from payouts.verify import verify
from payouts.verify_decided import check_decided
from payouts.verify_money import check_accruals, check_settlements
from payouts.verify_outcomes import check_outcomes
from payouts.verify_records import check_seals
from portal.kernel.audit import Actor
from portal.kernel.db import make_engine
from tests.factories.accrual import NOVEMBER, OCTOBER, World
from tests.factories.earning import a_compromise, a_measure, an_adjustment, an_event, approved, ended_at
from tests.factories.month import CHECKER, a_bank_detail
from tests.factories.world import an_agency

TERMS = """
code = "X"
currency = "INR"
effective_from = 2026-04-01
[[rule]]
id = "cash"
slabs = [ {from = 0, rate = "0.05"}, {from = 4000, rate = "0.10"} ]
driver = "confirmed_amount"
cap = { per = "account", amount = "700.00" }
[[rule]]
id = "visit"
earns_on = "event"
when = { event = ["visit"] }
slabs = [ {amount = "100.00"} ]
[[rule]]
id = "saved"
earns_on = "account"
slabs = [ {amount = "75.00"} ]
[[bonus]]
id = "much"
condition = { driver = "confirmed_amount", at_least = 1000 }
amount = "33.00"
[[penalty]]
id = "late"
event = "late_deposit"
amount = "20.00"
treatment = "separate_recovery"
[[penalty]]
id = "rude"
event = "complaint"
amount = "10.00"
[agency]
minimum_guarantee = { amount = "900.00", recoverable = true }
holdback = { rate = "0.10", release_after_days = 10 }
multiplier = { driver = "score", slabs = [ {from = 0, factor = "1"}, {from = 90, factor = "1.01"} ] }
clawback = { rate = "as_paid", reprice_slab = true }
"""
SEPTEMBER = OCTOBER.previous()


@pytest.fixture
def world(bank_session: Session, now: datetime) -> World:
    """Three months with a line of every kind; the first two settled."""
    world = World(bank_session, now)
    agency = an_agency(bank_session)
    a_bank_detail(bank_session, agency)
    approved(world, TERMS)
    for month in (SEPTEMBER, OCTOBER, NOVEMBER):
        a_measure(world, agency, "score", "95", month.start)
    held = world.allocation(agency, from_on=SEPTEMBER.start)
    a_compromise(world, held, "ots", date(2026, 10, 20))
    world.earn(agency, 1_000, date(2026, 9, 10), allocation=held)
    an_event(world, agency, "visit", date(2026, 9, 12), allocation=held)
    an_event(world, agency, "late_deposit", date(2026, 9, 13))
    an_event(world, agency, "complaint", date(2026, 9, 14))
    an_adjustment(world, agency, "bonus", 7_700, SEPTEMBER.start)
    world.accrue(SEPTEMBER)
    world.settle(SEPTEMBER)
    ended_at(world, held, 20)
    gone = world.earn(agency, 3_000, date(2026, 10, 10), allocation=held)
    world.earn(agency, 6_000, date(2026, 10, 11), allocation=held)
    world.earn(agency, 3_500, date(2026, 10, 12), mode="auto_debit")
    world.collection(agency, 500)
    world.accrue()
    world.settle()
    world.undo(gone, world.now)
    world.earn(agency, 500, date(2026, 11, 5), allocation=held)
    an_adjustment(world, agency, "adjustment", -300, NOVEMBER.start)
    an_event(world, agency, "visit", date(2026, 11, 3), status="proposed")
    world.accrue(NOVEMBER)
    on_record(bank_session)
    tried = ask(bank_session, TERMS, SEPTEMBER, OCTOBER, actor=CHECKER, now=now)
    keep(bank_session, tried.id, simulate(bank_session, read_card(TERMS), SEPTEMBER, OCTOBER), actor=CHECKER, now=now)
    bank_session.commit()
    return world


def on_record(session: Session) -> None:
    """The decisions the rows were made with, in the audit log."""
    told: list[tuple[Any, Any]] = [
        *((EarningEvent, events.PROPOSALS.tell), (ManualAdjustment, adjustments.PROPOSALS.tell)),
        *((AgencyMeasure, measures.PROPOSALS.tell), (OneTimeSettlement, compromises.PROPOSALS.tell)),
    ]
    checker = Actor(1, "checker@x", "bank_approver")
    for model, tell in told:
        for row in session.scalars(select(model).where(model.status != "proposed")):
            tell(session, row, "accept", "proposed", checker, row.decided_at)


def looked_at(session: Session) -> list[Difference]:
    """The checks that bear on these tables."""
    findings = Findings()
    check_seals(session, findings)
    for check in (check_outcomes, check_decided, check_accruals, check_settlements):
        check(session, findings, None)
    return findings.differences


FIRST = "id = (select min(id) from {0}{1})"
KINDS = ("commission", "account_fee", "event_fee", "penalty", "separate_recovery", "cap", "bonus", "adjustment", "guarantee",
         "holdback", "holdback_release", "clawback")  # fmt: skip
LINE_EDITS = ("amount_minor = amount_minor + 1", "facts = '{}'", "steps = '[{}]'", "rule_id = 'x'", "credited_on = credited_on - 1",
              "event_id = 99", "adjustment_id = 99", "agency_id = 99")  # fmt: skip
EDITS = [
    *(("accrual_lines", f" where kind = '{kind}'", edit) for kind in KINDS for edit in LINE_EDITS),
    *(("accrual_runs", "", edit) for edit in ("input_hash = 'x'", "run_by = 'x'", "run_at = now()", "summary = '{}'", "lines = 1")),
    ("accrual_runs", "", "is_current = false"),
    ("outcome_sets", "", "is_current = false"),
    ("outcome_sets", "", "scheme_version = 9"),
    ("unpaid_collections", "", "code = 'hold'"),
    ("unpaid_collections", "", "agency_id = 99"),
    *(("earning_events", "", edit) for edit in ("count = 2", "loan_account_no = 'x'", "decided_by = 'x'", "note = 'x'")),
    ("earning_events", " where status = 'proposed'", "status = 'accepted', decided_by = 'checker@x', decided_at = now()"),
    ("earning_events", " where status = 'accepted'", "status = 'withdrawn', decided_by = null"),
    *(("manual_adjustments", "", edit) for edit in ("amount_minor = 9", "reason = 'x'", "decided_by = 'x'", "period_start = '2026-01-01'")),
    *(("agency_measures", "", edit) for edit in ("value = '99'", "status = 'replaced'", "decided_at = now()", "agency_id = 99")),
    *(("simulations", "", edit) for edit in ("result = result || '{\"total\": {}}'", "result_hash = 'x'", "source_text = 'x'")),
    *(("one_time_settlements", "", edit) for edit in ("to_on = '2026-10-21'", "kind = 'lok_adalat'", "status = 'broken'")),
]  # fmt: skip


OF_RUNS = {
    "accrual_lines": ["accrual_runs"],
    "unpaid_collections": ["accrual_runs"],
    "accrual_runs": ["accrual_lines"],
}


def test_every_kind_of_line_verifies_and_every_edit_of_one_is_named(
    world: World, bank_session: Session, file_store: Any, database: Any
) -> None:
    """Each edit by a superuser in a transaction of its own, looked at from within, and undone."""
    assert [str(each) for each in verify(bank_session, file_store).differences] == []
    assert set(bank_session.scalars(select(AccrualLine.kind))) == set(KINDS)
    bank_session.rollback()
    engine, unseen = make_engine(database.owner_url), []
    for table, where, edit in EDITS:
        with Session(engine) as session:
            session.execute(text("set local session_replication_role = replica"))
            session.execute(text(f"update {table} set {edit} where {FIRST.format(table, where)}"))
            # What a run holds beside its priced lines is told by the run's hash, and a line by its credited day's.
            if not {table, *OF_RUNS.get(table, ())} & {each.table for each in looked_at(session)}:
                unseen.append((table, where, edit))
    engine.dispose()
    assert unseen == []
