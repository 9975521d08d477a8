"""Rules look at real rows: what holds is a flag once, what does not is none, and a person says what becomes of it."""

from __future__ import annotations

import secrets
from datetime import date, time, timedelta

import pytest
from sqlalchemy import select, update

from allocations.agencies.models import DatedSetting
from allocations.casework.conduct.flags import counts, list_flags, move_flag
from allocations.casework.conduct.models import ConductFlag
from payouts.conduct.flag_jobs import find_conduct_flags
from payouts.conduct.flags import find_flags, find_lately
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, Refused
from tests.factories.accrual import NOVEMBER, OCTOBER, World
from tests.factories.month import MAKER, SYSTEM, a_bank_detail
from tests.factories.world import a_user, an_agency

TODAY = date(2026, 11, 10)


@pytest.fixture
def world(bank_session, now):
    return World(bank_session, now)


@pytest.fixture
def agency(bank_session):
    return an_agency(bank_session)


def look(world, period=OCTOBER):
    return find_flags(world.session, period, actor=SYSTEM, now=world.now, today=TODAY).found


def flags(session):
    return {(flag.rule, flag.agent_code, flag.about) for flag in session.scalars(select(ConductFlag))}


def test_receipts_in_one_minute_are_one_flag_however_often_a_rule_looks(world, agency):
    for _ in range(3):
        world.collection(agency, 700, collected_time=time(11, 42, secrets.randbelow(60)), agent_code="A1")
    world.collection(agency, 700, collected_time=time(11, 43), agent_code="A1")
    world.collection(an_agency(world.session, "RIVAL"), 700, collected_time=time(11, 42), agent_code="A1")
    assert look(world).get("same_minute") == 1
    assert ("same_minute", "A1", "3 receipts of one agent bear 2026-10-10 11:42.") in flags(world.session)
    assert look(world) == {}, "the same facts"
    assert look(world, NOVEMBER) == {}


def test_cash_is_looked_at_for_round_sums_hours_the_limit_and_late_deposits(world, agency):
    for n in range(10):
        day = date(2026, 10, 5)
        slip = {"deposited_on": day + timedelta(days=3)} if n < 3 else {}
        world.collection(agency, 5_000, day, mode="cash", agent_code="A1", collected_time=time(21, n), **slip)
    for n in range(2):
        world.collection(agency, 195_001 + n, mode="cash", agent_code="A2")
    found = look(world)
    assert {name: found.get(name) for name in ("round_sums", "receipt_hours", "below_cap", "deposit_lag")} == {
        "round_sums": 1,
        "receipt_hours": 1,
        "below_cap": 1,
        "deposit_lag": 1,
    }
    assert "cash_share" not in found, "twelve receipts are too few"


def test_money_is_looked_at_for_one_reference_and_one_payee(world, agency):
    rival = an_agency(world.session, "RIVAL")
    for _ in range(3):
        world.collection(agency, instrument_ref="UTR 9", instrument_key="UTR9")
    for each in (agency, rival):
        a_bank_detail(world.session, each, account_no="50100012345678", ifsc="HDFC0000001")
    found = look(world)
    assert (found["one_reference"], found["one_payee"]) == (1, 1)
    (row,) = list_flags(world.session, rule="one_payee")
    assert row.flag.about == "The account ending in 5678 is that of RIVAL, SHAKTI."
    assert "50100012345678" not in str(row.flag.facts) and "50100012345678" not in row.flag.key


def test_a_rule_that_is_off_finds_nothing_and_a_limit_of_its_day_holds(world, agency):
    for _ in range(3):
        world.collection(agency, 700, collected_time=time(11, 42), agent_code="A1")
    for code, value in (("flag.same_minute", {"on": True, "count": 4}),):
        since = date(2026, 10, 1)
        world.session.add(DatedSetting(code=code, value=value, effective_from=since, source="A test's rule"))
    world.session.flush()
    assert "same_minute" not in look(world)
    world.session.execute(
        update(DatedSetting).where(DatedSetting.code == "flag.same_minute").values(value={"on": False, "count": 1})
    )
    looked = find_flags(world.session, OCTOBER, actor=SYSTEM, now=world.now, today=TODAY)
    assert ("same_minute" in looked.found, looked.off) == (False, ["same_minute"])


def test_a_person_says_what_becomes_of_it(world, agency, browse):
    for _ in range(3):
        world.collection(agency, 700, collected_time=time(11, 42), agent_code="A1")
    with unit_of_work(world.session):
        find_lately(world.session, actor=SYSTEM, now=world.now, today=TODAY)
        a_user(world.session, MAKER.email, "bank_operator")
    (row,) = list_flags(world.session, rule="same_minute")
    id_, given = row.flag.id, {"actor": MAKER, "now": world.now}
    maker = browse(MAKER.email)
    page = maker.get(f"/bank/flags/{id_}").text
    assert "3 or more." in page and row.rows[0] in page
    token = {"once": secrets.token_urlsafe(18)}
    assert maker.post(f"/bank/flags/{id_}/explain", token | {"reason": ""}).status_code == 422
    assert maker.post(f"/bank/flags/{id_}/take-up", {"once": secrets.token_urlsafe(18)}).status_code == 302
    assert maker.post(f"/bank/flags/{id_}/sideways", {"once": secrets.token_urlsafe(18)}).status_code == 404
    world.session.expire_all()
    move_flag(world.session, id_, "explain", "A camp at the branch.", **given)
    with pytest.raises(Refused, match="explained"):
        move_flag(world.session, id_, "take_up", **given)
    with pytest.raises(Invalid, match="what you found"):
        move_flag(world.session, id_, "reopen", **given)
    assert counts(world.session)["explained"] == 1
    assert find_lately(world.session, actor=SYSTEM, now=world.now, today=TODAY).count == 0, "explained is explained"
    assert find_conduct_flags.name == "find_conduct_flags" and find_conduct_flags.nightly
