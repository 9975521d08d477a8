"""What early-warning rules look at in receipts, visits and people: one statement a rule over a month, whatever its size.

Each gives key (what makes the same facts the same flag), agency, agent, day, `found` (what was measured) and `rows` (what it was measured
of, at most fifty). Statements leave out what can never hold; whether a rule holds is for flag_rules.py to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from allocations.agencies.dated_settings import settings_on
from allocations.agencies.models import Agency
from allocations.collections.receipts.cash import DAY_LIMIT
from allocations.collections.receipts.standing_out_queries import missing_numbers
from portal.kernel.clock import BANK_ZONE
from portal.kernel.periods import Period

MOST_ROWS = 50
REFS = "to_jsonb((array_agg(c.receipt_no order by c.receipt_no))[1:50])"
OF_MONTH = "c.collected_on >= :since and c.collected_on < :until and c.source <> 'direct'"
SQL: dict[str, str] = {
    "voids": """
with marked as (select agency_id, count(*) as n, to_jsonb((array_agg(receipt_key order by receipt_key))[1:50]) as rows from receipt_marks
                 where status = 'confirmed' and state = 'void' and proposed_at >= :began and proposed_at < :ended group by 1)
select m.agency_id::text || ':' || cast(:month as text) as key, m.agency_id, '' as agent, cast(:last as date) as day, m.rows,
       jsonb_build_object('void', m.n, 'receipts', m.n +
         (select count(*) from collections c where c.agency_id = m.agency_id and {of_month})) as found
  from marked m
""",
    "same_minute": """
select concat_ws(':', c.agency_id, c.agent_code, c.collected_on, to_char(c.collected_time, 'HH24:MI')) as key, c.agency_id,
       coalesce(c.agent_code, '') as agent, c.collected_on as day, {refs} as rows,
       jsonb_build_object('receipts', count(*), 'at', c.collected_on || ' ' || to_char(c.collected_time, 'HH24:MI')) as found
  from collections c where {of_month} and c.collected_time is not null
 group by c.agency_id, c.agent_code, c.collected_on, to_char(c.collected_time, 'HH24:MI')
having count(distinct c.loan_account_id) >= 2
""",
    "round_sums": """
select concat_ws(':', c.agency_id, c.agent_code, cast(:month as text)) as key, c.agency_id,
       coalesce(c.agent_code, '') as agent, cast(:last as date) as day,
       to_jsonb((array_agg(c.receipt_no order by c.receipt_no) filter (where c.amount_minor % 100000 = 0))[1:50]) as rows,
       jsonb_build_object('round', count(*) filter (where c.amount_minor % 100000 = 0), 'receipts', count(*)) as found
  from collections c where {of_month} and c.mode = 'cash' group by c.agency_id, c.agent_code
""",
    "below_cap": """
select concat_ws(':', c.agency_id, c.agent_code, cast(:month as text)) as key, c.agency_id,
       coalesce(c.agent_code, '') as agent, max(c.collected_on) as day,
       {refs} as rows, jsonb_build_object('receipts', count(*), 'cap_minor', cast(:cap as bigint), 'currency', min(c.currency)) as found
  from collections c where {of_month} and c.mode = 'cash' and c.amount_minor < :cap
   and c.amount_minor >= cast(:cap as bigint) * (1 - cast(:near as numeric))
 group by c.agency_id, c.agent_code
""",
    "cash_share": """
select concat_ws(':', c.agency_id, cast(:month as text)) as key, c.agency_id, '' as agent, cast(:last as date) as day, '[]'::jsonb as rows,
       jsonb_build_object('receipts', count(*), 'total_minor', sum(c.amount_minor), 'currency', min(c.currency),
                          'cash_minor', coalesce(sum(c.amount_minor) filter (where c.mode = 'cash'), 0)) as found
  from collections c where {of_month} group by c.agency_id
""",
    "receipt_hours": """
select concat_ws(':', c.agency_id, c.agent_code, c.collected_on) as key, c.agency_id, coalesce(c.agent_code, '') as agent,
       c.collected_on as day, {refs} as rows,
       jsonb_build_object('receipts', count(*), 'from', cast(:opens as text), 'to', cast(:closes as text)) as found
  from collections c where {of_month} and (c.collected_time < cast(:opens as time) or c.collected_time > cast(:closes as time))
 group by c.agency_id, c.agent_code, c.collected_on
""",
    "back_dated": """
select concat_ws(':', c.agency_id, (c.reported_at at time zone :zone)::date) as key, c.agency_id, '' as agent,
       (c.reported_at at time zone :zone)::date as day, {refs} as rows,
       jsonb_build_object('receipts', count(*), 'days', max((c.reported_at at time zone :zone)::date - c.collected_on)) as found
  from collections c where {of_month} and (c.reported_at at time zone :zone)::date - c.collected_on > cast(:late_days as int)
 group by c.agency_id, (c.reported_at at time zone :zone)::date
""",
    "deposit_lag": """
select concat_ws(':', c.agency_id, c.agent_code, p.day) as key, c.agency_id, coalesce(c.agent_code, '') as agent, p.day, {refs} as rows,
       jsonb_build_object('receipts', count(*), 'sum_minor', sum(c.amount_minor), 'days', max(p.day - c.collected_on),
                          'currency', min(c.currency)) as found
  from collections c
  left join deposit_items i on i.collection_id = c.id left join deposits d on d.id = i.deposit_id
 cross join lateral (select coalesce(c.deposited_on, d.deposited_on) as day) p
 where {of_month} and c.mode = 'cash' and p.day - c.collected_on > cast(:late_days as int) group by c.agency_id, c.agent_code, p.day
""",
    "deposit_short": """
select d.agency_id || ':' || d.slip_key as key, d.agency_id, coalesce(min(d.agent_code), '') as agent, d.deposited_on as day,
       {refs} as rows, jsonb_build_object('slip', d.slip_no, 'deposited_minor', d.amount_minor, 'currency', d.currency,
                                          'sum_minor', sum(i.amount_minor)) as found
  from deposits d join deposit_items i on i.deposit_id = d.id join collections c on c.id = i.collection_id
 where d.deposited_on >= :since and d.deposited_on < :until group by d.id having sum(i.amount_minor) > d.amount_minor
""",
    "one_reference": """
select concat_ws(':', c.agency_id, c.instrument_key) as key, c.agency_id, '' as agent, max(c.collected_on) as day, {refs} as rows,
       jsonb_build_object('reference', min(c.instrument_ref), 'accounts', count(distinct c.loan_account_id)) as found
  from collections c where {of_month} and c.mode not in ('cash', 'cheque', 'dd') and c.instrument_key is not null
 group by c.agency_id, c.instrument_key having count(distinct c.loan_account_id) >= 2
""",
    "same_place": """
select concat_ws(':', k.agency_id, k.agent_code, d.day, round(k.latitude, 5), round(k.longitude, 5)) as key, k.agency_id,
       coalesce(k.agent_code, '') as agent, d.day, to_jsonb((array_agg(k.ref order by k.ref))[1:50]) as rows,
       jsonb_build_object('accounts', count(distinct k.loan_account_id)) as found
  from contacts k cross join lateral (select (k.at at time zone :zone)::date as day) d
 where k.kind = 'visit' and k.latitude is not null and k.at >= :began and k.at < :ended
 group by k.agency_id, k.agent_code, d.day, round(k.latitude, 5), round(k.longitude, 5) having count(distinct k.loan_account_id) >= 2
""",
    "same_photo": """
select f.evidence_id || ':' || f.code as key, e.agency_id, '' as agent, (e.received_at at time zone :zone)::date as day,
       jsonb_build_array(e.ref) || to_jsonb((array_agg(o.ref order by o.ref))[1:20]) as rows,
       jsonb_build_object('words', case f.code when 'same_file' then 'The very same file was handed in for something else.'
                          else 'The same picture, saved anew, was handed in for something else.' end) as found
  from evidence_flags f join evidence e on e.id = f.evidence_id join evidence o on o.id = f.other_id
 where f.code in ('same_file', 'same_pixels') and e.received_at >= :began and e.received_at < :ended group by f.evidence_id, f.code, e.id
""",
    "too_fast": """
select k.id::text as key, k.agency_id, coalesce(k.agent_code, '') as agent, (k.at at time zone :zone)::date as day,
       jsonb_build_array(k.ref) as rows, jsonb_build_object('words', f ->> 'words') as found
  from contacts k cross join lateral jsonb_array_elements(k.flags) f
 where k.flags <> '[]'::jsonb and f ->> 'code' = 'impossible_speed' and k.at >= :began and k.at < :ended
""",
    "bulk_after_end": """
select concat_ws(':', e.agency_id, (e.received_at at time zone :zone)::date, cast(:month as text)) as key, e.agency_id, '' as agent,
       (e.received_at at time zone :zone)::date as day, to_jsonb((array_agg(e.ref order by e.ref))[1:50]) as rows,
       jsonb_build_object('pieces', count(*)) as found
  from evidence e left join contacts k on k.id = e.contact_id left join collections c on c.id = e.collection_id
 where e.received_at >= :ended and coalesce((k.at at time zone :zone)::date, c.collected_on) >= :since
   and coalesce((k.at at time zone :zone)::date, c.collected_on) < :until
 group by e.agency_id, (e.received_at at time zone :zone)::date
""",
    "late_promises": """
select concat_ws(':', p.agency_id, p.agent_code, cast(:month as text)) as key, p.agency_id, coalesce(p.agent_code, '') as agent,
       cast(:last as date) as day, to_jsonb((array_agg(distinct p.plan_ref)
         filter (where p.made_on > e.day))[1:50]) as rows,
       jsonb_build_object('promises', count(*), 'late', count(*) filter (where p.made_on > e.day)) as found
  from promises p cross join (select cast(:last as date) - cast(:days as int) as day) e
 where p.made_on >= :since and p.made_on < :until and cast(:today as date) > cast(:last as date) group by p.agency_id, p.agent_code
""",
    "two_agencies": """
select concat_ws(':', k.loan_account_no, min(k.agency_id), cast(:month as text)) as key, cast(null as bigint) as agency_id, '' as agent,
       max((k.at at time zone :zone)::date) as day, to_jsonb((array_agg(k.ref order by k.ref))[1:50]) as rows,
       jsonb_build_object('account', k.loan_account_no, 'agencies', count(distinct k.agency_id)) as found
  from contacts k where k.kind <> 'letter' and k.at >= :began and k.at < :ended
   and exists (select 1 from contacts o where o.loan_account_id = k.loan_account_id and o.agency_id <> k.agency_id
               and o.kind <> 'letter'
               and abs(extract(epoch from o.at - k.at)) <= 86400 * cast(:days as int))
 group by k.loan_account_no having count(distinct k.agency_id) > 1
""",
    "lapsed": """
with acts as (
  select c.agency_id, c.agent_code, c.collected_on as day, c.receipt_no as ref from collections c
   where {of_month} and c.agent_code is not null
   union all
  select k.agency_id, k.agent_code, (k.at at time zone :zone)::date, k.ref from contacts k
   where k.at >= :began and k.at < :ended and k.agent_code is not null)
select concat_ws(':', g.id, g.certificate_until, cast(:month as text)) as key, g.agency_id, g.code as agent, max(x.day) as day,
       to_jsonb((array_agg(x.ref order by x.ref))[1:50]) as rows,
       jsonb_build_object('agent', g.name, 'until', to_char(g.certificate_until, 'FMDD Mon YYYY'), 'acts', count(*)) as found
  from agents g join acts x on x.agency_id = g.agency_id and x.agent_code = g.code and x.day > g.certificate_until group by g.id
""",
}


@dataclass(frozen=True, slots=True)
class Found:
    """What one rule's finder gives."""

    key: str
    agency_id: int | None
    agent: str
    day: date
    facts: dict[str, Any]
    rows: list[Any]


def keys_of(session: Session, period: Period, today: date) -> dict[str, Any]:
    """Everything statements may ask for beside a rule's own limits."""
    last = period.last_day
    hours = settings_on(session, "contact.hours", last).get("contact.hours") or {"from": "00:00", "to": "23:59:59"}
    return {
        "since": period.start,
        "until": period.end,
        "last": last,
        "today": today,
        "month": period.label,
        "began": datetime.combine(period.start, time(), BANK_ZONE),
        "ended": datetime.combine(period.end, time(), BANK_ZONE),
        "zone": BANK_ZONE.key,
        "opens": hours["from"],
        "closes": hours["to"],
        "cap": settings_on(session, DAY_LIMIT, last).get(DAY_LIMIT) or 0,
    }


def found_by(session: Session, statement: str, keys: Mapping[str, Any], limits: Mapping[str, Any]) -> Iterator[Found]:
    asked = text(statement.format(of_month=OF_MONTH, refs=REFS))
    given = {**keys, **limits}
    values = {name: given[name] for name in asked.compile().params}
    for row in session.execute(asked, values):
        yield Found(row.key, row.agency_id, row.agent, row.day, row.found, row.rows or [])


def gaps(session: Session, today: date) -> Iterator[Found]:
    """Missing numbers of books that are out, as the page of what stands out in receipts has them."""
    agencies = {agency.code: agency.id for agency in session.execute(select(Agency.code, Agency.id))}
    for each in missing_numbers(session, None):
        facts = {"stretch": each.receipt, "book": each.book_ref}
        yield Found(f"{each.book_ref}:{each.receipt}", agencies[each.agency], each.agent, today, facts, [each.book_ref])


def facts_of(session: Session, code: str, keys: Mapping[str, Any], limits: Mapping[str, Any]) -> Iterator[Found]:
    """What the finder of a rule about receipts, visits or people gives; nothing for a rule it does not know."""
    if code == "gap":
        yield from gaps(session, keys["today"])
    elif code in SQL:
        yield from found_by(session, SQL[code], keys, limits)
