"""Tax deducted at source from an agency's fee: which rule by date, which part of the year's aggregate, how much.

Pure. The base is the fee without GST (CBDT Circular 23/2017). It is credited on the last day of the settlement's
period, which is earlier than payment; what is held back is credited too, so it is taxed now and not again on release.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from payouts.tax.rules import WITHHOLDING_RULES, WithholdingRule
from portal.kernel.money import half_up
from portal.kernel.periods import Period, financial_year_of, month_of


@dataclass(frozen=True, slots=True)
class Credit:
    """A fee credited earlier under the same tax identity. `is_taxed`: a deduction has already covered it."""

    credited_on: date
    base_minor: int
    is_taxed: bool


@dataclass(frozen=True, slots=True)
class Withholding:
    """What one document deducts. `taxed_minor` is this base and every earlier untaxed one of the span."""

    amount_minor: int
    base_minor: int
    taxed_minor: int
    aggregate_minor: int
    rate: Decimal
    section: str
    code: str
    threshold_minor: int
    reason: str  # normal | no_id | below_threshold | nothing_to_tax | no_rule
    source: str

    @property
    def is_taxed(self) -> bool:
        return self.reason in ("normal", "no_id")


def rule_on(country: str, day: date, rules: Sequence[WithholdingRule] = WITHHOLDING_RULES) -> WithholdingRule | None:
    """The rule in force in a country on the day of credit; the first that fits wins."""
    for rule in rules:
        if (
            rule.country == country
            and rule.effective_from <= day
            and (rule.effective_to is None or day <= rule.effective_to)
        ):
            return rule
    return None


def span_of(rule: WithholdingRule, day: date) -> Period:
    """The days over which the threshold is counted: the tax year, or the month."""
    return financial_year_of(day, rule.year_starts) if rule.span == "year" else month_of(day)


def withhold(
    base_minor: int,
    credited_on: date,
    *,
    has_tax_id: bool,
    earlier: Iterable[Credit] = (),
    country: str = "IN",
    rules: Sequence[WithholdingRule] = WITHHOLDING_RULES,
) -> Withholding:
    """What to deduct from a document with this fee, given the span's earlier credits under the same tax identity.

    Nothing while the span's aggregate does not exceed the threshold; once it does, the whole aggregate, earlier
    amounts at the rate of their own day. A negative base (clawbacks) deducts nothing and lowers what the next taxes.
    """
    rule = rule_on(country, credited_on, rules)
    if rule is None:
        return Withholding(0, base_minor, 0, base_minor, Decimal(0), "", "", 0, "no_rule", "")
    credits = [credit for credit in earlier if credit.credited_on in span_of(rule, credited_on)]
    aggregate = base_minor + sum(credit.base_minor for credit in credits)
    open_credits = [credit for credit in credits if not credit.is_taxed]
    taxable = base_minor + sum(credit.base_minor for credit in open_credits)

    def outcome(amount: int, taxed: int, rate: Decimal, reason: str) -> Withholding:
        return Withholding(
            amount,
            base_minor,
            taxed,
            aggregate,
            rate,
            rule.section,
            rule.code,
            rule.threshold_minor,
            reason,
            rule.source,
        )

    if aggregate <= rule.threshold_minor:
        return outcome(0, 0, rule.rate, "below_threshold")
    exact = base_minor * Fraction(_rate(rule, has_tax_id))
    for credit in open_credits:
        exact += credit.base_minor * Fraction(_rate(rule_on(country, credit.credited_on, rules) or rule, has_tax_id))
    amount = half_up(exact / rule.round_to_minor) * rule.round_to_minor
    if base_minor <= 0 or taxable <= 0 or amount <= 0:
        return outcome(0, 0, rule.rate, "nothing_to_tax")
    return outcome(amount, taxable, _rate(rule, has_tax_id), "normal" if has_tax_id else "no_id")


def _rate(rule: WithholdingRule, has_tax_id: bool) -> Decimal:
    return rule.rate if has_tax_id else max(rule.rate, rule.no_id_rate)
