"""An approved, unpaid settlement pointed to the agency's new bank details: the statement stays, where it is paid changes."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, Sealed, WithId
from portal.kernel.proposals import Moves, Proposed, two_people

# `checked`: accepted once, and large enough to want a third person.
REPOINTING_MOVES: Moves = {
    ("proposed", "accept"): "accepted",
    ("proposed", "check"): "checked",
    ("proposed", "reject"): "rejected",
    ("checked", "accept"): "accepted",
    ("checked", "reject"): "rejected",
    ("proposed", "withdraw"): "withdrawn",
}


class SettlementRepointing(WithId, Sealed, Proposed, Base):
    """From one version of an agency's bank details to another, for one settlement; the last accepted one says where it is paid.

    `hash` covers the statement's hash, the re-pointing before it and both accounts: whoever accepts it signs that.
    """

    __tablename__ = "settlement_repointings"
    __moves__ = REPOINTING_MOVES
    __table_args__ = (
        *two_people(__moves__),
        UniqueConstraint("ref"),
        UniqueConstraint("agency_id", "id"),
        UniqueConstraint("settlement_id", "number"),
        ForeignKeyConstraint(["agency_id", "settlement_id"], ["settlements.agency_id", "settlements.id"]),
        ForeignKeyConstraint(
            ["agency_id", "from_detail_id"], ["agency_bank_details.agency_id", "agency_bank_details.id"]
        ),
        ForeignKeyConstraint(
            ["agency_id", "to_detail_id"], ["agency_bank_details.agency_id", "agency_bank_details.id"]
        ),
        CheckConstraint("from_detail_id is distinct from to_detail_id", name="to_another"),
        CheckConstraint(
            "checked_by is null or (checked_by <> proposed_by and (status <> 'accepted' or checked_by <> decided_by))",
            name="three_people",
        ),
        Index(
            "uq_settlement_repointings_waiting",
            "settlement_id",
            unique=True,
            postgresql_where=text("status in ('proposed','checked')"),
        ),
        Index("ix_settlement_repointings_agency", "agency_id", "id"),
    )
    __sealed__ = (
        *("ref", "agency_id", "settlement_id", "number", "statement_hash", "from_detail_id", "to_detail_id"),
        *("amount_minor", "currency", "reason", "hash", "proposed_by", "proposed_at"),
    )

    ref: Mapped[str] = mapped_column(Text)
    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    settlement_id: Mapped[int] = mapped_column(BigInteger)
    number: Mapped[int] = mapped_column(Integer)  # of the settlement's own, from 1
    statement_hash: Mapped[str] = mapped_column(Text)
    from_detail_id: Mapped[int | None] = mapped_column(BigInteger)
    to_detail_id: Mapped[int] = mapped_column(BigInteger)
    amount_minor: Mapped[int] = mapped_column(BigInteger)  # payable when it was proposed: what the keys' limits count
    currency: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    hash: Mapped[str] = mapped_column(Text)
    checked_by: Mapped[str | None] = mapped_column(Text)
    checked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
