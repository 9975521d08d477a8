"""What became of each allocated account by a month's end: facts that later months are never read back into."""

from __future__ import annotations

from datetime import date, datetime

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
)
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, WithId
from portal.kernel.month_versions import MonthVersion, one_in_force

OUTCOMES = "('stabilised','rolled_back','normalised','rolled_forward')"


class OutcomeSet(WithId, MonthVersion, Base):
    """One reading of a month's snapshots. A late snapshot makes a new version; the ones before stay as they were.

    `summary` holds the sums by agency and bucket (counts, principal in minor units) and the difference to the version before.
    """

    __tablename__ = "outcome_sets"
    __table_args__ = (*one_in_force(__tablename__),)

    scheme_version: Mapped[int] = mapped_column(Integer)
    accounts: Mapped[int] = mapped_column(Integer)
    made_by: Mapped[str] = mapped_column(Text)
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class AccountOutcome(WithId, Base):
    """One allocation in force during the month and its outcome, judged from the frozen opening bucket.

    Without a snapshot in the month (`is_measured` false, `snapshot_on` null) the account counts as rolled forward.
    """

    __tablename__ = "account_outcomes"
    __table_args__ = (
        UniqueConstraint("allocation_id", "outcome_set_id"),
        CheckConstraint(f"outcome in {OUTCOMES}", name="outcome"),
        CheckConstraint("is_measured = (snapshot_on is not null)", name="measured_by_a_snapshot"),
        CheckConstraint("is_measured or outcome = 'rolled_forward'", name="unmeasured_rolled_forward"),
        ForeignKeyConstraint(["agency_id", "allocation_id"], ["allocations.agency_id", "allocations.id"]),
        Index("ix_account_outcomes_agency", "outcome_set_id", "agency_id", "allocation_id"),
    )

    outcome_set_id: Mapped[int] = mapped_column(ForeignKey("outcome_sets.id"))
    agency_id: Mapped[int] = mapped_column(BigInteger)  # whose agency it is stands with the allocation
    allocation_id: Mapped[int] = mapped_column(BigInteger)
    loan_account_no: Mapped[str] = mapped_column(Text)
    product: Mapped[str] = mapped_column(Text)
    opening_bucket: Mapped[str] = mapped_column(Text)
    opening_principal_minor: Mapped[int] = mapped_column(BigInteger)
    opening_overdue_minor: Mapped[int] = mapped_column(BigInteger)
    closing_dpd_days: Mapped[int | None] = mapped_column(Integer)
    closing_bucket: Mapped[str | None] = mapped_column(Text)
    snapshot_on: Mapped[date | None] = mapped_column(Date)
    is_measured: Mapped[bool] = mapped_column(Boolean)
    outcome: Mapped[str] = mapped_column(Text)
