"""What an accrual comes to, as plain values: lines to be written, reasons for what earns nothing, and what they were priced with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

from payouts.commission.hashing import canonical


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
    event_id: int | None = None
    adjustment_id: int | None = None

    @cached_property
    def facts_text(self) -> str:
        return canonical(self.facts)

    @cached_property
    def steps_text(self) -> str:
        return canonical(self.steps)


@dataclass(frozen=True, slots=True)
class Unpaid:
    """Money of a collection that earns nothing, and the code of why."""

    agency_id: int
    collection_id: int
    receipt_no: str
    code: str
    amount_minor: int
    currency: str
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Untaken:
    """An account or an event that earns nothing, and the code of why. `what` is "account" or "event"."""

    agency_id: int
    what: str
    ref: str
    code: str


@dataclass(frozen=True, slots=True)
class Earned:
    """One agency's month: lines in their order, reasons, and the drivers and promises each of its cards was priced with."""

    agency_id: int
    lines: Sequence[NewLine]
    unpaid: Sequence[Unpaid]
    untaken: Sequence[Untaken] = ()
    groups: Sequence[Mapping[str, Any]] = ()
    promises: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an accrual came to. `groups` names the drivers each (agency, version) was priced with."""

    lines: Sequence[NewLine]
    unpaid: Sequence[Unpaid]
    groups: Sequence[Mapping[str, Any]]
    input_hash: str
    result_hash: str
    untaken: Sequence[Untaken] = ()
    promises: Sequence[Mapping[str, Any]] = ()

    @property
    def total_minor(self) -> int:
        return sum(line.amount_minor for line in self.lines)
