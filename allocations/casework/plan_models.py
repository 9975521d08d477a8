"""Repayment plans, in which a borrower pays all that is due bit by bit, and referrals to those who help people in hardship."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Date, ForeignKey, Index, Integer, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from allocations.vocabulary import MODES
from portal.kernel.db import Base, Sealed, WithId
from portal.kernel.proposals import Proposed, two_people

REFERRALS = ("counselling", "hardship")
CONSENTS = ("letter", "in_person", "recorded_call", "message")
HOLD_CAUSES = ("medical", "calamity")


class RepaymentPlan(WithId, Sealed, Proposed, Base):
    """All that is due, in instalments; nothing is given up. `schedule`: [{due_on, amount_minor}], which sums to `dues_minor`.

    The grace in days and how many instalments may be missed are those in force when it was proposed.
    """

    __tablename__ = "repayment_plans"
    __moves__ = {
        ("proposed", "accept"): "active",
        ("proposed", "reject"): "rejected",
        ("proposed", "withdraw"): "withdrawn",
        ("active", "keep"): "kept",
        ("active", "break"): "broken",
        ("active", "cancel"): "cancelled",
    }
    __table_args__ = (
        *two_people(__moves__),
        CheckConstraint("dues_minor > 0", name="dues"),
        CheckConstraint(f"mode in {MODES}", name="mode"),
        CheckConstraint("grace_days >= 0 and most_missed >= 0", name="rule"),
        CheckConstraint("(status in ('kept','broken','cancelled')) = (closed_on is not null)", name="closed"),
        Index("ix_repayment_plans_account", "loan_account_id", "id"),
        Index("ix_repayment_plans_status", "status", "id"),
        Index("ix_repayment_plans_agency", "agency_id", "id"),
    )
    __sealed__ = (
        *("agency_id", "loan_account_id", "currency", "dues_minor", "from_on", "schedule", "mode", "grace_days"),
        *("most_missed", "needs_approver", "reason", "proposed_by", "proposed_at"),
    )

    agency_id: Mapped[int | None] = mapped_column(ForeignKey("agencies.id"))
    loan_account_id: Mapped[int] = mapped_column(ForeignKey("loan_accounts.id"))
    currency: Mapped[str] = mapped_column(Text)
    dues_minor: Mapped[int] = mapped_column(BigInteger)
    from_on: Mapped[date] = mapped_column(Date)
    schedule: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    mode: Mapped[str] = mapped_column(Text)
    grace_days: Mapped[int] = mapped_column(Integer)
    most_missed: Mapped[int] = mapped_column(Integer)
    needs_approver: Mapped[bool] = mapped_column(Boolean)  # beyond what an agency may propose and a maker may accept
    reason: Mapped[str] = mapped_column(Text)
    closed_on: Mapped[date | None] = mapped_column(Date)


class Referral(WithId, Sealed, Proposed, Base):
    """A borrower sent to counselling or hardship support, with their consent; asked for by an agency or the bank, decided by the bank."""

    __tablename__ = "referrals"
    __moves__ = {
        ("proposed", "accept"): "accepted",
        ("proposed", "reject"): "rejected",
        ("proposed", "withdraw"): "withdrawn",
        ("accepted", "close"): "closed",
    }
    __table_args__ = (
        *two_people(__moves__),
        CheckConstraint(f"kind in {REFERRALS}", name="kind"),
        CheckConstraint(f"consent_how in {CONSENTS}", name="consent"),
        CheckConstraint(f"hold_cause is null or hold_cause in {HOLD_CAUSES}", name="hold"),
        CheckConstraint("(status = 'closed') = (outcome is not null)", name="outcome"),
        Index("ix_referrals_account", "loan_account_id", "id"),
        Index("ix_referrals_status", "status", "id"),
        Index("ix_referrals_agency", "agency_id", "id"),
    )
    __sealed__ = (
        *("agency_id", "loan_account_id", "kind", "partner", "consent_on", "consent_how", "reason", "proposed_by"),
        "proposed_at",
    )

    agency_id: Mapped[int | None] = mapped_column(ForeignKey("agencies.id"))
    loan_account_id: Mapped[int] = mapped_column(ForeignKey("loan_accounts.id"))
    kind: Mapped[str] = mapped_column(Text)
    partner: Mapped[str] = mapped_column(Text)
    consent_on: Mapped[date] = mapped_column(Date)
    consent_how: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    hold_cause: Mapped[str | None] = mapped_column(Text)
    outcome: Mapped[str | None] = mapped_column(Text)
    closed_on: Mapped[date | None] = mapped_column(Date)
