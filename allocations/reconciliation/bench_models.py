"""What people decide in reconciliation: acts by hand, the rules of matching, payers that were learned, money paid direct."""

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

from portal.kernel.db import Base, Sealed, WithId

ACT_KINDS = ("link", "unlink", "write_off", "return", "assign", "undo")
ACT_STATUSES = ("proposed", "done", "rejected", "withdrawn", "undone")
DECIDED = "(status in ({})) = (decided_by is not null)"


class MatchLadder(WithId, Base):
    """A version of the rules of matching, as data. The approved one with the highest version is climbed; none is ever edited."""

    __tablename__ = "match_ladders"
    __table_args__ = (
        UniqueConstraint("version"),
        CheckConstraint("status in ('draft','approved','rejected')", name="status"),
        CheckConstraint(DECIDED.format("'approved','rejected'"), name="decided"),
        CheckConstraint("decided_by is null or decided_by <> proposed_by", name="maker_is_not_checker"),
    )

    version: Mapped[int] = mapped_column(Integer)
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)
    sha256: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, default="draft", server_default="draft")
    reason: Mapped[str] = mapped_column(Text)
    proposed_by: Mapped[str] = mapped_column(Text)
    proposed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    decided_by: Mapped[str | None] = mapped_column(Text)
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    decision_reason: Mapped[str | None] = mapped_column(Text)


class HandAct(WithId, Sealed, Base):
    """What a person did, or asks a second person for: tie, take apart, write off, return, assign an amount, or undo one of these.

    Within the limit an act is done at once and nobody else decides it; above, it is proposed and does nothing until a second person
    says so. `loan_account_id`: whose money an assigned credit is; with `direct_payment_id` an agency held that account and the amount
    is no settled one, for it becomes a receipt. `debit_line_id`: the debit that shows a return, known later than the act. `expected`:
    what was open on both sides when it was proposed, in minor units.
    """

    __tablename__ = "hand_acts"
    __table_args__ = (
        CheckConstraint(f"kind in {ACT_KINDS}", name="kind"),
        CheckConstraint(f"status in {ACT_STATUSES}", name="status"),
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint("num_nonnulls(collection_id, bank_line_id, link_id) >= 1", name="about_something"),
        CheckConstraint("decided_by is null or decided_by <> proposed_by", name="maker_is_not_checker"),
        CheckConstraint("status <> 'rejected' or decided_by is not null", name="rejected_by_somebody"),
        Index("ix_hand_acts_proposed", "id", postgresql_where=text("status = 'proposed'")),
        Index("ix_hand_acts_line", "bank_line_id"),
        Index("ix_hand_acts_collection", "collection_id"),
        Index("ix_hand_acts_link", "link_id"),
        Index("uq_hand_acts_waiting", "link_id", unique=True, postgresql_where=text("status = 'proposed'")),
        Index("uq_hand_acts_undoes", "undoes_id", unique=True, postgresql_where=text("status in ('proposed','done')")),
    )
    __sealed__ = (
        "kind",
        "collection_id",
        "bank_line_id",
        "undoes_id",
        "loan_account_id",
        "amount_minor",
        "currency",
        "reason",
        "proposed_by",
        "proposed_at",
    )

    kind: Mapped[str] = mapped_column(Text)
    collection_id: Mapped[int | None] = mapped_column(ForeignKey("collections.id"))
    bank_line_id: Mapped[int | None] = mapped_column(ForeignKey("bank_lines.id"))
    debit_line_id: Mapped[int | None] = mapped_column(ForeignKey("bank_lines.id"))
    link_id: Mapped[int | None] = mapped_column(ForeignKey("match_links.id"))
    loan_account_id: Mapped[int | None] = mapped_column(ForeignKey("loan_accounts.id"))
    direct_payment_id: Mapped[int | None] = mapped_column(ForeignKey("direct_payments.id"))
    undoes_id: Mapped[int | None] = mapped_column(ForeignKey("hand_acts.id"))
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text)
    expected: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict, server_default="{}")
    proposed_by: Mapped[str] = mapped_column(Text)
    proposed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    decided_by: Mapped[str | None] = mapped_column(Text)
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    decision_reason: Mapped[str | None] = mapped_column(Text)


class PayerRule(WithId, Base):
    """This payer is this account: learned from a link by hand, and believed once a second person has approved it."""

    __tablename__ = "payer_rules"
    __table_args__ = (
        CheckConstraint("status in ('proposed','approved','rejected','retired','withdrawn')", name="status"),
        CheckConstraint("decided_by is null or decided_by <> proposed_by", name="maker_is_not_checker"),
        CheckConstraint("(status in ('proposed','withdrawn')) = (decided_by is null)", name="decided"),
        Index(
            "uq_payer_rules_live",
            "payer_key",
            "loan_account_id",
            unique=True,
            postgresql_where=text("status in ('proposed','approved')"),
        ),
    )

    payer_key: Mapped[str] = mapped_column(Text)
    loan_account_id: Mapped[int] = mapped_column(ForeignKey("loan_accounts.id"))
    learned_from: Mapped[int | None] = mapped_column(ForeignKey("match_links.id"))
    status: Mapped[str] = mapped_column(Text, default="proposed", server_default="proposed")
    reason: Mapped[str] = mapped_column(Text, default="", server_default="")
    proposed_by: Mapped[str] = mapped_column(Text)
    proposed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    decided_by: Mapped[str | None] = mapped_column(Text)
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    decision_reason: Mapped[str | None] = mapped_column(Text)


class DirectPayment(WithId, Base):
    """Money a borrower paid straight to the bank on an account an agency held that day. `found`: the agency is told and may report a
    receipt for it until `claim_until`; `claimed`: it did; `counted`: it became a collection of source `direct`; `dropped`: the credit
    turned out to be something else. `told_at`: from then on a receipt of that agency is no proof by itself."""

    __tablename__ = "direct_payments"
    __table_args__ = (
        UniqueConstraint("bank_line_id", "loan_account_id"),
        ForeignKeyConstraint(["agency_id", "allocation_id"], ["allocations.agency_id", "allocations.id"]),
        ForeignKeyConstraint(["agency_id", "collection_id"], ["collections.agency_id", "collections.id"]),
        CheckConstraint("status in ('found','claimed','counted','dropped')", name="status"),
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint("status <> 'counted' or collection_id is not null", name="counted"),
        Index("ix_direct_payments_agency", "agency_id", "value_on", "id"),
        Index("ix_direct_payments_open", "claim_until", "id", postgresql_where=text("status = 'found'")),
    )

    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    allocation_id: Mapped[int] = mapped_column(BigInteger)
    loan_account_id: Mapped[int] = mapped_column(ForeignKey("loan_accounts.id"))
    loan_account_no: Mapped[str] = mapped_column(Text)
    bank_line_id: Mapped[int] = mapped_column(ForeignKey("bank_lines.id"), deferred=True)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Text)
    value_on: Mapped[date] = mapped_column(Date)
    sign: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, default="found", server_default="found")
    found_on: Mapped[date] = mapped_column(Date)
    told_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    claim_until: Mapped[date] = mapped_column(Date)
    collection_id: Mapped[int | None] = mapped_column(BigInteger)
    settled_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class BankProfile(WithId, Base):
    """How a bank's CSV or XLSX is read, made on a page. A change is a new version; what was read under one can be read again."""

    __tablename__ = "bank_profiles"
    __table_args__ = (UniqueConstraint("code", "version"),)

    code: Mapped[str] = mapped_column(Text)
    version: Mapped[int] = mapped_column(Integer)
    name: Mapped[str] = mapped_column(Text)
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)
    is_active: Mapped[bool] = mapped_column(Boolean, default=True, server_default="true")
    made_by: Mapped[str] = mapped_column(Text)
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
