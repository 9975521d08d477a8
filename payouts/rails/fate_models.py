"""What became of payouts where no file answers: what a person found out, and the bank's own lines that show them."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, Date, DateTime, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, Sealed, WithId
from portal.kernel.proposals import DECIDED_ONCE, Proposed, two_people

FINDINGS = ("paid", "returned", "failed", "sent")
TIE_RULES = ("reference", "utr", "batch", "person")


class PayoutFinding(WithId, Sealed, Proposed, Base):
    """What one person found out about a payout, at the bank's desk or on its page; it counts once another person agrees."""

    __tablename__ = "payout_findings"
    __moves__ = DECIDED_ONCE
    __table_args__ = (
        *two_people(__moves__),
        CheckConstraint(f"says in {FINDINGS}", name="says"),
        CheckConstraint("says <> 'paid' or (provider_ref <> '' and on_day is not null)", name="paid_names_reference"),
        Index("ix_payout_findings_payout", "payout_id", "id"),
        Index("uq_payout_findings_waiting", "payout_id", unique=True, postgresql_where=text("status = 'proposed'")),
    )
    __sealed__ = ("payout_id", "says", "provider_ref", "on_day", "note", "proposed_by", "proposed_at")

    payout_id: Mapped[int] = mapped_column(ForeignKey("payouts.id"))
    says: Mapped[str] = mapped_column(Text)
    provider_ref: Mapped[str] = mapped_column(Text, default="", server_default="")
    on_day: Mapped[date | None] = mapped_column(Date)
    note: Mapped[str] = mapped_column(Text)


class PayoutDebit(WithId, Sealed, Base):
    """A line of our own bank account that shows a payout leaving, or coming back: the far end of its chain.

    `side` is the line's. One debit may show a whole batch; then every payout of it has a row over its own amount.
    """

    __tablename__ = "payout_debits"
    __table_args__ = (
        UniqueConstraint("payout_id", "bank_line_id"),
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint("side in ('debit','credit')", name="side"),
        CheckConstraint(f"rule in {TIE_RULES}", name="rule"),
        Index(
            "uq_payout_debits_seen",
            *("payout_id", "side"),
            unique=True,
            postgresql_where=text("undone_at is null"),
        ),
        Index("ix_payout_debits_line", "bank_line_id"),
    )
    __sealed__ = ("payout_id", "bank_line_id", "side", "amount_minor", "rule", "tied_by", "tied_at")

    payout_id: Mapped[int] = mapped_column(ForeignKey("payouts.id"))
    bank_line_id: Mapped[int] = mapped_column(ForeignKey("bank_lines.id"))
    side: Mapped[str] = mapped_column(Text)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Text)
    rule: Mapped[str] = mapped_column(Text)
    tied_by: Mapped[str] = mapped_column(Text)
    tied_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    undone_by: Mapped[str | None] = mapped_column(Text)
    undone_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    undo_reason: Mapped[str | None] = mapped_column(Text)
