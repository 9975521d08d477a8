"""Approving a rate card as both doors do it: terms nobody tried on closed months need a reason for the record."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from payouts.commission.what_if_service import accrued_months, is_tried
from payouts.rate_cards.models import RateCardVersion
from payouts.rate_cards.service import approve, load_version
from portal.kernel.audit import Actor
from portal.kernel.db import scope_of


def asks_for_a_what_if(session: Session, version: RateCardVersion) -> bool:
    """Whether there are months to try the version on and nobody did: exactly its text, over every agency."""
    return bool(accrued_months(session, scope_of(session).today, limit=1)) and not is_tried(session, version.sha256)


def approve_card(
    session: Session,
    code: str,
    number: int,
    *,
    actor: Actor,
    now: datetime,
    comment: str = "",
    expected_sha256: str | None = None,
) -> RateCardVersion:
    """`rate_cards.service.approve`, which also wants a reason where a what-if could show what the terms come to and none does."""
    _, version = load_version(session, code, number)
    return approve(
        session,
        code,
        number,
        actor=actor,
        now=now,
        comment=comment,
        expected_sha256=expected_sha256,
        untried=asks_for_a_what_if(session, version),
    )
