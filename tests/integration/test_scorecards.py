"""A month scored: what each measure counts and what it leaves out, versions, publishing, what is contested and what follows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from sqlalchemy import select

from allocations.agencies.models import Agency, Agent
from allocations.collections.field_models import Contact, Promise
from allocations.collections.models import Collection, ReceiptBook, ReceiptMark
from allocations.placements.models import Allocation
from allocations.reconciliation.models import Break
from allocations.scorecards import consequences, disputes
from allocations.scorecards.gathering import Beside
from allocations.scorecards.measures import approved_measures
from allocations.scorecards.models import Scorecard, ScoreConsequence, ScoreDispute, ScoreRun
from allocations.scorecards.queries import Shown, cards_of_run, own_card, read_off, trend_of
from allocations.scorecards.scheme import STARTING_TERMS
from allocations.scorecards.schemes import decide_scheme, propose_scheme
from allocations.scorecards.service import compute_scores, publish
from payouts.commission.scoring_facts import beside
from payouts.difference import Findings
from payouts.verify_scores import check_scores
from portal.kernel.db import bank_scope, set_scope
from portal.kernel.errors import Forbidden, Invalid, NotFound, Refused
from tests.factories.accrual import OCTOBER, World
from tests.factories.earning import DECIDED, a_compromise, a_measure, an_event, ended_at
from tests.factories.month import CHECKER, MAKER, SECOND_CHECKER
from tests.factories.world import MADE_AT, a_user

DAY = datetime(2026, 10, 12, 6, 30, tzinfo=UTC)


def a_contact(world: World, agency: Agency, allocation: Allocation, kind: str = "visit", **changes: Any) -> Contact:
    world.made += 1
    values: dict[str, Any] = {
        "agency_id": agency.id,
        "ref": f"V{world.made:05d}",
        "allocation_id": allocation.id,
        "loan_account_id": allocation.loan_account_id,
        "loan_account_no": allocation.loan_account_no,
        "kind": kind,
        "at": DAY,
        "received_at": DAY,
        "person": "borrower",
        "disposition": "paid",
        "flags": [],
        "reported_by": "x",
    }
    made = Contact(**values | changes)
    world.session.add(made)
    world.session.flush()
    return made


def raws_of(world: World, agency: Agency, run: ScoreRun) -> dict[str, list[int]]:
    card = world.session.scalars(
        select(Scorecard).where(Scorecard.run_id == run.id, Scorecard.agency_id == agency.id)
    ).one()
    return {code: numbers for code, numbers in card.inputs["raws"].items() if numbers[2]}


@pytest.fixture
def scored(world: World) -> Callable[..., ScoreRun]:
    def score(**given: Any) -> ScoreRun:
        return compute_scores(world.session, OCTOBER, actor=MAKER, now=world.now, **given)

    return score


def test_every_measure_counts_its_own_and_nothing_of_a_neighbour(
    world: World, agency: Agency, rival: Agency, scored: Callable[..., ScoreRun]
) -> None:
    good, bad, other = world.allocation(agency), world.allocation(agency), world.allocation(rival)
    ended_at(world, good, 5)
    ended_at(world, bad, 76)
    world.earn(agency, 5_000, allocation=good)
    world.earn(agency, 700, date(2026, 11, 1), allocation=good)  # seen in November
    world.earn(rival, 900, allocation=other)
    a_contact(world, agency, good)
    a_contact(world, agency, good, person="nobody")
    a_contact(world, agency, bad, "call", person="family", flags=[{"code": "third_party", "words": ""}])
    a_contact(world, agency, bad, "message", person="nobody", flags=[{"code": "reported_late", "words": ""}])
    a_contact(world, agency, bad, at=datetime(2026, 10, 31, 18, 30, tzinfo=UTC), flags=[])  # midnight: November
    a_contact(world, rival, other, at=datetime(2026, 9, 30, 18, 30, tzinfo=UTC))  # midnight: October
    cash(world, agency, good, bad)
    people(world, agency)
    a_measure(world, agency, "audit", "82.50")
    a_compromise(world, good, "ots", date(2026, 10, 1), date(2026, 10, 31), 5_000_00)
    a_compromise(world, bad, "ots", date(2026, 10, 1), date(2026, 10, 31), 5_000_00)
    a_promise(world, agency, good, 4_000_00, date(2026, 10, 15))
    a_promise(world, agency, bad, 4_000_00, date(2026, 10, 15))
    an_event(world, agency, "complaint", allocation=bad)
    an_event(world, agency, "complaint", status="withdrawn")
    an_event(world, rival, "late_deposit")
    run = scored(beside=Beside({agency.id: 250_00}, beside(world.session, OCTOBER).complaints))
    principal = 10_000_000
    assert raws_of(world, agency, run) == {
        "resolution_pct_pos": [principal, 2 * principal, 2],
        "rollback_pct_pos": [principal, 2 * principal, 2],
        "recovery_pct": [500_000, 22_000_000, 2],
        "cost_pct": [25_000, 500_000, 1],
        "promises_kept_pct": [1, 2, 2],
        "coverage_pct": [1, 2, 2],
        "intensity": [2, 2, 2],
        "right_party_pct": [1, 3, 3],
        "deposited_pct": [1, 3, 3],
        "complaints_per_1000": [1, 2, 2],
        "breaches_per_10000": [1, 4, 4],
        "certified_pct": [1, 2, 2],
        "attrition_pct": [2, 4, 2],
        "spoilt_receipts_pct": [2, 5, 5],
        "audit_score": [8250, 100, 1],
        "in_full_pct": [1, 2, 2],
    }
    neighbour = raws_of(world, rival, run)
    assert neighbour["recovery_pct"] == [90_000, 11_000_000, 1]
    assert neighbour["coverage_pct"] == [1, 1, 1]
    assert neighbour["complaints_per_1000"] == [0, 1, 1]
    assert not {"deposited_pct", "certified_pct", "audit_score"} & set(neighbour)


def cash(world: World, agency: Agency, good: Allocation, bad: Allocation) -> None:
    """Three receipts for cash: paid in the next day, two days later, and not at all; one number void, of a month before another."""
    made = [
        world.collection(agency, 100, allocation=allocation, mode="cash", deposited_on=deposited)
        for allocation, deposited in ((good, date(2026, 10, 11)), (bad, date(2026, 10, 12)), (bad, None))
    ]
    doubts(world, made)
    book = ReceiptBook(
        agency_id=agency.id,
        ref="BK-1",
        kind="paper",
        width=4,
        first_no=1,
        last_no=50,
        issued_on=date(2026, 4, 1),
        issued_by="x",
        issued_at=MADE_AT,
    )
    world.session.add(book)
    world.session.flush()
    for number, at in ((7, DAY), (8, DAY - timedelta(days=30))):
        mark = {"agency_id": agency.id, "book_id": book.id, "number": number, "receipt_no": f"{number:04d}"}
        decided = {"status": "confirmed", **DECIDED, "proposed_at": at}
        world.session.add(ReceiptMark(**mark, receipt_key=str(number), state="void", reason="Torn", **decided))
    world.session.flush()


def doubts(world: World, receipts: list[Collection]) -> None:
    """One number in doubt, said twice; one cleared up; one whose money the bank counted as paid direct."""
    changes: list[tuple[Collection, dict[str, Any]]] = [
        (receipts[0], {}),
        (receipts[0], {}),
        (receipts[1], {"status": "closed", "closed_at": DAY}),
        (receipts[2], {"owner": "bank_ops"}),
    ]
    for receipt, given in changes:
        about = {"collection_id": receipt.id, "agency_id": receipt.agency_id, "ref": receipt.receipt_no}
        told = {"amount_minor": 100, "currency": "INR", "opened_on": DAY.date(), "owner": "fraud_review", "cure": "x"}
        world.session.add(Break(code="R04", side="collection", **about | told | given))
    world.session.flush()


def people(world: World, agency: Agency) -> None:
    """At the month's beginning two, one of whom leaves; one comes; one left long ago and one comes next month."""
    came_and_went: dict[str, dict[str, Any]] = {
        "A1": {"certificate_no": "C1", "certificate_until": date(2026, 10, 31)},
        "A2": {"is_active": False, "left_on": date(2026, 10, 20), "certificate_no": "C2"},
        "A3": {"joined_on": date(2026, 10, 5), "certificate_no": "C3", "certificate_until": date(2026, 10, 30)},
        "A4": {"is_active": False},
        "A5": {"joined_on": date(2026, 11, 1)},
    }
    for code, given in came_and_went.items():
        world.session.add(Agent(agency_id=agency.id, code=code, name=code, **given))
    world.session.flush()


def a_promise(world: World, agency: Agency, allocation: Allocation, minor: int, due: date) -> None:
    world.made += 1
    values = {
        "agency_id": agency.id,
        "allocation_id": allocation.id,
        "loan_account_id": allocation.loan_account_id,
        "loan_account_no": allocation.loan_account_no,
        "plan_ref": f"PL{world.made}",
        "amount_minor": minor,
        "currency": "INR",
        "due_on": due,
        "made_on": date(2026, 10, 5),
        "made_by": "x",
        "recorded_at": DAY,
    }
    world.session.add(Promise(**values))
    world.session.flush()


# --- versions


def a_scored_month(world: World, agency: Agency, rival: Agency) -> None:
    """Twelve accounts each; Shakti rolls half of them back, Vega one; the rest roll forward."""
    for each, share in ((agency, 2), (rival, 12)):
        for no in range(12):
            allocation = world.allocation(each)
            ended_at(world, allocation, 76 if no % share else 5)


FEW = [{**each, "least": 1} for each in STARTING_TERMS["measures"]]
LIGHT = {**STARTING_TERMS, "measures": FEW, "least_weight": 10}


def lighter(world: World) -> None:
    """A scheme that scores a month of which little is measured."""
    made = propose_scheme(
        world.session, LIGHT, effective_from=date(2026, 4, 1), reason="Few facts yet.", actor=MAKER, now=world.now
    )
    decide_scheme(world.session, made, approve=True, actor=CHECKER, now=world.now)


@pytest.fixture
def month(world: World, agency: Agency, rival: Agency) -> World:
    a_scored_month(world, agency, rival)
    lighter(world)
    return world


def cards(world: World, run: ScoreRun) -> dict[str, Shown]:
    return {card.code: card for card in cards_of_run(world.session, run.id)}


def test_a_month_is_scored_and_ranked(month: World, scored: Callable[..., ScoreRun]) -> None:
    run = scored()
    found = cards(month, run)
    assert [(card.code, card.place, card.places) for card in found.values()] == [("SHAKTI", 1, 2), ("VEGA", 2, 2)]
    assert found["SHAKTI"].measure("resolution_pct_pos")["value"] == "50.0000"  # type: ignore[index]


def test_the_same_numbers_make_no_new_version_and_other_numbers_do(
    month: World, agency: Agency, scored: Callable[..., ScoreRun]
) -> None:
    first = scored()
    assert scored().id == first.id
    month.earn(agency, 400)
    second = scored()
    assert (second.version, second.is_current, first.is_current) == (2, True, False)
    assert second.input_hash != first.input_hash


TAMPERED = [
    ("result_hash", "update score_runs set result_hash = 'x'"),
    ("score", "update scorecards set score = 99"),
    ("measures", "update scorecards set measures = jsonb_set(measures, '{0,points}', '\"1.00\"')"),
    ("place", "update scorecards set place = 3 - place"),
    ("input_hash", "update scorecards set inputs = jsonb_set(inputs, '{raws,intensity}', '[9, 12, 12]')"),
    ("terms", "update score_schemes set terms = jsonb_set(terms, '{least_weight}', '11')"),
]


def test_a_tampered_card_is_found_and_named(month: World, scored: Callable[..., ScoreRun], database: Any) -> None:
    scored()
    month.session.commit()
    assert differing(month) == set()
    for what, sql in TAMPERED:
        assert what not in differing(month)
        database.execute(f"do $do$ begin set local session_replication_role = replica; {sql}; end $do$")
        assert what in differing(month)


def differing(world: World) -> set[str]:
    world.session.expire_all()
    findings = Findings()
    check_scores(world.session, findings, None)
    assert findings.checked["scorecards"] > 10
    return {difference.field for difference in findings.differences}


def test_agencies_see_their_own_card_once_another_person_published_it(
    month: World, agency: Agency, scored: Callable[..., ScoreRun]
) -> None:
    run = scored()
    assert own_card(month.session, agency.id, OCTOBER) is None
    with pytest.raises(Forbidden):
        publish(month.session, run.id, actor=MAKER, now=month.now)
    publish(month.session, run.id, actor=CHECKER, now=month.now)
    shown = own_card(month.session, agency.id, OCTOBER)
    assert shown is not None
    assert approved_measures(month.session, OCTOBER)[agency.id]["score"] == shown.score
    with pytest.raises(Refused):
        publish(month.session, run.id, actor=SECOND_CHECKER, now=month.now)
    month.earn(agency, 400)
    publish(month.session, scored().id, actor=CHECKER, now=month.now)
    assert [card.period_start for card in trend_of(month.session, agency.id, OCTOBER.start, published=True)] == [
        OCTOBER.start
    ]


def test_a_month_that_is_not_over_is_scored_but_not_published(month: World) -> None:
    november = OCTOBER.next()
    run = compute_scores(month.session, november, actor=MAKER, now=month.now)
    with pytest.raises(Refused, match="not over"):
        publish(month.session, run.id, actor=CHECKER, now=month.now)
    with pytest.raises(Refused, match="not begun"):
        compute_scores(month.session, november.next(), actor=MAKER, now=month.now)


def test_what_was_scored_within_a_month_is_scored_again_before_it_is_published(month: World) -> None:
    november, later = OCTOBER.next(), datetime(2026, 12, 2, 6, 30, tzinfo=UTC)
    early = compute_scores(month.session, november, actor=MAKER, now=month.now)
    set_scope(month.session, bank_scope(later.date()))
    with pytest.raises(Refused, match="before the month was over"):
        publish(month.session, early.id, actor=CHECKER, now=later)
    whole = compute_scores(month.session, november, actor=MAKER, now=later)
    assert whole.version == 2
    assert compute_scores(month.session, november, actor=MAKER, now=later).id == whole.id
    publish(month.session, whole.id, actor=CHECKER, now=later)


def test_a_version_without_a_score_takes_the_earlier_one_back(
    month: World, agency: Agency, rival: Agency, scored: Callable[..., ScoreRun]
) -> None:
    owner = a_user(month.session, "owner@shakti.example", "agency_owner", agency)
    publish(month.session, scored().id, actor=CHECKER, now=month.now)
    mine = own_card(month.session, agency.id, OCTOBER)
    assert mine is not None
    given: dict[str, Any] = {"reason": "Not one was ours.", "now": month.now}
    for each in mine.measures:
        if each["state"] == "measured":
            raised = disputes.raise_dispute(month.session, agency.id, mine.id, each["code"], actor=owner, **given)
            disputes.decide_dispute(month.session, raised, accept=True, numbers=(0, 0, 0), actor=CHECKER, **given)
    assert set(approved_measures(month.session, OCTOBER)) == {agency.id, rival.id}
    again = scored()
    assert cards(month, again)["SHAKTI"].score is None
    publish(month.session, again.id, actor=CHECKER, now=month.now)
    assert set(approved_measures(month.session, OCTOBER)) == {rival.id}


# --- what follows


def test_what_follows_is_decided_by_a_person_after_the_publication(
    month: World, rival: Agency, scored: Callable[..., ScoreRun]
) -> None:
    run = scored()
    waiting = {each.agency_id: each for each in consequences.of_run(month.session, run)}
    found = waiting[rival.id]
    assert found.kind == "suspend"
    with pytest.raises(Refused, match="not published"):
        consequences.decide(month.session, found, accept=True, actor=CHECKER, now=month.now)
    publish(month.session, run.id, actor=CHECKER, now=month.now)
    with pytest.raises(Refused):
        consequences.decide(month.session, found, accept=True, actor=MAKER, now=month.now)
    assert rival.status == "empanelled"
    consequences.decide(month.session, found, accept=True, actor=CHECKER, now=month.now)
    month.session.refresh(rival)
    assert rival.status == "suspended"


def test_a_newer_scoring_withdraws_what_waited(month: World, agency: Agency, scored: Callable[..., ScoreRun]) -> None:
    first = scored()
    month.earn(agency, 400)
    scored()
    states = month.session.scalars(
        select(ScoreConsequence.status).join(Scorecard).where(Scorecard.run_id == first.id)
    ).all()
    assert set(states) == {"withdrawn"}


# --- what is contested


def test_a_measure_is_contested_within_its_days_and_counts_anew(
    month: World, agency: Agency, rival: Agency, scored: Callable[..., ScoreRun]
) -> None:
    owner = a_user(month.session, "owner@shakti.example", "agency_owner", agency)
    run = scored()
    publish(month.session, run.id, actor=CHECKER, now=month.now)
    mine = own_card(month.session, agency.id, OCTOBER)
    theirs = own_card(month.session, rival.id, OCTOBER)
    assert mine is not None
    assert theirs is not None

    def contest(card: int, measure: str, reason: str = "Twelve visits are missing.", later: int = 0) -> ScoreDispute:
        now = month.now + timedelta(days=later)
        return disputes.raise_dispute(month.session, agency.id, card, measure, reason, actor=owner, now=now)

    with pytest.raises(NotFound):
        contest(theirs.id, "coverage_pct")
    with pytest.raises(Invalid) as wrong:
        contest(mine.id, "charm", "x")
    assert {problem.code for problem in wrong.value.problems} == {"reason_needed", "unknown_measure"}
    with pytest.raises(Refused, match="until"):
        contest(mine.id, "coverage_pct", later=8)
    raised = contest(mine.id, "coverage_pct", later=7)
    with pytest.raises(Refused, match="already"):
        contest(mine.id, "coverage_pct")
    with pytest.raises(Invalid):
        disputes.decide_dispute(month.session, raised, accept=True, reason="So it is.", actor=CHECKER, now=month.now)
    disputes.decide_dispute(
        month.session, raised, accept=True, numbers=(11, 12, 12), reason="So it is.", actor=CHECKER, now=month.now
    )
    again = scored()
    assert again.version == 2
    assert raws_of(month, agency, again)["coverage_pct"] == [11, 12, 12]
    assert raws_of(month, rival, again)["coverage_pct"] == [0, 12, 12]
    month.session.commit()
    assert differing(month) == set()


# --- schemes and contests


def test_a_scheme_holds_from_its_month_and_never_before_what_was_published(
    month: World, scored: Callable[..., ScoreRun]
) -> None:
    publish(month.session, scored().id, actor=CHECKER, now=month.now)
    given: dict[str, Any] = {"actor": MAKER, "now": month.now, "reason": "Coverage counts more."}
    with pytest.raises(Invalid) as wrong:
        propose_scheme(month.session, {**LIGHT, "bands": []}, effective_from=date(2026, 10, 2), **given)
    assert {problem.code for problem in wrong.value.problems} == {"not_a_month", "bands_gap"}
    with pytest.raises(Invalid, match="published"):
        propose_scheme(month.session, LIGHT, effective_from=date(2026, 10, 1), **given)
    made = propose_scheme(month.session, LIGHT, effective_from=date(2026, 11, 1), **given)
    with pytest.raises(Refused):
        decide_scheme(month.session, made, approve=True, actor=MAKER, now=month.now)
    decide_scheme(month.session, made, approve=True, actor=CHECKER, now=month.now)
    assert scored().scheme_id != made.id
    november = compute_scores(month.session, OCTOBER.next(), actor=MAKER, now=month.now)
    assert november.scheme_id == made.id


def test_champion_and_challenger_are_read_off_like_for_like(month: World, scored: Callable[..., ScoreRun]) -> None:
    run = scored()
    found = read_off(month.session, run.id, "SHAKTI", "VEGA", "resolution_pct_pos")
    assert found is not None
    assert (found.difference, found.strata) == (Fraction(125, 3), 1)
    assert found.is_decided
    assert read_off(month.session, run.id, "SHAKTI", "NOBODY", "resolution_pct_pos") is None
