"""Carrying on payouts that go through an online provider: intent first, the network between two transactions, never inside one.

Every step can be broken off anywhere and taken up again: the row says what was meant, the same bytes go out under the same key,
and what nobody knows is looked up before anything is sent anew.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from payouts.rails.batches import instruction_of
from payouts.rails.lifecycle import IN_FLIGHT, PAYOUT_TRANSITIONS, next_batch_status
from payouts.rails.models import Payout, PayoutBatch
from payouts.rails.moves import close_batches, conclude, load_payout, move_batch, move_payout
from payouts.rails.protocol import Declined, Fate, Instruction, OnlineRail, OnlineRails, Unknown
from payouts.rails.stops import agency_stops, standing_stops, stop_of_agency
from portal.kernel.audit import Actor

KEY_LASTS = timedelta(hours=24)  # a provider forgets a key after a day
MOST_ROUNDS = 3  # look up, send, look up
Unit = Callable[[], AbstractContextManager[Session]]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One thing to ask a provider about one payout: send these bytes, or say what became of them."""

    ref: str
    rail: str
    act: str  # send | look_up
    instruction: Instruction
    request: str
    key: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it. `status`: sent | paid | failed | returned | absent | unknown | not_ours (it is another payment than we meant)."""

    status: str
    provider_ref: str = ""
    reason: str = ""
    paid_on: date | None = None
    was_looked_up: bool = False


def open_attempts(session: Session, rails: OnlineRails, *, now: datetime) -> list[Attempt]:
    """What is to be asked about every payout under way with a provider we can ask; while paying is stopped only look-ups."""
    stopped = bool(standing_stops(session))
    held = {stop.agency_id for stop, _ in agency_stops(session)}
    statuses = [*IN_FLIGHT, "queued"] if stopped else [*IN_FLIGHT]
    query = (
        select(Payout, PayoutBatch)
        .join(PayoutBatch, PayoutBatch.id == Payout.batch_id)
        .where(PayoutBatch.rail.in_(rails), Payout.status.in_(statuses))
        .order_by(Payout.id)
    )
    return [
        Attempt(
            payout.ref,
            batch.rail,
            "send" if not stopped and payout.agency_id not in held and may_send(payout, now) else "look_up",
            instruction_of(session, payout),
            payout.request,
            payout.idempotency_key,
        )
        for payout, batch in session.execute(query)
    ]


def may_send(payout: Payout, now: datetime) -> bool:
    """Whether the same bytes may go out under the same key: meant to be sent, and the provider still knows the key."""
    first = payout.first_sent_at
    return payout.status == "sending" and first is not None and now - first < KEY_LASTS


def ask(rail: OnlineRail, attempt: Attempt) -> Outcome:
    """Between the transactions: one request to the provider. Whatever is not a clear answer is unknown."""
    try:
        if attempt.act == "send":
            sent = rail.send(attempt.instruction, attempt.request, attempt.key)
            return Outcome(sent.status, sent.provider_ref)
        fate = rail.look_up(attempt.instruction)
    except Unknown as unknown:
        return Outcome("unknown", reason=str(unknown))
    except Declined as declined:
        return Outcome("failed", reason=str(declined))
    if other := _not_ours(attempt.instruction, fate):
        return Outcome("not_ours", reason=other, was_looked_up=True)
    return Outcome(fate.status, fate.provider_ref, fate.reason, fate.paid_on, was_looked_up=True)


def _not_ours(meant: Instruction, fate: Fate) -> str:
    """What of the provider's payment is not what we meant; empty when all of it is."""
    for word, ours, theirs in (
        ("amount", meant.amount_minor, fate.amount_minor),
        ("currency", meant.currency.upper(), fate.currency.upper() or None),
        ("destination", meant.destination, fate.destination or None),
    ):
        if theirs is not None and theirs != ours:
            return f"The provider's {word} is {theirs}, ours {ours}. Ask the provider."
    return ""


def record(session: Session, ref: str, outcome: Outcome, *, actor: Actor, now: datetime) -> Payout:
    """Second transaction: what the provider said. The same outcome again has no effect; one that says nothing new only its time."""
    payout = load_payout(session, ref, locked=True)
    if outcome.was_looked_up:
        payout.looked_up_at = now
    if outcome.provider_ref and not payout.provider_ref:
        payout.provider_ref = outcome.provider_ref
    session.flush()
    if outcome.status == "absent":
        return _again(session, payout, actor, now)
    if outcome.status in ("unknown", "not_ours"):
        lost = ("sending", "sent") if outcome.status == "not_ours" else ("sending",)
        if payout.status in lost:
            move_payout(session, payout, "lose", actor=actor, now=now, reason=outcome.reason[:300])
        return payout
    if payout.status == "queued":  # our rows are older than what was sent: restored from a backup
        move_payout(session, payout, "start", actor=actor, now=now, attempts=payout.attempts + 1, first_sent_at=now)
    if payout.status in ("sending", "unknown") and outcome.status in ("sent", "returned"):
        move_payout(session, payout, "sent", actor=actor, now=now, reason=None)
    fates = {"paid": "confirm", "failed": "fail", "returned": "return"}
    action = fates.get(outcome.status)
    if action and (payout.status, action) in PAYOUT_TRANSITIONS:  # an older answer than the one we have changes nothing
        told: dict[str, Any] = {"utr": outcome.provider_ref, "reason": outcome.reason, "paid_on": outcome.paid_on}
        conclude(session, payout, action, **told, actor=actor, now=now)
    _settle_batch(session, payout, actor, now)
    return payout


def _again(session: Session, payout: Payout, actor: Actor, now: datetime) -> Payout:
    """It never arrived: the same bytes under the same key once more, and its day begins anew. Nothing while paying is stopped."""
    if standing_stops(session) or stop_of_agency(session, payout.agency_id):
        return payout
    if payout.status == "unknown":
        values = {"attempts": payout.attempts + 1, "first_sent_at": now, "reason": None}
        return move_payout(session, payout, "again", actor=actor, now=now, **values)
    if payout.status == "sending":
        payout.attempts, payout.first_sent_at, payout.updated_at = payout.attempts + 1, now, now
    elif payout.status == "sent":  # they told us they had it, and now know nothing of it: a person looks
        move_payout(session, payout, "lose", actor=actor, now=now, reason="The provider knows nothing of it any more.")
    session.flush()
    return payout


def _settle_batch(session: Session, payout: Payout, actor: Actor, now: datetime) -> None:
    """A batch is sent once nothing of it waits to be, and closed once all of it is answered."""
    batch = session.get_one(PayoutBatch, payout.batch_id, with_for_update=True, populate_existing=True)
    waiting = select(Payout.id).where(Payout.batch_id == batch.id, Payout.status.in_(("queued", "sending")))
    if batch.status == "approved" and session.scalar(waiting.limit(1)) is None:
        move_batch(session, batch, "send", next_batch_status(batch.status, "send"), actor=actor, now=now, sent_at=now)
    close_batches(session, {batch.id}, actor=actor, now=now)


def carry_on(unit: Unit, rails: OnlineRails, *, actor: Actor, now: Callable[[], datetime]) -> list[tuple[str, str]]:
    """Ask every provider about every payout under way until nothing more is to be sent; (payout, status) of each that was asked.

    `unit` opens a transaction that is committed when it is left; nothing is asked inside one.
    """
    asked: dict[str, str] = {}
    for _ in range(MOST_ROUNDS):
        with unit() as session:
            attempts = [
                each for each in open_attempts(session, rails, now=now()) if each.ref not in asked or each.act == "send"
            ]
        for attempt in attempts:
            outcome = ask(rails[attempt.rail], attempt)
            with unit() as session:
                asked[attempt.ref] = record(session, attempt.ref, outcome, actor=actor, now=now()).status
        if not attempts:
            break
    return sorted(asked.items())
