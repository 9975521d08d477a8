"""An agency's payable for a month: frozen lines, maker and checker, and the statement as it was issued."""

from __future__ import annotations

from datetime import date, datetime
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
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, Sealed, WithId

SETTLEMENT_STATUSES = ("draft", "submitted", "approved", "paying", "paid", "returned", "void")


class Settlement(WithId, Base):
    """What an agency is owed for a month: net = gross + adjustments − withholding. Its lines are frozen when it is drafted."""

    __tablename__ = "settlements"
    __table_args__ = (
        UniqueConstraint("ref"),
        UniqueConstraint("agency_id", "id"),
        CheckConstraint(f"status in {SETTLEMENT_STATUSES}", name="status"),
        CheckConstraint("net_minor = gross_minor + adjustments_minor - withholding_minor", name="net"),
        CheckConstraint("approved_by is null or approved_by <> submitted_by", name="maker_is_not_checker"),
        CheckConstraint(
            "(status in ('approved','paying','paid','returned')) <= (approved_by is not null)", name="approved_by"
        ),
        Index("ix_settlements_period", "period_start", "agency_id"),
        Index(
            "uq_settlements_live", "agency_id", "period_start", unique=True, postgresql_where=text("status <> 'void'")
        ),
        ForeignKeyConstraint(
            ["agency_id", "bank_detail_id"], ["agency_bank_details.agency_id", "agency_bank_details.id"]
        ),
    )

    ref: Mapped[str] = mapped_column(Text)
    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    period_start: Mapped[date] = mapped_column(Date)
    status: Mapped[str] = mapped_column(Text, default="draft", server_default="draft")
    gross_minor: Mapped[int] = mapped_column(BigInteger)
    adjustments_minor: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    withholding_minor: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    net_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Text)
    tax: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict, server_default="{}")
    bank_detail_id: Mapped[int | None] = mapped_column(BigInteger)
    accrual_run_id: Mapped[int | None] = mapped_column(ForeignKey("accrual_runs.id"))
    pay_by_on: Mapped[date | None] = mapped_column(Date)
    hash: Mapped[str] = mapped_column(Text)
    statement_text: Mapped[str | None] = mapped_column(Text)
    lock_version: Mapped[int] = mapped_column(Integer, default=1, server_default="1")
    drafted_by: Mapped[str] = mapped_column(Text)
    drafted_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    submitted_by: Mapped[str | None] = mapped_column(Text)
    submitted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    approved_by: Mapped[str | None] = mapped_column(Text)
    approved_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    paid_on: Mapped[date | None] = mapped_column(Date)
    reason: Mapped[str | None] = mapped_column(Text)


class SettlementLine(WithId, Sealed, Base):
    """One frozen line of a settlement; an accrual line can stand in one live settlement only."""

    __tablename__ = "settlement_lines"
    __table_args__ = (
        UniqueConstraint("settlement_id", "position"),
        ForeignKeyConstraint(["agency_id", "settlement_id"], ["settlements.agency_id", "settlements.id"]),
        ForeignKeyConstraint(["agency_id", "accrual_line_id"], ["accrual_lines.agency_id", "accrual_lines.id"]),
        Index("ix_settlement_lines_accrual_line", "accrual_line_id"),
        Index("ix_settlement_lines_kind", "settlement_id", "kind", "position"),
    )
    __sealed__ = ("agency_id", "settlement_id", "position", "accrual_line_id", "kind", "description", "amount_minor")

    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    settlement_id: Mapped[int] = mapped_column(BigInteger)
    position: Mapped[int] = mapped_column(Integer)
    accrual_line_id: Mapped[int | None] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Text)
