"""Complaints of borrowers, what both sides say to them, and the flags that rules raise."""

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
    Integer,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from allocations.casework.conduct.lifecycle import CATEGORIES, CHANNELS, FINDINGS, MOVES, SEVERITIES
from portal.kernel.db import Base, Sealed, WithId
from portal.kernel.proposals import Proposed, statuses_of


class Complaint(WithId, Sealed, Proposed, Base):
    """What somebody says was done wrong, from the day it came to the day it is closed.

    While it `is_holding`, its account is on hold and the account's commission of its agency waits. The agency sees its own complaints
    from `told_at` on, in the words the bank chose for it (`told_agency`), and never who complained.
    """

    __tablename__ = "complaints"
    __moves__ = MOVES
    __table_args__ = (
        UniqueConstraint("ref"),
        UniqueConstraint("agency_id", "id"),
        CheckConstraint(f"status in {statuses_of(MOVES)}", name="status"),
        CheckConstraint(f"channel in {tuple(CHANNELS)}", name="channel"),
        CheckConstraint(f"category in {tuple(CATEGORIES)}", name="category"),
        CheckConstraint(f"severity in {tuple(SEVERITIES)}", name="severity"),
        CheckConstraint(f"finding in {tuple(FINDINGS)}", name="finding"),
        CheckConstraint("(status in ('decided','closed')) = (decided_by is not null)", name="decided"),
        CheckConstraint("(status in ('proposed','decided','closed')) = (finding is not null)", name="found"),
        CheckConstraint("decided_by is null or decided_by <> proposed_by", name="maker_is_not_checker"),
        CheckConstraint("compensation_minor >= 0", name="compensation"),
        CheckConstraint("not is_holding or status not in ('closed','set_aside')", name="holds"),
        CheckConstraint("agency_id is null or loan_account_id is not null", name="about"),
        CheckConstraint("told_at is null or agency_id is not null", name="told"),
        CheckConstraint("(channel = 'contact') = (contact_id is not null)", name="of_contact"),
        UniqueConstraint("contact_id"),
        ForeignKeyConstraint(["agency_id", "contact_id"], ["contacts.agency_id", "contacts.id"]),
        ForeignKeyConstraint(["agency_id", "agent_id"], ["agents.agency_id", "agents.id"]),
        Index("ix_complaints_status", "status", "due_on", "id"),
        Index("ix_complaints_agency", "agency_id", "id"),
        Index("ix_complaints_account", "loan_account_id"),
        Index("ix_complaints_holding", "agency_id", "loan_account_id", postgresql_where=text("is_holding")),
    )
    __sealed__ = (
        *("ref", "received_at", "channel", "words", "complainant", "complainant_contact", "told_account_no"),
        *("due_on", "opened_by", "opened_at"),
    )

    ref: Mapped[str] = mapped_column(Text)
    received_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    channel: Mapped[str] = mapped_column(Text)
    category: Mapped[str] = mapped_column(Text)
    severity: Mapped[str] = mapped_column(Text)
    words: Mapped[str] = mapped_column(Text)  # the complainant's own
    complainant: Mapped[str] = mapped_column(Text, default="", server_default="")
    complainant_contact: Mapped[str] = mapped_column(Text, default="", server_default="")
    told_account_no: Mapped[str] = mapped_column(Text, default="", server_default="")  # as it was written, true or not
    loan_account_id: Mapped[int | None] = mapped_column(ForeignKey("loan_accounts.id"))
    agency_id: Mapped[int | None] = mapped_column(ForeignKey("agencies.id"))
    agent_id: Mapped[int | None] = mapped_column(BigInteger)
    contact_id: Mapped[int | None] = mapped_column(
        BigInteger
    )  # what the bank itself found outside the rules: one case each
    due_on: Mapped[date] = mapped_column(Date)  # by when the complainant is answered
    opened_by: Mapped[str] = mapped_column(Text)
    opened_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    is_holding: Mapped[bool] = mapped_column(Boolean, default=False, server_default=text("false"))
    status: Mapped[str] = mapped_column(Text, default="received", server_default="received")
    told_agency: Mapped[str] = mapped_column(Text, default="", server_default="")
    told_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    agency_due_on: Mapped[date | None] = mapped_column(Date)
    finding: Mapped[str | None] = mapped_column(Text)
    compensation_minor: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    currency: Mapped[str] = mapped_column(Text, default="INR", server_default="INR")
    root_cause: Mapped[str] = mapped_column(Text, default="", server_default="")
    action: Mapped[str] = mapped_column(Text, default="", server_default="")
    proposal_reason: Mapped[str | None] = mapped_column(Text)
    # None until somebody proposes what was found.
    proposed_by: Mapped[str | None] = mapped_column(Text)  # type: ignore[assignment]
    proposed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))  # type: ignore[assignment]
    closed_by: Mapped[str | None] = mapped_column(Text)
    closed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class ComplaintMessage(WithId, Sealed, Base):
    """What somebody wrote or handed in to a complaint. Added, never changed. The agency reads its own and what is `for_agency`."""

    __tablename__ = "complaint_messages"
    __table_args__ = (
        ForeignKeyConstraint(["agency_id", "complaint_id"], ["complaints.agency_id", "complaints.id"]),
        CheckConstraint("side in ('bank','agency')", name="side"),
        CheckConstraint("side = 'bank' or agency_id is not null", name="whose"),
        Index("ix_complaint_messages_complaint", "complaint_id", "id"),
        Index("ix_complaint_messages_agency", "agency_id", "id"),
    )
    __sealed__ = ("complaint_id", "agency_id", "side", "for_agency", "author", "body", "file_sha256", "at")

    complaint_id: Mapped[int] = mapped_column(ForeignKey("complaints.id"))
    agency_id: Mapped[int | None] = mapped_column(BigInteger)
    side: Mapped[str] = mapped_column(Text)
    for_agency: Mapped[bool] = mapped_column(Boolean, default=False, server_default=text("false"))
    author: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    file_sha256: Mapped[str | None] = mapped_column(Text)
    file_name: Mapped[str | None] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class ConductFlag(WithId, Sealed, Base):
    """A rule found something: once for the same facts (`rule`, `key`), however often it looks. What becomes of it a person says."""

    __tablename__ = "conduct_flags"
    __moves__ = {
        ("open", "take_up"): "taken_up",
        ("open", "explain"): "explained",
        ("taken_up", "explain"): "explained",
        ("taken_up", "make_case"): "case",
        ("explained", "reopen"): "open",
    }
    __table_args__ = (
        UniqueConstraint("rule", "key"),
        CheckConstraint("status in ('open','taken_up','explained','case')", name="status"),
        CheckConstraint("(status = 'open') or moved_by is not null", name="moved"),
        Index("ix_conduct_flags_status", "status", "id"),
        Index("ix_conduct_flags_agency", "agency_id", "id"),
    )
    __sealed__ = ("rule", "key", "agency_id", "agent_code", "about", "happened_on", "facts", "found_at")

    rule: Mapped[str] = mapped_column(Text)
    key: Mapped[str] = mapped_column(Text)  # what makes the same facts the same flag
    agency_id: Mapped[int | None] = mapped_column(ForeignKey("agencies.id"))
    agent_code: Mapped[str] = mapped_column(Text, default="", server_default="")
    about: Mapped[str] = mapped_column(Text)
    happened_on: Mapped[date] = mapped_column(Date)
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)  # what was compared, against what, and the rows behind it
    found_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    status: Mapped[str] = mapped_column(Text, default="open", server_default="open")
    reason: Mapped[str] = mapped_column(Text, default="", server_default="")
    case_ref: Mapped[str] = mapped_column(Text, default="", server_default="")
    moved_by: Mapped[str | None] = mapped_column(Text)
    moved_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class VisitSample(WithId, Sealed, Base):
    """Visits of a month drawn to be called back. With the seed and the visits of then anybody draws the same again."""

    __tablename__ = "visit_samples"
    __table_args__ = (
        UniqueConstraint("ref"),
        CheckConstraint("(per_agency is null) <> (share is null)", name="how_many"),
        CheckConstraint("visits >= drawn and drawn > 0", name="drawn"),
    )
    __sealed__ = (
        *("ref", "period_start", "seed", "per_agency", "share", "visits", "drawn", "visits_hash", "assigned_to"),
        *("drawn_by", "drawn_at"),
    )

    ref: Mapped[str] = mapped_column(Text)
    period_start: Mapped[date] = mapped_column(Date)
    seed: Mapped[str] = mapped_column(Text)
    per_agency: Mapped[int | None] = mapped_column(Integer)
    share: Mapped[str | None] = mapped_column(Text)  # an exact fraction as text
    visits: Mapped[int] = mapped_column(Integer)
    drawn: Mapped[int] = mapped_column(Integer)
    visits_hash: Mapped[str] = mapped_column(Text)  # of every visit there was to draw from
    assigned_to: Mapped[str] = mapped_column(Text)  # who calls back
    drawn_by: Mapped[str] = mapped_column(Text)
    drawn_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class VisitCheck(WithId, Sealed, Base):
    """One visit of a sample and what the borrower said when called back. No agency sees it."""

    __tablename__ = "visit_checks"
    __table_args__ = (
        UniqueConstraint("sample_id", "contact_id"),
        ForeignKeyConstraint(["agency_id", "contact_id"], ["contacts.agency_id", "contacts.id"]),
        CheckConstraint("result in ('','confirmed','not_confirmed','unreachable')", name="result"),
        CheckConstraint("(result = '') = (called_by is null)", name="called"),
        Index("ix_visit_checks_contact", "contact_id"),
    )
    __sealed__ = ("sample_id", "agency_id", "contact_id", "stratum")

    sample_id: Mapped[int] = mapped_column(ForeignKey("visit_samples.id"))
    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    contact_id: Mapped[int] = mapped_column(BigInteger)
    stratum: Mapped[str] = mapped_column(Text)
    result: Mapped[str] = mapped_column(Text, default="", server_default="")
    note: Mapped[str] = mapped_column(Text, default="", server_default="")
    called_by: Mapped[str | None] = mapped_column(Text)
    called_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
