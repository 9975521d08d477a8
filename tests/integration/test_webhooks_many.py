"""Deliveries by the hundred, forged, replayed, in every order and at once: the books end as Stripe has it, and nothing else happens."""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from threading import Barrier

import pytest
from sqlalchemy import func, select, text

from payouts.ledger.models import JournalEntry
from payouts.rails.provider_models import ProviderEvent
from tests.factories.deliveries import LIFE, all_end_the_same, knocks, live, own, told
from tests.factories.stripe_fake import FakeStripe
from tests.factories.stripe_month import StripeMonth

FIRST, SECOND = "P2610-0001", "P2610-0002"
KNOCKS = 300


@pytest.fixture
def month(bank_session, file_store, database, now):
    fake = FakeStripe()
    month = StripeMonth(bank_session, file_store, database, now, fake, fake.rail())
    month.open_accounts()
    month.start()
    month.carry()
    return month


@pytest.fixture
def knock(app, month):
    """One delivery through the real door; its answer."""
    app.extensions["portal.rails"] = {month.rail.name: month.rail}

    def post(delivery: tuple[bytes, str]) -> int:
        body, header = delivery
        options = {
            "headers": {"Stripe-Signature": header.encode("latin-1").decode("latin-1")},
            "content_type": "application/json",
        }
        return app.test_client().post("/webhooks/stripe", data=body, **options).status_code

    return post


def test_a_life_told_in_any_order_ends_the_same(month):
    """Every twentieth of the 120 orders; the benchmark has them all."""
    all_end_the_same(month, list(permutations(LIFE))[::20])


def test_three_hundred_deliveries_forged_and_replayed_have_the_effect_of_five(month, knock):
    live(month, FIRST, 2)
    before = month.statuses()
    answers = Counter()
    for kind, delivery in knocks(month, FIRST, KNOCKS, seed=7):
        answers[kind, knock(delivery)] += 1
    assert answers.pop(("genuine", 200)) == 25
    assert answers.pop(("one megabyte", 413)) > 5
    assert {status for _, status in answers} == {400}
    assert sum(answers.values()) > 200
    assert len(month.events()) == 5 and month.statuses() == before
    assert sorted(month.works_off()) == ["no_change"] * 4 + ["sent to paid"]
    assert month.statuses() == {FIRST: "paid", SECOND: "sent"}
    with month.unit() as session:
        steps = session.execute(
            text("select count(*) from audit_events where tag = 'payout:moved' and body like '%confirm%'")
        )
        assert steps.scalar() == 1


def test_the_same_delivery_at_the_same_moment_is_kept_once(month, knock):
    live(month, FIRST, 2)
    bodies = [told(month, kind, FIRST) for kind in LIFE]
    ready = Barrier(8)

    def at_once(body: bytes) -> int:
        ready.wait()
        return knock(own(body, month))

    with ThreadPoolExecutor(8) as threads:
        for body in bodies:
            assert set(threads.map(at_once, [body] * 8)) == {200}
    with month.unit() as session:
        assert session.scalar(select(func.count()).select_from(ProviderEvent)) == 5
    with ThreadPoolExecutor(4) as workers:  # and as many workers find them
        done = list(workers.map(lambda _: month.works_off(), range(4)))
    assert Counter(effect for each in done for effect in each) == {"sent to paid": 1, "no_change": 4}


WRONG = {
    "amount": lambda payout, transfer: payout.update(amount=payout["amount"] + 1),
    "amount of the transfer": lambda payout, transfer: transfer.update(amount=transfer["amount"] - 1),
    "currency": lambda payout, transfer: payout.update(currency="usd"),
    "destination": lambda payout, transfer: transfer.update(destination="acct_other"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_payment_that_is_not_the_one_meant_is_left_to_a_person(month, knock, what):
    """The delivery is genuine and Stripe itself says so: another amount, currency or destination than ours pays nothing off."""
    live(month, FIRST, 2)
    WRONG[what](month.stripe.payouts_of(FIRST)[0], month.stripe.transfers_of(FIRST)[0])
    assert knock(own(told(month, "payout.paid", FIRST), month)) == 200
    (effect,) = month.works_off()
    assert effect.startswith(f"not_ours: The provider's {what.split()[0]}")
    assert month.statuses()[FIRST] == "unknown"
    with month.unit() as session:
        assert "J-P2610-0001-paid" not in session.scalars(select(JournalEntry.ref)).all()


def test_what_a_delivery_says_of_the_payment_counts_for_nothing(month, knock):
    """Its status, its amount, its account's balance are hearsay: Stripe is asked. Here it says pending."""
    for changes in (
        {"status": "paid"},
        {"status": "failed"},
        {"amount": 1},
        {"currency": "usd"},
        {"metadata": {"payout": SECOND}},
    ):
        assert knock(own(told(month, "payout.paid", FIRST, **changes), month)) == 200
    assert (
        knock(
            own(
                json.dumps(
                    json.loads(told(month, "payout.paid", FIRST)) | {"id": "evt_x", "type": "payout.made_up"}
                ).encode(),
                month,
            )
        )
        == 200
    )
    assert set(month.works_off()) <= {"no_change", "unknown_object"}
    assert month.statuses() == {FIRST: "sent", SECOND: "sent"}
