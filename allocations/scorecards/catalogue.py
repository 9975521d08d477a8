"""The seventeen measures of an agency's month: what each is called, its formula, and which way is better. Pure.

Source: domain notes §6. Which of them count, how much and from where to where is a scheme (`scheme.py`); these are only their names.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from portal.kernel.money import half_up

HIGHER, LOWER = "higher", "lower"


@dataclass(frozen=True, slots=True)
class Raw:
    """What a measure is made of: `numerator` over `denominator`, whole numbers (counts or minor units), from so many `cases`."""

    numerator: int
    denominator: int
    cases: int

    def value(self, scale: int) -> Fraction | None:
        """The quotient in the measure's unit; None where there is nothing to divide by."""
        return Fraction(self.numerator * scale, self.denominator) if self.denominator else None


@dataclass(frozen=True, slots=True)
class Measure:
    """`scale` turns the quotient into `unit`; `counted` are the cases that decide whether there are enough of them."""

    code: str
    name: str
    formula: str
    unit: str
    scale: int
    counted: str
    better: str = HIGHER
    in_money: bool = False

    def shown(self, value: Fraction | None, places: int = 2) -> str:
        """The value as people read it: "73.50 %"; a dash where there is none."""
        return "–" if value is None else f"{rounded(value, places)} {self.unit}".strip()


def rounded(value: Fraction, places: int = 2) -> str:
    """Half up, as money is, with all its places: "73.50"."""
    return f"{Decimal(half_up(value * 10**places)).scaleb(-places):f}"


MEASURES: dict[str, Measure] = {
    each.code: each
    for each in (
        Measure(
            "resolution_pct_pos",
            "Resolution",
            "principal of accounts that stabilised, rolled back or normalised ÷ principal allocated",
            "%", 100, "accounts", in_money=True,
        ),
        Measure(
            "rollback_pct_pos",
            "Rollback",
            "principal of accounts that rolled back or normalised ÷ principal allocated",
            "%", 100, "accounts", in_money=True,
        ),
        Measure(
            "recovery_pct",
            "Recovery",
            "money the bank has seen in the month ÷ what the accounts owed when they were placed",
            "%", 100, "accounts", in_money=True,
        ),
        Measure(
            "cost_pct",
            "Cost to collect",
            "commission and fees earned for the month ÷ money the bank has seen in it",
            "%", 100, "payments", LOWER, in_money=True,
        ),
        Measure(
            "promises_kept_pct",
            "Promises kept",
            "promises due in the month that confirmed money kept ÷ those whose time is over; replaced ones left out",
            "%", 100, "promises",
        ),
        Measure(
            "coverage_pct",
            "Coverage",
            "accounts with a visit within the rules, or a talk with the borrower, in the month ÷ accounts held",
            "%", 100, "accounts",
        ),
        Measure(
            "intensity",
            "Intensity",
            "visits and calls within the rules ÷ accounts held",
            "an account", 1, "accounts",
        ),
        Measure(
            "right_party_pct",
            "Right party reached",
            "visits and calls that met the borrower, a co-borrower or the guarantor ÷ all visits and calls",
            "%", 100, "visits and calls",
        ),
        Measure(
            "deposited_pct",
            "Deposited in time",
            "cash receipts paid in by the next day ÷ cash receipts whose next day is over",
            "%", 100, "cash receipts",
        ),
        Measure(
            "evidence_pct",
            "Evidence complete",
            "visits with all the evidence their day's rule asks for ÷ visits",
            "%", 100, "visits",
        ),
        Measure(
            "complaints_per_1000",
            "Complaints upheld",
            "complaints of the month found true ÷ accounts held × 1,000",
            "in 1,000", 1000, "accounts", LOWER,
        ),
        Measure(
            "breaches_per_10000",
            "Contacts outside the rules",
            "visits, calls and messages outside the hours, on a blackout day or to a third party ÷ all of them × 10,000",
            "in 10,000", 10_000, "contacts", LOWER,
        ),
        Measure(
            "certified_pct",
            "Certified agents",
            "active agents with a valid certificate on the month's last day ÷ active agents",
            "%", 100, "agents",
        ),
        Measure(
            "attrition_pct",
            "Attrition",
            "agents who left in the month ÷ the mean of those there at its beginning and at its end",
            "%", 100, "agents", LOWER,
        ),
        Measure(
            "spoilt_receipts_pct",
            "Spoilt receipts",
            "receipt numbers declared void or lost, and those in doubt as used twice, ÷ receipts of the month and these",
            "%", 100, "receipts", LOWER,
        ),
        Measure(
            "audit_score",
            "Audit",
            "the score of the last inspection of the twelve months to the month's end, approved by two people",
            "of 100", 1, "inspections",
        ),
        Measure(
            "in_full_pct",
            "Settled in full",
            "compromises whose time ended in the month and whose agreed sum came in ÷ all that ended",
            "%", 100, "compromises",
        ),
    )
}  # fmt: skip
