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

# `checked`: approved once, and large enough to want a third person.
SETTLEMENT_STATUSES = ("draft", "submitted", "checked", "approved", "paying", "paid", "returned", "void")


class Settlement(WithId, Base):
    """What an agency is owed for a month: net = gross + adjustments − withholding + sales tax. Its lines are frozen when it is drafted.

    `disputed_minor` is what is kept of the net while the agency contests it: net − disputed is paid.
    """

    __tablename__ = "settlements"
    __table_args__ = (
        UniqueConstraint("ref"),
        UniqueConstraint("agency_id", "id"),
        CheckConstraint(f"status in {SETTLEMENT_STATUSES}", name="status"),
        CheckConstraint(
            "net_minor = gross_minor + adjustments_minor - withholding_minor + sales_tax_minor", name="net"
        ),
        CheckConstraint("disputed_minor between 0 and greatest(net_minor, 0)", name="disputed"),
        CheckConstraint("answer in ('','accepted','disputed','deemed')", name="answer"),
        CheckConstraint("(answer = '') = (answered_at is null)", name="answered"),
        CheckConstraint(
            "checked_by is null or (checked_by <> submitted_by and checked_by is distinct from approved_by)",
            name="three_people",
        ),
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
    sales_tax_minor: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")  # under forward charge
    net_minor: Mapped[int] = mapped_column(BigInteger)
    disputed_minor: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    currency: Mapped[str] = mapped_column(Text)
    tax: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict, server_default="{}")
    frozen: Mapped[dict[str, Any]] = mapped_column(
        JSONB, default=dict, server_default="{}"
    )  # what was known when it was drafted (frozen.py); empty in statements of the first format
    bank_detail_id: Mapped[int | None] = mapped_column(BigInteger)
    accrual_run_id: Mapped[int | None] = mapped_column(ForeignKey("accrual_runs.id"))
    pay_by_on: Mapped[date | None] = mapped_column(Date)
    hash: Mapped[str] = mapped_column(Text)
    statement_text: Mapped[str | None] = mapped_column(Text)
    lock_version: Mapped[int] = mapped_column(Integer, default=1, server_default="1")
    round: Mapped[int] = mapped_column(
        Integer, default=1, server_default="1"
    )  # of maker and checkers; sent back: the next
    drafted_by: Mapped[str] = mapped_column(Text)
    drafted_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    submitted_by: Mapped[str | None] = mapped_column(Text)
    submitted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    checked_by: Mapped[str | None] = mapped_column(Text)
    checked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    approved_by: Mapped[str | None] = mapped_column(Text)
    approved_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    answer: Mapped[str] = mapped_column(
        Text, default="", server_default=""
    )  # the agency's word on the issued statement
    answered_by: Mapped[str | None] = mapped_column(Text)
    answered_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    answer_by_on: Mapped[date | None] = mapped_column(Date)  # after it, silence is consent
    paid_on: Mapped[date | None] = mapped_column(Date)
    reason: Mapped[str | None] = mapped_column(Text)


class SettlementLine(WithId, Sealed, Base):
    """One frozen line of a settlement; an accrual line can stand in one live settlement only."""

    __tablename__ = "settlement_lines"
    __table_args__ = (
        UniqueConstraint("settlement_id", "position"),
        UniqueConstraint("agency_id", "id"),
        ForeignKeyConstraint(["agency_id", "settlement_id"], ["settlements.agency_id", "settlements.id"]),
        ForeignKeyConstraint(["agency_id", "accrual_line_id"], ["accrual_lines.agency_id", "accrual_lines.id"]),
        ForeignKeyConstraint(["agency_id", "dispute_id"], ["disputes.agency_id", "disputes.id"], use_alter=True),
        Index("ix_settlement_lines_accrual_line", "accrual_line_id"),
        Index("ix_settlement_lines_dispute", "dispute_id", postgresql_where=text("dispute_id is not null")),
        Index("ix_settlement_lines_kind", "settlement_id", "kind", "position"),
    )
    __sealed__ = ("agency_id", "settlement_id", "position", "accrual_line_id", "kind", "description", "amount_minor")

    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    settlement_id: Mapped[int] = mapped_column(BigInteger)
    position: Mapped[int] = mapped_column(Integer)
    accrual_line_id: Mapped[int | None] = mapped_column(BigInteger)
    dispute_id: Mapped[int | None] = mapped_column(BigInteger)  # whose kept money this line pays out
    kind: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Text)
