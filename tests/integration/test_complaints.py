"""A complaint holds its account and exactly its money, and lets go of both; the books tie all the way."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from allocations.casework.conduct import complaints
from allocations.casework.conduct.queries import list_complaints, own_complaint, own_complaints, upheld_in
from allocations.placements.models import Hold
from payouts.commission.event_models import EarningEvent
from payouts.commission.models import UnpaidCollection
from payouts.commission.queries import run_in_force
from payouts.commission.verifying import recompute
from payouts.conduct import complaints as money
from payouts.conduct.queries import money_of, waiting_of_month
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


GRID = """
[[rule]]
id = "deep"
when = { opening_bucket = ["61-90"] }
driver = "confirmed_amount"
slabs = [ {from = 0, to = 1000, rate = "0.05"}, {from = 1000, rate = "0.10"} ]
[agency]
minimum_guarantee = { amount = "150.00", recoverable = false }
"""


def test_exactly_the_lines_of_its_account_and_agency_wait_and_come_back(world, agency, now):
    about = world.allocation(agency)
    held = [world.earn(agency, 1000, allocation=about), world.earn(agency, 700, allocation=about)]
    others = [world.earn(agency), world.earn(an_agency(world.session, "RIVAL"))]
    before = world.accrue()
    found = a_complaint(world.session, now, TODAY, about.loan_account_no)
    assert (found.ref, found.due_on, found.agency_id) == ("C-2026-00001", TODAY + timedelta(days=30), agency.id)
    during = world.accrue()
    october = run_in_force(world.session, OCTOBER)
    assert october
    assert (during.created, during.run.id, world.unpaid(during.run)) == (False, before.run.id, {})
    assert {line.link_id for line in world.lines(during.run)} == {each.id for each in (*held, *others)}
    assert [each.minor for each in money_of(world.session, found).accrued] == [5000, 3500]
    (waits,) = waiting_of_month(world.session, agency.id, october)
    assert (waits.complaint_ref, waits.lines, waits.minor) == (found.ref, 2, 8500)
    closed(world.session, found, now, TODAY)
    assert money_of(world.session, found).accrued == ()
    assert waiting_of_month(world.session, agency.id, october) == []
    assert recompute(world.session, before.run) == []


def test_it_takes_nobody_to_another_slab_and_what_it_keeps_is_worth_what_it_would_have_been(world, agency, now):
    world.card("0.05", "GRID", more=GRID)
    about = world.allocation(agency, bucket="61-90")
    links = [
        world.earn(agency, 600, allocation=about),
        world.earn(agency, 600, allocation=world.allocation(agency, bucket="61-90")),
    ]
    found = a_complaint(world.session, now, TODAY, about.loan_account_no)
    run = world.accrue().run
    assert {line.link_id: line.amount_minor for line in world.lines(run) if line.kind == "commission"} == {
        each.id: 60_00 for each in links
    }, "the month is above 1,000.00 with it: ten per cent of both"
    assert [line.amount_minor for line in world.lines(run) if line.kind == "guarantee"] == [30_00]
    assert [each.minor for each in money_of(world.session, found).accrued] == [60_00]
    world.settle()
    closed(world.session, found, now, TODAY)
    assert world.lines(world.accrue(NOVEMBER).run) == [], "nothing of it is earned a second time"
    assert recompute(world.session, run) == []


def test_what_an_older_run_left_unpaid_for_it_is_earned_once_in_the_first_open_month(world, agency, now):
    world.earn(agency)
    october = world.accrue().run
    held = world.earn(agency, 1000)  # as a month was accrued and settled when a complaint still left money out
    left = UnpaidCollection(
        run_id=october.id,
        collection_id=held.collection_id,
        agency_id=agency.id,
        code="complaint_open",
        amount_minor=held.amount_minor,
        currency="INR",
        cure="",
        owner="bank_ops",
    )
    world.session.add(left)
    world.session.flush()
    world.settle()
    november = world.accrue(NOVEMBER)
    assert [line.link_id for line in world.lines(november.run)] == [held.id]
    assert world.unpaid(october) == {held.collection_id: "complaint_open"}
    assert recompute(world.session, november.run) == []


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
    assert [each.minor for each in money_of(world.session, heard).accrued] == [5000]
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
