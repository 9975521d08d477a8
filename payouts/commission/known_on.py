"""A month as it was known at the end of a day, and what one run says that an earlier one did not. Sums of causes are the difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from payouts.commission.known_on_words import CAME, CHANGED, WENT, sentence
from payouts.commission.line_queries import version_names
from payouts.commission.models import AccrualLine, AccrualRun
from payouts.commission.queries import HEAD, RunHead, agency_names, head_of, rows_of, run_of_agency
from portal.kernel.clock import BANK_ZONE
from portal.kernel.periods import Period

GROUPS = (CAME, CHANGED, WENT)


def end_of(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), BANK_ZONE)


def known_on(session: Session, period: Period, day: date, agency_id: int | None = None) -> RunHead | None:
    """The run in force at the end of a day at the bank; of an agency, the run that then held its month. None before the first."""
    query = (
        select(*HEAD, AccrualRun.is_current)
        .where(AccrualRun.period_start == period.start, AccrualRun.run_at < end_of(day))
        .order_by(AccrualRun.version.desc())
        .limit(1)
    )
    row = session.execute(query).one_or_none()
    if row is None or agency_id is None:
        return head_of(row) if row else None
    held_by = run_of_agency(session, head_of(row), agency_id)
    query = select(*HEAD, AccrualRun.is_current).where(AccrualRun.id == held_by)
    return head_of(session.execute(query).one())


# Lines of two runs under what names them in each: a payment by its link, an event, an account, a correction by what it corrects, a cap
# or a promise by its rule. Whatever shares a name is summed, so that nothing is counted twice. `what` says why the two differ: the
# first that holds. One agency at a time; nothing is read of lines that came to the same.
CHANGES = """
with named as (
  select x.run_id, x.id, x.amount_minor, x.kind, x.currency,
         case when x.kind = 'commission' then x.link_id end as link_id,
         case when x.kind = 'commission' and x.link_id is not null then ''
              when x.event_id is not null then x.event_id || ':' || x.rule_id
              when x.adjustment_id is not null then x.adjustment_id::text
              when x.kind = 'clawback' then coalesce(x.clawback_of_id::text, x.facts ->> 'of', '')
              when x.kind = 'account_fee' then concat_ws(':', x.facts ->> 'loan_account_no', x.facts ->> 'allocated_on',
                                                               x.facts ->> 'for_month')
              else concat(x.rule_id, ':', x.facts ->> 'loan_account_no', ':', split_part(x.facts ->> 'card', ' ', 1), ':', x.facts ->> 'of')
         end as name
    from accrual_lines x where x.agency_id = :agency and x.run_id in (:earlier, :later)
), changed as (
  select kind, link_id, name, min(id) filter (where run_id = :earlier) as old_id, min(id) filter (where run_id = :later) as new_id,
         coalesce(sum(amount_minor) filter (where run_id = :earlier), 0)::bigint as was,
         coalesce(sum(amount_minor) filter (where run_id = :later), 0)::bigint as now,
         count(*) filter (where run_id = :earlier) as had, count(*) filter (where run_id = :later) as has
    from named group by kind, link_id, name
  having coalesce(sum(amount_minor) filter (where run_id = :earlier), 0)
      <> coalesce(sum(amount_minor) filter (where run_id = :later), 0)
), paired as (
  select c.*, o.ref as old_ref, n.ref as new_ref, coalesce(n.rule_id, o.rule_id) as rule_id, coalesce(n.id, o.id) as line_id,
         coalesce(n.collection_id, o.collection_id) as collection_id, o.rate_card_version_id as old_version,
         n.rate_card_version_id as new_version, o.rule_id as old_rule, n.rule_id as new_rule, o.base_minor as old_base,
         n.base_minor as new_base, o.facts ->> 'amount' as old_amount, n.facts ->> 'amount' as new_amount,
         o.steps -> 0 as old_first, n.steps -> 0 as new_first,
         coalesce(n.adjustment_id, o.adjustment_id) as adjustment_id, coalesce(n.event_id, o.event_id) as event_id,
         jsonb_path_query_array(o.steps, '$[*] ? (@.step == "slab")') -> -1 as old_slab,
         jsonb_path_query_array(n.steps, '$[*] ? (@.step == "slab")') -> -1 as new_slab
    from changed c left join accrual_lines o on o.id = c.old_id left join accrual_lines n on n.id = c.new_id
), waited as materialized (
  select distinct on (u.collection_id) u.collection_id, u.code from unpaid_collections u
   where u.run_id = :earlier and u.agency_id = :agency order by u.collection_id, u.id
), waits as materialized (
  select distinct on (u.collection_id) u.collection_id, u.code from unpaid_collections u
   where u.run_id = :later and u.agency_id = :agency order by u.collection_id, u.id
), told as (
  select p.*, k.receipt_no, k.loan_account_no, waited.code as waited_for, waits.code as waits_for,
         case
           when p.adjustment_id is not null then 'by_hand'
           when p.kind in ('event_fee', 'penalty', 'separate_recovery') and p.event_id is not null and p.old_id is null
             then 'event_accepted'
           when p.kind in ('event_fee', 'penalty', 'separate_recovery') and p.event_id is not null and p.new_id is null
             then 'event_gone'
           when p.kind = 'clawback' and p.old_id is null then 'taken_back'
           when p.kind = 'clawback' and p.new_id is null then 'not_taken_back'
           when p.kind = 'holdback_release' then 'released'
           when p.kind = 'adjustment' and p.rule_id = 'reprice' then 'priced_again'
           when p.kind not in ('commission', 'account_fee', 'event_fee') then 'whole_month'
           when p.old_id is null and p.kind = 'account_fee' then 'outcome_late'
           when p.old_id is null and k.reported_at > :earlier_at then 'reported_late'
           when p.old_id is null and s.imported_at > :earlier_at then 'bank_line_late'
           when p.old_id is null and waited.code in ('no_bank_line', 'suggestion_waits', 'amount_differs', 'duplicate_claim', 'reversed',
                                                     'posted_elsewhere') then 'matched_late'
           when p.old_id is null and waited.code = 'not_measured' then 'outcome_late'
           when p.old_id is null and waited.code = 'evidence_missing' then 'evidence_given'
           when p.old_id is null and waited.code is not null then 'cured'
           when p.old_id is null and m.confirmed_at > :earlier_at then 'matched_late'
           when p.old_id is null then 'came'
           when p.new_id is null and p.kind = 'account_fee' then 'outcome_changed'
           when p.new_id is null and m.status = 'undone' then 'undone'
           when p.new_id is null and waits.code is not null then 'earns_nothing_now'
           when p.new_id is null then 'gone'
           when p.old_version is distinct from p.new_version then 'other_terms'
           when p.old_rule <> p.new_rule then 'other_rule'
           when p.old_amount is distinct from p.new_amount then 'other_money'
           when p.old_first ->> 'base' is distinct from p.new_first ->> 'base' then 'components'
           when p.old_slab ->> 'from' is distinct from p.new_slab ->> 'from' then 'other_slab'
           when p.old_slab is distinct from p.new_slab then 'other_part'
           else 'other_facts'
         end as what
    from paired p
    left join match_links m on m.id = p.link_id
    left join collections k on k.id = p.collection_id
    left join bank_lines b on b.id = m.bank_line_id and p.old_id is null
    left join bank_statements s on s.id = b.statement_id
    left join waited on waited.collection_id = p.collection_id and p.old_id is null
    left join waits on waits.collection_id = p.collection_id and p.new_id is null
), detailed as (
  select t.*, case t.what
           when 'cured' then jsonb_build_object('code', t.waited_for)
           when 'earns_nothing_now' then jsonb_build_object('code', t.waits_for)
           when 'other_rule' then jsonb_build_object('was', t.old_rule, 'now', t.new_rule)
           when 'other_terms' then jsonb_build_object('was_version', t.old_version, 'now_version', t.new_version)
           when 'other_slab' then jsonb_build_object(
             'driver', t.new_slab ->> 'driver', 'was_from', t.old_slab ->> 'from',
             'pool', case when t.new_slab ->> 'scope' in ('agency+product', 'agency+opening_bucket') then t.new_slab ->> 'pool' end,
             'now_from', t.new_slab ->> 'from', 'was_pays', coalesce(t.old_slab ->> 'rate', t.old_slab ->> 'amount'),
             'now_pays', coalesce(t.new_slab ->> 'rate', t.new_slab ->> 'amount'), 'is_rate', t.new_slab ? 'rate',
             'was', case when t.new_slab ->> 'measured' = 'stated' and t.new_slab ->> 'scope' <> 'account' then t.old_slab ->> 'value' end,
             'now', case when t.new_slab ->> 'measured' = 'stated' and t.new_slab ->> 'scope' <> 'account' then t.new_slab ->> 'value' end)
           else '{}'::jsonb end as detail
    from told t
)
"""
BY_CAUSE = text(
    CHANGES
    + """
select what, kind, rule_id, detail, count(*) as lines, sum(now - was)::bigint as minor
  from detailed group by what, kind, rule_id, detail order by abs(sum(now - was)) desc, what, kind, rule_id, detail::text
"""
)
BY_LINE = text(
    CHANGES
    + """
select what, kind, rule_id, detail, old_ref, new_ref, line_id, collection_id, receipt_no, loan_account_no, was, now, has, had
  from detailed
 where line_id > :after and (:what = '' or what = :what) and (:rule = '' or rule_id = :rule)
 order by line_id limit :limit
"""
)


@dataclass(frozen=True, slots=True)
class Cause:
    """Why lines of two runs differ: how many, what it is worth (signed), and the sentence. `group`: came, changed or went."""

    what: str
    group: str
    kind: str
    rule_id: str
    lines: int
    minor: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Difference:
    """An agency's month between two runs. The causes' amounts sum to `minor` exactly."""

    earlier: RunHead
    later: RunHead
    earlier_minor: int
    later_minor: int
    causes: Sequence[Cause]

    @property
    def minor(self) -> int:
        return self.later_minor - self.earlier_minor

    def of_group(self, group: str) -> list[Cause]:
        return [cause for cause in self.causes if cause.group == group]


def difference(session: Session, earlier: RunHead, later: RunHead, agency_id: int) -> Difference:
    """What the later run says of an agency's month that the earlier one did not, cause by cause, the most money first."""
    bounds = _bounds(session, earlier, later, agency_id)
    rows = session.execute(BY_CAUSE, bounds).all() if bounds["earlier"] != bounds["later"] else []
    causes, names = [], _terms(session, rows)
    for row in rows:
        group, said = sentence(row.what, row.kind, _named(row.detail, names), row.lines, later.currency)
        causes.append(Cause(row.what, group, row.kind, row.rule_id, row.lines, row.minor, said))
    was, now = (_total(session, bounds[run], agency_id) for run in ("earlier", "later"))
    return Difference(earlier, later, was, now, causes)


def _bounds(session: Session, earlier: RunHead, later: RunHead, agency_id: int) -> dict[str, Any]:
    return {
        "agency": agency_id,
        "earlier": run_of_agency(session, earlier, agency_id),
        "later": run_of_agency(session, later, agency_id),
        "earlier_at": earlier.run_at,
    }


def _terms(session: Session, rows: Sequence[Any]) -> dict[int, str]:
    """Names of the versions that causes speak of, as far as they are in sight."""
    told = (row.detail.get(key) for row in rows for key in ("was_version", "now_version"))
    return version_names(session, {version for version in told if version})


def _named(detail: Mapping[str, Any], names: Mapping[int, str]) -> dict[str, Any]:
    told = {key: names.get(detail.get(f"{key}_version") or 0) for key in ("was", "now")}
    return dict(detail) | {key: name for key, name in told.items() if name}


def _total(session: Session, run_id: int, agency_id: int) -> int:
    line = AccrualLine
    query = select(func.coalesce(func.sum(line.amount_minor), 0))
    return int(session.scalar(query.where(line.run_id == run_id, line.agency_id == agency_id)) or 0)


@dataclass(frozen=True, slots=True)
class ChangedLine:
    """A line that two runs do not agree on; a ref is None in the run that does not have it."""

    line_id: int
    what: str
    kind: str
    rule_id: str
    old_ref: str | None
    new_ref: str | None
    collection_id: int | None
    receipt_no: str | None
    loan_account_no: str | None
    was_minor: int
    now_minor: int
    currency: str
    sentence: str

    @property
    def minor(self) -> int:
        return self.now_minor - self.was_minor


def changed_lines(
    session: Session,
    earlier: RunHead,
    later: RunHead,
    agency_id: int,
    *,
    what: str = "",
    rule: str = "",
    after: tuple[Any, ...] | None = None,
    limit: int = 51,
) -> list[ChangedLine]:
    """The lines behind a difference, in the order of the books; `after` is (line_id,)."""
    bounds = _bounds(session, earlier, later, agency_id)
    if bounds["earlier"] == bounds["later"]:
        return []
    asked = {"what": what, "rule": rule, "after": after[0] if after else 0, "limit": limit}
    rows = session.execute(BY_LINE, bounds | asked).all()
    names = _terms(session, rows)
    return [_changed(row, names, later.currency) for row in rows]


def _changed(row: Any, names: Mapping[int, str], currency: str) -> ChangedLine:
    _, said = sentence(row.what, row.kind, _named(row.detail, names), 1, currency)
    return ChangedLine(
        line_id=row.line_id,
        what=row.what,
        kind=row.kind,
        rule_id=row.rule_id,
        old_ref=row.old_ref,
        new_ref=row.new_ref,
        collection_id=row.collection_id,
        receipt_no=row.receipt_no,
        loan_account_no=row.loan_account_no,
        was_minor=row.was,
        now_minor=row.now,
        currency=currency,
        sentence=said,
    )


@dataclass(frozen=True, slots=True)
class AgencyChange:
    """What a month came to for an agency in two runs."""

    agency_id: int
    code: str
    name: str
    was_minor: int
    now_minor: int

    @property
    def minor(self) -> int:
        return self.now_minor - self.was_minor


def changes_by_agency(session: Session, earlier: RunHead, later: RunHead) -> list[AgencyChange]:
    """Every agency whose month the two runs do not agree on, the biggest change first. For the bank's scope."""
    was, now = _by_agency(session, earlier), _by_agency(session, later)
    moved = [key for key in {*was, *now} if was.get(key, 0) != now.get(key, 0)]
    names = agency_names(session, moved)
    found = [AgencyChange(key, *names[key], was.get(key, 0), now.get(key, 0)) for key in moved]
    return sorted(found, key=lambda each: (-abs(each.minor), each.code))


def _by_agency(session: Session, run: RunHead) -> dict[int, int]:
    line = AccrualLine
    query = select(line.agency_id, func.sum(line.amount_minor)).where(rows_of(session, line, run))
    return {agency_id: int(minor) for agency_id, minor in session.execute(query.group_by(line.agency_id))}
