"""What confirmed money earned, line by line, and what earned nothing and why."""

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
from portal.kernel.month_versions import MonthVersion, one_in_force

LINE_KINDS = (
    *(
        "commission",
        "account_fee",
        "event_fee",
        "clawback",
        "cap",
        "bonus",
        "penalty",
        "separate_recovery",
        "adjustment",
    ),
    *("guarantee", "holdback", "holdback_release"),
)


class AccrualRun(WithId, MonthVersion, Base):
    """One computation of a month's commission. A later run of an open month supersedes it; lines frozen in a settlement stay."""

    __tablename__ = "accrual_runs"
    __table_args__ = (*one_in_force(__tablename__),)

    lines: Mapped[int] = mapped_column(Integer)
    total_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Text)
    outcome_set_id: Mapped[int | None] = mapped_column(ForeignKey("outcome_sets.id"))
    run_by: Mapped[str] = mapped_column(Text)
    run_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class AccrualLine(WithId, Sealed, Base):
    """What one confirmed link earns under one rule, or takes back. `facts` and `steps` suffice to compute and explain it again."""

    __tablename__ = "accrual_lines"
    __table_args__ = (
        UniqueConstraint("ref"),
        UniqueConstraint("agency_id", "id"),
        CheckConstraint(f"kind in {LINE_KINDS}", name="kind"),
        ForeignKeyConstraint(["agency_id", "collection_id"], ["collections.agency_id", "collections.id"]),
        ForeignKeyConstraint(["agency_id", "link_id"], ["match_links.agency_id", "match_links.id"]),
        Index("ix_accrual_lines_run_agency", "run_id", "agency_id", "id"),
        Index("ix_accrual_lines_card", "agency_id", "rate_card_version_id"),  # which cards an agency may see
        Index("ix_accrual_lines_collection", "collection_id"),
        Index("ix_accrual_lines_link", "link_id"),
        Index("ix_accrual_lines_event", "event_id", postgresql_where=text("event_id is not null")),
        Index("ix_accrual_lines_adjustment", "adjustment_id", postgresql_where=text("adjustment_id is not null")),
        ForeignKeyConstraint(["agency_id", "event_id"], ["earning_events.agency_id", "earning_events.id"]),
        ForeignKeyConstraint(["agency_id", "adjustment_id"], ["manual_adjustments.agency_id", "manual_adjustments.id"]),
    )
    __sealed__ = (
        "ref",
        "run_id",
        "agency_id",
        "kind",
        "collection_id",
        "link_id",
        "rate_card_version_id",
        "rule_id",
        "base_minor",
        "amount_minor",
        "currency",
        "credited_on",
        "clawback_of_id",
    )

    ref: Mapped[str] = mapped_column(Text)
    run_id: Mapped[int] = mapped_column(ForeignKey("accrual_runs.id"))
    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    kind: Mapped[str] = mapped_column(Text)
    collection_id: Mapped[int | None] = mapped_column(BigInteger)
    link_id: Mapped[int | None] = mapped_column(BigInteger)
    rate_card_version_id: Mapped[int | None] = mapped_column(ForeignKey("rate_card_versions.id"))
    rule_id: Mapped[str] = mapped_column(Text)
    base_minor: Mapped[int] = mapped_column(BigInteger)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Text)
    credited_on: Mapped[date] = mapped_column(Date)
    clawback_of_id: Mapped[int | None] = mapped_column(BigInteger)
    event_id: Mapped[int | None] = mapped_column(BigInteger)
    adjustment_id: Mapped[int | None] = mapped_column(BigInteger)
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    steps: Mapped[list[Any]] = mapped_column(JSONB)


class UnpaidCollection(WithId, Base):
    """A collection that earned nothing in a run, in whole or in part: the coded reason, what cures it and who must."""

    __tablename__ = "unpaid_collections"
    __table_args__ = (
        ForeignKeyConstraint(["agency_id", "collection_id"], ["collections.agency_id", "collections.id"]),
        Index("ix_unpaid_collections_run_agency", "run_id", "agency_id", "id"),
        Index("ix_unpaid_collections_collection", "collection_id"),
    )

    run_id: Mapped[int] = mapped_column(ForeignKey("accrual_runs.id"))
    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    collection_id: Mapped[int] = mapped_column(BigInteger)
    code: Mapped[str] = mapped_column(Text)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Text)
    cure: Mapped[str] = mapped_column(Text)
    owner: Mapped[str] = mapped_column(Text)
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict, server_default="{}")
