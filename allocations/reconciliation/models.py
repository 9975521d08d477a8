"""What the bank saw, what core banking booked, and how both tie to what agencies report."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Date,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, Sealed, WithId


class BankAccount(WithId, Base):
    """An account of the lender at a bank, into which collections are paid."""

    __tablename__ = "bank_accounts"

    account_no: Mapped[str] = mapped_column(Text, unique=True)
    currency: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text, default="", server_default="")
    added_by: Mapped[str] = mapped_column(Text)
    added_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class BankStatement(WithId, Sealed, Base):
    """A statement as the bank sent it. `proved`: opening + lines = closing. `refused`: they differ, its lines count for nothing
    until a second person accepts it with a reason (`accepted`)."""

    __tablename__ = "bank_statements"
    __table_args__ = (
        UniqueConstraint("ref"),
        CheckConstraint("status in ('proved','unproved','refused','accepted')", name="status"),
        CheckConstraint("accepted_by is null or accepted_by <> imported_by", name="maker_is_not_checker"),
        CheckConstraint("(status = 'accepted') = (accepted_by is not null)", name="accepted_by"),
        Index("ix_bank_statements_account", "bank_account_id", "from_on", "id"),
        Index("ix_bank_statements_file", "file_sha256"),
        Index("ix_bank_statements_refused", "id", postgresql_where=text("status = 'refused'")),
    )
    __sealed__ = (
        "ref",
        "bank_account_id",
        "number",
        "currency",
        "opening_minor",
        "closing_minor",
        "credits_minor",
        "debits_minor",
        "from_on",
        "to_on",
        "file_sha256",
        "difference_minor",
        "imported_by",
    )

    ref: Mapped[str] = mapped_column(Text)
    bank_account_id: Mapped[int] = mapped_column(ForeignKey("bank_accounts.id"))
    number: Mapped[str] = mapped_column(Text, default="", server_default="")
    currency: Mapped[str] = mapped_column(Text)
    opening_minor: Mapped[int | None] = mapped_column(BigInteger)
    closing_minor: Mapped[int | None] = mapped_column(BigInteger)
    credits_minor: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    debits_minor: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    from_on: Mapped[date | None] = mapped_column(Date)
    to_on: Mapped[date | None] = mapped_column(Date)
    format: Mapped[str] = mapped_column(Text)
    file_sha256: Mapped[str] = mapped_column(Text)
    file_name: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text)
    difference_minor: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    flags: Mapped[list[Any]] = mapped_column(JSONB, default=list, server_default="[]")
    lines: Mapped[int] = mapped_column(Integer)
    duplicates: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    imported_by: Mapped[str] = mapped_column(Text)
    imported_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    accepted_by: Mapped[str | None] = mapped_column(Text)
    accepted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    accept_reason: Mapped[str | None] = mapped_column(Text)


class BankLine(WithId, Sealed, Base):
    """Money seen at the bank. `amount_minor` is positive; `side` says which way. A reversed credit is a debit with `is_reversal`.

    `linked_minor`: the sum of its confirmed links; `settled_minor`: what people returned, assigned or wrote off of it. Both are kept by
    the database. `returned_minor`: what debits took back, as the last run saw it. `fingerprint` with `occurrence` tells a line
    downloaded twice from two genuine equal lines of one day.
    """

    __tablename__ = "bank_lines"
    __table_args__ = (
        UniqueConstraint("bank_account_id", "fingerprint", "occurrence"),
        UniqueConstraint("ref"),
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint("side in ('credit','debit')", name="side"),
        CheckConstraint("linked_minor between 0 and amount_minor", name="never_linked_beyond_its_amount"),
        CheckConstraint(
            "settled_minor >= 0 and linked_minor + settled_minor <= amount_minor", name="never_spent_twice"
        ),
        Index("ix_bank_lines_statement", "statement_id", "line_no"),
        Index("ix_bank_lines_value_on", "value_on", "id"),
        Index("ix_bank_lines_ref_keys", "ref_keys", postgresql_using="gin"),
        Index("ix_bank_lines_returned", "id", postgresql_where=text("returned_minor > 0")),
        Index("ix_bank_lines_credit_amount", "amount_minor", "value_on", postgresql_where=text("side = 'credit'")),
    )
    __sealed__ = (
        "ref",
        "statement_id",
        "bank_account_id",
        "line_no",
        "value_on",
        "booked_on",
        "amount_minor",
        "currency",
        "side",
        "is_reversal",
        "bank_ref",
        "customer_ref",
        "description",
    )

    ref: Mapped[str] = mapped_column(Text)
    statement_id: Mapped[int] = mapped_column(ForeignKey("bank_statements.id"))
    bank_account_id: Mapped[int] = mapped_column(ForeignKey("bank_accounts.id"))
    line_no: Mapped[int] = mapped_column(Integer)
    value_on: Mapped[date] = mapped_column(Date)
    booked_on: Mapped[date | None] = mapped_column(Date)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Text)
    side: Mapped[str] = mapped_column(Text)
    is_reversal: Mapped[bool] = mapped_column(Boolean, default=False, server_default="false")
    bank_ref: Mapped[str] = mapped_column(Text, default="", server_default="")
    customer_ref: Mapped[str] = mapped_column(Text, default="", server_default="")
    description: Mapped[str] = mapped_column(Text, default="", server_default="")
    ref_keys: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list, server_default="{}")
    fingerprint: Mapped[str] = mapped_column(Text)
    occurrence: Mapped[int] = mapped_column(Integer, default=1, server_default="1")
    linked_minor: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    settled_minor: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    returned_minor: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")


class Posting(WithId, Sealed, Base):
    """What core banking credited to a loan account; a reversal names the posting it reverses."""

    __tablename__ = "postings"
    __table_args__ = (
        UniqueConstraint("posting_no"),
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint("linked_minor between 0 and amount_minor", name="never_linked_beyond_its_amount"),
        Index("ix_postings_account", "loan_account_id", "posted_on"),
        Index("ix_postings_posted_on", "posted_on", "id"),
        Index("ix_postings_reverses", "reverses_posting_no"),
        Index("ix_postings_instrument", "instrument_key", postgresql_where=text("instrument_key is not null")),
        Index("ix_postings_receipt", "receipt_key", postgresql_where=text("receipt_key is not null")),
    )
    __sealed__ = (
        "posting_no",
        "loan_account_id",
        "amount_minor",
        "currency",
        "posted_on",
        "value_on",
        "mode",
        "instrument_ref",
        "receipt_no",
        "reverses_posting_no",
    )

    posting_no: Mapped[str] = mapped_column(Text)
    loan_account_id: Mapped[int] = mapped_column(ForeignKey("loan_accounts.id"))
    loan_account_no: Mapped[str] = mapped_column(Text)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Text)
    posted_on: Mapped[date] = mapped_column(Date)
    value_on: Mapped[date | None] = mapped_column(Date)
    mode: Mapped[str | None] = mapped_column(Text)
    instrument_ref: Mapped[str | None] = mapped_column(Text)
    instrument_key: Mapped[str | None] = mapped_column(Text)
    receipt_no: Mapped[str | None] = mapped_column(Text)
    receipt_key: Mapped[str | None] = mapped_column(Text)
    reverses_posting_no: Mapped[str | None] = mapped_column(Text)
    component_principal_minor: Mapped[int | None] = mapped_column(BigInteger)
    component_interest_minor: Mapped[int | None] = mapped_column(BigInteger)
    component_charges_minor: Mapped[int | None] = mapped_column(BigInteger)
    linked_minor: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    file_sha256: Mapped[str] = mapped_column(Text)
    imported_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class ReconRun(WithId, Base):
    """One run of the matcher: what it read and what it decided, as hashes, and its counts.

    `mode`: "full" looked at everything, "daily" at what had changed and all that touches it; both come to the same.
    `marks`: how far the feeds had come, for the run after.
    """

    __tablename__ = "recon_runs"

    mode: Mapped[str] = mapped_column(Text, default="full", server_default="full")
    ladder_version: Mapped[int] = mapped_column(Integer, default=1, server_default="1")
    through_on: Mapped[date] = mapped_column(Date)
    input_hash: Mapped[str] = mapped_column(Text)
    result_hash: Mapped[str] = mapped_column(Text)
    summary: Mapped[dict[str, Any]] = mapped_column(JSONB)
    marks: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict, server_default="{}")
    run_by: Mapped[str] = mapped_column(Text)
    run_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class MatchLink(WithId, Sealed, Base):
    """An amount of a collection tied to a bank line, or to a posting. Links are undone, never deleted or edited.

    `rivals`: the candidates that were refused, each with its reason; the bank's eyes only, for they name others' receipts.
    `mark`: this link's part in the result hash of the last run. That both sides and the run exist is asked once a statement
    (portal/recon_triggers.py, portal_links_added), for a row's five foreign keys took longer than all the rest of a run. No index
    names `linked_minor` of either side, and their pages are half empty: so the sum is written beside the row, not into every index.
    """

    __tablename__ = "match_links"
    __table_args__ = (
        CheckConstraint("num_nonnulls(bank_line_id, posting_id) = 1", name="one_counterpart"),
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint("status in ('suggested','confirmed','rejected','undone')", name="status"),
        CheckConstraint("(status = 'undone') = (undone_at is not null)", name="undone"),
        UniqueConstraint("agency_id", "id"),
        Index("ix_match_links_collection", "collection_id"),
        Index("ix_match_links_bank_line", "bank_line_id", postgresql_where=text("bank_line_id is not null")),
        Index("ix_match_links_posting", "posting_id", postgresql_where=text("posting_id is not null")),
        Index("ix_match_links_open", "status", "id", postgresql_where=text("status = 'suggested'")),
        Index("ix_match_links_rule", "rule", "id", postgresql_where=text("status = 'suggested'")),
        Index("ix_match_links_agency", "agency_id", "rule", "id", postgresql_where=text("status = 'suggested'")),
    )
    __sealed__ = ("agency_id", "collection_id", "bank_line_id", "posting_id", "amount_minor", "rule", "rule_version")

    agency_id: Mapped[int] = mapped_column(BigInteger)
    collection_id: Mapped[int] = mapped_column(BigInteger)
    bank_line_id: Mapped[int | None] = mapped_column(BigInteger)
    posting_id: Mapped[int | None] = mapped_column(BigInteger)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    status: Mapped[str] = mapped_column(Text)
    rule: Mapped[str] = mapped_column(Text)
    rule_version: Mapped[int] = mapped_column(Integer)
    evidence: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict, server_default="{}")
    score: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    rivals: Mapped[list[Any]] = mapped_column(JSONB, default=list, server_default="[]", deferred=True)
    run_id: Mapped[int | None] = mapped_column(BigInteger)
    mark: Mapped[bytes | None] = mapped_column(BYTEA, deferred=True)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    confirmed_by: Mapped[str | None] = mapped_column(Text)
    confirmed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    undone_by: Mapped[str | None] = mapped_column(Text)
    undone_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    undo_reason: Mapped[str | None] = mapped_column(Text)


class Break(WithId, Base):
    """Something that cannot be tied, with its reason code, owner, age and cure. `agency_id` null: the bank's own affair.

    `misses`: what came nearest and what speaks against each; the bank's eyes only. That what it is about and its run exist is asked
    once a statement, as of links (portal/recon_triggers.py, portal_breaks_opened).
    """

    __tablename__ = "breaks"
    __table_args__ = (
        CheckConstraint("num_nonnulls(collection_id, bank_line_id, posting_id, receipt_range_id) = 1", name="one_side"),
        CheckConstraint("status in ('open','closed')", name="status"),
        Index("ix_breaks_open", "status", "code", "id"),
        Index("ix_breaks_agency", "agency_id", "status", "code", "id"),
        Index("ix_breaks_agency_due", "agency_id", "due_on", "id", postgresql_where=text("status = 'open'")),
        Index(
            "ix_breaks_unclaimed",
            "opened_on",
            "id",
            postgresql_where=text("status = 'open' and code = 'R02'"),
        ),
        Index("ix_breaks_owner", "owner", "code", "id", postgresql_where=text("status = 'open'")),
        Index("ix_breaks_side", "side", "code", "id", postgresql_where=text("status = 'open'")),
        Index(
            "ix_breaks_assigned",
            "assigned_to",
            "code",
            "id",
            postgresql_where=text("status = 'open' and assigned_to is not null"),
        ),
        Index("ix_breaks_collection", "collection_id", postgresql_where=text("collection_id is not null")),
        Index("ix_breaks_bank_line", "bank_line_id", postgresql_where=text("bank_line_id is not null")),
        Index("ix_breaks_posting", "posting_id", postgresql_where=text("posting_id is not null")),
        ForeignKeyConstraint(["agency_id", "receipt_range_id"], ["receipt_ranges.agency_id", "receipt_ranges.id"]),
        Index("ix_breaks_range", "receipt_range_id", postgresql_where=text("receipt_range_id is not null")),
    )

    code: Mapped[str] = mapped_column(Text)
    side: Mapped[str] = mapped_column(Text)
    ref: Mapped[str] = mapped_column(Text)
    collection_id: Mapped[int | None] = mapped_column(BigInteger)
    bank_line_id: Mapped[int | None] = mapped_column(BigInteger)
    posting_id: Mapped[int | None] = mapped_column(BigInteger)
    receipt_range_id: Mapped[int | None] = mapped_column(BigInteger)
    agency_id: Mapped[int | None] = mapped_column(BigInteger)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Text)
    opened_on: Mapped[date] = mapped_column(Date)
    due_on: Mapped[date | None] = mapped_column(Date)
    owner: Mapped[str] = mapped_column(Text)
    cure: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, default="open", server_default="open")
    closed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict, server_default="{}")
    misses: Mapped[list[Any]] = mapped_column(JSONB, default=list, server_default="[]", deferred=True)
    assigned_to: Mapped[str | None] = mapped_column(Text, deferred=True)
    run_id: Mapped[int | None] = mapped_column(BigInteger)
    mark: Mapped[bytes | None] = mapped_column(BYTEA, deferred=True)


class ReconQueued(WithId, Base):
    """Rows that have changed since a run last looked at them, `row_id` to `last_id`. Filled by triggers, emptied by runs.

    "book": a book of receipt numbers, or what is known of its ranges and numbers.
    """

    __tablename__ = "recon_queue"
    __table_args__ = (
        CheckConstraint("kind in ('collection','line','posting','account','statement','book')", name="kind"),
        CheckConstraint("last_id >= row_id", name="range"),
    )

    kind: Mapped[str] = mapped_column(Text)
    row_id: Mapped[int] = mapped_column(BigInteger)
    last_id: Mapped[int] = mapped_column(BigInteger)


class CommonKey(Base):
    """A key on so many credits that it names no payment. Kept by runs, so that a run of a part need not count the whole."""

    __tablename__ = "common_keys"

    key: Mapped[str] = mapped_column(Text, primary_key=True)
