"""An agency paid through Stripe: finance opens its account, its owner goes to Stripe, a batch is made for it and goes out."""

from __future__ import annotations

from typing import Any

import pytest

from portal.kernel.db import unit_of_work
from tests.factories.stripe_fake import FakeStripe
from tests.factories.stripe_month import StripeMonth
from tests.factories.world import a_user, an_agency

FINANCE, OWNER = "finance@bank.example", "owner@dollar.example"


@pytest.fixture
def month(bank_session: Any, file_store: Any, database: Any, now: Any, app: Any) -> StripeMonth:
    """October under way through Stripe, with deliveries; and an agency that has no account there yet."""
    fake = FakeStripe()
    month = StripeMonth(bank_session, file_store, database, now, fake, fake.rail())
    app.extensions["portal.rails"] = {month.rail.name: month.rail}
    month.open_accounts()
    with unit_of_work(bank_session):
        dollars = {"country": "US", "currency": "USD", "legal_name": "Dollar Collections Inc"}
        a_user(bank_session, OWNER, "agency_owner", an_agency(bank_session, "DOLLAR", **dollars))
        a_user(bank_session, FINANCE, "finance")
    first, second = month.start()
    month.carry()
    for ref, status in ((first, "paid"), (second, "failed")):
        payout = fake.settle(ref, status)
        month.hears(fake.delivery(f"payout.{status}", payout, account=payout["_account"]))
    month.works_off()
    return month


def test_an_agency_gets_an_account_at_stripe_and_is_led_there(month: StripeMonth, open_page: Any, look: Any) -> None:
    finance = open_page("/finance/stripe", email=FINANCE)
    finance.get_by_label("Agency", exact=True).select_option("DOLLAR")
    finance.get_by_role("button", name="Open an account").click()
    finance.get_by_text("Its owner goes on").wait_for()
    finance.get_by_text("Sent to paid").wait_for()
    finance.get_by_role("link", name="Batches").click()
    finance.get_by_label("How it is paid").get_by_text("Stripe, to the agency's account there").wait_for(
        state="attached"
    )
    owner = open_page("/agency/company", email=OWNER)
    owner.get_by_role("link", name="Your account at Stripe").click()
    owner.get_by_role("button", name="Continue").click()
    link = owner.get_by_role("link", name="Go on to Stripe")
    link.wait_for()
    assert link.get_attribute("href").startswith("https://connect.stripe.example/")
    look("/finance/stripe", "finance-stripe", email=FINANCE)
    look("/agency/company/stripe", "agency-stripe", email=OWNER)
