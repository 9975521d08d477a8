"""Strategies and their runs, what a run chose for each account, and the bank's own people with the accounts they hold."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Computed,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import DATERANGE, JSONB, ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql import literal_column

from portal.kernel.db import Base, Sealed, WithId
from portal.kernel.proposals import Proposed, two_people

KINDS = ("agencies", "staff")
STAFF_ROLES = ("territory_manager", "collection_executive")


class Strategy(WithId, Sealed, Proposed, Base):
    """Who gets which accounts from a day on. `terms` as terms.py reads them; a code has versions, each approved by a second person."""

    __tablename__ = "strategies"
    __moves__ = {
        ("proposed", "approve"): "approved",
        ("proposed", "reject"): "rejected",
        ("proposed", "withdraw"): "withdrawn",
    }
    __table_args__ = (
        *two_people(__moves__),
        CheckConstraint(f"kind in {KINDS}", name="kind"),
        UniqueConstraint("code", "version"),
        Index(
            "uq_strategies_from", "code", "effective_from", unique=True, postgresql_where=text("status = 'approved'")
        ),
    )
    __sealed__ = (
        *("code", "version", "kind", "effective_from", "terms", "sha256", "reason"),
        *("proposed_by", "proposed_at"),
    )

    code: Mapped[str] = mapped_column(Text)
    version: Mapped[int] = mapped_column(Integer)
    kind: Mapped[str] = mapped_column(Text)
    effective_from: Mapped[date] = mapped_column(Date)
    terms: Mapped[dict[str, Any]] = mapped_column(JSONB)
    sha256: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)


class StrategyRun(WithId, Sealed, Proposed, Base):
    """One drawing of a strategy for a term. `takers`: what was known of each that may be given accounts; `summary`: what the preview shows.

    A draft is whoever drew it's; submitted it is `proposed`; approved it is a placement, or the staff's book.
    """

    __tablename__ = "strategy_runs"
    __moves__ = {
        ("draft", "submit"): "proposed",
        ("draft", "withdraw"): "withdrawn",
        ("proposed", "approve"): "approved",
        ("proposed", "reject"): "rejected",
        ("proposed", "withdraw"): "withdrawn",
    }
    __table_args__ = (
        *two_people(__moves__),
        CheckConstraint("to_on is null or to_on >= from_on", name="term"),
        CheckConstraint("(placement_id is null) or status = 'approved'", name="placement"),
        Index("ix_strategy_runs_status", "status", "id"),
    )
    __sealed__ = (
        *("ref", "strategy_id", "from_on", "to_on", "seed", "takers", "summary", "input_hash", "result_hash"),
        *("accounts", "placed", "made_by", "made_at"),
    )

    ref: Mapped[str] = mapped_column(Text, unique=True)
    strategy_id: Mapped[int] = mapped_column(ForeignKey("strategies.id"))
    from_on: Mapped[date] = mapped_column(Date)
    to_on: Mapped[date | None] = mapped_column(Date)
    seed: Mapped[int] = mapped_column(BigInteger)
    takers: Mapped[list[Any]] = mapped_column(JSONB)
    summary: Mapped[dict[str, Any]] = mapped_column(JSONB)
    accounts: Mapped[int] = mapped_column(Integer)
    placed: Mapped[int] = mapped_column(Integer)
    input_hash: Mapped[str] = mapped_column(Text)
    result_hash: Mapped[str] = mapped_column(Text)
    made_by: Mapped[str] = mapped_column(Text)
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    placement_id: Mapped[int | None] = mapped_column(ForeignKey("placements.id"))


class StrategyChoice(Base):
    """One account in a run: what was known of it, and who gets it under which rule and arm, or why nobody does.

    Empty text where nothing is known; `rule` counts from 1, 0 where none fits. Both hashes of the run are over these rows.
    """

    __tablename__ = "strategy_choices"
    __table_args__ = (
        Index(
            "ix_strategy_choices_reason",
            *("run_id", "reason", "loan_account_id"),
            postgresql_where=text("taker = ''"),  # those nobody takes
        ),
    )

    run_id: Mapped[int] = mapped_column(ForeignKey("strategy_runs.id"), primary_key=True)
    loan_account_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    loan_account_no: Mapped[str] = mapped_column(Text)
    product: Mapped[str] = mapped_column(Text)
    bucket: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    region: Mapped[str] = mapped_column(Text)
    pincode: Mapped[str] = mapped_column(Text)
    branch_code: Mapped[str] = mapped_column(Text)
    language: Mapped[str] = mapped_column(Text)
    risk_grade: Mapped[str] = mapped_column(Text)
    dpd_days: Mapped[int] = mapped_column(Integer)
    principal_minor: Mapped[int] = mapped_column(BigInteger)
    opening_on: Mapped[str] = mapped_column(Text)  # the day of the figures, "" where there are none
    before: Mapped[str] = mapped_column(Text)  # who held it last
    holder: Mapped[str] = mapped_column(Text)  # who holds it for some of the days
    stop: Mapped[str] = mapped_column(Text)  # the gate that keeps the account from everybody
    rule: Mapped[int] = mapped_column(Integer)
    arm: Mapped[str] = mapped_column(Text)
    taker: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)


class StaffMember(WithId, Base):
    """One of the bank's own collectors or territory managers. `pincodes` are beginnings; empty with no branches: anywhere."""

    __tablename__ = "staff_members"
    __table_args__ = (
        UniqueConstraint("code"),
        CheckConstraint(f"role in {STAFF_ROLES}", name="role"),
        CheckConstraint("manager_id <> id", name="not_their_own_manager"),
        CheckConstraint("capacity > 0", name="capacity"),
    )

    code: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    role: Mapped[str] = mapped_column(Text)
    email: Mapped[str | None] = mapped_column(Text)  # under which they sign in, if they do
    manager_id: Mapped[int | None] = mapped_column(ForeignKey("staff_members.id"))
    pincodes: Mapped[list[str]] = mapped_column(JSONB, default=list, server_default="[]")
    branches: Mapped[list[str]] = mapped_column(JSONB, default=list, server_default="[]")
    capacity: Mapped[int | None] = mapped_column(Integer)
    is_active: Mapped[bool] = mapped_column(Boolean, default=True, server_default="true")
    lock_version: Mapped[int] = mapped_column(Integer, default=1, server_default="1")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class StaffAllocation(WithId, Sealed, Base):
    """One account with one of the bank's executives for a term, both days included; the manager above is who it was then."""

    __tablename__ = "staff_allocations"
    __table_args__ = (
        CheckConstraint("to_on is null or to_on >= from_on", name="term"),
        ExcludeConstraint(
            (literal_column("int8range(loan_account_id, loan_account_id, '[]')"), "&&"),
            (literal_column("term"), "&&"),
            using="gist",
            name="excl_staff_allocations_one_executive_a_day",
        ),
        Index("ix_staff_allocations_staff", "staff_id", "loan_account_id"),
    )
    __sealed__ = ("loan_account_id", "staff_id", "manager_id", "run_id", "from_on", "created_by", "created_at")

    loan_account_id: Mapped[int] = mapped_column(ForeignKey("loan_accounts.id"))
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff_members.id"))
    manager_id: Mapped[int | None] = mapped_column(ForeignKey("staff_members.id"))
    run_id: Mapped[int | None] = mapped_column(ForeignKey("strategy_runs.id"))
    from_on: Mapped[date] = mapped_column(Date)
    to_on: Mapped[date | None] = mapped_column(Date)
    term: Mapped[object] = mapped_column(DATERANGE, Computed("daterange(from_on, to_on, '[]')", persisted=True))
    created_by: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
