"""Keys that sign statements (the public half) and the signatures themselves."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, DateTime, ForeignKey, ForeignKeyConstraint, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, Sealed, WithId


class SigningKey(WithId, Sealed, Base):
    """The public half of an Ed25519 key. The private half is never in the database; a retired key still verifies what it signed."""

    __tablename__ = "signing_keys"
    __table_args__ = (
        UniqueConstraint("key_id"),
        Index(
            "uq_signing_keys_current",
            text("(retired_at is null)"),
            unique=True,
            postgresql_where=text("retired_at is null"),
        ),
    )
    __sealed__ = ("key_id", "public_key", "made_at")

    key_id: Mapped[str] = mapped_column(Text)  # the first 16 hex digits of the public key's sha256
    public_key: Mapped[str] = mapped_column(Text)  # 32 bytes, base64
    made_by: Mapped[str] = mapped_column(Text)
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    retired_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class StatementSignature(WithId, Sealed, Base):
    """The signature over an issued statement's canonical text; one a statement and key."""

    __tablename__ = "statement_signatures"
    __table_args__ = (
        UniqueConstraint("settlement_id", "key_id"),
        ForeignKeyConstraint(["agency_id", "settlement_id"], ["settlements.agency_id", "settlements.id"]),
        ForeignKeyConstraint(["key_id"], ["signing_keys.key_id"]),
    )
    __sealed__ = ("agency_id", "settlement_id", "key_id", "statement_hash", "signature", "signed_at")

    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    settlement_id: Mapped[int] = mapped_column(BigInteger)
    key_id: Mapped[str] = mapped_column(Text)
    statement_hash: Mapped[str] = mapped_column(Text)
    signature: Mapped[str] = mapped_column(Text)  # 64 bytes, base64
    signed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
