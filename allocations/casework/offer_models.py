"""A one-time settlement in full: what was offered, what the bank made of it, that the borrower was told, and when it was not kept."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, Sealed, WithId
from portal.kernel.proposals import DECIDED_ONCE, Proposed, two_people

TOLD_BY = ("letter", "in_person", "recorded_call", "message")


class CompromiseOffer(WithId, Sealed, Proposed, Base):
    """What a borrower offers for all that is owed, brought by an agency (`agency_id`) or by the bank itself.

    `schedule`: [{due_on, amount_minor}], the offer in instalments. What was owed is frozen as of a day. Recommending decides
    nothing, so `decided_by` begins with the approval.
    """

    __tablename__ = "compromise_offers"
    __moves__ = {
        ("proposed", "recommend"): "recommended",
        ("proposed", "reject"): "rejected",
        ("proposed", "withdraw"): "withdrawn",
        ("proposed", "lapse"): "lapsed",
        ("recommended", "approve"): "approved",
        ("recommended", "reject"): "rejected",
        ("recommended", "lapse"): "lapsed",
        ("approved", "fulfil"): "fulfilled",
        ("approved", "break"): "broken",
    }
    __table_args__ = (
        CheckConstraint(
            "status in ('proposed','recommended','rejected','withdrawn','lapsed','approved','fulfilled','broken')",
            name="status",
        ),
        CheckConstraint(
            "(status in ('approved','rejected','fulfilled','broken')) = (decided_by is not null)", name="decided"
        ),
        CheckConstraint("decided_by is null or decided_by <> proposed_by", name="maker_is_not_checker"),
        CheckConstraint("offer_minor > 0 and offer_minor < total_minor", name="offer"),
        CheckConstraint(
            "total_minor = principal_minor + interest_minor + charges_minor and principal_minor >= 0"
            " and interest_minor >= 0 and charges_minor >= 0",
            name="owed_ties",
        ),
        CheckConstraint(
            "total_minor - offer_minor = waived_principal_minor + waived_interest_minor + waived_charges_minor"
            " and waived_principal_minor between 0 and principal_minor"
            " and waived_interest_minor between 0 and interest_minor"
            " and waived_charges_minor between 0 and charges_minor",
            name="sacrifice_ties",
        ),
        CheckConstraint("(evidence_sha256 is null) = (evidence_name is null)", name="evidence"),
        CheckConstraint("(status in ('fulfilled','broken')) = (closed_on is not null)", name="closed"),
        UniqueConstraint("agency_id", "id"),
        Index("ix_compromise_offers_account", "loan_account_id", "id"),
        Index("ix_compromise_offers_status", "status", "id"),
        Index("ix_compromise_offers_agency", "agency_id", "id"),
    )
    __sealed__ = (
        *("agency_id", "loan_account_id", "currency", "as_of", "total_minor", "principal_minor", "interest_minor"),
        *("charges_minor", "offer_minor", "waived_principal_minor", "waived_interest_minor", "waived_charges_minor"),
        *("from_on", "valid_until", "schedule", "reason", "evidence_sha256", "evidence_name", "proposed_by"),
        "proposed_at",
    )

    agency_id: Mapped[int | None] = mapped_column(ForeignKey("agencies.id"))
    loan_account_id: Mapped[int] = mapped_column(ForeignKey("loan_accounts.id"))
    currency: Mapped[str] = mapped_column(Text)
    as_of: Mapped[date] = mapped_column(Date)
    total_minor: Mapped[int] = mapped_column(BigInteger)
    principal_minor: Mapped[int] = mapped_column(BigInteger)
    interest_minor: Mapped[int] = mapped_column(BigInteger)
    charges_minor: Mapped[int] = mapped_column(BigInteger)
    offer_minor: Mapped[int] = mapped_column(BigInteger)
    waived_principal_minor: Mapped[int] = mapped_column(BigInteger)
    waived_interest_minor: Mapped[int] = mapped_column(BigInteger)
    waived_charges_minor: Mapped[int] = mapped_column(BigInteger)
    from_on: Mapped[date] = mapped_column(Date)
    valid_until: Mapped[date] = mapped_column(Date)
    schedule: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    reason: Mapped[str] = mapped_column(Text)
    evidence_sha256: Mapped[str | None] = mapped_column(Text)
    evidence_name: Mapped[str | None] = mapped_column(Text)
    decided_level: Mapped[int | None] = mapped_column(Integer)  # the approver's own, on the day
    closed_on: Mapped[date | None] = mapped_column(Date)
    closed_by: Mapped[str | None] = mapped_column(Text)

    @property
    def ref(self) -> str:
        return f"OTS-{self.id}"

    @property
    def sacrifice_minor(self) -> int:
        return self.total_minor - self.offer_minor


class CompromiseAssessment(WithId, Sealed, Base):
    """The bank's own view of an offer when it recommends it; no agency reads this. `facts` gives `findings` again, digit by digit.

    `compromise_id`: what prices the borrower's money once the offer is approved.
    """

    __tablename__ = "compromise_assessments"
    __table_args__ = (
        CheckConstraint("sanctioned_level >= 1 and needed_level > 0", name="levels"),
        Index("ix_compromise_assessments_level", "needed_level"),
    )
    __sealed__ = (
        *(
            "offer_id",
            "compromise_id",
            "facts",
            "findings",
            "sanctioned_level",
            "sanctioned_by",
            "needed_level",
            "words",
        ),
        *("recommended_by", "recommended_at"),
    )

    offer_id: Mapped[int] = mapped_column(ForeignKey("compromise_offers.id"), unique=True)
    compromise_id: Mapped[int] = mapped_column(ForeignKey("one_time_settlements.id"), unique=True)
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    findings: Mapped[dict[str, Any]] = mapped_column(JSONB)
    sanctioned_level: Mapped[int] = mapped_column(Integer)
    sanctioned_by: Mapped[str | None] = mapped_column(Text)  # who sanctioned the loan never approves
    needed_level: Mapped[int] = mapped_column(Integer)
    words: Mapped[str] = mapped_column(Text)
    recommended_by: Mapped[str] = mapped_column(Text)
    recommended_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class CreditAcknowledgement(WithId, Sealed, Base):
    """That the borrower was told the loan will be reported as settled, and what that does to their credit record. Never changed.

    `agency_id`: of the agency that brought the offer, whoever recorded this.
    """

    __tablename__ = "credit_acknowledgements"
    __table_args__ = (
        CheckConstraint(f"how in {TOLD_BY}", name="how"),
        ForeignKeyConstraint(["agency_id", "offer_id"], ["compromise_offers.agency_id", "compromise_offers.id"]),
        Index("ix_credit_acknowledgements_offer", "offer_id", "id"),
    )
    __sealed__ = ("agency_id", "offer_id", "told_on", "how", "proof", "recorded_by", "recorded_at")

    agency_id: Mapped[int | None] = mapped_column(ForeignKey("agencies.id"))
    offer_id: Mapped[int] = mapped_column(BigInteger)
    told_on: Mapped[date] = mapped_column(Date)
    how: Mapped[str] = mapped_column(Text)
    proof: Mapped[str] = mapped_column(Text)  # the letter's number, who was there, the recording's number
    recorded_by: Mapped[str] = mapped_column(Text)
    recorded_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class CompromiseBreach(WithId, Sealed, Proposed, Base):
    """That an approved offer was not kept: said by the nightly watch or a person, decided by another. `found`: what was seen then."""

    __tablename__ = "compromise_breaches"
    __moves__ = DECIDED_ONCE
    __table_args__ = (
        *two_people(__moves__),
        Index("uq_compromise_breaches_waiting", "offer_id", unique=True, postgresql_where=text("status = 'proposed'")),
        Index("ix_compromise_breaches_offer", "offer_id", "id"),
    )
    __sealed__ = ("offer_id", "instalment", "last_on", "found", "reason", "proposed_by", "proposed_at")

    offer_id: Mapped[int] = mapped_column(ForeignKey("compromise_offers.id"))
    instalment: Mapped[int] = mapped_column(Integer)
    last_on: Mapped[date] = mapped_column(Date)  # the last day the compromise prices money
    found: Mapped[dict[str, Any]] = mapped_column(JSONB)
    reason: Mapped[str] = mapped_column(Text)
