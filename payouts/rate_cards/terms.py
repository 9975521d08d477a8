"""The terms of a rate card as frozen values. Reading them from a file is `parsing`, pricing by them is `pricing`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any

from portal.kernel.money import exponent, plain

Exact = int | Fraction  # an exact number; whole ones are plain ints, which count and compare much faster

PERCENT, MONEY, COUNT, SCORE = "percent", "money", "count", "score"
DRIVER_UNITS = {
    "resolution_pct_pos": PERCENT,
    "resolution_pct_count": PERCENT,
    "rollback_pct_pos": PERCENT,
    "collection_efficiency_pct": PERCENT,
    "confirmed_amount": MONEY,
    "line_amount": MONEY,
    "balance_before": MONEY,
    "running_total": MONEY,
    "account_count": COUNT,
    "event_count": COUNT,
    "score": SCORE,
}
BASE_UNITS = {"cash": MONEY, "account": COUNT, "event": COUNT}
DRIVER_SCOPES = ("account", "agency", "agency+product", "agency+opening_bucket", "rule")
COMPONENTS = ("principal", "interest", "charges")
LIMIT_SCOPES = ("line", "account", "rule", "agency")
MODES = ("cash", "cheque", "dd", "upi", "neft", "rtgs", "imps", "card", "wallet", "mobile_money", "auto_debit")
CHOICES: dict[str, tuple[str, ...]] = {
    "outcome": ("stabilised", "rolled_back", "normalised", "rolled_forward"),
    "stream": ("field", "tele"),
    "mode": MODES,
    "source": ("agency", "direct", "auto_debit"),
    "settlement_kind": ("none", "ots", "lok_adalat"),
}
LISTED = (
    *("product", "opening_bucket", "asset_class", "outcome", "region", "state", "stream", "mode", "source"),
    *("agency_grade", "placement_order", "settlement_kind", "event"),
)
RANGED = ("npa_age_months", "written_off_age_months", "dpd_days", "principal_outstanding", "lag_days")


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open range [start, end); an end of None is open."""

    start: Exact
    end: Exact | None

    def __contains__(self, value: Exact) -> bool:
        return value >= self.start and (self.end is None or value < self.end)


@dataclass(frozen=True, slots=True)
class When:
    """What facts must say: one of the listed words of every key, and a number inside every range."""

    listed: tuple[tuple[str, frozenset[str]], ...] = ()
    ranged: tuple[tuple[str, Span], ...] = ()

    def words(self, key: str) -> frozenset[str] | None:
        return dict(self.listed).get(key)

    def span(self, key: str) -> Span | None:
        return dict(self.ranged).get(key)


@dataclass(frozen=True, slots=True)
class Slab:
    """From `start` (in the driver's unit; money drivers in minor units) up to the next slab's start, a rate or a fixed amount."""

    start: Exact
    rate: Fraction | None = None
    amount_minor: int | None = None


@dataclass(frozen=True, slots=True)
class FactorSlab:
    start: Exact
    factor: Fraction


@dataclass(frozen=True, slots=True)
class LagTier:
    """Up to and including `within_days` after the money was taken; None is every later day."""

    within_days: int | None
    factor: Fraction


@dataclass(frozen=True, slots=True)
class Limit:
    """A cap or a floor; `at_most_base` keeps a floor from paying more than the money it is paid on."""

    per: str
    amount_minor: int
    at_most_base: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """A driver's value at least `at_least` and below `below` (each optional)."""

    driver: str
    at_least: Fraction | None = None
    below: Fraction | None = None

    def met(self, value: Exact) -> bool:
        return (self.at_least is None or value >= self.at_least) and (self.below is None or value < self.below)


@dataclass(frozen=True, slots=True)
class Rule:
    id: str
    earns_on: str = "cash"
    when: When = When()
    components: frozenset[str] = frozenset(COMPONENTS)
    driver: str | None = None
    driver_scope: str = "agency"
    mode: str = "whole"
    slabs: tuple[Slab, ...] = ()
    lag: tuple[LagTier, ...] = ()
    cap: Limit | None = None
    floor: Limit | None = None
    name: str = ""

    @property
    def counts_everything(self) -> bool:
        return self.components == frozenset(COMPONENTS)


@dataclass(frozen=True, slots=True)
class Bonus:
    id: str
    condition: Condition | None = None
    applies_to: When = When()
    rate: Fraction | None = None
    amount_minor: int | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Penalty:
    id: str
    event: str
    rate: Fraction | None = None
    amount_minor: int | None = None
    per_day: bool = False
    treatment: str = "fee_reduction"
    name: str = ""


@dataclass(frozen=True, slots=True)
class Multiplier:
    driver: str
    slabs: tuple[FactorSlab, ...]


@dataclass(frozen=True, slots=True)
class Guarantee:
    amount_minor: int
    recoverable: bool = False


@dataclass(frozen=True, slots=True)
class Holdback:
    rate: Fraction
    release_after_days: int


@dataclass(frozen=True, slots=True)
class ClawbackPolicy:
    rate: str = "as_paid"
    window_days: int | None = None
    reprice_slab: bool = False


@dataclass(frozen=True, slots=True)
class AgencyLevel:
    """What is done to an agency's whole period after its lines are priced."""

    qualifier: Condition | None = None
    multiplier: Multiplier | None = None
    cap_minor: int | None = None
    blended_cap_rate: Fraction | None = None
    guarantee: Guarantee | None = None
    holdback: Holdback | None = None
    tail_days: int = 0
    direct_pay_share: Exact = 1
    clawback: ClawbackPolicy = ClawbackPolicy()


@dataclass(frozen=True, slots=True)
class Case:
    """A worked example the card must agree with: facts as written, and what they must come to."""

    name: str
    facts: Mapping[str, Any]
    total: Decimal | None = None
    lines: tuple[str, ...] | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Card:
    code: str
    name: str
    currency: str
    effective_from: date
    effective_to: date | None = None
    effective_by: str = "allocation"
    rules: tuple[Rule, ...] = ()
    bonuses: tuple[Bonus, ...] = ()
    penalties: tuple[Penalty, ...] = ()
    agency: AgencyLevel = AgencyLevel()
    cases: tuple[Case, ...] = field(default=(), compare=False)

    def rule(self, rule_id: str) -> Rule | None:
        return next((rule for rule in self.rules if rule.id == rule_id), None)

    def bonus(self, bonus_id: str) -> Bonus | None:
        return next((bonus for bonus in self.bonuses if bonus.id == bonus_id), None)

    def penalty(self, penalty_id: str) -> Penalty | None:
        return next((penalty for penalty in self.penalties if penalty.id == penalty_id), None)


def slim(value: Fraction) -> Exact:
    return value.numerator if value.denominator == 1 else value


@lru_cache(maxsize=20_000)
def number_text(value: Exact) -> str:
    """An exact number as it would be typed: Fraction(2, 25) is "0.08". Numbers of a card always end in decimals."""
    rest, twos, fives = value.denominator, 0, 0
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    if rest != 1:
        return f"{value.numerator}/{value.denominator}"
    places = max(twos, fives)
    digits = str(abs(value.numerator) * 10**places // value.denominator).rjust(places + 1, "0")
    whole, part = (digits[:-places], digits[-places:]) if places else (digits, "")
    return ("-" if value < 0 else "") + whole + (f".{part}" if part else "")


@lru_cache(maxsize=20_000)
def driver_text(driver: str | None, value: Exact, currency: str) -> str:
    """A driver's value in the unit people write it: money in major units, percents and counts plain."""
    return minor_text(value, currency) if driver and DRIVER_UNITS[driver] == MONEY else number_text(value)


def minor_text(minor: Exact, currency: str) -> str:
    """Minor units, unrounded, in major units: 9004.5 paise are "90.045"."""
    if minor.denominator == 1:
        return plain(int(minor), currency)
    return number_text(Fraction(minor) / 10 ** exponent(currency))
