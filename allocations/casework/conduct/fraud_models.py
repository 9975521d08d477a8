"""The fraud register: confidential, but for the notice that is sent to the agency concerned."""

from __future__ import annotations

from datetime import date, datetime

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
from sqlalchemy.orm import Mapped, mapped_column

from allocations.casework.conduct.fraud_rules import FINDINGS, KINDS, MOVES
from portal.kernel.db import Base, Sealed, WithId
from portal.kernel.proposals import Proposed, statuses_of


class FraudCase(WithId, Sealed, Proposed, Base):
    """A suspicion about an agency, its agent, receipts or an account, from the day it is written down to its finding."""

    __tablename__ = "fraud_cases"
    __moves__ = MOVES
    __table_args__ = (
        UniqueConstraint("ref"),
        UniqueConstraint("agency_id", "id"),
        CheckConstraint(f"status in {statuses_of(MOVES)}", name="status"),
        CheckConstraint(f"kind in {tuple(KINDS)}", name="kind"),
        CheckConstraint(f"finding in {tuple(FINDINGS)}", name="finding"),
        CheckConstraint("(status in ('classified','cleared')) = (decided_by is not null)", name="decided"),
        CheckConstraint("status <> 'classified' or (finding = 'fraud' and notice_at is not null)", name="heard"),
        CheckConstraint("decided_by is null or decided_by <> proposed_by", name="maker_is_not_checker"),
        CheckConstraint("(notice_at is null) = (reply_until is null)", name="notice"),
        CheckConstraint("amount_minor >= 0", name="amount"),
        CheckConstraint("(reported_at is null) = (reported_by is null)", name="reported"),
        Index("ix_fraud_cases_status", "status", "id"),
        Index("ix_fraud_cases_agency", "agency_id", "id"),
    )
    __sealed__ = (
        *("ref", "kind", "words", "agency_id", "agent_code", "loan_account_id", "receipts", "amount_minor", "currency"),
        *("opened_by", "opened_at"),
    )

    ref: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    words: Mapped[str] = mapped_column(Text)
    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    agent_code: Mapped[str] = mapped_column(Text, default="", server_default="")
    loan_account_id: Mapped[int | None] = mapped_column(ForeignKey("loan_accounts.id"))
    receipts: Mapped[str] = mapped_column(Text, default="", server_default="")  # as they are numbered
    amount_minor: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    currency: Mapped[str] = mapped_column(Text)
    opened_by: Mapped[str] = mapped_column(Text)
    opened_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    is_holding: Mapped[bool] = mapped_column(Boolean, default=False, server_default=text("false"))
    status: Mapped[str] = mapped_column(Text, default="suspected", server_default="suspected")
    notice: Mapped[str] = mapped_column(Text, default="", server_default="")
    notice_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    reply_until: Mapped[date | None] = mapped_column(Date)
    finding: Mapped[str | None] = mapped_column(Text)
    proposal_reason: Mapped[str | None] = mapped_column(Text)
    proposed_by: Mapped[str | None] = mapped_column(Text)  # type: ignore[assignment]
    proposed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))  # type: ignore[assignment]
    report_due_on: Mapped[date | None] = mapped_column(Date)  # by when the regulator is told of what is classified
    reported_by: Mapped[str | None] = mapped_column(Text)
    reported_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    report_ref: Mapped[str] = mapped_column(Text, default="", server_default="")


class FraudReply(WithId, Sealed, Base):
    """What an agency answers to a notice. Added, never changed."""

    __tablename__ = "fraud_replies"
    __table_args__ = (
        ForeignKeyConstraint(["agency_id", "case_id"], ["fraud_cases.agency_id", "fraud_cases.id"]),
        Index("ix_fraud_replies_case", "case_id", "id"),
    )
    __sealed__ = ("case_id", "agency_id", "author", "body", "file_sha256", "at")

    case_id: Mapped[int] = mapped_column(BigInteger)
    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    author: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    file_sha256: Mapped[str | None] = mapped_column(Text)
    file_name: Mapped[str | None] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
