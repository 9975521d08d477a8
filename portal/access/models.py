"""People, their sessions, one-time links, and the attempts to get in."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Boolean, CheckConstraint, DateTime, ForeignKey, Index, Integer, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, Sealed, WithId
from portal.kernel.proposals import DECIDED_ONCE, Proposed, two_people

AGENCY_ROLES = ("agency_owner", "agency_accountant", "field_agent")
BANK_ROLES = ("bank_operator", "bank_approver", "bank_admin", "territory_manager", "finance", "auditor", "system")


class User(WithId, Base):
    """A person who may sign in, at the bank or at one agency; `system` is the built-in importer, who never signs in."""

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint(f"role in {AGENCY_ROLES + BANK_ROLES}", name="role"),
        CheckConstraint(f"(role in {AGENCY_ROLES}) = (agency_id is not null)", name="agency_of_role"),
        UniqueConstraint("email"),
        CheckConstraint("email = lower(email)", name="email_lower"),
    )

    email: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text, default="", server_default="")
    person: Mapped[str | None] = mapped_column(Text)  # the same word on two accounts: one human being; none: the e-mail
    role: Mapped[str] = mapped_column(Text)
    agency_id: Mapped[int | None] = mapped_column(ForeignKey("agencies.id"), index=True)
    password_hash: Mapped[str | None] = mapped_column(Text)
    is_enabled: Mapped[bool] = mapped_column(Boolean, default=True, server_default="true")
    session_epoch: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    last_signed_in_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class PersonTie(WithId, Sealed, Proposed, Base):
    """One person's word, and another's, that an account is the same human being's as another's; or is one of its own again."""

    __tablename__ = "person_ties"
    __moves__ = DECIDED_ONCE
    __table_args__ = (
        *two_people(__moves__),
        CheckConstraint("kind in ('tie','untie')", name="kind"),
        CheckConstraint("(kind = 'tie') = (other_email is not null)", name="other"),
        CheckConstraint(
            "decided_by is null or (decided_by <> email and decided_by is distinct from other_email)",
            name="not_about_oneself",
        ),
        Index("uq_person_ties_waiting", "email", unique=True, postgresql_where=text("status = 'proposed'")),
    )
    __sealed__ = ("kind", "email", "other_email", "reason", "proposed_by", "proposed_at")

    kind: Mapped[str] = mapped_column(Text)
    email: Mapped[str] = mapped_column(Text)
    other_email: Mapped[str | None] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)


class UserSession(WithId, Base):
    """A signed-in browser. Only the hash of its token is kept."""

    __tablename__ = "user_sessions"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    token_hash: Mapped[str] = mapped_column(Text, unique=True)
    epoch: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    last_seen_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    confirmed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))  # the password given once more
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    address: Mapped[str] = mapped_column(Text, default="", server_default="")
    browser: Mapped[str] = mapped_column(Text, default="", server_default="")


class OneTimeLink(WithId, Base):
    """A link that sets a password once, before it expires."""

    __tablename__ = "one_time_links"
    __table_args__ = (CheckConstraint("kind in ('setup','reset')", name="kind"),)

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    kind: Mapped[str] = mapped_column(Text)
    token_hash: Mapped[str] = mapped_column(Text, unique=True)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class SignInAttempt(WithId, Base):
    """A try to sign in: counted per user and per address, so that guessing slows down on every worker alike."""

    __tablename__ = "sign_in_attempts"
    __table_args__ = (
        Index("ix_sign_in_attempts_email_hash_at", "email_hash", "at"),
        Index("ix_sign_in_attempts_address_at", "address", "at"),
    )

    email_hash: Mapped[str] = mapped_column(Text)
    address: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    succeeded: Mapped[bool] = mapped_column(Boolean)


class SpentToken(Base):
    """A form's one-time token that has been used: the second of two clicks finds it here and does nothing."""

    __tablename__ = "spent_tokens"

    token_hash: Mapped[str] = mapped_column(Text, primary_key=True)
    spent_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class PublicMiss(WithId, Base):
    """That an address asked a public page for a code nobody ever gave out; kept for a quarter of an hour."""

    __tablename__ = "public_misses"
    __table_args__ = (Index("ix_public_misses_address_at", "address", "at"),)

    address: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class SavedFilter(WithId, Base):
    """A list's filter a person keeps under a name: the page's path and its query, theirs alone."""

    __tablename__ = "saved_filters"
    __table_args__ = (UniqueConstraint("user_id", "page", "name"),)

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    page: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    query: Mapped[str] = mapped_column(Text)
    saved_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
