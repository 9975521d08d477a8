"""What a rule of tax is: dated, with its source, and how a lender puts its own position in front of it. Pure.

The rules themselves stand in a pack for each country; `packs` holds them together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any, Protocol, Self, TypeVar


class Dated(Protocol):
    """A rule of a country for the days [effective_from, effective_to]; no last day: until it is changed."""

    @property
    def country(self) -> str: ...
    @property
    def effective_from(self) -> date: ...
    @property
    def effective_to(self) -> date | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WithholdingRule:
    """Tax deducted from an agency's fee of one nature, for amounts credited on these days.

    `threshold_minor` is what the aggregate of a span (tax year or month) must exceed before anything is deducted; `single_minor`, where
    there is one, what a single credit must exceed to be taxed by itself before that.
    """

    country: str
    currency: str
    nature: str
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
    is_own: bool = False  # the lender's position, not the shipped one
    single_minor: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesTaxRule:
    """GST or VAT on the agency's service.

    `mode`: by_lender: the lenders of `reverse_charge_for` pay it themselves and all others are charged it by the agency;
    reverse_charge | forward_charge | none: whoever the lender is.
    """

    country: str
    name: str
    rate: Decimal
    mode: str
    reverse_charge_for: frozenset[str]
    is_by_state: bool  # divided between the centre and a state, or integrated between two states
    service_code: str
    round_to_minor: int  # each tax of a document in multiples of this, half up
    effective_from: date
    effective_to: date | None
    source: str
    is_own: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WithheldSalesTaxRule:
    """The part of the fee that an appointed payer keeps of the tax it is charged, and remits itself."""

    country: str
    name: str
    rate: Decimal
    round_to_minor: int
    effective_from: date
    effective_to: date | None
    source: str
    is_own: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfInvoiceRule:
    """Within how many days of the service the recipient writes the invoice an unregistered supplier cannot write."""

    country: str
    within_days: int
    effective_from: date
    effective_to: date | None
    source: str


@dataclass(frozen=True, slots=True)
class Override:
    """A lender's own position for some days: the fields of a rule that it changes."""

    effective_from: date
    effective_to: date | None
    source: str
    changes: Mapping[str, Any]

    @classmethod
    def of(cls, row: Any, changes: Mapping[str, Any]) -> Self:
        """From anything with dates and a source, as a dated setting has them."""
        return cls(row.effective_from, row.effective_to, row.source, changes)


D = TypeVar("D", bound=Dated)
R = TypeVar("R", WithholdingRule, SalesTaxRule, WithheldSalesTaxRule)


def is_in_force(rule: Dated, day: date) -> bool:
    return rule.effective_from <= day and (rule.effective_to is None or day <= rule.effective_to)


def first_in_force(rules: Iterable[D], country: str, day: date) -> D | None:
    """The first rule of a country that holds on a day."""
    return next((rule for rule in rules if rule.country == country and is_in_force(rule, day)), None)


def overridden(shipped: Sequence[R], overrides: Iterable[Override]) -> tuple[R, ...]:
    """The shipped rules behind the lender's own, the newest of those first; each keeps to the days of what it changes.

    Every shipped rule is taken as one the overrides are meant for: choose by country and nature before.
    """
    newest = sorted(overrides, key=lambda each: each.effective_from, reverse=True)
    own: list[R] = []
    for each in newest:
        own += [made for rule in shipped if (made := _changed(rule, each)) is not None]
    return tuple(dict.fromkeys(own + list(shipped)))  # a position that changes nothing is the rule itself


def _changed(rule: R, override: Override) -> R | None:
    since = max(rule.effective_from, override.effective_from)
    ends = [day for day in (rule.effective_to, override.effective_to) if day is not None]
    until = min(ends) if ends else None
    if until is not None and until < since:
        return None
    source = override.source or rule.source
    is_own = any(getattr(rule, name) != value for name, value in override.changes.items())
    changes: dict[str, Any] = {**override.changes, "effective_from": since, "effective_to": until}
    return replace(rule, **changes, source=source if is_own else rule.source, is_own=is_own)
