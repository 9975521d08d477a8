"""Finding events in what is known already: visits, cash paid in late, receipt leaves missing. Each is found once and then waits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from payouts.commission.deposits_found import late_slips
from payouts.commission.event_models import EarningEvent
from payouts.commission.event_rules import LATE_DEPOSIT, MISSING_RECEIPT, VISIT
from payouts.commission.events import LOCK, event_ref
from payouts.commission.leaves_found import missing_leaves
from payouts.commission.visit_gate import passes
from payouts.commission.visits_found import visits_of
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.periods import Period

AT_ONCE = 500


@dataclass
class Found:
    """What a search added, by event; `failing`: how many of it were proposed with reasons against them."""

    period: Period
    by_event: Counter[str] = field(default_factory=Counter)
    failing: int = 0

    @property
    def total(self) -> int:
        return self.by_event.total()


def find_events(session: Session, period: Period, *, actor: Actor, now: datetime, today: date) -> Found:
    """Propose the events of a month that nobody proposed yet; searching again adds nothing. Nothing earns or costs by it."""
    session.scalar(select(func.pg_advisory_xact_lock(LOCK, 0)))
    agencies = {agency.id: agency for agency in session.scalars(select(Agency))}
    found = Found(period)
    rows = (
        {**row, "ref": event_ref(agencies[row["agency_id"]], now), "currency": agencies[row["agency_id"]].currency}
        for row in _rows(session, period, today)
    )
    while some := list(islice(rows, AT_ONCE)):
        _store(session, some, found, actor, now)
    if found.total:
        data = {"period": period.label, "found": dict(found.by_event), "failing": found.failing}
        record_event(
            session,
            AuditTag.EVENTS_FOUND,
            actor=actor,
            subject_type="period",
            subject_ref=period.label,
            now=now,
            data=data,
        )
    return found


def _store(session: Session, rows: Iterable[dict[str, Any]], found: Found, actor: Actor, now: datetime) -> None:
    given = {"status": "proposed", "proposed_by": actor.email, "proposed_at": now, "count": 1, "note": ""}
    stored = session.execute(
        insert(EarningEvent)
        .values([given | row for row in rows])
        .on_conflict_do_nothing(index_elements=["agency_id", "source_key"], index_where=text("resubmits_id is null"))
        .returning(EarningEvent.event, EarningEvent.detail)
    )
    for event, detail in stored:
        found.by_event[event] += 1
        found.failing += not passes(detail)


def _rows(session: Session, period: Period, today: date) -> Iterator[dict[str, Any]]:
    """The columns of each event that could be, in one shape."""
    for visit, detail in visits_of(session, period):
        about = {"allocation_id": visit.allocation_id, "loan_account_no": visit.loan_account_no}
        yield _row(visit.agency_id, VISIT, visit.day, "visit", f"contact:{visit.id}", detail) | about
    for slip in late_slips(session, period):
        row = _row(slip.agency_id, LATE_DEPOSIT, slip.deposited_on, "deposit", slip.source_key, slip.detail)
        yield row | {"days": slip.days, "amount_minor": slip.amount_minor}
    for leaf in missing_leaves(session, period, today):
        yield _row(leaf.agency_id, MISSING_RECEIPT, leaf.occurred_on, "receipt_book", leaf.source_key, leaf.detail)


def _row(agency_id: int, event: str, day: date, source: str, key: str, detail: dict[str, Any]) -> dict[str, Any]:
    return {
        "agency_id": agency_id,
        "event": event,
        "allocation_id": None,
        "loan_account_no": None,
        "occurred_on": day,
        "days": 1,
        "amount_minor": None,
        "source": source,
        "source_key": key,
        "detail": detail,
    }
