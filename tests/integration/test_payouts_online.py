"""Payouts through a provider that can be asked: intent first, the same bytes and key, a look-up before anything is sent anew."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from payouts.rails import stops
from payouts.rails.batches import approve_batch, make_batch
from payouts.rails.models import Payout
from payouts.rails.moves import load_batch, load_payout
from payouts.rails.online import carry_on
from payouts.rails.protocol import Fate, OnlineRail
from payouts.rails.provider_models import ConnectedAccount
from payouts.rails.sending import start_sending
from payouts.settlements.service import load
from payouts.ties import ledger_ties
from portal.kernel.db import bank_scope, unit_of_work
from portal.kernel.errors import Refused
from tests.factories.month import CHECKER, FINANCE, OCTOBER, SECOND_CHECKER, SYSTEM
from tests.factories.online_double import OnlineDouble
from tests.factories.paid_month import an_approved_month

FIRST, SECOND = "P2610-0001", "P2610-0002"


@pytest.fixture
def provider():
    return OnlineDouble()


@pytest.fixture
def going(bank_session, file_store, now, provider):
    """A batch of two, approved; the requests are frozen."""
    month = an_approved_month(bank_session, now)
    with unit_of_work(bank_session):
        for agency_id in {line.agency_id for lines in month.collections.values() for line in lines}:
            bank_session.add(
                ConnectedAccount(
                    agency_id=agency_id, provider="stripe_connect", account_id=f"acct_{agency_id}", currency="INR",
                    country="IN", is_live=False, can_be_paid=True, made_by="f", made_at=now,
                )
            )  # fmt: skip
        rails = {"stripe_connect": provider}
        batch = make_batch(
            bank_session, file_store, OCTOBER, "stripe_connect", actor=FINANCE, now=now, online=rails
        ).batch
        assert (batch.file_sha256, batch.rail) == (None, "stripe_connect")
        approve_batch(bank_session, file_store, batch.ref, actor=CHECKER, now=now)


@pytest.fixture
def carried(bank_session, database, clock, provider):
    """Ask the provider about everything under way, at a moment."""

    @contextmanager
    def unit():
        with database.logins.session(bank_scope(clock.today())) as session, unit_of_work(session):
            yield session

    def carry(moment):
        bank_session.rollback()
        return dict(carry_on(unit, {"stripe_connect": provider}, actor=SYSTEM, now=lambda: moment))

    return carry


def start(session, now):
    with unit_of_work(session):
        start_sending(session, actor=SYSTEM, now=now)


def statuses(session):
    session.expire_all()
    return dict(session.execute(select(Payout.ref, Payout.status)).all())


def untied(session):
    return [tie for tie in ledger_ties(session) if tie.difference_minor]


def test_a_batch_is_sent_and_paid_payout_by_payout(bank_session, going, carried, provider, now):
    assert isinstance(provider, OnlineRail)
    start(bank_session, now)
    assert provider.asked == [], "nothing is asked before the intent is committed"
    assert carried(now) == {FIRST: "sent", SECOND: "sent"}
    assert load_batch(bank_session, "B2610-01").status == "sent"
    frozen = load_payout(bank_session, FIRST)
    assert ("send", FIRST, frozen.request) in provider.asked
    assert frozen.request.startswith("amount=7840000&destination=acct_")
    for ref, status in ((FIRST, "paid"), (SECOND, "returned")):
        provider.paid[ref] = replace(provider.paid[ref], status=status)
    assert carried(now) == {FIRST: "paid", SECOND: "returned"}
    assert carried(now) == {}
    assert load_batch(bank_session, "B2610-01").status == "closed"
    assert load(bank_session, "S2610-VEGA").status == "returned"
    assert not untied(bank_session)


@pytest.mark.parametrize("fault", ["lost_before", "lost_after"])
def test_what_nobody_knows_is_looked_up_and_never_sent_twice(bank_session, going, carried, provider, now, fault):
    provider.fault = fault
    start(bank_session, now)
    carried(now)
    carried(now + timedelta(hours=30))
    assert set(statuses(bank_session).values()) == {"sent"}
    requests = {request for act, ref, request in provider.asked if act == "send" and ref == FIRST}
    assert (provider.doubles, len(requests)) == (0, 1)
    assert not untied(bank_session)


def test_after_a_day_nothing_is_sent_before_a_look_up(bank_session, going, carried, provider, now):
    """A worker that died right after the intent: within the day the same again, later only once the provider says it has nothing."""
    start(bank_session, now)
    later = now + timedelta(hours=25)
    provider.fault = "down"
    carried(later)
    assert [act for act, _, _ in provider.asked] == ["look_up", "look_up"]
    provider.fault = ""
    carried(later)
    assert set(statuses(bank_session).values()) == {"sent"}
    assert [act for act, ref, _ in provider.asked if ref == FIRST] == ["look_up", "look_up", "send"]


def test_a_payment_that_is_not_ours_is_left_to_a_person(bank_session, going, carried, provider, now):
    start(bank_session, now)
    carried(now)
    provider.paid[FIRST] = replace(provider.paid[FIRST], status="paid", amount_minor=1)
    carried(now)
    lost = load_payout(bank_session, FIRST)
    bank_session.refresh(lost)
    assert (lost.status, "amount" in (lost.reason or "")) == ("unknown", True)


def test_what_a_provider_declines_is_payable_again(bank_session, going, carried, provider, now):
    provider.fault = "declined"
    start(bank_session, now)
    assert carried(now) == {FIRST: "failed", SECOND: "sent"}
    assert load(bank_session, "S2610-SHAKTI").status == "approved"
    assert not untied(bank_session)


def test_after_a_restore_nothing_is_sent_until_everything_was_looked_up(bank_session, going, carried, provider, now):
    """The backup is older than the payments: the provider has them, our rows say they wait."""
    for ref in (FIRST, SECOND):
        amount = load_payout(bank_session, ref).amount_minor
        provider.paid[ref] = Fate("paid", f"po_{ref}", amount_minor=amount)
    with unit_of_work(bank_session):
        stop = stops.stop_paying(bank_session, stops.AFTER_RESTORE, actor=SYSTEM, now=now).id
        stops.ask_to_lift(bank_session, stop, "All is looked up", actor=FINANCE, now=now)
    with pytest.raises(Refused) as refusal, unit_of_work(bank_session):
        stops.lift(bank_session, stop, actor=SECOND_CHECKER, now=now)
    assert refusal.value.code == "open_intents"
    carried(now + timedelta(minutes=1))
    assert set(statuses(bank_session).values()) == {"paid"}
    assert {act for act, _, _ in provider.asked} == {"look_up"}
    with unit_of_work(bank_session):
        stops.lift(bank_session, stop, actor=SECOND_CHECKER, now=now)
    assert not untied(bank_session)
