"""Reading events: lists for the bank and for an agency, one with its line, and a selection to be accepted as one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, true
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from payouts.commission.event_models import EarningEvent
from payouts.commission.event_rules import EVENT_WORDS, SOURCE_WORDS
from payouts.commission.models import AccrualLine, AccrualRun
from payouts.commission.visits_found import reasons_now
from payouts.settlements.models import Settlement, SettlementLine
from portal.kernel.db import scope_of
from portal.kernel.errors import NotFound
from portal.kernel.periods import Period, month_of
from portal.kernel.proposals import statuses_of

STATUS_CHOICES = statuses_of(EarningEvent.__moves__)
NO_REASONS: Any = func.coalesce(func.jsonb_array_length(EarningEvent.detail["reasons"]), 0) == 0
GATES = ("passed", "failed")
MOST_AT_ONCE = 2_000
AT_ONCE = 500  # rows read at a time where each is judged again


@dataclass(frozen=True)
class Asked:
    """What a list shows. `gate`: "passed" for events nothing speaks against, "failed" for the others; `source` where it came from."""

    period: Period | None = None
    agency: str = ""
    event: str = ""
    status: str = ""
    source: str = ""
    gate: str = ""
    text: str = ""

    @property
    def filters(self) -> dict[str, str]:
        found = {"period": self.period.label if self.period else ""}
        found |= {key: getattr(self, key) for key in ("agency", "event", "status", "source", "gate", "text")}
        return {key: value for key, value in found.items() if value}


@dataclass(frozen=True)
class EventRow:
    """`now`: what speaks against a proposal as it stands, where that can be told again; else what was found counts."""

    event: EarningEvent
    agency_code: str
    agency_name: str
    now: Sequence[dict[str, str]] | None = None

    @property
    def reasons(self) -> list[dict[str, str]]:
        return list(self.event.detail.get("reasons", ()) if self.now is None else self.now)

    def is_behind(self, gate: str) -> bool:
        return gate not in GATES or bool(self.reasons) == (gate == "failed")


def _asked(asked: Asked, agency_id: int | None = None) -> Any:
    query = select(EarningEvent, Agency.code, Agency.legal_name).join(Agency, Agency.id == EarningEvent.agency_id)
    if agency_id is not None:
        query = query.where(EarningEvent.agency_id == agency_id)
    if asked.period:
        query = query.where(EarningEvent.occurred_on >= asked.period.start, EarningEvent.occurred_on < asked.period.end)
    for column, value in (
        (Agency.code, asked.agency),
        (EarningEvent.event, asked.event),
        (EarningEvent.status, asked.status),
        (EarningEvent.source, asked.source),
    ):
        if value:
            query = query.where(column == value)
    if asked.gate in GATES:  # of a visit that waits, what was found may not hold any more: `_judged` asks again
        waits = (EarningEvent.status == "proposed") & EarningEvent.source_key.startswith("contact:")
        query = query.where(_as_found(asked) | waits)
    if asked.text:
        query = query.where((EarningEvent.ref == asked.text) | (EarningEvent.loan_account_no == asked.text))
    return query


def _as_found(asked: Asked) -> Any:
    """The gate by what was found when each was proposed."""
    return {"passed": NO_REASONS, "failed": ~NO_REASONS}.get(asked.gate, true())


def list_events(
    session: Session,
    asked: Asked,
    *,
    agency_id: int | None = None,
    after: tuple[Any, ...] | None = None,
    limit: int = 51,
) -> list[EventRow]:
    """Events, the newest entry first."""
    query = _asked(asked, agency_id).order_by(EarningEvent.id.desc())
    found: list[EventRow] = []
    before = after[0] if after else None
    while len(found) < limit:
        some = query.where(EarningEvent.id < before) if before is not None else query
        rows = session.execute(some.limit(max(limit, AT_ONCE) if asked.gate else limit)).all()
        found += [each for each in _judged(session, rows) if each.is_behind(asked.gate)]
        if not asked.gate or len(rows) < max(limit, AT_ONCE):
            break
        before = rows[-1][0].id
    return found[:limit]


def _judged(session: Session, rows: Sequence[Any]) -> list[EventRow]:
    """The rows with what speaks against them now, at the bank; an agency reads what it was told."""
    now = reasons_now(session, [row[0] for row in rows]) if scope_of(session).role == "bank" else {}
    return [EventRow(row[0], row[1], row[2], now.get(row[0].id)) for row in rows]


def event_row(session: Session, ref: str, agency_id: int | None = None) -> EventRow:
    """NotFound for another agency's as for none."""
    query = _asked(Asked(), agency_id).where(EarningEvent.ref == ref)
    row = session.execute(query).first()
    if row is None:
        raise NotFound("There is no such event.")
    return EventRow(*row)


def waiting_count(session: Session) -> int:
    return session.scalar(select(func.count()).where(EarningEvent.status == "proposed")) or 0


def event_choices(session: Session, agency_id: int | None = None) -> list[str]:
    """Events people usually tell, and whatever else was told."""
    query = select(EarningEvent.event).distinct()
    if agency_id is not None:
        query = query.where(EarningEvent.agency_id == agency_id)
    return [*EVENT_WORDS, *sorted(set(session.scalars(query)) - set(EVENT_WORDS))]


def sources() -> list[tuple[str, str]]:
    return list(SOURCE_WORDS.items())


@dataclass(frozen=True)
class Became:
    """A line an event became: of the run in force, or frozen in a settlement."""

    ref: str
    kind: str
    rule_id: str
    amount_minor: int
    currency: str
    period: Period
    settlement_ref: str | None


def lines_of(session: Session, *, event_id: int | None = None, adjustment_id: int | None = None) -> list[Became]:
    """The lines that stand for an event or an adjustment."""
    about = AccrualLine.event_id == event_id if event_id is not None else AccrualLine.adjustment_id == adjustment_id
    query = (
        select(AccrualLine, AccrualRun.period_start, AccrualRun.is_current, Settlement.ref)
        .join(AccrualRun, AccrualRun.id == AccrualLine.run_id)
        .outerjoin(SettlementLine, SettlementLine.accrual_line_id == AccrualLine.id)
        .outerjoin(Settlement, (Settlement.id == SettlementLine.settlement_id) & (Settlement.status != "void"))
        .where(about, AccrualRun.is_current | Settlement.ref.is_not(None))
        .order_by(AccrualLine.id)
    )
    return [
        Became(line.ref, line.kind, line.rule_id, line.amount_minor, line.currency, month_of(start), settlement)
        for line, start, _, settlement in session.execute(query)
    ]


def resubmission_of(session: Session, event: EarningEvent) -> str | None:
    """The event this one was handed in again as."""
    query = select(EarningEvent.ref).where(
        EarningEvent.agency_id == event.agency_id, EarningEvent.resubmits_id == event.id
    )
    return session.scalar(query)


# --- many at once


@dataclass(frozen=True)
class Selection:
    """Proposed events to be accepted as one. `sha256` names exactly them; `left` of the same filter do not fit at once.

    `failing`: ids of those that something speaks against as they stand now.
    """

    events: Sequence[EarningEvent]
    sha256: str
    left: int
    own: int
    failing: Set[int] = frozenset()

    @property
    def ids(self) -> list[int]:
        return [event.id for event in self.events]


def selection(session: Session, asked: Asked, *, for_email: str, refs: Sequence[str] = ()) -> Selection:
    """The proposals a filter or a list of refs names, without those the asker proposed; the oldest first."""
    query = _asked(asked).where(EarningEvent.status == "proposed")
    if refs:
        query = query.where(EarningEvent.ref.in_(refs))
    mine = EarningEvent.proposed_by == for_email
    own = session.scalar(select(func.count()).select_from(query.where(mine).subquery())) or 0
    query = query.where(~mine)
    found: list[EventRow] = []
    last, more = 0, True
    while more and len(found) < MOST_AT_ONCE:
        some = query.where(EarningEvent.id > last).order_by(EarningEvent.id).limit(MOST_AT_ONCE)
        rows = session.execute(some).all()
        found += [each for each in _judged(session, rows) if each.is_behind(asked.gate)]
        last, more = rows[-1][0].id if rows else last, len(rows) == MOST_AT_ONCE
    beyond = query.where(EarningEvent.id > last, _as_found(asked))
    left = len(found[MOST_AT_ONCE:]) + (session.scalar(select(func.count()).select_from(beyond.subquery())) or 0)
    chosen = found[:MOST_AT_ONCE]
    named = hashlib.sha256("\n".join(each.event.ref for each in chosen).encode()).hexdigest()
    failing = frozenset(each.event.id for each in chosen if each.reasons)
    return Selection([each.event for each in chosen], named, left, own, failing)
