"""Reading tax invoices for pages: those handed in, and the statements that still want one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency, Lender
from payouts.settlements.dispute_models import TaxInvoice
from payouts.settlements.invoices import LIVE, Need, need_of
from payouts.settlements.lifecycle import IN_THE_LEDGER
from payouts.settlements.models import Settlement
from portal.kernel.errors import NotFound
from portal.kernel.periods import Period, month_of

MOST_WANTED = 200  # statements without an invoice a page lists


@dataclass(frozen=True)
class InvoiceRow:
    invoice: TaxInvoice
    settlement_ref: str
    period: Period
    agency_code: str
    agency_name: str


def list_invoices(
    session: Session,
    *,
    status: str = "",
    agency: str = "",
    settlement_id: int | None = None,
    after: tuple[Any, ...] | None = None,
    limit: int = 51,
) -> list[InvoiceRow]:
    """Invoices, the newest first; `after` is the (id,) of the last one seen."""
    query = _rows()
    for column, value in (
        (TaxInvoice.status, status),
        (Agency.code, agency),
        (TaxInvoice.settlement_id, settlement_id),
    ):
        if value:
            query = query.where(column == value)
    if after:
        query = query.where(TaxInvoice.id < after[0])
    return [_row(row) for row in session.execute(query.order_by(TaxInvoice.id.desc()).limit(limit))]


def _rows() -> Any:
    return (
        select(TaxInvoice, Settlement.ref, Settlement.period_start, Agency.code, Agency.legal_name)
        .join(Settlement, Settlement.id == TaxInvoice.settlement_id)
        .join(Agency, Agency.id == TaxInvoice.agency_id)
    )


def _row(row: Any) -> InvoiceRow:
    invoice, ref, start, code, name = row
    return InvoiceRow(invoice, ref, month_of(start), code, name)


def invoice_row(session: Session, invoice_id: int) -> InvoiceRow:
    """NotFound when there is none in the session's sight."""
    row = session.execute(_rows().where(TaxInvoice.id == invoice_id)).first()
    if row is None:
        raise NotFound("There is no such invoice.")
    return _row(row)


@dataclass(frozen=True)
class Wanted:
    """An issued statement without an invoice: whose it is to write, and by when the lender's own is due."""

    settlement_ref: str
    period: Period
    agency_code: str
    agency_name: str
    taxable_minor: int
    tax_minor: int
    currency: str
    need: Need

    def days_left(self, today: date) -> int | None:
        return (self.need.due_on - today).days if self.need.due_on else None


def wanted(session: Session, *, limit: int = MOST_WANTED) -> list[Wanted]:
    """Statements that want an invoice and have none that waits or was accepted: the lender's own first, the oldest first."""
    there = select(TaxInvoice.settlement_id).where(TaxInvoice.status.in_(LIVE))
    query = (
        select(Settlement, Agency)
        .join(Agency, Agency.id == Settlement.agency_id)
        .where(Settlement.status.in_(IN_THE_LEDGER), Settlement.id.not_in(there))
        .where(Settlement.tax["sales_tax"]["mode"].astext.in_(("reverse_charge", "forward_charge")))
        .order_by(Settlement.period_start, Settlement.id)
        .limit(limit)
    )
    found = [_wanted(*row) for row in session.execute(query)]
    return sorted((each for each in found if each.need.whose != "none"), key=lambda each: each.need.whose != "self")


def _wanted(settlement: Settlement, agency: Agency) -> Wanted:
    tax = settlement.tax["sales_tax"]
    return Wanted(
        settlement.ref,
        month_of(settlement.period_start),
        agency.code,
        agency.legal_name,
        int(tax.get("base_minor") or 0),
        int(tax.get("total_minor") or 0),
        settlement.currency,
        need_of(settlement, agency),
    )


def lender_of(session: Session) -> Lender | None:
    return session.scalars(select(Lender).order_by(Lender.id)).first()
