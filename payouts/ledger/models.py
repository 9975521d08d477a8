"""The journal: balanced entries, added and never changed."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, Date, DateTime, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, Sealed, WithId


class JournalEntry(WithId, Sealed, Base):
    """One event of money; its lines' debits equal its credits (checked by the database at commit)."""

    __tablename__ = "journal_entries"
    __table_args__ = (UniqueConstraint("ref"), Index("ix_journal_entries_posted_on", "posted_on", "id"))
    __sealed__ = ("ref", "posted_on", "kind", "subject_ref", "narration")

    ref: Mapped[str] = mapped_column(Text)
    posted_on: Mapped[date] = mapped_column(Date)
    kind: Mapped[str] = mapped_column(Text)
    subject_ref: Mapped[str] = mapped_column(Text, index=True)
    narration: Mapped[str] = mapped_column(Text, default="", server_default="")
    posted_by: Mapped[str] = mapped_column(Text)
    posted_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class JournalLine(WithId, Sealed, Base):
    """One side of an entry on one account; either a debit or a credit."""

    __tablename__ = "journal_lines"
    __table_args__ = (
        CheckConstraint("debit_minor >= 0 and credit_minor >= 0", name="not_negative"),
        CheckConstraint("(debit_minor = 0) <> (credit_minor = 0)", name="one_side"),
        Index("ix_journal_lines_entry", "entry_id"),
        Index("ix_journal_lines_account", "account", "id"),
        Index("ix_journal_lines_agency", "agency_id", "account", "id"),
    )
    __sealed__ = ("entry_id", "account", "agency_id", "debit_minor", "credit_minor", "currency")

    entry_id: Mapped[int] = mapped_column(ForeignKey("journal_entries.id"))
    account: Mapped[str] = mapped_column(Text)
    agency_id: Mapped[int | None] = mapped_column(ForeignKey("agencies.id"))
    debit_minor: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    credit_minor: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    currency: Mapped[str] = mapped_column(Text)
