"""What a settlement must not pay or take because another one did: the same money, account of a month, event, adjustment, share held
back or advance."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import text
from sqlalchemy.orm import Session

from payouts.commission.closed import CLOSED
from payouts.settlements.models import Settlement

# What names a thing that is settled once, by the lines it concerns. Each key is looked up by an index, or its lines are few.
KEYS = {
    "link_id": "x.kind in ('commission', 'clawback')",
    "event_id": "x.event_id is not null",
    "adjustment_id": "x.adjustment_id is not null",
    "facts ->> 'of'": "x.kind = 'holdback_release'",
    "facts": "x.kind = 'adjustment' and x.rule_id = 'reprice'",
}
ELSEWHERE = " union all ".join(
    f"""
select x.ref as line, s.ref as settlement
  from settlement_lines l
  join accrual_lines x on x.id = l.accrual_line_id
  join accrual_lines o on o.{key} = x.{key} and o.agency_id = x.agency_id and o.kind = x.kind and o.id <> x.id
  join settlement_lines ol on ol.accrual_line_id = o.id
  join settlements s on s.id = ol.settlement_id and s.id <> l.settlement_id and {CLOSED}
 where l.settlement_id = :settlement and {lines}
"""
    for key, lines in KEYS.items()
)
# An account earns a month's fee once: in its own month, or in a later one that says it is for that month. What names it stands in the
# facts; months apart cannot clash unless one of the two lines is such a late one.
FEES = """
select {columns}, coalesce(x.facts ->> 'for_month', to_char(s.period_start, 'YYYY-MM')) as month,
       x.facts ->> 'loan_account_no' as account, x.facts ->> 'allocated_on' as allocated_on, x.facts ->> 'stream' as stream,
       x.facts ? 'for_month' as is_late
  from settlement_lines l
  join settlements s on s.id = l.settlement_id and {where}
  join accrual_lines x on x.id = l.accrual_line_id
 where l.kind = 'account_fee' and l.agency_id = :agency
"""
ACCOUNTS = text(f"""
with own as ({FEES.format(columns="x.ref as line", where="s.id = :settlement")}),
     others as ({FEES.format(columns="s.ref as settlement", where=f"s.id <> :settlement and {CLOSED}")})
select own.line, others.settlement from own join others using (month, account, allocated_on, stream)
 where own.is_late or others.is_late order by 1, 2
""")
# What was kept during a dispute is paid out once.
RELEASED = text(f"""
select own.position::text as line, s.ref as settlement
  from settlement_lines own
  join settlement_lines l on l.dispute_id = own.dispute_id and l.id <> own.id and l.agency_id = own.agency_id
  join settlements s on s.id = l.settlement_id and s.id <> :settlement and {CLOSED}
 where own.settlement_id = :settlement and own.agency_id = :agency and own.dispute_id is not null
 order by 1, 2
""")
# What a decision granted for a receipt that had earned nothing is all it earns, unless an adjustment about its line takes one back.
GRANTED = text("""
select x.ref as line, d.ref as dispute
  from settlement_lines l
  join accrual_lines x on x.id = l.accrual_line_id and x.kind = 'commission' and x.amount_minor > 0
  join disputes d on d.collection_id = x.collection_id and d.agency_id = x.agency_id
   and d.status = 'decided' and d.granted_minor > 0
 where l.settlement_id = :settlement and l.agency_id = :agency and not exists (
       select 1 from manual_adjustments a join accrual_lines y on y.ref = a.about_ref and y.agency_id = a.agency_id
        where a.agency_id = l.agency_id and a.status = 'accepted' and a.amount_minor < 0
          and y.collection_id = x.collection_id)
 order by 1, 2
""")
# Advances are one sum a card: what is recovered of them over all settlements is never more than was given.
RECOVERED = f"""
select c.code
  from accrual_lines x
  join settlement_lines l on l.accrual_line_id = x.id
  join settlements s on s.id = l.settlement_id and ({CLOSED} or s.id = :settlement)
  join rate_card_versions v on v.id = x.rate_card_version_id
  join rate_cards c on c.id = v.rate_card_id
 where x.kind = 'guarantee' and x.facts ->> 'recoverable' = 'true' and x.agency_id = :agency
 group by c.code
having sum(x.amount_minor) < 0 and bool_or(s.id = :settlement and x.amount_minor < 0)
"""

# Settlements submitted or further that correct this one: they took back, released, priced again, added to, recovered or brought
# forward what stands in it, and would be wrong were it drafted anew.
LEANING = text(f"""
select distinct s.ref
  from settlements s
  join settlement_lines l on l.settlement_id = s.id
  left join accrual_lines x on x.id = l.accrual_line_id
 where s.agency_id = :agency and s.id <> :settlement and {CLOSED} and s.period_start > :start and (
       x.kind = 'clawback' and x.clawback_of_id in (select accrual_line_id from settlement_lines where settlement_id = :settlement)
    or x.kind = 'holdback_release' and x.facts ->> 'settlement' = :ref
    or x.kind = 'adjustment' and x.rule_id = 'reprice' and x.facts ->> 'of' = :ref
    or x.kind = 'account_fee' and x.facts ->> 'settlement' = :ref
    or x.kind = 'guarantee' and x.amount_minor < 0
       and exists (select 1 from settlement_lines o where o.settlement_id = :settlement and o.kind = 'guarantee' and o.amount_minor > 0)
    or l.dispute_id in (select d.id from disputes d where d.settlement_id = :settlement)
    or l.kind = 'brought_forward'
       and exists (select 1 from settlement_lines o where o.settlement_id = :settlement and o.kind = 'carry_forward'))
 order by s.ref
""")


def leaning_on(session: Session, settlement: Settlement) -> list[str]:
    """Refs of later settlements that correct what stands in this one."""
    bounds = {"settlement": settlement.id, "agency": settlement.agency_id, "ref": settlement.ref}
    return list(session.scalars(LEANING, bounds | {"start": settlement.period_start}))


def settled_elsewhere(session: Session, settlement: Settlement) -> Iterator[tuple[str, str]]:
    """(accrual line or card, what is wrong) of what this settlement holds and another one settled, or took back, already."""
    bounds = {"settlement": settlement.id, "agency": settlement.agency_id}
    for line, other in session.execute(text(f"{ELSEWHERE} order by 1, 2"), {"settlement": settlement.id}):
        yield line, f"settled in {other} already"
    for line, other in session.execute(ACCOUNTS, bounds):
        yield line, f"settled in {other} already"
    for line, other in session.execute(RELEASED, bounds):
        yield line, f"paid out in {other} already"
    for line, dispute in session.execute(GRANTED, bounds):
        yield (
            line,
            f"paid by the decision on {dispute} already; an adjustment about this line takes one of the two back",
        )
    for (code,) in session.execute(text(f"{RECOVERED} order by 1"), bounds):
        yield code, "recovers more than was advanced"
