"""The registers finance files from: tax withheld by quarter, sales tax by month. Read from the facts kept with approved settlements."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, defer

from allocations.agencies.models import Agency
from allocations.agencies.service import lender
from payouts.settlements.dispute_models import TaxInvoice
from payouts.settlements.lifecycle import IN_THE_LEDGER
from payouts.settlements.models import Settlement
from payouts.tax.due_dates import Filing, filing_of, supplied_on
from payouts.tax.sales_tax import state_code
from payouts.tax.withholding import TAXED
from portal.kernel.clock import BANK_ZONE
from portal.kernel.periods import Period, month_of

NOT_YET = ("draft", "submitted", "checked")
# A statement's text and its evidence are read by nobody here, and are long.
HEAVY = (defer(Settlement.statement_text), defer(Settlement.frozen))


@dataclass(frozen=True, slots=True)
class WithheldRow:
    """One deduction at one rate, as the quarter's return lists it."""

    settlement_id: int
    agency_id: int
    settlement_ref: str
    agency_code: str
    agency_name: str
    tax_id: str
    section: str
    code: str
    credited_on: date
    paid_on: date | None
    base_minor: int
    rate: Decimal
    reason: str
    certificate: str
    amount_minor: int
    currency: str
    filing: Filing


def withheld_rows(session: Session, period: Period) -> list[WithheldRow]:
    """Deductions from fees credited in these months, by day, agency and rate; of approved statements of the lender's country."""
    query = _of_months(period).where(Settlement.status.in_(IN_THE_LEDGER), Agency.country == lender(session).country)
    return [made for settlement, agency in session.execute(query) for made in _withheld(settlement, agency)]


def charged_of_months(session: Session, period: Period) -> list[tuple[Settlement, Agency]]:
    """Statements of these months whose agency charges a tax itself, with their agencies."""
    query = _of_months(period).where(Settlement.tax["sales_tax"]["mode"].astext == "forward_charge")
    return [(settlement, agency) for settlement, agency in session.execute(query)]


def _of_months(period: Period) -> Select[Settlement, Agency]:
    return (
        select(Settlement, Agency)
        .join(Agency, Agency.id == Settlement.agency_id)
        .where(Settlement.period_start >= period.start, Settlement.period_start < period.end)
        .order_by(Settlement.period_start, Agency.code, Settlement.ref)
        .options(*HEAVY)
    )


def _withheld(settlement: Settlement, agency: Agency) -> Iterable[WithheldRow]:
    facts = settlement.tax.get("withholding") or {}
    day = month_of(settlement.period_start).last_day
    for part in _parts(facts):
        yield WithheldRow(
            settlement_id=settlement.id,
            agency_id=agency.id,
            settlement_ref=settlement.ref,
            agency_code=agency.code,
            agency_name=agency.legal_name,
            tax_id=str(facts.get("tax_id", agency.pan or "")),
            section=str(part.get("section", "")),
            code=str(part.get("code", "")),
            credited_on=day,
            paid_on=settlement.paid_on,
            base_minor=int(part.get("base_minor", 0)),
            rate=Decimal(str(part.get("rate", "0"))),
            reason=str(part.get("reason", "")),
            certificate=str(part.get("certificate", "")),
            amount_minor=int(part.get("amount_minor", 0)),
            currency=settlement.currency,
            filing=filing_of(agency.country, day),
        )


def _parts(facts: dict[str, Any]) -> list[dict[str, Any]]:
    """A deduction by rate; one from before certificates were known has one rate and says so itself."""
    if facts.get("reason") not in TAXED:
        return []
    return facts.get("parts") or [facts | {"base_minor": facts.get("taxed_minor", facts.get("base_minor", 0))}]


@dataclass(frozen=True, slots=True)
class Left:
    """Statements that a register does not show: how many, and what they would add to it."""

    count: int
    amount_minor: int


def not_yet_approved(session: Session, period: Period) -> Left:
    """Statements of these months that are drafted but not approved, and the tax they would withhold."""
    query = select(Settlement.withholding_minor).where(
        Settlement.period_start >= period.start,
        Settlement.period_start < period.end,
        Settlement.status.in_(NOT_YET),
    )
    amounts = session.scalars(query).all()
    return Left(len(amounts), sum(amounts))


def below_threshold(session: Session, period: Period) -> Left:
    """Approved statements of these months from which nothing was deducted as the threshold was not reached, and their fees."""
    query = _of_months(period).where(Settlement.status.in_(IN_THE_LEDGER))
    told = [row.tax.get("withholding") or {} for row, _ in session.execute(query)]
    fees = [int(each.get("base_minor", 0)) for each in told if each.get("reason") == "below_threshold"]
    return Left(len(fees), sum(fees))


@dataclass(frozen=True, slots=True)
class ChargedRow:
    """The sales tax of one statement. `supplied_on` is when it enters the return; None while nothing has brought it there."""

    settlement_ref: str
    agency_code: str
    agency_name: str
    agency_gstin: str
    agency_state: str
    place_of_supply: str
    period: Period
    mode: str
    service_code: str
    base_minor: int
    rate: Decimal
    integrated_minor: int
    central_minor: int
    state_minor: int
    withheld_minor: int
    currency: str
    invoice_no: str
    invoiced_on: date | None
    paid_on: date | None
    supplied_on: date | None
    self_invoice: bool
    self_invoice_by: str

    @property
    def total_minor(self) -> int:
        return self.integrated_minor + self.central_minor + self.state_minor

    @property
    def misses_invoice(self) -> bool:
        return not self.invoice_no


def charged_rows(
    session: Session, period: Period, mode: str = "reverse_charge"
) -> tuple[list[ChargedRow], list[ChargedRow]]:
    """The tax that belongs into a month's return, and what no return has yet: unpaid, and without an invoice old enough.

    Under reverse charge a service enters on payment or on the 61st day after the invoice; what an agency charges itself
    enters with its invoice, and with the statement's month while there is none.
    """
    query = (
        select(Settlement, Agency, TaxInvoice)
        .join(Agency, Agency.id == Settlement.agency_id)
        .outerjoin(
            TaxInvoice,
            (TaxInvoice.settlement_id == Settlement.id) & TaxInvoice.status.in_(("proposed", "accepted")),
        )
        .where(Settlement.status.in_(IN_THE_LEDGER), Settlement.period_start < period.end)
        .where(Settlement.tax["sales_tax"]["mode"].astext == mode)
        .order_by(Settlement.period_start, Agency.code)
        .options(*HEAVY)
    )
    paying = lender(session)
    place = state_code(paying.gstin, paying.state)
    rows = [_charged(*row, place) for row in session.execute(query)]
    due = [row for row in rows if row.supplied_on is not None and row.supplied_on in period]
    return due, [row for row in rows if row.supplied_on is None or row.supplied_on >= period.end]


def _charged(settlement: Settlement, agency: Agency, invoice: TaxInvoice | None, place: str) -> ChargedRow:
    facts = settlement.tax.get("sales_tax") or {}
    month, self_made = month_of(settlement.period_start), bool(facts.get("self_invoice"))
    invoiced_on = invoice.invoiced_on if invoice else None
    paid_on = _paid_on(settlement)
    if facts.get("mode") == "reverse_charge":
        entered = supplied_on(paid_on, invoiced_on, self_invoiced=self_made)
    else:
        entered = invoiced_on or month.last_day
    return ChargedRow(
        settlement_ref=settlement.ref,
        agency_code=agency.code,
        agency_name=agency.legal_name,
        agency_gstin=agency.gstin or "",
        agency_state=state_code(agency.gstin, agency.state),
        place_of_supply=place,
        period=month,
        mode=str(facts.get("mode", "")),
        service_code=str(facts.get("service_code", "")),
        base_minor=int(facts.get("base_minor", 0)),
        rate=Decimal(str(facts.get("rate", "0"))),
        integrated_minor=int(facts.get("integrated_minor", 0)),
        central_minor=int(facts.get("central_minor", 0)),
        state_minor=int(facts.get("state_minor", 0)),
        withheld_minor=int(facts.get("withheld_minor", 0)),
        currency=settlement.currency,
        invoice_no=invoice.invoice_no if invoice else "",
        invoiced_on=invoiced_on,
        paid_on=paid_on,
        supplied_on=entered,
        self_invoice=self_made,
        self_invoice_by=str(facts.get("self_invoice_by") or ""),
    )


def _paid_on(settlement: Settlement) -> date | None:
    """When the agency had its money; a statement with nothing to pay was settled in the books when it was approved."""
    if settlement.paid_on is not None:
        return settlement.paid_on
    if settlement.net_minor > 0 or settlement.approved_at is None:
        return None
    return settlement.approved_at.astimezone(BANK_ZONE).date()
