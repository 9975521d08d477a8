"""Verification of copies: what a row repeats of the row it belongs to, for finding it or in its money, is what that row says."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

from payouts.difference import Findings

LISTED = 100  # rows a copy names
# (table, its column, its name, the row it belongs to as o, by what, what that row says)
COPIES = (
    *(
        (table, "loan_account_no", name, "loan_accounts", "o.id = t.loan_account_id", "o.loan_account_no")
        for table, name in (
            ("allocations", "t.loan_account_no"),
            ("collections", "t.receipt_no"),
            ("postings", "t.posting_no"),
            ("contacts", "t.ref"),
            ("promises", "t.plan_ref"),
        )
    ),
    ("allocations", "currency", "t.loan_account_no", "loan_accounts", "o.id = t.loan_account_id", "o.currency"),
    ("account_outcomes", "agency_id", "t.loan_account_no", "allocations", "o.id = t.allocation_id", "o.agency_id"),
    ("collection_versions", "agency_id", "t.body ->> 'receipt_no'", "collections", "o.id = t.collection_id", "o.agency_id"),
    ("deposit_items", "agency_id", "o.slip_no", "deposits", "o.id = t.deposit_id", "o.agency_id"),
    ("settlement_lines", "currency", "o.ref || '/' || t.position", "settlements", "o.id = t.settlement_id", "o.currency"),
)  # fmt: skip


def check_copies(session: Session, findings: Findings) -> None:
    """Every row that repeats its owner's number, currency or agency."""
    for table, column, name, owner, by, said in COPIES:
        key = "t.collection_id" if table in ("collection_versions", "deposit_items") else "t.id"
        query = f"""
            select {key}, coalesce({name}, ''), t.{column}::text, ({said})::text from {table} t join {owner} o on {by}
             where t.{column} is distinct from {said} order by 1 limit {LISTED}
        """
        findings.count("copies")
        for id_, ref, stored, again in session.execute(text(query)):
            findings.differs("copies", table, id_, ref, column, stored, again)
