"""What only the database can say about staged rows: homes, repeats, receipts known already, receipts told otherwise.

Everything is done over all rows of the file at once, in SQL, so that neither their number nor their order matters. What is left in
`staged_collections` afterwards is new and may be stored.
"""

from __future__ import annotations

from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.collections.receipts.cash_queries import PAID_IN_BY_SLIP
from allocations.collections.receipts.staged_rules import staged_problems
from allocations.collections.uploads.staging import add_faults
from allocations.placements.tails import tail_days
from portal.kernel.errors import Problem

FIND_ALLOCATIONS = text("""
    create temporary table staged_places on commit drop as
    select distinct on (s.pos) s.pos, a.id as allocation_id, a.loan_account_id
    from staged_collections s
    join allocations a on a.agency_id = :agency and a.loan_account_no = s.loan_account_no
     and (a.term @> s.collected_on or s.collected_on - a.to_on between 1 and :tail)
    order by s.pos, a.term @> s.collected_on desc, case when a.term @> s.collected_on then null else a.to_on end desc, a.stream, a.id
""")

# One agent is one agent, however the code is typed: what they carry is added up by it.
SPELL_AGENTS = text("""
    update staged_collections s set agent_code = a.code from agents a
    where a.agency_id = :agency and upper(a.code) = upper(s.agent_code) and a.code <> s.agent_code
      and not exists (select 1 from agents b where b.agency_id = :agency and b.code = s.agent_code)
""")

# Rows with a fault of their own are looked up all the same, so that all faults of a row are told at once.
HOMELESS = text("""
    insert into staged_faults (pos, row_no, column_name, code, message, cure, value)
    select h.pos, h.row_no, 'loan_account_no',
           case when h.held is null then 'unknown_account' else 'not_allocated' end,
           case when h.held is null then 'This account was never allocated to you.'
                else 'You did not hold this account on ' || h.collected_on || '; you held it ' || h.held || '.' end,
           case when h.held is null then 'Check the loan account number.'
                else 'Correct the date, or ask the bank about the allocation.' end,
           left(h.loan_account_no, 200)
    from (
      select r.*, (select string_agg(lower(t) || ' to ' || coalesce((upper(t) - 1)::text, 'now'), ', ' order by t)
                   from (select unnest(range_agg(a.term)) as t from allocations a
                          where a.agency_id = :agency and a.loan_account_no = r.loan_account_no) terms) as held
      from (
        select s.pos, s.row_no, s.loan_account_no, s.collected_on from staged_collections s
         where not exists (select 1 from staged_places p where p.pos = s.pos)
        union all
        select w.pos, w.row_no, w.loan_account_no, w.collected_on from staged_wrong w
         where w.loan_account_no is not null and not exists (
           select 1 from allocations a where a.agency_id = :agency and a.loan_account_no = w.loan_account_no
              and (w.collected_on is null or a.term @> w.collected_on or w.collected_on - a.to_on between 1 and :tail))) r) h
    order by h.pos
""")

# A blank in a later file says nothing; only what is said otherwise differs.
KNOWN = text("""
    create temporary table staged_known on commit drop as
    select s.pos, s.receipt_key, c.id as collection_id,
           c.amount_minor = s.amount_minor and c.collected_on = s.collected_on
           and c.loan_account_no = s.loan_account_no and c.mode = s.mode
           and (s.instrument_key is null or s.instrument_key is not distinct from c.instrument_key)
           and coalesce(s.collected_time = c.collected_time, true)
           and coalesce(upper(s.agent_code) = upper(c.agent_code), true)
           and coalesce(s.component_principal_minor = c.component_principal_minor, true)
           and coalesce(s.component_interest_minor = c.component_interest_minor, true)
           and coalesce(s.component_charges_minor = c.component_charges_minor, true) as is_same
    from staged_collections s join collections c on c.agency_id = :agency and c.receipt_key = s.receipt_key
""")

# Of rows with one receipt number the one that says what is stored counts, else the earliest by what it says: never by its place.
REPEATS = text("""
    create temporary table staged_repeats on commit drop as
    with twice as (select receipt_key from staged_collections group by 1 having count(*) > 1),
    ranked as (
      select s.pos, row_number() over told as nth, first_value(s.pos) over told as first_pos
      from staged_collections s join twice using (receipt_key) left join staged_known k on k.pos = s.pos
      window told as (partition by s.receipt_key order by coalesce(k.is_same, false) desc, s.collected_on,
        s.loan_account_no, s.amount_minor, s.mode, s.instrument_key, s.agent_code, s.slip_key, s.deposited_on, s.pos))
    select r.pos, f.row_no as first_row,
           (s.amount_minor, s.collected_on, s.loan_account_no, s.mode, coalesce(s.instrument_key, ''))
           is not distinct from
           (f.amount_minor, f.collected_on, f.loan_account_no, f.mode, coalesce(f.instrument_key, '')) as is_copy
    from ranked r join staged_collections s on s.pos = r.pos join staged_collections f on f.pos = r.first_pos
    where r.nth > 1
""")

CLASHING = text("""
    insert into staged_faults (pos, row_no, column_name, code, message, cure, value)
    select r.pos, s.row_no, 'receipt_no', 'duplicate_receipt',
           'Row ' || r.first_row || ' has the same receipt number with other facts.',
           'Each receipt number is used once; correct one of the rows.', left(s.receipt_no, 200)
    from staged_repeats r join staged_collections s on s.pos = r.pos where not r.is_copy order by r.pos
""")


# A receipt known already whose slip is told only now, where a slip still says something.
SLIPS = text("""
    create temporary table staged_slips on commit drop as
    select distinct on (k.collection_id) s.pos, s.row_no, s.deposit_slip_no, s.slip_key, s.deposited_on, s.agent_code,
           k.collection_id
    from staged_known k join staged_collections s on s.pos = k.pos join collections c on c.id = k.collection_id
    where k.is_same and s.slip_key is not null and s.deposited_on is not null and c.slip_key is null
      and c.mode = any(:by_slip) and c.linked_minor < c.amount_minor
      and not exists (select 1 from deposit_items i where i.collection_id = c.id)
    order by k.collection_id, s.slip_key, s.deposited_on, s.pos
""")


def check_staged(session: Session, agency: Agency, today: date) -> None:
    """Homes, repeats and known receipts of every staged row. Copies and faulty rows are taken out of `staged_collections`."""
    for name in ("staged_places", "staged_known", "staged_repeats", "staged_slips"):
        session.execute(text(f"drop table if exists pg_temp.{name}"))
    given = {"agency": agency.id, "tail": tail_days(session, agency.id, today)}
    session.execute(SPELL_AGENTS, given)
    session.execute(FIND_ALLOCATIONS, given)
    session.execute(text("analyze staged_places (pos)"))
    session.execute(HOMELESS, given)
    session.execute(KNOWN, given)
    session.execute(SLIPS, {"by_slip": list(PAID_IN_BY_SLIP)})
    session.execute(REPEATS)
    session.execute(CLASHING)
    leave_out("select pos from staged_repeats where is_copy", session)
    leave_out("select pos from staged_faults", session)


def leave_out(positions: str, session: Session) -> int:
    """Take rows out of those to be stored; returns how many it were."""
    done = session.execute(text(f"delete from staged_collections where pos in ({positions})"))
    return int(done.rowcount)  # type: ignore[attr-defined]


def check_limits(session: Session, agency: Agency, today: date) -> None:
    """The rules about cash and receipt books, over the rows without a fault; then those that say nothing new are left out."""
    found = staged_problems(session, agency, today=today)
    add_faults(session, [(each.pos, Problem(each.code, each.message, each.cure, column=each.column)) for each in found])
    leave_out("select pos from staged_faults", session)
    leave_out("select pos from staged_known where is_same", session)
