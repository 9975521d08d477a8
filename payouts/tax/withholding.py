"""Tax deducted at source from an agency's fee: which rule by date, which part of the year's aggregate, how much.

Pure. The base is the fee without GST (CBDT Circular 23/2017). It is credited on the last day of the settlement's
period, which is earlier than payment; what is held back is credited too, so it is taxed now and not again on release.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

from payouts.tax.packs import WITHHOLDING_RULES, nature_of
from payouts.tax.rules import WithholdingRule, is_in_force
from portal.kernel.money import half_up
from portal.kernel.periods import Period, financial_year_of, month_of

TAXED = frozenset({"normal", "no_id", "certificate"})


@dataclass(frozen=True, slots=True)
class Credit:
    """A fee credited earlier under the same tax identity. `open_minor`: the part no deduction has covered yet."""

    credited_on: date
    base_minor: int
    open_minor: int


@dataclass(frozen=True, slots=True)
class Certificate:
    """The tax office's word that credits of these days bear `rate`, up to what is left of its limit."""

    ref: str
    number: str
    section: str
    rate: Decimal
    valid_from: date
    valid_to: date
    left_minor: int

    def fits(self, rule: WithholdingRule, day: date) -> bool:
        return self.valid_from <= day <= self.valid_to and self.section in (rule.section, rule.code)


@dataclass(frozen=True, slots=True)
class Part:
    """Some of a document's taxed amount under one rate. `reason`: normal | no_id | certificate."""

    base_minor: int
    amount_minor: int
    rate: Decimal
    section: str
    code: str
    reason: str
    certificate: str = ""  # its number, and below how we call it
    certificate_ref: str = ""


@dataclass(frozen=True, slots=True)
class Withholding:
    """What one document deducts. `taxed_minor` is this base and every earlier untaxed one of the span, and the sum of `parts`."""

    amount_minor: int
    base_minor: int
    taxed_minor: int
    aggregate_minor: int
    rate: Decimal
    section: str
    code: str
    nature: str
    threshold_minor: int
    reason: str  # normal | no_id | certificate | below_threshold | nothing_to_tax | no_rule
    source: str
    parts: tuple[Part, ...] = ()

    @property
    def is_taxed(self) -> bool:
        return self.reason in TAXED


def rule_on(
    country: str, day: date, rules: Sequence[WithholdingRule] = WITHHOLDING_RULES, nature: str = ""
) -> WithholdingRule | None:
    """The rule in force for a country's fee on the day of credit; the first that fits wins."""
    wanted = nature_of(country, nature)
    for rule in rules:
        if rule.country == country and rule.nature == wanted and is_in_force(rule, day):
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
    covered_minor: int = 0,
    country: str = "IN",
    nature: str = "",
    rules: Sequence[WithholdingRule] = WITHHOLDING_RULES,
    certificates: Sequence[Certificate] = (),
) -> Withholding:
    """What to deduct from a document with this fee, given the span's earlier credits under the same tax identity.

    Nothing while the span's aggregate does not exceed the threshold, but for a single credit that is taxed by itself; once it
    does, the whole aggregate that is not taxed yet, earlier amounts by the rule of their own day. A negative base (clawbacks)
    deducts nothing and lowers what the next taxes; so does what rounds to nothing. `covered_minor` of this very fee was taxed
    by a later document already. Certificates are used in their order.
    """
    rule = rule_on(country, credited_on, rules, nature)
    if rule is None:
        return Withholding(0, base_minor, 0, base_minor, Decimal(0), "", "", nature, 0, "no_rule", "")
    credits = [credit for credit in earlier if credit.credited_on in span_of(rule, credited_on)]
    aggregate = base_minor + sum(credit.base_minor for credit in credits)
    fees = [(credit.credited_on, credit.open_minor) for credit in credits] + [(credited_on, base_minor - covered_minor)]
    taxable = sum(amount for _, amount in fees)

    def outcome(amount: int, taxed: int, rate: Decimal, reason: str, parts: tuple[Part, ...] = ()) -> Withholding:
        facts = (rule.section, rule.code, rule.nature, rule.threshold_minor, reason, rule.source, parts)
        return Withholding(amount, base_minor, taxed, aggregate, rate, *facts)

    if aggregate <= rule.threshold_minor:
        if rule.single_minor is None or base_minor <= rule.single_minor:
            return outcome(0, 0, rule.rate, "below_threshold")
        fees = fees[-1:]  # this credit is large enough by itself; the earlier ones wait for the year's threshold
        taxable = fees[0][1]
    if base_minor <= 0 or taxable <= 0:
        return outcome(0, 0, rule.rate, "nothing_to_tax")
    shares: list[Part] = []
    for day, amount in _netted(fees):
        of_day = rule_on(country, day, rules, nature) or rule
        shares += _shares(of_day, day, amount, has_tax_id, certificates if has_tax_id else (), shares)
    parts = _rounded(shares, rule.round_to_minor)
    amount = sum(part.amount_minor for part in parts)
    if amount <= 0 and any(part.rate for part in parts):
        return outcome(0, 0, rule.rate, "nothing_to_tax")
    reason = parts[0].reason if len({part.reason for part in parts}) == 1 else "normal"
    rate = parts[0].rate if len(parts) == 1 else _rate(rule, has_tax_id)
    return outcome(amount, taxable, rate, reason, parts)


def _rate(rule: WithholdingRule, has_tax_id: bool) -> Decimal:
    return rule.rate if has_tax_id else max(rule.rate, rule.no_id_rate)


def _netted(fees: list[tuple[date, int]]) -> list[tuple[date, int]]:
    """Fees above zero in the order of their days, once those below zero have been taken off, the youngest first."""
    owed = -sum(min(0, amount) for _, amount in fees)
    left = []
    for day, amount in sorted(((day, amount) for day, amount in fees if amount > 0), reverse=True):
        taken = min(owed, amount)
        owed -= taken
        if amount > taken:
            left.append((day, amount - taken))
    return left[::-1]


def _shares(
    rule: WithholdingRule,
    day: date,
    amount: int,
    has_tax_id: bool,
    certificates: Sequence[Certificate],
    before: Sequence[Part],
) -> list[Part]:
    """A day's fee as shares under one rate each: what certificates cover up to their limits, then the rest."""
    found = []
    for each in certificates:
        used = sum(part.base_minor for part in before if part.certificate_ref == each.ref)
        covered = min(amount, each.left_minor - used) if each.fits(rule, day) else 0
        if covered > 0:
            terms = (min(each.rate, rule.rate), rule.section, rule.code, "certificate", each.number, each.ref)
            found.append(Part(covered, 0, *terms))
            amount -= covered
    if amount > 0:
        reason = "normal" if has_tax_id else "no_id"
        found.append(Part(amount, 0, _rate(rule, has_tax_id), rule.section, rule.code, reason))
    return found


def _rounded(shares: Iterable[Part], step: int) -> tuple[Part, ...]:
    """Shares of the same terms joined, with amounts that sum to the document's own rounding: once, half up."""
    joined: dict[Part, int] = {}
    for each in shares:
        terms = replace(each, base_minor=0)
        joined[terms] = joined.get(terms, 0) + each.base_minor
    parts, exact, told = [], Fraction(0), 0
    for terms, base in joined.items():
        exact += base * Fraction(terms.rate)
        amount = half_up(exact / step) * step - told
        told += amount
        parts.append(replace(terms, base_minor=base, amount_minor=amount))
    return tuple(parts)
