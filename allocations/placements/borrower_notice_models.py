"""Who a borrower is told will ask for the money, before anybody does: one row a letter, message or mail that is due or went out."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Text,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from allocations.placements.borrower_notice_rules import CAUSES, CHANNELS, STATUSES
from portal.kernel.db import Base, Sealed, WithId


class BorrowerNotice(WithId, Sealed, Base):
    """What one borrower is told of one allocation. `due_on` is the day from which nobody asks for money before it went out.

    `agency_name` and `agent_name` ("" for nobody in particular) as the borrower reads them; `batch_ref` the file it went to the
    letter house in; `answer_sha256` the kept file that says what became of it.
    """

    __tablename__ = "borrower_notices"
    __table_args__ = (
        CheckConstraint(f"cause in {CAUSES}", name="cause"),
        CheckConstraint(f"channel in {CHANNELS}", name="channel"),
        CheckConstraint(f"status in {STATUSES}", name="status"),
        CheckConstraint("status <> 'due' or sent_at is null", name="sent"),
        CheckConstraint("status not in ('sent','delivered') or sent_at is not null", name="sent_when"),
        ForeignKeyConstraint(["agency_id", "allocation_id"], ["allocations.agency_id", "allocations.id"]),
        Index("ix_borrower_notices_allocation", "allocation_id", "id"),
        Index("ix_borrower_notices_open", "id", postgresql_where=text("status in ('due','failed')")),
        Index("ix_borrower_notices_batch", "batch_ref", "id", postgresql_where=text("batch_ref <> ''")),
    )
    __sealed__ = (
        *("agency_id", "allocation_id", "loan_account_id", "loan_account_no", "cause", "agency_name", "agent_name"),
        *("channel", "template", "language", "due_on", "created_at"),
    )

    agency_id: Mapped[int] = mapped_column(BigInteger)  # whose agency it is stands with the allocation
    allocation_id: Mapped[int] = mapped_column(BigInteger)
    loan_account_id: Mapped[int] = mapped_column(ForeignKey("loan_accounts.id"))
    loan_account_no: Mapped[str] = mapped_column(Text)
    cause: Mapped[str] = mapped_column(Text)
    agency_name: Mapped[str] = mapped_column(Text)
    agent_name: Mapped[str] = mapped_column(Text, default="", server_default="")
    channel: Mapped[str] = mapped_column(Text)
    template: Mapped[str] = mapped_column(Text)
    language: Mapped[str] = mapped_column(Text)
    due_on: Mapped[date] = mapped_column(Date)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    status: Mapped[str] = mapped_column(Text, default="due", server_default="due")
    batch_ref: Mapped[str] = mapped_column(Text, default="", server_default="")
    exported_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    sent_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    failure: Mapped[str] = mapped_column(Text, default="", server_default="")
    answer_sha256: Mapped[str | None] = mapped_column(Text)
