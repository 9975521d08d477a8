"""How far long work has come; one row a job, written by the worker, shown by a page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Index, Text, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.kernel.db import Base, WithId

UNDER_WAY = "about <> '' and status in ('waiting','running')"


class JobProgress(WithId, Base):
    """A piece of long work: waiting, running, done or failed; `done` of `total` in the job's own unit.

    `about`: the one thing a job does that is done once; under way it is there once, for the bank and for each agency by itself, so that
    none learns from a refusal what another has under way.
    """

    __tablename__ = "job_progress"
    __table_args__ = (
        CheckConstraint("status in ('waiting','running','done','failed')", name="status"),
        Index(
            "uq_job_progress_under_way",
            *("kind", "about", "agency_id"),
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=text(UNDER_WAY),
        ),
    )

    kind: Mapped[str] = mapped_column(Text)
    about: Mapped[str] = mapped_column(Text, default="", server_default="")
    status: Mapped[str] = mapped_column(Text, default="waiting", server_default="waiting")
    done: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    total: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    message: Mapped[str] = mapped_column(Text, default="", server_default="")
    result: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    agency_id: Mapped[int | None] = mapped_column(BigInteger, index=True)
    created_by: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


def recent_jobs(session: Session, *, before: int | None, limit: int) -> Sequence[JobProgress]:
    """Long work, newest first, behind a given id."""
    query = select(JobProgress).order_by(JobProgress.id.desc()).limit(limit)
    if before is not None:
        query = query.where(JobProgress.id < before)
    return session.scalars(query).all()
