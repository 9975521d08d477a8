"""Adjustments, measures and compromises: entered by one person, decided by another, and what the accrual makes of them."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from allocations.agencies.models import Agency
from allocations.casework import compromises
from allocations.casework.compromises import Agreed
from allocations.casework.models import OneTimeSettlement
from allocations.scorecards import measures
from allocations.scorecards.models import AgencyMeasure
from payouts.commission import adjustments
from payouts.commission.adjustments import Entry
from payouts.commission.event_models import ManualAdjustment
from portal.kernel.errors import Invalid, Refused
from tests.factories.accrual import NOVEMBER, OCTOBER, World
from tests.factories.month import CHECKER, MAKER, SECOND_CHECKER

TODAY = date(2026, 11, 10)


def codes(refused: Any) -> list[str]:
    return [problem.code for problem in refused.value.problems]


# --- adjustments


def adjust(world: World, agency: Agency, **changes: Any) -> ManualAdjustment:
    given: dict[str, Any] = {"period": OCTOBER, "kind": "bonus", "amount_minor": 50_000, "reason": "Contest won."}
    entry = Entry(**given | changes)
    return adjustments.propose_adjustment(world.session, entry, agency=agency, actor=MAKER, now=world.now)


def decide_adjustment(world: World, made: ManualAdjustment, accept: bool = True, **changes: Any) -> None:
    given: dict[str, Any] = {"accept": accept, "reason": "Seen.", "actor": CHECKER, "now": world.now}
    adjustments.decide_adjustment(world.session, made, **given | changes)


def test_an_accepted_adjustment_is_a_line_of_its_month(world: World, agency: Agency) -> None:
    world.card()
    world.earn(agency)
    (line,) = world.lines(world.accrue().run)
    bonus = adjust(world, agency, about_ref=line.ref)
    waits = adjust(world, agency, kind="penalty", amount_minor=-100)
    decide_adjustment(world, bonus)
    lines = [each for each in world.lines(world.accrue().run) if each.adjustment_id]
    assert [(each.kind, each.amount_minor, each.adjustment_id) for each in lines] == [("bonus", 50_000, bonus.id)]
    assert waits.status == "proposed"


def test_an_adjustment_of_a_closed_month_names_the_open_one(world: World, agency: Agency) -> None:
    world.card()
    world.earn(agency)
    early = adjust(world, agency)
    world.accrue()
    world.settle()
    with pytest.raises(Invalid) as refused:
        adjust(world, agency)
    assert codes(refused) == ["month_closed"] and "November 2026" in refused.value.problems[0].cure
    with pytest.raises(Refused, match="settled") as late:
        decide_adjustment(world, early)
    assert "November 2026" in late.value.cure
    decide_adjustment(world, early, accept=False)
    assert adjust(world, agency, period=NOVEMBER).period_start == NOVEMBER.start


def test_every_fault_of_an_adjustment_is_told_at_once(world: World, agency: Agency) -> None:
    with pytest.raises(Invalid) as refused:
        adjust(world, agency, kind="gift", amount_minor=0, reason="", about_ref="A1")
    assert codes(refused) == ["bad_kind", "bad_amount", "reason_needed", "unknown_line"]
    for kind, minor in (("bonus", -1), ("penalty", 1)):
        with pytest.raises(Invalid) as refused:
            adjust(world, agency, kind=kind, amount_minor=minor)
        assert codes(refused) == ["wrong_sign"]


def test_an_adjustment_is_decided_by_another_person_once(world: World, agency: Agency) -> None:
    made = adjust(world, agency)
    with pytest.raises(Refused, match="does not decide"):
        decide_adjustment(world, made, actor=MAKER)
    with pytest.raises(Invalid):
        decide_adjustment(world, made, accept=False, reason="")
    decide_adjustment(world, made, accept=False)
    with pytest.raises(Refused, match="rejected"):
        decide_adjustment(world, made)
    other = adjust(world, agency)
    adjustments.withdraw_adjustment(world.session, other, actor=MAKER, now=world.now)
    assert other.status == "withdrawn"


# --- measures


def measure(world: World, agency: Agency, name: str = "score", value: str = "82.50", **changes: Any) -> AgencyMeasure:
    given: dict[str, Any] = {"period": OCTOBER, "reason": "Scorecard of October.", "actor": MAKER, "now": world.now}
    return measures.propose_measure(world.session, agency=agency, measure=name, value=value, **given | changes)


def decide_measure(world: World, made: AgencyMeasure, approve: bool = True, **changes: Any) -> None:
    given: dict[str, Any] = {"approve": approve, "reason": "Seen.", "actor": CHECKER, "now": world.now}
    measures.decide_measure(world.session, made, **given | changes)


@pytest.mark.parametrize("value", ["0", "7.5", "82.50", "100", "100.00"])
def test_a_score_is_nought_to_a_hundred_with_two_decimals(world: World, agency: Agency, value: str) -> None:
    assert measure(world, agency, value=value).value == value


@pytest.mark.parametrize("value", ["", "-1", "100.01", "101", "82.505", "1e2", "٨٢", "A"])
def test_any_other_score_is_refused(world: World, agency: Agency, value: str) -> None:
    with pytest.raises(Invalid) as refused:
        measure(world, agency, value=value)
    assert codes(refused) == ["bad_score"]


def test_a_newer_approved_measure_replaces_the_earlier_one(world: World, agency: Agency) -> None:
    first = measure(world, agency)
    assert measures.approved_measures(world.session, OCTOBER) == {}
    decide_measure(world, first)
    decide_measure(world, measure(world, agency, "grade", "A"))
    with pytest.raises(Refused, match="does not decide"):
        decide_measure(world, second := measure(world, agency, value="90"), actor=MAKER)
    assert measures.approved_measures(world.session, OCTOBER) == {agency.id: {"score": "82.50", "grade": "A"}}
    decide_measure(world, second)
    assert measures.approved_measures(world.session, OCTOBER) == {agency.id: {"score": "90", "grade": "A"}}
    assert (first.status, second.status) == ("replaced", "approved")
    assert measures.approved_measures(world.session, NOVEMBER) == {}


def test_only_one_measure_waits_at_a_time(world: World, agency: Agency) -> None:
    first = measure(world, agency)
    with pytest.raises(Refused, match="waits"):
        measure(world, agency, value="83")
    measures.withdraw_measure(world.session, first, actor=MAKER, now=world.now)
    decide_measure(world, measure(world, agency, value="83"), approve=False)
    with pytest.raises(Invalid) as refused:
        measure(world, agency, "grade", "two words", reason="")
    assert codes(refused) == ["bad_grade", "reason_needed"]


# --- compromises


def agree(world: World, no: str, **changes: Any) -> OneTimeSettlement:
    given: dict[str, Any] = {"kind": "ots", "agreed_minor": 4_000_000, "from_on": date(2026, 10, 5), "to_on": None}
    agreed = Agreed(no, **given | {"reason": "Letter of 4 October."} | changes)
    return compromises.propose_compromise(world.session, agreed, actor=MAKER, now=world.now)


def decide_compromise(world: World, made: OneTimeSettlement, approve: bool = True, **changes: Any) -> None:
    given: dict[str, Any] = {"approve": approve, "reason": "Seen.", "actor": CHECKER, "now": world.now}
    compromises.decide_compromise(world.session, made, **given | changes)


def break_it(world: World, made: OneTimeSettlement, day: date) -> None:
    given: dict[str, Any] = {"reason": "Second instalment missed.", "actor": CHECKER, "now": world.now, "today": TODAY}
    compromises.break_compromise(world.session, made, last_on=day, **given)


def test_a_compromise_stands_from_its_approval_until_it_is_broken(world: World, agency: Agency) -> None:
    allocation = world.allocation(agency, "LN1")
    made = agree(world, "LN1")
    kinds = lambda day: compromises.kinds_on(world.session, [allocation.loan_account_id], day)  # noqa: E731
    assert kinds(date(2026, 10, 10)) == {}
    with pytest.raises(Refused, match="does not decide"):
        decide_compromise(world, made, actor=MAKER)
    decide_compromise(world, made)
    assert kinds(date(2026, 10, 10)) == {allocation.loan_account_id: "ots"} and kinds(date(2026, 10, 4)) == {}
    for day in (date(2026, 10, 4), date(2026, 11, 11)):
        with pytest.raises(Invalid) as refused:
            break_it(world, made, day)
        assert codes(refused) == ["bad_day"]
    break_it(world, made, date(2026, 10, 20))
    assert kinds(date(2026, 10, 20)) and kinds(date(2026, 10, 21)) == {}
    assert (made.status, made.to_on) == ("broken", date(2026, 10, 20))


def test_no_two_compromises_share_a_day_of_an_account(world: World, agency: Agency) -> None:
    world.allocation(agency, "LN1")
    first = agree(world, "LN1", to_on=date(2026, 10, 31))
    for days in ({}, {"from_on": date(2026, 10, 31)}, {"from_on": date(2026, 9, 1), "to_on": date(2026, 10, 5)}):
        with pytest.raises(Invalid) as refused:
            agree(world, "LN1", **days)
        assert codes(refused) == ["overlap"]
    decide_compromise(world, first)
    after = agree(world, "LN1", kind="lok_adalat", from_on=date(2026, 11, 1))
    decide_compromise(world, after, actor=SECOND_CHECKER)
    assert after.status == "approved"


def test_every_fault_of_a_compromise_is_told_at_once(world: World, agency: Agency) -> None:
    with pytest.raises(Invalid) as refused:
        agree(world, "NOPE", kind="gift", agreed_minor=0, to_on=date(2026, 10, 4), reason="")
    assert codes(refused) == ["bad_kind", "bad_amount", "ends_before", "reason_needed", "unknown_account"]


def test_a_rejected_or_withdrawn_compromise_is_out_of_the_way(world: World, agency: Agency) -> None:
    world.allocation(agency, "LN1")
    decide_compromise(world, agree(world, "LN1"), approve=False)
    compromises.withdraw_compromise(world.session, agree(world, "LN1"), actor=MAKER, now=world.now)
    made = agree(world, "LN1")
    decide_compromise(world, made)
    with pytest.raises(Refused, match="approved"):
        decide_compromise(world, made)
