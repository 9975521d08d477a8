"""Measures of an agency for a month that its terms ask for, and scorecards: the scheme, a month's scoring, what came of it."""

from __future__ import annotations

from datetime import date, datetime
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
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from allocations.scorecards.scheme import PROPOSED_ONES
from portal.kernel.db import Base, Sealed, WithId
from portal.kernel.month_versions import MonthVersion, one_in_force
from portal.kernel.proposals import DECIDED_ONCE, Proposed, two_people


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
        CheckConstraint("measure in ('score','grade','audit')", name="measure"),
        Index(
            "uq_agency_measures_approved",
            *("agency_id", "period_start", "measure"),
            unique=True,
            postgresql_where=text("status = 'approved'"),
        ),
        UniqueConstraint("agency_id", "id"),
        Index("ix_agency_measures_period", "period_start", "agency_id"),
    )
    __sealed__ = ("agency_id", "period_start", "measure", "value", "reason", "proposed_by", "proposed_at")

    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    period_start: Mapped[date] = mapped_column(Date)
    measure: Mapped[str] = mapped_column(Text)
    value: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)


class ScoreScheme(WithId, Sealed, Proposed, Base):
    """How agencies are judged from a day on: measures with weight, floor and target, gates, bands. `terms` as scheme.py reads them."""

    __tablename__ = "score_schemes"
    __moves__ = {
        ("proposed", "approve"): "approved",
        ("proposed", "reject"): "rejected",
        ("proposed", "withdraw"): "withdrawn",
    }
    __table_args__ = (
        *two_people(__moves__),
        UniqueConstraint("version"),
        Index("uq_score_schemes_from", "effective_from", unique=True, postgresql_where=text("status = 'approved'")),
    )
    __sealed__ = ("version", "effective_from", "terms", "sha256", "reason", "proposed_by", "proposed_at")

    version: Mapped[int] = mapped_column(Integer)
    effective_from: Mapped[date] = mapped_column(Date)
    terms: Mapped[dict[str, Any]] = mapped_column(JSONB)
    sha256: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)


class ScoreRun(WithId, MonthVersion, Base):
    """One scoring of a month's agencies under a scheme. Agencies see it once another person has published it.

    `summary`: medians, sums by stratum and what the cards were made of, so that every card can be derived again.
    """

    __tablename__ = "score_runs"
    __table_args__ = (
        *one_in_force(__tablename__),
        CheckConstraint("(published_by is null) = (published_at is null)", name="published"),
        CheckConstraint("published_by is null or published_by <> made_by", name="maker_is_not_checker"),
    )

    scheme_id: Mapped[int] = mapped_column(ForeignKey("score_schemes.id"))
    made_by: Mapped[str] = mapped_column(Text)
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    published_by: Mapped[str | None] = mapped_column(Text)
    published_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class Scorecard(WithId, Sealed, Base):
    """An agency's measured performance of a month. `inputs` are the raw numbers, `measures` what the scheme made of them.

    `score` is null where too little was measured; `gates` are the codes of those that were missed, and override the grade.
    """

    __tablename__ = "scorecards"
    __table_args__ = (
        UniqueConstraint("run_id", "agency_id"),
        UniqueConstraint("agency_id", "id"),
        CheckConstraint("score between 0 and 100", name="score"),
        Index("ix_scorecards_agency", "agency_id", "period_start"),
    )
    __sealed__ = (
        *("run_id", "agency_id", "period_start", "score", "grade", "gates", "place", "places", "inputs", "measures"),
        "result_hash",
    )

    run_id: Mapped[int] = mapped_column(ForeignKey("score_runs.id"))
    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    period_start: Mapped[date] = mapped_column(Date)
    score: Mapped[Decimal | None] = mapped_column(Numeric(5, 2))
    grade: Mapped[str] = mapped_column(Text, default="", server_default="")
    gates: Mapped[list[Any]] = mapped_column(JSONB, default=list, server_default="[]")
    place: Mapped[int | None] = mapped_column(Integer)
    places: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    inputs: Mapped[dict[str, Any]] = mapped_column(JSONB)
    measures: Mapped[list[Any]] = mapped_column(JSONB)
    result_hash: Mapped[str] = mapped_column(Text)
    published_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))  # None: not in the agency's sight


class ScoreDispute(WithId, Sealed, Proposed, Base):
    """An agency contests a measure of its published scorecard. Accepted, it carries the numbers to count instead."""

    __tablename__ = "score_disputes"
    __moves__ = DECIDED_ONCE
    __table_args__ = (
        *two_people(__moves__),
        UniqueConstraint("agency_id", "id"),
        ForeignKeyConstraint(["agency_id", "scorecard_id"], ["scorecards.agency_id", "scorecards.id"]),
        CheckConstraint("(corrected is not null) = (status = 'accepted')", name="corrected"),
        Index(
            "uq_score_disputes_waiting",
            *("agency_id", "scorecard_id", "measure"),
            unique=True,
            postgresql_where=text("status = 'proposed'"),
        ),
        Index("ix_score_disputes_status", "status", "id"),
    )
    __sealed__ = ("agency_id", "scorecard_id", "measure", "reason", "proposed_by", "proposed_at")

    agency_id: Mapped[int] = mapped_column(BigInteger)
    scorecard_id: Mapped[int] = mapped_column(BigInteger)
    measure: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    corrected: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))


class ScoreConsequence(WithId, Sealed, Proposed, Base):
    """What follows from a scorecard: proposed from its band or its gates, decided by a person."""

    __tablename__ = "score_consequences"
    __moves__ = DECIDED_ONCE
    __table_args__ = (
        *two_people(__moves__),
        CheckConstraint(f"kind in {PROPOSED_ONES}", name="kind"),
        ForeignKeyConstraint(["agency_id", "scorecard_id"], ["scorecards.agency_id", "scorecards.id"]),
        UniqueConstraint("scorecard_id", "kind"),
        Index("ix_score_consequences_status", "status", "id"),
    )
    __sealed__ = ("agency_id", "scorecard_id", "kind", "reason", "proposed_by", "proposed_at")

    agency_id: Mapped[int] = mapped_column(BigInteger)
    scorecard_id: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
