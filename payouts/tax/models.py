"""What is kept of tax beside the settlements' own facts: certificates of lower deduction, deposits with the government, numbered papers."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
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
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base, Sealed, WithId
from portal.kernel.proposals import DECIDED_ONCE, Proposed, two_people


class TaxCertificate(WithId, Sealed, Proposed, Base):
    """The tax office allows a lower rate for some days and up to a sum of credits; what was used is counted from settlements."""

    __tablename__ = "tax_certificates"
    __moves__ = {**DECIDED_ONCE, ("accepted", "end"): "ended"}  # the tax office takes one back before its last day
    __table_args__ = (
        *two_people(__moves__),
        UniqueConstraint("agency_id", "ref"),
        UniqueConstraint("agency_id", "id"),
        CheckConstraint("valid_to >= valid_from", name="dates"),
        CheckConstraint("rate >= 0 and rate < 1", name="rate"),
        CheckConstraint("limit_minor > 0", name="limit"),
        Index("ix_tax_certificates_agency", "agency_id", "valid_from"),
    )
    __sealed__ = (
        *("ref", "agency_id", "certificate_no", "section", "rate", "limit_minor", "currency", "valid_from", "valid_to"),
        *("file_sha256", "proposed_by", "proposed_at"),
    )

    ref: Mapped[str] = mapped_column(Text)
    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    certificate_no: Mapped[str] = mapped_column(Text)
    section: Mapped[str] = mapped_column(Text)
    rate: Mapped[Decimal] = mapped_column(Numeric(9, 6))
    limit_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Text)
    valid_from: Mapped[date] = mapped_column(Date)
    valid_to: Mapped[date] = mapped_column(Date)
    file_sha256: Mapped[str | None] = mapped_column(Text)
    file_name: Mapped[str | None] = mapped_column(Text)


class WithholdingDeposit(WithId, Sealed, Proposed, Base):
    """Tax withheld in a month under one code and paid to the government: a challan (India) or a payment registration number (Kenya).

    `bank_code` is the BSR code of the branch that took it; `interest_minor` what was paid on top for being late. An accepted one stays
    in the books while somebody asks to cancel it (`cancel_asked_by`), until another person does; `decision_reason` is the last one given.
    """

    __tablename__ = "withholding_deposits"
    __moves__ = {**DECIDED_ONCE, ("accepted", "cancel"): "cancelled"}  # entered wrongly: the journal is reversed
    __table_args__ = (
        *two_people(__moves__),
        UniqueConstraint("ref"),
        CheckConstraint("amount_minor > 0 and interest_minor >= 0", name="amounts"),
        CheckConstraint("(cancel_asked_by is null) = (cancel_asked_at is null)", name="asked_to_cancel"),
        # Those cancelled before two people did it have no one's name here; the audit log has it.
        CheckConstraint(
            "cancelled_by is null or (status = 'cancelled' and cancel_asked_by is not null"
            " and cancelled_by <> cancel_asked_by and cancelled_by <> proposed_by)",
            name="two_people_cancel",
        ),
        Index(
            "uq_withholding_deposits_challan",
            *("bank_code", "challan_no", "deposited_on", "period_start", "code"),
            unique=True,
            postgresql_where=text("status in ('proposed','accepted')"),
        ),
        Index("ix_withholding_deposits_period", "period_start", "id"),
    )
    __sealed__ = (
        *("ref", "country", "section", "code", "period_start", "amount_minor", "interest_minor", "currency"),
        *("bank_code", "challan_no", "deposited_on", "proposed_by", "proposed_at"),
    )

    ref: Mapped[str] = mapped_column(Text)
    country: Mapped[str] = mapped_column(Text)
    section: Mapped[str] = mapped_column(Text)
    code: Mapped[str] = mapped_column(Text)
    period_start: Mapped[date] = mapped_column(Date)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    interest_minor: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    currency: Mapped[str] = mapped_column(Text)
    bank_code: Mapped[str] = mapped_column(Text, default="", server_default="")
    challan_no: Mapped[str] = mapped_column(Text)
    deposited_on: Mapped[date] = mapped_column(Date)
    cancel_asked_by: Mapped[str | None] = mapped_column(Text)
    cancel_asked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    cancelled_by: Mapped[str | None] = mapped_column(Text)


class WithholdingDepositLine(WithId, Sealed, Base):
    """What of a deposit is the tax of one settlement: all it withheld under the deposit's code."""

    __tablename__ = "withholding_deposit_lines"
    __table_args__ = (
        UniqueConstraint("deposit_id", "settlement_id"),
        ForeignKeyConstraint(["agency_id", "settlement_id"], ["settlements.agency_id", "settlements.id"]),
        CheckConstraint("amount_minor > 0", name="amount"),
        Index("ix_withholding_deposit_lines_settlement", "settlement_id"),
    )
    __sealed__ = ("deposit_id", "agency_id", "settlement_id", "amount_minor", "currency")

    deposit_id: Mapped[int] = mapped_column(ForeignKey("withholding_deposits.id"))
    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    settlement_id: Mapped[int] = mapped_column(BigInteger)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Text)


class TaxPaper(WithId, Sealed, Base):
    """A numbered document of the lender's own: a self-invoice, or the voucher of a payment under reverse charge.

    `text` is all it says (canonical JSON); PDF and JSON are made of it alone. `serial` has no gap within kind, registration and year.
    """

    __tablename__ = "tax_papers"
    __table_args__ = (
        UniqueConstraint("kind", "registration", "year_start", "serial"),
        ForeignKeyConstraint(["agency_id", "settlement_id"], ["settlements.agency_id", "settlements.id"]),
        CheckConstraint("kind in ('self_invoice','payment_voucher')", name="kind"),
        CheckConstraint("(kind = 'payment_voucher') = (payout_ref is not null)", name="payout"),
        CheckConstraint("serial > 0", name="serial"),
        Index("uq_tax_papers_invoice", "settlement_id", unique=True, postgresql_where=text("kind = 'self_invoice'")),
        Index("uq_tax_papers_voucher", "payout_ref", unique=True, postgresql_where=text("payout_ref is not null")),
    )
    __sealed__ = (
        *("kind", "agency_id", "settlement_id", "payout_ref", "registration", "year_start", "serial", "number"),
        *("issued_on", "text", "sha256", "issued_by", "issued_at"),
    )

    kind: Mapped[str] = mapped_column(Text)
    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    settlement_id: Mapped[int] = mapped_column(BigInteger)
    payout_ref: Mapped[str | None] = mapped_column(Text)
    registration: Mapped[str] = mapped_column(Text)
    year_start: Mapped[date] = mapped_column(Date)
    serial: Mapped[int] = mapped_column(Integer)
    number: Mapped[str] = mapped_column(Text)
    issued_on: Mapped[date] = mapped_column(Date)
    text: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(Text)
    issued_by: Mapped[str] = mapped_column(Text)
    issued_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
