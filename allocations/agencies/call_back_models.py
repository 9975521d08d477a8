"""That somebody at the bank called an agency back about new bank details, on a number known from before."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, ForeignKeyConstraint, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, Sealed, WithId

OUTCOMES = ("confirmed", "denied", "not_reached")


class BankDetailCallBack(WithId, Sealed, Base):
    """One call about one version: whom, on which number and where that stood before, when, by whom, and what they said."""

    __tablename__ = "bank_detail_call_backs"
    __table_args__ = (
        ForeignKeyConstraint(
            ["agency_id", "bank_detail_id"], ["agency_bank_details.agency_id", "agency_bank_details.id"]
        ),
        CheckConstraint(f"outcome in {OUTCOMES}", name="outcome"),
        Index("ix_bank_detail_call_backs_detail", "bank_detail_id", "id"),
    )
    __sealed__ = (
        *("agency_id", "bank_detail_id", "spoke_to", "number", "known_from", "called_at", "outcome", "note"),
        *("called_by", "recorded_at"),
    )

    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    bank_detail_id: Mapped[int] = mapped_column(BigInteger)
    spoke_to: Mapped[str] = mapped_column(Text)
    number: Mapped[str] = mapped_column(Text)
    known_from: Mapped[str] = mapped_column(Text)  # where the number stood before the change was asked for
    called_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    outcome: Mapped[str] = mapped_column(Text)
    note: Mapped[str] = mapped_column(Text, default="", server_default="")
    called_by: Mapped[str] = mapped_column(Text)
    recorded_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
