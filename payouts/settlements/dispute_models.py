"""What an agency says to its statement: a line disputed, what both sides write, and the tax invoice it hands in."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Date,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, Sealed, WithId
from portal.kernel.proposals import DECIDED_ONCE, Moves, Proposed, statuses_of

# Somebody proposes a decision and somebody else makes it, or sends it back; the agency may take its dispute back until then.
DISPUTE_MOVES: Moves = {
    ("open", "propose"): "proposed",
    ("proposed", "decide"): "decided",
    ("proposed", "return"): "open",
    ("open", "withdraw"): "withdrawn",
    ("proposed", "withdraw"): "withdrawn",
}


class Dispute(WithId, Sealed, Proposed, Base):
    """An agency contests one line of an issued statement, or one receipt that earned nothing on it.

    What both sides agree on, the lower of the line and the claim, is paid; what the line is above the claim is kept (`held_minor`)
    until the decision. The decision is proposed by one person and made by another; its money lands as lines of the next statement:
    `dispute_release` for what was kept, an adjustment (`adjustment_ref`) for what the line should have been more or less.
    """

    __tablename__ = "disputes"
    __moves__ = DISPUTE_MOVES
    __table_args__ = (
        UniqueConstraint("agency_id", "ref"),
        UniqueConstraint("agency_id", "id"),
        ForeignKeyConstraint(["agency_id", "settlement_id"], ["settlements.agency_id", "settlements.id"]),
        ForeignKeyConstraint(
            ["agency_id", "settlement_line_id"], ["settlement_lines.agency_id", "settlement_lines.id"]
        ),
        ForeignKeyConstraint(["agency_id", "collection_id"], ["collections.agency_id", "collections.id"]),
        CheckConstraint(f"status in {statuses_of(DISPUTE_MOVES)}", name="status"),
        CheckConstraint("(settlement_line_id is null) <> (collection_id is null)", name="about_one"),
        CheckConstraint("held_minor >= 0", name="held"),
        CheckConstraint("claimed_minor <> line_minor", name="claim"),
        CheckConstraint("decided_by is null or decided_by <> proposed_by", name="maker_is_not_checker"),
        CheckConstraint("(status = 'decided') = (decided_by is not null)", name="decided"),
        CheckConstraint("(status = 'decided') = (granted_minor is not null)", name="granted"),
        CheckConstraint("freed_at is null or (status = 'withdrawn' and held_minor > 0)", name="freed"),
        CheckConstraint("complaint_ref = '' or status in ('open','withdrawn')", name="of_a_complaint"),
        Index(
            "uq_disputes_line",
            *("agency_id", "settlement_line_id", "complaint_ref"),
            unique=True,
            postgresql_where=text("status <> 'withdrawn'"),
        ),
        Index(
            "uq_disputes_receipt",
            *("agency_id", "settlement_id", "collection_id"),
            unique=True,
            postgresql_where=text("status <> 'withdrawn'"),
        ),
        Index("ix_disputes_settlement", "settlement_id", "id"),
        Index("ix_disputes_agency", "agency_id", "id"),
        Index("ix_disputes_complaint", "complaint_ref", postgresql_where=text("complaint_ref <> ''")),
        Index("ix_disputes_open", "due_on", "id", postgresql_where=text("status in ('open','proposed')")),
    )
    __sealed__ = (
        *("ref", "agency_id", "settlement_id", "settlement_line_id", "collection_id", "reason", "line_minor"),
        *("claimed_minor", "held_minor", "currency", "due_on", "opened_by", "opened_at"),
    )

    ref: Mapped[str] = mapped_column(Text)
    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    settlement_id: Mapped[int] = mapped_column(BigInteger)
    settlement_line_id: Mapped[int | None] = mapped_column(BigInteger)
    collection_id: Mapped[int | None] = mapped_column(BigInteger)
    reason: Mapped[str] = mapped_column(Text)  # a code of dispute_rules
    line_minor: Mapped[int] = mapped_column(BigInteger)
    claimed_minor: Mapped[int] = mapped_column(BigInteger)
    held_minor: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    currency: Mapped[str] = mapped_column(Text)
    due_on: Mapped[date] = mapped_column(Date)  # by when the bank owes an answer
    status: Mapped[str] = mapped_column(Text, default="open", server_default="open")
    opened_by: Mapped[str] = mapped_column(Text)
    opened_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    proposed_minor: Mapped[int | None] = mapped_column(BigInteger)  # what the line should come to
    proposal_reason: Mapped[str | None] = mapped_column(Text)
    # None until somebody proposes a decision.
    proposed_by: Mapped[str | None] = mapped_column(Text)  # type: ignore[assignment]
    proposed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))  # type: ignore[assignment]
    granted_minor: Mapped[int | None] = mapped_column(BigInteger)
    adjustment_ref: Mapped[str | None] = mapped_column(Text)
    # When what was kept went back to its own statement: withdrawn before that was paid.
    freed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    # "" for an agency's own. Else the bank keeps the line while this complaint is open; the agency can neither make nor take back such.
    complaint_ref: Mapped[str] = mapped_column(Text, default="", server_default="")


class DisputeMessage(WithId, Sealed, Base):
    """What somebody wrote to a dispute, with a file or without. Added, never changed."""

    __tablename__ = "dispute_messages"
    __table_args__ = (
        ForeignKeyConstraint(["agency_id", "dispute_id"], ["disputes.agency_id", "disputes.id"]),
        CheckConstraint("side in ('agency','bank')", name="side"),
        Index("ix_dispute_messages_dispute", "dispute_id", "id"),
    )
    __sealed__ = ("agency_id", "dispute_id", "side", "author", "body", "file_sha256", "at")

    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    dispute_id: Mapped[int] = mapped_column(BigInteger)
    side: Mapped[str] = mapped_column(Text)
    author: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    file_sha256: Mapped[str | None] = mapped_column(Text)
    file_name: Mapped[str | None] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class TaxInvoice(WithId, Sealed, Proposed, Base):
    """The agency's tax invoice against one statement, or the lender's own in place of an agency that is not registered."""

    __tablename__ = "tax_invoices"
    __moves__ = {
        **DECIDED_ONCE,
        # Its statement's approval was taken back: cancelled with it, or against the one that takes its place.
        ("accepted", "cancel"): "cancelled",
        ("proposed", "cancel"): "cancelled",
        ("accepted", "carry"): "carried",
        ("proposed", "carry"): "carried",
    }
    __table_args__ = (
        UniqueConstraint("agency_id", "id"),
        ForeignKeyConstraint(["agency_id", "settlement_id"], ["settlements.agency_id", "settlements.id"]),
        CheckConstraint(
            "status in ('proposed','accepted','rejected','withdrawn','cancelled','carried')", name="status"
        ),
        CheckConstraint("source in ('agency','self')", name="source"),
        CheckConstraint("taxable_minor >= 0 and tax_minor >= 0", name="amounts"),
        CheckConstraint("decided_by is null or decided_by <> proposed_by", name="maker_is_not_checker"),
        Index(
            "uq_tax_invoices_settlement",
            *("agency_id", "settlement_id"),
            unique=True,
            postgresql_where=text("status in ('proposed','accepted')"),
        ),
        Index(
            "uq_tax_invoices_no",
            *("agency_id", "source", "year_start", "gstin", "invoice_no"),
            unique=True,
            postgresql_where=text("status in ('proposed','accepted')"),
        ),
        Index("ix_tax_invoices_agency", "agency_id", "id"),
    )
    __sealed__ = (
        *("agency_id", "settlement_id", "source", "invoice_no", "invoiced_on", "taxable_minor", "tax_minor"),
        *("currency", "gstin", "is_reverse_charge", "file_sha256", "proposed_by", "proposed_at"),
    )

    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    settlement_id: Mapped[int] = mapped_column(BigInteger)
    source: Mapped[str] = mapped_column(Text)
    invoice_no: Mapped[str] = mapped_column(Text)
    invoiced_on: Mapped[date] = mapped_column(Date)
    year_start: Mapped[date] = mapped_column(Date)  # the tax year in which the number is unique
    taxable_minor: Mapped[int] = mapped_column(BigInteger)
    tax_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Text)
    gstin: Mapped[str] = mapped_column(Text, default="", server_default="")
    is_reverse_charge: Mapped[bool] = mapped_column(Boolean)
    file_sha256: Mapped[str | None] = mapped_column(Text)
    file_name: Mapped[str | None] = mapped_column(Text)
    findings: Mapped[list[Any]] = mapped_column(JSONB, default=list, server_default="[]")
