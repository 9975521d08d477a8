"""Every country's rules together, and what a country's fee is when nobody says otherwise."""

from __future__ import annotations

from payouts.tax import india, kenya
from payouts.tax.rules import SalesTaxRule, SelfInvoiceRule, WithheldSalesTaxRule, WithholdingRule

WITHHOLDING_RULES: tuple[WithholdingRule, ...] = (*india.WITHHOLDING, *kenya.WITHHOLDING)
SALES_TAX_RULES: tuple[SalesTaxRule, ...] = (*india.SALES_TAX, *kenya.SALES_TAX)
WITHHELD_SALES_TAX_RULES: tuple[WithheldSalesTaxRule, ...] = kenya.WITHHELD_SALES_TAX
SELF_INVOICE_RULES: tuple[SelfInvoiceRule, ...] = india.SELF_INVOICE

NATURES: dict[str, dict[str, str]] = {"IN": india.NATURES, "KE": kenya.NATURES}


def nature_of(country: str, asked: str = "") -> str:
    """The nature an agency's fee has: what the setting says when the country knows it, else the country's first."""
    known = NATURES.get(country, {})
    return asked if asked in known else next(iter(known), "")


def sections_of(country: str) -> tuple[str, ...]:
    """What a lower-deduction certificate may name."""
    return tuple(dict.fromkeys(rule.section for rule in WITHHOLDING_RULES if rule.country == country))
