"""What a provider tells us: kept once as it came, answered at once, worked off by asking the provider itself.

A delivery is only a hint where to look. What moves a payout is the look-up that follows, held against the intent; so deliveries may come
late, twice, in any order or never, and end the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payouts.rails.batches import instruction_of
from payouts.rails.connected import account_of, lost, told
from payouts.rails.connected_protocol import AccountState, Heard, NotGenuine, Provider
from payouts.rails.models import Payout, PayoutBatch
from payouts.rails.moves import load_payout
from payouts.rails.online import Attempt, Outcome, Unit, ask, record
from payouts.rails.provider_models import ConnectedAccount, ProviderEvent
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Refused, Unavailable

ABOUT_ACCOUNTS = ("account.", "capability.")
ABOUT_PAYOUTS = ("payout.", "transfer.")
OVER_HERE = frozenset({"failed", "void"})  # we hold that nothing left; a provider that pays all the same contradicts us
AT_ONCE = 500


def receive(session: Session, provider: Provider, heard: Heard, *, now: datetime) -> bool:
    """Keep a genuine delivery; True when it is new. NotGenuine when it is about an account that is none of ours."""
    if heard.account_id:
        known = select(ConnectedAccount.id).where(
            ConnectedAccount.provider == provider.name, ConnectedAccount.account_id == heard.account_id
        )
        if session.scalar(known) is None:
            raise NotGenuine("It is about an account that is none of ours.")
    values = {
        "provider": provider.name,
        "event_id": heard.event_id,
        "kind": heard.kind,
        "object_id": heard.object_id,
        "account_id": heard.account_id,
        "body": heard.body,
        "received_at": now,
    }
    added = insert(ProviderEvent).values(**values).on_conflict_do_nothing(index_elements=["provider", "event_id"])
    return session.scalar(added.returning(ProviderEvent.id)) is not None


@dataclass(frozen=True, slots=True)
class Question:
    """What a kept delivery makes us ask. `effect` is said already when there is nothing to ask."""

    event_id: int
    kind: str
    object_id: str
    effect: str = ""
    attempt: Attempt | None = None
    account_id: str = ""


def work_off(unit: Unit, provider: Provider, *, actor: Actor, now: Callable[[], datetime]) -> list[tuple[str, str]]:
    """Every waiting delivery, the oldest first: (event, effect) of each. Raises Unavailable when some still wait for an answer.

    `unit` opens a transaction that is committed when it is left; nothing is asked inside one.
    """
    with unit() as session:
        ids = list(session.scalars(_waiting(provider.name).limit(AT_ONCE)))
    done: list[tuple[str, str]] = []
    waiting = 0
    for event_id in ids:
        with unit() as session:
            question = question_of(session, session.get_one(ProviderEvent, event_id), provider)
        outcome = ask(provider, question.attempt) if question.attempt else None
        state = _state(provider, question.account_id) if question.account_id else None
        if (outcome is not None and outcome.status == "unknown") or isinstance(state, Unavailable):
            waiting += 1
            continue
        with unit() as session:
            event = session.get_one(ProviderEvent, event_id, with_for_update=True, populate_existing=True)
            if event.done_at is None:  # another worker may have been faster
                effect = _apply(session, question, outcome, state, provider, actor, now())
                done.append((event.event_id, _finish(session, event, effect, actor, now())))
    if waiting:
        raise Unavailable(f"{waiting} of the provider's deliveries wait until it can be asked.")
    return done


def _waiting(provider: str) -> Select[int]:
    query = select(ProviderEvent.id).where(ProviderEvent.provider == provider, ProviderEvent.done_at.is_(None))
    return query.order_by(ProviderEvent.id)


def question_of(session: Session, event: ProviderEvent, provider: Provider) -> Question:
    """What to ask the provider about a delivery: one payout of ours, or one account of ours."""
    base: dict[str, Any] = {"event_id": event.id, "kind": event.kind, "object_id": event.object_id}
    if event.kind.startswith(ABOUT_ACCOUNTS):
        about = event.account_id or event.object_id
        query = select(ConnectedAccount.id).where(ConnectedAccount.account_id == about)
        ours = session.scalar(query.where(ConnectedAccount.provider == provider.name))
        return Question(**base, account_id=about) if ours else Question(**base, effect="unknown_object")
    if not event.kind.startswith(ABOUT_PAYOUTS):
        return Question(**base, effect="ignored")
    payout = _payout_meant(session, event, provider)
    if payout is None:
        return Question(**base, effect="unknown_object")
    if event.account_id and event.account_id != payout.destination:
        return Question(**base, effect="other_account")
    attempt = Attempt(payout.ref, provider.name, "look_up", instruction_of(session, payout), "", "")
    return Question(**base, attempt=attempt)


def _payout_meant(session: Session, event: ProviderEvent, provider: Provider) -> Payout | None:
    """The payout a delivery is about: by the provider's reference, or by ours in the object's own words."""
    metadata = json.loads(event.body)["data"]["object"].get("metadata") or {}
    named = str(metadata.get("payout", "")) if isinstance(metadata, dict) else ""
    query = (
        select(Payout)
        .join(PayoutBatch, PayoutBatch.id == Payout.batch_id)
        .where(PayoutBatch.rail == provider.name)
        .where(
            or_(Payout.provider_ref == event.object_id, Payout.ref == named) if event.object_id else Payout.ref == named
        )
    )
    found = list(session.scalars(query))
    return found[0] if len(found) == 1 else None


def _state(provider: Provider, account_id: str) -> AccountState | Refused | Unavailable:
    try:
        return provider.account_state(account_id)
    except (Refused, Unavailable) as no:
        return no


def _apply(
    session: Session,
    question: Question,
    outcome: Outcome | None,
    state: AccountState | Refused | Unavailable | None,
    provider: Provider,
    actor: Actor,
    now: datetime,
) -> str:
    """The effect of an answered question, in a word or two."""
    if state is not None:
        account = account_of(session, provider.name, question.account_id, locked=True)
        if isinstance(state, AccountState):
            told(session, account, state, actor=actor, now=now)
        else:
            lost(session, account, actor=actor, now=now)
        return "can_be_paid" if account.can_be_paid else "cannot_be_paid"
    if outcome is None or question.attempt is None:
        return question.effect
    if question.kind.startswith("payout.") and outcome.provider_ref not in ("", question.object_id):
        return "other_payment"
    if outcome.status == "absent":  # whether to send it again is for the round that sends, not for a delivery
        return "nothing_there"
    return _recorded(session, question.attempt.ref, outcome, actor, now)


def _recorded(session: Session, ref: str, outcome: Outcome, actor: Actor, now: datetime) -> str:
    """The look-up's outcome in the books; what it contradicts is said and left to a person."""
    before = load_payout(session, ref, locked=True).status
    after = record(session, ref, outcome, actor=actor, now=now).status
    if outcome.status == "not_ours":
        return f"not_ours: {outcome.reason}"[:300]
    if after in OVER_HERE and outcome.status in ("sent", "paid"):
        return f"contradicts: ours {after}, theirs {outcome.status}"
    return f"{before} to {after}" if after != before else "no_change"


def _finish(session: Session, event: ProviderEvent, effect: str, actor: Actor, now: datetime) -> str:
    event.done_at, event.effect = now, effect
    session.flush()
    data = {"provider": event.provider, "event": event.event_id, "kind": event.kind, "effect": effect}
    record_event(
        session,
        AuditTag.PROVIDER_TOLD,
        actor=actor,
        subject_type="provider_event",
        subject_ref=event.event_id,
        now=now,
        data=data,
    )
    return effect
