"""What terms would have come to: a draft tried on closed months. Nothing in the books refers to it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, Date, DateTime, ForeignKey, Index, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, WithId


class Simulation(WithId, Base):
    """One what-if: the card's text, the months, and what came of it. `result` is kept as it was computed, with its hash."""

    __tablename__ = "simulations"
    __table_args__ = (
        CheckConstraint("status in ('queued','running','done','failed')", name="status"),
        CheckConstraint("to_month >= from_month", name="months"),
        Index("ix_simulations_version", "rate_card_version_id"),
        Index("ix_simulations_sha256", "sha256"),
    )

    rate_card_version_id: Mapped[int | None] = mapped_column(ForeignKey("rate_card_versions.id"))
    card_code: Mapped[str] = mapped_column(Text)
    source_text: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(Text)
    from_month: Mapped[date] = mapped_column(Date)
    to_month: Mapped[date] = mapped_column(Date)
    status: Mapped[str] = mapped_column(Text, default="queued", server_default="queued")
    result: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict, server_default="{}")
    result_hash: Mapped[str | None] = mapped_column(Text)
    asked_by: Mapped[str] = mapped_column(Text)
    asked_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
