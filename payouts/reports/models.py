"""Answers reports gave, what is asked again every month and what came of it, and the packs handed to auditors."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, Date, DateTime, ForeignKey, Index, Integer, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, Sealed, WithId


class ReportRun(WithId, Sealed, Base):
    """What a question was answered, kept under the hash of the answer. The same question with the same answer is one row.

    `asked_by` and `asked_at` are of the first time; the audit log has every time.
    """

    __tablename__ = "report_runs"
    __table_args__ = (
        UniqueConstraint("question_sha256", "content_sha256"),
        Index("ix_report_runs_report", "report", "id"),
    )
    __sealed__ = (*("report", "parameters", "question_sha256", "content_sha256", "row_count", "asked_by", "asked_at"),)

    report: Mapped[str] = mapped_column(Text)
    parameters: Mapped[dict[str, Any]] = mapped_column(JSONB)
    question_sha256: Mapped[str] = mapped_column(Text)
    content_sha256: Mapped[str] = mapped_column(Text)
    row_count: Mapped[int] = mapped_column(Integer)
    asked_by: Mapped[str] = mapped_column(Text)
    asked_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class ReportSchedule(WithId, Sealed, Base):
    """A report of the month before, made on a day of every month until it is ended. `recipients` are addresses of bank users."""

    __tablename__ = "report_schedules"
    __table_args__ = (
        CheckConstraint("day_of_month between 1 and 28", name="day"),
        CheckConstraint("format in ('page','xlsx','pdf')", name="format"),
        CheckConstraint("(ended_by is null) = (ended_at is null)", name="ended"),
    )
    __sealed__ = ("report", "agency_code", "day_of_month", "recipients", "format", "made_by", "made_at")

    report: Mapped[str] = mapped_column(Text)
    agency_code: Mapped[str] = mapped_column(Text, default="", server_default="")  # '': every agency
    day_of_month: Mapped[int] = mapped_column(Integer)
    recipients: Mapped[list[str]] = mapped_column(JSONB)
    format: Mapped[str] = mapped_column(Text)
    made_by: Mapped[str] = mapped_column(Text)
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    ended_by: Mapped[str | None] = mapped_column(Text)
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class ReportDelivery(WithId, Base):
    """What a schedule made of one month: the answer it kept, or why there is none. Tried again until there is one."""

    __tablename__ = "report_deliveries"
    __table_args__ = (
        UniqueConstraint("schedule_id", "period_start"),
        CheckConstraint("(run_id is null) = (problem <> '')", name="kept_or_not"),
    )

    schedule_id: Mapped[int] = mapped_column(ForeignKey("report_schedules.id"))
    period_start: Mapped[date] = mapped_column(Date)
    run_id: Mapped[int | None] = mapped_column(ForeignKey("report_runs.id"))
    problem: Mapped[str] = mapped_column(Text, default="", server_default="")
    tries: Mapped[int] = mapped_column(Integer, default=1, server_default="1")
    tried_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class AuditPack(WithId, Sealed, Base):
    """The pack of a month as it was handed out: a ZIP kept under its hash. The same world gives the same pack, one row."""

    __tablename__ = "audit_packs"
    __table_args__ = (UniqueConstraint("period_start", "sha256"),)
    __sealed__ = ("period_start", "sha256", "size", "members", "holds", "made_by", "made_at")

    period_start: Mapped[date] = mapped_column(Date)
    sha256: Mapped[str] = mapped_column(Text)
    size: Mapped[int] = mapped_column(Integer)
    members: Mapped[int] = mapped_column(Integer)
    holds: Mapped[str] = mapped_column(Text)  # what the verification said that is in it
    made_by: Mapped[str] = mapped_column(Text)
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
