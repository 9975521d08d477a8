"""What anybody may learn of a statement whose sha256 they hold: that it was issued, by whom to whom, and its totals."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency, Lender
from payouts.settlements.models import Settlement


@dataclass(frozen=True, slots=True)
class PublicStatement:
    """Nothing of its lines, and no account. `is_withdrawn`: taken back before it was paid."""

    ref: str
    agency: str
    lender: str
    period_start: date
    currency: str
    gross_minor: int
    adjustments_minor: int
    sales_tax_minor: int
    withholding_minor: int
    net_minor: int
    issued_at: datetime | None
    pay_by_on: date | None
    is_withdrawn: bool


def statement_by_hash(session: Session, sha256: str) -> PublicStatement | None:
    """The issued statement with this hash."""
    query = (
        select(Settlement, Agency.legal_name)
        .join(Agency, Agency.id == Settlement.agency_id)
        .where(Settlement.hash == sha256, Settlement.statement_text.is_not(None))
    )
    row = session.execute(query).first()
    if row is None:
        return None
    settlement, agency = row
    lender = session.scalars(select(Lender.name).order_by(Lender.id)).first()
    return PublicStatement(
        settlement.ref,
        agency,
        lender or "",
        settlement.period_start,
        settlement.currency,
        settlement.gross_minor,
        settlement.adjustments_minor,
        settlement.sales_tax_minor,
        settlement.withholding_minor,
        settlement.net_minor,
        settlement.approved_at,
        settlement.pay_by_on,
        settlement.status == "void",
    )
