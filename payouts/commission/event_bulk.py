"""Accepting many proposed events as one: exactly those that were shown, or none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from payouts.commission.event_models import EarningEvent
from payouts.commission.event_queries import Asked, selection
from payouts.commission.events import decide_event, load_event
from portal.kernel.audit import Actor
from portal.kernel.errors import Refused, Stale


def accept_events(
    session: Session,
    asked: Asked,
    *,
    expected: str,
    refs: Sequence[str] = (),
    reason: str = "",
    allowed: Callable[[EarningEvent], None] = lambda event: None,
    actor: Actor,
    now: datetime,
) -> int:
    """Accept what a selection showed; its number. Stale when it is another selection by now. `allowed` raises where one may not decide."""
    chosen = selection(session, asked, for_email=actor.email, refs=refs)
    if not chosen.events:
        raise Refused("No proposed event fits.", code="nothing_chosen", cure="Choose others.")
    if chosen.sha256 != expected:
        raise Stale("Other events wait by now than those you saw. Look again before you accept them.")
    for ref in [event.ref for event in chosen.events]:
        event = load_event(session, ref)
        allowed(event)
        decide_event(session, event, accept=True, reason=reason, actor=actor, now=now)
    return len(chosen.events)
