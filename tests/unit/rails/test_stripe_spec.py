"""Every request of ours is one that Stripe's own specification accepts, and its own examples of deliveries are heard."""

from __future__ import annotations

import json

import pytest

from payouts.rails.connected_protocol import AccountPlan
from tests.factories.stripe_fake import FakeStripe, Seen, signed
from tests.factories.stripe_spec import Spec
from tests.unit.rails.test_stripe_connect import ACCOUNT, MEANT, NOW, REF, drive

PLAN = AccountPlan(1, "DOLLAR", "Dollar Collections Inc", "us@dollar.example", "US", "USD", "account:DOLLAR:0")


@pytest.fixture(scope="module")
def spec(real_data):
    return Spec(json.loads((real_data / "stripe" / "connect-slice.json").read_text()))


@pytest.mark.real_data
def test_stripes_specification_accepts_every_request_of_ours(spec):
    fake = FakeStripe()
    fake.an_account(ACCOUNT)
    rail = fake.rail()
    drive(rail, fake)
    fake.settle(REF, "failed")
    assert rail.look_up(MEANT).status == "returned"
    opened = rail.open_account(PLAN)
    rail.account_state(opened.account_id)
    rail.onboarding_link(opened.account_id, return_url="https://p.example/back", refresh_url="https://p.example/again")
    asked = {(each.method, each.path.replace("tr_1", "ID").replace("acct_new_1", "ID")) for each in fake.seen}
    assert len(asked) == 8
    assert {f"{each.method} {each.path}": wrong for each in fake.seen if (wrong := spec.wrongs(each))} == {}


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/v1/transfers", "amount=1250.5&currency=usd&destination=acct_1"),
        ("/v1/transfers", "amount=1250&destination=acct_1"),
        ("/v1/transfers", "amount=1250&currency=usd&destinaton=acct_1&destination=acct_1"),
        ("/v1/payouts", "amount=1250&currency=usd&method=fast"),
        ("/v1/accounts", "capabilities[tranfers][requested]=true"),
        ("/v1/accounts", "settings[payouts][schedule][interval]=never"),
    ],
)
def test_the_judge_refuses_what_the_served_specification_refuses(spec, path, text):
    assert spec.wrongs(Seen("post", path, text, {}))


@pytest.mark.real_data
def test_stripes_own_examples_of_deliveries_are_heard(real_data):
    rail = FakeStripe().rail()
    files = sorted((real_data / "stripe" / "webhooks").glob("*.json"))
    kinds = {rail.hear(each.read_bytes(), signed(each.read_bytes(), NOW), now=NOW).kind for each in files}
    assert {"transfer.created", "payout.paid", "payout.failed", "account.updated"} <= kinds
