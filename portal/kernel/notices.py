"""Letters the portal owes somebody: written in the transaction of what they tell of, sent afterwards."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, DateTime, Index, Integer, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, Sealed, WithId


class Notice(WithId, Sealed, Base):
    """One letter to one address. `key` names what it tells of, so that telling twice writes nothing."""

    __tablename__ = "notices"
    __table_args__ = (
        UniqueConstraint("key"),
        Index("ix_notices_waiting", "id", postgresql_where=text("sent_at is null")),
        Index("ix_notices_about", "about_ref", "id"),
    )
    __sealed__ = ("key", "agency_id", "to_address", "subject", "body", "made_at")

    key: Mapped[str] = mapped_column(Text)
    agency_id: Mapped[int | None] = mapped_column(BigInteger, index=True)
    to_address: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    about_ref: Mapped[str] = mapped_column(Text)
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    sent_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    tries: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    error: Mapped[str] = mapped_column(Text, default="", server_default="")
