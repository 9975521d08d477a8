"""What agents did in the field: contacts with borrowers, what was promised, and the files that show it."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
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
    Integer,
    Numeric,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import BIT, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from allocations.vocabulary import CONTACT_KINDS, EVIDENCE_KINDS, PERSONS
from portal.kernel.db import Base, Sealed, WithId

# What a file may support; at least one is given.
SUPPORTS = ("collection_id", "contact_id", "deposit_id")


class Contact(WithId, Sealed, Base):
    """A visit, call, message or letter, as the agent reports it. Never edited; a contact outside the rules is recorded and flagged.

    `at` is when the agent says it happened, `received_at` when we learned of it, the only time that is certain. `flags` are
    [{code, words}] of contact_rules.py, settled when it came in under the rules of its day.
    """

    __tablename__ = "contacts"
    __table_args__ = (
        UniqueConstraint("agency_id", "id"),
        UniqueConstraint("ref"),
        ForeignKeyConstraint(["agency_id", "allocation_id"], ["allocations.agency_id", "allocations.id"]),
        ForeignKeyConstraint(["agency_id", "collection_id"], ["collections.agency_id", "collections.id"]),
        CheckConstraint(f"kind in {CONTACT_KINDS}", name="kind"),
        CheckConstraint(f"person in {PERSONS}", name="person"),
        Index("ix_contacts_agency", "agency_id", "at", "id"),
        Index("ix_contacts_account", "loan_account_id", "at"),
        Index("ix_contacts_at", "at", "id"),
        Index("ix_contacts_flagged", "at", "id", postgresql_where=text("flags <> '[]'::jsonb")),
        Index(
            "uq_contacts_client", "agency_id", "client_id", unique=True, postgresql_where=text("client_id is not null")
        ),
    )
    __sealed__ = (
        *(
            "agency_id",
            "allocation_id",
            "loan_account_id",
            "agent_code",
            "kind",
            "at",
            "person",
            "disposition",
            "remarks",
        ),
        *("latitude", "longitude", "accuracy_m", "received_at", "flags"),
    )

    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    ref: Mapped[str] = mapped_column(Text)
    allocation_id: Mapped[int] = mapped_column(BigInteger)
    loan_account_id: Mapped[int] = mapped_column(ForeignKey("loan_accounts.id"))
    loan_account_no: Mapped[str] = mapped_column(Text)
    agent_code: Mapped[str | None] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    received_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    person: Mapped[str] = mapped_column(Text)
    disposition: Mapped[str] = mapped_column(Text)
    remarks: Mapped[str | None] = mapped_column(Text)
    next_on: Mapped[date | None] = mapped_column(Date)
    latitude: Mapped[Decimal | None] = mapped_column(Numeric(9, 6))
    longitude: Mapped[Decimal | None] = mapped_column(Numeric(9, 6))
    accuracy_m: Mapped[int | None] = mapped_column(Integer)
    flags: Mapped[list[Any]] = mapped_column(JSONB, default=list, server_default="[]")
    collection_id: Mapped[int | None] = mapped_column(BigInteger)
    source: Mapped[str] = mapped_column(Text, default="page", server_default="page")
    client_id: Mapped[str | None] = mapped_column(Text)
    reported_by: Mapped[str] = mapped_column(Text)


class Promise(WithId, Sealed, Base):
    """An amount a borrower promised by a day; the instalments of a repayment plan share `plan_ref`.

    Kept or broken is never stored: promises.py judges it from confirmed money. A newer promise for the account replaces what is open.
    """

    __tablename__ = "promises"
    __table_args__ = (
        UniqueConstraint("agency_id", "id"),
        UniqueConstraint("plan_ref", "position"),
        ForeignKeyConstraint(["agency_id", "allocation_id"], ["allocations.agency_id", "allocations.id"]),
        ForeignKeyConstraint(["agency_id", "contact_id"], ["contacts.agency_id", "contacts.id"]),
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint("due_on >= made_on", name="due"),
        Index("ix_promises_agency_due", "agency_id", "due_on", "id"),
        Index("ix_promises_due", "due_on", "id"),
        Index("ix_promises_account", "loan_account_id", "due_on"),
    )
    __sealed__ = (
        "agency_id",
        "loan_account_id",
        "plan_ref",
        "position",
        "amount_minor",
        "currency",
        "due_on",
        "made_on",
    )

    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    allocation_id: Mapped[int] = mapped_column(BigInteger)
    loan_account_id: Mapped[int] = mapped_column(ForeignKey("loan_accounts.id"))
    loan_account_no: Mapped[str] = mapped_column(Text)
    contact_id: Mapped[int | None] = mapped_column(BigInteger)
    plan_ref: Mapped[str] = mapped_column(Text)
    position: Mapped[int] = mapped_column(Integer, default=1, server_default="1")
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Text)
    due_on: Mapped[date] = mapped_column(Date)
    made_on: Mapped[date] = mapped_column(Date)
    made_by: Mapped[str] = mapped_column(Text)
    agent_code: Mapped[str | None] = mapped_column(Text)
    recorded_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    replaced_on: Mapped[date | None] = mapped_column(Date)


class Evidence(WithId, Sealed, Base):
    """A file that supports a collection, a contact or a deposit. `sha256` is the original, kept untouched; people are shown the copy.

    `claims` is what the file says of itself, `taken_at`, place and accuracy what the phone says; both are claims. `received_at` is
    ours. `pixels_sha256` and `look` (a 256-bit picture hash) find a picture used twice.
    """

    __tablename__ = "evidence"
    __table_args__ = (
        UniqueConstraint("agency_id", "id"),
        UniqueConstraint("ref"),
        ForeignKeyConstraint(["agency_id", "collection_id"], ["collections.agency_id", "collections.id"]),
        ForeignKeyConstraint(["agency_id", "contact_id"], ["contacts.agency_id", "contacts.id"]),
        ForeignKeyConstraint(["agency_id", "deposit_id"], ["deposits.agency_id", "deposits.id"]),
        ForeignKeyConstraint(["agency_id", "allocation_id"], ["allocations.agency_id", "allocations.id"]),
        CheckConstraint(f"kind in {EVIDENCE_KINDS}", name="kind"),
        CheckConstraint("coalesce(collection_id, contact_id, deposit_id) is not null", name="supports_something"),
        CheckConstraint("status in ('waiting','ready','refused')", name="status"),
        CheckConstraint("review in ('waiting','accepted','questioned')", name="review"),
        CheckConstraint("(review = 'waiting') = (reviewed_by is null)", name="reviewed"),
        Index("ix_evidence_agency", "agency_id", "received_at", "id"),
        Index("ix_evidence_received", "received_at", "id"),
        Index("ix_evidence_to_review", "received_at", "id", postgresql_where=text("review = 'waiting'")),
        Index("ix_evidence_collection", "collection_id"),
        Index("ix_evidence_contact", "contact_id"),
        Index("ix_evidence_deposit", "deposit_id"),
        Index("ix_evidence_sha256", "sha256"),
        Index("ix_evidence_pixels", "pixels_sha256"),
        Index("ix_evidence_place", "place_key"),
        Index(
            "uq_evidence_client", "agency_id", "client_id", unique=True, postgresql_where=text("client_id is not null")
        ),
    )
    __sealed__ = (
        *("agency_id", "ref", "kind", "collection_id", "contact_id", "deposit_id", "sha256", "size", "taken_at"),
        *("latitude", "longitude", "accuracy_m", "received_at", "received_by"),
    )

    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    ref: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    allocation_id: Mapped[int | None] = mapped_column(BigInteger)
    loan_account_id: Mapped[int | None] = mapped_column(BigInteger)
    loan_account_no: Mapped[str | None] = mapped_column(Text)
    collection_id: Mapped[int | None] = mapped_column(BigInteger)
    contact_id: Mapped[int | None] = mapped_column(BigInteger)
    deposit_id: Mapped[int | None] = mapped_column(BigInteger)
    agent_code: Mapped[str | None] = mapped_column(Text)
    file_name: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(Text)
    size: Mapped[int] = mapped_column(BigInteger)
    media_type: Mapped[str] = mapped_column(Text)
    copy_sha256: Mapped[str | None] = mapped_column(Text)
    copy_media_type: Mapped[str | None] = mapped_column(Text)
    thumbnail_sha256: Mapped[str | None] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, default="waiting", server_default="waiting")
    refusal: Mapped[str | None] = mapped_column(Text)
    claims: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict, server_default="{}")
    taken_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    latitude: Mapped[Decimal | None] = mapped_column(Numeric(9, 6))
    longitude: Mapped[Decimal | None] = mapped_column(Numeric(9, 6))
    accuracy_m: Mapped[int | None] = mapped_column(Integer)
    received_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    received_by: Mapped[str] = mapped_column(Text)
    client_id: Mapped[str | None] = mapped_column(Text)
    pixels_sha256: Mapped[str | None] = mapped_column(Text)
    look: Mapped[str | None] = mapped_column(BIT(256))
    place_key: Mapped[str | None] = mapped_column(Text)
    review: Mapped[str] = mapped_column(Text, default="waiting", server_default="waiting")
    reviewed_by: Mapped[str | None] = mapped_column(Text)
    reviewed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    review_reason: Mapped[str | None] = mapped_column(Text)
    legal_hold: Mapped[bool] = mapped_column(Boolean, default=False, server_default="false")
    purged_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class EvidenceFlag(WithId, Base):
    """Something about a piece of evidence that a person of the bank should look at; the agency never sees it."""

    __tablename__ = "evidence_flags"
    __table_args__ = (
        UniqueConstraint("evidence_id", "code", "other_id", postgresql_nulls_not_distinct=True),
        Index("ix_evidence_flags_other", "other_id"),
    )

    evidence_id: Mapped[int] = mapped_column(ForeignKey("evidence.id"))
    code: Mapped[str] = mapped_column(Text)
    other_id: Mapped[int | None] = mapped_column(ForeignKey("evidence.id"))
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict, server_default="{}")
    raised_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
