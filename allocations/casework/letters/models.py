"""Letter templates, letters as they were made, runs of many, and the register of dispatch."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, Date, DateTime, ForeignKey, Index, Integer, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, Sealed, WithId
from portal.kernel.proposals import Proposed, two_people

LANGUAGES = ("en", "hi")
CHANNELS = ("post", "courier", "email", "hand")


class LetterTemplate(WithId, Sealed, Proposed, Base):
    """The words of one kind of letter in one language, in versions; the newest approved one is used."""

    __tablename__ = "letter_templates"
    __moves__ = {
        ("proposed", "approve"): "approved",
        ("proposed", "reject"): "rejected",
        ("proposed", "withdraw"): "withdrawn",
    }
    __table_args__ = (
        *two_people(__moves__),
        CheckConstraint(f"language in {LANGUAGES}", name="language"),
        UniqueConstraint("kind", "language", "version"),
    )
    __sealed__ = (
        *("kind", "language", "version", "subject", "body", "sha256", "reason"),
        *("proposed_by", "proposed_at"),
    )

    kind: Mapped[str] = mapped_column(Text)
    language: Mapped[str] = mapped_column(Text)
    version: Mapped[int] = mapped_column(Integer)
    subject: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)


class LetterRun(WithId, Sealed, Base):
    """Letters of one template to every account of a segment: a job, and the two files for the printer."""

    __tablename__ = "letter_runs"
    __table_args__ = (
        CheckConstraint("status in ('waiting','done')", name="status"),
        CheckConstraint("(status = 'done') = (zip_sha256 is not null and csv_sha256 is not null)", name="files"),
    )
    __sealed__ = ("template_id", "segment", "made_by", "made_at")

    # The campaign whose treated members they go to; its segment is empty then, and nobody is written to twice.
    campaign_id: Mapped[int | None] = mapped_column(ForeignKey("campaigns.id"), unique=True)
    template_id: Mapped[int] = mapped_column(ForeignKey("letter_templates.id"))
    segment: Mapped[dict[str, Any]] = mapped_column(JSONB)
    status: Mapped[str] = mapped_column(Text, default="waiting", server_default="waiting")
    progress_id: Mapped[int | None] = mapped_column(Integer)
    letters: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    left_out: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    zip_sha256: Mapped[str | None] = mapped_column(Text)
    csv_sha256: Mapped[str | None] = mapped_column(Text)
    made_by: Mapped[str] = mapped_column(Text)
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Letter(WithId, Sealed, Base):
    """One letter as it was made: what stood in its placeholders, and the sha256 of its PDF, which is the same made again."""

    __tablename__ = "letters"
    __table_args__ = (
        UniqueConstraint("year", "number"),
        Index("ix_letters_account", "loan_account_id", "id"),
        Index("ix_letters_case", "case_id", "id"),
        Index("ix_letters_run", "run_id", "id"),
    )
    __sealed__ = (
        *("year", "number", "template_id", "loan_account_id", "case_id", "run_id", "to_name", "to_address", "told"),
        *("made_on", "sha256", "made_by", "made_at"),
    )

    year: Mapped[int] = mapped_column(Integer)
    number: Mapped[int] = mapped_column(Integer)
    template_id: Mapped[int] = mapped_column(ForeignKey("letter_templates.id"))
    loan_account_id: Mapped[int] = mapped_column(ForeignKey("loan_accounts.id"))
    case_id: Mapped[int | None] = mapped_column(ForeignKey("legal_cases.id"))
    run_id: Mapped[int | None] = mapped_column(ForeignKey("letter_runs.id"))
    to_name: Mapped[str] = mapped_column(Text)
    to_address: Mapped[str] = mapped_column(Text)
    told: Mapped[dict[str, Any]] = mapped_column(JSONB)
    made_on: Mapped[date] = mapped_column(Date)
    sha256: Mapped[str] = mapped_column(Text)
    made_by: Mapped[str] = mapped_column(Text)
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))

    @property
    def ref(self) -> str:
        return f"L{self.year}-{self.number:06}"


class LetterDispatch(WithId, Sealed, Base):
    """That a letter went out one way on a day, and what became of it: delivered or returned, once."""

    __tablename__ = "letter_dispatches"
    __table_args__ = (
        CheckConstraint(f"channel in {CHANNELS}", name="channel"),
        CheckConstraint("outcome in ('delivered','returned')", name="outcome"),
        CheckConstraint("(outcome is null) = (outcome_on is null)", name="outcome_on"),
        CheckConstraint("outcome_on >= sent_on", name="order"),
        Index("ix_letter_dispatches_letter", "letter_id", "id"),
        Index("ix_letter_dispatches_tracking", "tracking_no"),
    )
    __sealed__ = (
        *("letter_id", "channel", "tracking_no", "sent_on", "proof_sha256", "proof_name"),
        *("entered_by", "entered_at"),
    )

    letter_id: Mapped[int] = mapped_column(ForeignKey("letters.id"))
    channel: Mapped[str] = mapped_column(Text)
    tracking_no: Mapped[str] = mapped_column(Text, default="", server_default="")
    sent_on: Mapped[date] = mapped_column(Date)
    proof_sha256: Mapped[str | None] = mapped_column(Text)
    proof_name: Mapped[str | None] = mapped_column(Text)
    outcome: Mapped[str | None] = mapped_column(Text)
    outcome_on: Mapped[date | None] = mapped_column(Date)
    outcome_note: Mapped[str] = mapped_column(Text, default="", server_default="")
    outcome_sha256: Mapped[str | None] = mapped_column(Text)
    outcome_name: Mapped[str | None] = mapped_column(Text)
    outcome_by: Mapped[str | None] = mapped_column(Text)
    entered_by: Mapped[str] = mapped_column(Text)
    entered_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
