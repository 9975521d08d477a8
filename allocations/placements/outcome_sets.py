"""Month-end outcomes as stored facts: each allocation of a month, judged once from its frozen opening and its last snapshot.

Read again, the same snapshots give the set in force; anything else gives a new version with its difference to the one before. The rows
go from table to table within the database, so that a million take seconds and next to no memory here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from allocations.agencies.service import lender
from allocations.placements.buckets import Scheme
from allocations.placements.import_accounts import scheme_for
from allocations.placements.judging import UNMEASURED, scheme_text, verdicts
from allocations.placements.outcome_models import OutcomeSet
from portal.kernel.audit import Actor, AuditEvent, AuditTag, record_event
from portal.kernel.db import scope_of
from portal.kernel.errors import Refused
from portal.kernel.periods import Period, month_of, parse_month

MOVED = ("was", "was_measured", "now", "now_measured", "accounts", "principal_minor")
NAMED = 100  # accounts a difference names; a page reads the rest from the rows
LOCK = text("select pg_advisory_xact_lock(hashtext('outcomes ' || :period))")

# What is judged: every allocation in force on a day of the month, with its account's last snapshot of the month after its opening.
GATHER = text("""
create temporary table month_allocations on commit drop as
select a.id as allocation_id, a.agency_id, g.code as agency, a.loan_account_no, a.stream, a.from_on, a.product, a.opening_bucket,
       a.opening_principal_minor, a.opening_overdue_minor, s.as_of as snapshot_on, s.dpd_days
  from allocations a
  join agencies g on g.id = a.agency_id
  left join lateral (
       select x.as_of, x.dpd_days from account_snapshots x
        where x.loan_account_id = a.loan_account_id and x.as_of >= :since and x.as_of < :until and x.as_of > a.opening_as_of
        order by x.as_of desc limit 1) s on true
 where a.from_on < :until and (a.to_on is null or a.to_on >= :since)
""")

# Hashed by what the world calls things, never by our own numbers, and sorted: the order in which files came in does not show.
HASH = """
select coalesce(string_agg(h, '' order by h collate "C"), '') from (
  select encode(sha256(convert_to(string_agg(line, e'\\n' order by line collate "C"), 'UTF8')), 'hex') as h
    from ({lines}) l group by agency_id) by_agency
"""
INPUT_HASH = text(HASH.format(lines="""
select agency_id, row(agency, loan_account_no, stream, from_on, product, opening_bucket, opening_principal_minor,
                      opening_overdue_minor, snapshot_on, dpd_days)::text as line
  from month_allocations"""))  # fmt: skip
RESULT_LINES = """
select o.agency_id, row(g.code, o.loan_account_no, o.product, o.opening_bucket, o.opening_principal_minor, o.opening_overdue_minor,
                        o.closing_dpd_days, o.closing_bucket, o.snapshot_on, o.is_measured, o.outcome)::text as line
  from {table} o join agencies g on g.id = o.agency_id"""
RESULT_HASH = text(HASH.format(lines=RESULT_LINES.format(table="month_outcomes")))
STORED_HASH = text(HASH.format(lines=RESULT_LINES.format(table="account_outcomes") + " where o.outcome_set_id = :set"))

JUDGE = text("""
create temporary table month_outcomes on commit drop as
select m.agency_id, m.allocation_id, m.loan_account_no, m.product, m.opening_bucket, m.opening_principal_minor,
       m.opening_overdue_minor, m.dpd_days as closing_dpd_days, m.closing_bucket,
       case when v.outcome is not null then m.snapshot_on end as snapshot_on, v.outcome is not null as is_measured,
       coalesce(v.outcome, :unmeasured) as outcome
  from (select *, (cast(:codes as text[]))[width_bucket(dpd_days, cast(:floors as integer[]))] as closing_bucket
          from month_allocations) m
  left join jsonb_to_recordset(cast(:verdicts as jsonb)) as v(opening text, closing text, outcome text)
    on v.opening = m.opening_bucket and v.closing = m.closing_bucket
""")
COLUMNS = """agency_id, allocation_id, loan_account_no, product, opening_bucket, opening_principal_minor, opening_overdue_minor,
             closing_dpd_days, closing_bucket, snapshot_on, is_measured, outcome"""
STORE = text(f"""
insert into account_outcomes (outcome_set_id, {COLUMNS})
select :set, {COLUMNS} from month_outcomes order by agency_id, allocation_id
""")
SUMS = """
select grouping(o.product) = 1 as of_agency, g.code as agency, o.opening_bucket, o.closing_bucket, o.product, o.outcome, o.is_measured,
       count(*) as accounts, sum(o.opening_principal_minor)::bigint as principal_minor, max(o.snapshot_on) as through
  from {table} o join agencies g on g.id = o.agency_id {where}
 group by grouping sets ((g.code, o.opening_bucket, o.closing_bucket, o.outcome, o.is_measured), (o.product, o.outcome, o.is_measured))
 order by 1, 2, 3, 4, 5, 6, 7
"""
NEW_SUMS = text(SUMS.format(table="month_outcomes", where=""))
STORED_SUMS = text(SUMS.format(table="account_outcomes", where="where o.outcome_set_id = :set"))
# Agencies whose four outcomes are not the whole of what they were allocated.
NOT_WHOLE = text("""
select agency_id, a.accounts as allocated, a.principal_minor as allocated_minor, o.accounts, o.principal_minor
  from (select agency_id, count(*) as accounts, sum(opening_principal_minor) as principal_minor
          from month_allocations group by 1) a
  full join (select agency_id, count(*) as accounts, sum(opening_principal_minor) as principal_minor
               from account_outcomes where outcome_set_id = :set group by 1) o using (agency_id)
 where (a.accounts, a.principal_minor) is distinct from (o.accounts, o.principal_minor)
""")

BOTH = """
  from (select * from account_outcomes where outcome_set_id = :old) w full join month_outcomes n using (allocation_id)
"""
DIFFERENCE = text(f"""
select w.outcome as was, w.is_measured as was_measured, n.outcome as now, n.is_measured as now_measured,
       w.snapshot_on is distinct from n.snapshot_on as refreshed, count(*) as accounts,
       sum(coalesce(n.opening_principal_minor, w.opening_principal_minor))::bigint as principal_minor
{BOTH} group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5
""")
NAMED_CHANGES = text(f"""
select coalesce(n.loan_account_no, w.loan_account_no) as loan_account_no, g.code as agency, w.outcome as was, n.outcome as now,
       w.is_measured as was_measured, n.is_measured as now_measured, w.closing_bucket as was_bucket, n.closing_bucket as now_bucket,
       coalesce(n.opening_bucket, w.opening_bucket) as opening_bucket,
       coalesce(n.opening_principal_minor, w.opening_principal_minor) as principal_minor
  {BOTH} join agencies g on g.id = coalesce(n.agency_id, w.agency_id)
 where (w.outcome, w.is_measured) is distinct from (n.outcome, n.is_measured)
 order by coalesce(n.loan_account_no, w.loan_account_no) collate "C", allocation_id limit {NAMED}
""")


def current_set(session: Session, period: Period) -> OutcomeSet | None:
    """The set in force of a month, None before its snapshots were first read."""
    query = select(OutcomeSet).where(OutcomeSet.period_start == period.start, OutcomeSet.is_current)
    return session.scalars(query.execution_options(populate_existing=True)).first()


def freeze_outcomes(session: Session, period: Period, *, actor: Actor, now: datetime) -> OutcomeSet:
    """Judge the month's allocations and store them as the set in force, unless nothing changed since the last reading.

    An account without a snapshot counts as rolled forward, unmeasured. Two readings at once take turns and make one set. Refused when
    the month has not begun; Invalid when no bucket scheme is in force on its last day.
    """
    if period.start > scope_of(session).today:
        raise Refused(f"{period.label} has not begun.", code="period_not_begun", cure="Choose a month that has begun.")
    session.execute(LOCK, {"period": period.label})
    through = session.scalar(select(func.max(AuditEvent.id))) or 0
    scheme = scheme_for(session, period.last_day)
    _drop(session)
    session.execute(text("set local work_mem to '128MB'"))  # a million lines are sorted four times
    session.execute(GATHER, {"since": period.start, "until": period.end})
    before, digest = current_set(session, period), _digest(scheme_text(scheme), session.scalar(INPUT_HASH))
    if before is None or before.input_hash != digest:
        _judge(session, scheme)
        found = _store(session, period, scheme, before, digest, actor, now)
        _check_whole(session, found)
        _record(session, found, through, actor, now)
    else:
        found = before
        if snapshots_since(session, found):  # they were read and told nothing new; the page need not ask for it again
            _record(session, found, through, actor, now)
    _drop(session)
    session.execute(text("set local work_mem to default"))
    return found


def _drop(session: Session) -> None:
    session.execute(text("drop table if exists pg_temp.month_allocations, pg_temp.month_outcomes"))


def _digest(*parts: str | None) -> str:
    return hashlib.sha256("\n".join(part or "" for part in parts).encode()).hexdigest()


def _judge(session: Session, scheme: Scheme) -> None:
    values = {
        "codes": [bucket.code for bucket in scheme.buckets],
        "floors": [bucket.dpd_from for bucket in scheme.buckets],
        "verdicts": json.dumps(verdicts(scheme)),
        "unmeasured": UNMEASURED.value,
    }
    session.execute(JUDGE, values)
    session.execute(text("analyze month_outcomes"))


def _store(
    session: Session,
    period: Period,
    scheme: Scheme,
    before: OutcomeSet | None,
    digest: str,
    actor: Actor,
    now: datetime,
) -> OutcomeSet:
    """The new set in force: its row says everything there is to say of it before its accounts are stored."""
    summary = summary_of(session.execute(NEW_SUMS).all()) | {
        "currency": lender(session).currency,
        "buckets": [bucket.code for bucket in scheme.buckets],
        "difference": _difference(session, before, scheme),
    }
    if before is not None:
        before.is_current = False
        session.flush()
    made = OutcomeSet(
        period_start=period.start,
        version=before.version + 1 if before else 1,
        scheme_version=scheme.version,
        input_hash=digest,
        result_hash=_digest(session.scalar(RESULT_HASH)),
        accounts=sum(cell[5] for cell in summary["cells"]),
        summary=summary,
        made_by=actor.email,
        made_at=now,
    )
    session.add(made)
    session.flush()
    session.execute(STORE, {"set": made.id})
    return made


def summary_of(rows: Sequence[Any]) -> dict[str, Any]:
    """Sums as a set keeps them: `cells` in the order of outcome_sums.CELL, `products`, and the newest snapshot's day."""
    through = max((row.through for row in rows if row.through), default=None)
    return {
        "cells": [
            [r.agency, r.opening_bucket, r.closing_bucket, r.outcome, r.is_measured, r.accounts, r.principal_minor]
            for r in rows
            if r.of_agency
        ],
        "products": [
            [r.product, r.outcome, r.is_measured, r.accounts, r.principal_minor] for r in rows if not r.of_agency
        ],
        "through": through and through.isoformat(),
    }


def stored_summary(session: Session, found: OutcomeSet) -> dict[str, Any]:
    """The sums of the set's stored accounts, to hold against its summary."""
    return summary_of(session.execute(STORED_SUMS, {"set": found.id}).all())


def stored_hash(session: Session, found: OutcomeSet) -> str:
    """The hash of the set's stored accounts, to hold against its `result_hash`."""
    return _digest(session.scalar(STORED_HASH, {"set": found.id}))


def _difference(session: Session, before: OutcomeSet | None, scheme: Scheme) -> dict[str, Any]:
    """What this reading changes against the one before: from what to what, who came and left, what that is in principal."""
    if before is None:
        return {}
    moved: list[dict[str, Any]] = []
    came, left, refreshed = [0, 0], [0, 0], 0
    for row in session.execute(DIFFERENCE, {"old": before.id}):
        if row.was is None or row.now is None:
            counted = came if row.was is None else left
            counted[0] += row.accounts
            counted[1] += row.principal_minor
        elif (row.was, row.was_measured) != (row.now, row.now_measured):
            moved.append({key: getattr(row, key) for key in MOVED})
        else:
            refreshed += row.accounts if row.refreshed else 0
    named = session.execute(NAMED_CHANGES, {"old": before.id}).mappings()
    return {
        "since": before.version,
        "changed": _joined(moved),
        "came": {"accounts": came[0], "principal_minor": came[1]},
        "left": {"accounts": left[0], "principal_minor": left[1]},
        "refreshed": refreshed,
        "scheme": {"was": before.scheme_version, "now": scheme.version},
        "accounts": [dict(row) for row in named],
    }


def _joined(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of one change added up, whether or not the account's snapshot is another."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        sums = found.setdefault(tuple(row[key] for key in MOVED[:4]), row | {"accounts": 0, "principal_minor": 0})
        sums["accounts"] += row["accounts"]
        sums["principal_minor"] += row["principal_minor"]
    return list(found.values())


def _check_whole(session: Session, found: OutcomeSet) -> None:
    """The four outcomes are all of the allocation, by count and by principal, agency by agency. RuntimeError when not: a defect."""
    if wrong := session.execute(NOT_WHOLE, {"set": found.id}).all():
        raise RuntimeError(f"outcomes of {found.period_start:%Y-%m} do not sum to the allocation: {wrong[:5]}")


def _record(session: Session, found: OutcomeSet, through: int, actor: Actor, now: datetime) -> None:
    """`through` is the last act known when the reading began: what was imported after it has not been read."""
    data = {
        "version": found.version,
        "accounts": found.accounts,
        "input_hash": found.input_hash,
        "result_hash": found.result_hash,
        "through": through,
    }
    ref = f"{found.period_start:%Y-%m}"
    record_event(
        session, AuditTag.OUTCOMES_FROZEN, actor=actor, subject_type="outcomes", subject_ref=ref, now=now, data=data
    )


def months_behind(session: Session) -> list[Period]:
    """Months read before some of their snapshots came in, the oldest first."""
    last = func.max(AuditEvent.id).label("last")
    frozen = select(last).where(AuditEvent.tag == AuditTag.OUTCOMES_FROZEN.text).group_by(AuditEvent.subject_ref)
    read = select(AuditEvent.subject_ref, AuditEvent.body).where(AuditEvent.id.in_(frozen))
    through = {ref: json.loads(body)["data"]["through"] for ref, body in session.execute(read)}
    month = func.left(AuditEvent.subject_ref, 7)
    imports = select(month, last).where(AuditEvent.tag == AuditTag.ACCOUNTS_IMPORTED.text).group_by(month)
    behind = [label for label, newest in session.execute(imports) if newest > through.get(label, newest)]
    return [parse_month(label) for label in sorted(behind)]


def snapshots_since(session: Session, found: OutcomeSet) -> list[date]:
    """Days of the month whose snapshots came in after the set was last read."""
    month = month_of(found.period_start)
    read = select(AuditEvent.body).where(
        AuditEvent.tag == AuditTag.OUTCOMES_FROZEN.text, AuditEvent.subject_ref == month.label
    )
    body = session.scalars(read.order_by(AuditEvent.id.desc()).limit(1)).first()
    through = json.loads(body)["data"]["through"] if body else 0
    imports = select(AuditEvent.subject_ref).where(
        AuditEvent.tag == AuditTag.ACCOUNTS_IMPORTED.text,
        AuditEvent.id > through,
        AuditEvent.subject_ref.between(month.start.isoformat(), month.last_day.isoformat()),
    )
    return [date.fromisoformat(day) for day in sorted(set(session.scalars(imports)))]
