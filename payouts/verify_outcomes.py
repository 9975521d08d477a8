"""Verification of month-end outcomes: the four are the whole allocation, each follows from its facts, and nothing was edited since."""

from __future__ import annotations

import json
from collections.abc import Mapping

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from allocations.placements.buckets import Scheme
from allocations.placements.import_accounts import load_schemes
from allocations.placements.judging import UNMEASURED, verdicts
from allocations.placements.outcome_models import OutcomeSet
from allocations.placements.outcome_sets import stored_hash, stored_summary
from payouts.difference import Findings
from portal.kernel.audit import AuditEvent, AuditTag
from portal.kernel.periods import Period

LISTED = 100  # rows a set names; a count stands for the rest

# Judged again from the row's own facts, and these against the snapshot and the frozen opening they were taken from.
NOT_AS_JUDGED = text(f"""
select o.id, o.loan_account_no, o.outcome, coalesce(v.outcome, :unmeasured) as again
  from account_outcomes o
  left join jsonb_to_recordset(cast(:verdicts as jsonb)) as v(opening text, closing text, outcome text)
    on v.opening = o.opening_bucket and v.closing = (cast(:codes as text[]))[width_bucket(o.closing_dpd_days, cast(:floors as integer[]))]
 where o.outcome_set_id = :set and (o.outcome, o.is_measured) is distinct from (coalesce(v.outcome, :unmeasured), v.outcome is not null)
 order by o.id limit {LISTED}
""")
NOT_AS_FROZEN = text(f"""
select o.id, o.loan_account_no,
       row(o.opening_bucket, o.opening_principal_minor, o.opening_overdue_minor)::text as stored,
       row(a.opening_bucket, a.opening_principal_minor, a.opening_overdue_minor)::text as again
  from account_outcomes o join allocations a on a.id = o.allocation_id
 where o.outcome_set_id = :set and (o.loan_account_no, o.opening_bucket, o.opening_principal_minor, o.opening_overdue_minor)
       is distinct from (a.loan_account_no, a.opening_bucket, a.opening_principal_minor, a.opening_overdue_minor)
 order by o.id limit {LISTED}
""")
NOT_AS_SEEN = text(f"""
select o.id, o.loan_account_no, o.closing_dpd_days as stored, s.dpd_days as again
  from account_outcomes o
  join allocations a on a.id = o.allocation_id
  left join account_snapshots s on s.loan_account_id = a.loan_account_id and s.as_of = o.snapshot_on
 where o.outcome_set_id = :set and o.is_measured and s.dpd_days is distinct from o.closing_dpd_days
 order by o.id limit {LISTED}
""")


def check_outcomes(session: Session, findings: Findings, period: Period | None) -> None:
    """Every set: its sums are those of its rows, its rows are what their facts give, and it is what the audit log says was made."""
    query = select(OutcomeSet).order_by(OutcomeSet.period_start, OutcomeSet.version)
    if period:
        query = query.where(OutcomeSet.period_start == period.start)
    schemes = {scheme.version: scheme for scheme in load_schemes(session)}
    made = _hashes_made(session)
    for found in session.scalars(query):
        findings.count("outcomes", found.accounts)
        _check_sums(session, findings, found, made)
        if found.scheme_version in schemes:
            _check_rows(session, findings, found, schemes[found.scheme_version])
        else:
            ref = f"{found.period_start:%Y-%m} version {found.version}"
            findings.differs("outcomes", "outcome_sets", found.id, ref, "scheme_version", found.scheme_version, "none")


def _hashes_made(session: Session) -> Mapping[tuple[str, int], str]:
    """(month, version) → the result hash that was recorded when the set was made."""
    query = select(AuditEvent.subject_ref, AuditEvent.body).where(AuditEvent.tag == AuditTag.OUTCOMES_FROZEN.text)
    found: dict[tuple[str, int], str] = {}
    for ref, body in session.execute(query.order_by(AuditEvent.id)):
        data = json.loads(body)["data"]
        found.setdefault((ref, data["version"]), data["result_hash"])
    return found


def _check_sums(session: Session, findings: Findings, found: OutcomeSet, made: Mapping[tuple[str, int], str]) -> None:
    month = f"{found.period_start:%Y-%m}"
    ref, again = f"{month} version {found.version}", stored_summary(session, found)
    about = ("outcomes", "outcome_sets", found.id, ref)
    findings.compare(*about, "accounts", found.accounts, sum(cell[5] for cell in again["cells"]))
    for part in ("cells", "products"):
        stored = found.summary.get(part)
        findings.count("outcomes")
        if stored != again[part]:
            findings.differs(*about, f"summary.{part}", "other sums", "the sums of its accounts")
    findings.compare(*about, "result_hash", found.result_hash, stored_hash(session, found))
    findings.compare(*about, "result_hash", found.result_hash, made.get((month, found.version), "never recorded"))


def _check_rows(session: Session, findings: Findings, found: OutcomeSet, scheme: Scheme) -> None:
    values = {
        "set": found.id,
        "codes": [bucket.code for bucket in scheme.buckets],
        "floors": [bucket.dpd_from for bucket in scheme.buckets],
        "verdicts": json.dumps(verdicts(scheme)),
        "unmeasured": UNMEASURED.value,
    }
    for name, query in (("outcome", NOT_AS_JUDGED), ("opening", NOT_AS_FROZEN), ("closing_dpd_days", NOT_AS_SEEN)):
        keys = values if query is NOT_AS_JUDGED else {"set": found.id}
        for id_, account, stored, again in session.execute(query, keys):
            findings.differs("outcomes", "account_outcomes", id_, account, name, stored, again)
