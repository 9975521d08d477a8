"""Loan accounts, what they owed on which day, and which agency holds which account for which days."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Computed,
    Date,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Numeric,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import DATERANGE, JSONB, ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql import literal_column

from allocations.placements.hold_rules import TOLD_CAUSES
from portal.kernel.db import Base, Sealed, WithId

STREAMS = ("field", "tele")


class BucketScheme(WithId, Base):
    """The lender's names for spans of days past due, from a day on. `buckets`: [{code, dpd_from, dpd_to|null, label}]."""

    __tablename__ = "bucket_schemes"

    version: Mapped[int] = mapped_column(Integer, unique=True)
    effective_from: Mapped[date] = mapped_column(Date, unique=True)
    buckets: Mapped[list[dict[str, object]]] = mapped_column(JSONB)
    source: Mapped[str] = mapped_column(Text, default="", server_default="")


# What allocations.keys.normalise_reference makes of a number in plain ASCII.
KEY_OF_NUMBER = "regexp_replace(upper(regexp_replace(loan_account_no, '[^A-Za-z0-9]', '', 'g')), '^0+(.)', '\\1')"


class LoanAccount(WithId, Base):
    """One borrower's loan or card; `latest_*` copies the newest snapshot so that lists need no join.

    `loan_account_key`: its number as a bank's narrative is searched for it; `virtual_account_key` likewise, one account's alone.
    """

    __tablename__ = "loan_accounts"
    __table_args__ = (
        UniqueConstraint("loan_account_no"),
        Index("ix_loan_accounts_bucket_no", "latest_bucket", "loan_account_no"),
        Index("ix_loan_accounts_product_no", "product", "loan_account_no"),
        Index("ix_loan_accounts_key", "loan_account_key"),
        Index(
            "uq_loan_accounts_virtual_account",
            "virtual_account_key",
            unique=True,
            postgresql_where=text("virtual_account_key is not null"),
        ),
    )

    loan_account_no: Mapped[str] = mapped_column(Text)
    loan_account_key: Mapped[str] = mapped_column(Text, Computed(KEY_OF_NUMBER, persisted=True))
    customer_name: Mapped[str] = mapped_column(Text)
    mobile: Mapped[str | None] = mapped_column(Text)
    email: Mapped[str | None] = mapped_column(Text)
    address: Mapped[str | None] = mapped_column(Text)
    city: Mapped[str | None] = mapped_column(Text)
    pincode: Mapped[str | None] = mapped_column(Text)
    state: Mapped[str | None] = mapped_column(Text)
    region: Mapped[str | None] = mapped_column(Text)
    branch_code: Mapped[str | None] = mapped_column(Text)
    language: Mapped[str | None] = mapped_column(Text)
    risk_grade: Mapped[str | None] = mapped_column(Text, deferred=True)  # the bank's own: no agency's login may read it
    product: Mapped[str] = mapped_column(Text)
    sanctioned_on: Mapped[date | None] = mapped_column(Date)
    npa_on: Mapped[date | None] = mapped_column(Date)
    written_off_on: Mapped[date | None] = mapped_column(Date)
    secured: Mapped[bool | None] = mapped_column(Boolean)
    security_value_minor: Mapped[int | None] = mapped_column(BigInteger)
    interest_rate: Mapped[Decimal | None] = mapped_column(Numeric(9, 6))
    latitude: Mapped[Decimal | None] = mapped_column(Numeric(9, 6))
    longitude: Mapped[Decimal | None] = mapped_column(Numeric(9, 6))
    virtual_account_no: Mapped[str | None] = mapped_column(Text)
    virtual_account_key: Mapped[str | None] = mapped_column(Text)
    currency: Mapped[str] = mapped_column(Text)
    latest_as_of: Mapped[date | None] = mapped_column(Date)
    latest_dpd_days: Mapped[int | None] = mapped_column(Integer)
    latest_bucket: Mapped[str | None] = mapped_column(Text)
    latest_asset_class: Mapped[str | None] = mapped_column(Text)
    latest_principal_minor: Mapped[int | None] = mapped_column(BigInteger)
    latest_total_minor: Mapped[int | None] = mapped_column(BigInteger)
    latest_overdue_minor: Mapped[int | None] = mapped_column(BigInteger)
    latest_emi_minor: Mapped[int | None] = mapped_column(BigInteger)


class AccountSnapshot(Sealed, Base):
    """What an account owed at the end of a day. `dpd_days` counts the due day as 1."""

    __tablename__ = "account_snapshots"
    __table_args__ = (
        Index("ix_account_snapshots_as_of", "as_of"),
        CheckConstraint("dpd_days >= 0", name="dpd_days"),
    )
    __sealed__ = (
        "loan_account_id",
        "as_of",
        "emi_minor",
        "principal_minor",
        "total_minor",
        "overdue_minor",
        "dpd_days",
        "bucket",
        "asset_class",
        "scheme_version",
    )

    loan_account_id: Mapped[int] = mapped_column(ForeignKey("loan_accounts.id"), primary_key=True)
    as_of: Mapped[date] = mapped_column(Date, primary_key=True)
    emi_minor: Mapped[int] = mapped_column(BigInteger)
    principal_minor: Mapped[int] = mapped_column(BigInteger)
    total_minor: Mapped[int] = mapped_column(BigInteger)
    overdue_minor: Mapped[int] = mapped_column(BigInteger)
    dpd_days: Mapped[int] = mapped_column(Integer)
    bucket: Mapped[str] = mapped_column(Text)
    asset_class: Mapped[str] = mapped_column(Text)
    scheme_version: Mapped[int] = mapped_column(Integer)


class Placement(WithId, Base):
    """A batch of accounts handed over together."""

    __tablename__ = "placements"

    code: Mapped[str] = mapped_column(Text, unique=True)
    created_by: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Allocation(WithId, Sealed, Base):
    """One account with one agency for a term, from `from_on` to `to_on`, both days included; open when `to_on` is null.

    Carries copies of what people search and sort by, because an agency's lists start from its own rows. What stood at the opening
    (bucket, balances) is frozen: commission is judged on it.
    """

    __tablename__ = "allocations"
    __table_args__ = (
        CheckConstraint(f"stream in {STREAMS}", name="stream"),
        CheckConstraint("to_on is null or to_on >= from_on", name="term"),
        CheckConstraint("(recalled_at is null) = (recall_reason is null)", name="recall_reason"),
        UniqueConstraint("agency_id", "id"),
        ForeignKeyConstraint(["agency_id", "agent_id"], ["agents.agency_id", "agents.id"]),
        ExcludeConstraint(
            (literal_column("int8range(slot, slot, '[]')"), "&&"),
            (literal_column("term"), "&&"),
            using="gist",
            name="excl_allocations_one_agency_a_day_a_stream",
        ),
        Index("ix_allocations_agency_no", "agency_id", "loan_account_no", "id"),
        Index("ix_allocations_account", "loan_account_id", "from_on"),
        Index("ix_allocations_placement", "placement_id", "id"),
    )
    __sealed__ = (
        "placement_id",
        "loan_account_id",
        "agency_id",
        "stream",
        "from_on",
        "opening_bucket",
        "opening_asset_class",
        "opening_dpd_days",
        "opening_emi_minor",
        "opening_principal_minor",
        "opening_total_minor",
        "opening_overdue_minor",
        "target_minor",
        "currency",
        "loan_account_no",
    )

    placement_id: Mapped[int] = mapped_column(ForeignKey("placements.id"))
    loan_account_id: Mapped[int] = mapped_column(ForeignKey("loan_accounts.id"))
    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    agent_id: Mapped[int | None] = mapped_column(BigInteger)
    stream: Mapped[str] = mapped_column(Text, default="field", server_default="field")
    slot: Mapped[int] = mapped_column(
        BigInteger, Computed("loan_account_id * 2 + (case stream when 'tele' then 1 else 0 end)", persisted=True)
    )
    from_on: Mapped[date] = mapped_column(Date)
    to_on: Mapped[date | None] = mapped_column(Date)
    term: Mapped[object] = mapped_column(DATERANGE, Computed("daterange(from_on, to_on, '[]')", persisted=True))
    recalled_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    recall_reason: Mapped[str | None] = mapped_column(Text)
    opening_as_of: Mapped[date] = mapped_column(Date)
    opening_bucket: Mapped[str] = mapped_column(Text)
    opening_asset_class: Mapped[str] = mapped_column(Text)
    opening_dpd_days: Mapped[int] = mapped_column(Integer)
    opening_emi_minor: Mapped[int] = mapped_column(BigInteger)
    opening_principal_minor: Mapped[int] = mapped_column(BigInteger)
    opening_total_minor: Mapped[int] = mapped_column(BigInteger)
    opening_overdue_minor: Mapped[int] = mapped_column(BigInteger)
    target_minor: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Text)
    loan_account_no: Mapped[str] = mapped_column(Text)
    customer_name: Mapped[str] = mapped_column(Text)
    product: Mapped[str] = mapped_column(Text)
    city: Mapped[str | None] = mapped_column(Text)
    pincode: Mapped[str | None] = mapped_column(Text)
    state: Mapped[str | None] = mapped_column(Text)
    region: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Hold(WithId, Base):
    """A dated reason why an account may not be worked, or not be paid on, or both.

    `cause` is a word of hold_rules.CAUSES; `cause_ref` what brought it about (a complaint's reference …), '' by hand.
    `reason` is the bank's own; an agency reads `told_cause` alone.
    """

    __tablename__ = "holds"
    __table_args__ = (
        CheckConstraint("effect in ('no_work','no_accrual','both')", name="effect"),
        CheckConstraint("to_on is null or to_on >= from_on", name="term"),
        CheckConstraint("cause <> ''", name="cause"),
        CheckConstraint(
            "(lifted_at is null) = (lifted_by is null) and (lifted_at is null or to_on is not null)", name="lifted"
        ),
        Index("ix_holds_account", "loan_account_id", "from_on"),
        Index("ix_holds_cause", "cause", "cause_ref"),
    )

    loan_account_id: Mapped[int] = mapped_column(ForeignKey("loan_accounts.id"))
    reason: Mapped[str] = mapped_column(Text)
    from_on: Mapped[date] = mapped_column(Date)
    to_on: Mapped[date | None] = mapped_column(Date)
    effect: Mapped[str] = mapped_column(Text, default="both", server_default="both")
    cause: Mapped[str] = mapped_column(Text, default="manual", server_default="manual")
    cause_ref: Mapped[str] = mapped_column(Text, default="", server_default="")
    told_cause: Mapped[str] = mapped_column(
        Text, Computed(f"case when cause in {TOLD_CAUSES} then cause else '' end", persisted=True)
    )
    file_sha256: Mapped[str | None] = mapped_column(Text)
    lifted_by: Mapped[str | None] = mapped_column(Text)
    lifted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    lift_reason: Mapped[str] = mapped_column(Text, default="", server_default="")
    created_by: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
