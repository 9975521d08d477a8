"""What somebody asks to happen to an allocation: that it goes back, lasts longer, goes to another agency, or is taken back."""

from __future__ import annotations

from datetime import date

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from allocations.placements.request_rules import KINDS, SIDES
from portal.kernel.db import Base, Sealed, WithId
from portal.kernel.proposals import DECIDED_ONCE, Proposed, two_people


class AllocationRequest(WithId, Sealed, Proposed, Base):
    """Asked by the agency (`side`), by a person of the bank or by the nightly look; decided by a person of the bank.

    `last_on` is the last day with the agency (return, transfer, recall); `to_on` the new last day of the term (extension), or of the
    term with `to_agency_id` (transfer; None: until further notice). An agency sees what it asked itself.
    """

    __tablename__ = "allocation_requests"
    __moves__ = DECIDED_ONCE
    __table_args__ = (
        *two_people(__moves__),
        CheckConstraint(f"kind in {KINDS}", name="kind"),
        CheckConstraint(f"side in {SIDES}", name="side"),
        CheckConstraint("(kind = 'transfer') = (to_agency_id is not null)", name="to_agency"),
        CheckConstraint("to_agency_id <> agency_id", name="another_agency"),
        CheckConstraint("(kind = 'extension') = (last_on is null)", name="last_day"),
        CheckConstraint("side = 'bank' or kind in ('return','extension')", name="agency_asks"),
        UniqueConstraint("agency_id", "id"),
        ForeignKeyConstraint(["agency_id", "allocation_id"], ["allocations.agency_id", "allocations.id"]),
        Index(
            "uq_allocation_requests_waiting",
            *("agency_id", "allocation_id", "kind"),
            unique=True,
            postgresql_where=text("status = 'proposed'"),
        ),
        Index("ix_allocation_requests_status", "status", "id"),
    )
    __sealed__ = (
        *("agency_id", "allocation_id", "loan_account_no", "kind", "side", "reason_code", "reason", "last_on", "to_on"),
        *("to_agency_id", "proposed_by", "proposed_at"),
    )

    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    allocation_id: Mapped[int] = mapped_column(BigInteger)
    loan_account_no: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    side: Mapped[str] = mapped_column(Text, default="bank", server_default="bank")
    reason_code: Mapped[str] = mapped_column(Text, default="other", server_default="other")
    reason: Mapped[str] = mapped_column(Text)
    last_on: Mapped[date | None] = mapped_column(Date)
    to_on: Mapped[date | None] = mapped_column(Date)
    to_agency_id: Mapped[int | None] = mapped_column(ForeignKey("agencies.id"))
