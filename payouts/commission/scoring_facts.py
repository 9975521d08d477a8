"""What scorecards ask of payouts: what an agency's month cost, and the complaints that were found true."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from allocations.agencies.dated_settings import settings_on
from allocations.agencies.models import Agency
from allocations.casework.conduct.queries import upheld_in
from allocations.scorecards.gathering import Beside
from payouts.commission.event_models import EarningEvent
from payouts.commission.queries import board, run_in_force
from portal.kernel.periods import Period

COMPLAINTS, SOURCE = "score.complaint_events", "score.complaint_source"


def beside(session: Session, period: Period) -> Beside:
    """Fees of the month's accrual in force, and accepted events of the names `score.complaint_events` gives."""
    return Beside(_fees(session, period), _complaints(session, period))


def _fees(session: Session, period: Period) -> dict[int, int]:
    run = run_in_force(session, period)
    if run is None:
        return {}
    minor = {each.code: each.minor for each in board(session, run).by_agency}
    query = select(Agency.id, Agency.code).where(Agency.code.in_(minor))
    return {agency_id: minor[code] for agency_id, code in session.execute(query)}


def _complaints(session: Session, period: Period) -> dict[int, int]:
    """From one source a month: events that were accepted, or the register of complaints."""
    source = settings_on(session, SOURCE, period.last_day).get(SOURCE)
    return upheld_in(session, period) if source == "register" else _accepted(session, period)


def _accepted(session: Session, period: Period) -> dict[int, int]:
    names = settings_on(session, COMPLAINTS, period.last_day).get(COMPLAINTS) or []
    query = (
        select(EarningEvent.agency_id, func.sum(EarningEvent.count))
        .where(
            EarningEvent.status == "accepted",
            EarningEvent.event.in_(names),
            EarningEvent.occurred_on >= period.start,
            EarningEvent.occurred_on < period.end,
        )
        .group_by(EarningEvent.agency_id)
    )
    return {agency_id: int(count) for agency_id, count in session.execute(query)}
