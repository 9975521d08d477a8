"""A computed score as the measure that rate cards ask for: proposed with the computation, approved with the publication."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.scorecards.measures import PROPOSALS as MEASURES
from allocations.scorecards.measures import approved_measures, decide_measure, propose_measure, withdraw_measure
from allocations.scorecards.models import AgencyMeasure, ScoreRun
from portal.kernel.audit import Actor
from portal.kernel.periods import Period, month_of

FROM_A_CARD = "Scorecard, version "


def propose(
    session: Session, run: ScoreRun, agency_id: int, score: Decimal | None, *, actor: Actor, now: datetime
) -> None:
    """Nothing where there is no score, where it stands already, or where a person's own entry waits: a person decides that first."""
    period = month_of(run.period_start)
    stands = approved_measures(session, period).get(agency_id, {}).get("score")
    if score is None or (stands is not None and Decimal(stands) == score):
        return
    waits = select(AgencyMeasure.id).where(
        AgencyMeasure.agency_id == agency_id,
        AgencyMeasure.period_start == period.start,
        AgencyMeasure.measure == "score",
        AgencyMeasure.status == "proposed",
    )
    if session.scalar(waits) is None:
        agency = session.get_one(Agency, agency_id)
        told = {"measure": "score", "value": f"{score:.2f}", "reason": f"{FROM_A_CARD}{run.version}"}
        propose_measure(session, agency=agency, period=period, **told, actor=actor, now=now)


def withdraw_waiting(session: Session, period: Period, *, actor: Actor, now: datetime) -> None:
    for each in _from_cards(session, period, "proposed"):
        withdraw_measure(session, each, actor=actor, now=now)


def approve_waiting(session: Session, period: Period, *, actor: Actor, now: datetime) -> None:
    for each in _from_cards(session, period, "proposed"):
        decide_measure(session, each, approve=True, actor=actor, now=now)


def take_back(session: Session, period: Period, agency_ids: Collection[int], *, actor: Actor, now: datetime) -> None:
    """Of agencies that have no score any more: what an earlier version gave them does not stand."""
    for each in _from_cards(session, period, "approved"):
        if each.agency_id in agency_ids:
            MEASURES.move(session, each, "replace", actor=actor, now=now)


def _from_cards(session: Session, period: Period, status: str) -> Sequence[AgencyMeasure]:
    query = select(AgencyMeasure).where(
        AgencyMeasure.period_start == period.start,
        AgencyMeasure.measure == "score",
        AgencyMeasure.status == status,
        AgencyMeasure.reason.startswith(FROM_A_CARD, autoescape=True),
    )
    return session.scalars(query.order_by(AgencyMeasure.id).with_for_update()).all()
