"""Kenya: VAT charged by the agency, withholding tax and, for appointed agents, withholding VAT. Dated data with its sources.

The authority lists agency both at five and, as "contractual and agency", at three per cent: which one holds is a setting an agency.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from payouts.tax.rules import SalesTaxRule, WithheldSalesTaxRule, WithholdingRule

NATURES = {"agency": "Agency or consultancy fee (5 %)", "contractual": "Contractual fee (3 %)"}


def _rule(nature: str, code: str, rate: str) -> WithholdingRule:
    return WithholdingRule(
        country="KE",
        currency="KES",
        nature=nature,
        section="Third Schedule",
        code=code,
        rate=Decimal(rate),
        no_id_rate=Decimal(rate),
        threshold_minor=24_000_00,
        span="month",
        year_starts=1,
        round_to_minor=1,
        effective_from=date(2019, 1, 1),
        effective_to=None,
        source=f"Kenya Income Tax Act s.35 and Third Schedule: {code}, resident",
    )


WITHHOLDING = (_rule("agency", "agency fee", "0.05"), _rule("contractual", "contractual fee", "0.03"))

SALES_TAX = (
    SalesTaxRule(
        country="KE",
        name="VAT",
        rate=Decimal("0.16"),
        mode="by_lender",
        reverse_charge_for=frozenset(),
        is_by_state=False,
        service_code="agency",
        round_to_minor=1,
        effective_from=date(2013, 9, 2),
        effective_to=None,
        source="Kenya VAT Act 2013 s.5",
    ),
)

WITHHELD_SALES_TAX = (
    WithheldSalesTaxRule(
        country="KE",
        name="VAT",
        rate=Decimal("0.02"),
        round_to_minor=1,
        effective_from=date(2019, 11, 7),
        effective_to=None,
        source="Kenya Tax Procedures Act s.42A: two per cent of the taxable value, by an appointed agent",
    ),
)
