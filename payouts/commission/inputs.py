"""What an accrual looks at, as plain values: the engine's whole world. Rows are named by refs; ids only point back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from payouts.commission.measuring import Month
from payouts.commission.outcome import NewLine, Untaken
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
    days_after_term: int = 0  # taken so long after the allocation ended, and no other agency had the account that day
    before_term: bool = False
    certificate_lapsed: bool = False  # of the person who took it, on the day they did

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
class AccountFact:
    """An account the agency holds on the month's last day, with what became of it. `facts` say so as a facts file would."""

    allocation_id: int
    agency_id: int
    loan_account_no: str
    currency: str
    allocated_on: date
    credited_on: date
    is_measured: bool
    facts: Mapping[str, Any]

    @property
    def days(self) -> dict[str, date]:
        return {"allocation": self.allocated_on, "collection": self.credited_on, "confirmation": self.credited_on}


@dataclass(frozen=True, slots=True)
class EventFact:
    """An accepted event: a visit, a repossession, a late deposit … `facts` say so as a facts file would."""

    event_id: int
    agency_id: int
    ref: str
    currency: str
    occurred_on: date
    allocated_on: date
    facts: Mapping[str, Any]
    told_before: bool = False  # a settled month has read it: counted there, and said there why it earns nothing

    @property
    def days(self) -> dict[str, date]:
        return {"allocation": self.allocated_on, "collection": self.occurred_on, "confirmation": self.occurred_on}


@dataclass(frozen=True, slots=True)
class Adjusted:
    """A bonus, a penalty or an adjustment a person entered and another accepted. The amount is signed."""

    adjustment_id: int
    agency_id: int
    ref: str
    kind: str
    amount_minor: int
    currency: str
    credited_on: date
    reason: str
    about_ref: str | None = None


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
    """A link paid in a settled month whose money went back since: what it was paid, by which line, under which rule.

    Where something was done to its whole group (a cap, a bonus …), `paid_minor` is what the line really brought, `line_minor` what
    it says, and `gone` names the lines of the group that were gone before it.
    """

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
    line_minor: int | None = None
    gone: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HeldBack:
    """A holdback of a settled month whose day of release has come. The amount is what is paid out, above zero."""

    agency_id: int
    line_ref: str
    settlement_ref: str
    amount_minor: int
    currency: str
    release_on: date
    version_id: int | None
    version_name: str


@dataclass(frozen=True, slots=True)
class Repriced:
    """A settled month priced again without money that went back since: the difference beyond the rate first paid."""

    agency_id: int
    version_id: int
    version_name: str
    amount_minor: int
    currency: str
    credited_on: date
    settlement_ref: str
    facts: Mapping[str, Any]
    steps: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything one period's accrual is computed from. `cards_of` gives an agency's versions by card, in the order tried.

    `drivers` hold what is measured of each agency's pools; `months` the accounts behind them, for pools only a card can name.
    `measured_late`: fees of accounts first measured after their month was settled, priced with that month, and in `late_untaken`
    those that earn nothing.
    `guaranteed`: versions that promise an agency a minimum whether or not it brought anything; `advances`: what earlier months
    paid under such a promise and have not recovered, by (agency, card code).
    """

    period: Period
    agencies: Mapping[int, str]
    money: Sequence[Money]
    waiting: Sequence[Waiting]
    returned: Sequence[Returned]
    drivers: Mapping[int, Drivers]
    cards_of: Callable[[int, date], Sequence[Sequence[Version]]]
    clawback_windows: Mapping[int, int | None] = field(default_factory=dict)  # by version id
    accounts: Sequence[AccountFact] = ()
    events: Sequence[EventFact] = ()
    adjusted: Sequence[Adjusted] = ()
    held_back: Sequence[HeldBack] = ()
    repriced: Sequence[Repriced] = ()
    measured_late: Sequence[NewLine] = ()
    late_untaken: Sequence[Untaken] = ()
    months: Mapping[int, Month] = field(default_factory=dict)
    guaranteed: Mapping[int, Sequence[Version]] = field(default_factory=dict)
    advances: Mapping[tuple[int, str], int] = field(default_factory=dict)
