"""The ladder: which signs tie money to a receipt, in which order, and what each may do. Data, not code.

Sources: domain notes 5.2 and 5.3 (tolerance of one rupee for rounding; cash within a day, cheques within five). A rung's
version goes up when its meaning changes; every link keeps the name and version it was made by.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from portal.kernel.money import exponent

Key = Literal["instrument_key", "slip_key", "receipt_key", "account"]


@dataclass(frozen=True, slots=True)
class Rung:
    """One rule. `many`: several receipts of one agency may make up one credit; `alone`: one receipt may, out of several.

    `needs_money`: a second sign is asked for, that the bank has seen the receipt's money.
    """

    name: str
    version: int
    key: Key
    side: Literal["bank", "posting"]
    confirms: bool
    many: bool
    alone: bool
    window: tuple[int, int]
    says: str
    needs_money: bool = False


@dataclass(frozen=True, slots=True)
class Ladder:
    """The rungs in order and the measures they share. `window` days count from collection to the credit's value date."""

    rungs: tuple[Rung, ...]
    tolerance_major: int = 1  # rounding: one rupee, shilling, dollar
    share_of_credit: int = 10  # and never more than a tenth of the credit
    shortest_number: int = 3  # digits alone: fewer identify nothing
    weak_number: int = 6  # digits alone: fewer need the date to agree as well
    season_number: int = 7  # digits alone: fewer (a cheque number) come round again, so the season has to agree
    season: tuple[int, int] = (-7, 60)
    most_lines_per_key: int = 25  # a key on more credits than this names a branch or a product, not a payment
    cut_off_days: int = 3  # money of one month still on time in the next

    def tolerance(self, currency: str) -> int:
        """Minor units a credit and a receipt may differ by and still be one payment."""
        return int(self.tolerance_major * 10 ** exponent(currency))


BANK_RUNGS = (
    Rung(
        name="reference_amount",
        version=1,
        key="instrument_key",
        side="bank",
        confirms=True,
        many=True,
        alone=True,
        window=(-1, 5),
        says="The payment reference on the receipt is among the credit's references, and the amounts agree.",
    ),
    Rung(
        name="slip_total",
        version=1,
        key="slip_key",
        side="bank",
        confirms=True,
        many=True,
        alone=False,
        window=(-1, 5),
        says="The deposit slip is among the credit's references, and its receipts add up to the credit.",
    ),
    Rung(
        name="receipt_amount",
        version=1,
        key="receipt_key",
        side="bank",
        confirms=True,
        many=True,
        alone=True,
        window=(-1, 5),
        says="The receipt number is among the credit's references, and the amounts agree.",
    ),
    Rung(
        name="account_amount_window",
        version=1,
        key="account",
        side="bank",
        confirms=False,
        many=False,
        alone=True,
        window=(-1, 3),
        says="Same loan account and amount, inside the date window, and no other candidate on either side.",
    ),
    Rung(
        name="account_amount_late",
        version=1,
        key="account",
        side="bank",
        confirms=False,
        many=False,
        alone=True,
        window=(-3, 10),
        says="Same loan account and amount, but outside the usual days; no other candidate on either side.",
    ),
)
POSTING_RUNGS = (
    Rung(
        name="posting_receipt",
        version=1,
        key="receipt_key",
        side="posting",
        confirms=True,
        many=False,
        alone=True,
        window=(-31, 31),
        says="Core banking booked this receipt number on this loan account for this amount.",
    ),
    Rung(
        name="posting_reference",
        version=1,
        key="instrument_key",
        side="posting",
        confirms=True,
        many=False,
        alone=True,
        window=(-31, 31),
        says="Core banking booked this payment reference on this loan account for this amount.",
    ),
    Rung(
        name="posting_account_money",
        version=1,
        key="account",
        side="posting",
        confirms=True,
        many=False,
        alone=True,
        window=(-1, 5),
        says="Core banking booked the same amount on this loan account, the bank has seen the money, and nothing else fits.",
        needs_money=True,
    ),
    Rung(
        name="posting_account_window",
        version=1,
        key="account",
        side="posting",
        confirms=False,
        many=False,
        alone=True,
        window=(-1, 3),
        says="Core banking booked the same amount on this loan account inside the date window, and nothing else fits.",
    ),
)
LADDER = Ladder(BANK_RUNGS + POSTING_RUNGS)
BY_HAND = "by_hand"
RUNGS = {rung.name: rung for rung in LADDER.rungs}


def rule_says(rule: str) -> str:
    """A rule in words, for the bench and for a trace."""
    return RUNGS[rule].says if rule in RUNGS else "Linked by a person."
