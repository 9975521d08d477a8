"""Like for like where another agency held the account before: only where the scheme says so, and old cards derive as they were."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import select

from allocations.agencies.models import Agency
from allocations.placements.models import LoanAccount
from allocations.scorecards.models import Scorecard, ScoreRun
from allocations.scorecards.scheme import STARTING_TERMS
from allocations.scorecards.schemes import decide_scheme, propose_scheme
from allocations.scorecards.service import compute_scores
from payouts.difference import Findings
from payouts.verify_scores import check_scores
from tests.factories.accrual import OCTOBER, World
from tests.factories.earning import ended_at
from tests.factories.month import CHECKER, MAKER
from tests.factories.world import an_allocation

SEPTEMBER = (date(2026, 9, 1), date(2026, 9, 30))


def scored(world: World, first: date, **more: Any) -> ScoreRun:
    """The month under a scheme that begins on a day."""
    few = [{**each, "least": 1} for each in STARTING_TERMS["measures"]]
    terms = STARTING_TERMS | {"measures": few, "least_weight": 10} | more
    given: dict[str, Any] = {"effective_from": first, "reason": "Few facts yet.", "actor": MAKER, "now": world.now}
    made = propose_scheme(world.session, terms, **given)
    decide_scheme(world.session, made, approve=True, actor=CHECKER, now=world.now)
    run = compute_scores(world.session, OCTOBER, actor=MAKER, now=world.now)
    world.session.commit()
    return run


def card(world: World, agency: Agency, run: ScoreRun) -> Scorecard:
    query = select(Scorecard).where(Scorecard.run_id == run.id, Scorecard.agency_id == agency.id)
    return world.session.scalars(query).one()


def kinds(found: Scorecard) -> dict[tuple[str, ...], int]:
    return {tuple(key): accounts for key, accounts, *_ in found.inputs["strata"]["resolution_pct_pos"]}


def test_accounts_that_another_agency_held_before_are_kinds_of_their_own(
    world: World, agency: Agency, rival: Agency
) -> None:
    mine = [world.allocation(each) for each in (agency,) * 5 + (rival,) * 5][:5]
    for no, each in enumerate(mine):
        ended_at(world, each, 76 if no % 2 else 5)
    # The last two are no work of another in the same stream.
    before = ((rival, "field"), (rival, "field"), (agency, "field"), (rival, "tele"))
    for allocation, (holder, stream) in zip(mine, before, strict=False):
        account = world.session.get_one(LoanAccount, allocation.loan_account_id)
        an_allocation(world.session, account, holder, *SEPTEMBER, stream=stream)
    plain = card(world, agency, scored(world, date(2026, 4, 1)))
    assert {len(key) for key in kinds(plain)} == {4}
    told = card(world, agency, scored(world, date(2026, 5, 1), held_before=True))
    assert {key[-1]: accounts for key, accounts in kinds(told).items()} == {"again": 2, "first": 3}
    mixes = {each["code"]: each["mix"] for each in told.measures}
    assert mixes["resolution_pct_pos"]["kinds"][-1] == "held by another before"
    assert mixes["resolution_pct_pos"]["comparable"] == "60.0000"
    findings = Findings()
    check_scores(world.session, findings, None)
    assert not findings.differences and findings.checked["scorecards"] > 10  # cards of both schemes derive again
