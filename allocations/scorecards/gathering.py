"""The raw numbers of a month's scorecards, each measure one statement over all agencies, whatever the month's size.

What stands upstream is read here; what payouts know (fees, complaints upheld) comes with `Beside`. A number is read as it stands now:
the scoring keeps it, so that nothing that happens later changes what a card was made of.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import TextClause, select, text
from sqlalchemy.orm import Session

from allocations.agencies.dated_settings import settings_on
from allocations.collections.evidence.required import VISITS, missing_of_visits
from allocations.collections.field.contact_rules import FLAGS
from allocations.collections.field.promises import ALIVE, KEPT, REPLACED
from allocations.collections.field.promises_service import judged
from allocations.collections.field_models import Contact, Promise
from allocations.placements.outcome_models import OutcomeSet
from allocations.scorecards.catalogue import Raw
from allocations.scorecards.mix import Stratum
from allocations.scorecards.scheme import Scheme
from portal.kernel.clock import BANK_ZONE
from portal.kernel.money import exponent
from portal.kernel.periods import Period

RIGHT_PARTY = ("borrower", "co_borrower", "guarantor")
OUTSIDE = ("outside_hours", "blackout_day", "third_party", "third_party_disclosure")
BREACHES = tuple(code for code, kind in FLAGS.items() if kind.is_breach)


@dataclass(frozen=True)
class Beside:
    """What only payouts know, by agency: fees earned for the month (minor units), and complaints found true."""

    fees_minor: Mapping[int, int] = field(default_factory=dict)
    complaints: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Gathered:
    """`raws`: agency → measure → raw number. `strata`: measure → agency → its accounts by kind."""

    raws: Mapping[int, Mapping[str, Raw]]
    strata: Mapping[str, Mapping[int, list[Stratum]]]


IN_FORCE = "a.from_on < :until and (a.to_on is null or a.to_on >= :since)"
HELD = text(f"""
select a.agency_id, count(*) as accounts, sum(a.opening_total_minor)::bigint as placed
  from allocations a where {IN_FORCE} group by 1
""")
CONFIRMED = text("""
select c.agency_id, sum(m.amount_minor)::bigint as money, count(distinct c.id) as payments
  from match_links m join bank_lines b on b.id = m.bank_line_id join collections c on c.id = m.collection_id
 where m.status = 'confirmed' and b.value_on >= :since and b.value_on < :until group by 1
""")
OUTCOMES = """
select o.agency_id, o.opening_bucket, o.product, width_bucket(o.opening_principal_minor, cast(:tickets as bigint[])) as ticket,
       coalesce(a.region, '') as region, {before} as before, count(*) as accounts, sum(o.opening_principal_minor)::bigint as weight,
       sum(o.opening_principal_minor::numeric * o.opening_principal_minor) as squares,
       coalesce(sum(o.opening_principal_minor) filter (where o.outcome <> 'rolled_forward'), 0)::bigint as resolved,
       coalesce(sum(o.opening_principal_minor) filter (where o.outcome in ('rolled_back', 'normalised')), 0)::bigint as rolled_back
  from account_outcomes o join allocations a on a.id = o.allocation_id {joined}
 where o.outcome_set_id = :set group by 1, 2, 3, 4, 5, 6 order by 1, 2, 3, 4, 5, 6
"""
# Accounts that another agency worked earlier, by the same stream: what was easy to get is gone.
HELD_BEFORE = """
  left join (select distinct b.id from account_outcomes x join allocations b on b.id = x.allocation_id
               join allocations e on e.loan_account_id = b.loan_account_id and e.stream = b.stream
                and e.agency_id <> b.agency_id and e.from_on < b.from_on
              where x.outcome_set_id = :set) h on h.id = a.id
"""
BY_KIND = text(OUTCOMES.format(before="cast('' as text)", joined=""))
BY_KIND_HELD = text(OUTCOMES.format(before="case when h.id is null then 'first' else 'again' end", joined=HELD_BEFORE))
FLAGGED = "exists (select from jsonb_array_elements(k.flags) f where f ->> 'code' = any(:{codes}))"
CONTACTS = text(f"""
select k.agency_id, count(*) filter (where k.kind <> 'letter') as contacts,
       count(*) filter (where k.kind <> 'letter' and {FLAGGED.format(codes="outside")}) as outside,
       count(*) filter (where k.kind in ('visit', 'call')) as attempts,
       count(*) filter (where k.kind in ('visit', 'call') and k.person = any(:right)) as met,
       count(*) filter (where k.kind in ('visit', 'call') and not {FLAGGED.format(codes="breaches")}) as proper,
       count(distinct k.allocation_id) filter (where (k.kind = 'visit' and not {FLAGGED.format(codes="breaches")})
             or (k.kind in ('visit', 'call') and k.person = any(:right))) as covered
  from contacts k where k.at >= :began and k.at < :ended group by 1
""")
CASH = text("""
select c.agency_id, count(*) filter (where r.on_ is not null or c.collected_on < :due_before) as due,
       count(*) filter (where r.on_ <= c.collected_on + 1) as in_time
  from collections c
  left join lateral (select coalesce(c.deposited_on, (select d.deposited_on from deposit_items i
       join deposits d on d.id = i.deposit_id where i.collection_id = c.id)) as on_) r on true
 where c.mode = 'cash' and c.collected_on >= :since and c.collected_on < :until group by 1
""")
AGENTS = text("""
select agency_id, count(*) filter (where came <= :day and gone > :day) as active,
       count(*) filter (where came <= :day and gone > :day and certificate_no <> ''
             and coalesce(certificate_until, 'infinity') >= :day) as certified,
       count(*) filter (where came < :since and gone >= :since) as at_first,
       count(*) filter (where gone >= :since and gone <= :day) as gone
  from (select *, coalesce(joined_on, '-infinity') as came,
               coalesce(left_on, case when is_active then 'infinity'::date else '-infinity' end) as gone from agents) g
 group by 1
""")
# A number in doubt is its agency's while nobody has cleared it up, and never where the bank counted the money as paid direct.
RECEIPTS = text("""
with marked as (select agency_id, count(*) as n from receipt_marks
                 where status = 'confirmed' and proposed_at >= :began and proposed_at < :ended group by 1),
     taken as (select agency_id, count(*) as n from collections
                where collected_on >= :since and collected_on < :until and source <> 'direct' group by 1),
     twice as (select c.agency_id, count(distinct c.id) as n from breaks k join collections c on c.id = k.collection_id
                where k.code = 'R04' and k.status = 'open' and k.owner <> 'bank_ops' and c.source <> 'direct'
                  and c.collected_on >= :since and c.collected_on < :until group by 1)
select agency_id, coalesce(m.n, 0) + coalesce(w.n, 0) as spoilt, coalesce(t.n, 0) + coalesce(m.n, 0) as receipts
  from taken t full join marked m using (agency_id) full join twice w using (agency_id)
""")
AUDITS = text("""
select distinct on (agency_id) agency_id, value from agency_measures
 where measure = 'audit' and status = 'approved' and period_start < :until and period_start >= :year_ago
 order by agency_id, period_start desc, id desc
""")
# A compromise belongs to who held the account on its last day; paid in full when the agreed sum came in within its time.
COMPROMISES = text("""
select a.agency_id, count(*) as ended, count(*) filter (where (
       select coalesce(sum(m.amount_minor), 0) from collections c
         join match_links m on m.collection_id = c.id and m.status = 'confirmed'
         join bank_lines b on b.id = m.bank_line_id
        where c.loan_account_id = s.loan_account_id and b.value_on between s.from_on and s.to_on) >= s.agreed_minor) as in_full
  from one_time_settlements s
  join allocations a on a.loan_account_id = s.loan_account_id and a.term @> s.to_on
 where s.status in ('approved', 'broken') and s.to_on >= :since and s.to_on < :until group by 1
""")


def gather(
    session: Session, period: Period, outcomes: OutcomeSet, scheme: Scheme, beside: Beside, today: date
) -> Gathered:
    """Everything a month's cards are made of, of every agency that held an account in it."""
    keys = _keys(period, today)
    found: dict[int, dict[str, Raw]] = defaultdict(dict)
    held = {row.agency_id: row for row in _rows(session, HELD, keys)}
    strata = _outcomes(session, outcomes, scheme, found)
    _money(session, keys, held, beside, found)
    _contacts(session, keys, held, found)
    _promises(session, period, today, found)
    _evidence(session, keys, period, found)
    _paper(session, keys, found)
    _people(session, keys, found)
    for agency_id, row in held.items():
        found[agency_id]["complaints_per_1000"] = Raw(beside.complaints.get(agency_id, 0), row.accounts, row.accounts)
    return Gathered({agency_id: found[agency_id] for agency_id in sorted(held)}, strata)


def _keys(period: Period, today: date) -> dict[str, Any]:
    day = min(period.last_day, today)
    return {
        "since": period.start,
        "until": period.end,
        "began": datetime.combine(period.start, time(), BANK_ZONE),
        "ended": datetime.combine(period.end, time(), BANK_ZONE),
        "day": day,
        "due_before": today - timedelta(days=1),
        "year_ago": period.start.replace(year=period.start.year - 1),
        "right": list(RIGHT_PARTY),
        "outside": list(OUTSIDE),
        "breaches": list(BREACHES),
    }


def _rows(session: Session, statement: TextClause, keys: Mapping[str, Any]) -> Iterable[Any]:
    asked = {name: value for name, value in keys.items() if name in statement.compile().params}
    return session.execute(statement, asked).all()


def _outcomes(
    session: Session, outcomes: OutcomeSet, scheme: Scheme, found: dict[int, dict[str, Raw]]
) -> dict[str, dict[int, list[Stratum]]]:
    digits = exponent(str(outcomes.summary["currency"]))
    asked = {"set": outcomes.id, "tickets": [each * 10**digits for each in scheme.tickets]}
    strata: dict[str, dict[int, list[Stratum]]] = {"resolution_pct_pos": {}, "rollback_pct_pos": {}}
    for row in session.execute(BY_KIND_HELD if scheme.held_before else BY_KIND, asked):
        key = (row.opening_bucket, row.product, str(row.ticket), row.region, *([row.before] if row.before else []))
        for code, reached in (("resolution_pct_pos", row.resolved), ("rollback_pct_pos", row.rolled_back)):
            each = Stratum(key, row.accounts, row.weight, int(row.squares), reached)
            strata[code].setdefault(row.agency_id, []).append(each)
    for code, agencies in strata.items():
        for agency_id, rows in agencies.items():
            reached, weight = sum(each.reached for each in rows), sum(each.weight for each in rows)
            found[agency_id][code] = Raw(reached, weight, sum(each.accounts for each in rows))
    return strata


def _money(
    session: Session, keys: Mapping[str, Any], held: Mapping[int, Any], beside: Beside, found: dict[int, dict[str, Raw]]
) -> None:
    seen = {row.agency_id: row for row in _rows(session, CONFIRMED, keys)}
    for agency_id, row in held.items():
        money = seen.get(agency_id)
        came, payments = (money.money, money.payments) if money else (0, 0)
        found[agency_id]["recovery_pct"] = Raw(came, row.placed, row.accounts)
        found[agency_id]["cost_pct"] = Raw(beside.fees_minor.get(agency_id, 0), came, payments)


def _contacts(
    session: Session, keys: Mapping[str, Any], held: Mapping[int, Any], found: dict[int, dict[str, Raw]]
) -> None:
    made = {row.agency_id: row for row in _rows(session, CONTACTS, keys)}
    for agency_id, row in held.items():
        each = made.get(agency_id)
        covered, proper = (each.covered, each.proper) if each else (0, 0)
        found[agency_id]["coverage_pct"] = Raw(min(covered, row.accounts), row.accounts, row.accounts)
        found[agency_id]["intensity"] = Raw(proper, row.accounts, row.accounts)
        if each:
            found[agency_id]["right_party_pct"] = Raw(each.met, each.attempts, each.attempts)
            found[agency_id]["breaches_per_10000"] = Raw(each.outside, each.contacts, each.contacts)


def _promises(session: Session, period: Period, today: date, found: dict[int, dict[str, Raw]]) -> None:
    query = select(Promise).where(Promise.due_on >= period.start, Promise.due_on < period.end)
    due = session.scalars(query.order_by(Promise.id)).all()
    verdicts = judged(session, due, today)
    kept: dict[int, list[bool]] = defaultdict(list)
    for promise in due:
        state = verdicts[promise.id].state
        if state not in ALIVE and state != REPLACED:
            kept[promise.agency_id].append(state == KEPT)
    for agency_id, verdict in kept.items():
        found[agency_id]["promises_kept_pct"] = Raw(sum(verdict), len(verdict), len(verdict))


def _evidence(session: Session, keys: Mapping[str, Any], period: Period, found: dict[int, dict[str, Raw]]) -> None:
    """Where no rule asked for evidence with visits nothing is measured."""
    if not settings_on(session, VISITS, period.last_day).get(VISITS):
        return
    query = select(Contact.id, Contact.agency_id, Contact.kind, Contact.at)
    visits = session.execute(
        query.where(Contact.kind == "visit", Contact.at >= keys["began"], Contact.at < keys["ended"])
    ).all()
    lacking = missing_of_visits(session, visits)
    by_agency: dict[int, list[bool]] = defaultdict(list)
    for visit in visits:
        by_agency[visit.agency_id].append(visit.id not in lacking)
    for agency_id, whole in by_agency.items():
        found[agency_id]["evidence_pct"] = Raw(sum(whole), len(whole), len(whole))


def _paper(session: Session, keys: Mapping[str, Any], found: dict[int, dict[str, Raw]]) -> None:
    for row in _rows(session, CASH, keys):
        found[row.agency_id]["deposited_pct"] = Raw(row.in_time, row.due, row.due)
    for row in _rows(session, RECEIPTS, keys):
        found[row.agency_id]["spoilt_receipts_pct"] = Raw(row.spoilt, row.receipts, row.receipts)
    for row in _rows(session, COMPROMISES, keys):
        found[row.agency_id]["in_full_pct"] = Raw(row.in_full, row.ended, row.ended)


def _people(session: Session, keys: Mapping[str, Any], found: dict[int, dict[str, Raw]]) -> None:
    for row in _rows(session, AGENTS, keys):
        found[row.agency_id]["certified_pct"] = Raw(row.certified, row.active, row.active)
        found[row.agency_id]["attrition_pct"] = Raw(2 * row.gone, row.at_first + row.active, row.at_first)
    for row in _rows(session, AUDITS, keys):
        whole, _, part = row.value.partition(".")
        found[row.agency_id]["audit_score"] = Raw(int(whole + part.ljust(2, "0")), 100, 1)
