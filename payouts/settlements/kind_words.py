"""What each kind of settlement line is called, and which total it counts into. Pure."""

from __future__ import annotations

from payouts.settlements.composition import EARNED_KINDS

KIND_WORDS = {
    "commission": "Commission",
    "account_fee": "Fees per account",
    "event_fee": "Fees per event",
    "clawback": "Taken back: money that was reversed",
    "bonus": "Bonus",
    "penalty": "Penalty",
    "cap": "Cap of the terms",
    "adjustment": "Adjustment",
    "separate_recovery": "Penalty, recovered beside the fee",
    "guarantee": "Minimum guarantee",
    "holdback": "Held back until its release",
    "holdback_release": "Released: held back before",
    "dispute_release": "Released: kept while it was disputed",
    "brought_forward": "Owed from an earlier settlement",
    "carry_forward": "Carried into the next settlement",
    "sales_tax": "Tax on the agency's own invoice",
    "withholding": "Tax withheld",
    "withholding_sales_tax": "Sales tax withheld",
}
EARNED, ADJUSTMENTS, SALES_TAX, WITHHELD = SECTIONS = ("earned", "adjustments", "sales_tax", "withholding")
SECTION_WORDS = {
    EARNED: "Earned",
    ADJUSTMENTS: "Adjustments",
    SALES_TAX: "Sales tax",
    WITHHELD: "Withheld",
}


def kind_word(kind: str) -> str:
    return KIND_WORDS.get(kind, kind.replace("_", " ").capitalize())


def section_of(kind: str) -> str:
    """Which total a kind counts into: gross, adjustments, sales tax or withholding."""
    if kind in EARNED_KINDS:
        return EARNED
    if kind in ("withholding", "withholding_sales_tax"):
        return WITHHELD
    return SALES_TAX if kind == "sales_tax" else ADJUSTMENTS
