"""GST (India) and VAT (Kenya) on the agency's fee. Pure.

Under reverse charge it is the lender's own debt, a memo and never in the payout; under forward charge the agency bills it and is paid it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from payouts.tax.packs import SALES_TAX_RULES, SELF_INVOICE_RULES, WITHHELD_SALES_TAX_RULES
from payouts.tax.rules import SalesTaxRule, WithheldSalesTaxRule, first_in_force
from payouts.tax.states import STATE_CODES, STATE_LETTERS, UNION_TERRITORIES
from portal.kernel.money import half_up

TAX_WORDS = {"cgst_sgst": "CGST and SGST", "cgst_utgst": "CGST and UTGST", "igst": "IGST", "vat": "VAT"}


@dataclass(frozen=True, slots=True)
class SalesTax:
    """Amounts in minor units; below zero for a credit note over a negative fee.

    `mode`: reverse_charge | forward_charge | none; `split`: cgst_sgst | cgst_utgst | igst | vat | "". `withheld_minor` is what an
    appointed payer keeps of a tax it is charged. `self_invoice`: whether the lender has to write the invoice, and by when.
    """

    mode: str
    split: str
    rate: Decimal
    base_minor: int
    central_minor: int = 0
    state_minor: int = 0
    integrated_minor: int = 0
    service_code: str = ""
    source: str = ""
    note: str = ""
    self_invoice: bool = False
    self_invoice_by: date | None = None
    withheld_rate: Decimal = Decimal(0)
    withheld_minor: int = 0

    @property
    def total_minor(self) -> int:
        return self.central_minor + self.state_minor + self.integrated_minor

    @property
    def payable_minor(self) -> int:
        """What of it the agency is paid."""
        return self.total_minor if self.mode == "forward_charge" else 0


def state_code(gstin: str | None, state: str | None) -> str:
    """The two digits of a GSTIN, or those of the state's name or letters; "" when neither says."""
    if gstin and gstin[:2].isdigit():
        return gstin[:2]
    text = (state or "").strip()
    if text.isdigit():
        return text.zfill(2)
    return STATE_LETTERS.get(text.upper()) or STATE_CODES.get(text.lower().replace("&", "and"), "")


def sales_tax_on(
    base_minor: int,
    credited_on: date,
    *,
    country: str,
    entity_type: str,
    lender_state: str = "",
    agency_state: str = "",
    is_registered: bool = True,
    withholds: bool = False,
    rules: Sequence[SalesTaxRule] = SALES_TAX_RULES,
    withheld_rules: Sequence[WithheldSalesTaxRule] = WITHHELD_SALES_TAX_RULES,
) -> SalesTax:
    """The tax of one document. States are two-digit codes (see `state_code`); `withholds`: the lender is an appointed agent.

    A pair of states that is not known is taken as inter-state, with a note.
    """
    rule = first_in_force(rules, country, credited_on)
    if rule is None or base_minor == 0 or rule.mode == "none":
        return SalesTax("none", "", Decimal(0), base_minor)
    if mode_of(rule, entity_type) == "forward_charge" and not is_registered:
        return SalesTax("none", "", Decimal(0), base_minor, note="The agency is not registered and charges no tax.")
    divided = _divided(rule, base_minor, lender_state, agency_state)
    if mode_of(rule, entity_type) == "reverse_charge":
        divided = replace(divided, mode="reverse_charge")
        return divided if is_registered else _self_invoiced(divided, country, credited_on)
    return _withheld(divided, country, credited_on, withheld_rules) if withholds else divided


def mode_of(rule: SalesTaxRule, entity_type: str) -> str:
    """Who pays the tax when the lender is of this kind: reverse_charge or forward_charge (or none)."""
    if rule.mode != "by_lender":
        return rule.mode
    kind = entity_type.strip().lower().replace("-", "_").replace(" ", "_")
    return "reverse_charge" if kind in rule.reverse_charge_for else "forward_charge"


def _divided(rule: SalesTaxRule, base_minor: int, lender_state: str, agency_state: str) -> SalesTax:
    shell = SalesTax("forward_charge", "", rule.rate, base_minor, service_code=rule.service_code, source=rule.source)
    whole = _tax(base_minor, rule.rate, rule.round_to_minor)
    if not rule.is_by_state:
        return replace(shell, split="vat", integrated_minor=whole)
    if lender_state and lender_state == agency_state:
        half = _tax(base_minor, rule.rate / 2, rule.round_to_minor)
        split = "cgst_utgst" if lender_state in UNION_TERRITORIES else "cgst_sgst"
        return replace(shell, split=split, central_minor=half, state_minor=half)
    note = "" if lender_state and agency_state else "A state is not on record: taken as inter-state."
    return replace(shell, split="igst", integrated_minor=whole, note=note)


def _self_invoiced(tax: SalesTax, country: str, day: date) -> SalesTax:
    rule = first_in_force(SELF_INVOICE_RULES, country, day)
    by = day + timedelta(days=rule.within_days) if rule else None
    note = "The agency is not registered: the lender writes the invoice."
    return replace(tax, self_invoice=True, self_invoice_by=by, note=f"{note} {tax.note}".strip())


def _withheld(tax: SalesTax, country: str, day: date, rules: Sequence[WithheldSalesTaxRule]) -> SalesTax:
    """Of a credit note nothing is withheld: what was remitted before is the authority's to give back."""
    rule = first_in_force(rules, country, day)
    if rule is None or tax.base_minor < 0:
        return tax
    amount = _tax(tax.base_minor, rule.rate, rule.round_to_minor)
    return replace(tax, withheld_rate=rule.rate, withheld_minor=amount)


def _tax(base_minor: int, rate: Decimal, step: int) -> int:
    return half_up(base_minor * Fraction(rate) / step) * step
