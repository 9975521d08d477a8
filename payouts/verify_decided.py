"""Verification of what people decided about commission, and of which run is in force: rows against the audit log's own word."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from payouts.commission.hashing import canonical, digest
from payouts.commission.what_if_models import Simulation
from payouts.difference import Findings
from portal.kernel.audit import AuditTag
from portal.kernel.periods import Period

LISTED = 100  # rows a check names of one table


@dataclass(frozen=True, slots=True)
class Decided:
    """A table of proposals. `ref` is what the audit log calls a row, `told` its columns that the last act on it says."""

    table: str
    tag: AuditTag
    ref: str
    told: str = "null::text"
    acts: str = "'accept', 'approve', 'reject'"  # those that name who decided


TABLES = (
    Decided("earning_events", AuditTag.EVENT_MOVED, "t.ref"),
    Decided("manual_adjustments", AuditTag.ADJUSTMENT_MOVED, "t.ref"),
    Decided("agency_measures", AuditTag.MEASURE_MOVED, "'M' || t.id"),
    Decided("payout_findings", AuditTag.FINDING_MOVED, "'F' || t.id"),
    Decided("payout_profiles", AuditTag.PROFILE_MOVED, "t.name || ' v' || t.version"),
    Decided("one_time_settlements", AuditTag.COMPROMISE_MOVED, "'C' || t.id", told="t.to_on::text"),
    Decided("compromise_offers", AuditTag.OFFER_MOVED, "'OTS-' || t.id", told="t.closed_on::text"),
    Decided("compromise_breaches", AuditTag.BREACH_MOVED, "'breach ' || t.id", told="t.last_on::text"),
    Decided("repayment_plans", AuditTag.PLAN_MOVED, "'plan ' || t.id", told="t.closed_on::text"),
    Decided("referrals", AuditTag.REFERRAL_MOVED, "'referral ' || t.id", told="t.closed_on::text"),
    Decided(
        "allocation_requests",
        AuditTag.ALLOCATION_REQUEST_MOVED,
        "t.loan_account_no || '/' || t.allocation_id || '/' || t.id",
    ),
    Decided("tax_invoices", AuditTag.INVOICE_MOVED, "'I' || t.id"),
    Decided(
        "settlement_repointings",
        AuditTag.SETTLEMENT_REPOINTED,
        "t.ref",
        told="t.to_detail_id::text",
        acts="'accept', 'check', 'reject'",
    ),
    Decided("tax_certificates", AuditTag.CERTIFICATE_MOVED, "t.ref", told="t.valid_to::text"),
    Decided("withholding_deposits", AuditTag.DEPOSIT_MOVED, "t.ref"),
    Decided("approval_limits", AuditTag.LIMIT_MOVED, "t.ref"),
    Decided("person_ties", AuditTag.PERSON_TIE_MOVED, "'T' || t.id", told="coalesce(t.other_email, '')"),
    Decided("delegations", AuditTag.DELEGATION_MOVED, "t.ref", told="t.to_email"),
)
# The last act on each row, and the last that decided. A row nobody moved is as it was proposed.
MOVED = """
with acts as (
  select subject_ref as ref, id, actor, at, body::jsonb -> 'data' as data from audit_events where tag = :tag
), last as (select distinct on (ref) ref, data from acts order by ref, id desc),
   decision as (select distinct on (ref) ref, actor, at from acts where data ->> 'action' in ({acts}) order by ref, id desc)
select t.id, {ref} as ref, c.name, c.stored, c.told
  from {table} t
  left join last on last.ref = {ref}
  left join decision on decision.ref = {ref}
  cross join lateral (values
    ('status', t.status, coalesce(last.data ->> 'after', 'proposed')),
    ('decided_by', t.decided_by, decision.actor),
    ('decided_at', t.decided_at::text, decision.at::text),
    ('decision_reason', coalesce(t.decision_reason, ''), coalesce(last.data ->> 'reason', '')),
    ('to_on', {told}, case when last.ref is null then {told} else last.data ->> 'to' end)
  ) as c(name, stored, told)
 where c.stored is distinct from c.told
 order by t.id, c.name limit {listed}
"""
# What names an event or an adjustment in a line names it among the line's facts as well: it decides what is free to be paid.
NAMED_OTHERWISE = text(f"""
select x.id, x.ref, case when x.adjustment_id is not null or j.id is not null then 'adjustment_id' else 'event_id' end as name,
       coalesce(x.adjustment_id, x.event_id)::text as stored, coalesce(e.ref, j.ref, 'none') as told
  from accrual_lines x
  left join earning_events e on e.id = x.event_id
  left join manual_adjustments j on j.id = x.adjustment_id
 where x.event_id is not null and (x.kind not in ('event_fee', 'penalty', 'separate_recovery') or x.facts ->> 'ref' is distinct from e.ref)
    or x.adjustment_id is not null and (x.kind not in ('bonus', 'penalty', 'adjustment') or x.rule_id is distinct from j.ref)
    or x.event_id is null and x.kind in ('event_fee', 'separate_recovery')
    or x.event_id is null and x.adjustment_id is null and x.kind = 'penalty'
    or x.adjustment_id is null and x.rate_card_version_id is null and x.kind in ('bonus', 'adjustment')
 order by x.id limit {LISTED}
""")
RUNS = text("""
select r.id, to_char(r.period_start, 'YYYY-MM') || ' v' || r.version as ref, c.name, c.stored, c.told
  from accrual_runs r
  left join lateral (select a.actor, a.at, a.body::jsonb -> 'data' as data from audit_events a where a.tag = :tag
                      and a.subject_ref = to_char(r.period_start, 'YYYY-MM') || ' v' || r.version order by a.id limit 1) a on true
  cross join lateral (values
    ('input_hash', r.input_hash, coalesce(a.data ->> 'input_hash', 'never recorded')),
    ('result_hash', r.result_hash, coalesce(a.data ->> 'result_hash', 'never recorded')),
    ('lines', r.lines::text, a.data ->> 'lines'), ('total_minor', r.total_minor::text, a.data ->> 'total'),
    ('run_by', r.run_by, a.actor), ('run_at', r.run_at::text, a.at::text)
  ) as c(name, stored, told)
 where c.stored is distinct from c.told and (cast(:start as date) is null or r.period_start = :start)
 order by r.id, c.name
""")
TRIED = text("""
select subject_ref as ref, body::jsonb -> 'data' ->> 'result_hash' as told from audit_events where tag = :tag order by id
""")
# The newest version of a month is the one in force.
IN_FORCE = """
select t.id, to_char(t.period_start, 'YYYY-MM') || ' v' || t.version as ref, t.is_current::text as stored,
       (t.version = n.newest)::text as told
  from {table} t join (select period_start, max(version) as newest from {table} group by 1) n using (period_start)
 where t.is_current is distinct from (t.version = n.newest) order by t.id
"""


def check_decided(session: Session, findings: Findings, period: Period | None) -> None:
    """Nothing proposed was moved but by an act on record; runs are as recorded, the newest in force; lines name what they stand on."""
    for each in TABLES:
        findings.count("decided", session.scalar(text(f"select count(*) from {each.table}")) or 0)
        query = text(MOVED.format(table=each.table, ref=each.ref, told=each.told, acts=each.acts, listed=LISTED))
        for id_, ref, name, stored, told in session.execute(query, {"tag": each.tag.text}):
            findings.differs("decided", each.table, id_, ref, name, stored, told)
    for row in session.execute(NAMED_OTHERWISE):
        findings.differs("decided", "accrual_lines", row.id, row.ref, row.name, row.stored, row.told)
    start = period.start if period else None
    for id_, ref, name, stored, told in session.execute(RUNS, {"tag": AuditTag.ACCRUED.text, "start": start}):
        findings.differs("decided", "accrual_runs", id_, ref, name, stored, told)
    _check_tried(session, findings)
    for table in ("accrual_runs", "outcome_sets"):
        for id_, ref, stored, told in session.execute(text(IN_FORCE.format(table=table))):
            findings.differs("decided", table, id_, ref, "is_current", stored, told)


def _check_tried(session: Session, findings: Findings) -> None:
    """What an approver is shown of a what-if is what came of it, over the text it names."""
    told = {row.ref: row.told for row in session.execute(TRIED, {"tag": AuditTag.WHAT_IF_RUN.text})}
    for row in session.scalars(select(Simulation).where(Simulation.status == "done").order_by(Simulation.id)):
        payload = {key: value for key, value in row.result.items() if key != "asked"}
        about = ("decided", "simulations", row.id, row.card_code)
        findings.compare(*about, "result", row.result_hash, digest([canonical(payload)]))
        findings.compare(*about, "result_hash", row.result_hash, told.get(str(row.id), "never recorded"))
        findings.compare(*about, "sha256", row.sha256, hashlib.sha256(row.source_text.encode()).hexdigest())
