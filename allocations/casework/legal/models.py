"""Legal cases, the facts they stand on, their filing, and papers asked of agencies."""

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
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from allocations.casework.legal.lifecycle import ENDED, OPEN
from portal.kernel.db import Base, Sealed, WithId
from portal.kernel.proposals import DECIDED_ONCE, Proposed, two_people

KIND_CODES = ("demand_notice", "s138", "sarfaesi", "lok_adalat", "arbitration", "civil_suit", "drt")
TASK_STATUSES = ("open", "accepted", "withdrawn")


class LegalCase(WithId, Sealed, Base):
    """One step of law against one account, from its opening on. `due_on`: the first day something undone runs out, by its facts."""

    __tablename__ = "legal_cases"
    __table_args__ = (
        CheckConstraint(f"kind in {KIND_CODES}", name="kind"),
        CheckConstraint(f"status in {(*OPEN, *ENDED)}", name="status"),
        CheckConstraint(f"(status in {ENDED}) = (closed_on is not null)", name="closed"),
        # Every returned cheque is a case of its own.
        Index(
            "uq_legal_cases_one_open",
            *("loan_account_id", "kind"),
            unique=True,
            postgresql_where=text(f"status in {OPEN} and kind <> 's138'"),
        ),
        Index("ix_legal_cases_account", "loan_account_id", "id"),
        Index("ix_legal_cases_due", "due_on", "id", postgresql_where=text(f"status in {OPEN}")),
        Index("ix_legal_cases_status", "status", "id"),
    )
    __sealed__ = ("loan_account_id", "kind", "reason", "opened_by", "opened_at")

    loan_account_id: Mapped[int] = mapped_column(ForeignKey("loan_accounts.id"))
    kind: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, default="opened", server_default="opened")
    counsel: Mapped[str] = mapped_column(Text, default="", server_default="")
    due_on: Mapped[date | None] = mapped_column(Date)
    outcome: Mapped[str] = mapped_column(Text, default="", server_default="")
    closed_on: Mapped[date | None] = mapped_column(Date)
    opened_by: Mapped[str] = mapped_column(Text)
    opened_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class LegalFact(WithId, Sealed, Base):
    """One fact of a case, with the paper that shows it. Never edited: of a fact entered twice the later one counts."""

    __tablename__ = "legal_facts"
    __table_args__ = (Index("ix_legal_facts_case", "case_id", "code", "id"),)
    __sealed__ = ("case_id", "code", "value", "note", "file_sha256", "file_name", "entered_by", "entered_at")

    case_id: Mapped[int] = mapped_column(ForeignKey("legal_cases.id"))
    code: Mapped[str] = mapped_column(Text)
    value: Mapped[str] = mapped_column(Text)
    note: Mapped[str] = mapped_column(Text, default="", server_default="")
    file_sha256: Mapped[str | None] = mapped_column(Text)
    file_name: Mapped[str | None] = mapped_column(Text)
    entered_by: Mapped[str] = mapped_column(Text)
    entered_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class LegalFiling(WithId, Sealed, Proposed, Base):
    """That a case was filed, where and under which number: said by one person, confirmed by another."""

    __tablename__ = "legal_filings"
    __moves__ = DECIDED_ONCE
    __table_args__ = (
        *two_people(__moves__),
        Index("uq_legal_filings_waiting", "case_id", unique=True, postgresql_where=text("status = 'proposed'")),
        Index("ix_legal_filings_case", "case_id", "id"),
    )
    __sealed__ = (
        *("case_id", "forum", "number", "filed_on", "note", "file_sha256", "file_name"),
        *("proposed_by", "proposed_at"),
    )

    case_id: Mapped[int] = mapped_column(ForeignKey("legal_cases.id"))
    forum: Mapped[str] = mapped_column(Text)
    number: Mapped[str] = mapped_column(Text)
    filed_on: Mapped[date] = mapped_column(Date)
    note: Mapped[str] = mapped_column(Text, default="", server_default="")
    file_sha256: Mapped[str | None] = mapped_column(Text)
    file_name: Mapped[str | None] = mapped_column(Text)


class LegalTask(WithId, Sealed, Base):
    """A paper the bank asks of the agency that holds the account. It may hand it in; that is all it may do in a case."""

    __tablename__ = "legal_tasks"
    __table_args__ = (
        CheckConstraint(f"status in {TASK_STATUSES}", name="status"),
        CheckConstraint("(status = 'open') = (closed_by is null)", name="closed"),
        CheckConstraint("(closed_by is null) = (closed_at is null)", name="closed_at"),
        UniqueConstraint("agency_id", "id"),
        Index("ix_legal_tasks_case", "case_id", "id"),
        Index("ix_legal_tasks_agency", "agency_id", "status", "id"),
    )
    __sealed__ = ("agency_id", "case_id", "loan_account_id", "paper", "note", "due_on", "asked_by", "asked_at")

    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    case_id: Mapped[int] = mapped_column(ForeignKey("legal_cases.id"))
    loan_account_id: Mapped[int] = mapped_column(ForeignKey("loan_accounts.id"))
    paper: Mapped[str] = mapped_column(Text)
    note: Mapped[str] = mapped_column(Text, default="", server_default="")
    due_on: Mapped[date] = mapped_column(Date)
    status: Mapped[str] = mapped_column(Text, default="open", server_default="open")
    asked_by: Mapped[str] = mapped_column(Text)
    asked_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    closed_by: Mapped[str | None] = mapped_column(Text)
    closed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    close_reason: Mapped[str] = mapped_column(Text, default="", server_default="")


class LegalTaskPaper(WithId, Sealed, Base):
    """What an agency handed in for a task."""

    __tablename__ = "legal_task_papers"
    __table_args__ = (
        ForeignKeyConstraint(["agency_id", "task_id"], ["legal_tasks.agency_id", "legal_tasks.id"]),
        Index("ix_legal_task_papers_task", "task_id", "id"),
    )
    __sealed__ = ("agency_id", "task_id", "file_sha256", "file_name", "note", "handed_by", "handed_at")

    agency_id: Mapped[int] = mapped_column(BigInteger)
    task_id: Mapped[int] = mapped_column(BigInteger)
    file_sha256: Mapped[str] = mapped_column(Text)
    file_name: Mapped[str] = mapped_column(Text)
    note: Mapped[str] = mapped_column(Text, default="", server_default="")
    handed_by: Mapped[str] = mapped_column(Text)
    handed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
