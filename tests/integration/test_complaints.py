"""A complaint holds its account and exactly its money, and lets go of both; the books tie all the way."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from allocations.casework.conduct import complaints
from allocations.casework.conduct.queries import list_complaints, own_complaint, own_complaints, upheld_in
from allocations.placements.models import Hold
from payouts.commission.event_models import EarningEvent
from payouts.commission.verifying import recompute
from payouts.conduct import complaints as money
from payouts.conduct.queries import money_of
from portal.kernel.errors import Invalid, NotFound, Refused
from portal.kernel.notices import notices_about
from portal.kernel.periods import parse_month
from tests.factories.accrual import NOVEMBER, OCTOBER, World
from tests.factories.complained import a_complaint, closed, decided, told, until_proposed
from tests.factories.month import CHECKER, MAKER
from tests.factories.world import an_agency

TODAY = date(2026, 11, 10)


@pytest.fixture
def world(bank_session, now):
    made = World(bank_session, now)
    made.card("0.05")
    return made


@pytest.fixture
def agency(bank_session):
    return an_agency(bank_session)


def texts(world, run):
    """What a run's lines say but for their numbers in it."""
    return sorted((line.link_id, line.amount_minor, line.facts["receipt_no"]) for line in world.lines(run))


def test_exactly_the_lines_of_its_account_and_agency_wait_and_come_back(world, agency, now):
    about = world.allocation(agency)
    held = [world.earn(agency, 1000, allocation=about), world.earn(agency, 700, allocation=about)]
    others = [world.earn(agency), world.earn(an_agency(world.session, "RIVAL"))]
    before = world.accrue()
    found = a_complaint(world.session, now, TODAY, about.loan_account_no)
    assert (found.ref, found.due_on, found.agency_id) == ("C-2026-00001", TODAY + timedelta(days=30), agency.id)
    during = world.accrue()
    assert {line.link_id for line in world.lines(during.run)} == {each.id for each in others}
    assert world.unpaid(during.run) == {each.collection_id: "complaint_open" for each in held}
    assert len(money_of(world.session, found).unpaid) == 2
    closed(world.session, found, now, TODAY)
    after = world.accrue()
    assert texts(world, after.run) == texts(world, before.run)
    assert (after.run.result_hash, after.run.input_hash) == (before.run.result_hash, before.run.input_hash)
    assert [recompute(world.session, each.run) for each in (before, during, after)] == [[], [], []]


def test_what_a_settled_month_left_unpaid_is_earned_in_the_next_and_the_settled_one_stays(world, agency, now):
    about = world.allocation(agency)
    held = world.earn(agency, 1000, allocation=about)
    world.earn(agency)
    found = a_complaint(world.session, now, TODAY, about.loan_account_no)
    october = world.accrue()
    world.settle()
    closed(world.session, found, now, TODAY)
    november = world.accrue(NOVEMBER)
    assert [line.link_id for line in world.lines(november.run)] == [held.id]
    assert world.accrue(OCTOBER).run.result_hash == october.run.result_hash
    assert recompute(world.session, october.run) == recompute(world.session, november.run) == []


def test_the_account_rests_while_it_is_open_and_no_day_of_its_money_is_lost(world, agency, now):
    about = world.allocation(agency)
    found = a_complaint(world.session, now, TODAY, about.loan_account_no)
    hold = world.session.scalars(select(Hold)).one()
    assert (hold.cause, hold.cause_ref, hold.effect, hold.to_on) == ("complaint", found.ref, "no_work", None)
    closed(world.session, found, now, TODAY + timedelta(days=5))
    assert (hold.to_on, found.is_holding) == (TODAY + timedelta(days=5), False)
    paid = world.earn(agency, 500, TODAY + timedelta(days=2), allocation=about)
    assert [line.link_id for line in world.lines(world.accrue(NOVEMBER).run)] == [paid.id]


def test_found_true_proposes_the_event_of_the_rate_card_and_takes_nothing_by_itself(world, agency, now):
    about = world.allocation(agency)
    found = a_complaint(world.session, now, TODAY, about.loan_account_no)
    event = decided(world.session, found, now, TODAY, "substantiated")
    assert (event.event, event.status, event.agency_id) == ("complaint", "proposed", agency.id)
    assert found.is_holding, "until it is closed"
    assert upheld_in(world.session, NOVEMBER) == {agency.id: 1}
    assert upheld_in(world.session, parse_month("2026-12")) == {}


def test_frivolous_takes_two_people_and_lets_go_at_once(world, agency, now):
    about = world.allocation(agency)
    found = a_complaint(world.session, now, TODAY, about.loan_account_no)
    until_proposed(world.session, found, now, TODAY, "frivolous")
    acting = {"now": now, "today": TODAY}
    with pytest.raises(Refused, match="another person"):
        money.decide(world.session, found, expected="frivolous", actor=MAKER, **acting)
    with pytest.raises(Refused, match="Something else"):
        money.decide(world.session, found, expected="substantiated", actor=CHECKER, **acting)
    complaints.send_back(world.session, found, "Listen to the call first.", actor=CHECKER, now=now)
    assert (found.status, found.finding, found.proposed_by) == ("investigating", None, None)
    decision = complaints.Decision("frivolous", "The fifth of the same words.")
    complaints.propose_decision(world.session, found, decision, actor=MAKER, now=now)
    assert money.decide(world.session, found, expected="frivolous", actor=CHECKER, **acting) is None
    assert (found.status, found.is_holding) == ("decided", False)
    assert world.session.scalar(select(func.count()).select_from(EarningEvent)) == 0


def test_what_the_public_page_hands_in_holds_nothing_until_a_person_attaches_it(world, agency, now):
    about = world.allocation(agency)
    link = world.earn(agency, allocation=about)
    given = {"actor": MAKER, "now": now, "today": TODAY}
    heard = complaints.receive(world.session, told(about.loan_account_no, channel="portal"), **given)
    spam = complaints.receive(world.session, told("LN-NONE", channel="portal"), **given)
    assert [(each.is_holding, each.loan_account_id) for each in (heard, spam)] == [(False, None)] * 2
    assert (heard.ref, spam.ref) == ("C-2026-00001", "C-2026-00002")
    assert [line.link_id for line in world.lines(world.accrue().run)] == [link.id]
    money.set_aside(world.session, spam, "Spam.", **given)
    with pytest.raises(Refused, match="set aside"):
        money.attach(world.session, spam, about.loan_account_no, **given)
    with pytest.raises(Invalid, match="no such account"):
        money.attach(world.session, heard, "LN-NONE", **given)
    with pytest.raises(Invalid, match="never held"):
        money.attach(world.session, heard, about.loan_account_no, "OTHER", **given)
    money.attach(world.session, heard, about.loan_account_no, **given)
    with pytest.raises(Refused, match="and holds"):
        money.set_aside(world.session, heard, "Spam.", **given)
    assert world.unpaid(world.accrue().run) == {link.collection_id: "complaint_open"}
    assert [row.complaint.ref for row in list_complaints(world.session)] == [heard.ref]


def test_the_agency_reads_its_own_once_told_and_its_words_make_it_answered(world, agency, now, agency_session):
    session = world.session
    rival = an_agency(session, "RIVAL")
    agency.email = "office@shakti.example"
    found = a_complaint(session, now, TODAY, world.allocation(agency).loan_account_no)
    complaints.acknowledge(session, found, actor=MAKER, now=now)
    session.commit()
    own, other = agency_session(agency.id), agency_session(rival.id)
    assert own_complaints(own, tab="all") == []
    own.rollback()
    complaints.investigate(session, found, "A neighbour was told on 3 November.", actor=MAKER, now=now, today=TODAY)
    session.commit()
    assert len(notices_about(session, found.ref)) == 1
    seen = own_complaint(own, found.ref)
    assert (seen.told, seen.due_on) == ("A neighbour was told on 3 November.", TODAY + timedelta(days=7))
    assert not {"complainant", "complainant_contact", "words"} & set(vars(type(seen)).get("__slots__", ()))
    with pytest.raises(NotFound):
        own_complaint(other, found.ref)
    owner = CHECKER.__class__(201, "owner@shakti.example", "agency_owner", agency.id)
    complaints.write(own, seen.subject, "The agent was somewhere else.", side="agency", actor=owner, now=now)
    own.commit()
    session.refresh(found)
    assert found.status == "answered"
    complaints.write(own, seen.subject, "Here is his day list.", side="agency", actor=owner, now=now)
    own.commit()
    session.refresh(found)
    assert found.status == "answered"
