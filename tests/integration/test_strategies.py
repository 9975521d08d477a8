"""Strategies on the real database: drawn, previewed, approved by another person, written as a placement, and proved."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from typing import Any

import pytest
from sqlalchemy import func, select

from allocations.agencies.models import Agency, Agent
from allocations.placements.borrower_notice_models import BorrowerNotice
from allocations.placements.models import Allocation, LoanAccount, Placement
from allocations.placements.outcome_sets import freeze_outcomes
from allocations.placements.service import put_on_hold, recall
from allocations.placements.strategies.models import StrategyChoice, StrategyRun
from allocations.placements.strategies.queries import read_out
from allocations.placements.strategies.runs import PROPOSALS, decide_run, draft_run, submit_run, withdraw_run
from allocations.placements.strategies.service import PROPOSALS as STRATEGIES
from allocations.placements.strategies.service import check_terms, decide_strategy, propose_strategy, strategy_on
from payouts.difference import Findings
from payouts.verify_strategies import check_strategies
from portal.kernel.audit import AuditEvent, AuditTag, flush_events
from portal.kernel.db import PortalSession
from portal.kernel.errors import Invalid, NotFound, Refused, Stale
from portal.kernel.periods import parse_month
from tests.factories.placing import CHECKER, FIRST, LAST, MAKER, TERMS, agencies_and_accounts, an_approved_strategy
from tests.factories.world import SYSTEM, a_snapshot, an_allocation


@pytest.fixture
def session(bank_session: PortalSession, now: datetime) -> PortalSession:
    agencies_and_accounts(bank_session)
    an_approved_strategy(bank_session, now)
    return bank_session


def account(session: PortalSession, no: str) -> LoanAccount:
    return session.scalars(select(LoanAccount).where(LoanAccount.loan_account_no == no)).one()


def agency(session: PortalSession, code: str) -> Agency:
    return session.scalars(select(Agency).where(Agency.code == code)).one()


def drawn(session: PortalSession, now: datetime, seed: int = 7, **given: Any) -> StrategyRun:
    return draft_run(session, "RETAIL", **{"from_on": FIRST, "seed": seed, "actor": MAKER, "now": now} | given)


def approved(session: PortalSession, now: datetime, **given: Any) -> StrategyRun:
    run = drawn(session, now, **given)
    submit_run(session, run, actor=MAKER, now=now)
    decide_run(session, PROPOSALS.load(session, id=run.id), approve=True, actor=CHECKER, now=now)
    return run


def choices(session: PortalSession, run: StrategyRun) -> dict[str, tuple[str, str]]:
    rows = session.scalars(select(StrategyChoice).where(StrategyChoice.run_id == run.id))
    return {row.loan_account_no: (row.taker, row.reason) for row in rows}


def differences(session: PortalSession) -> list[tuple[str, str]]:
    flush_events(session)
    findings = Findings()
    check_strategies(session, findings)
    return [(each.table, each.field) for each in findings.differences]


def test_a_run_is_drawn_previewed_approved_and_proved(session: PortalSession, now: datetime) -> None:
    run = approved(session, now)
    found = choices(session, run)
    assert Counter(taker for no, (taker, _) in found.items() if no.startswith("LN")) == {
        "SHAKTI": 9, "NILGIRI": 6, "VEGA": 5,
    }  # fmt: skip
    assert {no: found[no] for no in ("CC1", "CC2", "TW1")} == {
        "CC1": ("SHAKTI", ""), "CC2": ("", "outside_area"), "TW1": ("", "no_rule"),
    }  # fmt: skip
    placement = session.scalars(select(Placement).where(Placement.code == "RETAIL-20261101-1")).one()
    rows = session.scalars(select(Allocation).where(Allocation.placement_id == placement.id)).all()
    told = session.scalars(select(BorrowerNotice.allocation_id).order_by(BorrowerNotice.id)).all()
    assert sorted(told) == sorted(row.id for row in rows)  # every borrower is to be told
    assert {row.loan_account_no for row in rows} == {no for no, (taker, _) in found.items() if taker}
    assert {(row.from_on, row.to_on, row.opening_as_of) for row in rows} == {(FIRST, LAST, date(2026, 9, 30))}
    assert (run.status, run.placement_id, run.accounts, run.placed) == ("approved", placement.id, 23, 21)
    summary = run.summary
    per_taker = Counter(dict.fromkeys(("SHAKTI",), 0))
    for code, _, accounts, _ in summary["takers"]:
        per_taker[code] += accounts
    assert per_taker == {"SHAKTI": 10, "NILGIRI": 6, "VEGA": 5}
    assert summary["accounts"] == 23 == sum(per_taker.values()) + sum(row[1] for row in summary["unplaced"])
    minor = sum(row[-1] for row in (*summary["takers"], *summary["unplaced"]))
    assert summary["principal"] == minor == session.scalar(select(func.sum(LoanAccount.latest_principal_minor)))
    assert differences(session) == []
    acts = session.scalars(select(AuditEvent.tag).where(AuditEvent.subject_ref == run.ref).order_by(AuditEvent.id))
    assert list(acts) == [AuditTag.STRATEGY_RUN_MOVED.text] * 3 + [AuditTag.ALLOCATIONS_IMPORTED.text]


def test_the_same_seed_draws_the_same_and_another_seed_does_not(session: PortalSession, now: datetime) -> None:
    first, again, other = drawn(session, now), drawn(session, now), drawn(session, now, seed=8)
    assert (first.ref, again.ref) == ("RETAIL-20261101-1", "RETAIL-20261101-2")
    assert (first.input_hash, first.result_hash) == (again.input_hash, again.result_hash)
    assert other.result_hash != first.result_hash and choices(session, other) != choices(session, first)


TOUCHED = {
    ("strategy_choices", "taker"): "update strategy_choices set taker = 'VEGA' where loan_account_no = 'CC1'",
    ("strategy_choices", "reason"): "update strategy_choices set reason = '' where loan_account_no = 'CC2'",
    ("strategy_runs", "input_hash"): "update strategy_choices set language = 'tamil' where loan_account_no = 'LN02'",
    ("strategy_runs", "summary"): "update strategy_choices set principal_minor = 1 where loan_account_no = 'LN01'",
    ("strategy_runs", "result_hash"): "update strategy_runs set result_hash = 'x'",
    ("strategies", "terms"): "update strategies set terms = jsonb_set(terms, '{mode}', '\"any\"')",
}


def test_what_was_touched_by_hand_shows(session: PortalSession, now: datetime, database: Any) -> None:
    drawn(session, now)
    session.commit()
    for what, sql in TOUCHED.items():
        assert what not in differences(session)
        session.rollback()
        database.execute(f"do $do$ begin set local session_replication_role = replica; {sql}; end $do$")
        session.expire_all()
        assert what in differences(session)


def test_nobody_approves_what_they_drew_or_handed_in(session: PortalSession, now: datetime) -> None:
    run = drawn(session, now)
    with pytest.raises(Refused):  # a draft is nobody's to decide
        decide_run(session, run, approve=True, actor=CHECKER, now=now)
    submit_run(session, run, actor=CHECKER, now=now)
    for person in (CHECKER, MAKER):
        with pytest.raises(Refused) as error:
            decide_run(session, run, approve=True, actor=person, now=now)
        assert error.value.code == "is_not_the_maker"
    third = SYSTEM.__class__(303, "second@bank.example", "bank_approver")
    with pytest.raises(Invalid):
        decide_run(session, run, approve=False, actor=third, now=now)
    decide_run(session, run, approve=False, reason="Too much for Vega.", actor=third, now=now)
    assert (run.status, session.scalar(select(func.count(Allocation.id)))) == ("rejected", 0)
    with pytest.raises(Refused):
        withdraw_run(session, run, actor=MAKER, now=now)


def shut_hold(session: PortalSession, now: datetime) -> None:
    given: dict[str, Any] = {"reason": "Suit 12/2026", "from_on": date(2026, 12, 31), "to_on": None, "effect": "both"}
    put_on_hold(session, account(session, "LN03"), **given, cause="litigation", actor=SYSTEM, now=now)


def shut_taken(session: PortalSession, now: datetime) -> None:
    an_allocation(session, account(session, "LN04"), agency(session, "VEGA"), LAST, None)


def shut_certificate(session: PortalSession, now: datetime) -> None:
    someone = session.scalars(select(Agent).where(Agent.agency_id == agency(session, "VEGA").id)).one()
    someone.certificate_until = date(2026, 10, 31)


def shut_capacity(session: PortalSession, now: datetime) -> None:
    agency(session, "NILGIRI").capacity = 5


def shut_licence(session: PortalSession, now: datetime) -> None:
    agency(session, "SHAKTI").licensed_states = ["29"]


def shut_status(session: PortalSession, now: datetime) -> None:
    agency(session, "NILGIRI").status = "suspended"


def shut_figures(session: PortalSession, now: datetime) -> None:
    a_snapshot(session, account(session, "LN05"), date(2026, 10, 31), dpd_days=76)


def shut_state(session: PortalSession, now: datetime) -> None:
    account(session, "CC1").state = "29"  # SHAKTI takes cards of one state alone


def shut_product(session: PortalSession, now: datetime) -> None:
    account(session, "LN06").product = "TW"


SHUT = {
    "CC1: its state was changed.": shut_state,
    "LN06: its product was changed.": shut_product,
    "LN03: It is before a court (Suit 12/2026).": shut_hold,
    "LN04: VEGA holds it": shut_taken,
    "No agent of VEGA has a valid certificate": shut_certificate,
    "NILGIRI was to get 6 accounts and can take 5.": shut_capacity,
    "Where or what SHAKTI may work was changed.": shut_licence,
    "NILGIRI may not be given accounts: suspended.": shut_status,
    "LN05: newer figures came in.": shut_figures,
}


def test_a_gate_shut_since_stops_the_approval_and_is_named(session: PortalSession, now: datetime) -> None:
    run = drawn(session, now)
    submit_run(session, run, actor=MAKER, now=now)
    for said, shut in SHUT.items():
        before = session.begin_nested()
        shut(session, now)
        session.flush()
        with pytest.raises(Stale) as error:
            decide_run(session, run, approve=True, actor=CHECKER, now=now)
        assert said in error.value.message
        assert sum(other in error.value.message for other in SHUT) == 1
        before.rollback()
        session.expire_all()
    decide_run(session, run, approve=True, actor=CHECKER, now=now)
    assert session.scalar(select(func.count(Allocation.id))) == run.placed


def test_gates_stop_exactly_their_accounts_in_a_run(session: PortalSession, now: datetime) -> None:
    """A lapsed certificate stops the challenger, capacity all beyond it, a hold one account; everybody else is placed."""
    shut_certificate(session, now)
    agency(session, "NILGIRI").capacity = 4
    shut_hold(session, now)
    session.flush()
    run = drawn(session, now)
    found = choices(session, run)
    assert found["LN03"] == ("", "in_litigation")
    arms = Counter(
        (row.arm, row.taker, row.reason)
        for row in session.scalars(
            select(StrategyChoice).where(StrategyChoice.run_id == run.id, StrategyChoice.rule == 1)
        )
    )
    assert arms == {
        ("champion", "SHAKTI", ""): 10, ("champion", "NILGIRI", ""): 4, ("challenger", "", "nobody_open"): 5,
    }  # fmt: skip
    portions = {each["code"]: each for arm in run.summary["arms"] if arm["rule"] == 1 for each in arm["portions"]}
    assert portions["NILGIRI"]["bound"] == ["capacity_full"] and portions["VEGA"]["bound"] == ["no_certified_agent"]


def test_who_held_it_keeps_it_or_may_not_have_it_again(session: PortalSession, now: datetime) -> None:
    nilgiri = agency(session, "NILGIRI")
    for no in ("LN01", "LN02"):
        an_allocation(session, account(session, no), nilgiri, date(2026, 8, 1), date(2026, 10, 31))
    taken_back = an_allocation(session, account(session, "LN02"), nilgiri, date(2026, 6, 1), date(2026, 7, 31))
    recent = an_allocation(session, account(session, "LN06"), nilgiri, date(2026, 8, 1), date(2026, 12, 31))
    recall(session, recent, on=date(2026, 10, 10), reason="Paid up.", actor=SYSTEM, now=now)
    assert taken_back.recalled_at is None
    rule = {"name": "All", "agency": [{"code": "SHAKTI", "share": 95}, {"code": "NILGIRI", "share": 5}]}
    an_approved_strategy(session, now, "KEEP", rule=[rule])
    an_approved_strategy(session, now, "TURN", rule=[rule], mode="rotating", days_since_recall=0)
    given: dict[str, Any] = {"from_on": FIRST, "seed": 1, "actor": MAKER, "now": now}
    kept = choices(session, draft_run(session, "KEEP", **given))
    assert (kept["LN01"], kept["LN02"], kept["LN06"]) == (("NILGIRI", ""), ("NILGIRI", ""), ("", "recalled_recently"))
    turned = choices(session, draft_run(session, "TURN", **given))
    assert {turned[no] for no in ("LN01", "LN02", "LN06")} == {("SHAKTI", "")}
    only = {"name": "All", "agency": [{"code": "NILGIRI"}]}
    an_approved_strategy(session, now, "ONLY", rule=[only], mode="rotating", days_since_recall=0)
    assert choices(session, draft_run(session, "ONLY", **given))["LN01"] == ("", "same_again")


def test_a_strategy_takes_two_people_and_begins_on_its_day(session: PortalSession, now: datetime) -> None:
    given: dict[str, Any] = {"effective_from": LAST, "reason": "Less for Shakti.", "actor": MAKER, "now": now}
    second = propose_strategy(session, "RETAIL", TERMS, **given)
    with pytest.raises(Refused):
        decide_strategy(session, second, approve=True, actor=MAKER, now=now)
    decide_strategy(session, STRATEGIES.load(session, id=second.id), approve=True, actor=CHECKER, now=now)
    assert strategy_on(session, "RETAIL", date(2026, 12, 30)).version == 1
    assert strategy_on(session, "RETAIL", LAST).version == 2
    third = propose_strategy(session, "RETAIL", TERMS, **given)
    with pytest.raises(Refused) as error:
        decide_strategy(session, third, approve=True, actor=CHECKER, now=now)
    assert error.value.code == "same_day"
    with pytest.raises(Refused):
        strategy_on(session, "RETAIL", date(2026, 10, 31))
    with pytest.raises(NotFound):
        strategy_on(session, "NONE", FIRST)
    with pytest.raises(Invalid) as wrong:
        propose_strategy(session, "a b", {"rule": [{"name": "R", "agency": [{"code": "NOBODY"}]}]}, **given)
    assert {problem.code for problem in wrong.value.problems} == {"bad_code", "unknown_taker"}
    assert [each.code for each in check_terms(session, {"rule": [{"name": "R", "product": ["XX"]}]})[1]] == [
        "unknown_product",
        "nobody",
    ]


def test_the_arms_of_a_run_are_read_out_month_by_month(session: PortalSession, now: datetime) -> None:
    run = approved(session, now)
    assert read_out(session, run) == []
    rows = session.scalars(select(StrategyChoice).where(StrategyChoice.run_id == run.id, StrategyChoice.taker != ""))
    for row in rows:
        one = account(session, row.loan_account_no)
        a_snapshot(session, one, date(2026, 11, 30), dpd_days=0 if row.arm == "challenger" else 90)
    freeze_outcomes(session, parse_month("2026-11"), actor=SYSTEM, now=now)
    (month,) = read_out(session, run)
    assert (month.accounts, month.percent("challenger"), month.percent("champion")) == (
        {"champion": 15, "challenger": 5}, 100.0, 0.0,
    )  # fmt: skip
    assert month.contest is not None and month.contest.difference == 100 and month.contest.is_decided
