"""The rail on an honest Stripe: one payment whatever breaks and whenever, and nothing said that Stripe did not say."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from payouts.rails.connected_protocol import NotGenuine, Provider
from payouts.rails.online import Attempt, Outcome, ask
from payouts.rails.protocol import Beneficiary, Declined, Instruction, Unknown
from payouts.rails.stripe_connect import PAYS
from portal.kernel.errors import Invalid
from tests.factories.stripe_fake import DAY, SECRET, FakeStripe, Fault, signed

REF, ACCOUNT, AMOUNT = "P2610-0001", "acct_9", 78_400_00
NOW = datetime(2026, 11, 10, 6, 30, tzinfo=UTC)
WHO = Beneficiary("Shakti Recoveries", "50100123450001", "HDFC0001234")
MEANT = Instruction(REF, AMOUNT, "INR", WHO, "S2610-SHAKTI commission October 2026", destination=ACCOUNT)
TRANSFERS, PAYOUTS, BACK = "/v1/transfers", "/v1/payouts", "/v1/transfers/tr_1/reversals"


@pytest.fixture
def stripe_fake():
    fake = FakeStripe()
    fake.an_account(ACCOUNT)
    return fake


@pytest.fixture
def rail(stripe_fake):
    return stripe_fake.rail()


def drive(rail, fake, rounds=6, hours_between=0):
    """What the worker does with one payout: send, and look before anything is sent anew. The last outcome and every one on the way."""
    request, act, outcomes = rail.request_of(MEANT), "send", list[Outcome]()
    for _ in range(rounds):
        outcome = ask(rail, Attempt(REF, rail.name, act, MEANT, request, f"payout:{REF}"))
        outcomes.append(outcome)
        if outcome.status in ("sent", "paid", "failed", "returned", "not_ours"):
            break
        act = "send" if outcome.status == "absent" else "look_up"
        fake.now += int(timedelta(hours=hours_between).total_seconds())
    return outcomes[-1], outcomes


def test_it_is_a_provider_and_sends_transfer_and_payout(rail, stripe_fake):
    assert isinstance(rail, Provider)
    last, _ = drive(rail, stripe_fake)
    assert last == Outcome("sent", "po_1")
    (transfer,), (payout,) = stripe_fake.transfers_of(REF), stripe_fake.payouts_of(REF)
    assert (transfer["amount"], transfer["currency"], transfer["destination"]) == (AMOUNT, "inr", ACCOUNT)
    assert (payout["amount"], payout["_account"], payout["status"]) == (AMOUNT, ACCOUNT, "pending")


def test_all_it_moved_since_a_moment_is_listed_but_what_came_back(rail, stripe_fake):
    since = datetime.fromtimestamp(stripe_fake.now, UTC)
    assert rail.made_since(since) == []
    drive(rail, stripe_fake)
    (made,) = rail.made_since(since)
    assert (made.ref, made.amount_minor, made.currency, made.destination) == (REF, AMOUNT, "INR", ACCOUNT)
    assert rail.made_since(made.made_at + timedelta(seconds=1)) == []
    stripe_fake.transfers[made.provider_ref] |= {"amount_reversed": AMOUNT, "reversed": True}
    assert rail.made_since(since) == []


def test_the_frozen_request_is_the_same_text_for_ever(rail):
    text = rail.request_of(MEANT)
    assert text == rail.request_of(MEANT)
    assert json.loads(text)["transfer"]["transfer_group"] == REF


FAULTS = ["timeout", "reset", "500", "503", "429"]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("path", [TRANSFERS, PAYOUTS], ids=["transfer", "payout"])
@pytest.mark.parametrize("hours", [0, 25])
def test_an_answer_that_is_lost_never_pays_twice_nor_loses(rail, stripe_fake, path, kind, after, hours):
    """A 500 before anything happened is remembered under the key: it clears once the key is forgotten, never by another key."""
    stripe_fake.faults = [Fault(path, kind, after)]
    last, outcomes = drive(rail, stripe_fake, hours_between=hours)
    assert outcomes[0].status == "unknown"
    stuck = kind in ("500", "503") and not after and not hours
    assert (last.status in ("unknown", "absent")) if stuck else (last.status == "sent")
    stripe_fake.now += DAY + 1
    last, _ = drive(rail, stripe_fake)
    assert last.status == "sent"
    assert (stripe_fake.gone(REF), len(stripe_fake.transfers_of(REF)), len(stripe_fake.payouts_of(REF))) == (
        AMOUNT,
        1,
        1,
    )
    keys = {each.headers["idempotency-key"] for each in stripe_fake.seen if each.method == "post"}
    assert keys == {f"payout:{REF}:transfer", f"payout:{REF}:payout"}


@pytest.mark.parametrize("kind", ["400", "402"])
@pytest.mark.parametrize("path", [TRANSFERS, PAYOUTS], ids=["transfer", "payout"])
def test_a_clear_no_leaves_nothing_with_the_agency(rail, stripe_fake, path, kind):
    stripe_fake.faults = [Fault(path, kind)]
    last, _ = drive(rail, stripe_fake)
    assert (last.status, stripe_fake.gone(REF)) == ("failed", 0)
    assert last.reason == f"A fault: {kind}"
    assert drive(rail, stripe_fake)[0].status == "failed", "the same no, remembered"


def test_too_little_money_is_a_clear_no_and_moves_nothing(rail, stripe_fake):
    stripe_fake.balance["inr"] = AMOUNT - 1
    with pytest.raises(Declined, match="insufficient funds"):
        rail.send(MEANT, rail.request_of(MEANT), "k")
    assert not stripe_fake.transfers


def test_when_the_way_back_is_lost_too_nobody_knows_until_it_is_taken_back(rail, stripe_fake):
    stripe_fake.accounts[ACCOUNT]["payouts_enabled"] = False
    stripe_fake.faults = [Fault(BACK, "timeout")]
    last, outcomes = drive(rail, stripe_fake)
    assert outcomes[0].status == "unknown"
    assert (last.status, stripe_fake.gone(REF)) == ("failed", 0)


def test_keys_of_ours_that_do_not_work_say_nothing_of_the_payment(rail, stripe_fake):
    stripe_fake.faults = [Fault(TRANSFERS, "401")]
    assert drive(rail, stripe_fake, rounds=1)[0].status == "unknown"


def test_other_parameters_under_a_known_key_are_for_a_person(rail, stripe_fake):
    drive(rail, stripe_fake)
    stripe_fake.transfers.clear()
    other = replace(MEANT, amount_minor=AMOUNT + 1)
    with pytest.raises(Unknown):
        rail.send(other, rail.request_of(other), f"payout:{REF}")
    assert not stripe_fake.transfers


def test_bytes_that_are_not_what_the_payout_says_are_not_sent(rail, stripe_fake):
    with pytest.raises(Declined):
        rail.send(MEANT, rail.request_of(replace(MEANT, destination="acct_thief")), "k")
    assert not stripe_fake.seen


# --- what became of it


def test_a_payout_lives_and_comes_back_and_the_money_comes_back_to_us(rail, stripe_fake):
    drive(rail, stripe_fake)
    assert rail.look_up(MEANT).status == "sent"
    stripe_fake.settle(REF, "paid")
    paid = rail.look_up(MEANT)
    assert (paid.status, paid.provider_ref, paid.amount_minor, paid.destination) == ("paid", "po_1", AMOUNT, ACCOUNT)
    stripe_fake.settle(REF, "failed")
    back = rail.look_up(MEANT)
    assert (back.status, back.reason, stripe_fake.gone(REF)) == ("returned", "The account is closed.", 0)
    assert rail.look_up(MEANT).status == "returned", "and once only"
    assert stripe_fake.balance["inr"] == 10**12


def test_money_that_stripe_keeps_is_not_called_returned(rail, stripe_fake):
    drive(rail, stripe_fake)
    stripe_fake.settle(REF, "failed")
    stripe_fake.accounts[ACCOUNT]["_balance"] = 0  # spent on something else
    with pytest.raises(Unknown, match="Stripe keeps the money"):
        rail.look_up(MEANT)


@pytest.mark.parametrize("change", [{"amount": 1}, {"currency": "usd"}], ids=["amount", "currency"])
@pytest.mark.parametrize("status", ["pending", "paid", "failed"])
def test_a_payout_of_another_amount_or_currency_is_not_ours(rail, stripe_fake, change, status):
    drive(rail, stripe_fake)
    (payout,) = stripe_fake.payouts_of(REF)
    payout |= change | {"status": status}
    outcome = ask(rail, Attempt(REF, rail.name, "look_up", MEANT, "", ""))
    assert (outcome.status, stripe_fake.gone(REF)) == ("not_ours", AMOUNT)


@pytest.mark.parametrize("change", [{"amount": 1}, {"destination": "acct_2"}, {"amount_reversed": 5}])
def test_a_transfer_that_was_altered_at_stripe_is_not_ours(rail, stripe_fake, change):
    drive(rail, stripe_fake)
    stripe_fake.settle(REF, "paid")
    stripe_fake.transfers_of(REF)[0].update(change)
    assert ask(rail, Attempt(REF, rail.name, "look_up", MEANT, "", "")).status == "not_ours"


def test_two_transfers_of_one_payout_are_for_a_person(rail, stripe_fake):
    drive(rail, stripe_fake)
    stripe_fake.transfers["tr_2"] = stripe_fake.transfers["tr_1"] | {"id": "tr_2"}
    with pytest.raises(Unknown, match="2 transfers"):
        rail.look_up(MEANT)


# --- where it pays


def test_it_says_clearly_that_rupees_go_by_file(stripe_fake):
    rail = stripe_fake.rail(pays=PAYS)
    sentence = "Stripe does not pay out in Indian rupees: in India a file goes to the bank."
    assert rail.why_not("IN", "INR") == sentence
    with pytest.raises(Invalid) as refused:
        rail.request_of(MEANT)
    assert [each.message for each in refused.value.problems] == [sentence]
    assert (rail.why_not("US", "USD"), rail.why_not("DE", "EUR")) == ("", "")
    assert "KES" in rail.why_not("KE", "KES")
    assert rail.why_not("US", "EUR") != ""


# --- deliveries


def heard(rail, payload, header, now=NOW):
    try:
        return rail.hear(payload, header, now=now).event_id
    except NotGenuine:
        return None


def test_a_genuine_delivery_is_heard_within_five_minutes_either_way(rail, stripe_fake):
    payload = stripe_fake.delivery("payout.paid", {"id": "po_1", "metadata": {}}, account=ACCOUNT)
    for seconds in (-300, 0, 300):
        assert heard(rail, payload, signed(payload, NOW + timedelta(seconds=seconds)))
    rotated = signed(payload, NOW, "whsec_old") + "," + signed(payload, NOW).split(",")[1]
    assert heard(rail, payload, rotated), "Stripe signs with both while a secret is rolled"


def test_a_forged_or_altered_delivery_is_not(rail, stripe_fake):
    payload = stripe_fake.delivery("payout.paid", {"id": "po_1", "metadata": {}}, account=ACCOUNT)
    good = signed(payload, NOW)
    headers = ["", "t=1", "v1=", "rubbish", signed(payload, NOW, "whsec_wrong"), signed(payload, NOW, scheme="v0")]
    headers += [signed(payload, NOW + timedelta(seconds=each)) for each in (-301, 301)]
    headers += [good.replace("t=1", "t=2", 1), good.replace("v1=", "v1=é"), f"t={int(NOW.timestamp()) - 9999},{good}"]
    stale, fresh = signed(payload, NOW - timedelta(days=1)), f"t={int(NOW.timestamp())}"
    headers += [stale.replace("t=", sign, 1) + f",{fresh}" for sign in ("t=", "t=+", "t= ", "t=0_")]
    headers += [f"{fresh},{stale}", f"{stale.replace('t=', 't=+', 1)}"]
    assert [heard(rail, payload, header) for header in headers] == [None] * len(headers)
    flipped = [payload[:at] + bytes([payload[at] ^ 1]) + payload[at + 1 :] for at in range(0, len(payload), 7)]
    assert {heard(rail, each, good) for each in flipped} == {None}
    assert heard(rail, b"\xff\xfe", signed(b"\xff\xfe", NOW)) is None
    for body in (b"[]", b"{}", b'{"id":1}', b"null", b'{"id":"e","type":"x","livemode":false,"data":{"object":[]}}'):
        assert heard(rail, body, signed(body, NOW)) is None, body
    live = stripe_fake.delivery("payout.paid", {"id": "po_1"}, livemode=True)
    assert heard(rail, live, signed(live, NOW)) is None, "live money in test mode"
    assert heard(stripe_fake.rail(is_live=True), payload, good) is None, "and the other way"
    assert heard(FakeStripe().rail(), payload, signed(payload, NOW, SECRET)), "the secret is what counts"
