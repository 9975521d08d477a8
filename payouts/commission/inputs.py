"""What an accrual looks at, as plain values: the engine's whole world. Rows are named by refs; ids only point back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

from payouts.commission.hashing import canonical
from payouts.rate_cards.versions import Version
from portal.kernel.periods import Period

Drivers = Mapping[str, Mapping[str, str]]  # driver → pool → value as written in a facts file


@dataclass(frozen=True, slots=True)
class Money:
    """One confirmed link: money of a collection the bank has seen. `facts` is a line of a facts file without its rule."""

    link_id: int
    collection_id: int
    agency_id: int
    amount_minor: int
    currency: str
    allocated_on: date
    collected_on: date
    confirmed_on: date
    receipt_no: str
    bank_ref: str
    mode: str
    in_term: bool
    on_hold: bool
    facts: Mapping[str, Any]
    told_before: bool = False  # comes over from a settled month that already said why it earns nothing
    evidence_missing: tuple[str, ...] = ()  # kinds of evidence its receipt must have and has not

    @property
    def order(self) -> tuple[object, ...]:
        """Running totals fill in this order, whatever order rows were read in."""
        return (self.confirmed_on, self.bank_ref, self.collected_on, self.receipt_no, self.amount_minor)

    @property
    def days(self) -> dict[str, date]:
        return {
            "allocation": self.allocated_on,
            "collection": self.collected_on,
            "confirmation": self.confirmed_on,
        }


@dataclass(frozen=True, slots=True)
class Waiting:
    """The part of a collection the bank has not confirmed, and why."""

    collection_id: int
    agency_id: int
    receipt_no: str
    amount_minor: int
    currency: str
    code: str


@dataclass(frozen=True, slots=True)
class Returned:
    """A link paid in a settled month whose money went back since: what it was paid, by which line, under which rule."""

    link_id: int
    collection_id: int
    agency_id: int
    line_id: int
    line_ref: str
    settlement_ref: str
    rate_card_version_id: int | None
    rule_id: str
    base_minor: int
    paid_minor: int
    currency: str
    paid_on: date
    returned_on: date
    receipt_no: str
    why: str


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything one period's accrual is computed from. `cards_of` gives an agency's versions by card, in the order tried."""

    period: Period
    agencies: Mapping[int, str]
    money: Sequence[Money]
    waiting: Sequence[Waiting]
    returned: Sequence[Returned]
    drivers: Mapping[int, Drivers]
    cards_of: Callable[[int, date], Sequence[Sequence[Version]]]
    clawback_windows: Mapping[int, int | None] = field(default_factory=dict)  # by version id


@dataclass(frozen=True)
class NewLine:
    """An accrual line to be written. Its facts say, as `position`, where it stood when its version priced it."""

    agency_id: int
    kind: str
    rule_id: str
    base_minor: int
    amount_minor: int
    currency: str
    credited_on: date
    version_id: int | None
    version_name: str
    facts: Mapping[str, Any]
    steps: Sequence[Mapping[str, Any]]
    link_id: int | None = None
    collection_id: int | None = None
    clawback_of_id: int | None = None

    @cached_property
    def facts_text(self) -> str:
        return canonical(self.facts)

    @cached_property
    def steps_text(self) -> str:
        return canonical(self.steps)


@dataclass(frozen=True, slots=True)
class Unpaid:
    agency_id: int
    collection_id: int
    receipt_no: str
    code: str
    amount_minor: int
    currency: str
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an accrual came to. `groups` names the drivers each (agency, version) was priced with."""

    lines: Sequence[NewLine]
    unpaid: Sequence[Unpaid]
    groups: Sequence[Mapping[str, Any]]
    input_hash: str
    result_hash: str

    @property
    def total_minor(self) -> int:
        return sum(line.amount_minor for line in self.lines)
