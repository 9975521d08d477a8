"""Case notes: written once, by the bank or by the agency that holds the account, and never changed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Boolean, CheckConstraint, Computed, DateTime, ForeignKey, Index, Text
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, Sealed, WithId


class CaseNote(WithId, Sealed, Base):
    """A note on an account. Without an agency it is the bank's, which the agency holding the account sees when it `is_shared`."""

    __tablename__ = "case_notes"
    __table_args__ = (
        CheckConstraint("length(body) between 3 and 2000", name="body"),
        CheckConstraint("agency_id is null or is_shared", name="shared"),
        Index("ix_case_notes_account", "loan_account_id", "id"),
        Index("ix_case_notes_words", "words", postgresql_using="gin"),
    )
    __sealed__ = ("agency_id", "loan_account_id", "body", "is_shared", "is_hidden", "written_by", "written_at")

    agency_id: Mapped[int | None] = mapped_column(ForeignKey("agencies.id"), index=True)
    loan_account_id: Mapped[int] = mapped_column(ForeignKey("loan_accounts.id"))
    body: Mapped[str] = mapped_column(Text)
    is_shared: Mapped[bool] = mapped_column(Boolean)
    is_hidden: Mapped[bool] = mapped_column(Boolean)  # from the borrower, when they ask for what is kept about them
    written_by: Mapped[str] = mapped_column(Text)
    written_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    words: Mapped[object] = mapped_column(
        TSVECTOR, Computed("to_tsvector('simple'::regconfig, body)", persisted=True), deferred=True
    )
