"""Measures of an agency for a month that its terms ask for: its score, its grade."""

from __future__ import annotations

from datetime import date

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, Sealed, WithId
from portal.kernel.proposals import Proposed, two_people


class AgencyMeasure(WithId, Sealed, Proposed, Base):
    """A score (0 to 100) or a grade (a word) of an agency for a month: entered by one person, decided by another."""

    __tablename__ = "agency_measures"
    __moves__ = {
        ("proposed", "approve"): "approved",
        ("proposed", "reject"): "rejected",
        ("proposed", "withdraw"): "withdrawn",
        ("approved", "replace"): "replaced",
    }
    __table_args__ = (
        *two_people(__moves__),
        CheckConstraint("measure in ('score','grade')", name="measure"),
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
