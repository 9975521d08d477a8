"""Settlements with borrowers: who may bring, recommend and approve them, what money makes of them, and that they can be computed again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, OperationalError

from allocations.agencies.models import Agency
from allocations.casework import compromises, offer_queries, watching
from allocations.casework.jobs import watch_settlements
from allocations.casework.models import OneTimeSettlement
from allocations.casework.offer_models import CompromiseAssessment, CompromiseBreach, CompromiseOffer
from allocations.casework.offers import (
    acknowledge,
    approve_offer,
    assessment_of,
    lapse_offers,
    load_offer,
    load_own_offer,
    propose_offer,
    recommend_offer,
    reject_offer,
    withdraw_offer,
)
from allocations.casework.schedules import even
from payouts.difference import Findings
from payouts.verify_casework import check_casework
from payouts.verify_decided import check_decided
from portal.cli.edge import INVALID
from portal.kernel.clock import FixedClock
from portal.kernel.db import agency_scope, bank_scope
from portal.kernel.errors import Forbidden, Invalid, Refused
from portal.kernel.jobs import NIGHT, JobRun
from tests.factories.accrual import World
from tests.factories.month import CHECKER, MAKER, SECOND_CHECKER, SYSTEM
from tests.factories.settling import (
    OWNER,
    TODAY,
    a_setting,
    an_npa,
    approved_offer,
    brought,
    offered,
    recommended,
    view,
)
from tests.factories.world import an_agency


@pytest.fixture
def number(world: World, agency: Agency) -> str:
    """An account of the agency that has been unpaid for 200 days: 1,10,000 owed, 1,00,000 of it principal."""
    return an_npa(world, agency).loan_account_no


def codes(refused: Any) -> list[str]:
    return [problem.code for problem in refused.value.problems]


def differences(world: World) -> list[tuple[str, str]]:
    world.session.commit()  # the audit log is written then
    findings = Findings()
    check_casework(world.session, findings)
    check_decided(world.session, findings, None)
    return [(each.table, each.field) for each in findings.differences]


def test_an_agency_brings_it_the_maker_recommends_it_and_a_level_above_approves_it(
    world: World, agency: Agency, number: str
) -> None:
    found = brought(world, number, agency.id)
    assert (found.total_minor, found.interest_minor, found.charges_minor) == (110_000_00, 8_000_00, 2_000_00)
    waived = (found.waived_principal_minor, found.waived_interest_minor, found.waived_charges_minor)
    assert waived == (5_000_00, 8_000_00, 2_000_00)
    seen = recommend_offer(world.session, found, view(), actor=MAKER, now=world.now)
    assert (found.status, seen.needed_level, seen.findings["deviations"]) == ("recommended", 2, [])
    assert compromises.kinds_on(world.session, [found.loan_account_id], TODAY) == {}
    with pytest.raises(Refused, match="has not been told"):
        approve_offer(world.session, found, actor=CHECKER, now=world.now)
    told: dict[str, Any] = {"told_on": TODAY, "how": "letter", "proof": "Letter 7"}
    acknowledge(world.session, found, **told, actor=OWNER, now=world.now)
    for actor in (OWNER, MAKER):
        with pytest.raises(Refused) as refused:
            approve_offer(world.session, found, actor=actor, now=world.now)
        assert refused.value.code == "is_not_the_maker"
    approve_offer(world.session, load_offer(world.session, found.id), actor=CHECKER, now=world.now)
    assert (found.status, found.decided_level) == ("approved", 2)
    assert compromises.kinds_on(world.session, [found.loan_account_id], TODAY) == {found.loan_account_id: "ots"}
    priced = world.session.get_one(OneTimeSettlement, seen.compromise_id)
    assert (priced.agreed_minor, priced.to_on, priced.decided_by) == (95_000_00, date(2027, 1, 27), CHECKER.email)
    assert differences(world) == []


def test_every_fault_of_an_offer_is_told_at_once(world: World, number: str) -> None:
    wrong = offered("LN-none", 1, from_on=date(2026, 11, 1), valid_until=date(2026, 11, 1), reason=" ")
    with pytest.raises(Invalid) as refused:
        propose_offer(world.session, wrong, actor=MAKER, now=world.now)
    assert codes(refused) == ["bad_day", "bad_day", "reason_needed", "unknown_account"]
    with pytest.raises(Invalid) as refused:
        brought(world, number, major=110_000, charges_minor=20_000_00)
    assert codes(refused) == ["no_sacrifice", "too_many_charges"]
    brought(world, number)
    with pytest.raises(Invalid) as refused:
        brought(world, number)
    assert codes(refused) == ["open_offer"]


def test_the_level_is_asked_for_and_who_sanctioned_it_never_approves(world: World, number: str) -> None:
    found = brought(world, number)
    bad = view(words="", borrower="poor", sanctioned_level=9, sanctioned_by=" ")
    with pytest.raises(Invalid) as refused:
        recommend_offer(world.session, found, bad, actor=MAKER, now=world.now)
    assert codes(refused) == ["reason_needed", "bad_borrower", "bad_level", "sanctioner_needed"]
    given = view(sanctioned_level=2, sanctioned_by="Checker2@bank.example")
    recommend_offer(world.session, found, given, actor=MAKER, now=world.now)
    acknowledge(world.session, found, told_on=TODAY, how="letter", proof="Letter 7", actor=MAKER, now=world.now)
    with pytest.raises(Forbidden, match=r"level 3 \(Zone\); yours is 2 \(Region\)"):
        approve_offer(world.session, found, actor=CHECKER, now=world.now)
    a_setting(world, "compromise.approvers", {"others": 3, "people": {}})
    with pytest.raises(Refused, match="Who sanctioned the loan"):
        approve_offer(world.session, found, actor=SECOND_CHECKER, now=world.now)
    approve_offer(world.session, load_offer(world.session, found.id), actor=CHECKER, now=world.now)
    assert found.decided_level == 3


def test_what_departs_from_the_policy_needs_a_word_and_a_higher_approver(world: World, number: str) -> None:
    found = brought(world, number, count=6, schedule=even(95_000_00, 6, date(2026, 11, 20)))
    with pytest.raises(Invalid) as refused:
        recommend_offer(world.session, found, view(borrower="wilful"), actor=MAKER, now=world.now)
    assert codes(refused) == ["restructuring", "without_prejudice"]
    given = view(borrower="wilful", is_restructuring=True, without_prejudice=True)
    seen = recommend_offer(world.session, found, given, actor=MAKER, now=world.now)
    assert [each["code"] for each in seen.findings["deviations"]] == ["restructuring", "wilful_or_fraud"]
    assert seen.needed_level == 3


def test_an_offer_about_less_than_was_owed_is_neither_recommended_nor_verified(world: World, number: str) -> None:
    found = brought(world, number)
    with world.session.no_autoflush:
        found.total_minor, found.interest_minor = 102_000_00, 0
        with pytest.raises(Invalid) as refused:
            recommend_offer(world.session, found, view(), actor=MAKER, now=world.now)
        assert codes(refused) == ["owed_altered"]
        findings = Findings()
        check_casework(world.session, findings)
        assert ("compromise_offers", "owed") in [(each.table, each.field) for each in findings.differences]
    world.session.rollback()


def test_the_compromise_behind_it_is_not_decided_beside_it(world: World, number: str) -> None:
    found = recommended(world, number)
    seen = assessment_of(world.session, found.id)
    assert seen is not None
    priced = compromises.load_compromise(world.session, seen.compromise_id)
    given: dict[str, Any] = {"actor": CHECKER, "now": world.now}
    for act in (
        lambda: compromises.decide_compromise(world.session, priced, approve=True, **given),
        lambda: compromises.withdraw_compromise(world.session, priced, **given),
        lambda: compromises.break_compromise(world.session, priced, last_on=TODAY, reason="No.", today=TODAY, **given),
    ):
        with pytest.raises(Refused, match=f"stands on settlement {found.ref}"):
            act()
    reject_offer(world.session, load_offer(world.session, found.id), reason="Too little.", actor=CHECKER, now=world.now)
    assert (found.status, priced.status) == ("rejected", "rejected") and differences(world) == []


def test_from_december_a_settlement_is_entered_in_full_only(world: World, number: str) -> None:
    agreed = compromises.Agreed(number, "ots", 1_000_00, date(2026, 12, 2), None, "By letter.")
    later = world.now.replace(month=12, day=2)
    with pytest.raises(Invalid) as refused:
        compromises.propose_compromise(world.session, agreed, actor=MAKER, now=later)
    assert codes(refused) == ["in_full"]
    assert compromises.propose_compromise(world.session, agreed, actor=MAKER, now=world.now).status == "proposed"


def test_offers_lapse_and_are_taken_back(world: World, agency: Agency, number: str) -> None:
    found = recommended(world, number, agency.id)
    assert lapse_offers(world.session, found.valid_until, actor=SYSTEM, now=world.now) == 0
    assert lapse_offers(world.session, found.valid_until + timedelta(days=1), actor=SYSTEM, now=world.now) == 1
    again = brought(world, number, agency.id)
    withdraw_offer(world.session, again, actor=OWNER, now=world.now)
    assert (found.status, again.status) == ("lapsed", "withdrawn")
    (priced,) = world.session.scalars(select(OneTimeSettlement))
    assert priced.status == "withdrawn" and differences(world) == []


def night(world: World, today: date) -> int:
    return watching.propose_breaches(world.session, today, actor=SYSTEM, now=world.now)


def test_only_confirmed_money_keeps_an_instalment_and_a_person_says_that_it_is_broken(
    world: World, agency: Agency, number: str
) -> None:
    found = approved_offer(world, number, agency.id)
    allocation = world.session.scalars(select(offer_queries.Allocation)).one()
    first = world.collection(agency, 31_667, date(2026, 11, 19), allocation)
    late = date(2026, 11, 28)
    seen = lambda day: watching.watch_offers(world.session, [found], day)[found.id]  # noqa: E731
    assert [each.state for each in seen(late).instalments] == ["missed", "coming", "coming"]
    world.confirm(first)
    assert [each.state for each in seen(late).instalments] == ["kept", "coming", "coming"]
    assert night(world, late) == 0 and night(world, date(2026, 12, 27)) == 0  # the last day of grace
    assert night(world, date(2026, 12, 28)) == 1 and night(world, date(2026, 12, 28)) == 0
    (breach,) = world.session.scalars(select(CompromiseBreach))
    assert breach.proposed_by == "system" and breach.instalment == 2 and "7 days of grace" in breach.reason
    given: dict[str, Any] = {"now": world.now, "today": date(2026, 12, 29), "reason": "He stopped paying."}
    with pytest.raises(Refused, match="does not end it"):
        watching.decide_breach(world.session, breach, accept=True, actor=MAKER, **given)
    watching.decide_breach(world.session, breach, accept=True, actor=CHECKER, **given)
    (priced,) = world.session.scalars(select(OneTimeSettlement))
    assert (found.status, found.closed_on, priced.status) == ("broken", date(2026, 12, 28), "broken")
    assert priced.to_on == date(2026, 12, 28) and differences(world) == []


def test_a_breach_that_was_rejected_is_not_said_again_for_the_same_instalment(world: World, number: str) -> None:
    found = approved_offer(world, number)
    assert night(world, date(2026, 11, 28)) == 1
    (breach,) = world.session.scalars(select(CompromiseBreach))
    given: dict[str, Any] = {"now": world.now, "today": date(2026, 11, 29), "reason": "In hospital; pays in December."}
    watching.decide_breach(world.session, breach, accept=False, actor=CHECKER, **given)
    assert night(world, date(2026, 12, 20)) == 0 and night(world, date(2026, 12, 28)) == 1
    assert found.status == "approved"


def test_paid_in_full_it_is_closed_reported_and_due_a_letter(world: World, agency: Agency, number: str) -> None:
    found = approved_offer(world, number, agency.id)
    allocation = world.session.scalars(select(offer_queries.Allocation)).one()
    given: dict[str, Any] = {"actor": CHECKER, "now": world.now, "today": date(2026, 12, 1)}
    with pytest.raises(Refused, match="was not seen at the bank"):
        watching.fulfil_offer(world.session, found, **given)
    world.earn(agency, 95_000, date(2026, 11, 19), allocation=allocation)
    watching.fulfil_offer(world.session, load_offer(world.session, found.id), **given)
    assert (found.status, found.closed_on) == ("fulfilled", date(2026, 11, 19))
    (letter,) = offer_queries.closings(world.session, date(2026, 11, 1), date(2026, 12, 1))
    assert (letter.given_up_minor, letter.cooling_until) == (15_000_00, date(2027, 11, 19))
    (line,) = offer_queries.report(world.session, date(2026, 10, 1), date(2027, 1, 1), date(2026, 12, 1)).lines
    assert (line.level, line.name, line.count, line.dues_minor) == (2, "Region", 1, 110_000_00)
    assert (line.sacrifice_minor, line.recovered_minor, line.kept) == (15_000_00, 95_000_00, 1)
    later = even(95_000_00, 1, date(2027, 2, 1))
    again = brought(world, number, from_on=date(2027, 2, 1), schedule=later)
    seen = recommend_offer(world.session, again, view(), actor=MAKER, now=world.now)
    assert [each["code"] for each in seen.findings["deviations"]] == ["cooling"] and differences(world) == []


def test_verify_names_what_a_hand_changes(world: World, database: Any, number: str) -> None:
    found = recommended(world, number)
    seen = assessment_of(world.session, found.id)
    assert seen is not None
    with world.session.no_autoflush:
        seen.findings = seen.findings | {"needed_level": 1, "present_minor": 1}
        found.offer_minor += 1
        findings = Findings()
        check_casework(world.session, findings)
    assert {(each.table, each.field) for each in findings.differences} == {
        ("compromise_offers", "sacrifice"),
        ("compromise_offers", "schedule"),
        ("compromise_assessments", "needed_level"),
        ("compromise_assessments", "present_minor"),
        ("compromise_assessments", "offer_minor"),
        ("one_time_settlements", "terms"),
    }
    world.session.rollback()


def test_an_agency_sees_its_own_offers_and_never_the_bank_s_view(
    world: World, database: Any, agency: Agency, number: str
) -> None:
    mine = recommended(world, number, agency.id)
    brought(world, an_npa(world, agency).loan_account_no)  # the bank's own
    rival = an_agency(world.session, "VEGA", pan="AAPFU0940F")
    ids = (mine.id, agency.id, rival.id)
    world.session.commit()
    with database.logins.session(agency_scope(ids[1], TODAY)) as session:
        assert list(session.scalars(select(CompromiseOffer.id))) == [ids[0]]
        assert offer_queries.own_offer(session, ids[1], ids[0]).loan_account_no == number
        assert len(offer_queries.told_of(session, ids[0])) == 1
        for model in (CompromiseAssessment, CompromiseBreach):
            with pytest.raises(DBAPIError, match="permission denied"), session.begin_nested():
                session.scalars(select(model.id)).all()
    with database.logins.session(agency_scope(ids[2], TODAY)) as session:
        assert list(session.scalars(select(CompromiseOffer.id))) == []
        with pytest.raises(Invalid) as refused:
            propose_offer(session, offered(number), agency_id=ids[2], actor=OWNER, now=world.now)
        assert codes(refused) == ["unknown_account"]


def test_the_commands_list_watch_and_report(world: World, agency: Agency, number: str, cli: Callable[..., Any]) -> None:
    approved_offer(world, number, agency.id)
    world.session.commit()
    (row,) = cli("compromises", "list", "--status", "approved").json["settlements"]
    assert (row["account"], row["offer"], row["needed_level"]) == (number, "95000.00", 2)
    (row,) = cli("compromises", "watched").json["settlements"]
    assert [each["state"] for each in row["instalments"]] == ["coming"] * 3
    (level,) = cli("compromises", "report", "--quarter", "2026-Q3").json["levels"]
    assert (level["level"], level["count"], level["given_up"]) == (2, 1, "15000.00")
    assert cli("compromises", "report", "--quarter", "soon").exit_code == INVALID
    assert cli("compromises", "night").json["breaches"] == 0
    assert cli("plans", "list").json == {"plans": []} and cli("plans", "reminders").json == {"reminders": []}
    assert cli("notes", "find", "fire").json == {"notes": []}


def test_the_night_does_all_of_it_once(world: World, agency: Agency, number: str, database: Any, clock: Any) -> None:
    approved_offer(world, number, agency.id)
    lapsing = brought(world, an_npa(world, agency).loan_account_no, agency.id, valid_until=TODAY)
    world.session.commit()
    day = datetime(2026, 11, 28, 3, tzinfo=UTC)
    run = JobRun(0, bank_scope(day.date()), NIGHT, database.logins, FixedClock(day))
    first, again = watch_settlements.work(run), watch_settlements.work(run)
    nothing = {"lapsed": 0, "breaches": 0, "plans": {"kept": 0, "broken": 0}, "reminders": 0}
    assert first == nothing | {"lapsed": 1, "breaches": 1} and again == nothing and watch_settlements.nightly
    world.session.refresh(lapsing)
    assert lapsing.status == "lapsed"


def test_what_an_agency_takes_back_the_bank_cannot_recommend_meanwhile(
    world: World, agency: Agency, number: str, database: Any
) -> None:
    made, own = brought(world, number, agency.id).id, agency.id
    world.session.commit()
    with database.logins.session(agency_scope(own, TODAY)) as session:
        withdraw_offer(session, load_own_offer(session, made, own), actor=OWNER, now=world.now)
        world.session.execute(text("set local lock_timeout = '50ms'"))
        with pytest.raises(OperationalError, match="lock timeout"):
            load_offer(world.session, made)
        world.session.rollback()
        session.commit()
    with pytest.raises(Refused, match="is withdrawn"):
        recommend_offer(world.session, load_offer(world.session, made), view(), actor=MAKER, now=world.now)
