"""Compromises with a borrower, as far as the pricing of their instalments needs them."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, Date, DateTime, ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, Sealed, WithId


class OneTimeSettlement(WithId, Sealed, Base):
    """The borrower's compromise: money taken on the account from `from_on` through `to_on` pays it off, and is priced as such."""

    __tablename__ = "one_time_settlements"
    __table_args__ = (
        CheckConstraint("kind in ('ots','lok_adalat')", name="kind"),
        CheckConstraint("status in ('proposed','approved','rejected','withdrawn','broken')", name="status"),
        CheckConstraint("agreed_minor > 0", name="agreed"),
        CheckConstraint("to_on is null or to_on >= from_on", name="term"),
        CheckConstraint("decided_by is null or decided_by <> proposed_by", name="maker_is_not_checker"),
        CheckConstraint("status not in ('approved','rejected') or decided_by is not null", name="decided"),
        Index("ix_one_time_settlements_account", "loan_account_id", "from_on"),
    )
    __sealed__ = (
        *("loan_account_id", "kind", "agreed_minor", "currency", "from_on", "reason", "proposed_by", "proposed_at"),
    )

    loan_account_id: Mapped[int] = mapped_column(ForeignKey("loan_accounts.id"))
    kind: Mapped[str] = mapped_column(Text)
    agreed_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Text)
    from_on: Mapped[date] = mapped_column(Date)
    to_on: Mapped[date | None] = mapped_column(Date)
    reason: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, default="proposed", server_default="proposed")
    proposed_by: Mapped[str] = mapped_column(Text)
    proposed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    decided_by: Mapped[str | None] = mapped_column(Text)
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    decision_reason: Mapped[str | None] = mapped_column(Text)
