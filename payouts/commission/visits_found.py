"""Visits as contacts report them, looked at by the evidence gate: what a visit event is found from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from allocations.collections.evidence.required import missing_of_visits
from allocations.collections.field.contact_facts import dispositions_on, rules_on
from allocations.collections.field.contact_queries import span_of
from allocations.collections.field.places import place_of
from payouts.commission.event_models import EarningEvent
from payouts.commission.visit_gate import Visited, distance_m, reasons_of
from portal.kernel.clock import BANK_ZONE
from portal.kernel.periods import Period

AT_ONCE = 2_000
COLUMNS = """
select v.id, v.agency_id, v.ref, v.allocation_id, v.loan_account_no, v.kind, v.at, v.day, v.nth, v.disposition, v.person,
       v.agent_code, v.latitude, v.longitude, v.accuracy_m, v.flags, v.from_on, v.to_on,
       v.account_latitude, v.account_longitude
  from ({visits}) v
"""
VISITS = """
select c.*, (c.at at time zone :zone)::date as day, a.from_on, a.to_on,
       l.latitude as account_latitude, l.longitude as account_longitude,
       row_number() over (partition by c.agency_id, c.loan_account_no, (c.at at time zone :zone)::date order by c.at, c.id) as nth
  from contacts c
  join allocations a on a.id = c.allocation_id
  join loan_accounts l on l.id = c.loan_account_id
 where c.kind = 'visit' and c.at >= :start and c.at < :end
"""
OF_MONTH = text(
    COLUMNS.format(visits=VISITS)
    + """ where not exists (select 1 from earning_events e where e.agency_id = v.agency_id and e.source_key = 'contact:' || v.id
                    and e.resubmits_id is null)
 order by v.id"""
)
NAMED = text(COLUMNS.format(visits=VISITS) + " where v.id = any(:contacts)")
PHOTOS = text("""
select e.contact_id, count(*) filter (where e.review <> 'questioned') as good,
       count(*) filter (where e.review = 'questioned') as questioned
  from evidence e
 where e.contact_id = any(:ids) and e.status = 'ready' and e.media_type like 'image/%'
   and e.kind not in ('deposit_slip', 'call')
 group by e.contact_id
""")


def visits_of(session: Session, period: Period) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Every visit of a month no event was found from yet, with the detail its event will carry."""
    start, end = span_of(period)
    rows = session.execute(OF_MONTH, {"zone": BANK_ZONE.key, "start": start, "end": end}).all()
    for at in range(0, len(rows), AT_ONCE):
        yield from _judged(session, rows[at : at + AT_ONCE])


def visit_now(session: Session, contact_id: int, day: date) -> tuple[Any, dict[str, Any]] | None:
    """One visit as the gate sees it now: evidence may have come in since it was proposed."""
    return next(_as_now(session, {contact_id: day}), None)


def reasons_now(session: Session, events: Iterable[EarningEvent]) -> dict[int, list[dict[str, Any]]]:
    """What speaks against proposed events that visits stand behind, as the gate sees those now; by event id.

    An event keeps what was found; whoever decides looks at what stands.
    """
    by_contact: dict[int, list[int]] = defaultdict(list)
    days: dict[int, date] = {}
    for event in events:
        kind, _, number = event.source_key.partition(":")
        if event.status == "proposed" and kind == "contact" and number.isdecimal():
            by_contact[int(number)].append(event.id)
            days[int(number)] = event.occurred_on
    found: dict[int, list[dict[str, Any]]] = {}
    for row, detail in _as_now(session, days):
        found |= dict.fromkeys(by_contact[row.id], detail["reasons"])
    return found


def _as_now(session: Session, days: Mapping[int, date]) -> Iterator[tuple[Any, dict[str, Any]]]:
    if not days:
        return
    start, end = span_of(Period(min(days.values()), date.fromordinal(max(days.values()).toordinal() + 1)))
    asked = {"zone": BANK_ZONE.key, "start": start, "end": end, "contacts": list(days)}
    yield from _judged(session, session.execute(NAMED, asked).all())


def _judged(session: Session, rows: Sequence[Any]) -> Iterator[tuple[Any, dict[str, Any]]]:
    photos = {row.contact_id: row for row in session.execute(PHOTOS, {"ids": [row.id for row in rows]})}
    missing = missing_of_visits(session, rows)
    days = {row.day for row in rows}
    far = {day: rules_on(session, day).far_m for day in days}
    outcomes = {day: dispositions_on(session, day) for day in days}
    for row in rows:
        found = photos.get(row.id)
        visited = Visited(
            place=place_of(row.latitude, row.longitude, row.accuracy_m),
            account_place=place_of(row.account_latitude, row.account_longitude),
            far_m=far[row.day],
            photos=found.good if found else 0,
            questioned=found.questioned if found else 0,
            is_outcome_known=row.disposition in outcomes[row.day],
            in_term=row.from_on <= row.day and (row.to_on is None or row.day <= row.to_on),
            nth_that_day=row.nth,
            flags=frozenset(flag["code"] for flag in row.flags),
            missing=missing.get(row.id, ()),
        )
        outcome = outcomes[row.day].get(row.disposition)
        yield row, _detail(row, visited) | {"outcome_words": outcome.words if outcome else row.disposition}


def _detail(row: Any, visited: Visited) -> dict[str, Any]:
    apart = distance_m(visited)
    return {
        "contact": row.ref,
        "at": row.at.isoformat(),
        "outcome": row.disposition,
        "person": row.person,
        "agent": row.agent_code,
        "photos": visited.photos,
        "metres": None if apart is None else round(apart),
        "reasons": list(reasons_of(visited)),
    }
