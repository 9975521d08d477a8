"""What Stripe tells us: late, twice, in any order, forged or never, the books end as Stripe's own word has it."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest
from sqlalchemy import select

from payouts.rails.connected_jobs import providers_daily
from payouts.rails.models import Payout
from payouts.rails.online import Outcome, record
from payouts.rails.provider_models import ConnectedAccount
from payouts.settlements.service import load
from payouts.ties import ledger_ties
from portal.kernel.errors import Unavailable
from portal.kernel.jobs import JobRun
from tests.factories.month import SYSTEM
from tests.factories.stripe_fake import FakeStripe, Fault, signed
from tests.factories.stripe_month import StripeMonth

FIRST, SECOND = "P2610-0001", "P2610-0002"
DOOR = "/webhooks/stripe"
LIFE = ["transfer.created", "payout.created", "payout.updated", "payout.paid", "payout.failed"]


@pytest.fixture
def month(bank_session, file_store, database, now):
    fake = FakeStripe()
    month = StripeMonth(bank_session, file_store, database, now, fake, fake.rail())
    month.open_accounts()
    return month


def untied(month):
    with month.unit() as session:
        return [tie for tie in ledger_ties(session) if tie.difference_minor]


def about(month, kind, ref, **changes):
    """The delivery of this kind about one payout, as its object stands now."""
    fake = month.stripe
    if kind.startswith("transfer"):
        return fake.delivery(kind, fake.transfers_of(ref)[0] | changes)
    (payout,) = fake.payouts_of(ref)
    return fake.delivery(kind, payout | changes, account=payout["_account"])


# --- the door


def post(app, payload, header, **options):
    return app.test_client().post(
        DOOR, data=payload, headers={"Stripe-Signature": header}, content_type="application/json", **options
    )


def test_the_door_keeps_a_genuine_delivery_once_and_nothing_else(app, month, now):
    month.start()
    month.carry()
    genuine = about(month, "payout.created", FIRST)
    assert post(app, genuine, signed(genuine, now)).status_code == 400, "no provider is set up"
    app.extensions["portal.rails"] = {month.rail.name: month.rail}
    stranger = month.stripe.delivery("payout.paid", {"id": "po_1"}, account="acct_stranger")
    live = month.stripe.delivery("payout.paid", {"id": "po_1"}, livemode=True)
    forged = [
        *[(genuine, header) for header in ("", signed(genuine, now, "whsec_wrong"), signed(genuine, now, scheme="v0"))],
        *[(genuine, signed(genuine, now + timedelta(seconds=each))) for each in (-301, 301)],
        (genuine.replace(b"pending", b"paid"), signed(genuine, now)),
        *[(each, signed(each, now)) for each in (stranger, live, b"{}", b"", b" " * 2**20)],
    ]
    assert {post(app, *each).status_code for each in forged[:-1]} == {400}
    assert post(app, *forged[-1]).status_code in (400, 413)
    assert month.events() == []
    answers = {post(app, genuine, signed(genuine, now)).status_code for _ in range(5)}
    assert (answers, month.events()) == ({200}, [("evt_1", "")])
    assert month.works_off() == ["no_change"]
    assert month.works_off() == []


# --- what it does


@pytest.mark.parametrize("order", [LIFE, LIFE[::-1], [LIFE[3], LIFE[4], LIFE[0], LIFE[2], LIFE[1]]], ids=str)
def test_a_life_told_in_any_order_and_twice_ends_the_same(bank_session, month, order):
    """Each is told when all of it has happened, as after a night without a door."""
    month.start()
    month.carry()
    month.stripe.settle(FIRST, "paid")
    month.stripe.settle(FIRST, "failed")
    for kind in [*order, *order[:2]]:
        assert month.hears(about(month, kind, FIRST))
    effects = month.works_off()
    assert effects[0] == "sent to returned" and set(effects[1:]) == {"no_change"}
    assert month.statuses() == {FIRST: "returned", SECOND: "sent"}
    assert load(bank_session, "S2610-SHAKTI").status == "returned"
    assert (untied(month), month.stripe.gone(FIRST)) == ([], 0)


def test_a_payment_that_comes_back_after_it_was_paid_is_payable_again(month):
    month.start()
    month.carry()
    month.stripe.settle(FIRST, "paid")
    month.hears(about(month, "payout.paid", FIRST))
    assert month.works_off() == ["sent to paid"]
    month.stripe.settle(FIRST, "failed")
    month.hears(about(month, "payout.failed", FIRST))
    month.hears(about(month, "payout.paid", FIRST, status="paid"))  # an old word, told late
    assert month.works_off() == ["paid to returned", "no_change"]
    assert not untied(month)
    assert list(month.start()) == ["P2610-0003"]
    month.carry()
    assert (month.stripe.gone(FIRST), month.stripe.gone("P2610-0003")) == (0, 78_400_00)


def test_looks_of_a_life_written_down_in_any_order_end_the_same(bank_session, month):
    """A worker may be late with what it saw: the furthest thing seen is what stands. Every fifteenth of the 120 orders."""
    month.start()
    month.carry()
    seen = [Outcome(each, "po_1", was_looked_up=True) for each in ("sent", "sent", "paid", "returned", "paid")]
    ends = set()
    for order in list(permutations(seen))[::15]:
        with month.unit() as session:
            for outcome in order:
                record(session, FIRST, outcome, actor=SYSTEM, now=month.now)
            ends.add(session.scalar(select(Payout.status).where(Payout.ref == FIRST)))
            ends.update(tie.difference_minor for tie in ledger_ties(session))
            session.rollback()
    assert ends == {"returned", 0}


def test_what_is_signed_and_yet_not_ours_has_no_effect(month):
    month.start()
    month.carry()
    fake, account = month.stripe, month.stripe.payouts_of(FIRST)[0]["_account"]
    other = month.stripe.payouts_of(SECOND)[0]["_account"]
    strange = [
        (fake.delivery("payout.paid", {"id": "po_nobody", "metadata": {}}, account=account), "unknown_object"),
        (fake.delivery("payout.paid", {"id": "po_9", "metadata": {"payout": FIRST}}, account=account), "other_payment"),
        (fake.delivery("payout.paid", {"id": "po_1", "metadata": {}}, account=other), "other_account"),
        (
            fake.delivery("payout.paid", {"id": "po_1", "metadata": {"payout": SECOND}}, account=account),
            "unknown_object",
        ),
        (about(month, "payout.paid", FIRST, status="paid", amount=1), "no_change"),
        (fake.delivery("balance.available", {"object": "balance"}), "ignored"),
    ]
    for payload, _ in strange:
        assert month.hears(payload)
    assert month.works_off() == [effect for _, effect in strange]
    fake.payouts_of(SECOND)[0]["amount"] += 1
    fake.settle(SECOND, "paid")
    month.hears(about(month, "payout.paid", SECOND))
    assert month.works_off()[0].startswith("not_ours: The provider's amount")
    assert month.statuses() == {FIRST: "sent", SECOND: "unknown"}
    assert not untied(month)


def test_a_delivery_waits_while_stripe_cannot_be_asked(month, monkeypatch):
    month.start()
    month.carry()
    month.hears(about(month, "payout.created", FIRST))
    with monkeypatch.context() as down:
        down.setattr(month.stripe, "request", lambda *_, **__: ("{}", 503, {}))
        with pytest.raises(Unavailable):
            month.works_off()
    assert month.events() == [("evt_1", "")]
    assert month.works_off() == ["no_change"]


# --- faults with the books in sight


FAULTS = [
    ("/v1/transfers", "timeout", False),
    ("/v1/transfers", "reset", True),
    ("/v1/payouts", "500", True),
    ("/v1/payouts", "timeout", True),
    ("/v1/transfers", "402", False),
]


def test_through_every_fault_each_settlement_is_paid_once_and_the_books_tie(month):
    """Round by round over the same two settlements: a fault, an end, and the bank sends it back for the next."""
    for path, kind, after in FAULTS:
        month.stripe.faults = [Fault(path, kind, after)]
        refs = list(month.start())
        month.carry()
        month.carry()
        statuses = {ref: month.statuses()[ref] for ref in refs}
        assert set(statuses.values()) <= {"sent", "failed"}, (path, kind, after)
        assert [month.stripe.gone(ref) > 0 for ref in refs] == [statuses[ref] == "sent" for ref in refs]
        assert all(len(month.stripe.payouts_of(ref)) == (statuses[ref] == "sent") for ref in refs)
        for ref in refs:
            if statuses[ref] == "sent":
                month.stripe.settle(ref, "failed")
        month.carry()
        assert not untied(month)
    assert month.stripe.balance["inr"] == 10**12


# --- accounts, and nights without deliveries


def test_what_stripe_says_of_an_account_decides_whether_it_is_paid(month):
    account_id, account = next(iter(month.stripe.accounts.items()))
    steps = [
        ({"payouts_enabled": False}, False, ["external_account"]),
        ({"payouts_enabled": True, "requirements": {"currently_due": [], "disabled_reason": None}}, True, []),
        ({"company": {"name": "Somebody Else Pvt Ltd"}}, False, ["name_differs"]),
        ({"company": None, "default_currency": "usd"}, False, ["country_or_currency_changed"]),
    ]
    for change, can_be_paid, owed in steps:
        account |= change
        month.hears(month.stripe.delivery("account.updated", account, account=account_id))
        assert month.works_off() == ["can_be_paid" if can_be_paid else "cannot_be_paid"]
        with month.unit() as session:
            row = session.scalars(select(ConnectedAccount).where(ConnectedAccount.account_id == account_id)).one()
            assert (row.can_be_paid, row.owed) == (can_be_paid, owed)
    del month.stripe.accounts[account_id]
    month.hears(month.stripe.delivery("account.application.deauthorized", {"id": "ca_1"}, account=account_id))
    assert month.works_off() == ["cannot_be_paid"]


def test_without_a_single_delivery_the_night_finds_everything(month, clock):
    month.start()
    services = type("Services", (), {"rails": {month.rail.name: month.rail}})()
    run = JobRun(0, None, SYSTEM, None, clock, services)
    run.transaction = month.unit
    assert providers_daily.work(run) == {"asked": {FIRST: "sent", SECOND: "sent"}}
    for ref in (FIRST, SECOND):
        month.stripe.settle(ref, "paid")
    assert providers_daily.work(run) == {"asked": {FIRST: "paid", SECOND: "paid"}}
    month.stripe.settle(SECOND, "failed")
    assert providers_daily.work(run) == {"asked": {SECOND: "returned"}}
    assert providers_daily.work(run) == {"asked": {}}
    assert not untied(month)
