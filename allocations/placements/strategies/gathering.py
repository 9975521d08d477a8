"""What a run is decided from, read in one go: every account with its figures of the day, and those who may be given accounts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import pyarrow as pa
from psycopg import sql
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.placements.gate_facts import HOLD_GATE, STOPPING, agency_facts
from allocations.placements.gates import GATES, AgencyFacts, agency_stops
from allocations.placements.strategies.facts import COLUMNS, Accounts, TakerFacts, accounts_from
from allocations.placements.strategies.terms import Terms
from allocations.scorecards.models import AgencyMeasure
from portal.kernel.tables.bulk import fetch_columns

WORD = pa.dictionary(pa.int32(), pa.string())
TYPES = dict.fromkeys(COLUMNS, WORD) | {
    "loan_account_id": pa.int64(),
    "loan_account_no": pa.string(),
    "dpd_days": pa.int64(),
    "principal_minor": pa.int64(),
}
HELD_BY_AGENCIES = """select a.loan_account_id, g.code, a.from_on, a.to_on, a.term, a.recalled_at is not null as is_recalled
    from allocations a join agencies g on g.id = a.agency_id where a.stream = {stream}"""
HELD_BY_STAFF = """select a.loan_account_id, g.code, a.from_on, a.to_on, a.term, false as is_recalled
    from staff_allocations a join staff_members g on g.id = a.staff_id"""
# Of several holds the gate that comes first is named.
ON_HOLD = f"""select distinct on (h.loan_account_id) h.loan_account_id, {HOLD_GATE} as gate from holds h
    where {STOPPING} and daterange(h.from_on, h.to_on, '[]') && daterange({{start}}, {{end}}, '[]')
    order by h.loan_account_id, array_position({{gates}}, {HOLD_GATE})"""
NO_HOLDS = "select 0::bigint as loan_account_id, '' as gate where false"

ACCOUNTS = """
  with history as materialized ({history}),
  before as (select distinct on (loan_account_id) * from history where from_on < {start} order by loan_account_id, from_on desc),
  holding as (select distinct on (loan_account_id) loan_account_id, code from history
              where term && daterange({start}, {end}, '[]') order by loan_account_id, from_on),
  held as ({held})
  select l.id, l.loan_account_no, l.product,
    coalesce(case when l.latest_as_of <= {start} then l.latest_bucket else x.bucket end, ''),
    coalesce(l.state, ''), coalesce(l.region, ''), coalesce(l.pincode, ''), coalesce(l.branch_code, ''),
    coalesce(l.language, ''), coalesce(l.risk_grade, ''),
    coalesce(case when l.latest_as_of <= {start} then l.latest_as_of else x.as_of end::text, ''),
    coalesce(before.code, ''), coalesce(holding.code, ''),
    case when not (l.latest_as_of <= {start}) and x.as_of is null or l.latest_as_of is null then 'no_snapshot'
         when holding.code is not null then 'already_allocated'
         when held.gate is not null then held.gate
         when case when l.latest_as_of <= {start} then greatest(l.latest_total_minor, l.latest_principal_minor)
                   else greatest(x.total_minor, x.principal_minor) end <= 0 then 'nothing_owed'
         when before.is_recalled and before.to_on >= {recalled_since} then 'recalled_recently' else '' end,
    coalesce(case when l.latest_as_of <= {start} then l.latest_dpd_days else x.dpd_days end, 0),
    coalesce(case when l.latest_as_of <= {start} then l.latest_principal_minor else x.principal_minor end, 0)
  from loan_accounts l
  left join lateral (select * from account_snapshots x
                     where l.latest_as_of > {start} and x.loan_account_id = l.id and x.as_of <= {start}
                     order by x.as_of desc limit 1) x on true
  left join before on before.loan_account_id = l.id
  left join holding on holding.loan_account_id = l.id
  left join held on held.loan_account_id = l.id
"""


def accounts_on(session: Session, terms: Terms, from_on: date, to_on: date | None) -> Accounts:
    """Every account as it stands for a term that begins on a day."""
    is_staff = terms.kind == "staff"
    given = {
        "start": sql.SQL("{}::date").format(sql.Literal(from_on)),
        "end": sql.SQL("{}::date").format(sql.Literal(to_on)),
        "stream": sql.Literal(terms.stream),
        "gates": sql.SQL("array[{}]").format(sql.SQL(", ").join(map(sql.Literal, GATES))),
        "recalled_since": sql.SQL("{}::date").format(
            sql.Literal(from_on - timedelta(days=terms.days_since_recall) if terms.days_since_recall else from_on)
        ),
    }
    history = sql.SQL(HELD_BY_STAFF if is_staff else HELD_BY_AGENCIES).format(**given)
    held = sql.SQL(NO_HOLDS if is_staff else ON_HOLD).format(**given)
    for setting in ("enable_nestloop to off", "work_mem to '256MB'", "jit to off"):
        session.execute(text(f"set local {setting}"))
    try:
        found = fetch_columns(session, sql.SQL(ACCOUNTS).format(history=history, held=held, **given), ordered())
    finally:
        for setting in ("enable_nestloop", "work_mem", "jit"):
            session.execute(text(f"set local {setting} to default"))
    return accounts_from(found)


def ordered() -> dict[str, pa.DataType]:
    return {name: TYPES[name] for name in COLUMNS}


def takers_on(session: Session, terms: Terms, from_on: date, to_on: date | None) -> list[TakerFacts]:
    """Those a strategy may give to, by code: agencies it names, or the bank's executives."""
    if terms.kind == "staff":
        return _staff(session, terms, from_on)
    named = sorted({taker.code for rule in terms.rules for taker in rule.takers})
    rows = session.execute(select(Agency.id, Agency.code, Agency.legal_name).where(Agency.code.in_(named)))
    agencies = {row.id: row for row in rows}
    facts = agency_facts(session, [from_on], agencies) if agencies else {}
    scores = scores_before(session, from_on)
    found = (
        _agency(facts[each.id, from_on], each.legal_name, scores.get(each.id), from_on, to_on)
        for each in agencies.values()
    )
    return sorted(found, key=lambda each: each.code)


def _agency(facts: AgencyFacts, name: str, score: str | None, from_on: date, to_on: date | None) -> TakerFacts:
    cap = facts.exposure_cap_minor
    return TakerFacts(
        code=facts.code,
        name=name,
        stops=tuple((stop.code, stop.message) for stop in agency_stops(facts, from_on, to_on)),
        score=score,
        accounts=None if facts.capacity is None else max(facts.capacity - facts.held, 0),
        minor=None if cap is None else max(cap - facts.held_minor, 0),
        states=None if facts.states is None else tuple(sorted(facts.states)),
        pincodes=None if facts.pincodes is None else tuple(sorted(facts.pincodes)),
        products=None if facts.products is None else tuple(sorted(facts.products)),
    )


def scores_before(session: Session, day: date) -> dict[int, str]:
    """Agency id → its newest approved score of a month that began before the day."""
    query = select(AgencyMeasure.agency_id, AgencyMeasure.value).where(
        AgencyMeasure.measure == "score", AgencyMeasure.status == "approved", AgencyMeasure.period_start < day
    )
    return {row.agency_id: row.value for row in session.execute(query.order_by(AgencyMeasure.period_start))}


STAFF = text("""
    select m.code, m.name, m.role, m.is_active, m.capacity, m.pincodes, m.branches,
           (select count(*) from staff_allocations a where a.staff_id = m.id and a.from_on <= :day
              and (a.to_on is null or a.to_on >= :day)) as held
    from staff_members m where m.role = 'collection_executive' order by m.code
""")


def _staff(session: Session, terms: Terms, from_on: date) -> list[TakerFacts]:
    named = {taker.code for rule in terms.rules for taker in rule.takers}
    takes_all = any(not rule.takers for rule in terms.rules)
    found = []
    for row in session.execute(STAFF, {"day": from_on}):
        if not (row.code in named or (takes_all and row.is_active)):
            continue
        made = TakerFacts(
            code=row.code,
            name=row.name,
            stops=() if row.is_active else (("not_active", f"{row.name} is not active."),),
            accounts=None if row.capacity is None else max(row.capacity - row.held, 0),
        )
        if row.pincodes or row.branches:
            made = replace(made, pincodes=tuple(sorted(row.pincodes)), branches=tuple(sorted(row.branches)))
        found.append(made)
    return found


def staff_codes(session: Session) -> Sequence[str]:
    return session.scalars(text("select code from staff_members order by code")).all()
