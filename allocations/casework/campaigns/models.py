"""Campaigns and the accounts in them, as they were when it started."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Date, DateTime, ForeignKey, Integer, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, Sealed, WithId
from portal.kernel.proposals import Proposed, two_people

OFFERS = ("waiver", "ots", "step_up", "reminder")
CHANNELS = ("sms", "letter", "email", "call", "visit")


class Campaign(WithId, Sealed, Proposed, Base):
    """An offer to a segment by one channel between two days (both included). `segment` as segments.py reads it.

    `control_percent` of the segment are left alone, drawn by `seed`, so that what the campaign did can be told from what would
    have happened anyhow. `spent_minor` is entered as the money goes.
    """

    __tablename__ = "campaigns"
    __moves__ = {
        ("proposed", "approve"): "approved",
        ("proposed", "reject"): "rejected",
        ("proposed", "withdraw"): "withdrawn",
        ("approved", "start"): "running",
        ("approved", "cancel"): "cancelled",
        ("running", "close"): "closed",
    }
    __table_args__ = (
        *two_people(__moves__),
        CheckConstraint(f"offer in {OFFERS}", name="offer"),
        CheckConstraint(f"channel in {CHANNELS}", name="channel"),
        CheckConstraint("to_on >= from_on", name="term"),
        CheckConstraint("control_percent between 0 and 50", name="control_percent"),
        CheckConstraint("budget_minor >= 0 and target_minor >= 0 and spent_minor >= 0", name="amounts"),
        CheckConstraint("(status in ('running','closed')) = (started_at is not null)", name="started"),
    )
    __sealed__ = (
        *("code", "name", "segment", "offer", "channel", "from_on", "to_on", "budget_minor", "target_minor"),
        *("currency", "control_percent", "seed", "creative", "reason", "preview", "proposed_by", "proposed_at"),
    )

    code: Mapped[str] = mapped_column(Text, unique=True)
    name: Mapped[str] = mapped_column(Text)
    segment: Mapped[dict[str, Any]] = mapped_column(JSONB)
    offer: Mapped[str] = mapped_column(Text)
    channel: Mapped[str] = mapped_column(Text)
    from_on: Mapped[date] = mapped_column(Date)
    to_on: Mapped[date] = mapped_column(Date)
    budget_minor: Mapped[int] = mapped_column(BigInteger)
    target_minor: Mapped[int] = mapped_column(BigInteger)
    spent_minor: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    currency: Mapped[str] = mapped_column(Text)
    control_percent: Mapped[int] = mapped_column(Integer)
    seed: Mapped[str] = mapped_column(Text)
    creative: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    preview: Mapped[dict[str, Any]] = mapped_column(JSONB)
    started_by: Mapped[str | None] = mapped_column(Text)
    started_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    members: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    controls: Mapped[int] = mapped_column(Integer, default=0, server_default="0")


class CampaignMember(Sealed, Base):
    """An account of a campaign, treated or left alone for comparison, with what was overdue when it started."""

    __tablename__ = "campaign_members"
    __sealed__ = ("campaign_id", "loan_account_id", "is_control", "overdue_minor")

    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id"), primary_key=True)
    loan_account_id: Mapped[int] = mapped_column(ForeignKey("loan_accounts.id"), primary_key=True)
    is_control: Mapped[bool] = mapped_column(Boolean)
    overdue_minor: Mapped[int] = mapped_column(BigInteger)
