"""What changes an agency's tax beside the law: its lower-deduction certificates."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from sqlalchemy import BigInteger, CheckConstraint, Date, ForeignKey, Index, Numeric, Text, UniqueConstraint
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
