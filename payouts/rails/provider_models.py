"""Rails as data: file layouts of the lender's own, accounts at a provider, what a provider told us, and when paying is stopped."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, Sealed, WithId
from portal.kernel.proposals import DECIDED_ONCE, Proposed, two_people


class PayoutProfile(WithId, Sealed, Proposed, Base):
    """A bank's payment-file layout as this lender uses it: versions are added; a batch keeps the version it was written with."""

    __tablename__ = "payout_profiles"
    __moves__ = DECIDED_ONCE
    __table_args__ = (
        *two_people(__moves__),
        UniqueConstraint("name", "version"),
    )
    __sealed__ = ("name", "version", "layout", "proposed_by", "proposed_at")

    name: Mapped[str] = mapped_column(Text)
    version: Mapped[int] = mapped_column(Integer)
    layout: Mapped[dict[str, Any]] = mapped_column(JSONB)
    effective_from: Mapped[date] = mapped_column(Date)


class ConnectedAccount(WithId, Base):
    """An agency's account at a payment provider. One account belongs to one agency; its state is what the provider last said."""

    __tablename__ = "connected_accounts"
    __table_args__ = (
        UniqueConstraint("provider", "account_id"),
        Index(
            "uq_connected_accounts_live",
            *("agency_id", "provider"),
            unique=True,
            postgresql_where=text("closed_at is null"),
        ),
    )

    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    provider: Mapped[str] = mapped_column(Text)
    account_id: Mapped[str] = mapped_column(Text)
    currency: Mapped[str] = mapped_column(Text)
    country: Mapped[str] = mapped_column(Text)
    is_live: Mapped[bool] = mapped_column(Boolean)
    can_be_paid: Mapped[bool] = mapped_column(Boolean, default=False, server_default="false")
    owed: Mapped[list[Any]] = mapped_column(
        JSONB, default=list, server_default="[]"
    )  # what the provider still asks for
    made_by: Mapped[str] = mapped_column(Text)
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    told_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    closed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class ProviderEvent(WithId, Sealed, Base):
    """A webhook delivery whose signature held, kept as it came and worked off once."""

    __tablename__ = "provider_events"
    __table_args__ = (
        UniqueConstraint("provider", "event_id"),
        Index("ix_provider_events_waiting", "id", postgresql_where=text("done_at is null")),
    )
    __sealed__ = ("provider", "event_id", "kind", "object_id", "account_id", "body", "received_at")

    provider: Mapped[str] = mapped_column(Text)
    event_id: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    object_id: Mapped[str] = mapped_column(Text)
    account_id: Mapped[str] = mapped_column(Text, default="", server_default="")
    body: Mapped[str] = mapped_column(Text)
    received_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    done_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    effect: Mapped[str] = mapped_column(Text, default="", server_default="")


class PayingStop(WithId, Base):
    """While one stands nothing is sent: after a restore, until every open payout has been looked up; or because somebody pulled it."""

    __tablename__ = "paying_stops"
    __table_args__ = (
        CheckConstraint("lifted_by is null or lifted_by <> stopped_by", name="maker_is_not_checker"),
        CheckConstraint("lifted_by is null or lifted_by is distinct from asked_by", name="two_people_lift"),
        CheckConstraint("lifted_by is null or asked_by is not null", name="asked"),
        Index("ix_paying_stops_standing", "id", postgresql_where=text("lifted_at is null")),
        Index("uq_paying_stops_agency", "agency_id", unique=True, postgresql_where=text("lifted_at is null")),
    )

    agency_id: Mapped[int | None] = mapped_column(ForeignKey("agencies.id"))  # only its money stops; null: all stops

    reason: Mapped[str] = mapped_column(Text)
    stopped_by: Mapped[str] = mapped_column(Text)
    stopped_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    lost_since: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True)
    )  # a backup of then: later acts are lost
    asked_by: Mapped[str | None] = mapped_column(Text)  # to lift it; another person does
    asked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    lifted_by: Mapped[str | None] = mapped_column(Text)
    lifted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    lift_reason: Mapped[str | None] = mapped_column(Text)
