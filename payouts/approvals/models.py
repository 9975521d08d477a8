"""Keys: who acted on an item, up to which amount a role or person may, and who stands in for whom. Rows are added, never changed."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    DateTime,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, Sealed, WithId
from portal.kernel.proposals import DECIDED_ONCE, Proposed, two_people

SUBJECTS = ("settlement", "batch")


class ItemAct(WithId, Sealed, Base):
    """One person's key on one round of one item: made, submitted, approved. The same person has no second one, under any account.

    `person` is whoever acted, `stood_for` whom they stood in for; the database refuses either a second time in the round. `signed`
    is the hash that was on the screen.
    """

    __tablename__ = "item_acts"
    __table_args__ = (
        UniqueConstraint("subject", "ref", "round", "person"),
        Index(
            "uq_item_acts_stood_for",
            *("subject", "ref", "round", "stood_for"),
            unique=True,
            postgresql_where=text("stood_for is not null"),
        ),
        CheckConstraint(f"subject in {SUBJECTS}", name="subject"),
        CheckConstraint("act in ('made','submitted','approved')", name="act"),
        CheckConstraint("stood_for is null or stood_for <> person", name="stood_for"),
    )
    __sealed__ = ("subject", "ref", "round", "act", "person", "stood_for", "email", "signed", "amount_minor", "at")

    subject: Mapped[str] = mapped_column(Text)
    ref: Mapped[str] = mapped_column(Text)
    round: Mapped[int] = mapped_column(Integer)
    act: Mapped[str] = mapped_column(Text)
    person: Mapped[str] = mapped_column(Text)
    stood_for: Mapped[str | None] = mapped_column(Text)
    email: Mapped[str] = mapped_column(Text)
    signed: Mapped[str] = mapped_column(Text)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    comment: Mapped[str] = mapped_column(Text, default="", server_default="")
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class ApprovalLimit(WithId, Sealed, Proposed, Base):
    """Up to which amount a role, or one person, may approve from a day on; `third_key_above_minor` asks for one key more.

    Without any row that fits, the role's permission alone decides. Proposed by one admin, decided by another person.
    """

    __tablename__ = "approval_limits"
    __moves__ = DECIDED_ONCE
    __table_args__ = (
        *two_people(__moves__),
        UniqueConstraint("ref"),
        CheckConstraint(f"subject in {SUBJECTS}", name="subject"),
        CheckConstraint("up_to_minor is null or up_to_minor >= 0", name="up_to"),
        CheckConstraint("third_key_above_minor is null or third_key_above_minor >= 0", name="third_key"),
        CheckConstraint("effective_to is null or effective_to >= effective_from", name="dates"),
        Index("ix_approval_limits_day", "subject", "effective_from"),
    )
    __sealed__ = (
        *("ref", "subject", "role", "email", "currency", "up_to_minor", "third_key_above_minor", "effective_from"),
        *("effective_to", "reason", "proposed_by", "proposed_at"),
    )

    ref: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    role: Mapped[str] = mapped_column(Text)
    email: Mapped[str | None] = mapped_column(Text)  # one person of that role
    currency: Mapped[str] = mapped_column(Text)
    up_to_minor: Mapped[int | None] = mapped_column(BigInteger)  # none: any amount
    third_key_above_minor: Mapped[int | None] = mapped_column(BigInteger)
    effective_from: Mapped[date] = mapped_column(Date)
    effective_to: Mapped[date | None] = mapped_column(Date)
    reason: Mapped[str] = mapped_column(Text)


class Delegation(WithId, Sealed, Proposed, Base):
    """One person stands in for another for some days, with the other's limits; what they do counts as done by both.

    Nobody stands in for two others on the same day.
    """

    __tablename__ = "delegations"
    __moves__ = DECIDED_ONCE
    __table_args__ = (
        *two_people(__moves__),
        UniqueConstraint("ref"),
        CheckConstraint("from_email <> to_email", name="two_people"),
        CheckConstraint("to_on >= from_on", name="dates"),
        CheckConstraint("decided_by is null or decided_by <> to_email", name="not_decided_by_who_stands_in"),
        ExcludeConstraint(
            (literal_column("int8range(hashtext(to_email), hashtext(to_email), '[]')"), "&&"),
            (literal_column("daterange(from_on, to_on, '[]')"), "&&"),
            using="gist",
            where=text("status = 'accepted'"),
            name="excl_delegations_one_stands_in_for_one",
        ),
        Index("ix_delegations_to", "to_email", "from_on"),
    )
    __sealed__ = ("ref", "from_email", "to_email", "from_on", "to_on", "reason", "proposed_by", "proposed_at")

    ref: Mapped[str] = mapped_column(Text)
    from_email: Mapped[str] = mapped_column(Text)
    to_email: Mapped[str] = mapped_column(Text)
    from_on: Mapped[date] = mapped_column(Date)
    to_on: Mapped[date] = mapped_column(Date)
    reason: Mapped[str] = mapped_column(Text)
