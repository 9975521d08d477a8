"""What early-warning rules look at in money: one statement a rule over a month."""

from __future__ import annotations

SQL: dict[str, str] = {
    "costly": """
with earned as (
  select x.agency_id, sum(x.amount_minor)::bigint as commission, min(x.currency) as currency from accrual_lines x
    join accrual_runs r on r.id = x.run_id and r.is_current and r.period_start = :since where x.kind = 'commission' group by 1),
     seen as (
  select c.agency_id, sum(m.amount_minor)::bigint as cash from match_links m join bank_lines b on b.id = m.bank_line_id
    join collections c on c.id = m.collection_id
   where m.status = 'confirmed' and b.value_on >= :since and b.value_on < :until group by 1),
     sums as (
  select agency_id, coalesce(commission, 0) as commission, coalesce(cash, 0) as cash, coalesce(currency, 'INR') as currency
    from earned full join seen using (agency_id))
select concat_ws(':', s.agency_id, cast(:month as text)) as key, s.agency_id, '' as agent, cast(:last as date) as day, '[]'::jsonb as rows,
       jsonb_build_object('commission_minor', s.commission, 'cash_minor', s.cash, 'currency', s.currency,
         'others_commission_minor', sum(s.commission) over () - s.commission, 'others_cash_minor', sum(s.cash) over () - s.cash) as found
  from sums s
""",
    "payee_changed": """
select p.ref as key, p.agency_id, '' as agent, (p.created_at at time zone :zone)::date as day, jsonb_build_array(p.ref, s.ref) as rows,
       jsonb_build_object('payout', p.ref, 'amount_minor', p.amount_minor, 'currency', p.currency,
         'days', (p.created_at at time zone :zone)::date - (b.approved_at at time zone :zone)::date) as found
  from payouts p join agency_bank_details b on b.id = p.bank_detail_id join settlements s on s.id = p.settlement_id
 where p.created_at >= :began and p.created_at < :ended and b.approved_at is not null
   and exists (select 1 from agency_bank_details o where o.agency_id = b.agency_id and o.status = 'approved' and o.version < b.version)
""",
    "one_payee": """
select encode(sha256(convert_to(b.account_no || '/' || b.ifsc, 'UTF8')), 'hex') as key, cast(null as bigint) as agency_id, '' as agent,
       max((coalesce(b.approved_at, b.proposed_at) at time zone :zone)::date) as day, to_jsonb(array_agg(distinct a.code)) as rows,
       jsonb_build_object('ending', right(b.account_no, 4), 'agencies', string_agg(distinct a.code, ', ')) as found
  from agency_bank_details b join agencies a on a.id = b.agency_id
 where b.status = 'approved' group by b.account_no, b.ifsc having count(distinct b.agency_id) > 1
""",
    "clawbacks": """
select concat_ws(':', x.agency_id, cast(:month as text)) as key, x.agency_id, '' as agent, cast(:last as date) as day,
       to_jsonb((array_agg(x.ref order by x.ref))[1:50]) as rows,
       jsonb_build_object('clawbacks', count(*), 'sum_minor', -sum(x.amount_minor), 'currency', min(x.currency)) as found
  from accrual_lines x join accrual_runs r on r.id = x.run_id and r.is_current
   and r.period_start > cast(:since as date) - interval '3 months' and r.period_start <= :since
 where x.kind = 'clawback' group by x.agency_id
""",
}
