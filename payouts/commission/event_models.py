"""What earns or costs beside money at the bank: accepted events, and bonuses, penalties and adjustments by hand."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
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
from portal.kernel.proposals import DECIDED_ONCE, Proposed, two_people


class EarningEvent(WithId, Sealed, Proposed, Base):
    """A visit, a repossession, a late deposit …: what rules per event pay for and penalties take for, once a person accepted it.

    `source_key` names what it was found from ("contact:12"), so that finding it again adds nothing. An agency may hand a rejected
    one in once more: `resubmits_id`. `amount_minor` is the money concerned, where there is any.
    """

    __tablename__ = "earning_events"
    __moves__ = DECIDED_ONCE
    __table_args__ = (
        *two_people(__moves__),
        UniqueConstraint("agency_id", "ref"),
        UniqueConstraint("agency_id", "id"),
        CheckConstraint("source in ('agency','bank','visit','deposit','receipt_book')", name="source"),
        CheckConstraint("count > 0 and days >= 0", name="quantity"),
        ForeignKeyConstraint(["agency_id", "allocation_id"], ["allocations.agency_id", "allocations.id"]),
        ForeignKeyConstraint(["agency_id", "resubmits_id"], ["earning_events.agency_id", "earning_events.id"]),
        Index(
            "uq_earning_events_source",
            *("agency_id", "source_key"),
            unique=True,
            postgresql_where=text("resubmits_id is null"),
        ),
        Index("uq_earning_events_resubmits", "agency_id", "resubmits_id", unique=True),
        Index("ix_earning_events_month", "occurred_on", "agency_id", "id"),
        Index("ix_earning_events_agency", "agency_id", "id"),
        Index("ix_earning_events_proposed", "id", postgresql_where=text("status = 'proposed'")),
        Index("ix_earning_events_allocation", "allocation_id"),
    )
    __sealed__ = (
        *("ref", "agency_id", "event", "allocation_id", "occurred_on", "count", "days", "amount_minor", "currency"),
        *("source", "source_key", "proposed_by", "proposed_at", "loan_account_no", "detail", "note", "resubmits_id"),
    )

    ref: Mapped[str] = mapped_column(Text)
    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    event: Mapped[str] = mapped_column(Text)
    allocation_id: Mapped[int | None] = mapped_column(BigInteger)
    loan_account_no: Mapped[str | None] = mapped_column(Text)
    occurred_on: Mapped[date] = mapped_column(Date)
    count: Mapped[int] = mapped_column(Integer, default=1, server_default="1")
    days: Mapped[int] = mapped_column(Integer, default=1, server_default="1")
    amount_minor: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text)
    source_key: Mapped[str] = mapped_column(Text)
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict, server_default="{}")
    note: Mapped[str] = mapped_column(Text, default="", server_default="")
    resubmits_id: Mapped[int | None] = mapped_column(BigInteger)


class ManualAdjustment(WithId, Sealed, Proposed, Base):
    """A bonus, a penalty or a correction no rule computes: an amount (signed) for an agency's month, with reason, maker and checker."""

    __tablename__ = "manual_adjustments"
    __moves__ = DECIDED_ONCE
    __table_args__ = (
        *two_people(__moves__),
        UniqueConstraint("ref"),
        UniqueConstraint("agency_id", "id"),
        CheckConstraint("kind in ('bonus','penalty','adjustment')", name="kind"),
        CheckConstraint("amount_minor <> 0", name="amount"),
        CheckConstraint(
            "(kind = 'bonus') <= (amount_minor > 0) and (kind = 'penalty') <= (amount_minor < 0)", name="sign"
        ),
        Index("ix_manual_adjustments_month", "period_start", "agency_id", "id"),
        Index("ix_manual_adjustments_proposed", "id", postgresql_where=text("status = 'proposed'")),
    )
    __sealed__ = (
        *("ref", "agency_id", "period_start", "kind", "amount_minor", "currency", "reason", "about_ref"),
        *("proposed_by", "proposed_at"),
    )

    ref: Mapped[str] = mapped_column(Text)
    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    period_start: Mapped[date] = mapped_column(Date)
    kind: Mapped[str] = mapped_column(Text)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    about_ref: Mapped[str | None] = mapped_column(Text)  # the accrual line it corrects
