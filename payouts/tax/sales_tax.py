"""GST (India) and VAT (Kenya) on the agency's fee, as a memo.

Under reverse charge it is the lender's own debt and never in the payout.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

from payouts.tax.rules import SALES_TAX_RULES, STATE_CODES, STATE_LETTERS, UNION_TERRITORIES, SalesTaxRule
from portal.kernel.money import half_up


@dataclass(frozen=True, slots=True)
class SalesTax:
    """Amounts in minor units.

    `mode`: reverse_charge | forward_charge | none; `split`: cgst_sgst | cgst_utgst | igst | vat | "".
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

    @property
    def total_minor(self) -> int:
        return self.central_minor + self.state_minor + self.integrated_minor


def state_code(gstin: str | None, state: str | None) -> str:
    """The two digits of a GSTIN, or those of the state's name or letters; "" when neither says."""
    if gstin and gstin[:2].isdigit():
        return gstin[:2]
    text = (state or "").strip()
    if text.isdigit():
        return text.zfill(2)
    return STATE_LETTERS.get(text.upper()) or STATE_CODES.get(text.lower().replace("&", "and"), "")


def sales_tax_memo(
    base_minor: int,
    credited_on: date,
    *,
    country: str,
    entity_type: str,
    lender_state: str,
    agency_state: str,
    is_registered: bool = True,
    rules: Sequence[SalesTaxRule] = SALES_TAX_RULES,
) -> SalesTax:
    """The memo for one document. States are two-digit codes (see `state_code`).

    A pair of states that is not known is taken as inter-state, with a note.
    """
    rule = next((r for r in rules if r.country == country and _in_force(r, credited_on)), None)
    if rule is None or base_minor <= 0:
        return SalesTax("none", "", Decimal(0), base_minor)
    reverse = entity_type.lower() in rule.reverse_charge_for
    if not reverse and not is_registered:
        return SalesTax("none", "", Decimal(0), base_minor, note="The agency is not registered and charges no tax.")
    mode = "reverse_charge" if reverse else "forward_charge"
    shell = SalesTax(mode, "", rule.rate, base_minor, service_code=rule.service_code, source=rule.source)
    if country != "IN":
        return replace(shell, split="vat", integrated_minor=_tax(base_minor, rule.rate))
    if lender_state and lender_state == agency_state:
        half = _tax(base_minor, rule.rate / 2)
        split = "cgst_utgst" if lender_state in UNION_TERRITORIES else "cgst_sgst"
        return replace(shell, split=split, central_minor=half, state_minor=half)
    note = "" if lender_state and agency_state else "A state is not on record: taken as inter-state."
    return replace(shell, split="igst", integrated_minor=_tax(base_minor, rule.rate), note=note)


def _in_force(rule: SalesTaxRule, day: date) -> bool:
    return rule.effective_from <= day and (rule.effective_to is None or day <= rule.effective_to)


def _tax(base_minor: int, rate: Decimal) -> int:
    return half_up(base_minor * Fraction(rate))
