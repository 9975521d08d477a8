"""One row per agency in every table there is, made from the models: what row-level security must keep apart.

Row `FIRST` belongs to the first agency and everything it refers to does too; row `SECOND` likewise. Made behind the back of
triggers and foreign keys, yet satisfying them. A new table needs nothing here unless a CHECK wants more than its types say.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
from psycopg.types.json import Json
from psycopg.types.range import DateRange
from sqlalchemy import CheckConstraint, Column, MetaData, Table, types
from sqlalchemy.dialects import postgresql

from allocations.scorecards.scheme import STARTING_TERMS

FIRST, SECOND = 900_001, 900_002
DAY = date(2026, 11, 1)
AT = datetime(2026, 11, 1, tzinfo=UTC)
CHOICE = re.compile(r"^\(*(\w+) in \((.*)\)\)*$", re.IGNORECASE | re.DOTALL)

TAX = {
    "withholding": {
        "reason": "below_threshold",
        "base_minor": 1,
        "aggregate_minor": 1,
        "threshold_minor": 1,
        "covers": [],
    },
    "sales_tax": {"mode": "none"},
}
# What a CHECK or a page asks for beyond the column's type: {table: {column: value}}.
OVERRIDES: dict[str, dict[str, Any]] = {
    "users": {"role": "agency_owner", "email": "x{n}@x.example"},
    "receipt_books": {"width": 6},
    "receipt_marks": {"decided_by": None, "decided_at": None},
    "agency_moves": {
        "status": "accepted",
        "decided_by": "y{n}",
        "action": "watch",
        "from_status": "empanelled",
        "to_status": "watch_list",
    },
    "agency_changes": {
        "changes": {"capacity": [None, 5]},
        "status": "proposed",
        "decided_by": None,
        "decided_at": None,
    },
    "agency_papers": {
        "status": "proposed",
        "decided_by": None,
        "decided_at": None,
        "kind": "insurance",
        "source": "agency",
        "amount_minor": None,
        "currency": None,
        "file_sha256": "sha256-{n}",
    },
    "agency_inspections": {"status": "approved", "decided_by": "y{n}", "score": 50},
    "finding_answers": {"status": "proposed", "decided_by": None, "decided_at": None, "file_sha256": "sha256-{n}"},
    "agent_papers": {
        "status": "proposed",
        "decided_by": None,
        "decided_at": None,
        "kind": "id_card",
        "source": "agency",
        "certificate_type": "",
        "token": None,
        "revoked_at": None,
        "revoked_by": None,
        "revoke_reason": "",
        "file_sha256": "sha256-{n}",
        "photo_sha256": "sha256-{n}",
    },
    "collection_corrections": {"status": "proposed", "decided_by": None, "decided_at": None},
    "uploads": {"file_sha256": "sha256-{n}", "rejected_sha256": None},
    "evidence": {"sha256": "sha256-{n}", "reviewed_by": None, "reviewed_at": None, "look": "01" * 128},
    "allocations": {"to_on": None},
    "allocation_requests": {
        "kind": "return",
        "side": "agency",
        "to_agency_id": None,
        "status": "proposed",
        "decided_by": None,
        "decided_at": None,
    },
    "borrower_notices": {"status": "sent", "batch_ref": "batch-{n}"},
    "holds": {"lifted_by": None, "lifted_at": None},
    "bank_statements": {"accepted_by": None},
    "match_links": {"posting_id": None, "status": "confirmed", "undone_at": None},
    "breaks": {"bank_line_id": None, "posting_id": None, "receipt_range_id": None, "code": "R01"},
    "bank_lines": {"settled_minor": 0},
    "collections": {"written_off_minor": 0},
    "match_ladders": {"status": "draft", "decided_by": None},
    "hand_acts": {"decided_by": "y{n}"},
    "payer_rules": {"decided_by": None},
    "direct_payments": {"collection_id": None},
    "rate_card_versions": {"status": "approved"},
    "accrual_lines": {"steps": []},
    "bucket_schemes": {"buckets": []},
    "unpaid_collections": {"code": "no_bank_line"},
    "settlements": {
        "status": "approved",
        "tax": TAX,
        "answer": "accepted",
        "disputed_minor": 0,
        "sales_tax_minor": 0,
        "checked_by": None,
        "net_minor": 1,
        "gross_minor": 1,
        "adjustments_minor": 0,
        "withholding_minor": 0,
    },
    "journal_entries": {"kind": "dispute", "subject_ref": "ref-{n}"},  # of their disputes
    "journal_lines": {"credit_minor": 0, "account": "disputed"},
    "outcome_sets": {
        "summary": {"cells": [], "products": [], "buckets": [], "currency": "INR", "through": None, "difference": {}}
    },
    "account_outcomes": {"outcome": "rolled_forward", "is_measured": False, "snapshot_on": None},
    "strategies": {
        "status": "approved",
        "decided_by": "y{n}",
        "kind": "staff",
        "version": "{n}",
        "terms": {"kind": "staff", "rule": [{"name": "All"}]},
    },
    "strategy_runs": {
        "status": "draft",
        "decided_by": None,
        "decided_at": None,
        "placement_id": None,
        "to_on": None,
        "takers": [],
        "summary": {
            "currency": "INR",
            "measure": "accounts",
            "accounts": 1,
            "principal": 1,
            "takers": [],
            "unplaced": [["no_rule", 1, 1]],
            "by_arm": [],
            "arms": [],
            "changes": [],
        },
    },
    "staff_members": {"manager_id": None},
    "agency_measures": {"status": "approved", "decided_by": "y{n}"},
    "score_schemes": {"status": "approved", "version": "{n}", "terms": STARTING_TERMS},
    "score_runs": {"published_by": None, "published_at": None},
    "report_schedules": {"day_of_month": 5},
    "report_deliveries": {"problem": ""},
    "scorecards": {"score": 50, "inputs": {"raws": {}, "strata": {}}, "measures": []},
    "score_disputes": {
        "measure": "resolution_pct_pos",
        "status": "proposed",
        "decided_by": None,
        "decided_at": None,
        "corrected": None,
    },
    "score_consequences": {"status": "accepted"},
    "complaints": {
        "status": "investigating",
        "contact_id": None,
        "finding": None,
        "decided_by": None,
        "decided_at": None,
        "is_holding": True,
    },
    "complaint_messages": {"side": "agency", "for_agency": False, "file_sha256": "sha256-{n}"},
    "visit_samples": {"share": None, "drawn": 1},
    "visit_checks": {"result": "confirmed"},
    "fraud_cases": {
        "status": "notice_sent",
        "reply_until": "2026-12-31",
        "finding": None,
        "decided_by": None,
        "decided_at": None,
    },
    "fraud_replies": {"file_sha256": "sha256-{n}"},
    "conduct_flags": {
        "status": "open",
        "rule": "same_minute",
        "key": "key-{n}",
        "facts": {"found": {"receipts": 3, "at": "x"}, "limits": {"count": 3}, "rows": []},
    },
    "one_time_settlements": {"status": "approved", "decided_by": "y{n}", "to_on": None},
    "legal_cases": {"status": "opened", "closed_on": None},
    "legal_filings": {"status": "proposed", "decided_by": None, "decided_at": None},
    "legal_tasks": {"closed_by": None, "closed_at": None},
    "legal_task_papers": {"file_sha256": "sha256-{n}"},
    "letter_templates": {"status": "proposed", "decided_by": None, "decided_at": None},
    "letter_runs": {"zip_sha256": None, "csv_sha256": None},
    "campaigns": {
        "status": "proposed",
        "decided_by": None,
        "decided_at": None,
        "control_percent": 10,
        "started_at": None,
    },
    "case_notes": {"body": "Spoke to the brother.", "is_shared": True},
    "compromise_offers": {
        "status": "proposed",
        "decided_by": None,
        "decided_at": None,
        "total_minor": 3,
        "offer_minor": 2,
        "principal_minor": 1,
        "interest_minor": 1,
        "charges_minor": 1,
        "waived_principal_minor": 0,
        "waived_interest_minor": 0,
        "waived_charges_minor": 1,
        "schedule": [{"due_on": "2026-11-20", "amount_minor": 2}],
        "evidence_sha256": "sha256-{n}",
        "evidence_name": "letter.pdf",
        "decided_level": None,
        "closed_on": None,
        "closed_by": None,
    },
    "compromise_assessments": {
        "sanctioned_level": 1,
        "needed_level": 2,
        "facts": {
            "security_minor": None,
            "borrower": "ordinary",
            "value": {"rate": "0.1", "security_share": "0.7", "months": 9},
        },
        "findings": {
            "present_minor": 2,
            "expected_minor": None,
            "sacrifice_share": "0.333333",
            "matrix_level": 1,
            "deviations": [{"code": "young", "says": "1 day past due."}],
        },
    },
    "compromise_breaches": {"status": "proposed", "decided_by": None, "decided_at": None, "found": {}},
    "repayment_plans": {
        "status": "proposed",
        "decided_by": None,
        "decided_at": None,
        "grace_days": 1,
        "most_missed": 1,
        "needs_approver": False,
        "schedule": [{"due_on": "2026-11-20", "amount_minor": 1}],
        "closed_on": None,
    },
    "referrals": {
        "status": "proposed",
        "decided_by": None,
        "decided_at": None,
        "hold_cause": None,
        "outcome": None,
        "closed_on": None,
    },
    "earning_events": {
        "status": "proposed",
        "decided_by": None,
        "decided_at": None,
        "source": "agency",
        "resubmits_id": None,
    },
    "manual_adjustments": {"status": "accepted", "decided_by": "y{n}", "kind": "adjustment"},
    "disputes": {
        "status": "open",
        "collection_id": None,
        "decided_by": None,
        "decided_at": None,
        "granted_minor": None,
        "held_minor": 0,
        "freed_at": None,
        "line_minor": 1,
        "claimed_minor": 2,
        "complaint_ref": "",
    },
    "dispute_messages": {"side": "agency", "file_sha256": "sha256-{n}"},
    "tax_invoices": {
        "status": "proposed",
        "source": "agency",
        "file_sha256": "sha256-{n}",
        "decided_by": None,
        "decided_at": None,
    },
    "settlement_repointings": {"status": "accepted", "checked_by": None, "from_detail_id": None},
    "withholding_deposits": {
        "status": "proposed",
        "decided_by": None,
        "decided_at": None,
        "interest_minor": 0,
        "cancel_asked_by": None,
        "cancel_asked_at": None,
        "cancelled_by": None,
    },
    "tax_papers": {"kind": "payment_voucher"},
    "bank_detail_call_backs": {"outcome": "confirmed"},
    "person_ties": {"status": "proposed", "decided_by": None, "decided_at": None},
    "tax_certificates": {"status": "proposed", "decided_by": None, "decided_at": None, "rate": 0},
    "approval_limits": {"status": "proposed", "decided_by": None, "decided_at": None},
    "delegations": {"status": "proposed", "decided_by": None, "decided_at": None},
    "connected_accounts": {"provider": "stripe_connect", "closed_at": None},
    "payout_profiles": {"status": "proposed", "decided_by": None, "decided_at": None},
    "payout_findings": {"status": "proposed", "decided_by": None, "decided_at": None},
    "signing_keys": {"retired_at": "2026-11-01T00:00:00+00:00"},
}


def tables_in_order(metadata: MetaData) -> list[Table]:
    return [table for table in metadata.sorted_tables if table.name not in {"audit_head"}]


def fill(connection: psycopg.Connection, metadata: MetaData) -> None:
    """Insert both rows into every table. Needs a superuser."""
    connection.execute("set session_replication_role = replica")
    for table in tables_in_order(metadata):
        for number in (FIRST, SECOND):
            insert(connection, table, row_for(table, number))
    links = metadata.tables["match_links"]
    for number in (FIRST, SECOND):  # a link has one counterpart; this one is to the posting
        to_posting = {"id": number + 100, "bank_line_id": None, "posting_id": number}
        insert(connection, links, row_for(links, number) | to_posting)
    connection.execute("set session_replication_role = origin")


def insert(connection: psycopg.Connection, table: Table, values: dict[str, Any]) -> None:
    names = ", ".join(f'"{name}"' for name in values)
    marks = ", ".join(["%s"] * len(values))
    statement = f"insert into {table.name} ({names}) overriding system value values ({marks})"
    connection.execute(statement.encode(), list(values.values()))


def row_for(table: Table, number: int) -> dict[str, Any]:
    choices = choices_of(table)
    overrides = OVERRIDES.get(table.name, {})
    values: dict[str, Any] = {}
    for column in table.columns:
        if column.computed is not None:
            continue
        if column.name in overrides:
            value = overrides[column.name]
            values[column.name] = as_value(value, number)
        elif column.name in choices:
            values[column.name] = choices[column.name]
        else:
            values[column.name] = value_for(table, column, number)
    return values


def as_value(value: Any, number: int) -> Any:
    if isinstance(value, str):
        return value.format(n=number)
    return Json(value) if isinstance(value, dict | list) else value


def choices_of(table: Table) -> dict[str, str]:
    """The first allowed word of each column that has a list of them."""
    found = {}
    for constraint in table.constraints:
        if isinstance(constraint, CheckConstraint) and (match := CHOICE.match(str(constraint.sqltext).strip())):
            words = re.findall(r"'([^']*)'", match[2])
            if words:
                found[match[1]] = words[0]
    return found


def value_for(table: Table, column: Column[Any], number: int) -> Any:
    kind = column.type
    if column.foreign_keys or (isinstance(kind, types.Integer) and (column.primary_key or column.name.endswith("_id"))):
        return number  # some ids are kept true by triggers instead of a foreign key
    if isinstance(kind, types.Boolean):
        return True
    if isinstance(kind, types.Integer):
        return number - FIRST + 101
    if isinstance(kind, types.DateTime):
        return AT
    if isinstance(kind, types.Date):
        return DAY + timedelta(days=number - FIRST)
    if isinstance(kind, types.Time):
        return AT.time()
    if isinstance(kind, postgresql.JSONB):
        return Json([] if column.default is not None and column.default.arg.__name__ == "list" else {})
    if isinstance(kind, postgresql.ARRAY):
        return [f"key-{number}"]
    if isinstance(kind, postgresql.DATERANGE):
        return DateRange(date(2026, 1, 1), None)
    if isinstance(kind, types.LargeBinary):
        return b""
    if isinstance(kind, types.Numeric):
        return 1
    return {"currency": "INR"}.get(column.name, f"{column.name}-{number}")
