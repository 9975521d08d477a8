"""India: tax deducted at source under two Acts, GST under reverse or forward charge. Dated data with its sources.

The lender's tax position may differ (a retainer is no commission; a call centre may be no recovery agent): see the dated settings.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from payouts.tax.rules import SalesTaxRule, SelfInvoiceRule, WithholdingRule

NATURES = {
    "commission": "Commission (194H, code 1006)",
    "professional": "Professional fee (194J, code 1027)",
    "technical": "Technical service or call centre (194J, code 1026)",
    "contractor": "Contract or manpower, a firm or company (194C, code 1024)",
    "contractor_individual": "Contract or manpower, an individual or HUF (194C, code 1023)",
}


def _rule(
    nature: str,
    section: str,
    code: str,
    rate: str,
    threshold: int,
    since: date,
    until: date | None,
    source: str,
    single: int | None = None,
) -> WithholdingRule:
    return WithholdingRule(
        country="IN",
        currency="INR",
        nature=nature,
        section=section,
        code=code,
        rate=Decimal(rate),
        no_id_rate=Decimal("0.20"),
        threshold_minor=threshold * 100,
        span="year",
        year_starts=4,
        round_to_minor=100,
        effective_from=since,
        effective_to=until,
        source=source,
        single_minor=None if single is None else single * 100,
    )


_OLD = "Income-tax Act 1961 s.194H, no PAN s.206AA"
_OLD_J = "Income-tax Act 1961 s.194J, no PAN s.206AA"
_NEW = "Income-tax Act 2025 s.393(1) Table Sl. 1(ii), no PAN s.397(2)"
_NEW_J = "Income-tax Act 2025 s.393(1) Table Sl. 6, no PAN s.397(2)"
_OLD_C = "Income-tax Act 1961 s.194C, no PAN s.206AA"
_NEW_C = "Income-tax Act 2025 s.393(1), contractors, no PAN s.397(2)"
_OLD_ACT_ENDS, _NEW_ACT = date(2026, 3, 31), date(2026, 4, 1)

WITHHOLDING = (
    _rule("commission", "194H", "94H", "0.05", 15_000, date(2016, 6, 1), date(2024, 9, 30), _OLD),
    _rule(
        *("commission", "194H", "94H", "0.02", 15_000, date(2024, 10, 1), date(2025, 3, 31)),
        f"{_OLD}, Finance (No. 2) Act 2024",
    ),
    _rule("commission", "194H", "94H", "0.02", 20_000, date(2025, 4, 1), _OLD_ACT_ENDS, f"{_OLD}, Finance Act 2025"),
    _rule("commission", "393(1)", "1006", "0.02", 20_000, _NEW_ACT, None, _NEW),
    _rule("professional", "194J", "94J", "0.10", 30_000, date(2020, 4, 1), date(2025, 3, 31), _OLD_J),
    _rule("professional", "194J", "94J", "0.10", 50_000, date(2025, 4, 1), _OLD_ACT_ENDS, _OLD_J),
    _rule("professional", "393(1)", "1027", "0.10", 50_000, _NEW_ACT, None, _NEW_J),
    _rule("technical", "194J", "94J", "0.02", 30_000, date(2020, 4, 1), date(2025, 3, 31), _OLD_J),
    _rule("technical", "194J", "94J", "0.02", 50_000, date(2025, 4, 1), _OLD_ACT_ENDS, _OLD_J),
    _rule("technical", "393(1)", "1026", "0.02", 50_000, _NEW_ACT, None, _NEW_J),
    # A single payment above thirty thousand, or a year's above a lakh.
    _rule("contractor", "194C", "94C", "0.02", 1_00_000, date(2016, 6, 1), _OLD_ACT_ENDS, _OLD_C, 30_000),
    _rule("contractor", "393(1)", "1024", "0.02", 1_00_000, _NEW_ACT, None, _NEW_C, 30_000),
    _rule("contractor_individual", "194C", "94C", "0.01", 1_00_000, date(2016, 6, 1), _OLD_ACT_ENDS, _OLD_C, 30_000),
    _rule("contractor_individual", "393(1)", "1023", "0.01", 1_00_000, _NEW_ACT, None, _NEW_C, 30_000),
)

LENDERS_THAT_PAY = frozenset(
    {"bank", "sfb", "payments_bank", "rrb", "nbfc", "nbfc_mfi", "hfc", "financial_institution", "aifi", "arc"}
)

SALES_TAX = (
    SalesTaxRule(
        country="IN",
        name="GST",
        rate=Decimal("0.18"),
        mode="by_lender",
        reverse_charge_for=LENDERS_THAT_PAY,
        is_by_state=True,
        service_code="998592",
        round_to_minor=100,
        effective_from=date(2017, 7, 1),
        effective_to=None,
        source="Notification 13/2017-CT(R) Sl. 8 and 10/2017-IT(R): services of a recovery agent; SAC 998592; rounded by CGST Act s.170",
    ),
)

SELF_INVOICE = (
    SelfInvoiceRule(
        country="IN",
        within_days=30,
        effective_from=date(2024, 11, 1),
        effective_to=None,
        source="CGST Act s.31(3)(f) and Rule 47A: within thirty days of the service",
    ),
)
