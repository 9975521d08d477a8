"""Asking for a what-if, keeping what came of it, and finding it again for the approver of exactly that text."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select, tuple_, update
from sqlalchemy.orm import Session

from payouts.commission.models import AccrualRun
from payouts.commission.what_if import WhatIf, months_asked
from payouts.commission.what_if_models import Simulation
from payouts.rate_cards.models import RateCard, RateCardVersion
from payouts.rate_cards.parsing import read_card
from payouts.rate_cards.terms import Card
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import NotFound
from portal.kernel.periods import Period, month_of

PAGE = 50


@dataclass(frozen=True, slots=True)
class Tried:
    """A what-if as lists show it. `version` is the number of the stored version it was of, if any; amounts in minor units."""

    id: int
    code: str
    version: int | None
    sha256: str
    first: Period
    last: Period
    status: str
    asked_by: str
    asked_at: datetime
    total: dict[str, Any] | None
    currency: str
    agencies: Sequence[str]


def ask(
    session: Session,
    source: str,
    first: Period,
    last: Period,
    *,
    agencies: Sequence[str] = (),
    actor: Actor,
    now: datetime,
) -> Simulation:
    """A what-if to be run. Invalid with every problem of the text or the months; the text need not be stored as a version."""
    card = read_card(source)
    months_asked(session, card, first, last, agencies or None)
    sha256 = hashlib.sha256(source.encode()).hexdigest()
    row = Simulation(
        rate_card_version_id=_version_of(session, card, sha256),
        card_code=card.code,
        source_text=source,
        sha256=sha256,
        from_month=first.start,
        to_month=last.start,
        status="queued",
        result={"asked": {"agencies": sorted(agencies)}},
        asked_by=actor.email,
        asked_at=now,
    )
    session.add(row)
    session.flush()
    return row


def _version_of(session: Session, card: Card, sha256: str) -> int | None:
    query = (
        select(RateCardVersion.id)
        .join(RateCard, RateCard.id == RateCardVersion.rate_card_id)
        .where(RateCard.code == card.code, RateCardVersion.sha256 == sha256)
        .order_by(RateCardVersion.version.desc())
    )
    return session.scalars(query.limit(1)).first()


def note(session: Session, simulation_id: int, status: str, **result: Any) -> None:
    """How far it is; what it was asked for stays beside."""
    row = find(session, simulation_id)
    values = {"status": status, "result": {**row.result, **result}}
    session.execute(update(Simulation).where(Simulation.id == simulation_id).values(**values))


def keep(session: Session, simulation_id: int, found: WhatIf, *, actor: Actor, now: datetime) -> None:
    """Store what came of it, with its hash and an audit event."""
    row = find(session, simulation_id)
    values = {
        "status": "done",
        "result": {"asked": row.result.get("asked", {}), **found.payload},
        "result_hash": found.result_hash,
        "finished_at": now,
    }
    session.execute(update(Simulation).where(Simulation.id == simulation_id).values(**values))
    record_event(
        session,
        AuditTag.WHAT_IF_RUN,
        actor=actor,
        subject_type="simulation",
        subject_ref=str(simulation_id),
        now=now,
        data={
            "card": row.card_code,
            "sha256": row.sha256,
            "from": found.first.label,
            "to": found.last.label,
            "was": found.was_minor,
            "would_be": found.would_be_minor,
            "result_hash": found.result_hash,
        },
    )


def find(session: Session, simulation_id: int) -> Simulation:
    """NotFound when there is none."""
    row = session.get(Simulation, simulation_id, populate_existing=True)
    if row is None:
        raise NotFound("There is no such what-if.")
    return row


def latest_for(session: Session, version: RateCardVersion) -> Simulation | None:
    """The newest finished what-if of exactly this version's text."""
    query = select(Simulation).where(Simulation.sha256 == version.sha256, Simulation.status == "done")
    return session.scalars(query.order_by(Simulation.asked_at.desc(), Simulation.id.desc()).limit(1)).first()


def is_tried(session: Session, sha256: str) -> bool:
    """Whether exactly this text was tried on closed months with every agency."""
    everybody = Simulation.result["asked"]["agencies"] == func.jsonb_build_array()
    query = select(Simulation.id).where(Simulation.sha256 == sha256, Simulation.status == "done", everybody)
    return session.scalars(query.limit(1)).first() is not None


def list_tried(session: Session, after: tuple[Any, ...] | None = None, limit: int | None = PAGE) -> list[Tried]:
    """The newest first; `after` is (asked_at, id)."""
    query = (
        select(Simulation, RateCardVersion.version)
        .outerjoin(RateCardVersion, RateCardVersion.id == Simulation.rate_card_version_id)
        .order_by(Simulation.asked_at.desc(), Simulation.id.desc())
        .limit(limit)
    )
    if after:
        query = query.where(tuple_(Simulation.asked_at, Simulation.id) < tuple_(*after))
    return [tried_of(row, number) for row, number in session.execute(query)]


def tried_of(row: Simulation, number: int | None) -> Tried:
    return Tried(
        id=row.id,
        code=row.card_code,
        version=number,
        sha256=row.sha256,
        first=month_of(row.from_month),
        last=month_of(row.to_month),
        status=row.status,
        asked_by=row.asked_by,
        asked_at=row.asked_at,
        total=row.result.get("total"),
        currency=row.result.get("currency", "INR"),
        agencies=row.result.get("asked", {}).get("agencies", []),
    )


def version_number(session: Session, row: Simulation) -> int | None:
    query = select(RateCardVersion.version).where(RateCardVersion.id == row.rate_card_version_id)
    return session.scalars(query).first()


def accrued_months(session: Session, today: date, limit: int = 36) -> list[Period]:
    """Months terms can be tried on: those with a run, up to the one of today; the newest first."""
    query = select(AccrualRun.period_start).where(AccrualRun.is_current, AccrualRun.period_start <= today)
    return [month_of(start) for start in session.scalars(query.order_by(AccrualRun.period_start.desc()).limit(limit))]
