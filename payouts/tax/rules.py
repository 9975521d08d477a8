"""Withholding and GST/VAT rules as dated data; a lender may put its own rules in front."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class WithholdingRule:
    """Tax deducted from an agency's fee, for amounts credited in [effective_from, effective_to].

    `threshold_minor` is what the aggregate of a span (tax year or month) must exceed before anything is deducted.
    """

    country: str
    currency: str
    section: str
    code: str
    rate: Decimal
    no_id_rate: Decimal
    threshold_minor: int
    span: str  # "year" | "month"
    year_starts: int  # first month of the tax year
    round_to_minor: int  # deducted per document in multiples of this, half up
    effective_from: date
    effective_to: date | None
    source: str


def _india(
    section: str, code: str, rate: str, threshold: int, since: date, until: date | None, src: str
) -> WithholdingRule:
    return WithholdingRule(
        country="IN",
        currency="INR",
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
        source=src,
    )


_OLD_ACT = "Income-tax Act 1961 s.194H, no PAN s.206AA"
_NEW_ACT = "Income-tax Act 2025 s.393(1) Table Sl. 1(ii), no PAN s.397(2)"

WITHHOLDING_RULES: tuple[WithholdingRule, ...] = (
    _india("194H", "94H", "0.05", 15_000, date(2016, 6, 1), date(2024, 9, 30), _OLD_ACT),
    _india(
        "194H", "94H", "0.02", 15_000, date(2024, 10, 1), date(2025, 3, 31), _OLD_ACT + ", Finance (No. 2) Act 2024"
    ),
    _india("194H", "94H", "0.02", 20_000, date(2025, 4, 1), date(2026, 3, 31), _OLD_ACT + ", Finance Act 2025"),
    _india("393(1)", "1006", "0.02", 20_000, date(2026, 4, 1), None, _NEW_ACT),
    WithholdingRule(
        country="KE",
        currency="KES",
        section="Third Schedule",
        code="agency fee",
        rate=Decimal("0.05"),
        no_id_rate=Decimal("0.05"),
        threshold_minor=24_000_00,
        span="month",
        year_starts=1,
        round_to_minor=1,
        effective_from=date(2019, 1, 1),
        effective_to=None,
        source="Kenya Income Tax Act s.35 and Third Schedule: management or professional fee, resident",
    ),
)


@dataclass(frozen=True, slots=True)
class SalesTaxRule:
    """GST or VAT on the agency's service; `reverse_charge_for` lists the lender's kinds that pay it themselves."""

    country: str
    rate: Decimal
    reverse_charge_for: frozenset[str]
    service_code: str
    effective_from: date
    effective_to: date | None
    source: str


SALES_TAX_RULES: tuple[SalesTaxRule, ...] = (
    SalesTaxRule(
        country="IN",
        rate=Decimal("0.18"),
        reverse_charge_for=frozenset({"bank", "nbfc", "hfc", "financial_institution", "sfb", "arc"}),
        service_code="998592",
        effective_from=date(2017, 7, 1),
        effective_to=None,
        source="Notification 13/2017-CT(R) Sl. 8: services of a recovery agent; SAC 998592",
    ),
    SalesTaxRule(
        country="KE",
        rate=Decimal("0.16"),
        reverse_charge_for=frozenset(),
        service_code="agency",
        effective_from=date(2013, 9, 2),
        effective_to=None,
        source="Kenya VAT Act 2013 s.5",
    ),
)

# The union territories without a legislature levy UTGST in the place of SGST.
UNION_TERRITORIES = frozenset({"04", "26", "31", "35", "38"})

STATE_CODES = {
    "jammu and kashmir": "01",
    "himachal pradesh": "02",
    "punjab": "03",
    "chandigarh": "04",
    "uttarakhand": "05",
    "haryana": "06",
    "delhi": "07",
    "rajasthan": "08",
    "uttar pradesh": "09",
    "bihar": "10",
    "sikkim": "11",
    "arunachal pradesh": "12",
    "nagaland": "13",
    "manipur": "14",
    "mizoram": "15",
    "tripura": "16",
    "meghalaya": "17",
    "assam": "18",
    "west bengal": "19",
    "jharkhand": "20",
    "odisha": "21",
    "chhattisgarh": "22",
    "madhya pradesh": "23",
    "gujarat": "24",
    "dadra and nagar haveli and daman and diu": "26",
    "maharashtra": "27",
    "karnataka": "29",
    "goa": "30",
    "lakshadweep": "31",
    "kerala": "32",
    "tamil nadu": "33",
    "puducherry": "34",
    "andaman and nicobar islands": "35",
    "telangana": "36",
    "andhra pradesh": "37",
    "ladakh": "38",
}
# The two letters people write: vehicle and ISO 3166-2 codes.
_LETTERS = """
JK01 HP02 PB03 CH04 UK05 UT05 HR06 DL07 RJ08 UP09 BR10 SK11 AR12 NL13 MN14 MZ15 TR16 ML17 AS18 WB19
JH20 OD21 OR21 CG22 CT22 MP23 GJ24 DD26 DH26 MH27 KA29 GA30 LD31 KL32 TN33 PY34 AN35 TS36 TG36 AP37
LA38
"""
STATE_LETTERS = {pair[:2]: pair[2:] for pair in _LETTERS.split()}
