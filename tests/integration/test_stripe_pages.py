"""Accounts at Stripe through the pages: opened by finance, filled in by the agency's owner alone, payable when Stripe says so."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from payouts.rails.connected import live_account
from portal.config import read_settings
from portal.kernel.db import bank_scope, unit_of_work
from portal.kernel.errors import Invalid
from portal.rails import online_rails_of
from tests.factories.stripe_fake import KEY, SECRET, FakeStripe
from tests.factories.world import a_user, an_agency

HERE, AGENCYS = "/finance/stripe", "/agency/company/stripe"


@pytest.fixture
def fake():
    return FakeStripe()


@pytest.fixture
def people(bank_session, app, fake, browse):
    """Finance, an agency paid in dollars with its owner, and one paid in rupees with its own."""
    app.extensions["portal.rails"] = {"stripe_connect": fake.rail(pays={"US": "USD"})}
    with unit_of_work(bank_session):
        dollars = an_agency(bank_session, "DOLLAR", country="US", currency="USD", legal_name="Dollar Collections Inc")
        rupees = an_agency(bank_session, "RUPEE", pan="AAPFU0940F")
        a_user(bank_session, "fin@bank.example", "finance")
        a_user(bank_session, "owner@dollar.example", "agency_owner", dollars)
        a_user(bank_session, "second@dollar.example", "agency_owner", dollars)
        a_user(bank_session, "owner@rupee.example", "agency_owner", rupees)
    return {
        email: browse(email)
        for email in ("fin@bank.example", "owner@dollar.example", "second@dollar.example", "owner@rupee.example")
    }


def account_here(database, clock, agency="DOLLAR"):
    with database.logins.session(bank_scope(clock.today())) as session:
        agency_id = database.execute("select id from agencies where code = %s", agency)[0][0]
        return live_account(session, "stripe_connect", agency_id)


ONCE = {"once": "x" * 20}


def test_an_account_is_opened_filled_in_asked_about_and_closed(people, fake, database, clock):
    finance, owner, second = (
        people[f"{each}"] for each in ("fin@bank.example", "owner@dollar.example", "second@dollar.example")
    )
    page = finance.get(HERE).text
    assert "Dollar Collections Inc (USD)" in page and "(INR)" not in page
    assert "Stripe does not pay out in Indian rupees" in page and "Test mode" in page
    assert finance.post(HERE, {"agency": "RUPEE"} | ONCE).status_code == 422
    assert finance.post(HERE, {"agency": "DOLLAR"} | ONCE).status_code == 302
    account = account_here(database, clock)
    assert (account.account_id, account.currency, account.can_be_paid) == ("acct_new_1", "USD", False)
    assert fake.accounts["acct_new_1"]["metadata"] == {"agency": "DOLLAR"}
    assert "Not payable yet" in finance.get(HERE).text

    going = owner.post(AGENCYS, ONCE | {"once": "y" * 20})
    assert "https://connect.stripe.example/setup/acct_new_1" in going.text
    there = fake.seen[-1].params["return_url"]
    back = there.partition("8000")[2] or re.sub(r"^https?://[^/]+", "", there)
    assert "Welcome back" in owner.get(back).text
    assert "Not finished" in owner.get(back + "&again=1").text
    for stranger in (second, people["owner@rupee.example"]):
        assert stranger.get(back).status_code == 404, "the mark is bound to person, agency and account"
    assert owner.get(back[:-3] + "abc").status_code == 404
    clock.advance(hours=3) if hasattr(clock, "advance") else None

    fake.accounts["acct_new_1"] |= {"payouts_enabled": True, "capabilities": {"transfers": "active"}}
    fake.accounts["acct_new_1"]["requirements"] = {"currently_due": [], "disabled_reason": None}
    assert finance.post(f"{HERE}/acct_new_1/ask", {"once": "z" * 20}).status_code == 302
    assert "Can be paid" in finance.get(HERE).text and "Can be paid" in owner.get(AGENCYS).text
    assert finance.post(f"{HERE}/acct_new_1/close", {"once": "w" * 20}).status_code == 302
    assert account_here(database, clock) is None
    assert "has no account" in owner.get(AGENCYS).text


def test_stripe_that_says_no_or_nothing_is_told_on_the_page(people, fake, database, clock, monkeypatch):
    finance = people["fin@bank.example"]
    monkeypatch.setattr(fake, "request", lambda *_, **__: ('{"error":{"message":"Not in your country."}}', 400, {}))
    assert "Not in your country." in finance.post(HERE, {"agency": "DOLLAR"} | ONCE).text
    monkeypatch.setattr(fake, "request", lambda *_, **__: ("{}", 503, {}))
    assert finance.post(HERE, {"agency": "DOLLAR", "once": "v" * 20}).status_code == 503
    assert account_here(database, clock) is None


def test_an_agency_paid_in_rupees_reads_why_it_needs_none(people):
    text = people["owner@rupee.example"].get(AGENCYS).text
    assert "Stripe does not pay out in Indian rupees" in text and "Continue" not in text


def test_without_a_key_stripe_is_not_offered_and_the_page_says_so(people, app):
    app.extensions["portal.rails"] = {}
    finance = people["fin@bank.example"]
    assert "No key for Stripe" in finance.get(HERE).text
    assert "stripe_connect" not in finance.get("/finance/payouts").text
    assert finance.post(HERE, {"agency": "DOLLAR"} | ONCE).status_code == 409


# --- settings


SECRETS = {"PORTAL_STRIPE_WEBHOOK_SECRETS": SECRET}
GOOD = {"PORTAL_STRIPE_KEY": KEY, **SECRETS}


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"PORTAL_STRIPE_KEY": KEY.replace("test", "live")}, "other_mode_key"),
        ({"PORTAL_STRIPE_MODE": "live", "PORTAL_STRIPE_KEY": KEY.replace("test", "live")}, "live_money"),
        ({"PORTAL_STRIPE_KEY": "nonsense"}, "other_mode_key"),
        ({"PORTAL_STRIPE_WEBHOOK_SECRETS": "shh"}, "bad_setting"),
        ({"PORTAL_ENV": "production"}, "other_mode_key"),
        ({"PORTAL_ENV": "production", "PORTAL_STRIPE_WEBHOOK_SECRETS": ""}, "missing_setting"),
    ],
)
def test_keys_of_the_other_mode_are_refused(tmp_path, wrong, code):
    with pytest.raises(Invalid) as refused:
        read_settings({"PORTAL_HOME": str(tmp_path), **GOOD, **wrong})
    assert code in [each.code for each in refused.value.problems]
    assert not [each for each in refused.value.problems if KEY in str(each)], "a key is never quoted"


def test_a_key_gives_the_rail_and_none_gives_none(tmp_path):
    settings = read_settings({"PORTAL_HOME": str(tmp_path), **GOOD})
    (rail,) = online_rails_of(settings).values()
    assert (rail.name, rail.is_live, rail.why_not("IN", "INR") != "") == ("stripe_connect", False, True)
    assert online_rails_of(replace(settings, stripe_key="")) == {}
    assert KEY not in repr(settings) and SECRET not in repr(settings)
