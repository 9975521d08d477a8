"""Rate cards: dated, immutable versions of the terms agencies are paid by."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, Date, DateTime, ForeignKey, Integer, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, Sealed, WithId


class RateCard(WithId, Base):
    """The terms known under one code, through all their versions."""

    __tablename__ = "rate_cards"

    code: Mapped[str] = mapped_column(Text, unique=True)
    name: Mapped[str] = mapped_column(Text)
    currency: Mapped[str] = mapped_column(Text)


class RateCardVersion(WithId, Sealed, Base):
    """One version: the file as it was handed in, its canonical body and hash. Drafted by a maker, approved by another."""

    __tablename__ = "rate_card_versions"
    __table_args__ = (
        UniqueConstraint("rate_card_id", "version"),
        CheckConstraint("status in ('draft','approved','rejected')", name="status"),
        CheckConstraint("decided_by is null or decided_by <> imported_by", name="maker_is_not_checker"),
        CheckConstraint("(status = 'draft') = (decided_by is null)", name="decided"),
        CheckConstraint("effective_to is null or effective_to >= effective_from", name="effective"),
    )
    __sealed__ = (
        "rate_card_id",
        "version",
        "effective_from",
        "effective_to",
        "effective_by",
        "source_text",
        "sha256",
        "imported_by",
    )

    rate_card_id: Mapped[int] = mapped_column(ForeignKey("rate_cards.id"))
    version: Mapped[int] = mapped_column(Integer)
    status: Mapped[str] = mapped_column(Text, default="draft", server_default="draft")
    effective_from: Mapped[date] = mapped_column(Date)
    effective_to: Mapped[date | None] = mapped_column(Date)
    effective_by: Mapped[str] = mapped_column(Text)
    source_text: Mapped[str] = mapped_column(Text)
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)
    sha256: Mapped[str] = mapped_column(Text)
    lint: Mapped[list[Any]] = mapped_column(JSONB, default=list, server_default="[]")
    imported_by: Mapped[str] = mapped_column(Text)
    imported_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    decided_by: Mapped[str | None] = mapped_column(Text)
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    decision_comment: Mapped[str | None] = mapped_column(Text)


class AgencyTerms(WithId, Base):
    """Which card an agency is paid by, from a day on; an agency without a row is paid by every approved card, in order of code."""

    __tablename__ = "agency_terms"
    __table_args__ = (UniqueConstraint("agency_id", "rate_card_id", "from_on"),)

    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    rate_card_id: Mapped[int] = mapped_column(ForeignKey("rate_cards.id"))
    from_on: Mapped[date] = mapped_column(Date)
    to_on: Mapped[date | None] = mapped_column(Date)
