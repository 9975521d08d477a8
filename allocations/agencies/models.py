"""The lender, its agencies, their people and bank details, and the settings that change by date."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Date, DateTime, ForeignKey, Integer, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, Sealed, WithId

AGENCY_STATUSES = ("applicant", "due_diligence", "empanelled", "watch_list", "suspended", "de_empanelled")


class Lender(WithId, Base):
    """The bank, NBFC or micro-lender that runs this portal. One row."""

    __tablename__ = "lenders"

    name: Mapped[str] = mapped_column(Text)
    country: Mapped[str] = mapped_column(Text, default="IN", server_default="IN")
    currency: Mapped[str] = mapped_column(Text, default="INR", server_default="INR")
    entity_type: Mapped[str] = mapped_column(Text, default="bank", server_default="bank")
    state: Mapped[str] = mapped_column(Text, default="", server_default="")
    gstin: Mapped[str] = mapped_column(Text, default="", server_default="")
    debit_account_no: Mapped[str] = mapped_column(Text, default="", server_default="")
    debit_ifsc: Mapped[str] = mapped_column(Text, default="", server_default="")


class DatedSetting(WithId, Base):
    """A rule of law, contract or house that holds from a day on; the newest row not after the day decides."""

    __tablename__ = "dated_settings"
    __table_args__ = (UniqueConstraint("code", "effective_from"),)

    code: Mapped[str] = mapped_column(Text)
    value: Mapped[Any] = mapped_column(JSONB)
    effective_from: Mapped[date] = mapped_column(Date)
    effective_to: Mapped[date | None] = mapped_column(Date)
    source: Mapped[str] = mapped_column(Text, default="", server_default="")


class Agency(WithId, Base):
    """An empanelled firm: the tenant."""

    __tablename__ = "agencies"
    __table_args__ = (
        CheckConstraint(f"status in {AGENCY_STATUSES}", name="status"),
        CheckConstraint("agreement_to is null or agreement_to >= agreement_from", name="agreement_dates"),
    )

    code: Mapped[str] = mapped_column(Text, unique=True)
    legal_name: Mapped[str] = mapped_column(Text)
    pan: Mapped[str | None] = mapped_column(Text)
    gstin: Mapped[str | None] = mapped_column(Text)
    state: Mapped[str | None] = mapped_column(Text)
    udyam_no: Mapped[str | None] = mapped_column(Text)
    msme_class: Mapped[str | None] = mapped_column(Text)
    agreement_from: Mapped[date] = mapped_column(Date)
    agreement_to: Mapped[date | None] = mapped_column(Date)
    email: Mapped[str | None] = mapped_column(Text)
    phone: Mapped[str | None] = mapped_column(Text)
    country: Mapped[str] = mapped_column(Text, default="IN", server_default="IN")
    currency: Mapped[str] = mapped_column(Text, default="INR", server_default="INR")
    capacity: Mapped[int | None] = mapped_column(Integer)
    exposure_cap_minor: Mapped[int | None] = mapped_column(BigInteger)  # principal it may hold at one time
    licensed_states: Mapped[list[str] | None] = mapped_column(JSONB(none_as_null=True))  # null: everywhere
    licensed_pincodes: Mapped[list[str] | None] = mapped_column(JSONB(none_as_null=True))  # how they begin
    licensed_products: Mapped[list[str] | None] = mapped_column(JSONB(none_as_null=True))
    status: Mapped[str] = mapped_column(Text, default="empanelled", server_default="empanelled")
    lock_version: Mapped[int] = mapped_column(Integer, default=1, server_default="1")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


# What the beneficiary bank says of account number and name (domain: look-up or penny drop).
NAME_CHECKS = ("not_attempted", "exact", "partial", "mismatch", "inactive", "failed")


class AgencyBankDetail(WithId, Sealed, Base):
    """Where an agency is paid. Versions are added, never edited; a settlement freezes the version it was approved on."""

    __tablename__ = "agency_bank_details"
    __table_args__ = (
        UniqueConstraint("agency_id", "version"),
        UniqueConstraint("agency_id", "id"),
        CheckConstraint("status in ('proposed','approved','rejected')", name="status"),
        CheckConstraint(f"name_check in {NAME_CHECKS}", name="name_check"),
        CheckConstraint("approved_by is null or approved_by <> proposed_by", name="maker_is_not_checker"),
    )
    __sealed__ = ("agency_id", "version", "account_no", "ifsc", "account_holder", "proposed_by")

    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    version: Mapped[int] = mapped_column(Integer)
    account_no: Mapped[str] = mapped_column(Text)
    ifsc: Mapped[str] = mapped_column(Text)
    account_holder: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, default="approved", server_default="approved")
    proposed_by: Mapped[str] = mapped_column(Text)
    proposed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    approved_by: Mapped[str | None] = mapped_column(Text)
    approved_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    decision_reason: Mapped[str | None] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text, default="", server_default="")  # why it changes
    name_check: Mapped[str] = mapped_column(Text, default="not_attempted", server_default="not_attempted")
    name_at_bank: Mapped[str] = mapped_column(Text, default="", server_default="")  # as the bank's look-up gave it
    name_checked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    name_checked_by: Mapped[str | None] = mapped_column(Text)
    usable_from: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))  # nothing is paid to it before


class Agent(WithId, Base):
    """A person who meets or calls borrowers for an agency."""

    __tablename__ = "agents"
    __table_args__ = (UniqueConstraint("agency_id", "code"), UniqueConstraint("agency_id", "id"))

    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    code: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    mobile: Mapped[str | None] = mapped_column(Text)
    user_id: Mapped[int | None] = mapped_column(BigInteger)
    certificate_no: Mapped[str | None] = mapped_column(Text)
    certificate_until: Mapped[date | None] = mapped_column(Date)
    verified_until: Mapped[date | None] = mapped_column(Date)
    is_active: Mapped[bool] = mapped_column(Boolean, default=True, server_default="true")
    joined_on: Mapped[date | None] = mapped_column(Date)
    left_on: Mapped[date | None] = mapped_column(Date)  # the last day, once they are no longer active
