"""Repayment plans and referrals: within limits and beyond, kept by confirmed money, and what a referral puts on hold."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from allocations.agencies.models import Agency
from allocations.casework import plans, referrals
from allocations.casework.offers import approve_offer, load_offer
from allocations.casework.plan_models import Referral, RepaymentPlan
from allocations.casework.plans import Planned
from allocations.casework.referrals import Asked
from allocations.casework.schedules import even
from allocations.placements.models import Allocation, Hold
from payouts.difference import Findings
from payouts.verify_decided import check_decided
from portal.kernel.db import agency_scope
from portal.kernel.errors import Forbidden, Invalid, Refused
from portal.kernel.notices import Notice
from tests.factories.accrual import World
from tests.factories.month import CHECKER, MAKER, SYSTEM
from tests.factories.settling import OWNER, TODAY, an_npa, recommended
from tests.factories.world import an_agency

FIRST = date(2026, 11, 20)


@pytest.fixture
def allocation(world: World, agency: Agency) -> Allocation:
    """15,000 overdue, 1,10,000 owed."""
    return world.allocation(agency)


def planned(number: str, major: int = 15_000, count: int = 3, **changes: Any) -> Planned:
    schedule = changes.pop("schedule", even(major * 100, count, FIRST))
    given: dict[str, Any] = {"from_on": TODAY, "mode": "upi", "reason": "Paid again from the next salary."}
    return Planned(loan_account_no=number, schedule=schedule, **given | changes)


def propose(world: World, allocation: Allocation, agency_id: int | None = None, **changes: Any) -> RepaymentPlan:
    actor = OWNER if agency_id else MAKER
    entered = planned(allocation.loan_account_no, **changes)
    return plans.propose_plan(world.session, entered, agency_id=agency_id, actor=actor, now=world.now)


def codes(refused: Any) -> list[str]:
    return [problem.code for problem in refused.value.problems]


def is_clean(world: World) -> bool:
    world.session.commit()
    findings = Findings()
    check_decided(world.session, findings, None)
    return not findings.differences


def test_a_plan_within_limits_is_a_maker_s_and_one_beyond_an_approver_s(
    world: World, agency: Agency, allocation: Allocation
) -> None:
    with pytest.raises(Invalid) as refused:
        propose(world, allocation, agency.id, major=105_000, count=7)
    assert codes(refused) == ["beyond_limits"]
    with pytest.raises(Invalid) as refused:
        propose(world, allocation, agency.id, major=14_999)
    assert codes(refused) == ["not_the_dues"]
    small = propose(world, allocation, agency.id)
    with pytest.raises(Invalid) as refused:
        propose(world, allocation)
    assert codes(refused) == ["open_plan"]
    plans.decide_plan(world.session, small, accept=True, actor=MAKER, now=world.now)
    assert small.status == "active" and not small.needs_approver
    plans.cancel_plan(world.session, small, reason="Moved abroad.", actor=MAKER, now=world.now)
    large = propose(world, allocation, major=105_000)
    with pytest.raises(Forbidden, match="beyond what a maker accepts"):
        plans.decide_plan(world.session, large, accept=True, actor=MAKER, now=world.now)
    plans.decide_plan(world.session, large, accept=True, actor=CHECKER, now=world.now)
    assert (small.status, large.status) == ("cancelled", "active") and is_clean(world)


def test_a_plan_that_is_laxer_than_the_bank_s_rule_of_its_day_is_not_accepted(
    world: World, agency: Agency, allocation: Allocation
) -> None:
    found = propose(world, allocation, agency.id)
    assert (found.grace_days, found.most_missed) == (5, 1)
    columns = [each.name for each in RepaymentPlan.__table__.columns if each.name != "id"]
    values = {name: getattr(found, name) for name in columns}
    plans.withdraw_plan(world.session, found, actor=OWNER, now=world.now)
    lax = RepaymentPlan(**values | {"grace_days": 400, "most_missed": 12})  # as an agency's connection could write it
    world.session.add(lax)
    world.session.flush()
    with pytest.raises(Invalid) as refused:
        plans.decide_plan(world.session, lax, accept=True, actor=CHECKER, now=world.now)
    assert codes(refused) == ["beyond_the_rule", "beyond_the_rule"]
    plans.decide_plan(world.session, lax, accept=False, reason="Not our rule.", actor=CHECKER, now=world.now)


def test_a_plan_and_a_settlement_do_not_run_on_one_account(world: World, agency: Agency) -> None:
    account = an_npa(world, agency)
    plan = propose(world, account, major=20_000)
    offer = recommended(world, account.loan_account_no)
    given: dict[str, Any] = {"actor": CHECKER, "now": world.now}
    with world.session.begin_nested() as undone:
        approve_offer(world.session, load_offer(world.session, offer.id), **given)
        with pytest.raises(Invalid, match="A settlement has this account"):
            plans.decide_plan(world.session, plan, accept=True, **given)
        undone.rollback()
    plans.decide_plan(world.session, plans.load_plan(world.session, plan.id), accept=True, **given)
    with pytest.raises(Refused, match=f"plan {plan.id} of this account runs"):
        approve_offer(world.session, load_offer(world.session, offer.id), **given)


def test_every_fault_of_a_plan_is_told_at_once(world: World) -> None:
    wrong = planned("LN-none", schedule=(), mode="barter", reason="", from_on=date(2026, 11, 1))
    with pytest.raises(Invalid) as refused:
        plans.propose_plan(world.session, wrong, actor=MAKER, now=world.now)
    assert codes(refused) == ["bad_day", "bad_mode", "no_instalments", "reason_needed", "unknown_account"]


def test_confirmed_money_keeps_a_plan_and_too_many_missed_break_it(
    world: World, agency: Agency, allocation: Allocation
) -> None:
    made = propose(world, allocation, agency.id)
    plans.decide_plan(world.session, made, accept=True, actor=MAKER, now=world.now)
    judge = lambda day: plans.judge_plans(world.session, day, actor=SYSTEM, now=world.now)  # noqa: E731
    assert judge(date(2026, 11, 26)) == judge(date(2026, 12, 25)) == {"kept": 0, "broken": 0}  # one missed is borne
    assert judge(date(2026, 12, 26)) == {"kept": 0, "broken": 1}
    assert (made.status, made.closed_on) == ("broken", date(2026, 12, 26))
    other = world.allocation(agency)
    again = propose(world, other, agency.id)
    plans.decide_plan(world.session, again, accept=True, actor=MAKER, now=world.now)
    world.earn(agency, 15_000, date(2026, 11, 19), allocation=other)
    assert judge(date(2026, 11, 20)) == {"kept": 1, "broken": 0} and again.closed_on == date(2026, 11, 19)
    assert is_clean(world)


def test_borrowers_are_reminded_once_in_words_that_promise_nothing(
    world: World, agency: Agency, allocation: Allocation
) -> None:
    account = world.session.get_one(plans.LoanAccount, allocation.loan_account_id)
    account.email, account.mobile = "borrower@home.example", "9820012345"
    made = propose(world, allocation, agency.id)
    plans.decide_plan(world.session, made, accept=True, actor=MAKER, now=world.now)
    assert plans.reminders(world.session, date(2026, 11, 16)) == []
    (due,) = plans.reminders(world.session, date(2026, 11, 17))
    assert (due.amount_minor, due.mobile, due.due_on) == (5_000_00, "9820012345", FIRST)
    assert allocation.loan_account_no not in due.words and "credit" not in due.words
    for count in (1, 0):
        assert plans.write_reminders(world.session, date(2026, 11, 17), now=world.now) == count
    (letter,) = world.session.scalars(select(Notice))
    assert letter.to_address == "borrower@home.example" and letter.body == due.words


def asked(number: str, **changes: Any) -> Asked:
    given: dict[str, Any] = {"kind": "hardship", "partner": "Disha Counselling", "consent_on": TODAY}
    given |= {"consent_how": "letter", "reason": "In hospital since October."}
    return Asked(loan_account_no=number, **given | changes)


def test_a_referral_holds_the_account_until_it_is_closed(world: World, agency: Agency, allocation: Allocation) -> None:
    with pytest.raises(Invalid) as refused:
        wrong = asked("x", kind="prayer", partner="", consent_on=date(2027, 1, 1), consent_how="", reason="")
        referrals.ask_referral(world.session, wrong, actor=MAKER, now=world.now)
    assert codes(refused) == [
        *("bad_kind", "missing_value", "bad_day", "bad_way", "reason_needed", "unknown_account"),
    ]
    given: dict[str, Any] = {"agency_id": agency.id, "actor": OWNER, "now": world.now}
    made = referrals.ask_referral(world.session, asked(allocation.loan_account_no), **given)
    by: dict[str, Any] = {"actor": MAKER, "now": world.now}
    with pytest.raises(Refused, match="does not decide on it"):
        referrals.decide_referral(world.session, made, accept=True, actor=OWNER, now=world.now)
    with pytest.raises(Invalid):
        referrals.decide_referral(world.session, made, accept=True, hold_cause="weather", **by)
    referrals.decide_referral(world.session, made, accept=True, hold_cause="medical", **by)
    (hold,) = world.session.scalars(select(Hold))
    assert (hold.cause, hold.effect, hold.to_on) == ("medical", "no_work", None)
    referrals.close_referral(world.session, made, outcome="Insurance pays from January.", **by)
    assert (made.status, made.closed_on, hold.to_on) == ("closed", TODAY, TODAY) and is_clean(world)


def test_an_agency_sees_its_own_plans_and_referrals_alone(
    world: World, database: Any, agency: Agency, allocation: Allocation
) -> None:
    made = propose(world, allocation, agency.id)
    referrals.ask_referral(
        world.session, asked(allocation.loan_account_no), agency_id=agency.id, actor=OWNER, now=world.now
    )
    propose(world, world.allocation(agency))  # the bank's own
    rival = an_agency(world.session, "VEGA", pan="AAPFU0940F")
    ids = (made.id, agency.id, rival.id)
    world.session.commit()
    with database.logins.session(agency_scope(ids[1], TODAY)) as session:
        assert [row.RepaymentPlan.id for row in plans.own_plans(session, ids[1])] == [ids[0]]
        assert len(referrals.own_referrals(session, ids[1])) == 1
        plans.withdraw_plan(session, plans.load_own_plan(session, ids[0], ids[1]), actor=OWNER, now=world.now)
    with database.logins.session(agency_scope(ids[2], TODAY)) as session:
        assert not session.scalars(select(RepaymentPlan.id)).all() and not session.scalars(select(Referral.id)).all()
