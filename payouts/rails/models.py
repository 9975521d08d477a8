"""Payouts: one instruction to pay one settlement, and the batches they are sent in."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
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
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, Sealed, WithId

PAYOUT_STATUSES = ("queued", "sending", "sent", "paid", "failed", "returned", "unknown", "void")


class PayoutBatch(WithId, Base):
    """Payouts sent together over one rail; made by one person, approved by another, its file frozen under its hash."""

    __tablename__ = "payout_batches"
    __table_args__ = (
        UniqueConstraint("ref"),
        CheckConstraint("status in ('made','checked','approved','sent','closed','void')", name="status"),
        CheckConstraint("approved_by is null or approved_by <> made_by", name="maker_is_not_checker"),
        CheckConstraint(
            "checked_by is null or (checked_by <> made_by and checked_by is distinct from approved_by)",
            name="three_people",
        ),
        CheckConstraint("(status in ('approved','sent','closed')) <= (approved_by is not null)", name="approved_by"),
    )

    ref: Mapped[str] = mapped_column(Text)
    period_start: Mapped[date | None] = mapped_column(Date)
    rail: Mapped[str] = mapped_column(Text)
    profile: Mapped[str] = mapped_column(Text, default="", server_default="")
    profile_version: Mapped[int | None] = mapped_column(Integer)  # of the lender's own layouts
    status: Mapped[str] = mapped_column(Text, default="made", server_default="made")
    count: Mapped[int] = mapped_column(Integer)
    total_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Text)
    request: Mapped[str] = mapped_column(Text, default="", server_default="")  # the file's own facts, to write it again
    file_sha256: Mapped[str | None] = mapped_column(Text)
    file_name: Mapped[str | None] = mapped_column(Text)
    lock_version: Mapped[int] = mapped_column(Integer, default=1, server_default="1")
    made_by: Mapped[str] = mapped_column(Text)
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    checked_by: Mapped[str | None] = mapped_column(Text)  # approved once; large enough to want a third person
    checked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    approved_by: Mapped[str | None] = mapped_column(Text)
    approved_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    sent_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class Payout(WithId, Sealed, Base):
    """One instruction to pay one settlement. A settlement has one live payout at most; a returned one may be followed by another."""

    __tablename__ = "payouts"
    __table_args__ = (
        UniqueConstraint("ref"),
        UniqueConstraint("idempotency_key"),
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint(f"status in {PAYOUT_STATUSES}", name="status"),
        ForeignKeyConstraint(["agency_id", "settlement_id"], ["settlements.agency_id", "settlements.id"]),
        ForeignKeyConstraint(
            ["agency_id", "bank_detail_id"], ["agency_bank_details.agency_id", "agency_bank_details.id"]
        ),
        ForeignKeyConstraint(
            ["agency_id", "repointing_id"], ["settlement_repointings.agency_id", "settlement_repointings.id"]
        ),
        Index(
            "uq_payouts_live",
            "settlement_id",
            unique=True,
            postgresql_where=text("status not in ('failed','returned','void')"),
        ),
        Index("ix_payouts_batch", "batch_id", "id"),
        Index("ix_payouts_agency", "agency_id", "id"),
    )
    __sealed__ = (
        "ref",
        "batch_id",
        "agency_id",
        "settlement_id",
        "bank_detail_id",
        "amount_minor",
        "currency",
        "idempotency_key",
    )

    ref: Mapped[str] = mapped_column(Text)
    batch_id: Mapped[int] = mapped_column(ForeignKey("payout_batches.id"))
    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    settlement_id: Mapped[int] = mapped_column(BigInteger)
    bank_detail_id: Mapped[int] = mapped_column(BigInteger)
    repointing_id: Mapped[int | None] = mapped_column(BigInteger)  # why these bank details and not the statement's
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, default="queued", server_default="queued")
    attempts: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    idempotency_key: Mapped[str] = mapped_column(Text)
    request: Mapped[str] = mapped_column(
        Text, default="", server_default=""
    )  # what is sent, byte for byte, at every attempt
    destination: Mapped[str] = mapped_column(Text, default="", server_default="")  # an account at a provider
    first_sent_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True)
    )  # the key is good for a day after it
    looked_up_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    provider_ref: Mapped[str | None] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
    paid_on: Mapped[date | None] = mapped_column(Date)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class BankAnswer(WithId, Base):
    """A file in which the bank says what became of payouts; kept once, however often it is handed in."""

    __tablename__ = "bank_answers"

    file_sha256: Mapped[str] = mapped_column(Text, unique=True)
    file_name: Mapped[str] = mapped_column(Text)
    rows: Mapped[int] = mapped_column(Integer)
    read_by: Mapped[str] = mapped_column(Text)
    read_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
