"""Compromises with a borrower, as far as the pricing of their instalments needs them."""

from __future__ import annotations

from datetime import date

from sqlalchemy import BigInteger, CheckConstraint, Date, ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, Sealed, WithId
from portal.kernel.proposals import Proposed, two_people


class OneTimeSettlement(WithId, Sealed, Proposed, Base):
    """The borrower's compromise: money taken on the account from `from_on` through `to_on` pays it off, and is priced as such."""

    __tablename__ = "one_time_settlements"
    __moves__ = {
        ("proposed", "approve"): "approved",
        ("proposed", "reject"): "rejected",
        ("proposed", "withdraw"): "withdrawn",
        ("approved", "break"): "broken",
    }
    __table_args__ = (
        *two_people(__moves__),
        CheckConstraint("kind in ('ots','lok_adalat')", name="kind"),
        CheckConstraint("agreed_minor > 0", name="agreed"),
        CheckConstraint("to_on is null or to_on >= from_on", name="term"),
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
