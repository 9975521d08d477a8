"""How an agency comes, stays and goes: moves of its status, its papers, inspections with findings, and its agents' papers."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
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
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from allocations.agencies.lifecycle import ACTION_WORDS
from allocations.agencies.models import AGENCY_STATUSES
from allocations.agencies.paper_rules import AGENT_KINDS, KINDS
from portal.kernel.db import Base, Sealed, WithId
from portal.kernel.proposals import DECIDED_ONCE, Proposed, two_people

SEVERITIES = ("minor", "major", "critical")
MOVE_SOURCES = ("bank", "file", "scorecard")
WAITS = text("status = 'proposed'")
# A newer version takes the place of what was accepted, which stays on record.
REPLACED = {**DECIDED_ONCE, ("accepted", "replace"): "replaced"}


class AgencyMove(WithId, Sealed, Proposed, Base):
    """One change of an agency's status: proposed by one person of the bank, accepted by another, not before `from_on`."""

    __tablename__ = "agency_moves"
    __moves__ = DECIDED_ONCE
    __table_args__ = (
        *two_people(__moves__),
        CheckConstraint(f"action in {tuple(ACTION_WORDS)}", name="action"),
        CheckConstraint(f"from_status in {AGENCY_STATUSES}", name="from_status"),
        CheckConstraint(f"to_status in {AGENCY_STATUSES} and to_status <> from_status", name="to_status"),
        CheckConstraint(f"source in {MOVE_SOURCES}", name="source"),
        Index("uq_agency_moves_waiting", "agency_id", unique=True, postgresql_where=WAITS),
        Index("ix_agency_moves_agency", "agency_id", "id"),
    )
    __sealed__ = (
        *(
            "agency_id",
            "action",
            "from_status",
            "to_status",
            "from_on",
            "reason",
            "file_sha256",
            "source",
            "source_ref",
        ),
        *("proposed_by", "proposed_at"),
    )

    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    action: Mapped[str] = mapped_column(Text)
    from_status: Mapped[str] = mapped_column(Text)
    to_status: Mapped[str] = mapped_column(Text)
    from_on: Mapped[date] = mapped_column(Date)
    reason: Mapped[str] = mapped_column(Text)
    file_sha256: Mapped[str | None] = mapped_column(Text)
    file_name: Mapped[str | None] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text, default="bank", server_default="bank")
    source_ref: Mapped[str] = mapped_column(
        Text, default="", server_default=""
    )  # the file's hash, the scorecard's line
    effect: Mapped[dict[str, Any]] = mapped_column(
        JSONB, default=dict, server_default="{}"
    )  # what it did when accepted


class AgencyChange(WithId, Sealed, Proposed, Base):
    """A change of what an agency's accounts are given by: proposed by one person of the bank, accepted by another.

    `changes`: field → [what it was, what it is to be], days as YYYY-MM-DD.
    """

    __tablename__ = "agency_changes"
    __moves__ = DECIDED_ONCE
    __table_args__ = (
        *two_people(__moves__),
        CheckConstraint("changes <> '{}'::jsonb", name="changes"),
        Index("uq_agency_changes_waiting", "agency_id", unique=True, postgresql_where=WAITS),
        Index("ix_agency_changes_agency", "agency_id", "id"),
    )
    __sealed__ = ("agency_id", "changes", "reason", "proposed_by", "proposed_at")

    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    changes: Mapped[dict[str, list[Any]]] = mapped_column(JSONB)
    reason: Mapped[str] = mapped_column(Text)


class AgencyPaper(WithId, Sealed, Proposed, Base):
    """One version of one paper of an agency. Versions are added, never edited; one of a kind is in force, of a registration for GST
    one for each state: `place`, the first two digits of its number."""

    __tablename__ = "agency_papers"
    __moves__ = REPLACED
    __table_args__ = (
        *two_people(__moves__),
        CheckConstraint(f"kind in {tuple(KINDS)}", name="kind"),
        CheckConstraint("valid_until is null or valid_until >= issued_on", name="dates"),
        CheckConstraint("(amount_minor is null) = (currency is null)", name="currency"),
        CheckConstraint("amount_minor is null or amount_minor > 0", name="amount"),
        CheckConstraint("source in ('bank','agency')", name="source"),
        UniqueConstraint("agency_id", "kind", "version"),
        Index(
            "uq_agency_papers_accepted",
            *("agency_id", "kind", "place"),
            unique=True,
            postgresql_where=text("status = 'accepted'"),
        ),
        Index("uq_agency_papers_waiting", "agency_id", "kind", "place", unique=True, postgresql_where=WAITS),
    )
    __sealed__ = (
        *("agency_id", "kind", "version", "number", "issued_on", "valid_until", "amount_minor", "currency"),
        *("file_sha256", "source", "proposed_by", "proposed_at"),
    )

    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    kind: Mapped[str] = mapped_column(Text)
    version: Mapped[int] = mapped_column(Integer)
    number: Mapped[str] = mapped_column(Text, default="", server_default="")
    place: Mapped[str] = mapped_column(
        Text, Computed("case when kind = 'gstin' then left(number, 2) else '' end", persisted=True)
    )
    issued_on: Mapped[date] = mapped_column(Date)
    valid_until: Mapped[date | None] = mapped_column(Date)
    amount_minor: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str | None] = mapped_column(Text)
    note: Mapped[str] = mapped_column(Text, default="", server_default="")
    file_sha256: Mapped[str | None] = mapped_column(Text)
    file_name: Mapped[str | None] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text, default="bank", server_default="bank")


class Inspection(WithId, Sealed, Proposed, Base):
    """A visit to an agency's office with its score: recorded by one person, approved by another, who thereby approves the measure."""

    __tablename__ = "agency_inspections"
    __moves__ = {
        ("proposed", "approve"): "approved",
        ("proposed", "reject"): "rejected",
        ("proposed", "withdraw"): "withdrawn",
    }
    __table_args__ = (
        *two_people(__moves__),
        CheckConstraint("score between 0 and 100", name="score"),
        UniqueConstraint("agency_id", "id"),
        ForeignKeyConstraint(["agency_id", "measure_id"], ["agency_measures.agency_id", "agency_measures.id"]),
        Index("ix_agency_inspections_agency", "agency_id", "visited_on"),
    )
    __sealed__ = (
        *("agency_id", "visited_on", "inspected_by", "score", "summary", "file_sha256", "measure_id"),
        *("proposed_by", "proposed_at"),
    )

    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    visited_on: Mapped[date] = mapped_column(Date)
    inspected_by: Mapped[str] = mapped_column(Text)
    score: Mapped[Decimal] = mapped_column(Numeric(5, 2))
    summary: Mapped[str] = mapped_column(Text)
    file_sha256: Mapped[str | None] = mapped_column(Text)
    file_name: Mapped[str | None] = mapped_column(Text)
    measure_id: Mapped[int | None] = mapped_column(BigInteger)


class InspectionFinding(WithId, Sealed, Base):
    """One thing an inspection found, with what is asked of the agency by when. It is closed by an answer the bank accepted."""

    __tablename__ = "inspection_findings"
    __table_args__ = (
        CheckConstraint(f"severity in {SEVERITIES}", name="severity"),
        UniqueConstraint("agency_id", "id"),
        ForeignKeyConstraint(["agency_id", "inspection_id"], ["agency_inspections.agency_id", "agency_inspections.id"]),
        Index("ix_inspection_findings_inspection", "inspection_id", "id"),
    )
    __sealed__ = ("agency_id", "inspection_id", "severity", "found", "action_asked", "due_on")

    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    inspection_id: Mapped[int] = mapped_column(BigInteger)
    severity: Mapped[str] = mapped_column(Text)
    found: Mapped[str] = mapped_column(Text)
    action_asked: Mapped[str] = mapped_column(Text)
    due_on: Mapped[date] = mapped_column(Date)


class FindingAnswer(WithId, Sealed, Proposed, Base):
    """What was done about a finding, said by the agency; a person of the bank who did not record the finding confirms it."""

    __tablename__ = "finding_answers"
    __moves__ = DECIDED_ONCE
    __table_args__ = (
        *two_people(__moves__),
        ForeignKeyConstraint(["agency_id", "finding_id"], ["inspection_findings.agency_id", "inspection_findings.id"]),
        Index("uq_finding_answers_waiting", "agency_id", "finding_id", unique=True, postgresql_where=WAITS),
        Index(
            "uq_finding_answers_accepted",
            *("agency_id", "finding_id"),
            unique=True,
            postgresql_where=text("status = 'accepted'"),
        ),
    )
    __sealed__ = ("agency_id", "finding_id", "done", "file_sha256", "proposed_by", "proposed_at")

    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    finding_id: Mapped[int] = mapped_column(BigInteger)
    done: Mapped[str] = mapped_column(Text)
    file_sha256: Mapped[str | None] = mapped_column(Text)
    file_name: Mapped[str | None] = mapped_column(Text)


class AgentPaper(WithId, Sealed, Proposed, Base):
    """One version of one paper of an agent. A card has a photo, and once accepted a token that its QR code carries."""

    __tablename__ = "agent_papers"
    __moves__ = {**REPLACED, ("accepted", "revoke"): "revoked"}
    __table_args__ = (
        *two_people(__moves__),
        CheckConstraint(f"kind in {tuple(AGENT_KINDS)}", name="kind"),
        CheckConstraint("valid_until is null or valid_until >= issued_on", name="dates"),
        CheckConstraint("certificate_type in ('','dra','dra_tele','exempt')", name="certificate_type"),
        CheckConstraint("training_hours is null or training_hours between 0 and 1000", name="training_hours"),
        CheckConstraint("source in ('bank','agency')", name="source"),
        CheckConstraint("token is null or kind = 'id_card'", name="token"),
        ForeignKeyConstraint(["agency_id", "agent_id"], ["agents.agency_id", "agents.id"]),
        UniqueConstraint("agency_id", "agent_id", "kind", "version"),
        UniqueConstraint("agency_id", "token"),
        Index("ix_agent_papers_token", "token", postgresql_where=text("token is not null")),
        Index(
            "uq_agent_papers_accepted",
            *("agency_id", "agent_id", "kind"),
            unique=True,
            postgresql_where=text("status = 'accepted'"),
        ),
        Index("uq_agent_papers_waiting", "agency_id", "agent_id", "kind", unique=True, postgresql_where=WAITS),
    )
    __sealed__ = (
        *("agency_id", "agent_id", "kind", "version", "number", "certificate_type", "training_hours", "exempt_reason"),
        *("issued_on", "valid_until", "areas", "file_sha256", "photo_sha256", "source", "proposed_by", "proposed_at"),
    )

    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    agent_id: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(Text)
    version: Mapped[int] = mapped_column(Integer)
    number: Mapped[str] = mapped_column(Text, default="", server_default="")
    certificate_type: Mapped[str] = mapped_column(Text, default="", server_default="")
    training_hours: Mapped[int | None] = mapped_column(Integer)
    exempt_reason: Mapped[str] = mapped_column(Text, default="", server_default="")
    issued_on: Mapped[date] = mapped_column(Date)
    valid_until: Mapped[date | None] = mapped_column(Date)
    areas: Mapped[str] = mapped_column(Text, default="", server_default="")  # pincodes or branches, as the letter says
    file_sha256: Mapped[str | None] = mapped_column(Text)
    file_name: Mapped[str | None] = mapped_column(Text)
    photo_sha256: Mapped[str | None] = mapped_column(Text)  # the pixels alone, small; all the public ever sees
    source: Mapped[str] = mapped_column(Text, default="bank", server_default="bank")
    token: Mapped[str | None] = mapped_column(Text)
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    revoked_by: Mapped[str | None] = mapped_column(Text)
    revoke_reason: Mapped[str] = mapped_column(Text, default="", server_default="")
