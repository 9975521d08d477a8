"""The registers as sheets: one header and one row of cells each, for pages and commands alike. Money as Money, days as days."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from payouts.settlements.paying_clock import Clocked
from payouts.settlements.tax_deductions import Key
from payouts.settlements.tax_registers import ChargedRow, WithheldRow
from payouts.tax.models import WithholdingDeposit
from portal.kernel.money import Money

# Columns of Form 140 (26Q before April 2026) with the challan; then what finance looks a row up by.
WITHHELD = (
    *("deductee_pan", "deductee_name", "section", "code", "credited_on", "paid_on", "base", "rate_percent", "reason"),
    *("certificate_no", "tax_deducted", "currency", "deposit_by", "challan_bsr", "challan_serial", "challan_on"),
    *("quarter", "form", "return_by", "certificate_form", "certificate_by", "agency_code", "settlement"),
)
CHARGED = (
    *("month", "settlement", "agency_code", "agency_name", "agency_gstin", "agency_state", "place_of_supply", "mode"),
    *("service_code", "taxable_value", "rate_percent", "igst_or_vat", "cgst", "sgst_or_utgst", "total", "withheld"),
    *("currency", "invoice_no", "invoiced_on", "paid_on", "supplied_on", "self_invoice", "self_invoice_by"),
)
SMALL_FIRMS = (
    *("supplier_name", "pan", "udyam_no", "msme_class", "settlement", "month", "accepted_on", "pay_by", "due"),
    *("currency", "paid_on", "standing", "days_from_acceptance", "days_late", "interest", "reason_for_delay"),
)


def withheld_cells(row: WithheldRow, deposits: Mapping[Key, WithholdingDeposit]) -> list[object]:
    """`deposits`: the accepted ones of the quarter (`deposited_of`)."""
    filing, paid = row.filing, deposits.get((row.settlement_id, row.code))
    challan = (paid.bank_code, paid.challan_no, paid.deposited_on) if paid else (None, None, None)
    return [
        *(row.tax_id, row.agency_name, row.section, row.code, row.credited_on, row.paid_on),
        *(Money(row.base_minor, row.currency), (row.rate * 100).normalize(), row.reason, row.certificate),
        *(Money(row.amount_minor, row.currency), row.currency, filing.deposit_by, *challan),
        *(filing.quarter, filing.form, filing.return_by, filing.certificate_form, filing.certificate_by),
        *(row.agency_code, row.settlement_ref),
    ]


def charged_cells(row: ChargedRow) -> list[object]:
    amounts = (row.integrated_minor, row.central_minor, row.state_minor, row.total_minor, row.withheld_minor)
    return [
        *(row.period.label, row.settlement_ref, row.agency_code, row.agency_name, row.agency_gstin, row.agency_state),
        *(row.place_of_supply, row.mode, row.service_code, Money(row.base_minor, row.currency)),
        (row.rate * 100).normalize(),
        *(Money(minor, row.currency) for minor in amounts),
        *(row.currency, row.invoice_no, row.invoiced_on, row.paid_on, row.supplied_on),
        *(row.self_invoice, row.self_invoice_by),
    ]


def small_firm_cells(row: Clocked, standing: str, as_of: date) -> list[object]:
    until = row.paid_on or as_of
    days = (until - row.accepted_on).days
    return [
        *(row.agency_name, row.pan, row.udyam_no, row.msme_class, row.ref, row.period.label, row.accepted_on),
        *(row.pay_by_on, Money(row.due_minor, row.currency), row.currency, row.paid_on, standing, days),
        *(row.late_days, Money(row.interest_minor, row.currency), None),
    ]
