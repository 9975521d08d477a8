"""Measures of an agency for a month that its terms ask for: its score, its grade."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Date, DateTime, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, Sealed, WithId


class AgencyMeasure(WithId, Sealed, Base):
    """A score (0 to 100) or a grade (a word) of an agency for a month: entered by one person, decided by another."""

    __tablename__ = "agency_measures"
    __table_args__ = (
        CheckConstraint("measure in ('score','grade')", name="measure"),
        CheckConstraint("status in ('proposed','approved','rejected','withdrawn','replaced')", name="status"),
        CheckConstraint("decided_by is null or decided_by <> proposed_by", name="maker_is_not_checker"),
        CheckConstraint("status not in ('approved','rejected') or decided_by is not null", name="decided"),
        Index(
            "uq_agency_measures_approved",
            *("agency_id", "period_start", "measure"),
            unique=True,
            postgresql_where=text("status = 'approved'"),
        ),
        Index("ix_agency_measures_period", "period_start", "agency_id"),
    )
    __sealed__ = ("agency_id", "period_start", "measure", "value", "reason", "proposed_by", "proposed_at")

    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    period_start: Mapped[date] = mapped_column(Date)
    measure: Mapped[str] = mapped_column(Text)
    value: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, default="proposed", server_default="proposed")
    proposed_by: Mapped[str] = mapped_column(Text)
    proposed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    decided_by: Mapped[str | None] = mapped_column(Text)
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    decision_reason: Mapped[str | None] = mapped_column(Text)
