"""Money whose required evidence is missing earns nothing until it is there; where none is required nothing changes, to the byte."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from allocations.agencies.models import DatedSetting
from allocations.collections.evidence.required import missing_of_visits, needed_by
from allocations.collections.field_models import Evidence
from allocations.collections.models import Deposit, DepositItem
from payouts.commission.closed import closed_months
from payouts.commission.engine import compute
from payouts.commission.gathering import gather
from payouts.commission.models import UnpaidCollection
from payouts.commission.verifying import recompute
from tests.factories.accrual import NOVEMBER, OCTOBER, World
from tests.factories.evidence import Field
from tests.factories.world import an_agency

SINCE = date(2026, 10, 10)


@pytest.fixture
def world(bank_session, now):
    made = World(bank_session, now)
    made.card("0.05")
    return made


@pytest.fixture
def agency(bank_session):
    return an_agency(bank_session)


@pytest.fixture
def require(bank_session):
    def add(*kinds, mode="cash", from_minor=0, since=SINCE, code="evidence.required", value=None):
        rule = {"mode": mode, "from_minor": from_minor, "kinds": list(kinds)}
        value = value if value is not None else [rule]
        bank_session.add(DatedSetting(code=code, value=value, effective_from=since, source="A test's rule"))
        bank_session.flush()

    return add


def a_piece(session, row, now, kind="receipt", **changes):
    field = {"collections": "collection_id", "contacts": "contact_id", "deposits": "deposit_id"}[row.__tablename__]
    values = {
        "agency_id": row.agency_id,
        "ref": f"EV-{session.query(Evidence).count()}",
        "kind": kind,
        field: row.id,
        "file_name": "a.jpg",
        "sha256": "0" * 64,
        "size": 1,
        "media_type": "image/jpeg",
        "status": "ready",
        "received_at": now,
        "received_by": "a@x.example",
    }
    piece = Evidence(**values | changes)
    session.add(piece)
    session.flush()
    return piece


def codes(world, result):
    return world.unpaid(result.run)


def test_a_receipt_without_its_required_piece_earns_nothing_and_says_what_cures_it(
    world, agency, require, bank_session
):
    require("receipt")
    without = world.collection(agency, mode="cash", day=SINCE)
    world.confirm(without)
    result = world.accrue()
    assert (result.total_minor, codes(world, result)) == (0, {without.id: "evidence_missing"})
    told = bank_session.query(UnpaidCollection).one()
    assert (told.owner, told.amount_minor, told.detail) == ("agency", without.amount_minor, {"kinds": ["receipt"]})
    assert "Add the missing piece" in told.cure
    assert recompute(bank_session, result.run) == []


def test_the_rule_of_the_day_it_was_collected_on_decides(world, agency, require):
    require("receipt")
    before, on = (world.collection(agency, mode="cash", day=day) for day in (SINCE - timedelta(days=1), SINCE))
    world.confirm(before, SINCE), world.confirm(on, SINCE)
    result = world.accrue()
    assert codes(world, result) == {on.id: "evidence_missing"}
    assert result.lines == 1


@pytest.mark.parametrize(("minor", "missing"), [(1_000_00, True), (999_99, False)])
def test_only_from_its_amount_on(world, agency, require, minor, missing):
    require("receipt", from_minor=1_000_00)
    world.confirm(world.collection(agency, mode="cash", day=SINCE, amount_minor=minor))
    assert ("evidence_missing" in codes(world, world.accrue()).values()) is missing


def test_another_mode_needs_nothing(world, agency, require):
    require("receipt")
    world.earn(agency, day=SINCE, mode="upi")
    assert codes(world, world.accrue()) == {}


def test_a_rule_that_ended_asks_for_nothing_any_more(world, agency, require, bank_session):
    require("receipt")
    require(value=[], since=SINCE + timedelta(days=5))
    late = world.collection(agency, mode="cash", day=SINCE + timedelta(days=5))
    world.confirm(late)
    assert codes(world, world.accrue()) == {}
    assert needed_by(bank_session, late) == ()


@pytest.mark.parametrize(
    ("changes", "counts"),
    [
        ({}, True),
        ({"status": "waiting"}, False),
        ({"status": "refused"}, False),
        ({"kind": "premises"}, False),
        ({"review": "accepted", "reviewed_by": "x"}, True),
        ({"review": "questioned", "reviewed_by": "x"}, False),
    ],
)
def test_a_piece_counts_when_it_can_be_seen_and_nobody_questions_it(
    world, agency, require, bank_session, now, changes, counts
):
    require("receipt")
    row = world.collection(agency, mode="cash", day=SINCE)
    world.confirm(row)
    a_piece(bank_session, row, now, **changes)
    assert (codes(world, world.accrue()) == {}) is counts


def test_a_better_piece_beside_a_questioned_one_cures_it(world, agency, require, bank_session, now):
    require("receipt")
    row = world.collection(agency, mode="cash", day=SINCE)
    world.confirm(row)
    a_piece(bank_session, row, now, review="questioned", reviewed_by="x")
    assert world.accrue().total_minor == 0
    a_piece(bank_session, row, now)
    cured = world.accrue()
    assert cured.created and cured.total_minor == 50_00 and codes(world, cured) == {}


def test_what_is_cured_after_its_month_closed_earns_in_the_next_run(world, agency, require, bank_session, now):
    require("receipt")
    row = world.collection(agency, mode="cash", day=SINCE)
    world.confirm(row)
    world.earn(agency, day=SINCE, mode="upi")
    october = world.accrue()
    assert codes(world, october) == {row.id: "evidence_missing"}
    world.settle()
    still = world.accrue(NOVEMBER)
    assert (still.total_minor, codes(world, still)) == (0, {})  # October's statement said why already
    a_piece(bank_session, row, now)
    cured = world.accrue(NOVEMBER)
    assert [line.collection_id for line in world.lines(cured.run)] == [row.id]
    assert cured.total_minor == 50_00
    assert not world.accrue(NOVEMBER).created


def test_every_way_a_piece_speaks_for_a_receipt_counts(world, agency, require, bank_session, now):
    require("deposit_slip")
    by_deposit, by_slip, with_slip, by_contact, foreign = (
        world.collection(agency, mode="cash", day=SINCE, slip_key=key) for key in (None, "S1", "S1", None, "S1X")
    )
    for each in (by_deposit, by_slip, with_slip, by_contact, foreign):
        world.confirm(each)
    deposit = Deposit(
        agency_id=agency.id, slip_no="S9", slip_key="S9", deposited_on=SINCE, amount_minor=1, currency="INR",
        recorded_by="x", recorded_at=now,
    )  # fmt: skip
    bank_session.add(deposit)
    bank_session.flush()
    item = {"agency_id": agency.id, "collection_id": by_deposit.id, "deposit_id": deposit.id, "amount_minor": 1}
    bank_session.add(DepositItem(**item))
    field = Field(bank_session, None, now)
    field.agencies["SHAKTI"] = agency
    allocation = bank_session.get(type(world.allocation(agency)), by_contact.allocation_id)
    visit = field.visit(allocation=allocation, collection_id=by_contact.id)
    for row in (deposit, with_slip, visit):
        a_piece(bank_session, row, now, "deposit_slip")
    assert codes(world, world.accrue()) == {foreign.id: "evidence_missing"}


def test_another_agencys_slip_of_the_same_number_is_no_evidence(world, agency, require, bank_session, now):
    require("deposit_slip")
    other = an_agency(bank_session, "VEGA")
    mine = world.collection(agency, mode="cash", day=SINCE, slip_key="S1")
    theirs = world.collection(other, mode="cash", day=SINCE, slip_key="S1")
    world.confirm(mine), world.confirm(theirs)
    a_piece(bank_session, theirs, now, "deposit_slip")
    assert codes(world, world.accrue()) == {mine.id: "evidence_missing"}


def test_where_nothing_is_required_the_hashes_are_those_of_before(world, agency, require, bank_session, now):
    world.earn(agency, mode="cash", day=SINCE)

    def hashes():
        outcome = compute(gather(bank_session, OCTOBER, {agency.id: agency.code}, closed_months(bank_session)))
        return outcome.input_hash, outcome.result_hash

    before = hashes()
    require("receipt", from_minor=10**9)  # asks for something, though not of this money
    assert hashes() == before
    require("receipt", mode="*", since=SINCE + timedelta(days=1))
    assert hashes() == before  # nor from the next day on


def test_visits_need_what_the_rule_of_their_day_says(bank_session, require, now, agency):
    require(code="evidence.required_for_visits", value=["premises"], since=date(2026, 11, 10))
    field = Field(bank_session, None, now)
    field.agencies["SHAKTI"] = agency
    today, yesterday, call, seen = (
        field.visit(**more) for more in ({}, {"at": now - timedelta(days=1)}, {"kind": "call"}, {})
    )
    a_piece(bank_session, seen, now, "premises")
    assert missing_of_visits(bank_session, [today, yesterday, call, seen]) == {today.id: ("premises",)}
