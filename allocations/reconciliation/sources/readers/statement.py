"""What every reader returns: one bank's statement of one account, in whole minor units, signed from the owner's side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

Side = Literal["credit", "debit"]

# Formats that by their own rules open and close with a booked balance: without one they cannot be proved.
BALANCED_FORMATS = frozenset({"mt940", "camt053", "bai2"})


@dataclass(frozen=True, slots=True)
class ReadLine:
    """One movement. `amount_minor` is never negative (0 only on a line the bank sends for information)."""

    line_no: int
    value_on: date
    booked_on: date
    amount_minor: int
    side: Side
    is_reversal: bool = False
    bank_ref: str = ""
    customer_ref: str = ""
    description: str = ""

    @property
    def signed_minor(self) -> int:
        return self.amount_minor if self.side == "credit" else -self.amount_minor


@dataclass(frozen=True, slots=True)
class ReadStatement:
    """One statement as the file gives it; balances are signed (a debit balance is negative), None where the file has none.

    `flaws` are sentences on what in the file contradicts itself besides the totals (a running balance that does not
    follow, a count that differs); `notes` are harmless (entries still pending, left out). `layout` is the sheet profile used;
    `continues` says that this is a later page, opening where the page before it stopped; `opening_is_derived`, that the opening
    balance is no printed one but the first running balance less its line.
    """

    account: str
    currency: str
    number: str
    ref: str
    opening_minor: int | None
    closing_minor: int | None
    from_on: date | None
    to_on: date | None
    lines: Sequence[ReadLine]
    format: str
    flaws: tuple[str, ...] = field(default=())
    notes: tuple[str, ...] = field(default=())
    layout: str = ""
    continues: bool = False
    opening_is_derived: bool = False

    @property
    def credits_minor(self) -> int:
        return sum(line.amount_minor for line in self.lines if line.side == "credit")

    @property
    def debits_minor(self) -> int:
        return sum(line.amount_minor for line in self.lines if line.side == "debit")

    @property
    def difference_minor(self) -> int | None:
        """Closing as printed less closing as computed (opening + credits − debits); None when a balance is missing."""
        if self.opening_minor is None or self.closing_minor is None:
            return None
        return self.closing_minor - (self.opening_minor + self.credits_minor - self.debits_minor)

    @property
    def balanced(self) -> bool | None:
        """Whether the statement proves itself; None when it carries too few balances to tell."""
        if self.difference_minor is None:
            return False if self.flaws else None
        return self.difference_minor == 0 and not self.flaws


def span_of(lines: Sequence[ReadLine], *known: date | None) -> tuple[date | None, date | None]:
    """First and last booking day over the lines and whatever days the statement itself names."""
    days = [line.booked_on for line in lines] + [day for day in known if day]
    return (min(days), max(days)) if days else (None, None)
