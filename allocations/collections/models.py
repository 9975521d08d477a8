"""What agencies say they collected, and the files they said it in."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Numeric,
    Text,
    Time,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, Sealed, WithId

MODES = (
    "cash",
    "cheque",
    "dd",
    "upi",
    "neft",
    "rtgs",
    "imps",
    "card",
    "wallet",
    "mobile_money",
    "auto_debit",
)


class Upload(WithId, Base):
    """A collections file handed in by an agency: what it held and what became of it."""

    __tablename__ = "uploads"
    __table_args__ = (
        UniqueConstraint("agency_id", "id"),
        UniqueConstraint("ref"),
        CheckConstraint("status in ('waiting','stored','stored_in_part','refused')", name="status"),
        Index("ix_uploads_agency", "agency_id", "id"),
    )

    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    ref: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text, default="collections", server_default="collections")
    file_sha256: Mapped[str] = mapped_column(Text)
    file_name: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text)
    rows: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    created: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    duplicates: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    rejected: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    total_minor: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    currency: Mapped[str] = mapped_column(Text)
    rejected_sha256: Mapped[str | None] = mapped_column(Text)
    unknown_columns: Mapped[list[Any]] = mapped_column(JSONB, default=list, server_default="[]")
    uploaded_by: Mapped[str] = mapped_column(Text)
    uploaded_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class UploadProblem(WithId, Base):
    """One thing wrong with one row of an upload."""

    __tablename__ = "upload_problems"
    __table_args__ = (
        ForeignKeyConstraint(["agency_id", "upload_id"], ["uploads.agency_id", "uploads.id"]),
        Index("ix_upload_problems_upload", "upload_id", "id"),
    )

    agency_id: Mapped[int] = mapped_column(BigInteger)
    upload_id: Mapped[int] = mapped_column(BigInteger)
    row_no: Mapped[int | None] = mapped_column(Integer)
    column_name: Mapped[str] = mapped_column(Text, default="", server_default="")
    code: Mapped[str] = mapped_column(Text)
    message: Mapped[str] = mapped_column(Text)
    cure: Mapped[str] = mapped_column(Text, default="", server_default="")
    value: Mapped[str] = mapped_column(Text, default="", server_default="")


class Collection(WithId, Sealed, Base):
    """Money taken from a borrower, as the agency reports it. `linked_minor` is the sum of its live confirmed bank links."""

    __tablename__ = "collections"
    __table_args__ = (
        UniqueConstraint("agency_id", "receipt_key"),
        UniqueConstraint("agency_id", "id"),
        ForeignKeyConstraint(["agency_id", "allocation_id"], ["allocations.agency_id", "allocations.id"]),
        ForeignKeyConstraint(["agency_id", "upload_id"], ["uploads.agency_id", "uploads.id"]),
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint("linked_minor between 0 and amount_minor", name="never_linked_beyond_its_amount"),
        CheckConstraint(f"mode in {MODES}", name="mode"),
        Index("ix_collections_agency_day", "agency_id", "collected_on", "id"),
        Index("ix_collections_agency_account", "agency_id", "loan_account_no"),
        Index("ix_collections_day", "collected_on", "id"),
        Index("ix_collections_account", "loan_account_id", "collected_on"),
        Index("ix_collections_receipt_key", "receipt_key"),
        Index("ix_collections_upload", "upload_id", "row_no"),
    )
    __sealed__ = (
        "agency_id",
        "allocation_id",
        "loan_account_id",
        "receipt_no",
        "amount_minor",
        "currency",
        "collected_on",
        "collected_time",
        "mode",
        "instrument_ref",
        "agent_code",
        "deposit_slip_no",
        "deposited_on",
        "component_principal_minor",
        "component_interest_minor",
        "component_charges_minor",
        "upload_id",
        "row_no",
    )

    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    allocation_id: Mapped[int] = mapped_column(BigInteger)
    loan_account_id: Mapped[int] = mapped_column(ForeignKey("loan_accounts.id"))
    loan_account_no: Mapped[str] = mapped_column(Text)
    receipt_no: Mapped[str] = mapped_column(Text)
    receipt_key: Mapped[str] = mapped_column(Text)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Text)
    collected_on: Mapped[date] = mapped_column(Date)
    collected_time: Mapped[time | None] = mapped_column(Time)
    mode: Mapped[str] = mapped_column(Text)
    instrument_ref: Mapped[str | None] = mapped_column(Text)
    instrument_key: Mapped[str | None] = mapped_column(Text)
    agent_code: Mapped[str | None] = mapped_column(Text)
    deposit_slip_no: Mapped[str | None] = mapped_column(Text)
    slip_key: Mapped[str | None] = mapped_column(Text)
    deposited_on: Mapped[date | None] = mapped_column(Date)
    component_principal_minor: Mapped[int | None] = mapped_column(BigInteger)
    component_interest_minor: Mapped[int | None] = mapped_column(BigInteger)
    component_charges_minor: Mapped[int | None] = mapped_column(BigInteger)
    latitude: Mapped[Decimal | None] = mapped_column(Numeric(9, 6))
    longitude: Mapped[Decimal | None] = mapped_column(Numeric(9, 6))
    remarks: Mapped[str | None] = mapped_column(Text)
    upload_id: Mapped[int | None] = mapped_column(BigInteger)
    row_no: Mapped[int | None] = mapped_column(Integer)
    linked_minor: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    reported_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
