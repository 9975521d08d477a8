"""What knocks at the door for providers: a payout's life told in any order, and everything that only looks like it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from payouts.ledger.models import JournalEntry, JournalLine
from payouts.rails.models import Payout, PayoutBatch
from payouts.rails.protocol import Fate, Instruction
from payouts.rails.webhooks import receive, work_off
from payouts.settlements.models import Settlement
from portal.kernel.audit import flush_events
from tests.factories.month import SYSTEM
from tests.factories.stripe_fake import FakeStripe, signed
from tests.factories.stripe_month import StripeMonth

LIFE = ("transfer.created", "payout.created", "payout.updated", "payout.paid", "payout.failed")
MEGABYTE = 2**20
Knock = tuple[bytes, str]  # body and signature header


def told(month: StripeMonth, kind: str, ref: str, event_id: str = "", **changes: Any) -> bytes:
    """The delivery of this kind about one payout of ours, as its object stands at Stripe now."""
    known: dict[str, Any] = {"id": event_id} if event_id else {}
    if kind.startswith("transfer"):
        return month.stripe.delivery(kind, month.stripe.transfers_of(ref)[0] | changes, **known)
    (payout,) = month.stripe.payouts_of(ref)
    return month.stripe.delivery(kind, payout | changes, account=payout["_account"], **known)


def live(month: StripeMonth, ref: str, stage: int) -> None:
    """Bring the payout at Stripe to a stage of its life: 0 pending, 1 in transit, 2 paid, 3 sent back by the bank."""
    month.stripe.settle(ref, ("pending", "in_transit", "paid", "failed")[stage])


def flipped(body: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(body))
    return body[:at] + bytes([body[at] ^ (1 << dice.randrange(8))]) + body[at + 1 :]


def forged(month: StripeMonth, genuine: bytes, dice: random.Random, beyond: int) -> dict[str, Callable[[], Knock]]:
    """Each kind of forgery of a genuine delivery; whoever takes one in has been fooled. `beyond`: seconds outside the 300."""
    stripe, now = month.stripe, month.now
    late = {f"{seconds:+d} s": now + timedelta(seconds=seconds) for seconds in (-300 - beyond, 300 + beyond, -86_400)}
    return {
        "no signature": lambda: (genuine, ""),
        "wrong key": lambda: (genuine, signed(genuine, now, "whsec_anotherkeyanotherkey")),
        "empty key": lambda: (genuine, signed(genuine, now, "")),
        "scheme v0 only": lambda: (genuine, signed(genuine, now, scheme="v0")),
        "flipped byte": lambda: (flipped(genuine, dice), signed(genuine, now)),
        "flipped signature": lambda: (genuine, flipped(signed(genuine, now).encode(), dice).decode("latin-1")),
        "cut off": lambda: (genuine[: dice.randrange(len(genuine))], signed(genuine, now)),
        "two times": lambda: (genuine, f"t={int(now.timestamp())}," + signed(genuine, now - timedelta(days=1))),
        **{name: lambda at=at: (genuine, signed(genuine, at)) for name, at in late.items()},
        "another account": lambda: own(stripe.delivery("payout.paid", {"id": "po_1"}, account="acct_stranger"), month),
        "live mode": lambda: own(genuine.replace(b'"livemode": false', b'"livemode": true'), month),
        "mode left out": lambda: own(genuine.replace(b'"livemode": false, ', b""), month),
        "malformed": lambda: own(
            dice.choice([b"{", b"[]", b"null", b"{}", b'{"id": "evt_1"}', b"\xff\xfe", b""]), month
        ),
        "no identifier": lambda: own(
            genuine.replace(b'"evt_', dice.choice([b'"\\u0000', b'"\\ud800', b'"' + b"e" * 300]), 1), month
        ),
        "nested deeply": lambda: own(b"[" * 60_000 + b"]" * 60_000, month),
        "one megabyte": lambda: own(genuine + b" " * MEGABYTE, month),
    }


def own(body: bytes, month: StripeMonth) -> Knock:
    """Signed with our own key: what is wrong is what it says."""
    return body, signed(body, month.now)


def knocks(month: StripeMonth, ref: str, count: int, seed: int, beyond: int = 1) -> Iterator[tuple[str, Knock]]:
    """So many deliveries in a random order: a life five times over, and forgeries of it in equal parts. (kind, body and header)."""
    dice = random.Random(seed)
    genuine = [told(month, kind, ref) for kind in LIFE]
    found = [("genuine", own(body, month)) for body in genuine for _ in range(5)]
    while len(found) < count:
        for kind, forge in forged(month, dice.choice(genuine), dice, beyond).items():
            found.append((kind, forge()))
    dice.shuffle(found)
    yield from found[:count] if count < len(found) else found


# --- a life in every order

FIRST = "P2610-0001"
Books = tuple[Any, ...]


def state(session: Session) -> Books:
    """What the books say of the first payout: statuses, what stands on each account, and how often each step is in the audit log."""
    flush_events(session)
    query = select(Payout.status, Settlement.status, PayoutBatch.status).select_from(Payout)
    query = query.join(Settlement, Settlement.id == Payout.settlement_id).join(
        PayoutBatch, PayoutBatch.id == Payout.batch_id
    )
    balance = func.sum(JournalLine.debit_minor - JournalLine.credit_minor)
    ledger = select(JournalLine.account, balance).group_by(JournalLine.account)
    entries = select(JournalEntry.ref).where(JournalEntry.subject_ref == FIRST)
    steps = text("""
        select tag || ' ' || coalesce(body::jsonb -> 'data' ->> 'action', body::jsonb -> 'data' ->> 'kind', ''), count(*)
          from audit_events where subject_ref = :ref or tag = 'provider:told' group by 1""")
    return (
        tuple(session.execute(query.where(Payout.ref == FIRST)).one()),
        {account: int(amount) for account, amount in session.execute(ledger) if amount},
        frozenset(session.scalars(entries)),
        {row[0]: row[1] for row in session.execute(steps, {"ref": FIRST})},
    )


def begin_again(stripe: FakeStripe) -> None:
    """Stripe as it was when the first payout was on its way."""
    (payout,), (transfer,) = stripe.payouts_of(FIRST), stripe.transfers_of(FIRST)
    stripe.accounts[payout["_account"]]["_balance"] = 0
    transfer |= {"amount_reversed": 0, "reversed": False}
    payout["status"] = "pending"


def told_in(month: StripeMonth, order: Sequence[str], stages: Sequence[int]) -> tuple[list[str], Books]:
    """A life told in an order, one stage reached at each look-up; what the books come to, and all of it undone."""
    with month.unit() as session:

        @contextmanager
        def unit() -> Iterator[Session]:
            with session.begin_nested():
                yield session

        begin_again(month.stripe)
        for kind in [*order, *order]:  # each twice, under one event's id
            body, header = own(told(month, kind, FIRST, event_id=f"evt_{kind}"), month)
            receive(session, month.rail, month.rail.hear(body, header, now=month.now), now=month.now)
        asked = iter([*stages, 3, 3, 3])
        original = month.rail.look_up

        def look_up(instruction: Instruction) -> Fate:
            live(month, FIRST, next(asked))
            return original(instruction)

        month.rail.look_up = look_up
        try:
            effects = [effect for _, effect in work_off(unit, month.rail, actor=SYSTEM, now=lambda: month.now)]
        finally:
            del month.rail.look_up
        found = state(session)
        session.rollback()
    return effects, found


def all_end_the_same(month: StripeMonth, orders: Sequence[tuple[str, ...]]) -> None:
    """Late, after all of it happened: the same to the last entry. While it happens, at five random stages: the same end and books."""
    late, living = [], []
    for at, order in enumerate(orders):
        effects, found = told_in(month, order, [3] * 5)
        assert effects == ["sent to returned", *["no_change"] * 4]
        late.append(found)
        stages = [*sorted(random.Random(at).choices(range(4), k=4)), 3]
        effects, (statuses, ledger, _, steps) = told_in(month, order, stages)
        kinds = {step: count for step, count in steps.items() if step.startswith("provider:told")}
        living.append((statuses, ledger, kinds, len(effects)))
    assert all(each == late[0] for each in late)
    assert all(each == living[0] for each in living)
    statuses, ledger, _, steps = late[0]
    assert statuses == living[0][0] == ("returned", "returned", "sent")
    assert ledger == living[0][1] and sum(ledger.values()) == 0
    assert steps["payout:moved return"] == 1
