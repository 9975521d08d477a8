"""Reads of scorecards: a month's league, one agency's card with the months before it, what the agency itself may see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.scorecards.mix import Contest, contest, merged, parts_alike
from allocations.scorecards.models import Scorecard, ScoreRun, ScoreScheme
from allocations.scorecards.records import strata_from
from allocations.scorecards.service import run_in_force
from portal.kernel.errors import NotFound
from portal.kernel.periods import Period

TREND = 12  # months a picture shows


@dataclass(frozen=True, slots=True)
class Shown:
    """A card as pages and commands show it, with whose it is."""

    id: int
    agency_id: int
    code: str
    name: str
    period_start: date
    score: str | None
    grade: str
    gates: Sequence[Mapping[str, Any]]
    place: int | None
    places: int
    measures: Sequence[Mapping[str, Any]]
    published_at: datetime | None

    def measure(self, code: str) -> Mapping[str, Any] | None:
        return next((each for each in self.measures if each["code"] == code), None)


COLUMNS = (
    *(Scorecard.id, Scorecard.agency_id, Agency.code, Agency.legal_name, Scorecard.period_start, Scorecard.score),
    *(Scorecard.grade, Scorecard.gates, Scorecard.place, Scorecard.places, Scorecard.measures, Scorecard.published_at),
)


def _shown(row: Any) -> Shown:
    id_, agency_id, code, name, start, score, *rest = row
    return Shown(id_, agency_id, code, name, start, None if score is None else f"{score:.2f}", *rest)


def cards_of_run(session: Session, run_id: int) -> list[Shown]:
    """A scoring's cards, the best first; those without a score last."""
    query = select(*COLUMNS).join(Agency, Agency.id == Scorecard.agency_id).where(Scorecard.run_id == run_id)
    return [_shown(row) for row in session.execute(query.order_by(Scorecard.place.nulls_last(), Agency.code))]


def find_run(session: Session, period: Period, version: int | None = None) -> ScoreRun:
    """A month's scoring in force, or one of its versions. NotFound when there is none."""
    if version is None:
        found = run_in_force(session, period)
    else:
        query = select(ScoreRun).where(ScoreRun.period_start == period.start, ScoreRun.version == version)
        found = session.scalars(query).first()
    if found is None:
        raise NotFound(f"{period.label} has not been scored. Compute the scores first.")
    return found


def versions_of(session: Session, period: Period) -> Sequence[ScoreRun]:
    """Every scoring of a month, the newest first."""
    query = select(ScoreRun).where(ScoreRun.period_start == period.start)
    return session.scalars(query.order_by(ScoreRun.version.desc())).all()


def scheme_of(session: Session, run: ScoreRun) -> ScoreScheme:
    return session.get_one(ScoreScheme, run.scheme_id)


def card_in(session: Session, run_id: int, agency_code: str) -> Shown:
    """One agency's card of a scoring. NotFound when it held no account that month."""
    query = select(*COLUMNS).join(Agency, Agency.id == Scorecard.agency_id)
    row = session.execute(query.where(Scorecard.run_id == run_id, Agency.code == agency_code)).first()
    if row is None:
        raise NotFound(f"{agency_code} has no scorecard of that month.")
    return _shown(row)


def trend_of(session: Session, agency_id: int, until: date, *, published: bool = False) -> list[Shown]:
    """The agency's cards of up to twelve months, the oldest first: those in force, or those it may see."""
    query = select(*COLUMNS).join(Agency, Agency.id == Scorecard.agency_id)
    if published:
        query = query.where(Scorecard.published_at.is_not(None))
    else:
        query = query.join(ScoreRun, ScoreRun.id == Scorecard.run_id).where(ScoreRun.is_current)
    query = query.where(Scorecard.agency_id == agency_id, Scorecard.period_start <= until)
    rows = session.execute(query.order_by(Scorecard.period_start.desc()).limit(TREND)).all()
    return [_shown(row) for row in reversed(rows)]


def own_card(session: Session, agency_id: int, period: Period) -> Shown | None:
    """What an agency may see of a month."""
    query = select(*COLUMNS).join(Agency, Agency.id == Scorecard.agency_id)
    query = query.where(
        Scorecard.agency_id == agency_id, Scorecard.period_start == period.start, Scorecard.published_at.is_not(None)
    )
    row = session.execute(query).first()
    return _shown(row) if row else None


def own_months(session: Session, agency_id: int) -> list[date]:
    """Months whose cards an agency may see, the newest first."""
    query = select(Scorecard.period_start).where(Scorecard.agency_id == agency_id, Scorecard.published_at.is_not(None))
    return list(session.scalars(query.order_by(Scorecard.period_start.desc())))


def read_off(session: Session, run_id: int, first: str, second: str, measure: str) -> Contest | None:
    """Champion against challenger on the kinds of account both had in the month; None where they had nothing alike."""
    query = select(Agency.code, Scorecard.inputs).join(Agency, Agency.id == Scorecard.agency_id)
    rows = session.execute(query.where(Scorecard.run_id == run_id, Agency.code.in_((first, second))))
    strata = {code: strata_from(inputs).get(measure, []) for code, inputs in rows}
    if len(strata) < 2:
        return None
    parts = parts_alike(strata)
    return contest(merged(strata[first], parts), merged(strata[second], parts)) if parts else None


def card_ids(session: Session, agency_id: int, period: Period) -> list[int]:
    """Every version of an agency's card of a month."""
    query = select(Scorecard.id).where(Scorecard.agency_id == agency_id, Scorecard.period_start == period.start)
    return list(session.scalars(query))
