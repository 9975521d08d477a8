"""An agency's status by two people's word, its papers, its inspections and what its agents carry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import product
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError

from allocations.agencies import agent_papers, inspections, moves, papers
from allocations.agencies.changes import Done, change_by_hand, decide_change
from allocations.agencies.empanelment_models import AgencyMove, AgencyPaper
from allocations.agencies.fitness import agent_may_work
from allocations.agencies.import_agencies import import_agencies
from allocations.agencies.inspections import Found, Visit
from allocations.agencies.lifecycle import ACTION_WORDS, ENDED, MOVES
from allocations.agencies.models import AGENCY_STATUSES, Agency
from allocations.agencies.paper_rules import AgentHanded, Handed
from allocations.agencies.paper_warnings import ending_papers, tell_of_ending_papers
from allocations.agencies.service import change_agency
from allocations.placements.gate_facts import agency_facts
from allocations.scorecards import inspected, measures
from allocations.scorecards.models import AgencyMeasure
from portal.kernel.audit import AuditEvent
from portal.kernel.db import PortalSession
from portal.kernel.errors import Invalid, Problem, Refused
from portal.kernel.notices import Notice
from portal.kernel.periods import parse_month
from tests.factories.empanelled import ISSUED, NEEDED, UNTIL, a_file, a_paper, an_agent, papers_in_force
from tests.factories.month import CHECKER, MAKER, SECOND_CHECKER, SYSTEM
from tests.factories.world import a_user, an_agency

TODAY = date(2026, 11, 10)
Open = Callable[[int], PortalSession]


@pytest.fixture
def firm(bank_session: PortalSession) -> Agency:
    return an_agency(bank_session, "SHAKTI", status="due_diligence")


def proposed(session: PortalSession, agency: Agency, action: str, now: datetime, **facts: Any) -> AgencyMove:
    given = {"reason": "As agreed.", "from_on": TODAY, "actor": MAKER, **facts}
    return moves.propose_move(session, agency, action, now=now, **given)


def codes(refused: pytest.ExceptionInfo[Any]) -> list[str]:
    problems: list[Problem] = refused.value.problems
    return [each.code for each in problems]


def test_every_move_there_is_and_no_other_may_be_proposed(bank_session: PortalSession, now: datetime) -> None:
    agency = an_agency(bank_session)
    for status, action in product(AGENCY_STATUSES, ACTION_WORDS):
        agency.status = status
        if (status, action) not in MOVES:
            with pytest.raises(Invalid) as refused:
                proposed(bank_session, agency, action, now)
            assert codes(refused) == ["no_such_move"]
            continue
        made = proposed(bank_session, agency, action, now)
        assert (made.from_status, made.to_status, agency.status) == (status, MOVES[status, action], status)
        moves.withdraw_move(bank_session, made, actor=MAKER, now=now)


def test_a_status_follows_a_second_persons_word_and_ends_the_doors_it_shuts(
    bank_session: PortalSession, firm: Agency, now: datetime, database: Any
) -> None:
    papers_in_force(bank_session, firm, now)
    move = proposed(bank_session, firm, "empanel", now)
    with pytest.raises(Refused, match="waits already"):
        proposed(bank_session, firm, "decline", now)
    with pytest.raises(Refused, match="does not decide"):
        moves.decide_move(bank_session, move, accept=True, actor=MAKER, now=now)
    moves.decide_move(bank_session, move, accept=True, reason="All there.", actor=CHECKER, now=now)
    assert (firm.status, move.status, move.decided_by) == ("empanelled", "accepted", CHECKER.email)
    with pytest.raises(Invalid) as refused:
        change_agency(bank_session, firm, {"status": "suspended"}, reason="x", actor=MAKER, now=now)
    assert codes(refused) == ["status_by_move"]
    bank_session.commit()
    tags = bank_session.scalars(select(AuditEvent.tag).where(AuditEvent.subject_type.like("agency%"))).all()
    assert tags.count("agency:moved") == 2 and "agency:changed" in tags
    with pytest.raises(DBAPIError, match="maker_is_not_checker"):
        bank_session.execute(update(AgencyMove).values(decided_by=MAKER.email))


def test_a_move_waits_for_its_day_and_for_the_status_it_starts_from(
    bank_session: PortalSession, firm: Agency, now: datetime
) -> None:
    with pytest.raises(Invalid) as refused:
        proposed(bank_session, firm, "send_back", now, from_on=TODAY - timedelta(1), reason="")
    assert codes(refused) == ["in_the_past", "reason_needed"]
    later = proposed(bank_session, firm, "send_back", now, from_on=TODAY + timedelta(1))
    with pytest.raises(Refused, match="holds from"):
        moves.decide_move(bank_session, later, accept=True, actor=CHECKER, now=now)
    firm.status = "applicant"
    with pytest.raises(Refused, match="is applicant now"):
        moves.decide_move(bank_session, later, accept=True, actor=CHECKER, now=now)
    with pytest.raises(Invalid):
        moves.decide_move(bank_session, later, accept=False, actor=CHECKER, now=now)
    moves.decide_move(bank_session, later, accept=False, reason="Too late.", actor=CHECKER, now=now)
    assert (later.status, firm.status) == ("rejected", "applicant")


def test_nothing_ends_but_as_a_whole(bank_session: PortalSession, firm: Agency, now: datetime) -> None:
    move = proposed(bank_session, firm, "decline", now)
    with pytest.raises(ValueError, match="all that belongs to it"):
        moves.decide_move(bank_session, move, accept=True, actor=CHECKER, now=now)
    assert (move.to_status, firm.status) == (ENDED, "due_diligence")


def test_nobody_is_empanelled_while_a_paper_is_missing_or_over(
    bank_session: PortalSession, firm: Agency, now: datetime
) -> None:
    move = proposed(bank_session, firm, "empanel", now)
    with pytest.raises(Invalid) as refused:
        moves.decide_move(bank_session, move, accept=True, actor=CHECKER, now=now)
    assert codes(refused) == ["paper_missing"] * 5
    papers_in_force(bank_session, firm, now)
    bank_session.execute(update(AgencyPaper).where(AgencyPaper.kind == "agreement").values(status="replaced"))
    a_paper(bank_session, firm, Handed("agreement", "AG-2", ISSUED, TODAY), now)
    bank_session.commit()
    assert papers.missing_of(bank_session, firm, TODAY) == []
    assert [each.code for each in papers.missing_of(bank_session, firm, TODAY + timedelta(1))] == ["paper_expired"]
    days = (TODAY, TODAY + timedelta(1))
    assert papers.lapsed_papers(bank_session, days) == {(firm.id, days[1]): ("Service agreement",)}
    assert agency_facts(bank_session, days)[firm.id, days[1]].papers_lapsed == ("Service agreement",)
    assert agency_facts(bank_session, days)[firm.id, days[0]].papers_lapsed == ()  # the gate of allocations asks this
    assert firm.agreement_to == TODAY  # what gates read follows the paper


def test_papers_are_versions_that_two_people_make(bank_session: PortalSession, firm: Agency, now: datetime) -> None:
    firm.pan = None
    first = a_paper(bank_session, firm, NEEDED[1], now, accept=False)
    with pytest.raises(Refused, match="waits to be looked at"):
        a_paper(bank_session, firm, replace(NEEDED[1], issued_on=TODAY), now)
    with pytest.raises(Refused, match="does not decide"):
        papers.decide_paper(bank_session, first, accept=True, actor=MAKER, now=now)
    papers.decide_paper(bank_session, first, accept=True, actor=CHECKER, now=now)
    assert firm.pan == "AAPFU0939F"
    with pytest.raises(Invalid) as refused:
        a_paper(bank_session, firm, Handed("pan", "AAACB7383J", TODAY), now)
    assert codes(refused) == ["another_number"]
    second = a_paper(bank_session, firm, replace(NEEDED[1], issued_on=TODAY), now)
    assert (first.status, second.status, second.version) == ("replaced", "accepted", 2)
    with pytest.raises(Invalid) as refused:
        papers.hand_in(bank_session, firm, Handed("gstin", "29AAPFU0939F1ZX", TODAY), actor=MAKER, now=now)
    assert codes(refused) == ["bad_number", "file_needed"]


def test_terms_of_an_agency_at_work_change_by_two_peoples_word(
    bank_session: PortalSession, firm: Agency, now: datetime
) -> None:
    def typed(**values: Any) -> Done:
        return change_by_hand(bank_session, firm, values, reason="Grown.", actor=MAKER, now=now)

    assert typed(capacity=5).waits is None and firm.capacity == 5  # two people stand before its first account anyway
    firm.status = "suspended"
    later = date(2030, 3, 31)
    done = typed(agreement_to=later, capacity=5, phone="98200 33333")
    assert (done.changed, firm.phone, firm.agreement_to == later) == (True, "98200 33333", False)
    assert done.waits and list(done.waits.changes) == ["agreement_to"] and "agreement to" in done.said
    with pytest.raises(Refused, match="waits already"):
        typed(capacity=6)
    with pytest.raises(Refused, match="does not decide"):
        decide_change(bank_session, done.waits, accept=True, actor=MAKER, now=now)
    bank_session.execute(update(Agency).values(agreement_to=date(2029, 3, 31)))
    bank_session.expire_all()
    with pytest.raises(Refused, match="Meanwhile this was changed otherwise: agreement to"):
        decide_change(bank_session, done.waits, accept=True, actor=CHECKER, now=now)
    decide_change(bank_session, done.waits, accept=False, reason="Stale.", actor=CHECKER, now=now)
    again = typed(agreement_to=later, capacity=None).waits
    assert again is not None
    decide_change(bank_session, again, accept=True, actor=CHECKER, now=now)
    assert (firm.agreement_to, firm.capacity, again.status) == (later, None, "accepted")
    with pytest.raises(Invalid):
        typed(agreement_to=date(2001, 1, 1))


def test_one_registration_for_gst_is_in_force_for_each_state(
    bank_session: PortalSession, firm: Agency, now: datetime
) -> None:
    def of(number: str) -> AgencyPaper:
        return a_paper(bank_session, firm, Handed("gstin", number, TODAY), now)

    home, other = of("27AAPFU0939F1ZV"), of("29AAPFU0939F1ZR")
    assert (home.status, other.status, firm.gstin) == ("accepted", "accepted", "27AAPFU0939F1ZV")
    waits = papers.hand_in(
        bank_session, firm, Handed("gstin", "29AAPFU0939F1ZR", TODAY),
        a_file(bank_session, firm, "again", now), actor=MAKER, now=now,
    )  # fmt: skip
    with pytest.raises(Refused, match="waits to be looked at"):
        of("29AAPFU0939F1ZR")
    of("33AAPFU0939F1Z2")  # another state's does not wait for it
    papers.decide_paper(bank_session, waits, accept=True, actor=CHECKER, now=now)
    standing = {(each.number[:2], each.version): each.status for each in bank_session.scalars(select(AgencyPaper))}
    assert standing == {("27", 1): "accepted", ("29", 2): "replaced", ("29", 3): "accepted", ("33", 4): "accepted"}


def test_an_agency_hands_in_its_own_and_sees_no_others(
    bank_session: PortalSession, agency_session: Open, firm: Agency, now: datetime
) -> None:
    firm.status = "empanelled"
    rival = an_agency(bank_session, "VEGA", pan="AAACB7383J")
    a_paper(bank_session, rival, Handed("insurance", "I-1", ISSUED, UNTIL), now)
    a_paper(bank_session, firm, NEEDED[2], now)
    owner = a_user(bank_session, "owner@shakti.example", "agency_owner", firm)
    bank_session.commit()
    session = agency_session(firm.id)
    mine = session.get_one(Agency, firm.id)
    told = Handed("insurance", "I-2", ISSUED, UNTIL)
    file = a_file(session, mine, "mine.pdf", now)
    made = papers.hand_in(session, mine, told, file, by_agency=True, actor=owner, now=now)
    session.commit()
    assert [row.paper.id for row in papers.papers_of(session, mine, TODAY)] == [made.id]  # nor what the committee said
    with pytest.raises(Refused, match="does not decide"):
        papers.decide_paper(session, made, accept=True, actor=owner, now=now)
    with pytest.raises(Invalid, match="records it itself"):
        papers.hand_in(session, mine, replace(NEEDED[2], number="B"), file, by_agency=True, actor=owner, now=now)
    made_id = made.id
    session.rollback()
    found = papers.PROPOSALS.load(bank_session, id=made_id)
    papers.decide_paper(bank_session, found, accept=True, actor=CHECKER, now=now)
    assert found.status == "accepted"


def test_a_file_creates_with_a_status_and_then_only_proposes(
    bank_session: PortalSession, file_store: Any, now: datetime
) -> None:
    def load(status: str) -> Any:
        text = f"agency_code,legal_name,agreement_from,agreement_to,status\nA1,One,2026-04-01,2027-03-31,{status}\n"
        return import_agencies(bank_session, text.encode(), file_name="a.csv", actor=SYSTEM, now=now)

    assert load("watch_list").created == 1
    one = bank_session.scalars(select(Agency)).one()
    assert (one.status, load("watch_list").unchanged) == ("watch_list", 1)
    assert (load("suspended").updated, one.status) == (1, "watch_list")
    [move] = moves.moves_of(bank_session, one)
    assert (move.action, move.source, move.status) == ("suspend", "file", "proposed")
    assert load("suspended").unchanged == 1
    assert [p.code for p in load("empanelled").problems] == ["move_waits"]
    moves.decide_move(bank_session, move, accept=True, actor=CHECKER, now=now)
    assert one.status == "suspended"
    [problem] = load("applicant").problems
    assert problem.code == "no_such_move" and "empanelled" in problem.cure


def test_an_inspection_is_the_months_audit_measure(bank_session: PortalSession, firm: Agency, now: datetime) -> None:
    firm.status = "empanelled"
    findings = (Found("major", "Cash kept overnight", "Deposit daily", date(2026, 11, 5)),)
    visit = Visit(date(2026, 10, 20), "Ravi, Pune branch", Decimal("71.5"), "Orderly, but for cash.", findings)
    with pytest.raises(Invalid) as refused:
        bad = replace(visit, score=Decimal(101), visited_on=TODAY + timedelta(1), summary="")
        inspected.record_inspection(bank_session, firm, bad, actor=MAKER, now=now)
    assert {"bad_score", "in_the_future", "missing_value", "due_before"} == set(codes(refused))
    made = inspected.record_inspection(bank_session, firm, visit, actor=MAKER, now=now)
    with pytest.raises(Refused, match="does not decide"):
        inspected.decide_inspection(bank_session, made, approve=True, actor=MAKER, now=now)
    assert inspections.findings_of(bank_session, firm, TODAY) == []  # nothing is asked before it is approved
    inspected.decide_inspection(bank_session, made, approve=True, actor=CHECKER, now=now)
    assert measures.approved_measures(bank_session, parse_month("2026-10")) == {firm.id: {"audit": "71.50"}}
    [row] = inspections.findings_of(bank_session, firm, TODAY)
    assert row.state == "overdue"
    again = inspected.record_inspection(bank_session, firm, replace(visit, findings=()), actor=MAKER, now=now)
    inspected.decide_inspection(bank_session, again, approve=False, reason="Twice.", actor=CHECKER, now=now)
    assert [each.status for each in bank_session.scalars(select(AgencyMeasure).order_by(AgencyMeasure.id))] == [
        "approved",
        "rejected",
    ]


def test_a_finding_is_closed_by_somebody_who_did_not_record_it(
    bank_session: PortalSession, agency_session: Open, firm: Agency, now: datetime
) -> None:
    firm.status = "empanelled"
    owner = a_user(bank_session, "owner@shakti.example", "agency_owner", firm)
    findings = (Found("minor", "No list of fees on the wall", "Hang one up", TODAY),)
    visit = Visit(TODAY, "Ravi", Decimal(90), "Fine.", findings)
    made = inspected.record_inspection(bank_session, firm, visit, actor=CHECKER, now=now)
    inspected.decide_inspection(bank_session, made, approve=True, actor=SECOND_CHECKER, now=now)
    bank_session.commit()
    session = agency_session(firm.id)
    [row] = inspections.findings_of(session, session.get_one(Agency, firm.id), TODAY)
    answer = inspections.answer_finding(session, row.finding, "It hangs by the door.", actor=owner, now=now)
    session.commit()
    found = inspections.ANSWERS.load(bank_session, id=answer.id)
    with pytest.raises(Refused, match="You recorded this finding"):
        inspections.decide_answer(bank_session, found, accept=True, actor=CHECKER, now=now)
    inspections.decide_answer(bank_session, found, accept=True, actor=SECOND_CHECKER, now=now)
    assert [each.state for each in inspections.findings_of(bank_session, firm, TODAY)] == ["closed"]
    with pytest.raises(Refused, match="is closed"):
        inspections.answer_finding(bank_session, row.finding, "Again.", actor=owner, now=now)


def test_what_gates_read_of_an_agent_follows_their_papers(
    bank_session: PortalSession, firm: Agency, now: datetime
) -> None:
    agent, by = an_agent(bank_session, firm), {"actor": MAKER, "now": now}
    told = AgentHanded("certificate", "DRA-77", ISSUED, TODAY, "dra", 50)
    made = agent_papers.hand_in(bank_session, agent, told, a_file(bank_session, firm, "c", now), **by)
    assert agent.certificate_until is None
    agent_papers.decide_paper(bank_session, made, accept=True, actor=CHECKER, now=now)
    assert (agent.certificate_until, agent.certificate_no) == (TODAY, "DRA-77")
    assert agent_may_work(agent, TODAY) is None and "certificate" in str(agent_may_work(agent, TODAY + timedelta(1)))
    checked = AgentHanded("police_verification", "PV1", ISSUED, UNTIL)
    verified = agent_papers.hand_in(bank_session, agent, checked, a_file(bank_session, firm, "v", now), **by)
    agent_papers.decide_paper(bank_session, verified, accept=True, actor=CHECKER, now=now)
    assert agent.verified_until == UNTIL
    agent_papers.revoke(bank_session, verified, reason="A case was opened.", **by)
    assert (verified.status, agent.verified_until) == ("revoked", TODAY - timedelta(1))
    assert "verification" in str(agent_may_work(agent, TODAY))


def test_people_are_told_once_a_stage_that_a_paper_runs_out(
    bank_session: PortalSession, firm: Agency, now: datetime
) -> None:
    firm.status = "empanelled"
    a_user(bank_session, "owner@shakti.example", "agency_owner", firm)
    a_user(bank_session, "admin@bank.example", "bank_admin")
    a_paper(bank_session, firm, Handed("insurance", "I-1", ISSUED, TODAY + timedelta(31)), now)
    a_paper(bank_session, firm, Handed("guarantee", "G-1", ISSUED, TODAY + timedelta(61), 10_000_000), now)

    def told(days: int) -> int:
        return tell_of_ending_papers(bank_session, day=TODAY + timedelta(days), now=now)

    assert [told(0), told(0), told(1), told(2)] == [2, 0, 4, 0]
    assert [each.what for each in ending_papers(bank_session, TODAY)] == ["Fidelity and crime insurance"]
    assert [told(24), told(31), told(32), told(50)] == [2, 2, 2, 0]
    to = {each.to_address for each in bank_session.scalars(select(Notice))}
    assert to == {"owner@shakti.example", "admin@bank.example"}
